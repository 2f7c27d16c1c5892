#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# deb.sh [FOLDER]: makes the Debian packages of the tree, source and binary, into a
# folder, default `deb` in the tree, and has lintian look at them.
. "$(dirname "$0")/lib.sh"

out=${1:-$top/deb}
for p in dpkg-dev debhelper dh-dkms lintian fakeroot; do
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null)" = 'ii ' ] || need+=" $p"
done
[ -z "${need:-}" ] || die "missing: apt install$need"
work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/kvm-ppc" "$out"
git -C "$top" ls-files -z --cached --others --exclude-standard | ( cd "$top" && xargs -0 cp --parents -t "$work/kvm-ppc" )
( cd "$work/kvm-ppc" && quietly "$cache/log/deb.log" dpkg-buildpackage -us -uc )
mv "$work"/kvm-ppc?* "$out/"
lintian --fail-on error,warning --tag-display-limit 0 "$out"/kvm-ppc_*.changes
echo "$out"/kvm-ppc*
