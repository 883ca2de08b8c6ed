#!/bin/bash
# A portal that answers, but slowly: its path is named as slow, with a figure, and no longer once it is as fast as the
# others; a disk with one path in use never has a slow one.
# row: L6
# timeout: 90
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

# slow_paths: the links of those of both disks
slow_paths()
{
	api GET /devices | jq -r '[.devices[].paths[] | select(.slow) | .link] | sort | join(" ")'
}

slow_is()
{
	expect_eq "$(slow_paths)" "$1" "slow paths"
}

for name in a b c; do
	free_port "$name"
done
start_array array --control array.sock --log-level warn --lu ram:128M --lu ram:128M \
	--portal "127.0.0.1:$a" --portal "127.0.0.1:$b" --portal "127.0.0.1:$c"
gateway_config '.workers = 2' "$a"
start_braidd braid.json
wait_until 10 paths_up 6
LINK=$(api GET /links | jq -r --arg port "$b" '.links[] | select(.portal | endswith(":" + $port)) | .id')
api PUT "/devices/$(device .id 1)/policy" '{"policy":"fail-over-only"}' >/dev/null
for lun in 0 1; do
	start_load "load$lun" --url "$(lun_url $lun)" --sessions 2 --depth 4 --seconds 25 --rate 400 --sizes 4k,16k \
		--mix read=50,write=50 --region 32m --timeout 0
done
sleep 3
slow_is ""

note "its answers are late"
"$BIN/braid-array" --send array.sock fault add portal=1 opcode=read action=delay:40 >/dev/null
"$BIN/braid-array" --send array.sock fault add portal=1 opcode=write action=delay:40 >/dev/null
wait_until 20 slow_is "$LINK"
has_event path-slow "times as long" || fail "no event about it"
(($(device ".paths[] | select(.slow) | .slow_ratio * 10 | floor") >= 40)) || fail "$(device .paths)"
api GET /status | jq -e 'any(.reasons[]; . == "a path is slow")' >/dev/null || fail "$(api GET /status)"
"$BIN/braidctl" --url "$BRAID_API" paths | grep "$LINK" | grep -q " slow" || fail "braidctl does not say so"

note "they are not any more"
"$BIN/braid-array" --send array.sock fault clear >/dev/null
wait_until 20 slow_is ""
has_event path-no-longer-slow || fail "no event about its end"
expect_eq "$(api GET /events | jq '[.events[] | select(.type == "path-slow")] | length')" 1 "slow paths, in all"
for lun in 0 1; do
	end_load "load$lun" || fail "load$lun"
done
stop_pid braidd || fail "braidd did not end well"
