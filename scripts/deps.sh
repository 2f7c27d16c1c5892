#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# deps.sh [-n]: installs what building and testing need on Debian 12 or 13
# (x86-64), by apt as root or with sudo, and bindgen into the cache. Does
# nothing when all is there. -n only says what is missing.
. "$(dirname "$0")/lib.sh"

dry=0
[ "${1:-}" != -n ] || dry=1

# Debian's newest Rust and LLVM carry -web and a version in their names
packages="make gcc g++ libc6-dev flex bison bc perl patch python3
	cpio gzip xz-utils e2fsprogs device-tree-compiler mmdebstrap debian-archive-keyring ca-certificates util-linux
	rustc-web rust-web-src rustfmt-web rust-web-clippy cargo-web
	clang-$LLVM_VERSION lld-$LLVM_VERSION llvm-$LLVM_VERSION libclang-$LLVM_VERSION-dev clang-format-$LLVM_VERSION
	gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross shellcheck
	gcc-powerpc-linux-gnu libc6-dev-powerpc-cross libelf-dev u-boot-tools"
qemu_min=1:10.0

[ "$(uname -m)" = x86_64 ] || die "emulated hosts are made on x86-64; here, build and test on the machine itself"
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
	die "this needs Debian 12 or 13; elsewhere, install by hand: ${packages//[$'\n\t']/ } qemu-system-ppc (10 or newer) bindgen $BINDGEN_VERSION"

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' 2>/dev/null | sed -n 's/^ii  *//p')
has() { grep -q "^$1 " <<<"$installed"; }
qemu_ok() {
	local v
	v=$(awk '$1 == "qemu-system-ppc" {print $2}' <<<"$installed")
	[ -n "$v" ] && dpkg --compare-versions "$v" ge "$qemu_min"
}

missing=()
for p in $packages; do has "$p" || missing+=("$p"); done
qemu_missing=0
qemu_ok || qemu_missing=1
bindgen=$cache/bindgen-$BINDGEN_VERSION
bindgen_missing=0
[ -x "$bindgen/bin/bindgen" ] || bindgen_missing=1
[ "${#missing[@]}$qemu_missing$bindgen_missing" != 000 ] || exit 0

what="${missing[*]}"
[ $qemu_missing = 0 ] || what+=" qemu-system-ppc(>=10)"
[ $bindgen_missing = 0 ] || what+=" bindgen-$BINDGEN_VERSION"
[ $dry = 0 ] || { echo "missing: ${what# }"; exit 1; }
stage "installing ${what# }"

apt_install() {
	quietly "$cache/log/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -y --no-install-recommends "$@"
}

if [ "${#missing[@]}$qemu_missing" != 00 ]; then
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "needs root or sudo to install: ${what# }"
	quietly "$cache/log/apt-update.log" as_root apt-get update
	unknown=()
	for p in ${missing[@]+"${missing[@]}"}; do
		apt-cache show "$p" >/dev/null 2>&1 || unknown+=("$p")
	done
	[ ${#unknown[@]} = 0 ] ||
		die "apt does not know: ${unknown[*]}. Debian 12 or 13 with its security archive has all of them"
	[ ${#missing[@]} = 0 ] || apt_install install "${missing[@]}"
fi
if [ $qemu_missing = 1 ]; then
	candidate=$(apt-cache policy qemu-system-ppc | awk '/Candidate:/ {print $2}')
	if dpkg --compare-versions "$candidate" ge "$qemu_min"; then
		apt_install install qemu-system-ppc
	else
		# The release's own is too old; its backports have it
		code=$(debian_codename)
		apt_private amd64 "$code" "$code-updates" "$code-backports"
		apt_install "${apt_opts[@]}" -oDir::Cache::pkgcache= -oDir::Cache::srcpkgcache= \
			-oDir::Cache::archives=/var/cache/apt/archives -t "$code-backports" install qemu-system-ppc
	fi
fi
if [ $bindgen_missing = 1 ]; then
	stage "building bindgen $BINDGEN_VERSION"
	quietly "$cache/log/bindgen.log" env RUSTC="$rustc" "$cargo" install --locked --root "$bindgen.new" \
		bindgen-cli --version "$BINDGEN_VERSION"
	rm -rf "$bindgen"
	mv "$bindgen.new" "$bindgen"
fi
stage "all tools are there"
