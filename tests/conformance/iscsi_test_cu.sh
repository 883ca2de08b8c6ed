#!/bin/bash
# Debian's iscsi-test-cu against an array and against the gateway in front of it, for two arrays: tgt and braid-array.
# Each of the four has its list of results, expected-SUBJECT.txt, which can only improve: a result that is worse than
# the list fails, and so does one behind the gateway that is worse than the array's own without a reason in the list.
#
#   iscsi_test_cu.sh [SUBJECT...]            of tgt, gateway-tgt, array, gateway-array
#   iscsi_test_cu.sh --update [SUBJECT...]   rewrites the lists where results are better or new
#   ... --update --allow-worse               also where they are worse
#
# row: R1 R2
# timeout: 240
# build: asan
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR source=test_cu.sh
. "$ROOT/tests/conformance/test_cu.sh"

declare -A URLS # of a subject: two, for the tests of several paths
SUBJECTS=()
UPDATE=
ALLOW_WORSE=
for argument; do
	case $argument in
	--update) UPDATE=1 ;;
	--allow-worse) ALLOW_WORSE=1 ;;
	*) SUBJECTS+=("$argument") ;;
	esac
done
((${#SUBJECTS[@]})) || SUBJECTS=(tgt gateway-tgt array gateway-array)

# --- the subjects ------------------------------------------------------------------------------------------------
# Each has an array of its own: none sees the unit attentions and the blocks of another.

# Sets PORTALS to so many addresses.
take_portals()
{
	local port

	PORTALS=()
	while ((${#PORTALS[@]} < $1)); do
		free_port port
		PORTALS+=("127.0.0.1:$port")
	done
}

begin_tgt()
{
	take_portals 4
	start_tgt "$1" "${PORTALS[@]}" size=64M
	tgt_admin "$1" --op update --mode logicalunit --tid 1 --lun 1 --params thin_provisioning=1
	URLS[$1]="iscsi://${PORTALS[0]}/$(tgt_iqn "$1")/1 iscsi://${PORTALS[1]}/$(tgt_iqn "$1")/1"
}

begin_array()
{
	take_portals 4
	start_array "$1" --iqn "$(tgt_iqn "$1")" "${PORTALS[@]/#/--portal=}" --lu ram:64M
	URLS[$1]="iscsi://${PORTALS[0]}/$(tgt_iqn "$1")/0 iscsi://${PORTALS[1]}/$(tgt_iqn "$1")/0"
}

all_paths_up()
{
	[[ $(api GET /status | jq .counts.paths_up) == "$1" ]]
}

# begin_gateway SUBJECT: over the array that was begun last.
begin_gateway()
{
	local iqn backends=("${PORTALS[@]}")

	iqn=$(tgt_iqn "$1")
	take_portals 3
	jq -n --arg iqn "$iqn" --arg state "$WORK/$1.state" --arg backends "${backends[*]}" --args '{
		target: { iqn: $iqn, portals: $ARGS.positional[:2] },
		backends: [ { name: "array", portals: ($backends | split(" ")) } ],
		claims: ["all"],
		api: { listen: $ARGS.positional[2:] },
		workers: 2,
		state_dir: $state }' "${PORTALS[@]}" >"$1.json"
	start_braidd "$1.json" "$1"
	wait_until 20 all_paths_up "${#backends[@]}"
	URLS[$1]="iscsi://${PORTALS[0]}/$iqn/0 iscsi://${PORTALS[1]}/$iqn/0"
}

begin_subject()
{
	case $1 in
	tgt) begin_tgt tgt ;;
	array) begin_array array ;;
	gateway-tgt) begin_tgt backend-tgt && begin_gateway gateway-tgt ;;
	gateway-array) begin_array backend-array && begin_gateway gateway-array ;;
	*) fail "no such subject: $1" ;;
	esac
}

# --- the verdict -------------------------------------------------------------------------------------------------

# Compares, or updates, the list of a subject; fails when something is worse or a line lacks its reason.
judge()
{
	local list=$ROOT/tests/conformance/expected-$1.txt worse unexplained

	[[ -e $list ]] ||
		echo "# iscsi-test-cu against $1: test, result, and the reason of all that are not passed" >"$list"
	note "$1: $(cut -f2 "$1.results" | sort | uniq -c | xargs)"
	compare_lists "$list" "$1.results" | tee "$1.changes"
	worse=$(grep -Ec '^(worse|gone)' "$1.changes") || true
	if [[ -n $UPDATE ]] && { ((worse == 0)) || [[ -n $ALLOW_WORSE ]]; }; then
		updated_list "$list" "$1.results" >"$1.list"
		cp "$1.list" "$list"
		worse=0
	elif [[ -s $1.changes ]] && ((worse == 0)); then
		note "$1: better than the list, which wants an update: $0 --update $1"
	fi
	awk '/^worse/ { print $2 }' "$1.changes" | while read -r test; do
		show_test "$1" "$test"
	done
	unexplained=$(unexplained "$list")
	[[ -z $unexplained ]] || note "$1: without a reason: $unexplained"
	[[ $worse == 0 && -z $unexplained ]]
}

# What the tool said last in a test.
show_test()
{
	local log=$1.logs/$2.log

	[[ -e $log ]] || log=$1.logs/${2%%.*}.log
	note "$1: $2:"
	awk -v test="${2#*.}" '/^  Test: / { here = $2 == test } here' "$log" | tail -n 25 | cut -c -160
}

for subject in "${SUBJECTS[@]}"; do
	begin_subject "$subject"
done
begin=$SECONDS
runs=()
for subject in "${SUBJECTS[@]}"; do
	# shellcheck disable=SC2086
	test_cu_all "$subject.logs" ${URLS[$subject]} >"$subject.results" &
	runs+=($!)
done
wait "${runs[@]}"
note "ran for $((SECONDS - begin)) s"

verdict=0
for subject in "${SUBJECTS[@]}"; do
	judge "$subject" || verdict=1
done
for name in "${!PID[@]}"; do
	is_running "$name" || fail "$name has ended"
done
((verdict == 0)) || fail "not as the lists say"
