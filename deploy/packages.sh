# packages.sh - the Debian packages that building and trying need, and how they are installed.
# Sourced by deploy/quickstart; by tests/lib/packages.sh, which adds what the tests need.
# shellcheck shell=bash disable=SC2034

BUILD_PACKAGES=(
	gcc libc6-dev cmake ninja-build pkg-config
	libevent-dev libiscsi-dev libjansson-dev libmicrohttpd-dev nettle-dev libisal-dev
	libcurl4-gnutls-dev libsystemd-dev
)

# A host for the demo, and a way to cut its cables.
DEMO_PACKAGES=(libiscsi-bin nftables)

# Prints those of the named packages that are not installed.
missing_packages()
{
	local package

	for package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
	done
}

# Installs those of the named packages that are missing. Fails with a list of them when that is not possible.
install_packages()
{
	local missing root=()

	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	if ((EUID != 0)); then
		if ! sudo -n true 2>/dev/null; then
			echo "not root, and these packages are missing; as root:" >&2
			echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
			return 1
		fi
		root=(sudo -n)
	fi
	echo "installing: ${missing[*]}"
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null &&
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			"${missing[@]}" </dev/null >/dev/null
}
