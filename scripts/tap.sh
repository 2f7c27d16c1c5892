# SPDX-License-Identifier: GPL-2.0
# The lines of TAP that the tests of the scripts print. They source it.
# shellcheck shell=bash
n=0 bad=0

# result NAME STATUS: a test passed, if STATUS is 0, or failed; the remarks on stdin then
# say why
result() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n $1"
	else
		sed 's/^/# /'
		echo "not ok $n $1"
		bad=1
	fi
}

# finished: prints the plan, and ends with the status of all tests
finished() {
	echo "1..$n"
	exit $bad
}
