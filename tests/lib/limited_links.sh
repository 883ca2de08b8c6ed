# limited_links.sh - an array in a network namespace of its own, behind links of limited rate. Sourced after scenario.sh
# and gateway.sh; needs the namespaces of scenario.sh.
# shellcheck shell=bash

LINK_PORT=3260
LINKS=() # the array's address on each link

# limit_rate NAMESPACE DEVICE RATE: of what leaves through it. The queue behind the limit is longer than a load's depth,
# so that nothing is dropped.
limit_rate()
{
	local -a in=()

	[[ -z $1 ]] || in=(ip netns exec "$1")
	"${in[@]}" ip link set "$2" txqueuelen 4000
	"${in[@]}" tc qdisc replace dev "$2" root handle 1: htb default 1
	"${in[@]}" tc class replace dev "$2" parent 1: classid 1:1 htb rate "$3" burst 64k cburst 64k quantum 60000
}

# links_begin RATE...: a link for each rate, limited in both directions
links_begin()
{
	local rate n=0

	[[ $BRAID_SCENARIO == isolated ]] || skip "network namespaces are not permitted here"
	mkdir -p /run/netns
	mountpoint -q /run/netns || mount -t tmpfs netns /run/netns # this script's own
	ip netns add array 2>/dev/null || skip "network namespaces cannot be named here"
	ip -n array link set lo up
	LINKS=()
	for rate; do
		((++n))
		ip link add "near$n" type veth peer name "far$n" netns array
		ip addr add "10.77.$n.1/24" dev "near$n"
		ip -n array addr add "10.77.$n.2/24" dev "far$n"
		ip link set "near$n" up
		ip -n array link set "far$n" up
		limit_rate '' "near$n" "$rate"
		limit_rate array "far$n" "$rate"
		LINKS+=("10.77.$n.2")
	done
}

links_end()
{
	local n

	for ((n = 1; n <= ${#LINKS[@]}; n++)); do
		ip link delete "near$n"
	done
	ip netns delete array
}

# start_far_array ARGUMENT...: braid-array on the far side, a portal a link, all of one group
start_far_array()
{
	local address arguments=()

	for address in "${LINKS[@]}"; do
		arguments+=(--portal "$address:$LINK_PORT,1")
	done
	start array ip netns exec array "$BIN/braid-array" --log-level warn --control array.sock "${arguments[@]}" "$@"
	wait_ready array 10 port_is_open $LINK_PORT "${LINKS[0]}"
}

# start_near_gateway FILTER: with all of them as its paths, one device
start_near_gateway()
{
	gateway_config ".backends[0].portals = [\"${LINKS[0]}:$LINK_PORT\"] | .timers = {} | $1"
	start_braidd braid.json
	wait_until 10 paths_up ${#LINKS[@]}
}

# throughput SECONDS DEPTH SIZE MIX: MB/s of a load through the gateway
throughput()
{
	"$BIN/braid-load" --report json --url "$(lun_url 0)" --sessions 1 --depth "$2" --sizes "$3" --mix "$4" --seconds "$1" \
		--region 64m --no-verify >load.json || fail "the load: $(jq -c . load.json)"
	jq -r '.total.mb_s' load.json
}
