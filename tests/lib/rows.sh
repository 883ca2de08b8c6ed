#!/bin/bash
# rows.sh RESULTS - the table of the behaviour rows: which tests show a row, and whether they passed.
#
# RESULTS has lines `KIND/NAME <tab> TREE <tab> STATE`. A row belongs to a test by a line `# row: D4 L2` in its
# script, or a comment `row: D4 L2` in its C source. A row is failed when one of its tests failed, passed when at
# least one passed, none when none of its tests ran or none exists. Rows that rows.tsv does not know come last.
set -eu -o pipefail

results=$1
tests=$(cd "$(dirname "$0")/.." && pwd)

# Lines `ROW <tab> KIND/NAME` of all sources.
claims()
{
	grep -rHoE --include='*.sh' --include='*.c' --include='*.py' --exclude-dir=lib \
		'^(#| \*|/\*) ?row: *[A-Z][0-9A-Z ,]*' "$tests" |
		sed -E "s|^$tests/||; s|\.[a-z]+:[^:]*row: *|\t|; s|,| |g" |
		awk -F '\t' '{ n = split($2, rows, " "); for (i = 1; i <= n; i++) print rows[i] "\t" $1 }' |
		sort -u
}

claims | awk -F '\t' '
FILENAME == ARGV[1] { state[$1] = state[$1] == "failed" || $3 == "failed" ? "failed" : state[$1] == "passed" ? "passed" : $3; next }
FILENAME == ARGV[2] { order[++count] = $1; title[$1] = $2; next }
{
	if (!($1 in title)) { order[++count] = $1; title[$1] = "" }
	shown[$1] = shown[$1] " " $2
	if (state[$2] == "failed") row[$1] = "failed"
	else if (state[$2] == "passed" && row[$1] != "failed") row[$1] = "passed"
}
END {
	printf "%-4s %-7s %-70s %s\n", "row", "state", "what", "tests"
	for (i = 1; i <= count; i++)
		printf "%-4s %-7s %-70s%s\n", order[i], row[order[i]] ? row[order[i]] : "none", title[order[i]], shown[order[i]]
}' "$results" "$tests/lib/rows.tsv" -
