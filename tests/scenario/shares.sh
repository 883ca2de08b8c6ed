#!/bin/bash
# Which portal carries how much under each policy, to the command, by the array's own counters: hosts send a number of
# reads one after the other, while commands of other disks hang where a policy has to take notice of them.
# row: P2 P3 P4 P5 P6 P7
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

PORTALS=4

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

ctl()
{
	"$BIN/braidctl" --url "$BRAID_API" "$@"
}

# reads LUN COUNT [BLOCKS]: one after the other, all of them well
reads()
{
	expect_eq "$("$BIN/braid-command" "$(lun_url "$1")" read "$2" ${3-} | sed 's/ ms=.*//')" "status=00 sense=0/0000" \
		"reads of LUN $1"
}

# carried: reads of all disks over each portal since the last `stats reset`, in the order of the portals
carried()
{
	array stats | awk -v portals=$PORTALS '
		{ for (i = 1; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] } sum[v["portal"]] += v["reads"] }
		END { for (i = 0; i < portals; i++) printf "%s%d", i ? " " : "", sum[i]; print "" }'
}

# shares COUNT WANTED...: COUNT reads of LUN 0 go to the portals like this; a number may be off by one (`equal`)
shares()
{
	local count=$1 got i

	shift
	array stats reset >/dev/null
	reads 0 "$count"
	read -ra got < <(carried)
	note "$count reads went to: ${got[*]}"
	for ((i = 0; i < PORTALS; i++)); do
		case ${@:i+1:1} in
		equal)
			((got[i] >= count / PORTALS - 1 && got[i] <= count / PORTALS + 1)) ||
				fail "portal $i carried ${got[i]} of $count"
			;;
		*) expect_eq "${got[i]}" "${@:i+1:1}" "reads over portal $i" ;;
		esac
	done
}

# Of the portals, in their order: PATHS, LINKS of the disk that is LUN 0 here
find_paths()
{
	local port path link

	api GET /links >links.json
	PATHS=() LINKS=()
	for port in "${ports[@]}"; do
		link=$(jq -r --arg port ":$port" '.links[] | select(.portal | endswith($port)) | .id' links.json)
		path=$(device ".paths[] | select(.link == \"$link\") | .id")
		LINKS+=("$link")
		PATHS+=("$path")
	done
	ID=$(device .id)
}

# policy NAME ROLE:WEIGHT...: of LUN 0, for the paths in the order of the portals
policy()
{
	local name=$1 rows='[]' i

	shift
	for ((i = 0; i < PORTALS; i++)); do
		IFS=: read -r role weight <<<"${@:i+1:1}"
		rows=$(jq -c --arg id "${PATHS[i]}" --arg role "$role" --argjson weight "${weight:-0}" \
			'. + [{ id: $id, role: $role, weight: $weight }]' <<<"$rows")
	done
	api PUT "/devices/$ID/policy" "{\"policy\":\"$name\",\"paths\":$rows}" >/dev/null
}

# fallen N..., risen N...: portals refuse, or serve again
fallen()
{
	local n up

	up=$(api GET /status | jq .counts.paths_up)
	for n; do
		array portal "$n" refuse >/dev/null
	done
	wait_until 10 paths_up $((up - 2 * $#))
}

risen()
{
	local n up

	up=$(api GET /status | jq .counts.paths_up)
	for n; do
		array portal "$n" serve >/dev/null
	done
	wait_until 10 paths_up $((up + 2 * $#))
}

# hang NAME LUN BLOCKS: a read of a host that stays inside the array, over the one link that is not drained
hang()
{
	local held

	held=$(array fault list | sed -n 's/^held=\([0-9]*\).*/\1/p')
	array fault add opcode=0x88 count=1 action=hang >/dev/null
	start "$1" "$BIN/braid-command" "$(lun_url "$2")" read 1 "$3"
	wait_until 5 eval "array fault list | grep -q '^held=$((held + 1)) '"
	array fault clear >/dev/null
}

# rest N..., wake N...: links that get no new I/O, and get it again
rest()
{
	local n

	for n; do
		ctl drain link "${LINKS[n]}" >/dev/null
	done
}

wake()
{
	local n

	for n; do
		ctl resume link "${LINKS[n]}" >/dev/null
	done
}

# let_go NAME...: hung reads end well
let_go()
{
	local name

	array fault release >/dev/null
	for name; do
		wait "${PID[$name]}" || fail "$name: $(<"$name.log")"
		unset "PID[$name]"
	done
}

ports=() arguments=()
for ((i = 0; i < PORTALS; i++)); do
	free_port port
	ports+=("$port")
	arguments+=(--portal "127.0.0.1:$port")
done
start_array array --log-level warn --control array.sock --lu ram:16M --lu ram:16M "${arguments[@]}"
# no keepalive may come in between, and hung commands are no reason to leave a link
gateway_config '.workers = 1 | .policies.sequential = false | .backends[0].fence = "session" |
	.timers = { path_recovery_interval: 1, pdo_remove_period: 5, keepalive_interval: 30, keepalive_timeout: 30,
		    command_timeout: 60 }' "${ports[0]}"
start_braidd braid.json
wait_until 10 paths_up $((2 * PORTALS))
find_paths

note "round-robin: equal shares"
policy round-robin active active active active
shares 400 equal equal equal equal
shares 401 equal equal equal equal

note "round-robin-subset: a standby path carries nothing while an active one lives"
policy round-robin-subset active active active standby
shares 300 100 100 100 0
fallen 0 1
shares 100 0 0 100 0
fallen 2
shares 100 0 0 0 100
risen 1
shares 100 0 100 0 0
risen 0 2

note "weighted-paths: the lowest weight, ties to the first, 0xffffffff never"
policy weighted-paths active:9 active:5 active:5 active:4294967295
first=$(device "[.paths[] | select(.id == \"${PATHS[1]}\" or .id == \"${PATHS[2]}\")][0].id")
if [[ $first == "${PATHS[1]}" ]]; then
	shares 50 0 50 0 0
	fallen 1
	shares 50 0 0 50 0
	fallen 2
else
	shares 50 0 0 50 0
	fallen 2
	shares 50 0 50 0 0
	fallen 1
fi
shares 50 50 0 0 0
fallen 0
array stats reset >/dev/null
start lost "$BIN/braid-command" "$(lun_url 0)" read
wait_until 5 eval '(($(device .held) == 1))'
risen 1
wait "${PID[lost]}" || fail "the command that waited for a path: $(<lost.log)"
unset 'PID[lost]'
grep -q status=00 lost.log || fail "the command that waited for a path: $(<lost.log)"
expect_eq "$(carried)" "0 1 0 0" "portals of the read that waited"
risen 0 2

note "least-queue-depth: commands in flight on a link count over all its LUNs"
policy least-queue-depth active active active active
rest 1 2 3
hang first 0 1
hang second 1 1
wake 1
rest 0
hang third 1 1
wake 0
shares 20 0 20 0 0 # two wait on the first link, one on the second; the others rest
let_go first second third
wake 2 3

note "least-blocks: 10 and 20 blocks on one link, none on another; and fewer bytes in more commands"
policy least-blocks active active active active
rest 1 2 3
hang first 0 10
hang second 1 20
wake 1
shares 20 0 20 0 0
rest 0
hang third 0 8
hang fourth 0 8
hang fifth 1 8
wake 0
shares 20 0 20 0 0
let_go first second third fourth fifth
wake 2 3

note "latency: a link that is much slower carries hardly anything"
policy latency active active active active
reads 0 200
array fault add portal=2 opcode=0x88 action=delay:40 >/dev/null
reads 0 200
array stats reset >/dev/null
reads 0 800
read -ra got < <(carried)
note "800 reads went to: ${got[*]}"
((got[2] <= 20)) || fail "the slow link carried ${got[2]} of 800"
array fault clear >/dev/null
stop_pid braidd || fail "braidd did not end well"
stop_pid array || fail "the array did not end well"
