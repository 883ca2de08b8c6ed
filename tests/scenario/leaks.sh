#!/bin/bash
# A thousand logins of hosts, a thousand lost links, and a thousand arrays that come and go leave nothing behind: what is
# in use after them is what was in use after the first three hundred, and the leak checker finds nothing at the end.
# row: E1 D1
# timeout: 240
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

FEW=300
MANY=1000
GROWTH_KB=2800 # from the one to the other: less than a page a round; the journal fills up meanwhile

# What was freed is given back at once rather than kept for the detection of its use.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=1:quarantine_size_mb=1:malloc_context_size=8"

rss_kb()
{
	awk '/^VmRSS:/ { print $2 }' "/proc/${PID[braidd]}/status"
}

# not_growing WHAT DO [FEW]: DO N brings the rounds so far to N.
not_growing()
{
	local few=${3:-$FEW} before after

	"$2" "$few"
	before=$(rss_kb)
	"$2" $MANY
	after=$(rss_kb)
	note "$1: $before kB after $few rounds, $after kB after $MANY"
	((after - before < GROWTH_KB)) || fail "$1: $((after - before)) kB more after $((MANY - few)) rounds"
}

# Hosts that look around and go: sessions with commands, and discovery sessions, four at a time.
logins_until()
{
	seq $((LOGINS + 1)) "$1" | LUN=$(lun_url 0) GATEWAY=iscsi://127.0.0.1:$FRONT xargs -P 4 -I '{}' sh -c '
		if [ $(({} % 4)) = 0 ]; then
			iscsi-ls "$GATEWAY" | grep -q Target:
		else
			iscsi-inq -i iqn.2026-11.org.example:host-{} "$LUN" | grep -q Product:
		fi' >logins.out 2>&1 || fail "a login failed: $(<logins.out)"
	LOGINS=$1
	wait_until 5 eval 'api GET /sessions | jq -e ".sessions == []"'
}

links_lost()
{
	api GET /links | jq '[.links[].reconnects] | add'
}

# Portals that go and come about twice a second; how often links are lost is then up to the gateway's backoff.
flaps_until()
{
	local portal

	for ((portal = 0; portal < PORTALS; portal++)); do
		"$BIN/braid-array" --send array.sock portal $portal flap:$((30 + portal))/$((500 + 10 * portal)) >/dev/null
	done
	wait_until 60 eval "((\$(links_lost) >= $1))"
	for ((portal = 0; portal < PORTALS; portal++)); do
		"$BIN/braid-array" --send array.sock portal $portal flap:1/3600000 >/dev/null
	done
	wait_until 15 paths_up $((2 * PORTALS))
}

# requests METHOD: one for each portal of the second half, over one connection
requests()
{
	local portal

	for ((portal = PORTALS / 2; portal < PORTALS; portal++)); do
		((portal == PORTALS / 2)) || echo next
		echo "request = $1"
		printf '%s\n' silent show-error fail 'output = /dev/null'
		if [[ $1 == POST ]]; then
			echo "url = $BRAID_API/api/v1/backends"
			echo 'header = "Content-Type: application/json"'
			printf 'data = "{\\"name\\": \\"a%d\\", \\"portals\\": [\\"127.0.0.1:%d\\"]}"\n' $portal "${ports[portal]}"
		else
			echo "url = $BRAID_API/api/v1/backends/a$portal"
		fi
	done
}

# backends_are N: so many, each with all of its links up
backends_are()
{
	api GET /backends | jq -e ".backends | length == $1 and all(.[]; .state == \"up\")"
}

# Arrays that take a portal over from the one that merely lists it, and leave it to that one again.
arrays_until()
{
	while ((ARRAYS < $1)); do
		curl -K <(requests POST) || fail "an array was refused"
		wait_until 15 backends_are $((1 + PORTALS / 2))
		curl -K <(requests DELETE) || fail "an array was not let go"
		wait_until 15 backends_are 1
		((ARRAYS += PORTALS / 2))
	done
}

PORTALS=24
ports=()
arguments=()
for ((i = 0; i < PORTALS; i++)); do
	free_port port
	ports+=("$port")
	arguments+=(--portal "127.0.0.1:$port,$((i / 4 + 1))")
done
start_array array --log-level warn --control array.sock --lu ram:64M --lu ram:64M:block=4096 "${arguments[@]}"
gateway_config '.workers = 2 | .timers.path_recovery_interval = 1' "${ports[0]}"
start_braidd braid.json
wait_until 15 paths_up $((2 * PORTALS))

LOGINS=0
ARRAYS=0
not_growing "logins of hosts" logins_until
start_load load --url "$(lun_url 0)" --url "$(lun_url 1)" --sessions 2 --depth 4 --rate 200 --seconds 600 --region 8m
not_growing "lost links" flaps_until
not_growing "arrays" arrays_until 600 # the sanitizer itself needs a while
kill "${PID[load]}"
end_load load || fail "the load"
stop_pid braidd || fail "braidd did not end well: $(grep -A 20 Sanitizer braidd.log)"
