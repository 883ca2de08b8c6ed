#!/bin/bash
# How long a large configuration takes from the start of the gateway until every path of every device is up on all
# workers, and what it costs in memory: DEVICES (256) logical units on PATHS (32) portals, WORKERS (1 and 2). Prints a
# table of ROUNDS (3) starts, the first without saved state; judges nothing. LATENCY=1: so many
# milliseconds more for the array to answer each command.
# timeout: 900
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

DEVICES=${DEVICES:-256}
PATHS=${PATHS:-32}
ROUNDS=${ROUNDS:-3}
WORKERS=${WORKERS:-1 2}
FENCES=${FENCES:-auto session}

arguments=()
for ((i = 0; i < PATHS; i++)); do
	free_port port
	((i)) || first=$port
	arguments+=(--portal "127.0.0.1:$port,$((1 + i / 8))")
done
for ((i = 0; i < DEVICES; i++)); do
	arguments+=(--lu ram:1M)
done

all_up()
{
	api GET /status | jq -e ".counts.paths_up == $((DEVICES * PATHS)) and .counts.devices == $DEVICES" >/dev/null
}

# rss NAME: kilobytes
rss()
{
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/${PID[$1]}/status"
}

# cpu NAME: seconds of all its threads
cpu()
{
	awk -v hz="$(getconf CLK_TCK)" '{ printf "%.1f", ($14 + $15) / hz }' "/proc/${PID[$1]}/stat"
}

printf '%-8s %-8s %-6s %10s %9s %9s %8s %14s\n' fence workers start 'all up s' 'cpu s' 'RSS MiB' logins 'KiB a path'
for fence in $FENCES; do
	for workers in $WORKERS; do
		rm -rf state
		start_array array --log-level error --control array.sock "${arguments[@]}" >/dev/null
		[[ -z ${LATENCY-} ]] || "$BIN/braid-array" --send array.sock fault add action=delay:"$LATENCY" >/dev/null
		for ((round = 1; round <= ROUNDS; round++)); do
			gateway_config ".workers = $workers | .timers = {} | .backends[0].fence = \"$fence\"" "$first"
			begin=${EPOCHREALTIME/./}
			start_braidd braid.json >/dev/null
			wait_until 300 all_up
			took=$(((${EPOCHREALTIME/./} - begin) / 10000))
			kilobytes=$(rss braidd)
			printf '%-8s %-8s %-6s %7d.%02d %9s %9d %8s %14.1f\n' "$fence" "$workers" "$round" $((took / 100)) \
				$((took % 100)) "$(cpu braidd)" $((kilobytes / 1024)) \
				"$(api GET '/links?limit=1000' | jq '[.links[].logins // (.links[].reconnects + 1)] | add')" \
				"$(awk "BEGIN { print $kilobytes / $DEVICES / $PATHS / $workers }")"
			stop_pid braidd >/dev/null || fail "braidd did not end well"
		done
		stop_pid array >/dev/null || true
	done
done
