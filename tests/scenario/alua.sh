#!/bin/bash
# An array with two target port groups of two portals each, implicit and explicit ALUA: under load its groups change
# places, stand by, and are in transition; no command of a host fails. What stands by carries nothing, round robin is
# refused, and a group is made active when both stand by.
# row: P2 P8 E5 E6 E10
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

# groups STATE STATE: of group 1 and of group 2, at one moment; in between an optimized one could be missed, and made
groups()
{
	array group 1 "$1" 2 "$2"
}

# What the portals of that group have carried since the last `stats reset`; group 1: portals 0 and 1
carried()
{
	array stats | awk -v low=$((2 * $1 - 2)) '
		{ for (i = 1; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] } }
		v["portal"] == low || v["portal"] == low + 1 { sum += v["reads"] + v["writes"] }
		END { print sum + 0 }'
}

# serves GROUP: it alone does
serves()
{
	array stats reset >/dev/null
	sleep 0.4
	(($(carried "$1") > 50)) && expect_eq "$(carried $((3 - $1)))" 0 "carried by group $((3 - $1))"
}

# access GROUP STATE: the API says so of both of its paths
access()
{
	[[ $(device "[.paths[] | select(.tpg == $1) | .alua_state] | unique | join(\",\")") == "$2" ]]
}

one_is_active()
{
	array groups | grep -q 'state=optimized'
}

for name in a b c d; do
	free_port "$name"
done
start_array array --log-level warn --control array.sock --alua both --lu ram:128M --portal "127.0.0.1:$a,1,1" \
	--portal "127.0.0.1:$b,2,1" --portal "127.0.0.1:$c,3,2" --portal "127.0.0.1:$d,4,2"
groups optimized standby
gateway_config '.timers.pdo_remove_period = 20' "$a"
start_braidd braid.json
wait_until 10 paths_up 4
wait_until 5 access 1 active/optimized
wait_until 5 access 2 standby
expect_eq "$(device .state)" normal "state with a standby group"

note "policies"
expect_eq "$(device .policy)" round-robin-subset "the default policy"
expect_eq "$(api_status PUT "/devices/$(device .id)/policy" '{"policy": "round-robin"}')" 422 "round robin"
grep -q asymmetric api.body || fail "why round robin is refused: $(<api.body)"
expect_eq "$(device .policy)" round-robin-subset "the policy after that"

start_load load --url "$(lun_url 0)" --sessions 3 --depth 8 --seconds 14 --rate 1500 --sizes 4k,64k \
	--mix read=50,write=45,flush=1 --region 64m --timeout 0
sleep 1
serves 1

note "swaps"
for state in standby nonoptimized unavailable; do
	groups "$state" optimized
	wait_until 5 access 2 active/optimized
	wait_until 5 serves 2
	groups optimized "$state"
	wait_until 5 access 1 active/optimized
	wait_until 5 serves 1
done

note "one group in transition"
groups transitioning nonoptimized
wait_until 5 access 2 active/non-optimized
wait_until 5 serves 2
note "both in transition"
groups transitioning transitioning
wait_until 5 access 2 transitioning
sleep 1.5
groups standby optimized
wait_until 5 access 2 active/optimized
wait_until 5 serves 2

note "both stand by"
groups standby standby
wait_until 5 one_is_active
wait_until 5 has_event activation
end_load load || fail "the load: $(jq -c . load.json)"
expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' load.json)" 0 findings
expect_eq "$(device .stats.io_errors)" 0 "errors"
expect_eq "$(device .stats.path_failures)" 0 "path failures"
expect_eq "$(device .state)" normal state
stop_pid braidd || fail "braidd did not end well"
