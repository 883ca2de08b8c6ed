#!/bin/bash
# The hosts' persistent reservations as a cluster uses them: a node that is fenced gets no write through after the answer
# of PREEMPT AND ABORT, while paths die and writes hang in the array; and what was registered with APTPL is there after
# the gateway was killed.
# row: R1
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

# trouble: until it is ended, some writes hang for a while, and links are cut
trouble()
{
	local portals=("$a" "$b" "$c") turn=0

	while sleep 0.2; do
		array fault add opcode=write portal=$((turn % 3)) count=40 action=delay:100 >/dev/null
		sleep 0.2
		portal_reject "${portals[turn % 3]}"
		sleep 0.2
		portal_restore "${portals[turn % 3]}"
		turn=$((turn + 1))
	done
}

for name in a b c; do
	free_port "$name"
done
start_array array --log-level warn --control array.sock --lu ram:16M --portal "127.0.0.1:$a,1" \
	--portal "127.0.0.1:$b,2" --portal "127.0.0.1:$c,3"
gateway_config '.workers = 2' "$a"
start_braidd braid.json
wait_until 10 paths_up 3

note "fencing in peace"
"$BIN/braid-cluster" fence "$(lun_url 0)" 20

note "fencing while paths die"
start trouble trouble
"$BIN/braid-cluster" fence "$(lun_url 0)" 40
stop_pid trouble TERM || true
for port in "$a" "$b" "$c"; do
	portal_restore "$port"
done
wait_until 20 paths_up 3

note "APTPL"
"$BIN/braid-cluster" hold "$(lun_url 0)"
stop_pid braidd KILL || true
start_braidd braid.json
wait_until 10 paths_up 3
export BRAID_URL=$BRAID_API
"$BIN/braidctl" reservations 0 | grep -q 'node-a .* 0x00000000000000a1 *yes' || fail "braidctl reservations"
"$BIN/braid-cluster" check "$(lun_url 0)"

note "the administrator clears"
"$BIN/braid-cluster" hold "$(lun_url 0)"
"$BIN/braidctl" clear-reservations 0
expect_eq "$("$BIN/braidctl" --json reservations 0 | jq -c '[.type, .registrations]')" '[null,[]]' "what is left"
stop_pid braidd || fail "braidd did not end well"
