#!/bin/bash
# What more links bring: round robin over 1, 2, 4 and 8 links of the same rate (RATE, 100mbit), and each number's
# throughput as a multiple of one link's. The queue is SIZE (64k) x DEPTH (8) a link. Prints medians of ROUNDS (3) rounds
# of SECONDS (4), with the extremes; judges nothing.
# timeout: 900
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"
. "$ROOT/tests/lib/limited_links.sh"

RATE=${RATE:-100mbit}
SIZE=${SIZE:-64k}
DEPTH=${DEPTH:-8}
ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-4}

# scene COUNT: as many links, and the throughput of each mix, a line a round
scene()
{
	local count=$1 round rates=() mix

	for ((round = 0; round < count; round++)); do
		rates+=("$RATE")
	done
	rm -rf state
	links_begin "${rates[@]}"
	start_far_array --lu ram:128M >/dev/null
	start_near_gateway '.policies.default = "round-robin" | .workers = 1' >/dev/null
	for mix in read write; do
		for ((round = 0; round < ROUNDS; round++)); do
			throughput "$SECONDS_EACH" $((DEPTH * count)) "$SIZE" $mix=1
		done | sort -n >"$mix.$count"
	done
	stop_pid braidd >/dev/null || fail "braidd did not end well"
	stop_pid array >/dev/null || true
	links_end
}

for count in 1 2 4 8; do
	scene "$count"
done
echo "round robin, $RATE a link, $SIZE x $DEPTH a link; MB/s median (lowest-highest), multiple of one link"
for mix in read write; do
	one=$(sed -n "$(((ROUNDS + 1) / 2))p" $mix.1)
	for count in 1 2 4 8; do
		awk -v mix="$mix" -v n="$count" -v one="$one" -v rounds="$ROUNDS" '{ v[NR] = $1 } END {
			m = v[int((rounds + 1) / 2)]
			printf "%-6s %d links %8.1f (%.1f-%.1f) %6.2f\n", mix, n, m, v[1], v[NR], m / one }' $mix.$count
	done
done
