# gateway.sh - the gateway and its load as most scenarios run them. Sourced after scenario.sh.
# shellcheck shell=bash disable=SC2034

IQN=iqn.2026-11.org.example:braid
FRONT= # the port of the gateway's target
WEB=   # the port of its API
free_port FRONT
free_port WEB

# gateway_config FILTER PORT...: writes braid.json: one backend with these ports of 127.0.0.1, everything claimed,
# timers that suit a test; then the jq FILTER is applied to it.
gateway_config()
{
	local filter=$1

	shift
	jq -n --arg iqn "$IQN" --arg front "127.0.0.1:$FRONT" --arg web "127.0.0.1:$WEB" --arg state "$WORK/state" --args '
		{ target: { iqn: $iqn, portals: [$front] },
		  backends: [ { name: "array", portals: ($ARGS.positional | map("127.0.0.1:" + .)) } ],
		  claims: ["all"],
		  timers: { keepalive_interval: 1, keepalive_timeout: 1, command_timeout: 5, login_timeout: 2,
			    fence_wait: 2 },
		  api: { listen: [$web] },
		  state_dir: $state } | '"$filter" "$@" >braid.json
}

# lun_url LUN: how a host reaches it
lun_url()
{
	echo "iscsi://127.0.0.1:$FRONT/$IQN/$1"
}

# paths_up N: exactly N paths are up now
paths_up()
{
	[[ $(api GET /status | jq .counts.paths_up) == "$1" ]]
}

# device FILTER [LUN]: of the device that is or was presented as that LUN
device()
{
	api GET '/devices' | jq -r --argjson lun "${2:-0}" "first(.devices[] | select(.lun == \$lun)) | $1"
}

# device_is FILTER VALUE [LUN]
device_is()
{
	[[ $(device "$1" "${3:-0}") == "$2" ]]
}

# has_event TYPE [TEXT]: the journal has an event of that type whose message holds the text
has_event()
{
	api GET '/events?limit=1000' | jq -e --arg type "$1" --arg text "${2-}" \
		'any(.events[]; .type == $type and (.message | contains($text)))' >/dev/null
}

# start_load NAME ARGUMENT...: braid-load in the background, its report goes to NAME.json
start_load()
{
	local name=$1

	shift
	start "$name" bash -c 'exec "$@" >"$0.json"' "$name" "$BIN/braid-load" --report json "$@"
}

# end_load NAME: waits for its end; returns its exit status
end_load()
{
	local name=$1 status=0

	wait "${PID[$name]}" || status=$?
	unset "PID[$name]"
	note "$name: status=$status $(jq -c '{ count: .total.count, wrong, failed, hung, gave_up, reconnects, unknown_outcomes,
		longest_stall_ms, final_blocks, findings: .findings[:3] }' "$name.json")"
	return "$status"
}
