#!/bin/bash
# A write hangs in the array when its link falls silent. The gateway sends it over another path only behind the fence,
# so that the old copy cannot come down later upon what the host has written since: in the forms reservation and
# session. Without a fence it does come down, so this test is known to bite.
# row: F1
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

# begin FORM: an array of two ports, the gateway with that fence, the port that carries the disk's I/O in $port
begin()
{
	local link

	free_port a
	free_port b
	rm -rf state array.sock
	start_array array --log-level warn --control array.sock --lu ram:16M --portal "127.0.0.1:$a,1" \
		--portal "127.0.0.1:$b,1"
	gateway_config '.workers = 1 | .policies.default = "fail-over-only" | .backends[0].fence = "'"$1"'"' "$a"
	start_braidd braid.json
	wait_until 10 paths_up 2
	disk_io 'write -P 0x11 0 4k' >/dev/null
	link=$(device '.paths[] | select(.stats.writes > 0) | .link')
	port=$(api GET /links | jq -r --arg id "$link" '.links[] | select(.id == $id) | .portal | sub(".*:"; "")')
}

# hang_and_overwrite: 0xaa hangs in the array, is written over the other path, 0xbb is written, the hung copy is let go.
# The number of copies that the array still had is in $released.
hang_and_overwrite()
{
	local number

	number=$([[ $port == "$a" ]] && echo 0 || echo 1)
	array fault add "portal=$number" opcode=write count=1 action=hang >/dev/null
	start old qemu-io -f raw -c 'write -P 0xaa 0 4k' "$(lun_url 0)"
	wait_until 5 device_is '[.paths[].inflight] | add' 1
	portal_drop "$port"
	wait "${PID[old]}" || fail "the write failed: $(<old.log)"
	unset "PID[old]"
	disk_io 'write -P 0xbb 0 4k' >new.out
	grep -q '^wrote 4096/4096' new.out || fail "the write after it: $(<new.out)"
	released=$(array fault release | head -n 1)
	portal_restore "$port"
	wait_until 10 paths_up 2
	sleep 0.5
}

# holds PATTERN: the block that was written holds it
holds()
{
	disk_io "read -P $1 0 4k" >read.out 2>&1 || true
	grep -q '^read 4096/4096' read.out || fail "the read: $(<read.out)"
	! grep -q 'verification failed' read.out
}

end()
{
	stop_pid braidd || fail "braidd did not end well"
	stop_pid array || true
}

for form in reservation session; do
	note "the fence in its form $form"
	begin "$(sed 's/reservation/auto/' <<<"$form")"
	expect_eq "$(device .fence)" "$form" "the fence of the disk"
	hang_and_overwrite
	holds 0xbb || fail "the old write came down upon the new one"
	expect_eq "$released" released=0 "copies of the old write that the array still held"
	has_event fenced "form $form" || fail "no fence: $(api GET /events | jq -c '.events[] | [.type, .message]')"
	end
done

note "no fence"
begin none
hang_and_overwrite
expect_eq "$released" released=1 "copies of the old write that the array still held"
holds 0xaa || fail "without a fence the old write did not come down: this test shows nothing"
end
