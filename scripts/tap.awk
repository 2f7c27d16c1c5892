# SPDX-License-Identifier: GPL-2.0
# Judges a stream of test programs' TAP, one after another:
#
#	# BEGIN program
#	1..2
#	ok 1 name
#	not ok 2 name
#	ok 3 name # SKIP reason
#	# END program status
#
# Prints a line a test ("ok program: name"), and what is wrong with a program as a whole as
# one more failed test: no plan, not as many tests as planned, a bad exit status without a
# failed test, no end. Indented lines belong to subtests, whose parent reports. Programs
# that expect=LIST (names between blanks) asks for and that never began are failures too.
# Last line: "total PASSED FAILED SKIPPED". With live=1 it prints as it reads and judges
# nothing. A failed test is followed by the last comments before it.

function say(word, name, why) {
	printf "%-4s %s%s\n", word, program ": " name, why == "" ? "" : "  (" why ")"
	fflush()
}
function pass() { passed++ }
function fail(name, why) { failed++; say("FAIL", name, why) }
# Comments since the last test, the newest of them
function why_not(  i) {
	for (i = said > 4 ? said - 4 : 0; i < said; i++)
		print "     " comment[i]
	fflush()
}
function name_of(line) {
	sub(/^(not )?ok */, "", line)
	sub(/^[0-9]+ */, "", line)
	sub(/^- */, "", line)
	sub(/ *# *(SKIP|skip|Skip|TODO|todo).*$/, "", line)
	return line
}
function finish(status) {
	if (live)
		return
	if (plan == "")
		fail("plan", "no plan")
	else if (count != plan)
		fail("plan", count " of " plan " tests reported")
	if (status == "none")
		fail("exit", "it never ended")
	else if (status == 124 || status == 137 || status == 143)
		fail("exit", "timeout or killed, status " status)
	else if (status != 0 && status != "0-or-1" && status != 4 && bad == 0)
		fail("exit", "status " status)
	else if (status == "0" && bad > 0)
		fail("exit", "status 0 with failed tests")
}

{ sub(/\r+$/, "") }

/^# BEGIN / {
	if (inside)
		finish("none")
	program = $3
	began[program] = 1
	inside = 1
	plan = ""
	count = bad = said = 0
	next
}
/^# END / && inside {
	finish($4)
	inside = 0
	next
}
!inside { next }
/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	if (plan == 0 && !live) {
		if ($0 ~ /# *SKIP/) {
			skipped++
			why = $0
			sub(/^.*# *SKIP */, "", why)
			say("skip", "all", why)
		} else {
			fail("plan", "of no tests")
		}
	}
	next
}
/^(not )?ok( |$)/ {
	count++
	name = name_of($0)
	if ($0 ~ /# *(SKIP|skip|Skip)/) {
		why = $0
		sub(/^.*# *[A-Za-z]+ */, "", why)
		if (!live)
			skipped++
		say("skip", name, why)
	} else if ($1 == "ok") {
		if (!live)
			pass()
		say("ok", name)
	} else {
		bad++
		if (live)
			say("FAIL", name)
		else
			fail(name)
		why_not()
	}
	said = 0
}
/^# [^ ]/ { comment[said++] = $0 }
END {
	if (live)
		exit
	if (inside)
		finish("none")
	n = split(expect, names, " ")
	for (i = 1; i <= n; i++)
		if (!(names[i] in began)) {
			program = names[i]
			fail("start", "never ran")
		}
	printf "total %d %d %d\n", passed, failed, skipped
}
