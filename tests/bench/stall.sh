#!/bin/bash
# The longest command that a host sees when one of four links is lost under mixed load, with the timers as they come:
# packets dropped without a word, and connections reset; with tgt and with braid-array, in each form of its fence. ROUNDS
# (5) of each. Prints lowest, median and highest of the rounds' longest commands, and the commands that failed.
# timeout: 1800
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

ROUNDS=${ROUNDS:-5}

ports=()
for ((i = 0; i < 4; i++)); do
	free_port port
	ports+=("$port")
done

# begin ARRAY: tgt, reservation or session (braid-array with that fence)
begin()
{
	local fence=auto arguments=() port

	rm -rf state
	if [[ $1 == tgt ]]; then
		start_tgt array "${ports[@]}" size=128M
	else
		for port in "${ports[@]}"; do
			arguments+=(--portal "127.0.0.1:$port,1")
		done
		start_array array --log-level error --lu ram:128M "${arguments[@]}"
		[[ $1 == reservation ]] || fence=$1
	fi
	gateway_config ".timers = {} | .workers = 2 | .backends[0].fence = \"$fence\"" "${ports[@]}"
	start_braidd braid.json
	wait_until 20 paths_up 4
}

end()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || true
	unset 'TGT[array]'
}

# lose EVENT ROUND: its longest command in ms, and the failed ones
lose()
{
	local port=${ports[$2 % 4]}

	start_load load --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 5 --rate 2000 --sizes 4k,64k \
		--mix read=50,write=45,flush=1 --region 64m --timeout 0 --no-verify >&2
	sleep 2.5
	"$1" "$port" >&2
	end_load load >&2 || true
	portal_restore "$port" >&2
	wait_until 20 paths_up 4
	jq -r '"\(.longest_stall_ms) \(.failed + .wrong + .connection_losses)"' load.json
}

need_nft
exec 3>&1 1>&2 # the table alone is standard output
printf '%-12s %-10s %10s %10s %10s %8s\n' array link 'lowest ms' 'median ms' 'highest ms' failed >&3
for array in ${ARRAYS:-reservation session tgt}; do
	begin "$array"
	for event in portal_drop portal_kill_established; do
		for ((round = 0; round < ROUNDS; round++)); do
			lose "$event" "$round"
		done | sort -n >rounds
		awk -v array="$array" -v event="$(sed 's/portal_drop/silent/; s/portal_k.*/reset/' <<<"$event")" '
			{ v[NR] = $1; failed += $2 } END { printf "%-12s %-10s %10.0f %10.0f %10.0f %8d\n", array, event, v[1],
			v[int((NR + 1) / 2)], v[NR], failed }' rounds >&3
	done
	end
done
