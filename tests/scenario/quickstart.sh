#!/bin/bash
# The command of a newcomer: builds, starts the demo, may be given twice, says when it cannot, and ends cleanly.
# build: release
# timeout: 90
. "$(dirname "$0")/../lib/scenario.sh"

QUICKSTART=$ROOT/deploy/quickstart
export BRAID_DEMO_DIR=$WORK

demo_is_gone()
{
	! port_is_open 3260 && ! port_is_open 3261 && ! port_is_open 8260
}

# A disk of each array answers a host.
demo_serves()
{
	expect_eq "$(iscsi-ls -s iscsi://127.0.0.1:3260 | grep -c ^Lun:)" 4 LUNs
	expect_eq "$("$BIN/braidctl" --json status | jq -c '[.healthy, .counts.paths_up]')" '[true,16]' status
}

"$QUICKSTART" --help | grep -q -- --no-install
status=0
"$QUICKSTART" --nonsense 2>/dev/null || status=$?
expect_eq "$status" 2 "wrong usage"

note "a port is taken"
start_array other --portal 127.0.0.1:3265 --lu ram:1M
! "$QUICKSTART" --no-install --background >busy.log 2>&1 || fail "it started beside another array"
grep -q '127.0.0.1:3265' busy.log || fail "it does not say which port"
stop_pid other

note "in the background, without an input, twice"
"$QUICKSTART" --no-install --background <&- >background.log 2>&1 || fail "it did not start"
demo_serves
"$QUICKSTART" --no-install --background | grep -q 'runs already' || fail "the second time"
kill "$(cat demo.pid)"
wait_until 15 demo_is_gone

note "in the foreground"
start quickstart "$QUICKSTART" --no-install
wait_ready quickstart 30 grep -q 'Ctrl-C ends' quickstart.log
demo_serves
stop_pid quickstart || fail "it ended with an error"
grep -q 'The demo has ended' quickstart.log || fail "it does not say that it has ended"
wait_until 1 demo_is_gone
