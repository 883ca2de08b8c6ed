#!/bin/bash
# The array is killed and comes back: the hosts' commands wait and go on. Its LUN number then leads to another disk,
# first after a broken link, then under a living one: nothing is ever written to that disk, and the old one is found
# again wherever it turns up.
# row: D4 D11 E12
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

remove_lun()
{
	# tgt refuses while a command is on it, one of the gateway's verifications for example
	wait_until 5 tgt_admin array --op delete --mode logicalunit --tid 1 --lun "$1"
}

# What was at the old numbers stays listed as down.
two_paths_up()
{
	device_is '[.paths[] | select(.state == "up")] | length' 2
}

# The device with this serial number has a LUN number of its own, and is not the device of LUN 0.
is_claimed()
{
	api GET /devices | jq -e --arg serial "$1" 'any(.devices[]; .serial == $serial and .claimed and .lun > 0)'
}

links_up()
{
	[[ $(api GET /status | jq .counts.links_up) == "$1" ]]
}

# untouched FILE: as it was filled
untouched()
{
	cmp "$1" "$1.before" || fail "$1 was written to"
}

start_writers()
{
	start_load "$1" --url "$(lun_url 0)" --sessions 3 --depth 8 --rate 1500 --sizes 4k,64k --region 32m \
		--mix read=40,write=55,fua=5 --timeout 0 --state disk.state "${@:2}"
}

for name in second third; do
	head -c 64M /dev/urandom >$name.img
	cp $name.img $name.img.before
done
free_port a
free_port b
start_tgt array "$a" "$b" serial=first file="$WORK/first.img"
gateway_config '.workers = 2 | .timers.pdo_remove_period = 5 | .timers.path_recovery_interval = 1' "$a" "$b"
start_braidd braid.json
wait_until 10 paths_up 2
ID=$(device .id)

note "the array is killed and started again, twice"
start_writers restarts --seconds 9
for i in 1 2; do
	sleep 1.5
	stop_pid array || true
	wait_until 5 device_is .state no-paths
	sleep 0.5
	start_tgt array "$a" "$b" serial=first file="$WORK/first.img"
	wait_until 10 paths_up 2
done
end_load restarts || fail "the load: $(jq -c . restarts.json)"
expect_eq "$(device .stats.io_errors)" 0 "failed commands"

note "another disk behind the LUN number after a broken link"
start_writers broken --seconds 60 --no-verify
sleep 1
portal_reject "$a"
portal_reject "$b"
wait_until 5 device_is .state no-paths
remove_lun 1
tgt_lun array lun=1 serial=second file="$WORK/second.img"
portal_restore "$a"
portal_restore "$b"
wait_until 10 links_up 2
wait_until 5 has_event path-gone "LUN 1"
wait_until 5 is_claimed second
expect_eq "$(device .state)" no-paths "the state of LUN 0"
wait_until 10 has_event io-failed
kill "${PID[broken]}"
end_load broken && fail "no command failed without its disk"
expect_eq "$(jq .wrong broken.json)" 0 "wrong blocks"
untouched second.img

note "the old disk at another number"
tgt_lun array lun=5 serial=first file="$WORK/first.img"
wait_until 10 two_paths_up
expect_eq "$(device .id)" "$ID" "what LUN 0 is"
start_writers check --verify-only
end_load check || fail "the disk that came back: $(jq -c . check.json)"
untouched second.img

note "another disk behind the LUN number of a living link"
start_writers living --seconds 60 --no-verify
sleep 1
remove_lun 5
wait_until 10 eval '! two_paths_up'
sleep 1
tgt_lun array lun=5 serial=third file="$WORK/third.img"
wait_until 10 is_claimed third
expect_eq "$(device .state)" no-paths "the state of LUN 0"
kill "${PID[living]}"
end_load living && fail "no command failed without its disk"
expect_eq "$(jq .wrong living.json)" 0 "wrong blocks"
untouched third.img
untouched second.img
tgt_lun array lun=9 serial=first file="$WORK/first.img"
wait_until 10 two_paths_up
start_writers check --verify-only
end_load check || fail "the disk that came back: $(jq -c . check.json)"
stop_pid braidd || fail "braidd did not end well"
