# script.sh - the settings in the head of a test script. Sourced by scenario.sh and tests/run.
# shellcheck shell=bash

# script_setting SCRIPT KEY DEFAULT: the value of its first `# KEY: value` line within the first 30 lines.
script_setting()
{
	local value

	value=$(sed -n "/^# $2: */{s///p;q};30q" "$1")
	echo "${value:-$3}"
}
