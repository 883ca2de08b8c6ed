#!/bin/bash
# The same with four workers, each with its own session to every portal, under the thread sanitizer.
# row: L3 L4 E1 M2
# build: tsan
# timeout: 150
. "$(dirname "$0")/../lib/scenario.sh"
. "$ROOT/tests/lib/load_under_events.sh"

load_under_events 4 60
