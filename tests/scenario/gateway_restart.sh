#!/bin/bash
# The gateway is ended and killed, again and again, while hosts write: they log in again to the same LUN numbers with
# the same devices behind them, what was acknowledged is there, and a drained gateway leaves nothing behind.
# row: D9
# timeout: 150
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

KILLS=8

# Which device stands behind which LUN, one line each.
numbers()
{
	api GET /devices | jq -c '.devices[] | select(.claimed) | [.lun, .id, .claimed_by]' | sort
}

same_numbers()
{
	[[ $(numbers) == "$NUMBERS" ]]
}

# The hosts' sessions are there, and write.
load_goes_on()
{
	local written

	written=$(api GET /status | jq .stats.writes)
	wait_until 15 writes_above $((written + 20))
}

writes_above()
{
	(($(api GET /status | jq .stats.writes) > $1))
}

free_port a
free_port b
start_tgt array "$a" "$b" lun=1 serial=first
tgt_lun array lun=2 serial=second blocksize=4096 size=64M
tgt_lun array lun=3 serial=third
gateway_config '.claims = [] | .workers = 2' "$a" "$b"
start_braidd braid.json
wait_until 10 eval 'api GET /devices | jq -e "[.devices[].paths | length] == [2, 2, 2]"'

# Claimed in an order of its own, so that the numbers do not come out so by chance.
for serial in third first second; do
	id=$(api GET /devices | jq -r --arg serial $serial '.devices[] | select(.serial == $serial) | .id')
	api POST /claims "{\"device\": \"$id\"}" >/dev/null
done
NUMBERS=$(numbers)
note "devices: $NUMBERS"
for lun in 0 1 2; do
	expect_eq "$(device .serial $lun)" "$(cut -d' ' -f$((lun + 1)) <<<'third first second')" "serial of LUN $lun"
done

start_load load --url "$(lun_url 0)" --url "$(lun_url 1)" --url "$(lun_url 2)" --sessions 6 --depth 8 --reconnect \
	--timeout 10 --mix read=40,write=50,fua=10 --sizes 512,4k,64k --region 32m --seconds 30 --rate 2500
load_goes_on

note "SIGTERM: drained"
begin=$SECONDS
stop_pid braidd || fail "braidd did not end well"
note "drained in $((SECONDS - begin)) s"
((SECONDS - begin <= 12)) || fail "the drain took too long"
start_braidd braid.json
same_numbers || fail "other numbers after SIGTERM: $(numbers)"
load_goes_on

for ((i = 0; i < KILLS; i++)); do
	sleep "$((RANDOM % 3)).$((RANDOM % 10))" # in the middle of the logins at times, else under full load
	stop_pid braidd KILL && fail "killed, yet it ended well"
	start_braidd braid.json
	same_numbers || fail "other numbers after a kill: $(numbers)"
done
load_goes_on
end_load load || fail "the load: $(jq -c . load.json)"
(($(jq .connection_losses load.json) >= KILLS)) || fail "the hosts noticed too little"
expect_eq "$(jq '.wrong + .identity_changes + .failed' load.json)" 0 "findings"
wait_until 10 eval 'api GET /status | jq -e .healthy'
stop_pid braidd || fail "braidd did not end well"
