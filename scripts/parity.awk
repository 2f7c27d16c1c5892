# SPDX-License-Identifier: GPL-2.0
# parity.awk FILE...: the places that Documentation/parity*.rst name, "FILE NAME" a
# line. A place is a literal with a slash in it, of a folder of ours, and the
# literals that follow it with nothing but commas and space between.

function literal() {
	if (!match(text, /^``[^`]+``/))
		return ""
	found = substr(text, 3, RLENGTH - 4)
	text = substr(text, RLENGTH + 1)
	return found
}

function places(    file, name, rest) {
	while (match(text, /``(rust|asm|scripts|selftests)\/[^`]+``/)) {
		text = substr(text, RSTART)
		file = literal()
		for (;;) {
			rest = text
			sub(/^[ ,]+/, "", text)
			if (text !~ /^``[A-Za-z_][A-Za-z0-9_]*``/) {
				text = rest
				break
			}
			name = literal()
			print file, name
		}
	}
}

FNR == 1 { places(); text = "" }
{
	sub(/^ +/, "")
	# The next cell is another place
	if (/^(\* )?- /) { text = text " ;" }
	text = text " " $0
}
END { places() }
