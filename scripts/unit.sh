#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# unit.sh [-f]: what needs no host: the pure code's tests and fuzzing under cargo, and
# lints and formats of the whole tree. TAP, as tap.awk reads it, on stdout.
#
# -f only fetches the crates that it needs.
#
# FUZZ_SECONDS  for each fuzz target, default 5
# PROPTEST_CASES  for each property, as proptest has it
. "$(dirname "$0")/lib.sh"
. "$top/scripts/tap.sh"

log=$results/unit
mkdir -p "$log"
CARGO_TARGET_DIR=$cache/cargo-$(key "$top")
export RUSTC=$rustc CARGO_TARGET_DIR CARGO_TERM_COLOR=never
# Only crates that the lock file names and that are not there yet are fetched
crates() {
	"$cargo" fetch -q --locked --offline 2>/dev/null ||
		CARGO_NET_RETRY=5 CARGO_HTTP_TIMEOUT=30 "$cargo" fetch --locked
}
if [ "${1:-}" = -f ]; then
	for d in rust rust/fuzz; do
		cd "$top/$d"
		crates >"$log/fetch.log" 2>&1 || die "crates of $d cannot be had: $(sed -n 's/^error: //p; s/^  *\(\[[0-9]*\].*\)/\1/p' "$log/fetch.log" | paste -sd ' ')"
	done
	exit
fi
src=$("$top/scripts/kernel.sh" -s)

begin() { printf '# BEGIN %s\n' "$1"; n=0 bad=0; }
end() { printf '1..%d\n# END %s %d\n' "$n" "$1" "${2:-$bad}"; }
# check NAME COMMAND...: one test, its output kept and shown if it fails
check() {
	local name=$1 file rc=0
	shift
	file=$log/${name//[ \/]/-}.log
	"$@" >"$file" 2>&1 </dev/null || rc=$?
	result "$name" $rc < <(tail -n 15 "$file")
}
# files GLOB...: prints files of the tree, without those that git ignores
files() { git -C "$top" ls-files -z --cached --others --exclude-standard -- "$@"; }

pure() {
	local rc=0
	begin pure
	cd "$top/rust"
	crates >"$log/fetch.log" 2>&1 || echo "# no crates: $(tail -n 1 "$log/fetch.log")"
	"$cargo" test --locked --offline --no-fail-fast >"$log/cargo-test.log" 2>&1 || rc=$?
	# The plan is the number of tests that cargo said it would run
	awk '
		/^running [0-9]+ tests?$/ { planned += $2 }
		/^test .* \.\.\. / {
			n++
			name = $0
			sub(/^test /, "", name)
			sub(/ \.\.\. .*$/, "", name)
			printf "%sok %d %s%s\n", (/ \.\.\. (ok|ignored)/ ? "" : "not "), n, name,
				(/ \.\.\. ignored/ ? " # SKIP ignored" : "")
		}
		END { print "1.." (planned ? planned : 1) }' "$log/cargo-test.log"
	[ $rc = 0 ] || sed -n '/^error/,$p; /^failures:/,$p' "$log/cargo-test.log" | head -n 40 | sed 's/^/# /'
	echo "# END pure $rc"
}

# fuzz_target NAME: fuzzes it; a stable rustc has LLVM's pass for coverage
fuzz_target() {
	local flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
		-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
		-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
	local corpus=$cache/corpus/$1
	mkdir -p "$corpus" "$log/artifacts"
	RUSTFLAGS=${flags//[$'\n\t']/ } CARGO_TARGET_DIR=$CARGO_TARGET_DIR-fuzz "$cargo" run --locked --offline --release \
		--target x86_64-unknown-linux-gnu --bin "$1" -- \
		-max_total_time="${FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$log/artifacts/$1-" "$corpus"
}

fuzz() {
	local t
	begin fuzz
	cd "$top/rust/fuzz"
	crates >"$log/fuzz-fetch.log" 2>&1 || true
	for t in fuzz_targets/*.rs; do
		t=$(basename "$t" .rs)
		check "$t" fuzz_target "$t"
	done
	end fuzz
}

rust_format() { files '*.rs' | ( cd "$top" && xargs -0 /usr/bin/rustfmt --check --edition 2021 ); }
c_format() {
	files '*.c' '*.h' | ( cd "$top" &&
		xargs -0r "clang-format-$LLVM_VERSION" --dry-run -Werror --style="file:$src/.clang-format" )
}
shell_lint() {
	local f bad=0
	cd "$top" || return
	shellcheck -x scripts/*.sh .ci/run || bad=1
	# The scripts of the emulated machines, which are for busybox's ash
	for f in scripts/host/init scripts/host/initrd-init scripts/host/functions scripts/host/run-tests \
		scripts/guest/init scripts/payload/*/run selftests/guests/*; do
		case $f in *.list) continue ;; esac
		shellcheck -s dash -S warning -e SC1091,SC2034,SC2154,SC3043,SC2187,SC2013 "$f" || bad=1
	done
	return $bad
}
# By its path, because a rustup in the home folder would put its own cargo-clippy first
pure_clippy() { cd "$top/rust" && CARGO=$cargo /usr/bin/cargo-clippy clippy --locked --offline --all-targets -- -D warnings; }
# module_clippy FLAVOUR
module_clippy() {
	local kernel out
	use_flavour "$1"
	kernel=$("$top/scripts/kernel.sh" "$1")
	out=$(module_dir "$kernel")-clippy
	mkdir -p "$out"
	kmake -C "$kernel" M="$top" MO="$out" CLIPPY=1 modules || return 1
}
# The module builds without warnings of rustc, clippy and the C compiler
no_warnings() {
	! awk -v RS= '/(^|\n)(warning|error)[^\n]*\n *-->/ || /: warning:/ {print; bad = 1} END {exit !bad}' "$1"
}
module_warnings() { no_warnings "$log/$1-module-compiles-under-clippy.log"; }
# An access that the compiler cannot show to be in bounds would call one of core's panicking
# functions
no_panic_paths() {
	local kernel
	kernel=$("$top/scripts/kernel.sh" "$1")
	! "llvm-nm-$LLVM_VERSION" -u "$(module_dir "$kernel")-clippy/kvm_ppc.ko" | grep panicking
}
# What a VMM makes the module allocate counts against its memory cgroup. Lines that end in "the module's" are for what lives
# as long as the module; the kernel crate's own strings do not count.
accounted() {
	local bad
	bad=$(files 'rust/*.rs' 'rust/*.c' |
		( cd "$top" && xargs -0 grep -snE '\bGFP_(KERNEL|ATOMIC|NOWAIT|NOIO|NOFS|USER|HIGHUSER)\b|\bCString\b' ) |
		grep -vE "// the module's\$|^[^:]*:[0-9]+:[[:space:]]*(//|/?\*)" || true)
	[ -z "$bad" ] || { echo "$bad"; return 1; }
}
# Everything that bindgen is told to bind is used
allowlist() {
	local name bad=0
	while read -r name; do
		grep -rqwE --include='*.rs' -- "$name" "$top/rust" || { echo "$name"; bad=1; }
	done < <(sed -n 's/^--allowlist-[a-z]* //p' "$top/rust/bindings/bindgen_parameters")
	return $bad
}
licences() {
	local f bad=0
	while IFS= read -r -d '' f; do
		case $f in COPYING | debian/* | *.lock | *.patch | .gitignore | */.gitignore) continue ;; esac
		[ -s "$top/$f" ] || continue
		head -n 2 "$top/$f" | grep -q 'SPDX-License-Identifier: GPL-2.0' || { echo "$f"; bad=1; }
	done < <(files)
	return $bad
}

# Each file and function that the tables of Documentation/parity*.rst name exists
parity() {
	local file name n=0 bad=0
	cd "$top" || return
	while read -r file name; do
		n=$((n + 1))
		grep -Eq "(^|[^A-Za-z0-9_])(fn|struct|enum|trait|type|const|static|macro_rules!|_GLOBAL\\() *$name([^A-Za-z0-9_]|$)|^[a-z].*[ *]$name\\(" \
			"$file" || { echo "$file has no $name"; bad=1; }
	done < <(awk -f scripts/parity.awk Documentation/parity*.rst)
	[ $n -gt 0 ] || { echo "no places"; bad=1; }
	return $bad
}

imports() { PYTHONDONTWRITEBYTECODE=1 python3 "$top/scripts/imports.py"; }

lint() {
	local flavour
	begin lint
	check "rustfmt" rust_format
	check "clang-format" c_format
	check "shellcheck" shell_lint
	check "clippy on the pure code" pure_clippy
	for flavour in book3s64+pages-64k 44x; do
		check "$flavour module compiles under clippy" module_clippy $flavour
		check "no warnings about the $flavour module" module_warnings $flavour
		check "no panic paths in the $flavour module" no_panic_paths $flavour
	done
	check "allocations are accounted" accounted
	check "bindings are used" allowlist
	check "licences" licences
	check "what parity*.rst names is there" parity
	check "files import in one direction only" imports
	end lint
}

# program NAME SCRIPT: runs a script that prints TAP itself
program() {
	local rc=0
	echo "# BEGIN $1"
	"$top/scripts/$2" || rc=$?
	echo "# END $1 $rc"
}

program judge tap-test.sh
program archive archive-test.sh
program demo demo-test.sh
program layout layout-test.sh
program imports imports-test.sh
pure
fuzz
lint
