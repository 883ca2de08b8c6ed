#!/bin/bash
# Settings of the gateway, a module and a disk, changed while hosts work: which one counts, what it does at once, what
# is refused, and that it survives kill -9, a reload, and a module that is gone.
# row: L1 L7 P8 P9
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

ctl()
{
	"$BIN/braidctl" --url "$BRAID_API" "$@"
}

# timer_is "VALUE SOURCE" NAME [LUN]
timer_is()
{
	expect_eq "$(device ".timers.$2 | \"\(.value) \(.source)\"" "${3:-0}")" "$1" "$2 of LUN ${3:-0}"
}

# refused STATUS POINTER PATH BODY: so, and nothing has changed
refused()
{
	local before

	before=$(api GET /timers; device '.timers')
	expect_eq "$(api_status PATCH "$3" "$4")" "$1" "status of $4"
	expect_eq "$(jq -r '.pointer // ""' api.body)" "$2" "pointer for $4, $(<api.body)"
	expect_eq "$(api GET /timers; device '.timers')" "$before" "timers after the refused $4"
}

free_port a
free_port b
array()
{
	"$BIN/braid-array" --send array.sock "$@"
}
start_array array --log-level warn --control array.sock --lu ram:16M --lu ram:16M --portal "127.0.0.1:$a" --portal "127.0.0.1:$b"
gateway_config '.timers = { retry_count: 4, keepalive_interval: 1, keepalive_timeout: 1, path_recovery_interval: 1 }' "$a"
start_braidd braid.json
wait_until 10 paths_up 4
ID=$(device .id)

note "levels"
timer_is "20 default" pdo_remove_period
timer_is "4 config" retry_count
ctl timers pdo_remove_period=30 >/dev/null
timer_is "30 gateway" pdo_remove_period
ctl timers --dsm generic pdo_remove_period=40 path_verify_enabled=true >/dev/null
timer_is "40 dsm" pdo_remove_period
timer_is "true dsm" path_verify_enabled
ctl timers 0 pdo_remove_period=50 retry_count=6 >/dev/null
timer_is "50 device" pdo_remove_period
timer_is "40 dsm" pdo_remove_period 1
expect_eq "$(ctl timers 0 | awk '$1 == "pdo_remove_period" { print $2, $3, $4, $5, $6 }')" "50 s device 20 s" "the table"
expect_eq "$(ctl timers --dsm generic --json | jq -r '.timers.pdo_remove_period.value')" 40 "the module's, as JSON"
expect_eq "$(device '.worst_stall | add') $(device .worst_stall_s)" "$(device .worst_stall_s) $(device .worst_stall_s)" \
	"the terms of the worst stall"
expect_eq "$(api GET /status | jq -r '"\(.worst_stall_us / 1000000) \(.worst_stall_device)"')" \
	"$(device .worst_stall_s) $ID" "the worst stall of all"
ctl status | grep -q 'timeouts .* + hold 50 s' || fail "status: $(ctl status)"

note "what is refused"
refused 422 '#/no_such' /timers '{"retry_count": 9, "no_such": 1}'
refused 422 '#/retry_interval' /timers '{"retry_count": 9, "retry_interval": 3601}'
refused 422 '#/retry_interval' /timers/dsm/generic '{"retry_count": 9, "retry_interval": "1"}'
refused 422 '#/fence_wait' /timers/dsm/generic '{"fence_wait": 1}'
refused 422 '#/timers/keepalive_timeout' "/devices/$ID" '{"timers": {"keepalive_timeout": 1}}'
refused 404 '' /timers/dsm/none '{"retry_count": 9}'
refused 404 '' /devices/none '{"timers": {"retry_count": 9}}'
status=0
ctl timers 0 retry_count=many 2>ctl.err || status=$?
expect_eq "$status $(grep -c '#/timers/retry_count' ctl.err)" "1 1" "braidctl's exit status, and the pointer"

note "policies of levels"
policy_is()
{
	expect_eq "$(device '"\(.policy) \(.policy_source)"' "${2:-0}")" "$1" "the policy of LUN ${2:-0}"
}
HARDWARE_ID=$(device .hardware_id)
ctl policy --dsm generic WP | grep -q 'weighted-paths (from: api), 2 devices' || fail "the DSM's policy"
policy_is "weighted-paths dsm"
ctl policy --hardware-id "${HARDWARE_ID// /_}" least-queue-depth >/dev/null
policy_is "least-queue-depth hardware-id"
expect_eq "$(api GET /policies | jq -rc '.hardware_id[] | [.policy, .source, .devices]')" \
	'["least-queue-depth","api",2]' "GET /policies"
ctl policy 0 fail-over-only >/dev/null
policy_is "fail-over-only device"
policy_is "least-queue-depth hardware-id" 1
expect_eq "$(ctl policies | awk '$1 == "DSM" && $2 == "generic" { print $3, $4, $5 }')" "weighted-paths api 0" "the table"
for refusal in 'dsm/generic 422 "vendor"' 'dsm/none 404 1' 'hardware-id/____ 422 1' 'dsm/generic 422 "fastest"'; do
	read -r level want policy <<<"$refusal"
	expect_eq "$(api_status PUT "/policies/$level" "{\"policy\": $policy}")" "$want" "status of $refusal"
done
policy_is "least-queue-depth hardware-id" 1

note "changes under load"
start_load changes --url "$(lun_url 0)" --url "$(lun_url 1)" --sessions 2 --depth 8 --seconds 3 --rate 2000 --region 8m
for ((i = 0; i < 10; i++)); do
	ctl timers 0 retry_interval=$i command_timeout=$((5 + i)) >/dev/null
	ctl timers --dsm generic path_verification_period=$((1 + i)) >/dev/null
	ctl policy --hardware-id "$HARDWARE_ID" $((i % 6 + 1)) >/dev/null
	ctl timers keepalive_timeout=$((1 + i)) suspicion_limit=$((200 * i)) >/dev/null
	sleep 0.1
done
end_load changes || fail "the load: $(jq -c . changes.json)"
expect_eq "$(device .stats.io_errors)" 0 "failed commands"

note "throttle"
# rate WANTED: what a load gets done in three seconds, with the burst at the start and what is under way at the end
rate()
{
	start_load rate --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 3 --region 8m --sizes 4k --mix read=50,write=50 \
		--no-verify
	end_load rate >/dev/null || fail "the load: $(jq -c . rate.json)"
	got=$(jq .total.count rate.json)
	note "$got reads and writes in 3 s, $1 a second wanted"
	((got > 3 * $1 * 9 / 10 && got < 3 * $1 * 11 / 10 + 32)) || fail "the rate"
}
ctl throttle 0 iops=300 | grep -q '300 reads and writes a second (from: device)' || fail "braidctl throttle"
rate 300
ctl throttle 0 bytes_per_second=819200 >/dev/null
rate 200
ctl throttle --dsm generic iops=400 >/dev/null
expect_eq "$(device .throttle.source) $(device .throttle.source 1)" "device dsm" "where the limits come from"
ctl throttle 0 none >/dev/null
rate 400
array portal 0 refuse >/dev/null
array portal 1 refuse >/dev/null
wait_until 10 device_is .state no-paths
expect_eq "$(api_status PATCH "/devices/$ID" '{"throttle": {"iops": 9}}')" 409 "status while there is no path"
jq -e '.detail | contains("no-paths")' api.body >/dev/null || fail "$(<api.body)"
array portal 0 serve >/dev/null
array portal 1 serve >/dev/null
wait_until 10 paths_up 4
expect_eq "$(device .stats.io_errors)" 0 "failed commands"

note "kill -9, a reload"
stop_pid braidd KILL || true
start_braidd braid.json
wait_until 10 paths_up 4
policy_is "fail-over-only device"
policy_is "least-queue-depth hardware-id" 1
ctl policy 0 inherit >/dev/null
ctl policy --hardware-id "$HARDWARE_ID" inherit >/dev/null
policy_is "weighted-paths dsm"
timer_is "50 device" pdo_remove_period
timer_is "40 dsm" pdo_remove_period 1
timer_is "14 device" command_timeout
timer_is "20 default" command_timeout 1
expect_eq "$(api GET /timers | jq -r '.timers.keepalive_timeout | "\(.value) \(.source)"')" "10 gateway" "keepalive_timeout"
jq '.policies.dsm.generic = "least-blocks" | .timers.retry_count = 2 | .timers.pdo_remove_period = 25 | .dsms.timers.generic.pdo_remove_period = 26' \
	braid.json >new.json
mv new.json braid.json
kill -HUP "${PID[braidd]}"
wait_until 5 timer_is "2 config" retry_count 1
timer_is "40 dsm" pdo_remove_period 1 # what the API has set stays
ctl timers --dsm generic pdo_remove_period=inherit >/dev/null
timer_is "26 config" pdo_remove_period 1
policy_is "weighted-paths dsm"
ctl policy --dsm generic inherit | grep -q 'least-blocks (from: config)' || fail "the file's policy is not named"
policy_is "least-blocks dsm"
ctl timers 0 pdo_remove_period=inherit >/dev/null
timer_is "26 config" pdo_remove_period
has_event config "dsms.timers: reloaded" || fail "no event of the reload"

expect_eq "$(device .throttle.iops 1)" 400 "the module's throttle"
ctl throttle --dsm generic none >/dev/null
expect_eq "$(device .throttle 1)" null "the throttle"

note "a warning"
ctl timers path_recovery_interval=26 >/dev/null
has_event recovery-late "26 s" || fail "no warning: $(api GET /events)"
stop_pid braidd || fail "braidd did not end well"
