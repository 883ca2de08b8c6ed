#!/bin/bash
# Everything at once, by seed: hosts that write, hosts that reserve, administrators that change whatever can be changed,
# arrays that hang, reject, drop, resize and change their groups, and a gateway that is reloaded, ended and killed
# meanwhile. It does not crash, no data is wrong, no fenced host writes, and everything is up at the end.
# BRAID_SECONDS says for how long, BRAID_TEST_SEED repeats the choices.
# row: E1 L3 L4 P9 R1 D9
# timeout: 300
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

SECONDS_LONG=${BRAID_SECONDS:-40}
SEED=${BRAID_TEST_SEED:-$((SRANDOM % 1000000))}
HOST=iqn.2026-11.org.example

array()
{
	"$BIN/braid-array" --send "$1.sock" "${@:2}" >/dev/null 2>&1 || true
}

# pick WORD...: one of them
pick()
{
	local words=("$@")

	echo "${words[RANDOM % $#]}"
}

# ids RESOURCE FILTER: what there is now; nothing while the gateway is away
ids()
{
	api GET "/$1" 2>/dev/null | jq -r ".$1[] | $2" 2>/dev/null || true
}

one_of()
{
	ids "$@" | shuf -n 1 --random-source=<(yes "$RANDOM")
}

# --- administrators ----------------------------------------------------------------------------------------------

change_policy()
{
	local policies=(null 1 2 3 4 5 6 '"latency"')
	local body

	body="{\"policy\": $(pick "${policies[@]}")}"
	case $((RANDOM % 3)) in
	0) tell PUT "/devices/$(one_of devices .id)/policy" "$body" ;;
	1) tell PUT /policies/dsm/generic "$body" ;;
	2) tell PUT /policies/hardware-id/BRAID:RAM-DISK "$body" ;;
	esac
}

change_timers()
{
	local names=(retry_count retry_interval path_verification_period command_timeout path_recovery_interval)
	local body

	body="{\"$(pick "${names[@]}")\": $(pick 1 2 3 null)}"
	case $((RANDOM % 3)) in
	0) tell PATCH /timers "$body" ;;
	1) tell PATCH /timers/dsm/generic "$body" ;;
	2) tell PATCH "/devices/$(one_of devices .id)" "{\"timers\": $body}" ;;
	esac
	tell PATCH /timers "{\"suspicion_limit\": $((RANDOM % 2000)), \"path_verify_enabled\": $(pick true false)}"
}

change_throttle()
{
	local device

	device=$(one_of devices .id)
	tell PATCH "/devices/$device" "{\"throttle\": {\"iops\": $((20 + RANDOM % 500)), \"bytes_per_second\": 4000000}}"
	sleep 0.3
	tell PATCH "/devices/$device" '{"throttle": null}'
	tell PATCH /dsms/generic "{\"throttle\": $(pick null '{"iops":900}')}"
}

maintain()
{
	local resource id

	resource=$(pick links paths backends)
	case $resource in
	links) id=$(one_of links .id) ;;
	paths) id=$(one_of devices '.paths[].id') ;;
	backends) id=$(pick one two) ;;
	esac
	tell POST "/$resource/$id/drain$(pick '' '?force=true')"
	sleep "0.$((RANDOM % 10))"
	tell POST "/$resource/$id/reconnect"
	tell POST "/$resource/$id/resume"
}

rehearse()
{
	tell POST "/links/$(one_of links .id)/rehearse$(pick '' '?force=true')" \
		"{\"seconds\": $((1 + RANDOM % 3)), \"silent\": $(pick true false)}"
}

# the disk that is claimed and unclaimed while it is written to
change_claim()
{
	tell DELETE "/claims/$(ids claims "select(.value == \"$COMES_AND_GOES\") | .id")?force=$(pick true false)"
	sleep "0.$((RANDOM % 5))"
	tell POST /claims "{\"device\": \"$COMES_AND_GOES\"}"
}

change_backend()
{
	tell DELETE "/backends/$(pick two three)?force=true"
	sleep "0.$((RANDOM % 10))"
	tell POST /backends "$TWO"
	tell POST /backends '{"name": "three", "portals": ["127.0.0.1:1"], "fence": "'"$(pick auto session wait)"'"}'
}

look()
{
	local route device

	device=$(one_of devices .id)
	for route in /status /devices /links /sessions /claims /policies /timers /dsms /config /backends '/events?limit=50' \
		"/devices/$device/commands?limit=20" "/devices/$device/commands?remarkable=true" \
		"/devices/$device/reservations" "/links/$(one_of links .id)/rehearse" //metrics //readyz; do
		tell GET "$route"
	done
	"$BIN/braidctl" --url "$BRAID_API" why 0 >/dev/null 2>&1 || true
}

clear_reservations()
{
	tell DELETE "/devices/$(device .id 2 2>/dev/null)/reservations"
}

# What no administrator means.
mistake()
{
	local body

	for body in '' '[]' '{}' 'null' '{"policy": "none"}' '{"policy": 1e99}' '{"timers": {"retry_count": -1}}' \
		'{"throttle": {"iops": 99999999999999999999}}' '{"seconds": 1e300}' '{"portals": {}}' '{"all": "x"}'; do
		tell PATCH "/devices/$(pick 0 %00 %ff "$(one_of devices .id)")" "$body"
		tell POST "$(pick /claims /backends "/links/$(pick %2f 0 9)/rehearse")" "$body"
		tell PUT "/policies/$(pick dsm/generic dsm/%00 hardware-id/%20 hardware-id/%f0%9f)" "$body"
	done
}

# tell METHOD PATH [JSON]: whatever is answered, it is no failure of the gateway; nothing while it is away
tell()
{
	local status API_OPTIONS=(-o /dev/null -w '%{http_code}')

	status=$(api_call "$@" 2>/dev/null) || true
	echo "$status $*" >>"$WORK/told"
	[[ $status != 5* || $status == 503 ]] || fail "$status for $*"
}

# administrator NUMBER: until it is ended
administrator()
{
	RANDOM=$((SEED + $1))
	while :; do
		"$(pick change_policy change_timers change_throttle maintain rehearse change_claim change_backend look \
			look clear_reservations mistake)"
		sleep "0.0$((RANDOM % 10))"
	done
}

# --- arrays ------------------------------------------------------------------------------------------------------

# trouble: until it is ended. What an array does ends within seconds, and touches at most some of the portals.
trouble()
{
	local portal name state=(optimized nonoptimized standby unavailable transitioning)

	RANDOM=$((SEED + 100))
	while :; do
		name=$(pick one one two)
		portal=$((RANDOM % 2))
		[[ $name == two ]] || portal=$((RANDOM % 4))
		case $((RANDOM % 10)) in
		0) array "$name" fault add portal="$portal" opcode="$(pick read write 0xa3 0x5f 0x00)" count=9 action=hang ;;
		1) array "$name" fault add portal="$portal" opcode="$(pick read write)" count=3 action=drop ;;
		2) array "$name" fault add portal="$portal" opcode="$(pick read write)" count=3 action=reject ;;
		3) array "$name" fault add portal="$portal" opcode=write count=20 action=delay:$((RANDOM % 900 + 1)) ;;
		4) array "$name" fault add count=4 action="error:$(pick 6/29/00 6/2a/06 2/04/0a 6/3f/0e 6/2a/09 b/44/00 4/44/00)" ;;
		5) array "$name" fault add count=20 action="status:$(pick busy task-set-full task-aborted)" ;;
		6) array "$name" portal "$portal" "flap:$((100 + RANDOM % 900))/$((100 + RANDOM % 400))" ;;
		7) array "$name" "$(pick logout end)" $((RANDOM % 40)) ;;
		8) array one group $((1 + RANDOM % 2)) "$(pick "${state[@]}")" ;;
		9) array one resize 2 $((16 + 8 * (RANDOM % 2)))M ;;
		esac
		sleep "0.$((RANDOM % 5))"
		((RANDOM % 3)) || heal
	done
}

heal()
{
	local name portal

	for name in one two; do
		array "$name" fault clear
		array "$name" fault release
		for portal in 0 1 2 3; do
			array "$name" portal "$portal" serve
		done
	done
	array one group 1 optimized 2 nonoptimized
}

# --- hosts -------------------------------------------------------------------------------------------------------

# nodes: of a cluster, one fences the other. What an administrator takes away from them or a restart ends is no
# failure of theirs, but a write that comes after the fence is.
nodes()
{
	while sleep 0.2; do
		timeout 60 "$BIN/braid-cluster" fence "$(lun_url 1)" 5 >cluster.out 2>&1 || true
		! grep 'of the fenced host' cluster.out || fail "a fenced host wrote"
		"$BIN/braid-cluster" hold "$(lun_url 2)" >/dev/null 2>&1 || true
	done
}

# hosts_change: who else may log in and what they see, in the file
hosts_change()
{
	jq --arg luns "$(pick all 0-1 '0=2:ro' '1,5=3')" --arg host "$HOST" '.target.hosts = [
		{ iqn: "\($host):load*" }, { iqn: "\($host):node*" }, { iqn: "\($host):other", luns: $luns } ] |
		.timers.retry_count = ($luns | length)' braid.json >new.json
	mv new.json braid.json
	kill -HUP "${PID[braidd]}"
}

others()
{
	while sleep 0.1; do
		timeout 20 "$BIN/braid-load" --url "$(lun_url $((RANDOM % 4)))" --initiator $HOST:other --seconds 2 \
			--mix read=90,tur=10 --region 1m --timeout 5 --no-verify >/dev/null 2>&1 || true
	done
}

# --- the run -----------------------------------------------------------------------------------------------------

# all_up: the paths that there are at the beginning, and no others; prints what is otherwise
all_up()
{
	local found

	found=$(api GET /devices | jq -r '[.devices[].paths[] | select(.state == "up")] | length')
	[[ $found == 18 ]] || {
		echo "$found: $(api GET /devices | jq -c '[.devices[] | [.lun, .state, .reason,
			(.paths[] | select(.state != "up") | [.id, .link, .state, .reason])]]')" \
			"$(api GET /links | jq -c '[.links[] | [.id, .backend, .portal, .state, .reason]]')"
		return 1
	}
}

no_report()
{
	! grep -l -e Sanitizer -e 'runtime error' "$WORK"/braidd*.log "$WORK"/one.log "$WORK"/two.log ||
		fail "the sanitizer reports"
}

# claim_all N: as many devices as there will be, each by itself
claim_all()
{
	local id

	wait_until 20 eval "[[ \$(ids devices .id | wc -l) == $1 ]]"
	for id in $(api GET /devices | jq -r '.devices | sort_by(.serial)[].id'); do
		api POST /claims "{\"device\": \"$id\"}" >/dev/null
	done
}

# restart SIGNAL
restart()
{
	local status=0

	stop_pid braidd "$1" || status=$?
	no_report
	[[ $1 == KILL || $status == 0 ]] || fail "braidd did not end well: $status"
	start_braidd braid.json
}

for name in a b c d e f; do
	free_port "$name"
done
start_array one --log-level error --control one.sock --iqn $HOST:one --alua both --transition-time 2 --lu ram:32M --lu \
	ram:16M --lu ram:16M --lu ram:16M --portal "127.0.0.1:$a,1,1" --portal "127.0.0.1:$b,2,1" \
	--portal "127.0.0.1:$c,3,2" --portal "127.0.0.1:$d,4,2"
start_array two --log-level error --control two.sock --iqn $HOST:two --lu ram:16M --portal "127.0.0.1:$e" \
	--portal "127.0.0.1:$f"
TWO='{"name": "two", "portals": ["127.0.0.1:'$e'"]}'
gateway_config '.workers = 3 | .claims = [] | .backends[0].name = "one" | .timers.path_recovery_interval = 1' "$a"
start_braidd braid.json
claim_all 4 # LUNs 0 to 3
COMES_AND_GOES=$(device .id 3)
api POST /backends "$TWO" >/dev/null
claim_all 5
wait_until 20 all_up

note "seed $SEED, $SECONDS_LONG s"
for lun in 0 3 4; do
	start_load load-$lun --url "$(lun_url $lun)" --initiator $HOST:load-$lun --sessions 2 --depth 8 --reconnect \
		--timeout 30 --rate 800 --sizes 512,4k,64k --region 8m --seconds $((SECONDS_LONG + 5)) --seed $((SEED + lun)) \
		--mix read=45,write=40,fua=8,compare=5,flush=2
done
clients=(nodes others trouble)
for client in "${clients[@]}"; do
	start "$client" "$client"
done
for number in 1 2 3; do
	start "admin$number" administrator "$number"
	clients+=("admin$number")
done

RANDOM=$SEED
end=$((SECONDS + SECONDS_LONG))
while ((SECONDS < end)); do
	sleep $((1 + RANDOM % 3))
	is_running braidd || fail "braidd ended by itself"
	case $((RANDOM % 8)) in
	0) restart KILL ;;
	1) restart TERM ;;
	*) hosts_change ;;
	esac
	for client in "${clients[@]}"; do
		is_running "$client" || fail "$client ended: $(tail -n 1 "$client.log")"
	done
done

note "all is whole again"
for client in "${clients[@]}"; do
	stop_pid "$client" || true
done
heal
array one resize 2 24M
for id in $(ids links .id); do
	tell POST "/links/$id/resume"
done
for id in one two; do
	tell POST "/backends/$id/resume"
done
for id in $(ids devices '.paths[].id'); do
	tell POST "/paths/$id/resume"
done
tell DELETE "/backends/three?force=true"
tell POST /backends "$TWO"
tell POST /claims "{\"device\": \"$COMES_AND_GOES\"}"
tell PATCH /dsms/generic '{"throttle": null}'
wait_until 120 all_up
wait_until 10 eval 'api GET /status | jq -e .healthy'
for lun in 0 3 4; do
	end_load load-$lun || true
	expect_eq "$(jq '.wrong + .identity_changes' load-$lun.json)" 0 "wrong data of LUN $lun"
	(($(jq .total.count load-$lun.json) > 100)) || fail "LUN $lun was not written to"
done
note "$(cut -c1-3 told | sort | uniq -c | xargs)"
stop_pid braidd || fail "braidd did not end well"
no_report
