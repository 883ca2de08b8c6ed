#!/bin/bash
# braid-load on a plain array: a clean run is clean, what it wrote is there later, and a medium that lies is caught.
# timeout: 120
. "$(dirname "$0")/../lib/scenario.sh"

free_port a
free_port b
start_tgt small "$a" size=32M blocksize=512 serial=TRUTH-512
start_tgt large "$b" size=32M blocksize=4096 serial=TRUTH-4K
small=iscsi://127.0.0.1:$a/$(tgt_iqn small)/1
large=iscsi://127.0.0.1:$b/$(tgt_iqn large)/1

# run_load NAME ARGUMENT...: the report goes to NAME.json
run_load()
{
	local name=$1 status=0

	shift
	"$BIN/braid-load" --report json "$@" >"$name.json" || status=$?
	note "$name: status=$status $(jq -c '[.total.count, .wrong, .failed, .final_blocks]' "$name.json")"
	return "$status"
}

# Both block sizes, all operations that this array knows, two sessions each: nothing may be wrong, and everything is checked at the end.
run_load clean --url "$small" --url "$large" --sessions 4 --depth 8 --seconds 3 --seed 1 --state clean.state \
	--mix read=50,write=40,fua=8,flush=1,tur=1 --sizes 512,4k,8k,64k,256k || fail "a clean run is not clean"
for op in read write fua flush tur; do
	(($(jq ".ops.$op.count" clean.json) > 0)) || fail "no $op"
done
expect_eq "$(jq '.wrong + .failed + .hung + .identity_changes' clean.json)" 0 "findings"
(($(jq .final_blocks clean.json) > 1000)) || fail "hardly anything was checked at the end"

run_load again --url "$small" --url "$large" --sessions 2 --state clean.state --verify-only || fail "verify-only"
expect_eq "$(jq .final_blocks again.json)" "$(jq .final_blocks clean.json)" "blocks checked again"
expect_eq "$(jq '.ops.write.count // 0' again.json)" 0 "writes of verify-only"

# Each lie in turn: 1 MiB is written, the medium (blocks of 4096 bytes) changed behind the array's back, the state checked.
lie()
{
	local want=$1 count=$2

	run_load "lie-$want" --url "$large" --state lie.state --verify-only && fail "$want: not noticed"
	expect_eq "$(jq ".blocks.$want" "lie-$want.json")" "$count" "$want blocks"
	expect_eq "$(jq .wrong "lie-$want.json")" "$count" "wrong blocks"
	jq -e '.findings | length > 0' "lie-$want.json" >/dev/null || fail "$want: no finding"
}

medium=$WORK/large-1.img
edit()
{
	dd if="$1" of="$medium" bs=512 conv=notrunc status=none "${@:2}"
}

fresh()
{
	run_load fresh --url "$large" --region 1m --mix write=1 --sizes 64k --seconds 1 --state lie.state \
		|| fail "a fresh write"
}

rm -f lie.state
fresh
cp "$medium" old.img
edit /dev/zero seek=80 count=16
lie lost 2
fresh
edit old.img skip=160 seek=160 count=24
lie stale 3
fresh
cp "$medium" new.img
edit new.img skip=240 seek=248 count=8
lie misplaced 1
fresh
edit old.img skip=324 seek=324 count=4
lie torn 1
fresh
printf x | dd of="$medium" bs=1 seek=$((4096 * 50 + 1000)) conv=notrunc status=none
lie corrupt 1
fresh
run_load fresh --url "$large" --state lie.state --verify-only || fail "the last state is not clean"

# Nobody there: it says so and ends.
stop_pid large || true
run_load nobody --url "$large" --seconds 1 && fail "nobody is there, yet it is well"
expect_eq "$(jq '.gave_up > 0' nobody.json)" true "gave up"
"$BIN/braid-load" --seconds 1 2>/dev/null && fail "no URL"
true
