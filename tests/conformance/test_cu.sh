# test_cu.sh - runs Debian's iscsi-test-cu and compares what it says with a list. Sourced by iscsi_test_cu.sh.
#
# A list is a file of lines `TEST RESULT [REASON]`: passed, skipped or failed; every line that is not passed says why.
# shellcheck shell=bash

FAMILY_SECONDS=20 # one process with all tests of a family
TEST_SECONDS=8	  # one test of a family that did not come to its end
ALL_SECONDS=150	  # no family begins later: the subject has hung for good

# The tests as the tool lists them, `Family.Test`.
test_cu_list()
{
	iscsi-test-cu --list | sed -n 's/^ALL\.\([^.]*\.[^.]*\)$/\1/p'
}

# test_cu FOLDER SECONDS NAME URL...: one process; its output into FOLDER/NAME.log. Prints nothing.
test_cu()
{
	local log=$1/$3.log status=0

	timeout -k 1 "$2" iscsi-test-cu -V --dataloss --allow-sanitize -t "ALL.$3" "${@:4}" >"$log" 2>&1 || status=$?
	((status < 124)) || echo "ended with status $status" >>"$log"
}

# One result line for each test of a family. When some did not come to an end, each test of the family has a process.
test_cu_family()
{
	local folder=$1 family=$2 name

	shift 2
	test_cu "$folder" $FAMILY_SECONDS "$family" "$@"
	if test_cu_complete "$folder" "$family"; then
		awk -f "$ROOT/tests/conformance/test_cu.awk" "$folder/$family.log"
		return
	fi
	test_cu_list | grep "^$family\\." | while read -r name; do
		test_cu "$folder" $TEST_SECONDS "$name" "$@"
		awk -f "$ROOT/tests/conformance/test_cu.awk" "$folder/$name.log" | grep -v $'\tnone\t' ||
			printf '%s\tfailed\t%s\n' "$name" "no verdict: $(tail -n 1 "$folder/$name.log")"
	done
}

# Every test of the family has a verdict.
test_cu_complete()
{
	local want got

	want=$(test_cu_list | grep -c "^$2\\.")
	got=$(awk -f "$ROOT/tests/conformance/test_cu.awk" "$1/$2.log" | grep -vc $'\tnone\t')
	((got == want))
}

# test_cu_all FOLDER URL...: the result lines of everything; the output of every process is in FOLDER.
test_cu_all()
{
	local folder=$1 family end=$((SECONDS + ALL_SECONDS))

	shift
	mkdir -p "$folder"
	test_cu_list | cut -d. -f1 | uniq | while read -r family; do
		((SECONDS < end)) || break
		test_cu_family "$folder" "$family" "$@"
	done
}

# compare_lists EXPECTED RESULTS: prints `worse|better|new|gone TEST IS WAS REASON` for what differs.
compare_lists()
{
	awk -F '\t' '
		BEGIN { rank["passed"] = 3; rank["skipped"] = 2; rank["failed"] = 1 }
		FILENAME == ARGV[1] {
			if ($0 !~ /^(#|$)/) { split($0, word, / +/); was[word[1]] = word[2] }
			next
		}
		{ seen[$1] = 1 }
		!($1 in was) { print "new", $1, $2, "-", $3; next }
		rank[$2] < rank[was[$1]] { print "worse", $1, $2, was[$1], $3 }
		rank[$2] > rank[was[$1]] { print "better", $1, $2, was[$1], $3 }
		END { for (test in was) if (!(test in seen)) print "gone", test, "-", was[test] }' "$1" "$2"
}

# The lines of a list that are not passed and give no reason.
unexplained()
{
	awk '!/^(#|$)/ && $2 != "passed" && NF < 3 { print $1 }' "$1"
}

# updated_list EXPECTED RESULTS: the list with these results. A reason stays while its result does; otherwise it is
# the tool's own words, for a person to improve.
updated_list()
{
	awk -F '\t' '
		FILENAME == ARGV[1] && /^#/ { print; next }
		FILENAME == ARGV[1] && NF {
			split($0, word, / +/)
			reason = $0
			sub(/^[^ ]+ +[^ ]+ */, "", reason)
			was[word[1]] = word[2]
			why[word[1]] = reason
			next
		}
		$2 == "passed" { printf "%-36s passed\n", $1; next }
		{ printf "%-36s %-8s%s\n", $1, $2, was[$1] == $2 && why[$1] != "" ? why[$1] : $3 }' "$1" "$2"
}
