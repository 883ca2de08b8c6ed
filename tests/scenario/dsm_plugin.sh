#!/bin/bash
# A module is built outside the sources, against what is installed for authors of modules, checked, loaded into the
# gateway, and owns the disks of its array: what the array means by its own sense codes, and its policy, hold for them.
# row: D7 P8
# timeout: 90
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/gateway.sh"

note "a module is built with nothing but what is installed"
cmake --install "$BUILD" --prefix "$WORK/usr" --component dsm >install.log || fail "the component dsm: $(<install.log)"
cp -r "$WORK"/usr/share/doc/*/dsm/sample acme
export PKG_CONFIG_PATH=$WORK/usr/share/pkgconfig
make -C acme CFLAGS='-O2 -Wall -Wextra -Werror' >make.log 2>&1 || fail "the sample: $(<make.log)"
expect_eq "$(nm -D --defined-only acme/acme.so | awk '$2 ~ /[A-Z]/ { print $3 }')" braid_dsm "what it exports"
[[ $(nm -D --undefined-only acme/acme.so) != *braid* ]] || fail "it needs something of Braid"
make -C acme install DESTDIR="$WORK/root" >make.log 2>&1 || fail "installing the sample: $(<make.log)"
PLUGIN=$(find "$WORK/root" -name acme.so)
[[ $PLUGIN == */lib/braid/dsm/acme.so ]] || fail "the sample was installed as $PLUGIN"

note "the checker"
PATH=$WORK/usr/bin:$PATH make -C acme check >check.log 2>&1 || fail "braid-dsm-check: $(<check.log)"
(($(grep -c ' ok ' check.log) > 30)) || fail "hardly anything was checked"

note "the gateway with one module that is sound and one that is not"
cp "$PLUGIN" open.so
chmod 666 open.so
free_port first
free_port second
start_array array --portal "127.0.0.1:$first" --portal "127.0.0.1:$second" --lu ram:64M --vendor ACME \
	--product "ARRAY 3000" --control array.sock
gateway_config ".dsms = { order: [\"families\", \"generic\"], plugins: [\"$PLUGIN\", \"$WORK/open.so\"] }
	| .timers.retry_count = 1" "$first" "$second"
"$BIN/braidd" --config braid.json --check-config >/dev/null || fail "the configuration is refused"
start_braidd braid.json
wait_until 10 paths_up 2

expect_eq "$(api GET /dsms | jq -r '.dsms[] | "\(.name) \(.state) \(.order) \(.source) \(.devices)"')" \
	"acme asked 1 file 1
families asked 2 built-in 0
generic asked 3 built-in 0
active-passive not-asked null built-in 0
null refused null file 0" "modules"
has_event dsm-loaded acme.so || fail "no event for the module that was loaded"
has_event dsm-refused "everybody may write it" || fail "no event for the module that was refused"
"$BIN/braidctl" --url "$BRAID_API" dsms >dsms.txt
grep -q '^ *1 *acme *1\.0 *asked *1 *ACME *ARRAY 3000 and 1 more' dsms.txt || fail "braidctl dsms: $(<dsms.txt)"
grep -q 'refused.*everybody may write it' dsms.txt || fail "braidctl dsms: $(<dsms.txt)"
expect_eq "$(device '[.dsm, .policy, .policy_source]' | jq -c .)" '["acme","vendor","default"]' "the disk"

note "what the array means by its own codes"
"$BIN/braid-array" --send array.sock fault add lun=0 opcode=read count=12 action=error:2/4/80 >/dev/null
start_load load --url "$(lun_url 0)" --depth 4 --seconds 3 --rate 200 --region 16m
end_load load || fail "the load met an error: $(jq -c . load.json)"
expect_eq "$(device .stats.path_failures)" 0 "path failures"
(($(device .stats.retries) >= 12)) || fail "the array has not said its code"

note "the administrator's policy comes before the module's"
ID=$(device .id)
api PUT "/devices/$ID/policy" '{"policy": "latency"}' >/dev/null
expect_eq "$(device '[.policy, .policy_source]' | jq -c .)" '["latency","device"]' "the policy that was set"
api PUT "/devices/$ID/policy" '{"policy": 7}' >/dev/null
expect_eq "$(device '[.policy, .policy_source]' | jq -c .)" '["vendor","device"]' "its own, set"
