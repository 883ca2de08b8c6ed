#!/bin/bash
# Which hosts may log in and what they see: by name, by address, by CHAP name; LUNs under other numbers, and read-only;
# changed by a reload while hosts are logged in.
# timeout: 90
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

# luns NAME [USER%SECRET]: those of 0 to 7 that the host finds
luns()
{
	local lun found=()

	for lun in {0..7}; do
		! iscsi-inq --initiator-name="$1" "iscsi://${2:+$2@}127.0.0.1:$FRONT/$IQN/$lun" 2>/dev/null |
			grep -q '^Peripheral Qualifier:CONNECTED' || found+=("$lun")
	done
	(IFS=, && echo "${found[*]}")
}

# refused NAME [USER%SECRET]
refused()
{
	! iscsi-inq --initiator-name="$1" "iscsi://${2:+$2@}127.0.0.1:$FRONT/$IQN/0" >out 2>&1
}

# serial NAME LUN: of the disk that the host finds there
serial()
{
	iscsi-inq --initiator-name="$1" -e 1 -c 128 "$(lun_url "$2")" 2>/dev/null | sed -n 's/.*Serial Number:\[*\([^] ]*\).*/\1/p'
}

hosts()
{
	jq ".target.hosts = $1" braid.json >new.json && mv new.json braid.json
}

free_port a
start_array array --log-level warn --lu ram:8M --lu ram:16M --lu ram:24M --portal "127.0.0.1:$a,1"
printf 'a secret of the test' >secret && chmod 600 secret
gateway_config '.' "$a"
hosts '[ { iqn: "iqn.2026-11.org.example:one" },
	 { iqn: "iqn.2026-11.org.example:two", luns: "0=2,5=0:ro" },
	 { iqn: "iqn.2026-11.org.example:far*", addresses: ["192.0.2.0/24"] },
	 { iqn: "iqn.2026-11.org.example:near*", addresses: ["127.0.0.0/8"], luns: "1" } ]'
start_braidd braid.json
wait_until 10 paths_up 3
name=iqn.2026-11.org.example

note "who sees what"
expect_eq "$(luns $name:one)" 0,1,2 "LUNs of a host that sees all"
expect_eq "$(luns $name:two)" 0,5 "LUNs of a host with a list"
expect_eq "$(luns $name:NEAR-7)" 1 "LUNs of a host by the beginning of its name"
refused $name:three || fail "a host that is not in the list"
refused $name:far-1 || fail "a host from a wrong address"
has_event host-refused "may not log in from there" || fail "no event"
third=$(serial $name:one 2)
[[ -n $third ]] || fail "no serial number"
expect_eq "$(serial $name:two 0)" "$third" "the disk behind another number"

note "read-only"
# qemu_io LUN OPTION...
qemu_io()
{
	qemu-io --image-opts "${@:2}" \
		"driver=iscsi,transport=tcp,portal=127.0.0.1:$FRONT,target=$IQN,lun=$1,initiator-name=$name:two" 2>&1
}
qemu_io 5 -r -c 'read 0 4k' >out || fail "reading a read-only disk: $(<out)"
qemu_io 5 -c 'write 0 4k' >out && fail "a read-only disk was opened to be written to"
grep -q 'write protected' out || fail "MODE SENSE does not say that it is write-protected: $(<out)"
qemu_io 0 -c 'write 0 4k' | grep -q '^wrote 4096/4096' || fail "writing the other one"
"$BIN/braid-load" --report json --url "$(lun_url 5)" --initiator $name:two --sessions 1 --seconds 1 --mix write=100 \
	--region 1m >out 2>err && fail "a read-only disk was written to"
expect_eq "$(api GET '/devices' | jq '[.devices[] | select(.lun == 0) | .stats.writes] | add')" 0 "writes that it took"

note "reload under a session"
start_load load --url "$(lun_url 0)" --initiator $name:one --sessions 1 --depth 2 --seconds 4 --rate 50 --mix read=100 \
	--region 1m --timeout 0 || true
sleep 1
hosts '[ { iqn: "iqn.2026-11.org.example:two", luns: "0-1" } ]'
kill -HUP "${PID[braidd]}"
wait_until 5 refused $name:one
expect_eq "$(luns $name:two)" 0,1 "LUNs after the reload"
expect_eq "$(api GET /sessions | jq '[.sessions[] | select(.initiator | endswith(":one"))] | length')" 0 "sessions of it"
end_load load && fail "a host that may no longer log in went on"

note "a CHAP name for a host"
stop_pid braidd || fail "braidd did not end well"
hosts '[ { iqn: "iqn.2026-11.org.example:one", user: "alice" } ]'
jq '.target.auth = { method: "chap", users: [ { name: "alice", secret_file: "'"$WORK/secret"'" },
	{ name: "bob", secret_file: "'"$WORK/secret"'" } ] }' braid.json >new.json && mv new.json braid.json
start_braidd braid.json
wait_until 10 paths_up 3
refused $name:one 'bob%a secret of the test' || fail "with another host's CHAP name"
expect_eq "$(luns $name:one 'alice%a secret of the test')" 0,1,2 "with its own"
stop_pid braidd || fail "braidd did not end well"
