#!/bin/bash
# A portal that goes down and comes up again and again, under load: its link is put on probation, visibly and for longer
# each time, the hosts notice nothing, and it carries I/O again when it has been steady, or when it is resumed.
# row: L6
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

ctl()
{
	"$BIN/braidctl" --url "$BRAID_API" "$@"
}

# portal COMMAND...: the array's second portal
portal()
{
	"$BIN/braid-array" --send array.sock portal 1 "$@" >/dev/null
}

link()
{
	api GET /links | jq -r --arg port "$b" '.links[] | select(.portal | endswith(":" + $port)) | '"$1"
}

link_is()
{
	expect_eq "$(link .state)" "$1" "the link's state"
}

# carried: over its path, up to now
carried()
{
	device ".paths[] | select(.link == \"$LINK\") | .stats.reads + .stats.writes"
}

carries()
{
	local before

	before=$(carried)
	sleep 0.2
	(($(carried) > before))
}

# seconds_left: of the probation, as its reason says
seconds_left()
{
	link .reason | sed -n 's/.*carries I\/O again \(in \)\?\([0-9]*\) s.*/\2/p'
}

count_events()
{
	api GET /events | jq --arg type "$1" '[.events[] | select(.type == $type)] | length'
}

for name in a b c; do
	free_port "$name"
done
start_array array --control array.sock --log-level warn --lu ram:128M \
	--portal "127.0.0.1:$a" --portal "127.0.0.1:$b" --portal "127.0.0.1:$c"
gateway_config '.workers = 2' "$a"
start_braidd braid.json
wait_until 10 paths_up 3
LINK=$(link .id)
start_load load --url "$(lun_url 0)" --sessions 3 --depth 8 --seconds 30 --rate 1500 --sizes 4k,64k \
	--mix read=50,write=45,flush=1 --region 64m --timeout 0
wait_until 5 carries

note "the portal flaps"
portal flap:200/1500
wait_until 30 has_event probation-begun "4 failures within"
portal flap:1/3600000 # once more, and no further
wait_until 10 link_is probation
expect_eq "$(count_events probation-begun)" 1 "events for one probation on two workers"
before=$(carried)
left=$(seconds_left)
((left > 0)) || fail "the reason: $(link .reason)"
sleep 1
expect_eq "$(carried)" "$before" "commands on probation"
device_is .state degraded || fail "the disk is $(device .state)"
ctl links | grep -q "probation.*failures within" || fail "$(ctl links)"
ctl paths | grep "$LINK" | grep -q probation || fail "$(ctl paths)"

note "it has been steady"
wait_until 15 has_event probation-ended steady
wait_until 5 carries

note "one more failure is enough, and counts more"
portal flap:1/3600000
wait_until 10 link_is probation
((2 * $(seconds_left) > left)) || fail "no longer than before: $(link .reason), $left"
expect_eq "$(count_events probation-begun)" 2 probations
ctl resume link "$LINK"
wait_until 5 carries
has_event probation-ended administrator || fail "no event about it"
link_is up

end_load load || fail "the load: $(jq -c . load.json)"
expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' load.json)" 0 findings
expect_eq "$(device .stats.io_errors)" 0 errors
stop_pid braidd || fail "braidd did not end well"
