#!/bin/bash
# Arrays that keep to no rule, one for each trick of tests/fuzz/hostile_array.py: the gateway lives, its log keeps its
# lines, and the disk of an honest array beside them serves without an error.
# row: E1
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

TRICKS=(login-data-in login-r2t login-garbage no-segments text-data-in text-r2t text-other-tag long-name odd-name
	long-page long-list block-size-0 block-size-3 endless sense-0 sense-1 sense-2 sense-3 sense-20 flood r2t-of-read
	many-r2t data-beyond data-elsewhere data-of-write residual other-tag twice reject all-opcodes async
	prefers-chap no-security)

honest_lun()
{
	api GET /devices | jq -er 'first(.devices[] | select(.vendor == "BRAID" and .claimed)) | .lun'
}

# All that these arrays mind is the security stage of a login, which the gateway can do without.
link_is_up()
{
	local i

	for i in "${!TRICKS[@]}"; do
		[[ ${TRICKS[i]} != "$1" ]] || api GET /links | jq -e --arg portal "127.0.0.1:${ports[i]}" \
			'any(.links[]; .portal == $portal and .state == "up")' >/dev/null || return
	done
}

# Hosts that use the disks of the hostile arrays, as far as they were found.
use_them()
{
	local lun

	for lun in $(api GET /devices | jq '.devices[] | select(.vendor == "HOSTILE" and .claimed) | .lun'); do
		timeout 8 "$BIN/braid-load" --url "$(lun_url "$lun")" --sessions 1 --depth 4 --rate 100 --seconds 3 \
			--region 4m --mix read=50,write=50 --no-verify >/dev/null 2>&1 &
		USERS+=($!)
	done
}

command -v python3 >/dev/null || skip "no python3"
free_port honest
start_array array --log-level warn --lu ram:64M --portal "127.0.0.1:$honest,1"
hostile=()
ports=()
for trick in "${TRICKS[@]}"; do
	free_port port
	ports+=("$port")
	hostile+=("$port=$trick")
done
start hostile python3 "$ROOT/tests/fuzz/hostile_array.py" "${hostile[@]}"
wait_ready hostile 10 grep -q ready hostile.log

gateway_config '.workers = 2
	| .backends += [$ARGS.positional[1:][] | { name: "hostile\(.)", portals: ["127.0.0.1:" + .] }]
	| .timers.pdo_remove_period = 2 | .timers.path_recovery_interval = 1' "$honest" "${ports[@]}"
jq --arg honest "127.0.0.1:$honest" '.backends[0].portals = [$honest]' braid.json >honest.json
start_braidd honest.json
wait_until 15 honest_lun
start_load load --url "$(lun_url "$(honest_lun)")" --sessions 2 --depth 4 --rate 200 --seconds 12 --region 8m
wait_until 10 link_is_up prefers-chap
wait_until 10 link_is_up no-security
USERS=()
for round in 1 2; do
	sleep 4
	is_running braidd || fail "the gateway ended: $(grep -A 20 Sanitizer braidd.log)"
	use_them
done
for user in "${USERS[@]}"; do
	wait "$user" || true
done
end_load load || fail "the load of the honest disk: $(jq -c . load.json)"
expect_eq "$(api GET /devices | jq 'first(.devices[] | select(.vendor == "BRAID")) | .stats.io_errors')" 0 \
	"failed commands"
grep -q "link-down.*asks for more\|link-down.*nobody has asked" braidd.log || fail "no trick was noticed"
! grep -v '^20[0-9-]*T' braidd.log >broken || fail "a peer's bytes broke the log: $(head -3 broken)"
stop_pid braidd || fail "braidd did not end well: $(grep -A 20 Sanitizer braidd.log)"
