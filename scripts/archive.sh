# SPDX-License-Identifier: GPL-2.0
# Fetches sets of packages from the Debian archive: a set is fetched completely or not
# at all, from the first suite that has all of it, and only if apt can verify it by the
# archive's signatures. lib.sh sources it.
# shellcheck shell=bash disable=SC2154 # what lib.sh set

# For this many minutes lists of packages are not fetched again
lists_good=${lists_good:-720}

# find_archive: sets KVM_PPC_ARCHIVE to the address of the Debian archive that this machine
# is set up with, and KVM_PPC_SECURITY to that of its security updates, unless the caller
# has set them.
find_archive() {
	local known
	[ -z "${KVM_PPC_ARCHIVE:-}" ] || return 0
	# shellcheck disable=SC2016 # the variables are apt's
	known=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)/$(LABEL) $(CODENAME)' 'Created-By: Packages' || true)
	KVM_PPC_ARCHIVE=$(awk '$2 == "Debian/Debian" && $3 !~ /-/ && !n++ {print $1}' <<<"$known")
	KVM_PPC_SECURITY=$(awk '$2 == "Debian/Debian-Security" && !n++ {print $1}' <<<"$known")
	if [ -z "$KVM_PPC_ARCHIVE" ]; then
		# Before its first update apt knows no more than the configured addresses
		known=$(apt-get update --print-uris 2>/dev/null || true)
		KVM_PPC_ARCHIVE=$(sed -nE "s,^'(.*/)dists/($(debian_codename)|(old)*stable|testing|unstable)/InRelease'.*,\1,p" <<<"$known" | sed -n 1p)
	fi
	[ -n "$KVM_PPC_ARCHIVE" ] || die "apt knows no Debian archive; say KVM_PPC_ARCHIVE=ADDRESS"
	KVM_PPC_SECURITY=${KVM_PPC_SECURITY:-${KVM_PPC_ARCHIVE%/}-security/}
	export KVM_PPC_ARCHIVE KVM_PPC_SECURITY
}

# debian_codename: of this machine's release
debian_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# apt_configure ARCH SUITE...: a private apt configuration for one architecture (or
# `source`) and these suites, so that the machine's own lists stay as they are; of packages
# that are in several, the last suite's are preferred. Sets apt_dir and apt_opts.
apt_configure() {
	local base suite arch=$1 kind=deb target=Packages keyring=${KVM_PPC_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	shift
	find_archive
	apt_dir=$cache/apt/$(key "$KVM_PPC_ARCHIVE" "$arch" "$*")
	[ "$arch" != source ] || { kind=deb-src target=Sources; arch=$(dpkg --print-architecture); }
	[ ! -e "$keyring" ] || target+=" signed-by=$keyring"
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	for suite; do
		case $suite in *-security) base=$KVM_PPC_SECURITY ;; *) base=$KVM_PPC_ARCHIVE ;; esac
		printf '%s [target=%s] %s %s main\n' "$kind" "$target" "$base" "$suite"
	done >"$apt_dir/sources.list.$$"
	mv "$apt_dir/sources.list.$$" "$apt_dir/sources.list"
	# An expired Release file is accepted, because its signature is still valid
	apt_opts=(-oDir::Etc::sourcelist="$apt_dir/sources.list" -oDir::Etc::sourceparts=/dev/null
		-oDir::Etc::preferences=/dev/null -oDir::Etc::preferencesparts=/dev/null
		-oDir::State::Lists="$apt_dir/lists" -oDir::Cache="$apt_dir" -oAPT::Sandbox::User=root
		-oAPT::Architecture="$arch" -oAPT::Architectures="$arch" -oAcquire::Check-Valid-Until=false
		"${apt_patience[@]}")
	[ $# = 1 ] || apt_opts+=(-oAPT::Default-Release="$suite")
}
# How long to wait for a server that does not answer
apt_patience=(-oAcquire::Retries=3 -oAcquire::http::Timeout=30 -oAcquire::https::Timeout=30 -oDPkg::Lock::Timeout=300
	-oAcquire::Languages=none)

# apt_progress TEXT: prints the progress from apt's status lines every ten seconds
apt_progress() {
	local kind percent doing what=waiting due=$((SECONDS + 10)) rc
	while :; do
		rc=0
		IFS=: read -rt 5 kind _ percent doing || rc=$?
		# Above 128 is a timeout
		[ $rc = 0 ] || [ $rc -gt 128 ] || break
		case $kind in dlstatus | pmstatus) what="${percent%%.*} %, ${doing%% (*}" ;; esac
		[ $SECONDS -lt $due ] || { stage "    $1: $what"; due=$((SECONDS + 10)); }
	done
}

# apt_run TEXT LOG ARGUMENT...: runs apt-get and shows its progress; PREFIX is put before
# it. The status goes through a standard descriptor, since sudo closes all others.
apt_run() {
	local text=$1 log=$2
	shift 2
	mkdir -p "$(dirname "$log")"
	# shellcheck disable=SC2016,SC2086 # the inner shell's; words
	${PREFIX:-} sh -c 'exec "$@" -oAPT::Status-Fd=3 3>&1 >&2' sh apt-get "$@" 2>"$log" </dev/null | apt_progress "$text"
}

# apt_why LOG: prints apt's errors in one line, with file names instead of addresses
apt_why() {
	sed -E 's,[a-z+]+:/[^ ]*/([^/ ]+),\1,g; s, *\[IP:[^]]*\],,; s/  +/ /g; s/%2b/+/g; s/%7e/~/g' "$1" | awk '
		/^E: Failed to fetch / { sub(/^E: Failed to fetch /, ""); add($0); next }
		/ : Depends: .* but / { sub(/^ */, ""); add($0); next }
		/^E: (Unable to correct problems|Some files failed|Some index files|Unable to fetch some|Failed to fetch some|The list of sources|Sub-process)/ { vague = $0; next }
		/^E: / { sub(/^E: /, ""); add($0) }
		/^W: / { vague = vague ? vague : $0 }
		function add(s) { if (!(s in seen) && n++ < 3) all = all (all ? ", " : "") s; seen[s] = 1 }
		END {
			if (n > 3)
				all = all " and " n - 3 " more"
			if (!all) {
				sub(/^[EW]: /, "", vague)
				all = vague ? vague : "apt-get failed"
			}
			print all
		}'
}
# unreachable WHY: true if the archive could not be reached, rather than lacking a package
unreachable() { [[ $1 =~ (Could\ not\ (resolve|connect)|Unable\ to\ connect|Temporary\ failure|nreachable|[Cc]onnection\ (failed|refused|timed)|No\ route) ]]; }

# apt_lists FRESH TEXT LOG: fetches the lists if there are none, and always if FRESH is 1
apt_lists() {
	[ "$1" = 1 ] || [ -z "$(find "$apt_dir/stamp" -mmin "-$lists_good" 2>/dev/null)" ] || return 0
	rm -f "$apt_dir/stamp"
	apt_run "$2" "$3" "${apt_opts[@]}" -oAPT::Update::Error-Mode=any update || return 1
	touch "$apt_dir/stamp"
}

# apt_private ARCH SUITE...: such a configuration, with lists
apt_private() {
	apt_configure "$@"
	( flock 8; apt_lists 0 "lists of ${*:2}" "$apt_dir/log" ) 8>"$apt_dir/lock" ||
		die "the lists of ${*:2} cannot be had: $(apt_why "$apt_dir/log")"
}

# fetch_set FOLDER TITLE MODE ARCH SUITES PACKAGE...: packages into a folder, once, with
# the suite they are from in its file `from`. MODE: `whole`, with all that they depend
# on; `alone`; `source`. SUITES: 'a|b c|d', in order of preference, where `b c` are looked
# at together. PACKAGE: a name, or @FUNCTION that prints names, with apt_opts set.
fetch_set() {
	[ -e "$1/.done" ] || locked "$(basename "$1")" fetch_first_whole "$@"
}

fetch_first_whole() {
	local dir=$1 title=$2 mode=$3 arch=$4 alternatives suites fresh began why='' all=''
	[ ! -e "$dir/.done" ] || return 0
	IFS='|' read -ra alternatives <<<"$5"
	shift 5
	stage "fetching $title"
	for suites in "${alternatives[@]}"; do
		for fresh in 0 1; do
			began=$EPOCHSECONDS
			rm -rf "$dir" "$dir.new"
			mkdir -p "$dir.new/partial"
			# shellcheck disable=SC2086 # suites are words
			apt_configure "$arch" $suites
			if ( flock 8; rc=0; fetch_from "$@" || rc=$?; rm -f "$apt_dir"/*pkgcache.bin; exit $rc ) 8>"$apt_dir/lock"; then
				rm -rf "$dir.new"/{partial,lock,lock-frontend,status,names,log}
				echo "$suites" >"$dir.new/from"
				touch "$dir.new/.done"
				stage "fetched $title from $suites ($(find "$dir.new" -name '*_*' | wc -l) files, $(du -sm "$dir.new" | cut -f1) MB)"
				mv "$dir.new" "$dir"
				return 0
			fi
			why=$(apt_why "$dir.new/log")
			[ $fresh = 0 ] || break
			# If the lists are new, try again only after errors that may be the network's fault
			[[ $why =~ (404|locate|"no linux-"|not\ found|not\ installable) ]] &&
				[ "$(stat -c %Y "$apt_dir/stamp" 2>/dev/null || echo 0)" -ge "$began" ] && break
			stage "    $title: once more, after: $why"
		done
		! unreachable "$why" || { rm -rf "$dir.new"; die "the Debian archive cannot be reached: $why, for $title"; }
		stage "    $title: not all of it in $suites: $why"
		all+="; in $suites: $why"
	done
	rm -rf "$dir.new"
	die "cannot be had: $title${all/#;/:}"
}

# fetch_from PACKAGE...: one attempt of fetch_set
fetch_from() {
	local p chosen=() log=$dir.new/log get
	apt_opts+=(-oDir::State::status="$dir.new/status" -oDir::Cache::archives="$dir.new")
	: >"$dir.new/status"
	apt_lists "$fresh" "lists of $suites for $title" "$log" || return 1
	for p; do
		case $p in
		@*) "${p#@}" >"$dir.new/names" 2>"$log" && mapfile -t -O ${#chosen[@]} chosen <"$dir.new/names" || return 1 ;;
		*) chosen+=("$p") ;;
		esac
	done
	cd "$dir.new" || return 1
	case $mode in
	whole) get=(-y --no-install-recommends --download-only install) ;;
	alone) get=(download) ;;
	source) get=(--download-only --only-source source) ;;
	esac
	apt_run "$title" "$log" "${apt_opts[@]}" "${get[@]}" "${chosen[@]}"
}

# unpack_set FOLDER ROOT: what fetch_set fetched, below a folder whose bin, sbin and lib are
# in usr. Runs nothing of the packages.
unpack_set() {
	local d deb
	mkdir -p "$2"/usr/{bin,sbin,lib,lib64}
	for d in bin sbin lib lib64; do ln -sfn "usr/$d" "$2/$d"; done
	for deb in "$1"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$2" || return 1
	done
}

# private_programs FOLDER SET PROGRAM [LINE]: unpacks a set that includes the C library to
# FOLDER/root, and makes FOLDER/bin/PROGRAM, a script that starts the program with that
# library instead of this machine's. PROGRAM may be several, separated by spaces. LINE is a
# shell command that the script executes first, with FOLDER/root in $root.
private_programs() {
	local loader=usr/lib64/ld-linux-x86-64.so.2 name
	rm -rf "$1"
	mkdir -p "$1/bin"
	unpack_set "$2" "$1/root" && [ -x "$1/root/$loader" ] || return 1
	for name in $3; do
		[ -x "$1/root/usr/bin/$name" ] || return 1
		cat >"$1/bin/$name" <<-EOS
			#!/bin/sh
			root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")/root
			${4:-}
			exec "\$root/$loader" --library-path "\$root/usr/lib/x86_64-linux-gnu" "\$root/usr/bin/$name" "\$@"
		EOS
		chmod 755 "$1/bin/$name"
	done
}
