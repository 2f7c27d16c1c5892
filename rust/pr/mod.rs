// SPDX-License-Identifier: GPL-2.0

//! The pr backend: Book3S guests in problem state, on a host that translates by hash. Documentation/pr.rst.
//!
//! | file | what |
//! |---|---|
//! | `mmu`, `slb` | the shadow MMU of a VM; the SLB, the guest's and the one that it runs with |
//! | `stats`, `vm`, `state`, `vcpu`, `outcome` | a VM and a vCPU; what comes of an emulated instruction |
//! | `inject` | interrupts for the guest |
//! | `translate` | access to the guest's page table |
//! | `magic`, `segment`, `mmu32`, `hpt` | the magic page, shadow segments, 32-bit MMU, hashed page table |
//! | `fetch`, `debug` | the current instruction; debugging from outside |
//! | `sc1`, `dcbz`, `split` | pages that are not mapped as the guest has them |
//! | `reserve` | `lwarx` and `stwcx.` that are emulated |
//! | `fault` | missing segments and pages |
//! | `hcall` | hypercalls |
//! | `pmu`, `spr`, `tm`, `bare`, `emulate` | privileged instructions and registers |
//! | `step`, `ahead` | single steps; instructions behind an emulated one |
//! | `exit`, `run` | exits; `KVM_RUN` |
//! | `regs`, `one_reg`, `ioctl` | ioctls |
//!
//! The order is that of imports: a file imports those before it, not those behind. This file says what the backend is
//! made of.

mod ahead;
mod bare;
mod dcbz;
mod debug;
mod emulate;
mod exit;
mod fault;
mod fetch;
mod hcall;
mod hpt;
mod inject;
mod ioctl;
mod magic;
mod mmu;
mod mmu32;
mod one_reg;
mod outcome;
mod pmu;
mod regs;
mod reserve;
mod run;
mod sc1;
mod segment;
mod slb;
mod split;
mod spr;
mod state;
mod stats;
mod step;
mod tm;
mod translate;
mod vcpu;
mod vm;

pub(crate) use self::vm::Pr;
use self::{
    mmu::PrMmu,
    stats::{PrVcpuStats, PrVmStats},
    vcpu::{PrShared, PrVcpu},
    vm::PrVm,
};
#[cfg(CONFIG_VFIO)]
use crate::vm::vfio;
use crate::{
    bindings,
    host::{preempt::Enabled, uapi::Sregs},
    vm::{
        backend::Backend,
        device::{self, Controller as _},
        events::Events,
        gfn::Gfn,
        memslot::MemSlot,
        one_reg::RegValue,
        papr::PaprBackend,
        run_loop::Next,
        run_page::RunPage,
        smt::Smt,
        state::BackendState,
        vpa::{Dispatches, Position, Preemption, VpaBackend, Vpas},
        xics::device::{self as xics, Xics},
        Vcpu, Vm,
    },
};
use core::{mem, ops::Range};
use kernel::{
    prelude::*,
    sync::{ArcBorrow, SpinLock},
};

impl PaprBackend for Pr {
    #[inline]
    fn events(vcpu: &Vcpu<Self>) -> &Events {
        &vcpu.shared.events
    }

    fn smt(vm: &Vm<Self>) -> &Smt {
        &vm.arch.smt
    }

    fn take_doorbell_back(_vcpu: &Vcpu<Self>) {
        // A processor that runs a guest in problem state holds no doorbell of its.
    }
}

impl VpaBackend for Pr {
    fn vpas(vcpu: &Vcpu<Self>) -> &SpinLock<Vpas> {
        &vcpu.shared.vpas
    }

    fn dispatches(st: &mut PrVcpu) -> &mut Dispatches {
        &mut st.dispatches
    }

    fn preemption(vcpu: &Vcpu<Self>) -> &Preemption {
        &vcpu.shared.preemption
    }

    fn scheduler(vm: &Vm<Self>) -> &Enabled {
        &vm.arch.scheduler
    }

    fn position(st: &PrVcpu) -> Position {
        Position {
            nip: st.nip(),
            msr: st.msr(),
            tb_offset: 0,
        }
    }

    fn pmu_in_use(st: &mut PrVcpu, in_use: bool) {
        st.set_pmu_in_use(in_use);
    }
}

impl BackendState for Pr {
    type Vm = PrVm;
    type Mmu = PrMmu;
    type Shared = PrShared;
    type Vcpu = PrVcpu;
    type VmStats = PrVmStats;
    type VcpuStats = PrVcpuStats;
}

impl Backend for Pr {
    const MAX_VCPUS: usize = 2048;
    const MAX_VCPU_IDS: u32 = 2048 * Smt::MAX as u32;

    fn check_extension(vm: Option<&Vm<Self>>, cap: u32) -> Option<i32> {
        ioctl::check_extension(vm, cap)
    }

    fn new_vm(kind: u64) -> impl PinInit<PrVm, Error> {
        PrVm::new(kind, hcall::HANDLED)
    }

    fn new_mmu(_vm: &PrVm) -> Result<PrMmu> {
        PrMmu::new()
    }

    fn new_shared(_vm: &Vm<Self>, _id: u32) -> impl PinInit<PrShared, Error> {
        PrShared::new()
    }

    fn new_vcpu(vm: &Vm<Self>, id: u32, _shared: &PrShared) -> Result<PrVcpu> {
        if !vm.arch.smt.allows(id, Self::MAX_VCPUS) {
            return Err(EINVAL);
        }
        PrVcpu::new(&vm.arch)
    }

    fn complete_exit(vcpu: &Vcpu<Self>, st: &mut PrVcpu, page: &RunPage) -> Result<Next> {
        run::complete(vcpu, st, page)
    }

    fn run(vcpu: &Vcpu<Self>, st: &mut PrVcpu, page: &RunPage) -> Result {
        run::run(vcpu, st, page)
    }

    fn get_regs(_vcpu: &Vcpu<Self>, st: &mut PrVcpu) -> Result<bindings::kvm_regs> {
        Ok(regs::get_regs(st))
    }

    fn set_regs(_vcpu: &Vcpu<Self>, st: &mut PrVcpu, regs: &bindings::kvm_regs) -> Result {
        regs::set_regs(st, regs);
        Ok(())
    }

    fn get_sregs(_vcpu: &Vcpu<Self>, st: &mut PrVcpu) -> Result<Sregs> {
        regs::get_sregs(st)
    }

    fn set_sregs(vcpu: &Vcpu<Self>, st: &mut PrVcpu, sregs: &bindings::kvm_sregs) -> Result {
        regs::set_sregs(vcpu, st, sregs)
    }

    fn get_one_reg(vcpu: &Vcpu<Self>, st: &mut PrVcpu, id: u64) -> Result<RegValue> {
        one_reg::get(vcpu, st, id)
    }

    fn set_one_reg(vcpu: &Vcpu<Self>, st: &mut PrVcpu, id: u64, val: RegValue) -> Result {
        one_reg::set(vcpu, st, id, val)
    }

    fn set_guest_debug(
        _vcpu: &Vcpu<Self>,
        st: &mut PrVcpu,
        dbg: &bindings::kvm_guest_debug,
    ) -> Result {
        debug::set(st, dbg.control)
    }

    fn interrupt(vcpu: &Vcpu<Self>, irq: u32) -> Result {
        if vcpu.shared.events.set_external(irq) {
            vcpu.kick();
        }
        Ok(())
    }

    fn enable_vm_cap(vm: &Vm<Self>, cap: u32, args: &[u64; 4]) -> Result {
        ioctl::enable_vm_cap(vm, cap, args)
    }

    fn enable_vcpu_cap(vcpu: &Vcpu<Self>, st: &mut PrVcpu, cap: u32, args: &[u64; 4]) -> Result {
        ioctl::enable_vcpu_cap(vcpu, st, cap, args)
    }

    fn vm_ioctl(vm: ArcBorrow<'_, Vm<Self>>, cmd: u32, arg: usize) -> Result<isize> {
        ioctl::vm_ioctl(&vm, cmd, arg)
    }

    fn create_device(
        vm: ArcBorrow<'_, Vm<Self>>,
        args: bindings::kvm_create_device,
        arg: usize,
    ) -> Result<isize> {
        match args.type_ {
            Xics::<Self>::TYPE => device::create::<_, Xics<_>>(vm, args, arg),
            #[cfg(CONFIG_VFIO)]
            vfio::TYPE => vfio::create(vm, &vm.arch.tce, args, arg),
            _ => Err(ENODEV),
        }
    }

    fn set_irq(vm: &Vm<Self>, irq: u32, on: bool) -> Result {
        xics::set_irq(vm, irq, on)
    }

    fn runnable(vcpu: &Vcpu<Self>) -> bool {
        vcpu.shared.events.wake()
    }

    fn unmap_range(
        _vm: &Vm<Self>,
        mmu: &mut PrMmu,
        _slot: &MemSlot,
        gfns: &mut Range<Gfn>,
    ) -> bool {
        // What was mapped for writing is in the dirty log since.
        mmu.unmap_gfns(gfns, false)
    }

    fn age_range(
        _vm: &Vm<Self>,
        mmu: &mut PrMmu,
        _slot: &MemSlot,
        gfns: &mut Range<Gfn>,
        clear: bool,
    ) -> bool {
        // The host's table has no reference bits for these entries, so a page counts as used as long as it is mapped.
        match clear {
            true => mmu.unmap_gfns(gfns, false),
            false => mmu.maps(mem::take(gfns)),
        }
    }

    const WRITTEN_WHEN_MAPPED: bool = true;

    fn sync_dirty(_vm: &Vm<Self>, mmu: &mut PrMmu, _slot: &MemSlot, gfns: &mut Range<Gfn>) {
        // The next store faults, and is noted again.
        mmu.unmap_gfns(gfns, true);
    }
}
