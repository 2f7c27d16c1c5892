// SPDX-License-Identifier: GPL-2.0

//! The e44x backend: guests of PowerPC 440 processors, in problem state and address space 1 of one.
//!
//! | file | what |
//! |---|---|
//! | `stats`, `unreserved`, `access`, `vcpu` | a VM, a vCPU and parts of it |
//! | `fetch` | the current instruction |
//! | `mmu` | TLB misses and storage interrupts |
//! | `events` | debug events of an instruction |
//! | `reserve` | `lwarx` and `stwcx.` that are emulated |
//! | `debug` | debugging, by the guest and from outside |
//! | `mmio` | emulated loads and stores |
//! | `exit`, `run` | exits; `KVM_RUN` |
//! | `regs`, `one_reg` | registers for userspace |
//!
//! The order is that of imports: a file imports those before it, not those behind. This file says what the backend is
//! made of.

mod access;
mod debug;
mod events;
mod exit;
mod fetch;
mod mmio;
mod mmu;
mod one_reg;
mod regs;
mod reserve;
mod run;
mod stats;
mod unreserved;
mod vcpu;

pub(crate) use self::vcpu::E44x;
use self::{
    stats::{E44xVcpuStats, E44xVmStats},
    vcpu::{E44xMmu, E44xShared, E44xVcpu, E44xVm},
};
use crate::{
    bindings,
    host::uapi::Sregs,
    isa::e44x::tlbe::{Access, Space},
    vm::{
        backend::Backend, gfn::Gfn, memslot::MemSlot, one_reg::RegValue, run_loop::Next,
        run_page::RunPage, state::BackendState, Vcpu, Vm,
    },
};
use core::{mem, ops::Range};
use kernel::{prelude::*, sync::ArcBorrow};

/// Word that `KVM_INTERRUPT` takes.
mod interrupt {
    use crate::bindings;
    pub(super) const SET: u32 = bindings::KVM_INTERRUPT_SET as u32;
    pub(super) const UNSET: u32 = bindings::KVM_INTERRUPT_UNSET as u32;
    pub(super) const SET_LEVEL: u32 = bindings::KVM_INTERRUPT_SET_LEVEL as u32;
}

impl BackendState for E44x {
    type Vm = E44xVm;
    type Mmu = E44xMmu;
    type Shared = E44xShared;
    type Vcpu = E44xVcpu;
    type VmStats = E44xVmStats;
    type VcpuStats = E44xVcpuStats;
}

impl Backend for E44x {
    const MAX_VCPUS: usize = 1;
    const MAX_VCPU_IDS: u32 = 1;

    fn check_extension(_vm: Option<&Vm<Self>>, cap: u32) -> Option<i32> {
        Some(match cap {
            bindings::KVM_CAP_PPC_BOOKE_SREGS
            | bindings::KVM_CAP_PPC_BOOKE_WATCHDOG
            | bindings::KVM_CAP_PPC_GUEST_DEBUG_SSTEP
            | bindings::KVM_CAP_PPC_UNSET_IRQ
            | bindings::KVM_CAP_PPC_IRQ_LEVEL => 1,
            _ => return None,
        })
    }

    fn new_vm(kind: u64) -> impl PinInit<E44xVm, Error> {
        match kind {
            0 => E44xVm::new(),
            _ => Err(EINVAL),
        }
    }

    fn new_mmu(vm: &E44xVm) -> Result<E44xMmu> {
        E44xMmu::new(vm)
    }

    fn new_shared(_vm: &Vm<Self>, _id: u32) -> impl PinInit<E44xShared, Error> {
        Ok(E44xShared::new())
    }

    fn new_vcpu(vm: &Vm<Self>, id: u32, _shared: &E44xShared) -> Result<E44xVcpu> {
        E44xVcpu::new(&vm.arch, id)
    }

    fn complete_exit(vcpu: &Vcpu<Self>, st: &mut E44xVcpu, page: &RunPage) -> Result<Next> {
        run::complete(vcpu, st, page)
    }

    fn run(vcpu: &Vcpu<Self>, st: &mut E44xVcpu, page: &RunPage) -> Result {
        run::run(vcpu, st, page)
    }

    fn get_regs(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu) -> Result<bindings::kvm_regs> {
        Ok(regs::get_regs(st))
    }

    fn set_regs(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu, regs: &bindings::kvm_regs) -> Result {
        regs::set_regs(st, regs);
        Ok(())
    }

    fn get_sregs(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu) -> Result<Sregs> {
        regs::get_sregs(st)
    }

    fn set_sregs(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu, sregs: &bindings::kvm_sregs) -> Result {
        regs::set_sregs(st, sregs)
    }

    fn get_fpu(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu) -> Result<bindings::kvm_fpu> {
        Ok(regs::get_fpu(st))
    }

    fn set_fpu(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu, fpu: &bindings::kvm_fpu) -> Result {
        regs::set_fpu(st, fpu);
        Ok(())
    }

    fn get_one_reg(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu, id: u64) -> Result<RegValue> {
        one_reg::get(st, id)
    }

    fn set_one_reg(_vcpu: &Vcpu<Self>, st: &mut E44xVcpu, id: u64, val: RegValue) -> Result {
        one_reg::set(st, id, val)
    }

    // The address has the process in bits 32 to 39, and the address space in bit 40, as 440 KVM had it in Linux.
    fn translate(
        _vcpu: &Vcpu<Self>,
        st: &mut E44xVcpu,
        tr: &mut bindings::kvm_translation,
    ) -> Result {
        let ea = tr.linear_address as u32;
        let space = Space {
            ts: tr.linear_address >> 40 & 1 != 0,
            pid: (tr.linear_address >> 32) as u8,
        };
        tr.valid = 0;
        if let Some(found) = st.state.tlb.find(ea, space) {
            let attributes = found.tlbe.attributes();
            tr.physical_address = found.tlbe.real_of(ea);
            tr.valid = 1;
            tr.writeable = attributes.permissions(false).allow(Access::Store).into();
            tr.usermode = attributes.permissions(true).allow(Access::Load).into();
        }
        Ok(())
    }

    fn set_guest_debug(
        vcpu: &Vcpu<Self>,
        st: &mut E44xVcpu,
        dbg: &bindings::kvm_guest_debug,
    ) -> Result {
        debug::set(vcpu, st, dbg)
    }

    fn interrupt(vcpu: &Vcpu<Self>, irq: u32) -> Result {
        let shared = &vcpu.shared;
        match irq {
            interrupt::UNSET => {
                shared.change(E44xShared::ONESHOT | E44xShared::LEVEL, 0);
                return Ok(());
            }
            interrupt::SET_LEVEL => shared.change(0, E44xShared::LEVEL),
            interrupt::SET => shared.change(0, E44xShared::ONESHOT),
            _ => return Err(EINVAL),
        }
        vcpu.kick();
        Ok(())
    }

    fn enable_vm_cap(_vm: &Vm<Self>, _cap: u32, _args: &[u64; 4]) -> Result {
        Err(EINVAL)
    }

    fn enable_vcpu_cap(
        _vcpu: &Vcpu<Self>,
        st: &mut E44xVcpu,
        cap: u32,
        _args: &[u64; 4],
    ) -> Result {
        match cap {
            bindings::KVM_CAP_PPC_BOOKE_WATCHDOG => st.watchdog = true,
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    fn vm_ioctl(_vm: ArcBorrow<'_, Vm<Self>>, _cmd: u32, _arg: usize) -> Result<isize> {
        Err(ENOTTY)
    }

    fn runnable(vcpu: &Vcpu<Self>) -> bool {
        vcpu.shared.wake()
    }

    fn unmap_range(
        vm: &Vm<Self>,
        mmu: &mut E44xMmu,
        _slot: &MemSlot,
        gfns: &mut Range<Gfn>,
    ) -> bool {
        mmu::unmap(vm, mmu, &mem::take(gfns))
    }

    fn age_range(
        vm: &Vm<Self>,
        mmu: &mut E44xMmu,
        _slot: &MemSlot,
        gfns: &mut Range<Gfn>,
        clear: bool,
    ) -> bool {
        mmu::age(vm, mmu, &mem::take(gfns), clear)
    }

    const WRITTEN_WHEN_MAPPED: bool = true;

    fn sync_dirty(vm: &Vm<Self>, mmu: &mut E44xMmu, _slot: &MemSlot, gfns: &mut Range<Gfn>) {
        mmu::sync_dirty(vm, mmu, &mem::take(gfns));
    }
}
