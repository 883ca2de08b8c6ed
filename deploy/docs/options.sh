#!/bin/bash
# deploy/docs/options.sh [--check] BRAIDD - brings the table of options in configuration.md up to date with what
# `BRAIDD --help-config` says; with --check it only compares, and fails where they differ.
set -eu -o pipefail

PAGE=$(dirname "$0")/configuration.md

main()
{
	local check=

	[[ ${1-} != --check ]] || { check=yes; shift; }
	(($# == 1)) || { echo "usage: options.sh [--check] BRAIDD" >&2; exit 2; }
	if [[ -n $check ]]; then
		diff -u "$PAGE" <(page "$1")
	else
		page "$1" >"$PAGE.new"
		mv "$PAGE.new" "$PAGE"
	fi
}

# The page with a new table between its two marks.
page()
{
	sed '/^<!-- options -->$/q' "$PAGE"
	echo
	table "$1"
	echo
	sed -n '/^<!-- end of options -->$/,$p' "$PAGE"
}

# Options come as two lines: `PATH: TYPE[, required|default VALUE|not available...][, reloadable|needs a restart]`,
# then the meaning behind a tab.
table()
{
	echo '| option | value | default | meaning |'
	echo '|---|---|---|---|'
	"$1" --help-config | awk '
		/^[^\t]/ {
			path = substr($0, 1, index($0, ": ") - 1)
			type = substr($0, index($0, ": ") + 2)
			reload = sub(/, reloadable$/, "", type)
			sub(/, needs a restart$/, "", type)
			preset = ""
			if (sub(/, required$/, "", type))
				preset = "required"
			else if (sub(/, not available in this version$/, "", type))
				preset = "not available yet"
			else if (match(type, /, default .*$/)) {
				preset = "`" substr(type, RSTART + 10) "`"
				type = substr(type, 1, RSTART - 1)
			}
			sub(/ +$/, "", type)
			gsub(/\|/, " or ", type)
		}
		/^\t/ {
			printf "| `%s` | %s | %s | %s%s |\n", path, type, preset, substr($0, 2), reload ? " (R)" : ""
		}'
}

main "$@"
