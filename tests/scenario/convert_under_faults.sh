#!/bin/bash
# A 1 GiB image is copied onto a LUN and back by QEMU while the array's portals are reset, dropped silently, refused
# and restored in turn. No command fails, the bytes are the same on both sides, every path is back at the end.
# row: D1 L3 L4 F1
# timeout: 240
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"

RATE=144M # bytes a second of each copy, so that the faults fall into it

config()
{
	jq -n --arg state "$WORK/state" --args '{
		target: { iqn: "iqn.2026-11.org.example:braid", portals: ["127.0.0.1:3260"] },
		backends: [ { name: "array", portals: $ARGS.positional } ],
		claims: ["all"],
		timers: { keepalive_interval: 1, keepalive_timeout: 1, command_timeout: 5, login_timeout: 2, fence_wait: 3 },
		api: { listen: ["127.0.0.1:8260"] },
		state_dir: $state }' "$@" >braid.json
}

all_up()
{
	[[ $(api GET /status | jq .counts.paths_up) == "$1" ]]
}

# Each portal in turn is reset, cut, closed to new connections after a reset; always only one at a time.
faults()
{
	local port

	while [[ -e faulting ]]; do
		for port in "$@"; do
			portal_kill_established "$port"
			sleep 0.3
			portal_restore "$port"
			portal_drop "$port"
			sleep 2.5
			portal_restore "$port"
			portal_reject "$port"
			sleep 0.5
			portal_restore "$port"
			echo "$port" >>faulted
			wait_until 10 all_up "$#"
		done
	done
}

every_path_carried()
{
	api GET /devices | jq -e 'all(.devices[0].paths[]; .stats.reads > 0 and .stats.writes > 0)' >/dev/null
}

# copy_both_ways ARRAY-FILE PORT...
copy_both_ways()
{
	local array_file=$1 lun=iscsi://127.0.0.1:3260/iqn.2026-11.org.example:braid/0 begin=$SECONDS faulter

	shift
	touch faulting
	faults "$@" &
	faulter=$!
	until (($(wc -l <faulted) >= $#)) && every_path_carried; do
		((SECONDS - begin < 150)) || fail "the faults did not come round"
		qemu-img convert -n -f raw -O raw -r $RATE -t none image.raw "$lun"
		qemu-img convert -f raw -O raw -r $RATE -T none "$lun" back.img
		cmp image.raw back.img
	done
	rm faulting
	wait "$faulter"
	expect_eq "$(sha256sum <back.img)" "$(sha256sum <image.raw)" "the copy that came back"
	expect_eq "$(sha256sum <"$array_file")" "$(sha256sum <image.raw)" "the file of the array"
}

# Every path carried commands, none is down at the end, and nothing failed towards the host.
check_figures()
{
	api GET /devices >devices.json
	# a path that failed so often is on probation by now
	jq -e --argjson n "$1" '.devices[0] | (.state == "normal" or .state == "degraded") and (.paths | length) == $n
		and all(.paths[]; (.state == "up" or .state == "probation") and .stats.reads > 0 and .stats.writes > 0)
		and .stats.io_errors == 0 and .stats.path_failures > 0' devices.json >/dev/null ||
		fail "figures: $(jq -c '.devices[0] | { state, stats, paths: [.paths[] | { id, state, stats }] }' devices.json)"
}

head -c 1G /dev/urandom >image.raw

note "one array with four portals"
: >faulted
start_tgt one 4261 4262 4263 4264 size=1G file="$WORK/one.img" serial=one
config 127.0.0.1:426{1,2,3,4}
start_braidd braid.json
wait_until 10 all_up 4
copy_both_ways "$WORK/one.img" 4261 4262 4263 4264
check_figures 4
stop_pid braidd
stop_pid one || true

note "two controllers over one file"
truncate -s 384M image.raw
rm -rf back.img state
: >faulted
start_tgt left 4271 size=384M file="$WORK/two.img" serial=two
start_tgt right 4272 size=384M file="$WORK/two.img" serial=two
config 127.0.0.1:4271 127.0.0.1:4272
start_braidd braid.json
wait_until 10 all_up 2
copy_both_ways "$WORK/two.img" 4271 4272
check_figures 2
stop_pid braidd
