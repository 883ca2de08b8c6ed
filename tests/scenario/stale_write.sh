#!/bin/bash
# A write hangs in the array when its link falls silent. The gateway sends it over another path only after the array
# has ended the old session, so that the old copy cannot come down later upon what the host has written since.
# row: F1
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

array()
{
	"$BIN/braid-array" --send array.sock "$@"
}

# disk_io COMMAND...: qemu-io on the host's disk
disk_io()
{
	local command words=()

	for command; do
		words+=(-c "$command")
	done
	qemu-io -f raw "${words[@]}" "$(lun_url 0)"
}

free_port a
free_port b
start_array array --log-level warn --control array.sock --lu ram:16M --portal "127.0.0.1:$a,1" --portal "127.0.0.1:$b,1"
gateway_config '.workers = 1 | .policies.default = "fail-over-only"' "$a"
start_braidd braid.json
wait_until 10 paths_up 2
disk_io 'write -P 0x11 0 4k' >/dev/null
path=$(device '.paths[] | select(.stats.writes > 0) | .link')
port=$(api GET /links | jq -r --arg id "$path" '.links[] | select(.id == $id) | .portal | sub(".*:"; "")')
number=$([[ $port == "$a" ]] && echo 0 || echo 1)

array fault add "portal=$number" opcode=write count=1 action=hang >/dev/null
start old qemu-io -f raw -c 'write -P 0xaa 0 4k' "$(lun_url 0)"
wait_until 5 device_is '[.paths[].inflight] | add' 1
portal_drop "$port"
begin=$SECONDS
wait "${PID[old]}" || fail "the write failed: $(<old.log)"
unset "PID[old]"
note "written over the other path after $((SECONDS - begin)) s"
grep -q '^wrote 4096/4096' old.log || fail "the write: $(<old.log)"

disk_io 'write -P 0xbb 0 4k' >new.out
grep -q '^wrote 4096/4096' new.out || fail "the write after it: $(<new.out)"
released=$(array fault release | head -n 1)
portal_restore "$port"
wait_until 10 paths_up 2
sleep 0.5
disk_io 'read -P 0xbb 0 4k' >read.out 2>&1 || true
if grep -q 'verification failed' read.out; then
	fail "the old write came down upon the new one"
fi
grep -q '^read 4096/4096' read.out || fail "the read: $(<read.out)"
expect_eq "$released" released=0 "copies of the old write that the array still held"
has_event fenced "form session" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
stop_pid braidd || fail "braidd did not end well"
