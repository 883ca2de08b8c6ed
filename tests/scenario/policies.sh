#!/bin/bash
# Which portal of the array carries what, by the array's own counters, under each policy; settings that are refused
# leave everything as it was; settings that are taken hold under load, over failures and over restarts.
# row: P1 P2 P3 P5 P8 P9
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

# The array's portals, in the order in which the gateway lists the paths: their ports, their numbers at the array.
PORTS=()
NUMBERS=()
PATHS=() # the ids of the paths, in the same order

# carried: what hosts read and wrote over each portal since the last `stats reset`, three numbers
carried()
{
	array stats | awk -v order="${NUMBERS[*]}" '
		{ for (i = 1; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] } sum[v["portal"]] = v["reads"] + v["writes"] }
		END { split(order, n, " "); print sum[n[1]], sum[n[2]], sum[n[3]] }'
}

# share SHARES [ARGUMENT...]: after a short load each portal has carried its share: 0 nothing, 1 as much as the others
share()
{
	local want=$1 got i sum=0 shares=0

	shift
	array stats reset >/dev/null
	start_load share --url "$(lun_url 0)" --depth 8 --seconds 1 --rate 600 --no-verify --region 16m "$@"
	end_load share >/dev/null || fail "the load: $(jq -c . share.json)"
	read -ra got < <(carried)
	note "carried: ${got[*]}, shares wanted: $want"
	for i in 0 1 2; do
		((sum += got[i], shares += ${want:i:1})) || true
	done
	((sum > 300)) || fail "hardly any I/O"
	for i in 0 1 2; do
		# commands that are neither reads nor writes take turns as well
		((${want:i:1} * sum / shares - got[i] <= 10 && got[i] - ${want:i:1} * sum / shares <= 10)) ||
			fail "portal $i carried ${got[i]} of $sum"
	done
}

# rows ROW...: JSON of all paths; a ROW is role:weight:preferred, in the order of the array's portals
rows()
{
	local row role weight preferred i=0 out=()

	for row; do
		IFS=: read -r role weight preferred <<<"$row"
		out+=("{\"id\":\"${PATHS[i++]}\",\"role\":\"$role\",\"weight\":${weight:-0},\"preferred\":${preferred:-false}}")
	done
	(IFS=,; echo "[${out[*]}]")
}

# set_policy POLICY [ROW...]
set_policy()
{
	if [[ $# -eq 1 ]]; then
		api PUT "/devices/$ID/policy" "{\"policy\":\"$1\"}" >/dev/null
	else
		api PUT "/devices/$ID/policy" "{\"policy\":\"$1\",\"paths\":$(rows "${@:2}")}" >/dev/null
	fi
}

settings()
{
	device '{ policy, policy_source, paths: [.paths[] | { id, role, weight, preferred }] }' | jq -cS .
}

# refused POINTER JSON: with that pointer, and nothing has changed
refused()
{
	local before

	before=$(settings)
	expect_eq "$(api_status PUT "/devices/$ID/policy" "$2")" 422 "status of $2"
	expect_eq "$(jq -r .pointer api.body)" "#$1" "pointer for $2, $(<api.body)"
	expect_eq "$(settings)" "$before" "settings after the refused $2"
}

# port_of PATH: where its portal listens; path_at PORT: the path that leads there
port_of()
{
	local link

	link=$(device ".paths[] | select(.id == \"$1\") | .link")
	api GET /links | jq -r --arg id "$link" '.links[] | select(.id == $id) | .portal | sub(".*:"; "")'
}

path_at()
{
	local path

	for path in $(device '.paths[].id'); do
		[[ $(port_of "$path") != "$1" ]] || echo "$path"
	done
}

order_paths()
{
	local path port i

	for path in $(device '.paths[].id'); do
		port=$(port_of "$path")
		PATHS+=("$path")
		PORTS+=("$port")
		for i in 0 1 2; do
			[[ ${ports[i]} != "$port" ]] || NUMBERS+=("$i")
		done
	done
}

find_paths()
{
	local i

	for i in 0 1 2; do
		PATHS[i]=$(path_at "${PORTS[i]}")
	done
}

# fallen N: portal N refuses, and its path is down; risen N: it is up again
fallen()
{
	array portal "${NUMBERS[$1]}" refuse >/dev/null
	wait_until 5 eval "[[ \$(device '.paths[] | select(.id == \"${PATHS[$1]}\") | .state') == down ]]"
}

risen()
{
	array portal "${NUMBERS[$1]}" serve >/dev/null
	wait_until 10 eval "[[ \$(device '.paths[] | select(.id == \"${PATHS[$1]}\") | .state') == up ]]"
}

ports=()
for i in 0 1 2; do
	free_port port
	ports+=("$port")
done
start_array array --log-level warn --control array.sock --lu ram:64M --portal "127.0.0.1:${ports[0]}" \
	--portal "127.0.0.1:${ports[1]}" --portal "127.0.0.1:${ports[2]}"
gateway_config '.workers = 1 | .timers.path_recovery_interval = 1' "${ports[0]}"
start_braidd braid.json
wait_until 10 paths_up 3
ID=$(device .id)
HARDWARE_ID=$(device .hardware_id)
order_paths

note "the default is round-robin"
expect_eq "$(device '"\(.policy) \(.policy_source)"')" "round-robin default" "policy"
share 111
fallen 1
share 101
risen 1
share 111

note "fail-over-only: one path, the next one when it fails, and no way back by itself"
set_policy fail-over-only
share 100
fallen 0
share 010
risen 0
share 010
fallen 1
share 100
risen 1

note "fail-over-only with a preferred path goes back to it"
set_policy fail-over-only standby::false active::false standby::true
share 001
fallen 2
share 010
risen 2
share 001

note "and only by hand, when that was said"
by_hand="{\"policy\": 1, \"failback\": \"manual\", \"paths\": $(rows standby::false active::false standby::true)}"
api PUT "/devices/$ID/policy" "$by_hand" >/dev/null
expect_eq "$(device .failback)" manual "failback"
fallen 2
share 010
risen 2
share 010
api PUT "/devices/$ID/policy" "$by_hand" >/dev/null
share 001

note "round-robin-subset: the standby path rests while an active one lives"
set_policy round-robin-subset active active standby
share 110
fallen 0
share 010
fallen 1
share 001
risen 0
share 100
risen 1
share 110

note "weighted-paths: the lowest weight"
set_policy weighted-paths active:10 active:5 active:20
share 010
fallen 1
share 100
risen 1
share 010

note "what is refused"
refused /policy '{"policy":"fastest"}'
refused /policy '{"policy":9}'
refused /policy '{"paths":[]}'
refused /paths/1/id "$(rows active active standby | jq -c '{policy: 3, paths: (.[1].id = "p999")}')"
refused /paths/2/id "$(rows active active standby | jq -c '{policy: 3, paths: (.[2].id = .[0].id)}')"
refused /paths "$(rows active active standby | jq -c '{policy: 3, paths: .[:2]}')"
refused /paths "$(rows standby standby standby | jq -c '{policy: 3, paths: .}')"
refused /paths/0/role "$(rows sleeping active standby | jq -c '{policy: 3, paths: .}')"
refused /paths/1/weight "$(rows active active:-1 standby | jq -c '{policy: 5, paths: .}')"
refused /paths/2/role "$(rows active standby active | jq -c '{policy: 1, paths: .}')"
refused /paths/1/preferred "$(rows active:0:true standby:0:true standby | jq -c '{policy: 1, paths: .}')"
refused /failback '{"policy":1,"failback":"manual"}'
refused /colour '{"policy":2,"colour":"red"}'
share 010

note "levels: device, hardware ID, DSM, default"
# level JSON WANTED: the policies of the configuration, reloaded
level()
{
	jq --argjson p "$1" '.policies = $p' braid.json >new.json
	mv new.json braid.json
	kill -HUP "${PID[braidd]}"
	wait_until 5 device_is '"\(.policy) \(.policy_source)"' "$2"
}
level '{"default": "fail-over-only"}' "weighted-paths device"
api PUT "/devices/$ID/policy" '{"policy": null}' >/dev/null
expect_eq "$(device '"\(.policy) \(.policy_source)"')" "fail-over-only default" "inherited policy"
level '{"default": 1, "dsm": {"generic": "weighted-paths"}}' "weighted-paths dsm"
level "$(jq -n --arg id "$HARDWARE_ID" '{dsm: {generic: 5}, hardware_id: {($id): 3}}')" "round-robin-subset hardware-id"
level '{"dsm": {"generic": "RR"}}' "round-robin dsm"
level '{}' "round-robin default"

note "changes under load"
start_load changes --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 5 --rate 2000 --region 16m
for ((i = 0; i < 8; i++)); do
	set_policy fail-over-only active standby standby:0:true
	set_policy round-robin
	set_policy round-robin-subset standby active active
	set_policy weighted-paths active:3 active:2 active:1
	set_policy least-queue-depth
	sleep 0.2
done
end_load changes || fail "the load: $(jq -c . changes.json)"
expect_eq "$(device .stats.io_errors)" 0 "failed commands"

note "restarts"
set_policy fail-over-only standby:7 active:8:false standby:9:true
share 001
stop_pid braidd || fail "braidd did not end well"
start_braidd braid.json
wait_until 10 paths_up 3
find_paths
kept='[["standby",7,false],["active",8,false],["standby",9,true]]'
expect_eq "$(for path in "${PATHS[@]}"; do
	device ".paths[] | select(.id == \"$path\") | [.role, .weight, .preferred]"
done | jq -cs .)" "$kept" "settings by portal after a restart"
expect_eq "$(device .policy)" fail-over-only "policy after a restart"
share 001
stop_pid braidd KILL || true
start_braidd braid.json
wait_until 10 paths_up 3
find_paths
share 001
set_policy round-robin
stop_pid braidd || fail "braidd did not end well"
