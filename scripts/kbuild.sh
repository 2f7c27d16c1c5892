#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# kbuild.sh ARGS...: the kernel's make, with this machine's Rust and bindgen
. "$(dirname "$0")/lib.sh"

exec make RUSTC="$rustc" RUST_LIB_SRC=/usr/lib/rustlib/src/rust/library "$@"
