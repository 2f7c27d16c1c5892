#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# imports-test.sh: tests that imports.py finds circles of imports and imports that point
# the wrong way, and only these. TAP on stdout. Each case is a small tree and the
# messages expected for it.
. "$(dirname "$0")/lib.sh"
. "$top/scripts/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/kvm_ppc-imports.XXXXXX")
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

# file NAME: makes a file of the tree from stdin
file() {
	mkdir -p "$work/$(dirname "$1")"
	cat >"$work/$1"
}

# tree: makes a tree without faults
tree() {
	rm -rf "${work:?}"/*
	file kvm_ppc.rs <<-'E'
		#[path = "isa/mod.rs"]
		mod isa;
		#[path = "bindings/mod.rs"]
		mod bindings;
		#[path = "host/mod.rs"]
		mod host;
		#[path = "vm/mod.rs"]
		mod vm;
		#[path = "pr/mod.rs"]
		mod pr;
		#[path = "hv/mod.rs"]
		mod hv;
		use crate::vm::Vm;
	E
	file isa/mod.rs <<<'pub mod spr;'
	file isa/spr.rs <<<'pub struct Spr;'
	file host/mod.rs <<<'pub mod paca;'
	file host/paca.rs <<<'use crate::isa::spr::Spr; fn f() { unsafe { crate::bindings::kvm_ppc_helper() } }'
	file bindings/mod.rs <<<'include!("generated.rs");'
	file bindings/helpers.h <<<'void kvm_ppc_helper(void);'
	file vm/mod.rs <<<$'mod vm;\nmod fd;\npub use vm::Vm;'
	file vm/vm.rs <<<'use crate::{host::paca, bindings::{self, kvm_regs}}; pub struct Vm { r: bindings::KVM_CAP }'
	file vm/fd.rs <<<'// use crate::pr::Pr;'
	file hv/mod.rs <<<'pub struct Hv;'
	file pr/mod.rs <<-'E'
		mod vcpu;
		// Those of a comment are none
		mod debug;
		#[cfg_attr(CONFIG_X, path = "tm_none.rs")]
		mod tm;
		pub use self::vcpu::PrVcpu;
	E
	file pr/vcpu.rs <<<'use crate::vm::Vm; pub struct PrVcpu; impl PrVcpu { pub fn own(&self) {} }'
	file pr/debug.rs <<-'E'
		use super::PrVcpu;
		impl PrVcpu {
			pub(crate) fn single_step(&self) -> &'static str { "use crate::hv::Hv" }
		}
		mod inside { use super::PrVcpu; }
	E
	file pr/tm.rs <<<'use super::debug;'
	file pr/tm_none.rs </dev/null
}

# said NAME EXPECTED...: the messages about the tree include each of these; without EXPECTED
# there must be none
said() {
	local name=$1 rc=0 out line wrong=0 wanted=1
	shift
	[ $# -gt 0 ] || wanted=0
	out=$(python3 "$top/scripts/imports.py" "$work" 2>&1) || rc=$?
	[ $rc = $wanted ] || wrong=1
	for line; do
		grep -qF -- "$line" <<<"$out" || wrong=1
	done
	result "$name" $wrong <<<"status $rc"$'\n'"$out"
}

tree
said "all is well"

tree
file pr/vcpu.rs <<<'use super::debug; pub struct PrVcpu;'
said "two files import each other" "circle of 2 files" "pr/vcpu.rs imports pr/debug.rs" "pr/debug.rs imports pr/vcpu.rs"

tree
file pr/vcpu.rs <<<'use super::{mmu::{Tree, Key}, tm as other}; pub struct PrVcpu;'
file pr/mmu.rs <<<'pub struct Tree; pub struct Key;'
sed -i '1i mod mmu;' "$work/pr/mod.rs"
said "three do, by a list and another name" "circle of 3 files" "pr/vcpu.rs imports pr/tm.rs"

tree
file pr/vcpu.rs <<<'pub struct PrVcpu; fn f() { super::debug::f() }'
said "a path in an expression" "circle of 2 files"

tree
file pr/vcpu.rs <<<'pub struct PrVcpu; impl PrVcpu { fn own(&self) { self.single_step() } }'
said "a method that a file above defines" ".single_step()" "circle of 2 files"

tree
file pr/debug.rs <<<'mod inside { use super::super::tm; }'
said "from a module inside a file" "circle of 2 files" "pr/debug.rs imports pr/tm.rs"

tree
file pr/tm_none.rs <<<'use crate::hv::Hv;'
said "the file of another configuration" "pr/tm_none.rs imports hv/mod.rs"

tree
file pr/vcpu.rs <<<'pub struct PrVcpu; use super::KIND;'
printf '\nconst KIND: u32 = 1;\n' >>"$work/pr/mod.rs"
said "what mod.rs defines itself" "circle of 2 files: pr/mod.rs pr/vcpu.rs"

tree
file vm/fd.rs <<<'use crate::pr::PrVcpu;'
said "the core names a backend" "vm/fd.rs imports pr/vcpu.rs"

tree
file isa/spr.rs <<<'fn f() { crate::host::paca::g() }'
said "a pure room names the host" "isa/spr.rs imports host/paca.rs" "circle of 2 files"

tree
file vm/fd.rs <<<'fn f() { crate::bindings::kvm_ppc_helper() }'
said "a helper outside of host" "vm/fd.rs uses bindings::kvm_ppc_helper"

tree
file vm/fd.rs <<<'use crate::bindings::paca_struct;'
said "a structure of the kernel's outside of host" "vm/fd.rs uses bindings::paca_struct"

tree
file vm/fd.rs <<<'fn f() { unsafe { g() } }'
said "unsafe code outside of host" "vm/fd.rs has unsafe code"

tree
file pr/lost.rs </dev/null
said "a file that is declared nowhere" "pr/lost.rs is declared nowhere"

finished
