#!/bin/bash
# The arrows between the rooms run one way: api -> gateway -> { target, dsm } -> gateway/base. No include runs back up,
# and a module sees nothing of ours but its contract.
. "$(dirname "$0")/../lib/scenario.sh"

# room FOLDER ALLOWED...: every include of ours in FOLDER begins with one of the allowed prefixes.
room()
{
	local folder=$1 found file header prefix ok count=0

	shift
	while IFS=: read -r file header; do
		ok=
		for prefix; do
			[[ $header != "$prefix"* ]] || ok=1
		done
		[[ -n $ok ]] || fail "$file includes $header"
		((++count))
	done < <(cd "$ROOT" && grep -roE '^#include "[^"]+"' --include='*.[ch]' $folder | sed 's/#include "//; s/"$//')
	((count > 0)) || fail "$folder: nothing was read"
	note "$folder: $count includes"
}

cd "$ROOT"
room gateway/base gateway/base/
room target target/ gateway/base/
room dsm dsm/
room api api/ gateway/control.h gateway/policy_name.h gateway/identity.h gateway/timers.h gateway/base/
# a worker knows the control loop by its messages only; what both share is the engine's
room gateway/engine gateway/engine/ gateway/base/ gateway/control.h gateway/identity.h gateway/timers.h gateway/hash.h \
	gateway/host_scope.h gateway/settings.h target/ dsm/
room gateway/config gateway/config/ gateway/base/ gateway/identity.h gateway/policy_name.h gateway/timers.h \
	gateway/host_scope.h dsm/
# the daemon's main is the one file that sees everything
room "$(ls gateway/*.[ch] | grep -v gateway/main.c | tr '\n' ' ')" gateway/ target/target.h target/scsi_cmd.h dsm/

for entry in $(git ls-files | cut -d/ -f1 | sort -u); do
	case $entry in
	CMakeLists.txt | LICENSE | README.md | gateway | target | dsm | api | web | deploy | tests | .*) ;;
	*) fail "the top level does not hold $entry" ;;
	esac
done
