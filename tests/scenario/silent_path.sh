#!/bin/bash
# A cable is pulled under load, with the timers as they come: the longest command that a host sees stays below a second
# and none fails, whether the fence is a login through a portal of the same group or the reservation, and whichever the
# array. A link that is reset costs hardly anything.
# row: E1 L4 F1
# timeout: 240
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

PULLED_MS=1000
RESET_MS=200
FORM= # of the fence that the disk must have

# stall NAME EVENT PORT LIMIT: the event at that portal in the middle of a mixed load. Fails when a command does;
# returns whether the longest one ended within LIMIT.
stall()
{
	local name=$1 event=$2 port=$3 limit=$4 longest

	wait_until 60 device_is .fence "$FORM"
	start_load "$name" --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 6 --rate 2000 --sizes 4k,64k \
		--mix read=50,write=45,flush=1 --region 64m --timeout 0
	sleep 2.5
	"$event" "$port"
	end_load "$name" || fail "$name: the load: $(jq -c . "$name.json")"
	expect_eq "$(jq '.wrong + .failed + .connection_losses' "$name.json")" 0 "$name: findings"
	longest=$(jq .longest_stall_ms "$name.json")
	note "$name: the longest command took $longest ms"
	portal_restore "$port"
	wait_until 20 paths_up 4
	jq -e ".longest_stall_ms < $limit" "$name.json" >/dev/null
}

# The machine may have had something else to do: a measurement may be repeated once.
measure()
{
	stall "$@" || { note "again"; stall "$1-again" "${@:2}"; } ||
		fail "$1: $(api GET /events | jq -c '[.events[] | select(.type != "link-found") | [.time_us, .type, .message]]')"
}

# begin FENCE: the gateway, whose array listens at PORTS
begin()
{
	gateway_config ".timers = {} | .workers = 2 | .backends[0].fence = \"$1\"" "${PORTS[@]}"
	start_braidd braid.json
	wait_until 10 paths_up 4
}

free_ports()
{
	local port i

	PORTS=()
	for ((i = 0; i < 4; i++)); do
		free_port port
		PORTS+=("$port")
	done
}

# scene FENCE GROUP...: an array with a portal for each of the portal groups, and a gateway; the ports are in PORTS
scene()
{
	local fence=$1 group i=0 arguments=()

	shift
	free_ports
	for group; do
		arguments+=(--portal "127.0.0.1:${PORTS[i++]},$group")
	done
	start_array array --log-level warn --lu ram:128M "${arguments[@]}"
	begin "$fence"
}

scene_tgt()
{
	free_ports
	start_tgt array "${PORTS[@]}" size=128M
	begin auto
}

end_scene()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || [[ -n ${TGT[array]-} ]] || fail "the array did not end well"
	rm -rf state
}

note "four portals of one group, fence by a login"
FORM=session
scene session 1 1 1 1
measure pulled portal_drop "${PORTS[0]}" $PULLED_MS
measure reset portal_kill_established "${PORTS[1]}" $RESET_MS
has_event fenced "form session" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
has_event link-down silent || fail "no link was seen to be silent"
end_scene

note "four groups, fence by the reservation"
scene auto 1 2 3 4
FORM=reservation
if device_is .fence reservation; then
	measure pulled-alone portal_drop "${PORTS[0]}" $PULLED_MS
	measure reset-alone portal_kill_established "${PORTS[2]}" $RESET_MS
	has_event fenced "form reservation" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
else
	note "left out: the array has no persistent reservations"
fi
end_scene

note "tgt"
# It lists each portal by itself: that a login through one ends the sessions of another has to be shown first.
FORM=session
scene_tgt
measure pulled-tgt portal_drop "${PORTS[0]}" $PULLED_MS
has_event fenced "form session" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
measure reset-tgt portal_kill_established "${PORTS[1]}" $RESET_MS
end_scene
