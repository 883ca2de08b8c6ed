#!/bin/bash
# braid-load over broken connections and restarted arrays: it logs in again, goes on, and knows what it may find.
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"

free_port a
free_port b
array()
{
	start_tgt array "$a" "$b" blocksize=512 file="$WORK/medium.img" size=64M "$@"
}
array serial=RECONNECT
url_a=iscsi://127.0.0.1:$a/$(tgt_iqn array)/1
url_b=iscsi://127.0.0.1:$b/$(tgt_iqn array)/1

# load NAME ARGUMENT...: in the background
load()
{
	local name=$1

	shift
	start "$name" bash -c 'exec "$@" >"$0.json"' "$name" "$BIN/braid-load" --report json \
		--url "$url_a" --url "$url_b" --sessions 2 --depth 16 --sizes 512,4k,64k --seed 7 "$@"
}

# ended NAME STATUS: waits for its end
ended()
{
	local status=0

	wait "${PID[$1]}" || status=$?
	unset "PID[$1]"
	note "$1: status=$status $(jq -c '{n: .total.count, wrong, failed, connection_losses, reconnects, unknown_outcomes,
		longest_stall_ms, final_blocks}' "$1.json")"
	expect_eq "$status" "$2" "exit status of $1"
}

value()
{
	jq "$2" "$1.json"
}

# Connections reset, refused, silently dead, the array killed: four losses at the least, nothing wrong.
load faults --reconnect --seconds 8 --timeout 1 --state reconnect.state
sleep 1
portal_kill_established "$a"
sleep 1
portal_reject "$b"
sleep 0.5
portal_restore "$b"
sleep 0.5
portal_drop "$a"
sleep 2
portal_restore "$a"
stop_pid array || true
sleep 0.5
array serial=RECONNECT
ended faults 0
(($(value faults .connection_losses) >= 4 && $(value faults .reconnects) >= 4)) || fail "too few losses"
(($(value faults .unknown_outcomes) > 0)) || fail "no write of unknown outcome: nothing was shown"
expect_eq "$(value faults .wrong)" 0 "wrong blocks"
expect_eq "$(value faults '.longest_stall_ms > 1000')" true "the silent path stalled somebody"

# A limit on stalls is a limit.
load stall --reconnect --seconds 3 --timeout 2 --max-stall 0.5 --no-verify --state reconnect.state
sleep 1
portal_drop "$a"
sleep 1
portal_restore "$a"
ended stall 1
expect_eq "$(value stall '.over_max_stall > 0')" true "stalls counted"

# Without --reconnect a lost connection is the end, and what was in flight is of unknown outcome, not wrong.
load once --seconds 30 --state reconnect.state
sleep 1
portal_reject "$a"
ended once 1
portal_restore "$a"
expect_eq "$(value once '.gave_up > 0')" true "gave up"
load check --verify-only --state reconnect.state
ended check 0

# SIGTERM: the state is saved, and the next run goes on from it.
load early --seconds 60 --state reconnect.state
sleep 1
kill "${PID[early]}"
ended early 0
load check --verify-only --state reconnect.state
ended check 0
(($(value check .final_blocks) > 100)) || fail "the state is empty"

# Another logical unit under the same address is never written to.
load swapped --reconnect --seconds 6
sleep 1
stop_pid array || true
cp medium.img before.img
array serial=ANOTHER
ended swapped 1
expect_eq "$(value swapped '.identity_changes > 0')" true "another logical unit"
cmp medium.img before.img || fail "another logical unit was written to"
