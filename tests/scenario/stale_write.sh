#!/bin/bash
# Writes stand still in the array when the link that carried them is lost. The gateway sends them over another path only
# behind the fence, so that the old copies cannot come down later upon what the host has written since: in the forms
# reservation, session, LU reset and wait, with other timing in each round. Without a fence they do come down, so this test is
# known to bite. BRAID_ROUNDS: rounds for each form, 100 unless given (of LU reset the tenth part); BRAID_TEST_SEED.
# row: F1
# timeout: 900
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

ROUNDS=${BRAID_ROUNDS:-100}
SEED=${BRAID_TEST_SEED:-1}
PORTALS=16 # each is cut in turn: by then it has to be back

# begin FENCE FENCE_WAIT [apart]: an array with its ports in one portal group, or each in one of its own, and the gateway
# with that fence; all I/O takes one path
begin()
{
	local port group=1 arguments=()

	ports=()
	rm -rf state array.sock
	for ((i = 0; i < PORTALS; i++)); do
		free_port port
		ports+=("$port")
		[[ ${3-} != apart ]] || group=$((i + 1))
		arguments+=(--portal "127.0.0.1:$port,$group")
		portal_restore "$port"
	done
	start_array array --log-level warn --control array.sock --lu ram:16M "${arguments[@]}"
	gateway_config '.workers = 1 | .policies.default = "fail-over-only" | .timers.fence_wait = '"$2"' |
		.timers.path_recovery_interval = 1 | .backends[0].fence = "'"$1"'"' "${ports[0]}"
	start_braidd braid.json
	wait_until 10 paths_up $PORTALS
}

end()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || true
}

# rounds NAME COUNT ARGUMENT...: their figures go to NAME.json; returns the driver's exit status
rounds()
{
	local name=$1 count=$2 status=0 begin=$SECONDS

	shift 2
	"$BIN/braid-stale" --url "$(lun_url 0)" --control array.sock --table "$NFT_TABLE" \
		--ports "$(IFS=,; echo "${ports[*]}")" --rounds "$count" --seed "$SEED" "$@" >"$name.json" || status=$?
	note "$name: status=$status $(<"$name.json") in $((SECONDS - begin)) s"
	return $status
}

# figure NAME FILTER
figure()
{
	jq -e "$2" "$1.json" >/dev/null
}

for form in reservation session lu-reset; do
	begin "$(sed 's/reservation/auto/' <<<"$form")" 30 "$(sed -n 's/lu-reset/apart/p' <<<"$form")"
	expect_eq "$(device .fence)" "$form" "the fence of the disk"
	count=$ROUNDS
	[[ $form != lu-reset ]] || count=$(((ROUNDS + 9) / 10)) # a disk is reset once in three seconds
	rounds $form "$count" --writes 4 --delay 80 --silent 20 || fail "$form: $(tail -n 5 braidd.log)"
	figure $form ".rounds == $count and .inside > .rounds" || fail "$form: hardly any write was inside"
	figure $form '.let_go == 0' || fail "$form: the array still held old copies after the fence"
	figure $form '.longest_ms < 30000' || fail "$form: time had to stand in for the fence"
	has_event fenced "form $form" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
	end
done

# Whatever the array does, time ends it: its copies live on without their session, and come down within fence_wait.
begin wait 1
expect_eq "$(device .fence)" wait "the fence of the disk"
rounds wait $(((ROUNDS + 19) / 20)) --writes 20 --delay 900 --late || fail "wait: $(tail -n 5 braidd.log)"
figure wait ".inside > $ROUNDS / 2 and .let_go == 0" || fail "wait: hardly any write was inside, or some too long"
has_event fenced "form wait" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
end

begin none 1
rounds none $((ROUNDS / 10)) --writes 4 --delay 80 && fail "without a fence no old write came down: this test shows nothing"
figure none '.stale > 0 and .let_go > 0 and .failed == 0' || fail "none: $(<none.json)"
end
