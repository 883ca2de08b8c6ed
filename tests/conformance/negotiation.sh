#!/bin/bash
# The text negotiation of RFC 7143, key by key, against braid-array and against the gateway: see negotiation_cases.c.
# Whatever is agreed on is then used, by a write and a read that keep to it.
# timeout: 60
# build: asan
. "$(dirname "$0")/../lib/scenario.sh"

IQN=iqn.2026-11.org.example
array_port='' target_port='' api_port=''

a_path_is_up()
{
	(($(api GET /status | jq .counts.paths_up) > 0))
}

# negotiate NAME PORT
negotiate()
{
	note "$1"
	"$BIN/negotiation" 127.0.0.1 "$2" "$IQN:$1" >"$1.cases" || {
		grep -v '^ok' "$1.cases"
		fail "$1 does not negotiate as it should"
	}
	tail -n 1 "$1.cases"
}

free_port array_port
free_port target_port
free_port api_port
start_array array --iqn "$IQN:array" --portal "127.0.0.1:$array_port" --lu ram:16M
jq -n --arg iqn "$IQN:gateway" --arg state "$WORK/state" --arg array "127.0.0.1:$array_port" \
	--arg target "127.0.0.1:$target_port" --arg api "127.0.0.1:$api_port" '{
	target: { iqn: $iqn, portals: [$target] },
	backends: [ { name: "array", portals: [$array], fence: "session" } ], # the array is written to directly, too
	claims: ["all"],
	api: { listen: [$api] },
	workers: 2,
	state_dir: $state }' >braid.json
start_braidd braid.json
wait_until 10 a_path_is_up

negotiate gateway "$target_port"
negotiate array "$array_port"
stop_pid braidd
stop_pid array
