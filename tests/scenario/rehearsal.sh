#!/bin/bash
# A link is rehearsed away under load: what the report says of the longest command is what the hosts have measured, none
# fails, and the link comes back by itself, also when nobody waits for it and the gateway is reloaded meanwhile. Why each
# command that met it took its path is told afterwards.
# row: L4 F1 E1 P10
# timeout: 180
# build: release
# alone
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

PORTS=()
PORTALS=()
for group in 1 1 2 2; do
	free_port port
	PORTS+=("$port")
	PORTALS+=(--portal "127.0.0.1:$port,$group")
done
start_array array --log-level warn --lu ram:128M --control array.sock "${PORTALS[@]}"
for opcode in read write; do # so that there is always something under way
	"$BIN/braid-array" --send array.sock fault add "opcode=$opcode" action=delay:5 >/dev/null
done
gateway_config '.timers = {} | .workers = 2 | .backends[0].fence = "session"' "${PORTS[0]}"
start_braidd braid.json
wait_until 10 paths_up 4

# link_at PORT: the id of the link to that portal
link_at()
{
	api GET /links | jq -r --arg port ":$1" '.links[] | select(.portal | endswith($port)) | .id'
}

link_is()
{
	[[ $(api GET /links | jq -r --arg id "$1" '.links[] | select(.id == $id) | .state') == "$2" ]]
}

ctl()
{
	"$BIN/braidctl" --url "$BRAID_API" "$@"
}

# rehearsed NAME PORT ARGUMENT...: under load, to its end. The report and the hosts agree.
rehearsed()
{
	local name=$1 link

	link=$(link_at "$2")
	shift 2
	start_load "$name" --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 8 --rate 2000 --sizes 4k,64k \
		--mix read=50,write=45,flush=1 --region 64m --timeout 0
	sleep 2
	ctl rehearse "$link" --seconds 3 --json "$@" >"$name.report" || fail "$name: $(cat "$name.report")"
	end_load "$name" || fail "$name: the load: $(jq -c . "$name.json")"
	note "$name: $(jq -c '[.lost_after_us, .back_after_us, .longest_us, .devices]' "$name.report")"
	expect_eq "$(jq '.wrong + .failed + .connection_losses' "$name.json")" 0 "$name: findings"
	expect_eq "$(jq -r .state "$name.report")" over "$name: state"
	link_is "$link" up || fail "$name: the link is not back"
	jq -e '.lost_after_us != null and .back_after_us != null and .devices[0].failed == 0 and
		.devices[0].commands > 1000' "$name.report" >/dev/null || fail "$name: $(cat "$name.report")"
}

# agrees NAME: the hosts' longest command is the report's, but for what a host's queue and its network add, and what
# else happened in the seconds before and after
agrees()
{
	jq -e -n --slurpfile report "$1.report" --slurpfile load "$1.json" \
		'($load[0].longest_stall_ms - $report[0].longest_us / 1000) | . > -1 and . < 100' >/dev/null
}

# The machine may have had something else to do: a measurement may be repeated once.
measured()
{
	rehearsed "$@"
	agrees "$1" || { note "again"; rehearsed "$1-again" "${@:2}"; agrees "$1-again"; } ||
		fail "$1: report $(jq .longest_us "$1.report") us, hosts $(jq .longest_stall_ms "$1.json") ms"
}

note "a cut"
measured cut "${PORTS[0]}"
jq -e '.devices[0] | .inflight > 0 and .moved + .fenced > 0' cut.report >/dev/null || fail "nothing was under way"
has_event rehearsal-ended "0 failed" || fail "no event"

note "a silence"
measured silent "${PORTS[1]}" --silent
jq -e '.longest_us > 50000' silent.report >/dev/null || fail "nobody felt the silence: $(cat silent.report)"
has_event link-down silent || fail "no link was seen to be silent"

note "why the commands that met it took their paths"
ctl why 0 --remarkable | tee why.txt | tail -n 3
grep -q "its link was lost after" why.txt || fail "no command tells of it"
api GET "/devices/$(device .id)/commands?limit=5" | jq -e '.complete and (.commands | length) == 5 and
	all(.commands[]; (.attempts[0].candidates | length) >= 1 and .sentence != null)' >/dev/null || fail "commands"

note "nobody waits for it, and the gateway is reloaded"
link=$(link_at "${PORTS[2]}")
api POST "/links/$link/rehearse" '{"seconds": 2}' >/dev/null
wait_until 2 link_is "$link" down
if ctl rehearse "$(link_at "${PORTS[3]}")" 2>refused; then
	fail "two rehearsals at a time"
fi
kill -HUP "${PID[braidd]}"
sleep 0.5
link_is "$link" down || fail "it came back before its time"
wait_until 5 link_is "$link" up
wait_until 5 paths_up 4
