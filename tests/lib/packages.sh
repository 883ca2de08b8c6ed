# packages.sh - the Debian packages that building and testing need: the one place where they are listed.
# Sourced by tests/run; deploy/quickstart takes the build list from here as well.
# shellcheck shell=bash disable=SC2034

BUILD_PACKAGES=(
	gcc libc6-dev cmake ninja-build pkg-config
	libevent-dev libiscsi-dev libjansson-dev libmicrohttpd-dev nettle-dev libisal-dev
	libcurl4-gnutls-dev libsystemd-dev
)

TEST_PACKAGES=(
	clang libcmocka-dev
	tgt libiscsi-bin qemu-utils
	nftables iproute2 util-linux jq curl openssl python3
)

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
			echo "not root, and these packages are missing: ${missing[*]}" >&2
			return 1
		fi
		root=(sudo -n)
	fi
	echo "installing: ${missing[*]}"
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null &&
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			"${missing[@]}" </dev/null >/dev/null
}
