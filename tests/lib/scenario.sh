# scenario.sh - what a scenario script stands on. Sourced as its first act:
#
#   #!/bin/bash
#   # row: L3 L4          rows of tests/lib/rows.tsv that this script shows
#   # timeout: 90         seconds, 120 unless given
#   # build: release      the tree whose programs it runs, asan unless given
#   # alone               no other test beside it (measurements)
#   . "$(dirname "$0")/../lib/scenario.sh"
#
# The script then runs under `set -eu -o pipefail` in a temporary folder ($WORK, also the current one), in network,
# mount and process namespaces of its own: only a loopback interface, an own /run/tgtd, and no process outlives it.
# Where namespaces are not permitted it runs without; ports then come from free_port, and what was started is ended
# by process id. Standard output and error are its log; exit 0 is success, 77 is skipped. $BIN holds the programs.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/script.sh"

scenario_isolate()
{
	local -a namespaces=(unshare --net --mount --pid --fork --mount-proc --kill-child --)
	local seconds=$(($(script_setting "$0" timeout 120) + ${BRAID_SECONDS:-0})) # see everything.sh

	"${namespaces[@]}" true 2>/dev/null || namespaces=()
	export BRAID_SCENARIO=shared
	((${#namespaces[@]} == 0)) || BRAID_SCENARIO=isolated
	exec "${namespaces[@]}" timeout -k 10 "$seconds" bash "$0" "$@" </dev/null
}

[[ -n ${BRAID_SCENARIO-} ]] || scenario_isolate "$@"

set -eu -o pipefail
NAME=$(basename "$0" .sh)
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BRAID_BUILD_DIR:-$ROOT/build/$(script_setting "$0" build asan)}
BIN=$BUILD/bin
WORK=$(mktemp -d "${TMPDIR:-/tmp}/braid-$NAME.XXXXXX")
declare -A PID=()  # of what was started, by name
declare -A TGT=()  # tgtd control port, by name
NFT_TABLE=         # set once path faults are used
BRAID_API=         # http://address:port of the last braidd
BRAID_TOKEN=${BRAID_TOKEN-}
NEXT_PORT=${BRAID_BASE_PORT:-23000}
NEXT_CONTROL=$((100 + $$ % 30000))
cd "$WORK"

# --- outcome -----------------------------------------------------------------------------------------------------

note()
{
	printf '%(%H:%M:%S)T %s\n' -1 "$*"
}

fail()
{
	note "FAILED at line ${BASH_LINENO[-2]}: $*"
	exit 1
}

# Not possible here: skipped on a developer's machine, failed where everything must run.
skip()
{
	if [[ -n ${CI-} ]]; then
		fail "cannot be skipped in CI: $*"
	fi
	note "skipped: $*"
	exit 77
}

expect_eq()
{
	[[ $1 == "$2" ]] || fail "${3:-value}: got \"$1\", want \"$2\""
}

# wait_until SECONDS COMMAND...: runs the command every 50 ms until it succeeds; fails after SECONDS, with what it printed
# last. In a subshell, so that an expectation that is not met yet is asked again instead of ending the script.
wait_until()
{
	local seconds=$1 end=$((SECONDS + $1))

	shift
	until ("$@") >"$WORK/.wait_until" 2>&1; do
		((SECONDS <= end)) || fail "not within $seconds s: $*: $(tail -n 1 "$WORK/.wait_until")"
		sleep 0.05
	done
}

scenario_end()
{
	local status=$? name

	trap - EXIT
	set +e
	{
		for name in "${!PID[@]}"; do
			kill -"$(end_signal "$name")" "${PID[$name]}"
		done
		for name in "${!PID[@]}"; do
			end_within 5 "${PID[$name]}"
		done
	} 2>/dev/null # where bash reports each child that was killed
	[[ -z $NFT_TABLE ]] || nft delete table inet "$NFT_TABLE"
	cd /
	((status == 0 || status == 77)) || tail -n 15 "$WORK"/*.log 2>/dev/null
	if [[ -n ${BRAID_KEEP_WORK-} ]]; then
		note "kept: $WORK"
	else
		rm -rf "$WORK"
	fi
	exit "$status"
}

# end_within SECONDS PID: waits for a process that was told to end, and kills it when it does not.
end_within()
{
	local end=$((SECONDS + $1))

	while kill -0 "$2" 2>/dev/null; do
		((SECONDS <= end)) || kill -KILL "$2" 2>/dev/null
		sleep 0.05
	done
	wait "$2"
}

trap scenario_end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

if [[ $BRAID_SCENARIO == isolated ]]; then
	ip link set lo up
	mkdir -p /run/tgtd
	mount -t tmpfs tgtd /run/tgtd
fi

# --- processes and ports -----------------------------------------------------------------------------------------

# free_port VARIABLE: a TCP port that nobody listens on and no earlier call gave.
free_port()
{
	while [[ -n $(ss -Hltn "sport = :$NEXT_PORT") ]]; do
		((NEXT_PORT++)) || true
	done
	printf -v "$1" %d "$NEXT_PORT"
	((NEXT_PORT++)) || true
}

# start NAME COMMAND...: in the background, output into NAME.log, process id in PID[NAME].
start()
{
	local name=$1

	shift
	"$@" >>"$WORK/$name.log" 2>&1 &
	PID[$name]=$!
	note "started $name pid=$!: $*"
}

is_running()
{
	kill -0 "${PID[$1]-}" 2>/dev/null
}

# The signal that ends NAME: tgtd does not take SIGTERM while it has targets, and keeps nothing in memory.
end_signal()
{
	[[ -n ${TGT[$1]-} ]] && echo KILL || echo TERM
}

# stop_pid NAME [SIGNAL]: ends what `start NAME` began and returns its exit status.
stop_pid()
{
	local pid=${PID[$1]} status=0

	kill -"${2:-$(end_signal "$1")}" "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || status=$?
	unset "PID[$1]"
	note "stopped $1 pid=$pid status=$status"
	return "$status"
}

port_is_open()
{
	(exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null
}

# wait_ready NAME SECONDS COMMAND...: until the command succeeds; fails at once when NAME has ended.
wait_ready()
{
	local name=$1 end=$((SECONDS + $2))

	shift 2
	until "$@" >/dev/null 2>&1; do
		is_running "$name" || fail "$name ended before it was ready"
		((SECONDS <= end)) || fail "$name is not ready: $*"
		sleep 0.05
	done
}

# --- arrays ------------------------------------------------------------------------------------------------------

# option NAME DEFAULT KEY=VALUE...: the value of NAME among the pairs.
option()
{
	local name=$1 value=$2 pair

	shift 2
	for pair; do
		[[ $pair != "$name="* ]] || value=${pair#*=}
	done
	printf %s "$value"
}

tgt_admin()
{
	local name=$1

	shift
	tgtadm -C "${TGT[$name]}" --lld iscsi "$@"
}

# tgt_lun NAME KEY=VALUE...: another LUN of a running tgtd. Its designators follow from the serial number alone, so
# that two tgtd with the same serial (and file) are two controllers of one logical unit.
#   lun=1 size=64M file=(NAME-LUN.img) blocksize=512 serial=NAME-LUN vendor=IET product=VIRTUAL-DISK
tgt_lun()
{
	local name=$1 lun file serial id

	shift
	lun=$(option lun 1 "$@")
	file=$(option file "$WORK/$name-$lun.img" "$@")
	serial=$(option serial "$name-$lun" "$@")
	id=$(cksum <<<"$serial")
	[[ -e $file ]] || truncate -s "$(option size 64M "$@")" "$file"
	# tgt shows an LU before its names are set, and tells nobody when they are: the gateway must not look in between
	[[ -z ${PID[braidd]-} ]] || kill -STOP "${PID[braidd]}"
	tgt_admin "$name" --op new --mode logicalunit --tid 1 --lun "$lun" -b "$file" \
		--blocksize "$(option blocksize 512 "$@")"
	tgt_admin "$name" --op update --mode logicalunit --tid 1 --lun "$lun" --params "$(
		printf 'vendor_id=%s,product_id=%s,scsi_sn=%s,scsi_id=%08x' "$(option vendor IET "$@")" \
			"$(option product VIRTUAL-DISK "$@")" "$serial" "${id%% *}")"
	[[ -z ${PID[braidd]-} ]] || kill -CONT "${PID[braidd]}"
}

tgt_iqn()
{
	echo "iqn.2026-11.org.example:$1"
}

# start_tgt NAME PORT... [KEY=VALUE...]: one tgtd that listens on 127.0.0.1 at these ports (or ADDRESS:PORT), with
# one target, tgt_iqn NAME, and one LUN with the options of tgt_lun. Started again after stop_pid it has its old data.
start_tgt()
{
	local name=$1 arg portals=() options=()

	shift
	for arg; do
		case $arg in
		*=*) options+=("$arg") ;;
		*:*) portals+=("portal=$arg") ;;
		*) portals+=("portal=127.0.0.1:$arg") ;;
		esac
	done
	TGT[$name]=$((NEXT_CONTROL++))
	arg=$(IFS=,; echo "${portals[*]}")
	start "$name" tgtd -f -C "${TGT[$name]}" --iscsi "$arg"
	wait_ready "$name" 10 tgt_admin "$name" --op show --mode target
	tgt_admin "$name" --op new --mode target --tid 1 -T "$(tgt_iqn "$name")"
	tgt_lun "$name" "${options[@]}"
	tgt_admin "$name" --op bind --mode target --tid 1 -I ALL
}

# start_array NAME ARGUMENT...: braid-array with these arguments; returns when it says on --ready-fd that it listens.
start_array()
{
	local name=$1 line='' end=$((SECONDS + 15))

	shift
	[[ -p $name.ready ]] || mkfifo "$name.ready"
	exec {ready}<>"$name.ready"
	start "$name" "$BIN/braid-array" --ready-fd "$ready" "$@"
	until read -r -t 0.2 -u "$ready" line || [[ -n $line ]]; do
		is_running "$name" || fail "$name ended before it was ready"
		((SECONDS <= end)) || fail "$name is not ready"
	done
	exec {ready}>&-
}

# --- the gateway -------------------------------------------------------------------------------------------------

# start_braidd CONFIG [NAME [ARGUMENT...]]: waits for /healthz of its API, or for its first target portal when the
# configuration has no API, and sets BRAID_API.
start_braidd()
{
	local config=$1 name=${2:-braidd} listen portal

	start "$name" "$BIN/braidd" --config "$config" "${@:3}"
	listen=$(jq -r '.api.listen[0] // empty' "$config")
	if [[ -n $listen ]]; then
		BRAID_API=http://${listen/0.0.0.0/127.0.0.1}
		wait_ready "$name" 20 curl -sf -m 2 "$BRAID_API/healthz"
	else
		portal=$(jq -r '.target.portals[0]' "$config")
		wait_ready "$name" 20 port_is_open "${portal##*:}"
	fi
}

# The words of a call of the API: METHOD PATH [JSON]. PATH is below /api/v1 unless it begins with a double slash.
api_call()
{
	local path=$2 arguments=(-sS -m 20 -X "$1")

	case $path in
	//*) path=${path#/} ;;
	*) path=/api/v1$path ;;
	esac
	[[ -z $BRAID_TOKEN ]] || arguments+=(-H "Authorization: Bearer $BRAID_TOKEN")
	[[ $# -lt 3 ]] || arguments+=(-H 'Content-Type: application/json' --data-binary "$3")
	curl "${arguments[@]}" "${API_OPTIONS[@]}" "$BRAID_API$path"
}

# api GET|POST|PUT|PATCH|DELETE PATH [JSON]: prints the body; fails when the status is not 2xx.
api()
{
	local API_OPTIONS=(--fail-with-body)

	api_call "$@"
}

# The same, prints the status code only.
api_status()
{
	local API_OPTIONS=(-o "$WORK/api.body" -w '%{http_code}')

	api_call "$@"
}

# --- faults of a path on the loopback interface ------------------------------------------------------------------
# By nftables, in a table of this script's own. Both directions of a connection pass the input hook, so a rule for
# the destination port holds what the client sends, one for the source port what the server sends.

need_nft()
{
	[[ -z $NFT_TABLE ]] || return 0
	local table=braid_${NAME//[^a-z0-9]/_}_$$

	nft add table inet "$table" 2>/dev/null || skip "nftables is not permitted here"
	nft add chain inet "$table" input '{ type filter hook input priority 0; }'
	NFT_TABLE=$table
}

# portal_rules PORT RULE...: exactly these rules for a port, in one transaction; RST packets always pass, so that the
# resets of the rules reach their receivers.
portal_rules()
{
	local port=$1 rule

	need_nft
	shift
	nft list chain inet "$NFT_TABLE" "port_$port" >/dev/null 2>&1 || nft -f - <<-END
		add chain inet $NFT_TABLE port_$port
		add rule inet $NFT_TABLE input tcp dport $port jump port_$port
		add rule inet $NFT_TABLE input tcp sport $port jump port_$port
	END
	{
		echo "flush chain inet $NFT_TABLE port_$port"
		for rule; do
			echo "add rule inet $NFT_TABLE port_$port $rule"
		done
	} | nft -f -
}

# Nothing passes any more, and nobody is told: a cable pulled out.
portal_drop()
{
	note "portal $1: drop"
	portal_rules "$1" drop
}

# Every packet is answered with a reset: established connections end at their next packet, new ones are refused.
portal_reject()
{
	note "portal $1: reject"
	portal_rules "$1" 'tcp flags & rst == rst accept' 'reject with tcp reset'
}

# New connections are refused; established ones live on.
portal_refuse()
{
	note "portal $1: refuse"
	portal_rules "$1" "tcp dport $1 tcp flags & (syn | ack) == syn reject with tcp reset"
}

# Connections established now end with a reset at their next packet; new ones are accepted.
portal_kill_established()
{
	local peers

	peers=$(ss -Htn state established "sport = :$1" | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -u | paste -sd,)
	note "portal $1: kill established peers=$peers"
	[[ -n $peers ]] || return 0
	portal_rules "$1" 'tcp flags & rst == rst accept' \
		"tcp dport $1 tcp sport { $peers } reject with tcp reset" \
		"tcp sport $1 tcp dport { $peers } reject with tcp reset"
}

portal_restore()
{
	note "portal $1: restore"
	portal_rules "$1"
}
