#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# fetch-stock.sh FLAVOUR: fetches the packages of one of Debian's own ppc64el kernels,
# its image, modules, headers and the source of that very version, all from the first
# suite that has them all, and prints their folder; `from` in it says which suite.
# FLAVOUR is stock[-VERSION]-64k or -4k; VERSION, 7.3 if not said, is the beginning of
# the kernel's. KVM_PPC_UPDATE=1 looks for a newer one.
. "$(dirname "$0")/lib.sh"

flavour=${1:?flavour}
case $flavour in
stock-*64k) pages=-64k ;;
stock-*4k) pages='' ;;
*) die "no flavour $flavour: stock[-VERSION]-64k or -4k" ;;
esac
version=${flavour#stock-}
version=${version%64k}
version=${version%4k}
version=${version%-}
: "${version:=7.3}"

# packages: by the newest such headers of the suite
packages() {
	local headers number release
	read -r number headers < <(
		apt-cache "${apt_opts[@]}" search --names-only "^linux-headers-${version//./\\.}[^ ]*-powerpc64le$pages\$" |
			awk '{print $1}' | xargs -r apt-cache "${apt_opts[@]}" show |
			awk '/^Package:/ {p = $2} /^Version:/ {print $2, p}' | sort -V | tail -n 1
	) || { echo "E: no linux-headers-$version*-powerpc64le$pages" >&2; return 1; }
	release=${headers#linux-headers-}
	printf "%s=$number\n" "$headers" "linux-binary-$release" "linux-modules-$release" \
		"linux-source-$(grep -oE "^[0-9]+\.[0-9]+" <<<"$number")"
}

# What the source is known to be right for stays together with it
folder=$cache/fetched-stock-$version$pages
if [ -n "${KVM_PPC_UPDATE:-}" ]; then
	# shellcheck disable=SC2034 # archive.sh's
	lists_good=0
	rm -rf "$folder"
fi
fetch_set "$folder" "Debian's kernel $version$pages" alone ppc64el 'trixie-backports|sid|experimental|forky|trixie' @packages >&2
touch "$folder/.done"
echo "$folder"
