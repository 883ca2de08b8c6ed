#!/bin/bash
# What the gateway costs: the same load straight at the array and through the gateway, in turn, round after round.
# Prints medians and the ratio; judges nothing. ROUNDS (5) and COUNT (100000 commands of 4 KiB) may be given.
# timeout: 600
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"

ROUNDS=${ROUNDS:-5}
COUNT=${COUNT:-100000}
ARRAY=iscsi://127.0.0.1:4001/iqn.2026-11.org.example:array/0
GATEWAY=iscsi://127.0.0.1:3260/iqn.2026-11.org.example:braid/0

# once URL WORDS...: seconds of one run
once()
{
	qemu-img bench -f raw -t none -n -c "$COUNT" -d 32 -s 4096 "${@:2}" "$1" 2>/dev/null |
		sed -n 's/^Run completed in \([0-9.]*\) seconds.*/\1/p'
}

median()
{
	sort -n | sed -n "$(((ROUNDS + 1) / 2))p"
}

# compare NAME WORDS...
compare()
{
	local name=$1 round

	shift
	rm -f direct through
	for ((round = 0; round < ROUNDS; round++)); do
		once $ARRAY "$@" >>direct
		once $GATEWAY "$@" >>through
	done
	awk -v name="$name" -v n="$COUNT" -v d="$(median <direct)" -v t="$(median <through)" \
		-v dspread="$(sort -n direct | sed -n '1p;$p' | paste -sd-)" \
		-v tspread="$(sort -n through | sed -n '1p;$p' | paste -sd-)" 'BEGIN {
		printf "%-12s direct %7.0f IOPS (%s s)   gateway %7.0f IOPS (%s s)   ratio %.2f\n",
			name, n / d, dspread, n / t, tspread, d / t }'
}

four_paths_up()
{
	[[ $(api GET /status | jq .counts.paths_up) == 4 ]]
}

for workers in 1 2; do
	start_array array --iqn iqn.2026-11.org.example:array --lu ram:1G \
		--portal 127.0.0.1:4001 --portal 127.0.0.1:4002 --portal 127.0.0.1:4003 --portal 127.0.0.1:4004
	jq -n --arg state "$WORK/state-$workers" --argjson workers $workers '{
		target: { portals: ["127.0.0.1:3260"] },
		backends: [ { name: "array", portals: ["127.0.0.1:4001"], fence: "session" } ], # the array is written to directly, too
		claims: ["all"], workers: $workers, state_dir: $state, api: { listen: ["127.0.0.1:8260"] } }' >braid.json
	start_braidd braid.json
	wait_until 10 four_paths_up
	echo "workers $workers, four paths, 4 KiB, depth 32, $COUNT commands, medians of $ROUNDS rounds (fastest-slowest)"
	compare read
	compare write -w
	stop_pid braidd
	stop_pid array
done
