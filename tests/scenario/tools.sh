#!/bin/bash
# What administrators have at hand works against the gateway: libiscsi's tools and QEMU, disks with blocks of 512 and
# of 4096 bytes, IPv6, CHAP; and a login that is wrong is refused.
# row: D9
# timeout: 60
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

# refused COMMAND...: it fails, and soon
refused()
{
	local status=0

	timeout 10 "$@" >refused.out 2>&1 || status=$?
	((status != 0 && status != 124)) || fail "not refused (status $status): $*: $(<refused.out)"
}

# A disk through QEMU: patterns at either end, zeros, a hole; read back in pieces below 32 KiB, since QEMU 7.2 stops on an
# assertion of its own when it reads that much at once from a thin disk with blocks of 4096 bytes.
qemu_round()
{
	local lun=$1 url

	url=$(lun_url "$lun")
	qemu-io -f raw -c 'write -P 0xa5 0 1M' -c 'write -P 0x5a 15M 1M' -c 'write -P 0x77 8k 4k' -c flush \
		-c 'write -P 0x33 12M 1M' -c 'discard 12M 1M' -c 'write -z 512k 64k' "$url" >"qemu-$lun.out" 2>&1 ||
		fail "qemu-io: $(<"qemu-$lun.out")"
	qemu-io -r -f raw -c 'read -P 0xa5 0 8k' -c 'read -P 0x77 8k 4k' -c 'read -P 0xa5 12k 28k' \
		-c 'read -P 0 512k 28k' -c 'read -P 0 548k 28k' -c 'read -P 0xa5 576k 28k' -c 'read -P 0 12M 28k' \
		-c 'read -P 0x5a 16356k 28k' "$url" >"qemu-$lun.out" 2>&1 || fail "qemu-io: $(<"qemu-$lun.out")"
	if grep -q 'verification failed\|error' "qemu-$lun.out"; then
		fail "qemu-io: $(<"qemu-$lun.out")"
	fi
	qemu-img info --output=json "$url" | jq -e '."virtual-size" == 16777216' >/dev/null || fail "qemu-img info"
}

free_port a
free_port b
start_array array --log-level warn --portal "127.0.0.1:$a" --portal "127.0.0.1:$b" --lu ram:16M --lu ram:16M:block=4096
gateway_config ".target.portals += [\"[::1]:$FRONT\"]" "$a"
start_braidd braid.json
wait_until 10 paths_up 4

note "discovery"
for address in 127.0.0.1 '[::1]'; do
	expect_eq "$(iscsi-ls "iscsi://$address:$FRONT" | sort)" \
		"$(printf "Target:$IQN Portal:%s:$FRONT,1\n" 127.0.0.1 '[::1]' | sort)" "portals as told over $address"
done
expect_eq "$(iscsi-ls -s "iscsi://[::1]:$FRONT" | grep -c 'Lun:[01] *Type:DIRECT_ACCESS *(Size:1[56]M)')" 4 \
	"LUNs, at two portals (the size is that of the last block's address)"

expect_eq "$(device .name)" "RAM-DISK Multi-Path Disk Device" "the name of LUN 0"
note "INQUIRY"
iscsi-inq "$(lun_url 0)" >inq.out || fail "iscsi-inq"
for line in 'Peripheral Device Type:DIRECT_ACCESS' Vendor:BRAID Product:RAM-DISK; do
	grep -q "^$line" inq.out || fail "standard data: $(<inq.out)"
done
for lun in 0 1; do
	pages=$(iscsi-inq -e 1 -c 0 "$(lun_url $lun)" | sed -n 's/^Page:0x\([0-9a-f]*\) .*/\1/p')
	note "VPD pages of LUN $lun: $(xargs <<<"$pages")"
	for page in 80 83 b0 b1 b2; do
		grep -qix $page <<<"$pages" || fail "page $page is not listed"
		timeout 10 iscsi-inq -e 1 -c $((0x$page)) "$(lun_url $lun)" >vpd.out || fail "page $page"
		[[ -s vpd.out ]] || fail "page $page is empty"
	done
	refused iscsi-inq -e 1 -c $((0x7f)) "$(lun_url $lun)"
done
expect_eq "$(iscsi-inq -e 1 -c 131 "$(lun_url 0)" | md5sum)" "$(iscsi-inq -e 1 -c 131 \
	"iscsi://[::1]:$FRONT/$IQN/0" | md5sum)" "identity over both portals"

note "capacity"
iscsi-readcapacity16 "$(lun_url 0)" | grep -q 'LENGTH IN BYTES:512$' || fail "block size of LUN 0"
iscsi-readcapacity16 "$(lun_url 1)" | grep -q 'LENGTH IN BYTES:4096$' || fail "block size of LUN 1"
for lun in 0 1; do
	iscsi-readcapacity16 "$(lun_url $lun)" | grep -q 'Total size:16777216' || fail "size of LUN $lun"
	iscsi-swp "$(lun_url $lun)" | grep -qi 'SWP:0' || fail "write protection of LUN $lun"
	qemu_round $lun
done

note "refused"
refused iscsi-inq "iscsi://127.0.0.1:$FRONT/iqn.2026-11.org.example:other/0"
refused iscsi-inq "$(lun_url 2)"
stop_pid braidd || fail "braidd did not end well"

note "CHAP"
(umask 077 && printf 'a secret of h1\n' >h1.secret)
jq --arg file "$WORK/h1.secret" '.target.auth = { method: "chap", users: [{ name: "h1", secret_file: $file }] }' \
	braid.json >chap.json
start_braidd chap.json
wait_until 10 paths_up 4
export LIBISCSI_CHAP_USERNAME=h1 LIBISCSI_CHAP_PASSWORD='a secret of h1'
iscsi-ls -s "iscsi://127.0.0.1:$FRONT" | grep -q 'Lun:0 ' || fail "the right secret"
iscsi-inq "$(lun_url 0)" | grep -q RAM-DISK || fail "the right secret"
LIBISCSI_CHAP_PASSWORD='a secret of h2' refused iscsi-inq "$(lun_url 0)"
LIBISCSI_CHAP_USERNAME=h2 refused iscsi-inq "$(lun_url 0)"
LIBISCSI_CHAP_PASSWORD='a secret of h2' refused iscsi-ls "iscsi://127.0.0.1:$FRONT"
unset LIBISCSI_CHAP_USERNAME LIBISCSI_CHAP_PASSWORD
refused iscsi-inq "$(lun_url 0)"
refused iscsi-ls "iscsi://127.0.0.1:$FRONT"
has_event host-refused || fail "no event about it"
grep -q 'a secret of' braidd.log && fail "a secret in the log"
api GET /config >config.out
grep -q 'a secret of' config.out && fail "a secret in the API"
stop_pid braidd || fail "braidd did not end well"
