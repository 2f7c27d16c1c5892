# SPDX-License-Identifier: GPL-2.0
# demo.sh on a 440: boots a guest to its shell and types into it, as a person would;
# or leaves that to a person. To be sourced by it.
# shellcheck shell=bash disable=SC2154,SC2016

if [ "$what" = shell ]; then
	cat <<-'EOF'

		A 440EP's board, with the module loaded.
		    guest           boots a guest to a shell; ^] ends it
		    exit            switches the host off        C-a x             kills it
	EOF
	APPEND='PS1=host#' "$top/scripts/bamboo.sh" -ib -t 1000000 -o "$out" /bin/sh
	return
fi

keys=$(mktemp -u "${TMPDIR:-/tmp}/kvm_ppc-demo.XXXXXX")
mkfifo "$keys"
exec 3<>"$keys"
rm -f "$keys" "$out/console.log"
"$top/scripts/bamboo.sh" -ib -t 180 -o "$out" /bin/guest <&3 2>"$out/err" |
	awk_live '
		/^# END guest/ { show = 0 }
		show { gsub(/\033\[6n/, ""); print "    | " $0 }
		/^# BEGIN guest/ { show = 1 }
		{ last = $0; fflush() }
		END { if (last ~ /^host: FAILED/) print last }' &
host=$!

prompts() {
	local n
	n=$(grep -ac 'guest#' "$out/console.log" 2>/dev/null) || true
	echo "${n:-0}"
}
# type_line LINE: when there is one prompt more
seen=0
type_line() {
	seen=$((seen + 1))
	until [ "$(prompts)" -ge $seen ]; do
		kill -0 $host 2>/dev/null || return 1
		sleep 0.2
	done
	printf '%s\n' "$1" >&3
}
typed=0
type_line 'uname -a' && type_line 'grep -E "^(cpu|platform)" /proc/cpuinfo' && type_line 'free' &&
	type_line 'echo the shell has $((6 * 7))' && type_line 'exit' && typed=1
wait $host || true
exec 3>&-
log="(log: $out/console.log)"
[ $typed = 1 ] || die "the guest came to no shell prompt $log"
grep -aq '^the shell has 42' "$out/console.log" || die "the guest's shell did not compute $log"
grep -aq '^# END guest 0' "$out/console.log" || die "the guest did not end $log"
grep -aq '^init: done' "$out/console.log" || die "the host did not end $log"
