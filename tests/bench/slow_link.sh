#!/bin/bash
# What a link that is ten times slower than three others costs: the throughput of the policies over all four, as a share
# of what the three alone give. RATE (100mbit) of the fast ones, SLOW (10mbit); SIZE (64k), for each of DEPTHS (8 32 128)
# I/Os in flight. Prints medians of ROUNDS (3) rounds of SECONDS_EACH (4), with the extremes; judges nothing.
# timeout: 1800
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"
. "$ROOT/tests/lib/limited_links.sh"

RATE=${RATE:-100mbit}
SLOW=${SLOW:-10mbit}
SIZE=${SIZE:-64k}
DEPTHS=${DEPTHS:-8 32 128}
ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-4}

# measure NAME POLICY RATE...: throughput over links of these rates, a line a round in NAME.MIX.DEPTH
measure()
{
	local name=$1 policy=$2 depth mix round

	shift 2
	rm -rf state
	links_begin "$@"
	start_far_array --lu ram:128M >/dev/null
	start_near_gateway ".policies.default = \"$policy\" | .workers = 1" >/dev/null
	for mix in read write; do
		for depth in $DEPTHS; do
			for ((round = 0; round < ROUNDS; round++)); do
				throughput "$SECONDS_EACH" "$depth" "$SIZE" $mix=1
			done | sort -n >"$name.$mix.$depth"
		done
	done
	stop_pid braidd >/dev/null || fail "braidd did not end well"
	stop_pid array >/dev/null || true
	links_end
}

measure three round-robin "$RATE" "$RATE" "$RATE"
for policy in latency least-queue-depth round-robin; do
	measure "$policy" "$policy" "$RATE" "$RATE" "$RATE" "$SLOW"
done
echo "$RATE x 3 and $SLOW, $SIZE; MB/s median (lowest-highest), share of the three alone"
for mix in read write; do
	for depth in $DEPTHS; do
		three=$(sed -n "$(((ROUNDS + 1) / 2))p" "three.$mix.$depth")
		for policy in three latency least-queue-depth round-robin; do
			awk -v mix="$mix" -v depth="$depth" -v name="$policy" -v three="$three" -v rounds="$ROUNDS" '{ v[NR] = $1 } END {
				m = v[int((rounds + 1) / 2)]
				printf "%-6s depth %-4d %-18s %8.1f (%.1f-%.1f) %6.1f %%\n", mix, depth, name, m, v[1], v[NR], 100 * m / three
			}' "$policy.$mix.$depth"
		done
	done
done
