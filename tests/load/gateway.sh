#!/bin/bash
# The helpers of scenario.sh for our own programs, and braid-load through the gateway, COMPARE AND WRITE included.
# timeout: 90
. "$(dirname "$0")/../lib/scenario.sh"

free_port a
free_port b
free_port front
free_port web
start_array array --iqn iqn.2026-11.org.example:array --portal "127.0.0.1:$a" --portal "127.0.0.1:$b" \
	--lu ram:32M:lun=0:block=512 --lu ram:32M:lun=1:block=4096
port_is_open "$a" || fail "said to be ready, and is not"

# Straight to the array, on two portals: one logical unit, one model.
run_load()
{
	local name=$1 status=0

	shift
	"$BIN/braid-load" --report json --depth 8 --seconds 3 --sizes 512,4k,64k \
		--mix read=40,write=30,compare=20,fua=5,flush=1,tur=4 "$@" >"$name.json" || status=$?
	note "$name: status=$status $(jq -c '[.total.count, .wrong, .failed, .ops.compare.count, .final_blocks]' "$name.json")"
	return "$status"
}

run_load array --url "iscsi://127.0.0.1:$a/iqn.2026-11.org.example:array/1" \
	--url "iscsi://127.0.0.1:$b/iqn.2026-11.org.example:array/1" --sessions 2 || fail "the array itself"

cat >braid.json <<END
{ "target": { "iqn": "iqn.2026-11.org.example:braid", "portals": ["127.0.0.1:$front"] },
  "backends": [ { "name": "array", "portals": ["127.0.0.1:$a", "127.0.0.1:$b"] } ],
  "claims": ["all"],
  "api": { "listen": ["127.0.0.1:$web"] },
  "state_dir": "$WORK/state" }
END
mkdir state
"$BIN/braidd" --config braid.json --check-config || fail "the configuration"
start_braidd braid.json
expect_eq "$(api_status GET /no-such-thing)" 404 "status of an unknown resource"
api GET /no-such-thing && fail "an error status is a success"
devices()
{
	api GET /devices | jq -e "[.. | .id? // empty] | length >= 2"
}
wait_until 15 devices
luns=$(api GET /devices | jq -r '[.. | objects | select(has("hardware_id")) | .lun] | sort | .[]')
for lun in $luns; do
	run_load "lun$lun" --url "iscsi://127.0.0.1:$front/iqn.2026-11.org.example:braid/$lun" --sessions 2 --reconnect \
		--max-stall 20 || fail "through the gateway, LUN $lun"
done
stop_pid braidd || fail "braidd did not end well"
