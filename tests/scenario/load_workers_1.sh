#!/bin/bash
# Six sessions read and write for a minute through one worker while a path is reset, cut, refused or rejected every
# second: not a block is wrong, not a command fails, and the figures add up.
# row: L3 L4 E1 M2
# timeout: 150
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/load_under_events.sh"

load_under_events 1 60
