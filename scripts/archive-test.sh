#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# archive-test.sh: tests that what archive.sh fetches is complete and verified, whatever
# an archive lacks. TAP on stdout. The archive has two suites in a folder and is signed
# with a key made for it; each case damages something in it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-archive.XXXXXX")
trap 'GNUPGHOME=$work/gpg gpgconf --kill all 2>/dev/null || true; rm -rf "$work"' EXIT
export GNUPGHOME=$work/gpg KVM_PPC_KEYRING=$work/keyring.gpg KVM_PPC_CACHE=$work/cache
export KVM_PPC_ARCHIVE=copy:$work/archive/ KVM_PPC_SECURITY=copy:$work/archive/
unset KVM_PPC_WHY
arch=$(dpkg --print-architecture)

# With apt's defaults, whatever this machine's configuration says
mkdir -p "$work/empty"
printf '%s;\n' "Dir::Etc::Parts \"$work/empty\"" 'Dir::Etc::Main "/dev/null"' 'Acquire::Retries::Delay "false"' >"$work/apt.conf"
export APT_CONFIG=$work/apt.conf

mkdir -m 700 "$GNUPGHOME"
for name in archive stranger; do
	gpg --batch -q --passphrase '' --quick-generate-key "$name <$name@localhost>" default sign never 2>/dev/null
done
gpg --batch -q --export archive >"$KVM_PPC_KEYRING"

# package NAME VERSION ARCH DEPENDS: into the pool
package() {
	local dir=$work/package
	rm -rf "$dir"
	mkdir -p "$dir/DEBIAN" "$dir/usr/share/$1" "$work/archive/pool"
	echo "$2" >"$dir/usr/share/$1/version"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: $3" "Maintainer: nobody <nobody@localhost>" \
		"${4:+Depends: $4}" "Description: a test" | grep . >"$dir/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone -b "$dir" "$work/archive/pool/$1_$2_$3.deb" >/dev/null
}

# suite NAME ARCH PACKAGE=VERSION[=DEPENDS]...: a suite of these, signed
suite() {
	local dists=$work/archive/dists/$1 arch=$2 p name version depends deb index=main/binary-$2/Packages
	mkdir -p "$dists/main/binary-$arch"
	: >"$dists/$index"
	for p in "${@:3}"; do
		IFS='=' read -r name version depends <<<"$p"
		package "$name" "$version" "$arch" "$depends"
		deb=pool/${name}_${version}_$arch.deb
		dpkg-deb -f "$work/archive/$deb" >>"$dists/$index"
		printf '%s\n' "Filename: $deb" "Size: $(stat -c %s "$work/archive/$deb")" \
			"SHA256: $(sha256sum "$work/archive/$deb" | cut -d' ' -f1)" '' >>"$dists/$index"
	done
	printf '%s\n' "Origin: Debian" "Label: Debian" "Suite: $1" "Codename: $1" "Date: $(date -Ru)" \
		"Architectures: $arch" "Components: main" "SHA256:" \
		" $(sha256sum "$dists/$index" | cut -d' ' -f1) $(stat -c %s "$dists/$index") $index" >"$dists/Release"
	sign "$1" archive
}
sign() {
	rm -f "$work/archive/dists/$1/InRelease"
	[ "$2" = nobody ] || gpg --batch -q --local-user "$2" --clearsign -o "$work/archive/dists/$1/InRelease" "$work/archive/dists/$1/Release"
}
# two complete suites
begin() {
	rm -rf "$work/archive" "$work/cache"
	suite one "$arch" program=1.1=library library=1.1 other=1.1
	suite two "$arch" program=1.2=library library=1.2 other=1.2
}
set_dir=$work/cache/set
fetch() {
	local rc=0
	bash -c '. "$0/lib.sh"; fetch_set "$1" "what is tested" whole "$2" "one|two" program' "$here" "$set_dir" "$arch" \
		>"$work/out" 2>&1 || rc=$?
	return $rc
}

# fetched NAME STATUS: the last fetch; its messages and files say why it failed
fetched() {
	result "$1" "$2" < <(cat "$work/out" && find "$work/cache" -path "$set_dir*" 2>/dev/null)
}
# comes NAME SUITE VERSION [PATTERN...]: a fetch gets the two packages in that version from
# the suite, and its messages match the patterns
comes() {
	local rc=0 p
	fetch || rc=1
	[ "$(cat "$set_dir/from" 2>/dev/null)" = "$2" ] || rc=1
	[ "$(cd "$set_dir" 2>/dev/null && echo *.deb)" = "library_$3_$arch.deb program_$3_$arch.deb" ] || rc=1
	for p in "${@:4}"; do grep -q "$p" "$work/out" || rc=1; done
	fetched "$1" $rc
}
# fails NAME PATTERN: a fetch fails, its last line matches the pattern, and no files are
# left
fails() {
	local rc=0
	! fetch || rc=1
	tail -n 1 "$work/out" | grep -q "^error: .*$2" || rc=1
	[ -z "$(find "$work/cache" -name 'set' -o -name 'set.new')" ] || rc=1
	fetched "$1" $rc
}

begin
comes "a whole suite is taken" one 1.1
rm -r "$work/archive"
comes "what is there is not fetched again" one 1.1

begin
rm "$work/archive/pool/library_1.1_$arch.deb"
comes "a package that cannot be had: the next suite" two 1.2 "library_1.1_$arch.deb"

begin
printf x | dd of="$work/archive/pool/library_1.1_$arch.deb" bs=1 seek=200 conv=notrunc status=none
comes "a package with another hash: the next suite" two 1.2 "once more, after: library_1.1_$arch.deb"

begin
printf '\nPackage: added\nVersion: 1\n\n' >>"$work/archive/dists/one/main/binary-$arch/Packages"
comes "an index with another hash: the next suite" two 1.2 "not all of it in one"

begin
suite one "$arch" program=1.1=library
comes "a dependency that is not there: the next suite" two 1.2 "Depends: library"

begin
comes "an archive of yesterday" one 1.1
rm -r "$set_dir" "$work/archive/pool"
suite one "$arch" program=1.3=library library=1.3
comes "lists older than the archive are fetched anew" one 1.3 "once more"

begin
sed -i 's/^Date: .*/Date: Sat, 03 Jan 2026 00:00:00 UTC\nValid-Until: Sat, 10 Jan 2026 00:00:00 UTC/' "$work/archive/dists/one/Release"
sign one archive
comes "an expired Release file is no hindrance" one 1.1

begin
sign one stranger
comes "a stranger's signature is one" two 1.2 "not all of it in one"
begin
sign one nobody
comes "so is none" two 1.2 "not all of it in one"
begin
sed -i 's/^Label: Debian/Label: debian/' "$work/archive/dists/one/InRelease"
comes "so is one of another text" two 1.2 "not all of it in one"

begin
rm "$work/archive/pool"/library_*
fails "a package that no suite has is named" "library_1.1_$arch.deb.*library_1.2_$arch.deb"
suite two "$arch" program=1.2=library library=1.2
comes "and fetched when there is one" two 1.2

begin
mkdir -p "$set_dir" "$set_dir.new"
touch "$set_dir/half_1.1_$arch.deb" "$set_dir.new/half_1.1_$arch.deb"
comes "what an interrupted fetch left is not taken" one 1.1

begin
KVM_PPC_ARCHIVE=http://localhost:9/ fails "an archive that does not answer is said to" "cannot be reached"

# The scripts that fetch, with the suites that they name
begin
suite trixie ppc64el qemu-system-ppc=1 busybox-static=1 kmod=1 strace=1
suite forky ppc64el qemu-system-ppc=2 busybox-static=2 kmod=2 strace=2
rm "$work/archive/pool/kmod_1_ppc64el.deb"
rc=0
"$here/rootfs.sh" -f >"$work/out" 2>&1 || rc=1
[ "$(cat "$work/cache"/fetched-userland-*/from)" = forky ] || rc=1
fetched "the userland of another suite" $rc

begin
suite trixie-backports amd64 linux-source-7.3=7.3~rc7-1 linux-source-7.2=7.2.9-1
suite forky amd64 linux-source-7.2=7.2.11-1
suite sid amd64 linux-source-7.3=7.3.4-1 linux-source-7.4=7.4~rc1-1 linux-source-7.10=7.10.1-1
rm "$work/archive/pool/linux-source-7.10_7.10.1-1_amd64.deb"
suite experimental amd64 linux-source-7.3=7.3.5-1
rc=0
"$here/kernel.sh" -f book3s64 >"$work/out" 2>&1 || rc=1
[ "$(cd "$work/cache"/fetched-source-*/ && cat from && echo *.deb)" = $'experimental\nlinux-source-7.3_7.3.5-1_amd64.deb' ] || rc=1
fetched "a source that is new enough, and not a candidate of one" $rc

finished
