#!/bin/bash
# Two gateways in front of one array, both fenced by keys: hosts write through both while portals are cut; one is killed
# and comes back with fewer workers, and both end. Neither is ever shut out, and no key stays that nobody uses.
# row: F4 F1
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

FRONTS=()
WEBS=()

# gateway NAME INDEX WORKERS: starts one; its target and its API are at FRONTS[INDEX] and WEBS[INDEX]
gateway()
{
	FRONT=${FRONTS[$2]} WEB=${WEBS[$2]}
	gateway_config '.target.iqn = "'"$IQN-$1"'" | .state_dir = "'"$WORK/state-$1"'" | .workers = '"$3" "$a"
	start_braidd braid.json "$1"
	wait_until 10 both_fenced
}

# both_fenced: both disks, by keys, over three paths
both_fenced()
{
	device_is .fence reservation 0
	device_is .fence reservation 1
	paths_up 6
}

# use INDEX: the API of that gateway is asked from now on
use()
{
	BRAID_API=http://127.0.0.1:${WEBS[$1]}
}

# url NAME INDEX: of the disk that only this gateway's hosts write to; both gateways serve both
url()
{
	echo "iscsi://127.0.0.1:${FRONTS[$2]}/$IQN-$1/$2"
}

count_events()
{
	api GET /events | jq --arg type "$1" '[.events[] | select(.type == $type)] | length'
}

# write_through NAME URL SECONDS: a host
write_through()
{
	start_load "$1" --url "$2" --sessions 2 --depth 4 --seconds "$3" --rate 500 --sizes 4k,64k --mix read=40,write=60 \
		--region 32m --timeout 0
}

# fine NAME: the host saw no error
fine()
{
	end_load "$1" || fail "$1: $(jq -c . "$1.json")"
	expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' "$1.json")" 0 "$1"
}

for name in a b c; do
	free_port "$name"
done
for i in 0 1; do
	free_port "FRONTS[$i]"
	free_port "WEBS[$i]"
done
start_array array --control array.sock --log-level warn --lu ram:128M --lu ram:128M \
	--portal "127.0.0.1:$a" --portal "127.0.0.1:$b" --portal "127.0.0.1:$c"
gateway one 0 2
gateway two 1 1

note "hosts of both, and portals that go and come"
write_through first "$(url one 0)" 10
write_through second "$(url two 1)" 25
for port in "$b" "$c" "$a"; do
	portal_reject "$port"
	sleep 1
	portal_restore "$port"
	sleep 1
done
for i in 0 1; do
	use "$i"
	wait_until 15 both_fenced
	expect_eq "$(device .stats.io_errors 0) $(device .stats.io_errors 1)" "0 0" errors
done
fine first

note "the one that holds the reservation is killed; the other one goes on, and can still fence"
write_through third "$(url one 0)" 600
sleep 1
stop_pid one KILL || true
portal_reject "$b"
sleep 2
portal_restore "$b"
use 1
wait_until 15 both_fenced

note "it comes again with fewer workers; the keys of those that are no more go, and only they"
gateway one 0 1
wait_until 20 eval '(($(count_events key-removed) == 6))' # three links to two disks
sleep 1
expect_eq "$(count_events key-removed)" 6 "keys that were taken away"
expect_eq "$(count_events fence-changed)" 0 "changes of the fence"
fine second
stop_pid third || true
use 1
expect_eq "$(count_events key-removed)" 0 "keys that the other one took away"
expect_eq "$(device .stats.io_errors 1)" 0 errors
both_fenced || fail "it is fenced by $(device .fence 0) and $(device .fence 1)"

note "both end, and the array is free"
stop_pid one || fail "the first did not end well"
wait_until 15 both_fenced
stop_pid two || fail "the second did not end well"
for lun in 0 1; do
	"$BIN/braid-load" --url "iscsi://127.0.0.1:$a/iqn.2026-11.org.example:array/$lun" --seconds 1 --region 1m \
		--report json >direct.json || fail "the array is still reserved: $(jq -c . direct.json)"
done
