#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# deps.sh [-n|-r] [GROUP...]: installs what building and testing need on Debian 12 or 13
# (x86-64), by apt as root or with sudo, and bindgen into the cache. Does nothing when
# all is there. The packages for building a 64-bit kernel and the module and for running
# hosts are always installed. GROUP: 440, selftests, unit, charts; default all of these.
# -n only says what is missing, and -r whether it is allowed to install that. On
# ppc64le: what building the module needs.
. "$(dirname "$0")/lib.sh"

mode=''
case ${1:-} in -n | -r) mode=$1 && shift ;; esac
[ $# -gt 0 ] || set -- 440 selftests unit charts

# Debian's newest Rust and LLVM carry -web and a version in their names
packages="make gcc libc6-dev flex bison bc perl patch python3 libelf-dev libssl-dev pahole
	cpio gzip xz-utils e2fsprogs device-tree-compiler debian-archive-keyring ca-certificates util-linux
	rustc-web rust-web-src rustfmt-web cargo-web clang-$LLVM_VERSION lld-$LLVM_VERSION llvm-$LLVM_VERSION libclang1-$LLVM_VERSION"
for group; do
	case $group in
	440) packages+=" gcc-powerpc-linux-gnu libc6-dev-powerpc-cross u-boot-tools" ;;
	selftests) packages+=" gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross" ;;
	unit) packages+=" g++ rust-web-clippy clang-format-$LLVM_VERSION shellcheck gpg gpg-agent" ;;
	charts) packages+=" gnuplot-nox" ;;
	none) ;;
	*) die "no group of tools $group" ;;
	esac
done
qemu_min=1:10.0

# native: what the machine itself needs to build the module, for KDIR if that is set.
# Debian 13's own Rust is too old, and its newer one carries -web in its name.
native() {
	local p need=() installed known candidates rust="rustc rust-src" rust_min=1.95
	installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Version}\n' 2>/dev/null | sed -n 's/^ii *//p')
	newer() { [ -n "$1" ] && dpkg --compare-versions "$1" ge $rust_min; }
	newer "$(awk '$1 == "rustc" {print $2}' <<<"$installed")" ||
		{ ! grep -q '^rustc-web ' <<<"$installed" &&
			newer "$(apt-cache policy rustc 2>/dev/null | awk '/Candidate:/ && $2 != "(none)" {print $2}')"; } ||
		rust="rustc-web rust-web-src"
	candidates="make patch flex bison bc perl python3 cpio xz-utils kmod libelf-dev libssl-dev
		clang-$LLVM_VERSION lld-$LLVM_VERSION llvm-$LLVM_VERSION libclang1-$LLVM_VERSION $rust bindgen pahole"
	[ -f "${KDIR:-}/.config" ] || candidates+=" linux-headers-$(uname -r)"
	for p in $candidates; do
		grep -q "^$p " <<<"$installed" || need+=("$p")
	done
	[ ${#need[@]} -gt 0 ] || exit 0
	[ -z "$mode" ] || { echo "missing: ${need[*]}"; exit 1; }
	known=$(apt-cache show --no-all-versions "${need[@]}" 2>/dev/null | sed -n 's/^Package: //p')
	p=$(comm -23 <(printf '%s\n' "${need[@]}" | sort) <(sort -u <<<"$known") | xargs)
	[ -z "$p" ] || die "apt does not know: $p; apt-get update, or add a suite that has it (forky, sid) to its sources"
	stage "installing ${need[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install "${need[@]}" || exit 1
	exit 0
}

case $(uname -m) in
x86_64) ;;
ppc64le) native ;;
*) die "emulated hosts are made on x86-64; the module is built there or on ppc64le" ;;
esac
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
	die "this needs Debian 12 or 13; elsewhere, install by hand: $(xargs <<<"$packages") qemu-system-ppc (10 or newer) bindgen $BINDGEN_VERSION"

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' 2>/dev/null | sed -n 's/^ii  *//p')
has() { grep -q "^$1 " <<<"$installed"; }
qemu_ok() {
	local v
	[ ! -x "$cache/qemu/bin/qemu-system-ppc64" ] || return 0
	v=$(awk '$1 == "qemu-system-ppc" {print $2}' <<<"$installed")
	[ -n "$v" ] && dpkg --compare-versions "$v" ge "$qemu_min"
}

missing=()
for p in $packages; do has "$p" || missing+=("$p"); done
qemu_missing=0
qemu_ok || qemu_missing=1
bindgen_missing=0
"$top/scripts/bindgen.sh" -n || bindgen_missing=1
[ "${#missing[@]}$qemu_missing$bindgen_missing" != 000 ] || exit 0

what="${missing[*]}"
[ $qemu_missing = 0 ] || what+=" qemu-system-ppc(>=10)"
[ -z "$what" ] || [ "$(id -u)" = 0 ] || [ "$mode" = -n ] || command -v sudo >/dev/null ||
	die "only root can install, and there is no sudo: ${what# }"
if [ "$mode" = -r ]; then
	# If sudo needs a password, it asks for it now
	[ -z "$what" ] || as_root true || die "sudo does not let install: ${what# }"
	exit 0
fi
[ $bindgen_missing = 0 ] || what+=" bindgen-$BINDGEN_VERSION"
[ "$mode" != -n ] || { echo "missing: ${what# }"; exit 1; }
if [ "${#missing[@]}$qemu_missing" = 00 ]; then
	"$top/scripts/bindgen.sh"
	exit
fi
stage "installing ${what# }"

# apt_tools TEXT ARGUMENT...: as root, with the machine's own lists or use_archive's
use=()
apt_tools() {
	local text=$1
	shift
	PREFIX="as_root env DEBIAN_FRONTEND=noninteractive" apt_run "$text" "$cache/log/apt-install.log" \
		"${apt_patience[@]}" -oAcquire::Check-Valid-Until=false "${use[@]}" -y --no-install-recommends "$@"
}
why() { apt_why "$cache/log/apt-install.log"; }
# unknown: prints those packages that apt does not know
unknown() {
	[ ${#missing[@]} = 0 ] || comm -23 <(printf '%s\n' "${missing[@]}" | sort) \
		<(apt-cache ${use[@]+"${use[@]}"} show --no-all-versions "${missing[@]}" 2>/dev/null | sed -n 's/^Package: //p' | sort) | xargs
}
# use_archive: makes apt use this release with its security updates, and its backports for
# QEMU, whatever the machine's own lists are
use_archive() {
	local code
	code=$(debian_codename)
	# shellcheck disable=SC2034 # archive.sh's
	lists_good=0
	apt_private amd64 "$code-backports" "$code-updates" "$code-security" "$code"
	use=("${apt_opts[@]}" -oAPT::Default-Release= -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache=
		-oDir::Cache::archives=/var/cache/apt/archives)
}
# plan: sets what is to be installed; fails if apt cannot tell
plan() {
	local candidate
	wanted=(${missing[@]+"${missing[@]}"})
	[ -z "$(unknown)" ] || return 1
	[ $qemu_missing = 1 ] || return 0
	candidate=$(apt-cache ${use[@]+"${use[@]}"} policy qemu-system-ppc | awk '/Candidate:/ {print $2}')
	if dpkg --compare-versions "${candidate:-0}" ge "$qemu_min"; then
		wanted+=(qemu-system-ppc)
	elif [ ${#use[@]} -gt 0 ]; then
		wanted+=("qemu-system-ppc/$(debian_codename)-backports" "qemu-system-common/$(debian_codename)-backports"
			"qemu-system-data/$(debian_codename)-backports")
	else
		return 1
	fi
}

# fetch_other_qemu: puts another release's QEMU into the cache if this release's is not
# available
fetch_other_qemu() {
	local new=$cache/qemu.new set=$cache/fetched-qemu
	fetch_set "$set" "QEMU for the hosts" whole amd64 'trixie|forky' qemu-system-ppc || return 1
	# shellcheck disable=SC2016 # for the shell that starts it
	private_programs "$new" "$set" "qemu-system-ppc qemu-system-ppc64" \
		'export QEMU_MODULE_DIR="$root/usr/lib/x86_64-linux-gnu/qemu"; set -- -L "$root/usr/share/qemu" "$@"' &&
		"$new/bin/qemu-system-ppc64" --version >"$cache/log/qemu.log" 2>&1 ||
		die "QEMU of Debian $(cat "$set/from") does not run here"
	rm -rf "$cache/qemu" "$set"
	mv "$new" "$cache/qemu"
	qemu_missing=0
}
download() { [ ${#wanted[@]} = 0 ] || apt_tools "fetching tools" --download-only install "${wanted[@]}"; }
apt_tools "lists of packages" update || stage "    apt-get update: $(why)"
if ! plan || ! download; then
	# The machine's lists do not have all packages, or are older than the archive
	use_archive
	plan || die "Debian $(debian_codename) does not have: $(unknown)"
	download || {
		stage "    once more, after: $(why)"
		sleep 3
		use_archive
		plan && download || { [ $qemu_missing = 1 ] && fetch_other_qemu && plan && download; }
	} || die "tools cannot be had: $(why)"
fi
[ ${#wanted[@]} = 0 ] ||
	apt_tools "installing tools" install "${wanted[@]}" || die "tools cannot be installed: $(why)"
stage "installed the tools"
"$top/scripts/bindgen.sh"
stage "all tools are there"
