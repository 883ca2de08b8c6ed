# load_under_events.sh - verified load while paths come and go. Sourced after scenario.sh.
# shellcheck shell=bash

. "$ROOT/tests/lib/gateway.sh"
. "$ROOT/tests/lib/path_events.sh"

# What hosts asked for, the device gave, and its paths carried, are the same numbers; no path was left out.
figures_agree()
{
	api GET /devices >devices.json
	jq -e --slurpfile load load.json '
		($load[0].ops | .write.count + .fua.count) as $writes
		| ($load[0].ops | .write.bytes + .fua.bytes) as $written
		| .devices | length == 1 and (.[0]
			| (.state == "normal" or .state == "degraded") and (.paths | length) == 4
			and .stats.io_errors == 0 and .stats.path_failures > 0 and .stats.retries > 0
			and .stats.writes == $writes and .stats.written_bytes == $written
			and .stats.reads >= $load[0].ops.read.count
			and all(.paths[]; (.state == "up" or .state == "probation") and .stats.reads > 0 and .stats.writes > 0 and .inflight == 0)
			and (.paths | map(.stats.reads) | add) == .stats.reads
			and (.paths | map(.stats.writes) | add) == .stats.writes
			and (.paths | map(.stats.written_bytes) | add) == .stats.written_bytes)' devices.json >/dev/null ||
		fail "figures: $(jq -c '.devices[] | { state, stats, paths: [.paths[] | { id, state, stats, inflight }] }' \
			devices.json) load: $(jq -c .ops load.json)"
	# what failed so often may be on probation
	api GET /status | jq -e '.reasons - ["a path fails again and again", "a link fails again and again",
		"a path is slow", "a claimed device has lost paths"] == []' >/dev/null || fail "not healthy: $(api GET /status)"
	api GET /links | jq -e '[.links[].reconnects] | add > 0' >/dev/null || fail "no link was ever lost"
}

# load_under_events WORKERS SECONDS
load_under_events()
{
	local a b c d

	free_port a
	free_port b
	free_port c
	free_port d
	start_tgt array "$a" "$b" "$c" "$d" size=256M
	gateway_config ".workers = $1" "$a" "$b" "$c" "$d"
	start_braidd braid.json
	wait_until 10 paths_up 4
	start_load load --url "$(lun_url 0)" --sessions 6 --depth 12 --seconds "$2" --sizes 512,4k,16k,64k,256k --rate 3000 \
		--mix read=50,write=40,fua=8,flush=1,tur=1 --region 128m --timeout 0 --max-stall 15
	path_events $(($2 - 4)) "$a" "$b" "$c" "$d"
	wait_until 15 paths_up 4
	end_load load || fail "the load: $(jq -c . load.json)"
	expect_eq "$(jq '.wrong + .failed + .connection_losses + .unknown_outcomes' load.json)" 0 "findings"
	wait_until 10 paths_up 4
	figures_agree
	stop_pid braidd || fail "braidd did not end well"
}
