#!/bin/bash
# braidd --demo as a newcomer starts it: no configuration, no privileges. It is healthy, hosts read and write, it is
# one process group that ends as a whole, and a second one says why it cannot start.
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

[[ $BRAID_SCENARIO == isolated ]] || skip "the demo's ports are fixed"
FRONT=3260
BRAID_API=http://127.0.0.1:8260

# The tree may lie where nobody may look: he gets copies.
chmod 711 "$WORK"
install -d -m 755 bin
install -m 755 "$BIN/braidd" "$BIN/braid-array" bin

start_demo()
{
	start demo setsid setpriv --reuid nobody --regid nogroup --clear-groups -- "$WORK/bin/braidd" --demo
	wait_ready demo 20 curl -sf -m 2 "$BRAID_API/readyz"
}

is_healthy()
{
	api GET /status | jq -e '.healthy and .counts.devices == 4 and .counts.claimed_devices == 4 and .counts.links == 8
		and .counts.links_up == 8 and .counts.paths == 16 and .counts.paths_up == 16'
}

# The processes of the demo's group; the dead ones that nobody has waited for do not count.
group()
{
	pgrep -r R,S,D,T -g "$1" | xargs
}

# The folders of state that were made since this script began.
folders()
{
	find /tmp -maxdepth 1 -name 'braid-demo-*' -user nobody -newer begin
}

has_ended()
{
	[[ -z $(group "$1") ]] && ! port_is_open 3260 && ! port_is_open 3261 && ! port_is_open 8260
}

touch begin
start_demo
pid=${PID[demo]}
wait_until 10 is_healthy
expect_eq "$(ps -o user= -p "$pid")" nobody "the user"
expect_eq "$(pgrep -P "$pid" | wc -l)" 2 "its arrays"
expect_eq "$(pgrep -P "$pid" | xargs)" "$(group "$pid" | sed "s/^$pid //")" "the process group"
for lun in 0 1 2 3; do
	iscsi-inq "$(lun_url $lun)" | grep -q '^Product:' || fail "INQUIRY of LUN $lun"
done
start_load load --url "$(lun_url 0)" --url "$(lun_url 1)" --url "$(lun_url 2)" --url "$(lun_url 3)" --sessions 4 \
	--depth 4 --seconds 2 --rate 2000 --region 16m
end_load load || fail "the load"
curl -sf "$BRAID_API/" >page.html && grep -qi '<html' page.html || fail "no dashboard"

note "a second one"
status=0
setpriv --reuid nobody --regid nogroup --clear-groups -- "$WORK/bin/braidd" --demo >second.log 2>&1 || status=$?
expect_eq "$status" 1 "exit status of a second demo"
grep -q "cannot listen address=127.0.0.1:3261 .*in use" second.log || fail "no clear error: $(<second.log)"
is_healthy >/dev/null || fail "the second demo hurt the first"
expect_eq "$(folders | wc -l)" 1 "number of state folders"

note "its end"
stop_pid demo || fail "the demo did not end well"
wait_until 5 has_ended "$pid"
expect_eq "$(folders)" "" "state folders left"

note "interrupted by Ctrl-C, which reaches the whole group"
start_demo
pid=${PID[demo]}
status=0
kill -INT -- "-$pid"
wait "$pid" || status=$?
expect_eq "$status" 0 "exit status"
wait_until 5 has_ended "$pid"

note "killed: the arrays do not stay behind"
start_demo
pid=${PID[demo]}
stop_pid demo KILL || true
wait_until 10 has_ended "$pid"
rm -rf "$(folders)" # nobody was left to remove it
