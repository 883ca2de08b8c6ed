#!/bin/bash
# Devices are claimed by the configuration and by the API, by hardware ID in its forms, one by one, and all; before
# and after they appear; and let go again. Hosts are told, LUN numbers stay, and what was said survives kill -9.
# row: D5 D6 D8 D9 E12
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

# luns: what a host sees, the numbers on one line
luns()
{
	iscsi-ls -s "iscsi://127.0.0.1:$FRONT" 2>/dev/null | sed -n 's/^ *Lun:\([0-9]*\) .*/\1/p' | sort -n | xargs
}

sees()
{
	[[ $(luns) == "$1" ]]
}

# claim JSON: the id of the claim
claim()
{
	api POST /claims "$1" | jq -r .id
}

# serial_at LUN: of the device there, as a host reads it
serial_at()
{
	iscsi-inq -e 1 -c 128 "$(lun_url "$1")" | sed -n 's/^Unit Serial Number:\[\(.*\)\]$/\1/p' | tr -d ' '
}

# told COUNT: the load's host has had that many unit attentions "reported LUNs data has changed" or more
told()
{
	(($(grep -c 'unit_attention=3f/0e' load.log) >= $1))
}

free_port a
free_port b
start_tgt array "$a" "$b" lun=1 serial=one vendor=BRAID product=ONE
tgt_lun array lun=2 serial=two vendor=BRAID product=TWO_A
tgt_lun array lun=3 serial=three vendor=OTHER product=THREE
gateway_config '.claims = ["BRAID:ONE"] | .workers = 2' "$a" "$b"
start_braidd braid.json
wait_until 10 eval 'api GET /devices | jq -e "[.devices[].paths | length] == [2, 2, 2]"'

note "the configuration's claim"
expect_eq "$(luns)" 0 "LUNs"
expect_eq "$(serial_at 0)" one "LUN 0"
expect_eq "$(api GET /claims | jq -c '[.claims[] | [.kind, .from_config, .devices]]')" '[["hardware_id",true,1]]' claims
expect_eq "$(api_status DELETE "/claims/$(api GET /claims | jq -r '.claims[0].id')")" 409 "its removal by the API"
expect_eq "$(api GET /devices | jq -c '[.devices[] | [.serial, .claimed, .lun, .state]] | sort')" \
	'[["one",true,0,"normal"],["three",false,null,"unclaimed"],["two",false,null,"unclaimed"]]' devices

note "a host is told of each change"
start_load load --url "$(lun_url 0)" --sessions 2 --depth 4 --rate 400 --seconds 600 --region 16m --verbose
wait_until 5 eval 'api GET /sessions | jq -e ".sessions | length == 2"'
by_id=$(claim '{"hardware_id": "braid___two_a___________"}')
wait_until 5 sees "0 1"
expect_eq "$(serial_at 1)" two "LUN 1"
wait_until 5 told 2 # one for each session
expect_eq "$(claim '{"hardware_id": "braid___two_a___________"}')" "$by_id" "the same claim again"
expect_eq "$(api_status POST /claims '{"hardware_id": "braid___two_a___________"}')" 200 "status of the same claim again"
expect_eq "$(api GET /claims | jq '.claims | length')" 2 "number of claims"
by_device=$(claim "$(api GET /devices | jq -c '.devices[] | select(.serial == "three") | { device: .id }')")
wait_until 5 sees "0 1 2"
wait_until 5 told 4

note "claimed before it appears"
claim '{"hardware_id": "LATE"}' >/dev/null # a prefix
tgt_lun array lun=7 serial=later vendor=LATECOME product=FOUR
wait_until 10 sees "0 1 2 3"
expect_eq "$(serial_at 3)" later "LUN 3"
wait_until 5 told 6

note "what is no claim"
for body in '{}' '{"hardware_id": ""}' '{"hardware_id": "VENDOR:PRODUCT-OF-17-CHR"}' '{"all": false}' \
	'{"device": "x", "all": true}' '{"colour": "red"}' '[]'; do
	expect_eq "$(api_status POST /claims "$body")" 422 "status of the claim $body"
done
expect_eq "$(api GET /claims | jq '.claims | length')" 4 "number of claims"

note "let go"
expect_eq "$(api_status DELETE "/claims/$by_device")" 409 "unclaim with hosts logged in"
expect_eq "$(luns)" "0 1 2 3" "LUNs after the refusal"
start_load other --url "$(lun_url 2)" --sessions 1 --depth 16 --seconds 60 --rate 1000 --region 16m --mix write=1 \
	--state other.state
wait_until 5 eval '(($(device .stats.writes 2) > 100))'
expect_eq "$(api_status DELETE "/claims/$by_device?force=true")" 204 "forced, with I/O in flight"
wait_until 5 sees "0 1 3"
wait_until 5 told 8
kill "${PID[other]}"
end_load other && fail "a LUN that is gone takes writes"
# in flight was drained: only commands that came later were refused
jq -e '.wrong == 0 and .unknown_outcomes == 0 and .hung == 0 and .failed > 0 and
	all(.findings[]; contains("sense=5/2500"))' other.json >/dev/null || fail "not drained: $(jq -c . other.json)"
claim "$(api GET /devices | jq -c '.devices[] | select(.serial == "three") | { device: .id }')" >/dev/null
wait_until 5 sees "0 1 2 3"
expect_eq "$(serial_at 2)" three "LUN 2 is the old one again"
start_load other --url "$(lun_url 2)" --verify-only --state other.state
end_load other || fail "acknowledged before the LUN was taken away, and not there"
expect_eq "$(api_status DELETE "/claims/$by_id?force=true")" 204 "the hardware ID's claim"
wait_until 5 sees "0 2 3"

note "all, and kill -9 at once"
expect_eq "$(claim '{"hardware_id": "MSFT2005iSCSIBusType_0x9"}')" all "the id of the claim for every iSCSI device"
stop_pid braidd KILL || true
stop_pid load || true
start_braidd braid.json
wait_until 10 sees "0 1 2 3"
wait_until 10 paths_up 8
for lun in 0 1 2 3; do
	expect_eq "$(serial_at $lun)" "$(cut -d' ' -f$((lun + 1)) <<<'one two three later')" "LUN $lun after kill -9"
done
expect_eq "$(api_status DELETE /claims/all)" 204 "nobody is logged in"
wait_until 5 sees "0 2 3"
jq -e .version state/state.json >/dev/null || fail "the state: $(<state/state.json)"
stop_pid braidd || fail "braidd did not end well"
