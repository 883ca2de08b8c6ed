# test_cu.awk - the output of `iscsi-test-cu -V` as lines `suite.test TAB passed|skipped|failed TAB reason`. A test that
# was begun and has no verdict (the tool hung, or crashed in it) gives `none`. Skipped is what passed without looking.

function verdict(word)
{
	if (test == "")
		return
	if (word == "passed")
		word = skip != "" ? "skipped" : word
	print suite "." test "\t" word "\t" (word == "skipped" ? skip : word == "failed" ? failure : "")
	test = ""
}

/^Suite: / { verdict("none"); suite = $2; next }
/^  Test: / { verdict("none"); test = $3 == "..." || NF > 2 ? $2 : $2; skip = failure = "" }
test == "" { next }
/\[SKIPPED\]/ && skip == "" { skip = $0; sub(/.*\[SKIPPED\] */, "", skip) }
/\[FAILED\]/ && failure == "" { failure = $0; sub(/.*\[FAILED\] */, "", failure) }
/^ *passed|\.\.\. *passed/ { verdict("passed"); next }
/^ *FAILED|\.\.\. *FAILED/ { failing = 1; next }
failing && /^ *1\. / { if (failure == "") failure = $2 " " $4; verdict("failed"); failing = 0 }
END { verdict("none") }
