#!/bin/bash
# The vocabulary of Windows's tool, by braidctl and by a link of that name: claims, what is shown, policies at three
# levels, snapshot; what is wrong is told, with exit status 2, and what is refused with 1.
# row: M1 P8
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

mpclaim()
{
	"$WORK/mpclaim" "$@" 2>&1
}

# status WANT WORD...: its exit status, what it says in $out
status()
{
	local want=$1 got=0

	shift
	out=$("$WORK/mpclaim" "$@" 2>&1) || got=$?
	expect_eq "$got" "$want" "exit status of mpclaim $*: $out"
}

ln -s "$BIN/braidctl" mpclaim
free_port a
free_port b
start_array array --log-level warn --lu ram:8M --lu ram:16M --portal "127.0.0.1:$a,1" --portal "127.0.0.1:$b,2"
gateway_config '.claims = []' "$a"
start_braidd braid.json
export BRAID_URL=$BRAID_API
wait_until 10 eval 'api GET /devices | jq -e "[.devices[].paths | length] == [2, 2]"'

note "found and claimed"
mpclaim -e | grep -c '"BRAID   RAM-DISK        " *iSCSI *no *yes' | grep -qx 2 || fail "-e: $(mpclaim -e)"
expect_eq "$(mpclaim -h)" "Nothing is claimed." "-h"
status 0 -n -i -d "BRAID___RAM-DISK________"
[[ $out == "No restart is needed."* ]] || fail "-n: $out"
wait_until 5 paths_up 4
expect_eq "$(mpclaim -h | tail -n 1 | awk '{ print $NF }')" 2 "devices of the claim"
expect_eq "$("$BIN/braidctl" mpclaim -E | grep -c '" *iSCSI *yes *yes')" 2 "claimed ones, by braidctl mpclaim"

note "shown"
expect_eq "$(mpclaim -s -d | awk 'NR > 1 { print $1, $2, $3, $4, $5 }' | sort | paste -sd';')" \
	"MPIO Disk0 RR generic normal;MPIO Disk1 RR generic normal" "-s -d"
mpclaim -S -D 1 | head -n 1 | grep -q '^MPIO Disk1: 2 paths, RR, normal$' || fail "-s -d 1: $(mpclaim -s -d 1)"
expect_eq "$(mpclaim -s -d 1 | grep -c '^p[0-9]* *up *active .*l[0-9]* LUN 1 ')" 2 "paths of disk 1"
mpclaim -s -m | grep -q '^generic *-$' || fail "-s -m: $(mpclaim -s -m)"

note "policies"
status 0 -l -m 4
expect_eq "$(device .policy 0) $(device .policy_source 0)" "least-queue-depth dsm" "after -l -m"
status 0 -l -t "BRAID:RAM-DISK" RRWS
expect_eq "$(device .policy 1) $(device .policy_source 1)" "round-robin-subset hardware-id" "after -l -t"
status 0 -l -d 1 6
expect_eq "$(device .policy 1) $(device .policy_source 1)" "least-blocks device" "after -l -d"
expect_eq "$(device .policy 0)" round-robin-subset "the other disk"
status 0 -l -d 1 0
status 0 -l -t "BRAID:RAM-DISK" 0
status 0 -l -m 0
expect_eq "$(device .policy 1) $(device .policy_source 1)" "round-robin default" "after all were cleared"

note "snapshot"
status 0 -v support.json
expect_eq "$(jq -c '[(.devices | length), (.links | length), .configuration.target.iqn]' support.json)" "[2,2,\"$IQN\"]" -v
[[ $(mpclaim -v | jq '.devices | length') == 2 ]] || fail "-v without a file"

note "wrong"
for words in "" "-x" "-i" "-i -d" "-s" "-s -m 3" "-l -m" "-l -d 1" "-l -q 3" "-h x" "-v a b" "-l -m 9" "-l -d 1 nonsense"; do
	# shellcheck disable=SC2086
	status 2 $words
done
status 1 -l -d 7 2
status 1 -u -d NOBODY
status 1 -u -a ""
status 1 -i -d "A VENDOR AND A PRODUCT THAT ARE TOO LONG"

note "unclaimed"
status 0 -r -u -d "braid:ram-disk"
expect_eq "$(mpclaim -h)" "Nothing is claimed." "-h at the end"
status 0 -i -a ""
wait_until 5 paths_up 4
status 0 -u -a ""
stop_pid braidd || fail "braidd did not end well"
