#!/bin/bash
# Maintenance under load: a path, a link and a whole controller are drained, taken away, brought back and resumed. The
# hosts see no error, and the gateway not one command that had to be sent again.
# row: L5
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

ctl()
{
	"$BIN/braidctl" --url "$BRAID_API" "$@"
}

# controller NAME PORT...: one of the two that serve the LU in lu.img
controller()
{
	local name=$1 port arguments=()

	shift
	for port; do
		arguments+=(--portal "127.0.0.1:$port")
	done
	start_array "$name" --log-level warn --iqn "iqn.2026-11.org.example:$name" --serial shared \
		--lu "file:lu.img:size=128M" "${arguments[@]}"
}

# all_drained FILTER: every path of the disk that the jq filter chooses
all_drained()
{
	device "[.paths[] | select($1) | .state] | length > 0 and all(. == \"drained\")" | grep -qx true
}

# carried FILTER: by those paths, up to now
carried()
{
	device "[.paths[] | select($1) | .stats.reads + .stats.writes] | add"
}

# carries FILTER: they do
carries()
{
	local before

	before=$(carried "$1")
	sleep 0.2
	(($(carried "$1") > before))
}

# rests FILTER
rests()
{
	local before

	before=$(carried "$1")
	sleep 0.5
	expect_eq "$(carried "$1")" "$before" "commands over paths that are drained"
}

link_at()
{
	api GET /links | jq -r --arg port "$1" '.links[] | select(.portal | endswith(":" + $port)) | .id'
}

for name in a b c; do
	free_port "$name"
done
controller one "$a" "$b"
controller two "$c"
# on a busy machine a link may be silent long enough to be left, which is no part of this
gateway_config '.timers.suspicion_limit = 0 | .timers.keepalive_timeout = 5 | .backends = [ { name: "one", portals: ["127.0.0.1:'"$a"'"] }, { name: "two", portals: ["127.0.0.1:'"$c"'"] } ]'
start_braidd braid.json
wait_until 10 paths_up 3
LINK=$(link_at "$a")
SPARE=$(link_at "$c")
PATH_ID=$(device ".paths[] | select(.link == \"$(link_at "$b")\") | .id")
start_load load --url "$(lun_url 0)" --sessions 3 --depth 8 --seconds 12 --rate 1500 --sizes 4k,64k \
	--mix read=50,write=45,flush=1 --region 64m --timeout 0
wait_until 5 carries true

note "a path"
expect_eq "$(ctl drain path "$PATH_ID")" "path $PATH_ID: draining" answer
wait_until 5 all_drained ".id == \"$PATH_ID\""
rests ".id == \"$PATH_ID\""
ctl resume path "$PATH_ID"
wait_until 5 carries ".id == \"$PATH_ID\""

note "a link, whose portal goes away"
ctl drain link "$LINK"
wait_until 5 all_drained ".link == \"$LINK\""
portal_reject "$a"
sleep 2
portal_restore "$a"
ctl reconnect link "$LINK"
wait_until 10 all_drained ".link == \"$LINK\"" # it is back, and still at rest
rests ".link == \"$LINK\""
ctl resume link "$LINK"
wait_until 5 carries ".link == \"$LINK\""

note "a controller, which is started again"
ctl drain backend one
wait_until 5 all_drained ".link != \"$SPARE\""
ctl drain backend two >refused.out 2>&1 && fail "the last path was drained"
grep -q 'would be left without a path' refused.out || fail "the reason: $(<refused.out)"
stop_pid one || fail "the controller did not end well"
sleep 1
controller one "$a" "$b"
ctl reconnect backend one
wait_until 15 all_drained ".link != \"$SPARE\""
ctl resume backend one
wait_until 5 carries ".id == \"$PATH_ID\""

end_load load || fail "the load: $(jq -c . load.json)"
expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' load.json)" 0 findings
expect_eq "$(device .stats.io_errors)" 0 errors
expect_eq "$(device .stats.retries)" 0 "commands that were sent again"
has_event maintenance "backend one" || fail "no event about it"
ctl drain disk 0 >usage.out 2>&1 && fail "there is no such kind"
expect_eq "$(ctl drain link l99 2>&1)" 'braidctl: No such object: there is no link "l99"' "an unknown link"
stop_pid braidd || fail "braidd did not end well"
