#!/bin/bash
# Arrays at run time, under load: added, claimed, removed and added again over the API; kept over kill -9; added,
# changed and removed in the file with a reload. The hosts see no error, and the gateway sends nothing twice.
# row: D1 D9 D11 F4
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

# backend NAME FILTER: of that array, as the API shows it; nothing when there is none
backend()
{
	api GET /backends | jq -r --arg name "$1" ".backends[] | select(.name == \$name) | $2"
}

backend_is()
{
	[[ $(backend "$1" .state) == "$2" ]]
}

# file_has FILTER: changes "backends" of the file and has it read
file_has()
{
	jq "$1" braid.json >braid.next
	mv braid.next braid.json
	kill -HUP "${PID[braidd]}"
}

for name in a b c d e; do
	free_port "$name"
done
controller one "$a" "$b"
controller two "$c" "$d"
start_tgt three "$e" serial=third
# a busy machine must not pass for a silent link
gateway_config '.backends[0].name = "one" | .claims = [] | .workers = 2 | .timers.suspicion_limit = 0 |
	.timers.keepalive_timeout = 5' "$a"
start_braidd braid.json
wait_until 10 backend_is one up
TWO='{"name": "two", "portals": ["127.0.0.1:'$c'"]}'

note "what is wrong is said with its place"
expect_eq "$(api_status POST /backends '{"name": "two", "portals": ["127.0.0.1", "nowhere"]}')" 422 status
expect_eq "$(jq -r .pointer api.body)" "#/portals/1" pointer
expect_eq "$(api_status POST /backends '{"name": "one", "portals": ["127.0.0.2"]}')" 409 "another of that name"
expect_eq "$(api_status DELETE /backends/one)" 409 "one of the file"

note "added and claimed"
expect_eq "$(api_status POST /backends "$TWO")" 201 status
expect_eq "$(api_status POST /backends "$TWO")" 200 "the same again"
ctl backend add three "127.0.0.1:$e" --fence session | grep -q '^backend three: ' || fail "the answer"
wait_until 10 eval 'api GET /devices | jq -e "[.devices[].paths | length] | sort == [1, 4]"'
for serial in shared third; do
	ctl claim --device "$(api GET /devices |
		jq -r --arg serial $serial '.devices[] | select(.serial | startswith($serial)) | .id')"
done
wait_until 10 paths_up 5
expect_eq "$(device .serial 1)" third "the disk of LUN 1"

note "removed and added again under load"
start_load load --url "$(lun_url 0)" --sessions 3 --depth 8 --seconds 12 --rate 1500 --sizes 4k,64k \
	--mix read=50,write=45,flush=1 --region 64m --timeout 0
for ((round = 0; round < 3; round++)); do
	sleep 1
	ctl backend remove two
	wait_until 10 paths_up 3
	wait_until 5 eval '[[ -z $(backend two .state) ]]'
	expect_eq "$(api GET /links | jq '.links | length')" 3 links
	expect_eq "$(ss -Htn state established "dport = :$c or dport = :$d" | wc -l)" 0 "connections to it"
	sleep 0.5
	api POST /backends "$TWO" >/dev/null
	wait_until 10 paths_up 5
done

note "the file"
file_has '.backends += [{ name: "two", portals: ["127.0.0.1:'"$c"'"] }]'
wait_until 5 eval '[[ $(backend two .from_config) == true ]]'
expect_eq "$(api_status DELETE /backends/two)" 409 "now it is of the file"
file_has '.backends[1].fence = "session"'
wait_until 10 eval '[[ $(backend two .fence) == session ]]'
wait_until 10 paths_up 5
file_has 'del(.backends[1])'
wait_until 10 eval '[[ $(backend two .fence) == auto ]]' # that of the API is still wanted
wait_until 10 paths_up 5
end_load load || fail "the load: $(jq -c . load.json)"
expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' load.json)" 0 findings
expect_eq "$(device .stats.io_errors)" 0 errors
expect_eq "$(device .stats.retries)" 0 "commands that were sent again"
expect_eq "$(device .stats.path_failures)" 0 "paths that failed"

note "kill -9"
start_load hard --url "$(lun_url 0)" --sessions 2 --depth 4 --seconds 10 --rate 500 --region 64m --reconnect \
	--timeout 10
sleep 1
stop_pid braidd KILL || true
start_braidd braid.json
wait_until 15 paths_up 5
expect_eq "$(backend two .from_config)" false "it is of the API again"
end_load hard || fail "the load: $(jq -c . hard.json)"
expect_eq "$(jq '.wrong + .failed' hard.json)" 0 findings

note "the last path"
expect_eq "$(api_status DELETE /backends/three)" 409 "the last path"
jq -r .detail api.body | grep -q 'without a path' || fail "the reason: $(<api.body)"
expect_eq "$(api_status DELETE '/backends/three?force=true')" 204 forced
wait_until 10 device_is .state no-paths 1
ctl backend add three "127.0.0.1:$e"
wait_until 10 device_is .state normal 1
expect_eq "$(device .serial 1)" third "the disk of LUN 1"

note "quiet at the end"
stop_pid braidd || fail "braidd did not end well"
! grep 'type=link-down' braidd.log || fail "links that the gateway closes itself are no news"
