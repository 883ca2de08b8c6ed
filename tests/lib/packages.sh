# packages.sh - the Debian packages that the tests need besides those of deploy/packages.sh.
# Sourced by tests/run, which calls install_packages with both lists.
# shellcheck shell=bash disable=SC2034

# shellcheck source=deploy/packages.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../deploy/packages.sh"

TEST_PACKAGES=(
	"${DEMO_PACKAGES[@]}"
	clang libcmocka-dev
	tgt qemu-utils qemu-block-extra
	iproute2 util-linux procps git make jq curl openssl python3
)
