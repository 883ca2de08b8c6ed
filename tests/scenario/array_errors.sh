#!/bin/bash
# What an array does wrong while its links live, with the real initiator: a command that hangs is ended with ABORT TASK
# and goes on over another path, and the same for a host that goes away.
# COMPARE AND WRITE, whose answer is lost with its command, is reconciled with what the medium says.
# An iSCSI Reject sends a command to another path.
# Sessions that the array asks to log out, or drops, cost a host nothing.
# row: E2 E3 E4 F3
# timeout: 120
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

# holds PATTERN: the first block of the disk holds it
holds()
{
	disk_io "read -P $1 0 4k" >read.out 2>&1 || true
	grep -q '^read 4096/4096' read.out || fail "the read: $(<read.out)"
	! grep -q 'verification failed' read.out
}

logins()
{
	api GET /links | jq '[.links[].reconnects] | add'
}

free_port a
free_port b
start_array array --log-level warn --control array.sock --lu ram:16M --portal "127.0.0.1:$a,1" --portal "127.0.0.1:$b,1"
gateway_config '.workers = 1 | .policies.default = "fail-over-only" | .timers.command_timeout = 2' "$a"
start_braidd braid.json
wait_until 10 paths_up 2
disk_io 'write -P 0x11 0 4k' >/dev/null
before=$(logins)

note "a write hangs, the link lives"
array fault add opcode=write count=1 action=hang >/dev/null
disk_io 'write -P 0xaa 0 4k' >write.out || fail "the write: $(<write.out)"
has_event command-timeout || fail "no event: $(api GET /events | jq -c '.events[] | [.type, .message]')"
expect_eq "$(array fault release | head -n 1)" released=0 "copies of the write that the array still held"
holds 0xaa || fail "the write is not there"
wait_until 10 paths_up 2

note "many reads and writes hang under load"
start_load many --url "$(lun_url 0)" --sessions 2 --depth 16 --seconds 6 --sizes 4k,256k --mix read=50,write=50 \
	--region 8m --timeout 0
sleep 1.5
array fault add opcode=read count=10 action=hang >/dev/null
array fault add opcode=write count=10 action=hang >/dev/null
end_load many || fail "the load: $(jq -c . many.json)"
expect_eq "$(jq '.wrong + .failed + .connection_losses' many.json)" 0 "findings"
expect_eq "$(array fault release | head -n 1)" released=0 "commands that the array still held"
wait_until 20 paths_up 2

note "COMPARE AND WRITE hangs under load"
start_load compare --url "$(lun_url 0)" --sessions 2 --depth 4 --seconds 5 --sizes 4k --mix read=30,write=20,compare=50 \
	--region 1m --timeout 0
sleep 1
array fault add opcode=0x89 count=4 action=hang >/dev/null
end_load compare || fail "the load: $(jq -c . compare.json)"
expect_eq "$(jq '.wrong + .failed + .unknown_outcomes' compare.json)" 0 "findings"
has_event reconciled "sent again" || fail "no event: $(api GET /events | jq -c '.events[] | [.type, .message]')"
wait_until 20 paths_up 2

note "the array rejects commands"
array fault add opcode=write count=1 action=reject >/dev/null
array fault add opcode=read count=1 action=reject >/dev/null
disk_io 'write -P 0xcc 0 4k' >write.out || fail "the write: $(<write.out)"
holds 0xcc || fail "the write is not there"
grep -q 'reject="Request was rejected.*cdb=' braidd.log || fail "the Reject was not logged"
wait_until 20 paths_up 2

note "a host goes away while its write hangs"
array fault add opcode=write count=1 action=hang >/dev/null
start host qemu-io -f raw -c 'write -P 0xbb 0 4k' "$(lun_url 0)"
wait_until 5 device_is '[.paths[].inflight] | add' 1
kill -KILL "${PID[host]}"
wait "${PID[host]}" 2>/dev/null || true
unset "PID[host]"
wait_until 1 device_is '[.paths[].inflight] | add' 0
expect_eq "$(array fault release | head -n 1)" released=0 "copies of the write that the array still held"
! holds 0xbb || fail "a write that was aborted came down"

expect_eq "$(logins)" "$before" "logins: no link was dropped for any of this"

# normal_sessions: those of the gateway at the array
normal_sessions()
{
	array sessions | sed -n 's/^session=\([0-9]*\) .*discovery=no.*/\1/p'
}

for message in logout end; do
	note "each session is told: $message"
	start_load "$message" --url "$(lun_url 0)" --sessions 2 --depth 8 --seconds 10 --sizes 4k,256k --mix read=50,write=50 \
		--region 8m --timeout 0
	sleep 1
	for session in $(normal_sessions); do
		array "$message" "$session" >/dev/null
		[[ $message == end ]] || wait_until 2 paths_up 1 # for Time2Wait, 2 seconds
		sleep 0.5
		wait_until 10 paths_up 2
	done
	end_load "$message" || fail "the load: $(jq -c . $message.json)"
	expect_eq "$(jq '.wrong + .failed + .connection_losses' "$message.json")" 0 "findings"
done
has_event link-down "the array asked to log out" ||
	fail "no event: $(api GET /events | jq -c '.events[] | [.type, .message]')"
stop_pid braidd || fail "braidd did not end well"
stop_pid array || fail "the array did not end well"
