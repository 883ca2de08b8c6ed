#!/bin/bash
# Two tgtd over one file, with the same names and two portals each, of which each lists only the one that was asked: the
# portals of one tgtd are found to be siblings, those of the other never. What /devices says of the fence is true at
# once when a portal goes, and no session of the gateway is touched.
# row: F1 D1
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

tgt_iqn()
{
	echo iqn.2026-11.org.example:twin
}

# related TYPE: "PORT PORT" of each such event, sorted
related()
{
	api GET '/events?limit=1000' | jq -r --arg type "$1" '.events[] | select(.type == $type) | .message |
		[scan("127.0.0.1:([0-9]+)")[]] | sort | join(" ")' | sort -u
}

for name in a b c d; do
	free_port "$name"
done
start_tgt left "$a" "$b" file="$WORK/one.img" serial=one
start_tgt right "$c" "$d" file="$WORK/one.img" serial=one
gateway_config '.workers = 2' "$a" "$b" "$c" "$d"
start_braidd braid.json
wait_until 10 paths_up 4
expect_eq "$(device .fence)" wait "the fence before anything was shown"
wait_until 40 device_is .fence session
expect_eq "$(related siblings)" "$(printf '%s\n' "$a $b" "$c $d")" "siblings"
related no-siblings >differ
[[ -s differ ]] || fail "nothing shows that the two differ"
! grep -xE "($a|$b) ($a|$b)|($c|$d) ($c|$d)" differ || fail "portals of one tgtd were not found to be siblings"
expect_eq "$(api GET /links | jq '[.links[].reconnects] | add')" 0 "reconnects"
portal_drop "$b"
wait_until 20 paths_up 3
wait_until 5 device_is .fence wait
portal_restore "$b"
wait_until 20 paths_up 4
wait_until 40 device_is .fence session
stop_pid braidd || fail "braidd did not end well"
