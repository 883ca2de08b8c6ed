# path_events.sh - a path event every second on a running gateway, one path always left. Sourced after gateway.sh.
# shellcheck shell=bash

declare -A HEALED_AT=() # when the fault of a portal ends, by port

# Another link than that of this port is up and has no fault.
has_spare()
{
	local port

	api GET /links | jq -r '.links[] | select(.state == "up") | .portal | sub(".*:"; "")' >spares
	while read -r port; do
		[[ $port == "$1" || -n ${HEALED_AT[$port]-} ]] || return 0
	done <spares
	return 1
}

heal_due()
{
	local port

	for port in "${!HEALED_AT[@]}"; do
		((SECONDS < HEALED_AT[$port])) && continue
		portal_restore "$port"
		unset "HEALED_AT[$port]"
	done
}

# path_events SECONDS PORT...: resets, cuts, and portals that refuse or reject, in turn, each on a port chosen at random
# and for a time chosen at random. All is whole again, and each kind has happened twice, when it returns.
path_events()
{
	local end=$((SECONDS + $1)) kinds=(kill_established drop refuse reject) ports count=0 port kind seed

	shift
	ports=("$@")
	seed=${BRAID_TEST_SEED:-$SRANDOM}
	RANDOM=$seed
	note "path events: seed $seed"
	while ((SECONDS < end)); do
		port=${ports[RANDOM % ${#ports[@]}]}
		kind=${kinds[count % ${#kinds[@]}]}
		if [[ -z ${HEALED_AT[$port]-} ]] && has_spare "$port"; then
			"portal_$kind" "$port"
			# a reset and its refusals are short, a cut outlasts the keepalive more often than not
			HEALED_AT[$port]=$((SECONDS + 1 + RANDOM % 4))
			((++count))
		fi
		sleep 1
		heal_due
	done
	for port in "${!HEALED_AT[@]}"; do
		portal_restore "$port"
	done
	HEALED_AT=()
	((count >= 2 * ${#kinds[@]})) || fail "only $count path events"
}
