#!/bin/bash
# The path faults of scenario.sh do what they say, with a real array and a plain initiator.
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"

free_port a
free_port b
start_tgt array "$a" "$b" size=16M blocksize=4096 serial=FAULTS-1 product=FAULTY
url=iscsi://127.0.0.1:$a/$(tgt_iqn array)/1

# try PORT: one login with an INQUIRY, within two seconds
try()
{
	timeout 2 iscsi-inq "iscsi://127.0.0.1:$1/$(tgt_iqn array)/1" >/dev/null 2>&1
}

# hold PORT: a connection that stays open in descriptor 5
hold()
{
	exec 5<>"/dev/tcp/127.0.0.1/$1"
}

# ends: 0 when the held connection ends with a reset or a close as soon as something is sent on it
ends()
{
	local status=0

	(printf x >&5) 2>/dev/null || true
	read -r -N 1 -t 1 <&5 2>/dev/null || status=$?
	exec 5>&-
	((status != 0 && status <= 128))
}

established()
{
	ss -Htn state established "sport = :$1" | wc -l
}

expect_eq "$(iscsi-inq "$url" | sed -n 's/^Product:\([^ ]*\) *$/\1/p')" FAULTY product
iscsi-readcapacity16 "$url" | grep -q 'LENGTH IN BYTES:4096' || fail "block size"
iscsi-inq -e 1 -c 128 "$url" | grep -q FAULTS-1 || fail "serial"

portal_refuse "$a"
try "$a" && fail "refuse: a new connection came through"
try "$b" || fail "refuse: the other portal is hit"
portal_restore "$a"
try "$a" || fail "restore"

hold "$a"
portal_drop "$a"
ends && fail "drop: an end was told"
portal_restore "$a"
try "$a" || fail "restore after drop"

hold "$a"
portal_reject "$a"
ends || fail "reject: an established connection lives on"
try "$a" && fail "reject: a new connection came through"
portal_restore "$a"
try "$a" || fail "restore after reject"

hold "$a"
wait_until 2 test "$(established "$a")" -ge 1
portal_kill_established "$a"
try "$a" || fail "kill: a new connection is hit"
ends || fail "kill: the established connection lives on"
portal_restore "$a"

hold "$a"
portal_refuse "$a"
ends && fail "refuse: an established connection ended"
portal_restore "$a"

stop_pid array KILL && fail "killed, yet it ended well"
try "$a" && fail "a dead array answers"
start_tgt array "$a" "$b" blocksize=4096 serial=FAULTS-1
try "$b" || fail "the array did not come back"
