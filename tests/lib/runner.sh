# runner.sh - runs commands as tests, several at a time, each with a time limit and a log, and counts the outcomes.
# Sourced by tests/run.
# shellcheck shell=bash

# runner_init FOLDER: where logs and results go; what stood there is removed.
runner_init()
{
	LOGS=$PWD/$1
	RESULTS=$LOGS/results.tsv
	RUNNER_JOBS=${JOBS:-$(nproc)}
	RUNNER_COUNT=0
	rm -rf "$LOGS"
	mkdir -p "$LOGS"
	: >"$RESULTS"
	# the thread sanitizer of this compiler cannot live with the address randomisation of recent kernels
	RUNNER_PREFIX=(setarch "$(uname -m)" -R)
	"${RUNNER_PREFIX[@]}" true 2>/dev/null || RUNNER_PREFIX=()
	export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:strict_string_checks=1}
	export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
	export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
}

# run_test KIND/NAME TREE SECONDS COMMAND...: starts a test, waiting for a free place first.
run_test()
{
	while (($(jobs -rp | wc -l) >= RUNNER_JOBS)); do
		wait -n
	done
	# where scenarios have no network of their own, each begins to look for free ports elsewhere
	export BRAID_BASE_PORT=$((21000 + RUNNER_COUNT++ % 100 * 100))
	runner_one "$@" &
}

runner_one()
{
	local test=$1 tree=$2 seconds=$3 log=$LOGS/$1.$2.log begin=$SECONDS status=0 state

	shift 3
	mkdir -p "$(dirname "$log")"
	if declare -F "$1" >/dev/null; then
		"$@" >"$log" 2>&1 </dev/null || status=$?
	else
		BRAID_BUILD_DIR=$PWD/build/$tree "${RUNNER_PREFIX[@]}" timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
	fi
	case $status in
	0) state=passed ;;
	77) state=skipped ;;
	124 | 137) state=failed; echo "ended by its time limit" >>"$log" ;;
	*) state=failed; echo "exit status $status" >>"$log" ;;
	esac
	runner_report "$test" "$tree" "$state" "$log" $((SECONDS - begin))
}

# One line a test, and the end of its log when it failed. Written at once, so that tests side by side do not mix.
runner_report()
{
	local test=$1 tree=$2 state=$3 log=$4 seconds=$5 text

	case $state in
	passed) text="ok $test [$tree] (${seconds} s)" ;;
	skipped) text="ok $test [$tree] # skipped: $(tail -n 1 "$log")" ;;
	*) text="not ok $test [$tree] (${seconds} s), from $log:"$'\n'"$(runner_excerpt "$log" | sed 's/^/    /')" ;;
	esac
	printf '%s\n' "$text"
	printf '%s\t%s\t%s\n' "$test" "$tree" "$state" >>"$RESULTS"
}

# What failed, as cmocka, the scenarios and the sanitizers say it, then the end.
runner_excerpt()
{
	head -n -30 "$1" | grep -E '^\[ *(ERROR|LINE|FAILED)|FAILED at line|runtime error:|(WARNING|ERROR): [A-Za-z]+Sanitizer' | head -n 20
	tail -n 30 "$1"
}

runner_wait()
{
	wait
}

# Prints `N passed, M failed`; fails unless M is 0. A selection that selects nothing is a failure.
runner_summary()
{
	local passed failed

	if [[ ! -s $RESULTS ]]; then
		echo "no such test" >"$LOGS/selection.log"
		runner_report selection none failed "$LOGS/selection.log" 0
	fi
	passed=$(grep -c $'\tpassed$' "$RESULTS")
	failed=$(grep -c $'\tfailed$' "$RESULTS")
	echo "$passed passed, $failed failed"
	((failed == 0))
}
