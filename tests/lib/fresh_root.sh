#!/bin/bash
# tests/lib/fresh_root.sh [--root FOLDER] [COMMAND...] - proves the two commands of README.md where nothing is installed.
#
# Makes a minimal Debian 12 with debootstrap, copies the tree as it stands into it (what git knows and does not
# ignore), and runs in there, as root: deploy/quickstart, a look at the demo as administrator and as host, its end, and
# then COMMAND, `tests/run unit` unless given. Not part of tests/run, as it takes its time and a mirror.
#
#   --root FOLDER   the root; made when it is empty, and kept. Otherwise a temporary one, removed at the end
#   MIRROR          environment: where debootstrap fetches, its own default unless given; apt is set up as on this machine
#
# Needs root. The root has mounts and processes of its own, which end with the script, and the machine's network.
set -eu -o pipefail
cd "$(dirname "$0")/../.."

main()
{
	local keep=

	if [[ ${1-} == --root ]]; then
		keep=yes ROOT=$2
		shift 2
	else
		ROOT=$(mktemp -d)
		trap 'rm -rf --one-file-system "$ROOT"' EXIT
		chmod 755 "$ROOT" # it is "/" for all users in there
	fi
	(($#)) || set -- tests/run unit
	make_root
	copy_tree
	declare -f enter inside try_demo expect >"$ROOT/root/inside.sh"
	unshare --mount --pid --fork --kill-child bash -eu -o pipefail -c '. "$0/root/inside.sh"; enter "$@"' "$ROOT" "$@"
	echo "passed in $ROOT${keep:+ (kept)}"
}

make_root()
{
	[[ -e $ROOT/bin/bash ]] || debootstrap --variant=minbase bookworm "$ROOT" ${MIRROR:+"$MIRROR"}
	rm -rf "$ROOT/etc/apt"
	cp -a /etc/apt "$ROOT/etc/apt"
	cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
}

copy_tree()
{
	rm -rf "$ROOT/root/braid"
	mkdir "$ROOT/root/braid"
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
		tar -c --null -T - | tar -x -C "$ROOT/root/braid"
	cp -r .git "$ROOT/root/braid/" # some tests ask git which files there are
}

# In the namespaces: from the machine into the root.
enter()
{
	mount --make-rprivate /
	mount --bind "$0" "$0" # a mount point of its own, so that the scenarios can have namespaces of theirs in there
	cd "$0"
	mount -t proc proc "$0/proc"
	mount -t sysfs -o ro sys "$0/sys" 2>/dev/null || true
	mount -t tmpfs run "$0/run"
	mkdir -p "$0/dev/shm" "$0/dev/pts"
	mount -t tmpfs shm "$0/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 pts "$0/dev/pts"
	chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 ${CI+CI="$CI"} \
		${http_proxy+http_proxy="$http_proxy"} ${https_proxy+https_proxy="$https_proxy"} \
		bash -eu -o pipefail -c '. /root/inside.sh; cd /root/braid; inside "$@"' inside "$@" </dev/null
}

inside()
{
	deploy/quickstart --background
	deploy/quickstart --background | grep -q 'runs already'
	try_demo
	kill "$(cat build/demo.pid)"
	"$@"
}

try_demo()
{
	local braidctl=build/release/bin/braidctl target=iscsi://127.0.0.1:3260

	expect 1 '^Health  *healthy' $braidctl status
	expect 4 ' normal  *4/4 ' $braidctl devices
	expect 4 '^Lun:' iscsi-ls -s $target
	expect 1 '^finished' timeout 20 iscsi-perf -t 2 $target/iqn.2026-11.org.example:braid/0
	expect 1 '^I/O  *[1-9][0-9]* reads' $braidctl status
}

# expect COUNT PATTERN COMMAND...: this many lines of its output match.
expect()
{
	local count=$1 pattern=$2 output

	shift 2
	output=$("$@" 2>&1) || true
	[[ $(grep -c "$pattern" <<<"$output") == "$count" ]] && return
	printf '%s\n' "$output" "not $count lines of \"$pattern\" from: $*"
	return 1
}

main "$@"
