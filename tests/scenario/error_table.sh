#!/bin/bash
# Section 4 of the semantics over real wires: the array answers commands with each condition, as often as a row says and
# then for ever. What the host gets, which portals the attempts went to and what the figures say is as the table says.
# row: E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E15 E16 E17 E18 E19 E20 E21 E22 E23
# timeout: 240
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

PERIOD=2   # pdo_remove_period
INTERVAL=1 # retry_interval
RETRIES=3  # retry_count
MARGIN=3   # a loaded machine is slow

# name; fault action; portals of the attempts (a and b are one target port group, c and d the other); milliseconds
# before the second; how it ends when the condition stays; what becomes of path a
#   returned  it is the host's at once
#   once      after one more attempt
#   counted   after RETRIES more
#   timed     after PERIOD, at most twice that
PLAIN='
E7-becoming-ready           error:2/04/01  aa  1000 counted  kept
E8-controller-update        error:2/04/03  ab  0    counted  kept
E9-not-ready                error:2/04/00  ab  0    counted  failed
E9-self-test                error:2/04/09  ab  0    counted  failed
E11-capacity                error:6/2a/09  ab  0    timed    kept
E12-luns-changed            error:6/3f/0e  ab  0    timed    kept
E12-inquiry-changed         error:6/3f/03  ab  0    timed    kept
E14-mode-parameters         error:6/2a/01  a   0    returned kept
E14-commands-cleared        error:6/2f/00  a   0    returned kept
E15-threshold               error:6/38/07  a   0    returned kept
E15-exhausted               error:7/27/07  a   0    returned kept
E16-lu-not-supported        error:5/25/00  ab  0    counted  failed
E17-invalid-opcode          error:5/20/00  a   0    returned kept
E17-out-of-range            error:5/21/00  a   0    returned kept
E17-invalid-field           error:5/24/00  a   0    returned kept
E17-invalid-parameter       error:5/26/00  a   0    returned kept
E17-miscompare              error:e/1d/00  a   0    returned kept
E17-medium                  error:3/11/00  a   0    returned kept
E17-protection              error:b/10/01  a   0    returned kept
E18-aborted                 error:b/44/00  aab 0    counted  failed
E19-hardware                error:4/44/00  ab  0    once     failed
E20-no-sense                error:0/00/00  ab  0    counted  failed
E21-busy                    status:busy    aaa 100  timed    kept
E21-task-set-full           status:task-set-full aaa 100 timed kept
E22-conflict                status:reservation-conflict a 0 returned kept
E23-task-aborted            status:task-aborted ab 0 counted kept
'
ALUA='
E5-transitioning            error:2/04/0a  ac  100  timed    kept
E5-as-attention             error:6/04/0a  ac  100  timed    kept
E6-standby                  error:2/04/0b  ac  100  timed    kept
E6-unavailable              error:2/04/0c  ac  100  timed    kept
E10-state-changed           error:6/2a/06  aa  0    timed    kept
E10-transition-failed       error:6/2a/07  aa  0    timed    kept
E13-reset                   error:6/29/00  aa  0    counted  kept
E13-nexus-loss              error:6/29/07  aaa 0    counted  kept
'

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

# begin ALUA: array and gateway; path a, over the array's portal 0, is the policy's first choice, then b, c, d
begin()
{
	local i port ports=() arguments=() path rows='[]'

	rm -rf state array.sock
	for ((i = 0; i < 4; i++)); do
		free_port port
		ports+=("$port")
		arguments+=(--portal "127.0.0.1:$port,$((1 + i / 2))")
	done
	start_array array --log-level warn --control array.sock --lu ram:16M --alua "$1" "${arguments[@]}"
	gateway_config '.workers = 1 | .backends[0].fence = "session" | .timers = { pdo_remove_period: '$PERIOD',
		retry_interval: '$INTERVAL', retry_count: '$RETRIES' }' "${ports[0]}"
	start_braidd braid.json
	wait_until 10 paths_up 4
	ID=$(device .id)
	api GET /links >links.json
	for path in $(device '.paths[].id'); do
		port=$(jq -r --arg link "$(device ".paths[] | select(.id == \"$path\") | .link")" \
			'.links[] | select(.id == $link) | .portal | sub(".*:"; "")' links.json)
		[[ $port != "${ports[0]}" ]] || FIRST=$path
		rows=$(jq -c --arg id "$path" --argjson weight $((port - ports[0])) \
			'. + [{ id: $id, role: "active", weight: $weight }]' <<<"$rows")
	done
	api PUT "/devices/$ID/policy" "{\"policy\":\"weighted-paths\",\"paths\":$rows}" >/dev/null
}

end()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || fail "the array did not end well"
}

# stats FIELD: of each portal while the last command ran, four numbers
stats()
{
	sed -n "s/.* $1=\([0-9]*\).*/\1/p" stats | paste -sd' '
}

# count_of WAYS: how often a, b, c, d are in it
count_of()
{
	local letter

	for letter in a b c d; do
		tr -cd $letter <<<"$1" | wc -c
	done | paste -sd' '
}

first_path_failures()
{
	device ".paths[] | select(.id == \"$FIRST\") | .stats.path_failures"
}

# answer_of ACTION: what the host sees when it is the condition itself
answer_of()
{
	local key asc ascq

	case $1 in
	status:busy) echo "status=08 sense=0/0000" ;;
	status:task-set-full) echo "status=28 sense=0/0000" ;;
	status:reservation-conflict) echo "status=18 sense=0/0000" ;;
	status:task-aborted) echo "status=40 sense=0/0000" ;;
	error:*)
		IFS=/ read -r key asc ascq <<<"${1#error:}"
		echo "status=02 sense=$key/$asc$ascq"
		;;
	esac
}

# no_probation: what the rows before have done to the paths is forgotten
no_probation()
{
	local path

	for path in $(device '.paths[].id'); do
		api POST "/paths/$path/resume" >/dev/null
	done
}

# command_meets NAME COUNT ACTION: one read of a host, of which COUNT attempts (0: all) meet the condition; sets ANSWER and MS
command_meets()
{
	no_probation
	array fault clear >/dev/null
	array stats reset >/dev/null
	array fault add opcode=0x88 count="$2" action="$3" >/dev/null
	"$BIN/braid-command" "$(lun_url 0)" read >answer 2>answer.err || fail "$1: no answer: $(<answer.err)"
	ANSWER=$(sed 's/ ms=.*//' answer)
	MS=$(sed 's/.* ms=//' answer)
	array stats >stats
	array fault clear >/dev/null
}

# comes_and_goes NAME ACTION WAYS GAP END FATE
comes_and_goes()
{
	local name=$1 ways=$3 failing retries failures want="status=00 sense=0/0000"

	failing=$((${#ways} - 1))
	[[ $5 != returned ]] || { failing=1; want=$(answer_of "$2"); }
	retries=$(device .stats.retries)
	failures=$(first_path_failures)
	command_meets "$name" $failing "$2"
	expect_eq "$ANSWER" "$want" "$name: what the host got"
	expect_eq "$(stats faults)" "$(count_of "${ways:0:failing}")" \
		"$name: attempts that met it, by portal"
	[[ $5 == returned ]] || expect_eq "$(stats reads)" \
		"$(count_of "${ways:failing}")" "$name: the attempt that succeeded, by portal"
	expect_eq $(($(device .stats.retries) - retries)) $((${#ways} - 1)) "$name: retries"
	((MS >= $4 && MS < $4 * failing + MARGIN * 1000)) || fail "$name: it took $MS ms"
	# a path that answers its verification quickly may fail with the second attempt again
	[[ $6 == kept ]] && expect_eq "$(first_path_failures)" "$failures" "$name: failures of the path"
	[[ $6 == kept ]] || (($(first_path_failures) > failures)) || fail "$name: the path has not failed"
	wait_until 5 paths_up 4
}

# stays NAME ACTION WAYS GAP END FATE
stays()
{
	local name=$1 attempts least=0 most=$((MARGIN * 1000))

	command_meets "$name" 0 "$2"
	attempts=$(($(stats faults | tr " " +)))
	expect_eq "$ANSWER" "$(answer_of "$2")" "$name, for ever: what the host got"
	case $5 in
	returned) expect_eq "$attempts" 1 "$name, for ever: attempts" ;;
	once) expect_eq "$attempts" 2 "$name, for ever: attempts" ;;
	counted)
		expect_eq "$attempts" $((RETRIES + 1)) "$name, for ever: attempts"
		least=$(((RETRIES - ($4 < 1000)) * INTERVAL * 1000))
		;;
	timed)
		((attempts > RETRIES + 1)) || fail "$name, for ever: $attempts attempts"
		least=$((PERIOD * 1000)) most=$((2 * PERIOD * 1000 + MARGIN * 1000))
		;;
	esac
	((MS >= least && MS < least + most)) || fail "$name, for ever: it took $MS ms"
	wait_until 10 paths_up 4
	command_meets "$name" 1 delay:1
	expect_eq "$ANSWER" "status=00 sense=0/0000" "$name: afterwards"
}

# table ROWS
table()
{
	local name action ways gap end fate

	while read -r name action ways gap end fate; do
		[[ -n $name ]] || continue
		comes_and_goes "$name" "$action" "$ways" "$gap" "$end" "$fate"
		stays "$name" "$action" "$ways" "$gap" "$end" "$fate"
		note "$name $action: as it should be"
	done <<<"$1"
}

begin none
table "$PLAIN"
has_event space "no space left" || fail "no event about space"
end
begin implicit
table "$ALUA"
has_event access-changed || fail "no event about access states"
end
