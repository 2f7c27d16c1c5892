#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# bindgen.sh [-f|-n]: puts bindgen into the cache, where lib.sh's PATH has it: Debian's
# package, with the C library that it was built for next to it, since the release's own
# may be older; or, where that cannot be had or does not run, built from its source.
# -f fetches and unpacks the package only; -n says by its status whether it is there.
. "$(dirname "$0")/lib.sh"

out=$cache/bindgen-$BINDGEN_VERSION
fetched=$cache/fetched-bindgen-$BINDGEN_VERSION

# packages: this version's, no other
packages() {
	local v
	v=$(apt-cache "${apt_opts[@]}" policy bindgen | awk '/Candidate:/ {print $2}')
	case $v in
	"$BINDGEN_VERSION"-*) printf '%s\n' bindgen libc6 libgcc-s1 ;;
	*) echo "E: no bindgen $BINDGEN_VERSION" >&2; return 1 ;;
	esac
}

unpacked() {
	fetch_set "$fetched" "bindgen $BINDGEN_VERSION" alone amd64 'forky|sid|trixie' @packages || return 1
	private_programs "$out.new" "$fetched" bindgen || die "there is no bindgen in its package"
	"$out.new/bin/bindgen" --version >"$cache/log/bindgen-package.log" 2>&1 || die "Debian's bindgen does not run here"
	rm -rf "$out" "$fetched"
	mv "$out.new" "$out"
}

# works: it reads a header, with libclang
works() {
	echo 'int f(int);' >"$cache/log/bindgen-try.h"
	[ -x "$out/bin/bindgen" ] && "$out/bin/bindgen" "$cache/log/bindgen-try.h" 2>"$cache/log/bindgen-try.log" | grep -q 'fn f('
}

built() {
	stage "building bindgen $BINDGEN_VERSION from its source"
	rm -rf "$out" "$out.new"
	CARGO_NET_RETRY=5 CARGO_HTTP_TIMEOUT=30 RUSTC=$rustc "$cargo" install --locked --root "$out.new" \
		bindgen-cli --version "$BINDGEN_VERSION" >"$cache/log/bindgen.log" 2>&1 </dev/null ||
		die "bindgen $BINDGEN_VERSION can be had neither as a package nor by cargo: $(tail -n 1 "$cache/log/bindgen.log" | sed 's/^ *//')"
	mv "$out.new" "$out"
}

make_bindgen() {
	mkdir -p "$cache/log"
	case ${1:-} in
	-f) [ -x "$out/bin/bindgen" ] || unpacked ;;
	*)
		! works || return 0
		[ -x "$out/bin/bindgen" ] || ( KVM_PPC_WHY='' && unpacked ) && works || built
		works || die "bindgen $BINDGEN_VERSION does not work: $(tail -n 1 "$cache/log/bindgen-try.log")"
		;;
	esac
}
if [ "${1:-}" = -n ]; then
	[ -x "$out/bin/bindgen" ]
else
	locked bindgen make_bindgen "$@"
fi
