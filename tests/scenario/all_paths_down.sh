#!/bin/bash
# Every path of a device is gone: for less than pdo_remove_period commands wait, visibly, and then go on; for longer
# they fail with an error in time, new ones fail at once, and the device is back under its LUN when a path is. With both
# arrays: their sessions, and so what the gateway meets when it comes back, are not alike.
# row: D11
# timeout: 200
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

PERIOD=6 # pdo_remove_period
MARGIN=4 # a cut link is noticed after up to keepalive_interval + keepalive_timeout, and a loaded machine is slow

all_down()
{
	local port

	for port in "$a" "$b"; do
		"portal_$1" "$port"
	done
}

all_restored()
{
	portal_restore "$a"
	portal_restore "$b"
}

commands_are_held()
{
	(($(device .held) > 0))
}

# A host that finds the disk, writes once, and goes.
one_write()
{
	qemu-io -f raw -c 'write -P 0x5a 0 4k' "$(lun_url 0)" 2>&1
}

# begin ARRAY: tgt or braid-array, with its two ports in a and b and its medium in medium.img, and the gateway
begin()
{
	ARRAY=$1
	free_port a
	free_port b
	rm -rf state medium.img long.state
	if [[ $ARRAY == tgt ]]; then
		start_tgt array "$a" "$b" serial=gone file="$WORK/medium.img"
	else
		start_array array --log-level warn --lu file:medium.img:size=64M --portal "127.0.0.1:$a" \
			--portal "127.0.0.1:$b"
	fi
	gateway_config ".timers.pdo_remove_period = $PERIOD" "$a" "$b"
	start_braidd braid.json
	wait_until 10 paths_up 2
	ID=$(device .id)
}

end()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || true
	unset 'TGT[array]'
}

# shorter FAULT: than pdo_remove_period
shorter()
{
	local fault=$1

	note "$ARRAY, $fault: shorter than pdo_remove_period"
	start_load "short-$fault" --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 8 --rate 500 --timeout 0 \
		--sizes 4k,64k --region 16m
	sleep 1
	all_down $fault
	wait_until 4 device_is .state no-paths
	wait_until 4 commands_are_held
	sleep 1.5
	commands_are_held || fail "$fault: nothing is held"
	api GET /status | jq -e '(.healthy | not) and (.reasons | any(contains("no path")))' >/dev/null ||
		fail "$fault: health: $(api GET /status)"
	all_restored
	wait_until 10 device_is .state normal
	end_load "short-$fault" || fail "$fault: the load"
	jq -e '.longest_stall_ms > 1500' "short-$fault.json" >/dev/null || fail "$fault: nothing had to wait"
	expect_eq "$(device .held)" 0 "held commands"
	expect_eq "$(device .stats.io_errors)" 0 "errors"
}

# longer: than pdo_remove_period
longer()
{
	local begin took

	note "$ARRAY, longer: what waits fails in time"
	start_load long --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds $((PERIOD + 4)) --rate 500 --timeout 0 \
		--sizes 4k,64k --region 16m --state long.state --no-verify
	sleep 1
	all_down reject
	wait_until 4 commands_are_held
	end_load long && fail "no command failed without a path"
	jq -e --argjson limit $(((PERIOD + MARGIN) * 1000)) '.failed > 0 and .wrong == 0 and .hung == 0 and .gave_up == 0
		and .longest_stall_ms > 2000 and .longest_stall_ms < $limit
		and (.findings | any(contains("sense=4/0800")))' long.json >/dev/null ||
		fail "not within pdo_remove_period, or with another error: $(jq -c . long.json)"
	expect_eq "$(device .held)" 0 "held commands"
	(($(device .stats.io_errors) > 0)) || fail "the errors are not counted"
	has_event io-failed || fail "no event about it"

	note "$ARRAY, longer: new commands fail at once"
	begin=${EPOCHREALTIME/./}
	one_write >new.out && fail "a write without a path succeeded: $(<new.out)"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	((took < 2000)) || fail "it took $took ms"
	expect_eq "$(device .state)" no-paths state

	note "$ARRAY, a path comes back"
	portal_restore "$a"
	wait_until 12 device_is .state degraded
	expect_eq "$(device .id)" "$ID" "the device of LUN 0"
	start_load after --url "$(lun_url 0)" --verify-only --state long.state
	end_load after || fail "what was acknowledged before is not there"
	one_write >one.out && grep -q '^wrote 4096/4096' one.out || fail "a write on one path: $(<one.out)"
	portal_restore "$b"
	wait_until 12 device_is .state normal
	cmp -n 4096 medium.img <(tr '\0' 'Z' </dev/zero | head -c 4096) || fail "what was written is not there"
}

for array in tgt braid-array; do
	begin $array
	shorter drop
	shorter reject
	longer
	end
done
