# test_cu.awk - the output of `iscsi-test-cu -V` as lines `SUITE.TEST TAB passed|skipped|failed|none TAB REASON`.
# A test that was begun and has no verdict (the tool hung, or crashed in it) is `none`; `skipped` is what the tool
# counts as passed although it has looked at nothing.

function verdict(word)
{
	if (test == "")
		return
	if (word == "passed" && skip != "")
		word = "skipped"
	print suite "." test "\t" word "\t" (word == "skipped" ? skip : word == "failed" ? failure : "")
	test = ""
}

/^Suite: / { verdict("none"); suite = $2; next }
/^  Test: / { verdict("none"); test = $2; skip = failure = failing = "" }
test == "" { next }
/\[SKIPPED\]/ && skip == "" { skip = $0; sub(/.*\[SKIPPED\] */, "", skip) }
/\[FAILED\]/ && failure == "" { failure = $0; sub(/.*\[FAILED\] */, "", failure) }
/^ *passed|\.\.\. *passed/ { verdict("passed"); next }
/^ *FAILED|\.\.\. *FAILED/ { failing = 1; next }
failing && /^ *1\. / { if (failure == "") failure = $2 " " $4; verdict("failed") }
END { verdict(failing ? "failed" : "none") }
