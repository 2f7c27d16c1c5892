// SPDX-License-Identifier: GPL-2.0

//! The hv backend: Book3S guests in hardware, on a host in hypervisor state or in a partition.

mod at_once;
mod compat_caps;
mod doorbell;
mod exit;
mod fault;
mod hash;
mod hcall;
mod inject;
mod ioctl;
mod mmio;
mod mmu;
mod one_reg;
mod regs;
mod run;
mod stats;
mod storage;
#[cfg_attr(not(CONFIG_PPC_TRANSACTIONAL_MEM), path = "tm_none.rs")]
mod tm;
mod vcpu;
mod vm;
mod xive;

pub(crate) use self::vm::Hv;
use self::{
    mmu::HvMmu,
    stats::{HvVcpuStats, HvVmStats},
    vcpu::{HvShared, HvVcpu},
    vm::{request, HvVm},
    xive::device::Xive,
};
#[cfg(CONFIG_VFIO)]
use crate::vm::vfio;
use crate::{
    bindings,
    host::{preempt::Enabled, uapi::Sregs, wait},
    isa::fscr::Fscr,
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

impl PaprBackend for Hv {
    #[inline]
    fn events(vcpu: &Vcpu<Self>) -> &Events {
        &vcpu.shared.events
    }

    fn smt(vm: &Vm<Self>) -> &Smt {
        &vm.arch.smt
    }

    fn take_doorbell_back(vcpu: &Vcpu<Self>) {
        // A doorbell that the hardware holds is written back to memory when the guest is left.
        vcpu.kick_and_wait();
    }
}

impl VpaBackend for Hv {
    fn vpas(vcpu: &Vcpu<Self>) -> &SpinLock<Vpas> {
        &vcpu.shared.vpas
    }

    fn dispatches(st: &mut HvVcpu) -> &mut Dispatches {
        &mut st.dispatches
    }

    fn preemption(vcpu: &Vcpu<Self>) -> &Preemption {
        &vcpu.shared.preemption
    }

    fn scheduler(vm: &Vm<Self>) -> &Enabled {
        &vm.arch.scheduler
    }

    fn position(st: &HvVcpu) -> Position {
        Position {
            nip: st.nip(),
            msr: st.msr(),
            tb_offset: st.switch.tb_offset(),
        }
    }

    fn pmu_in_use(st: &mut HvVcpu, in_use: bool) {
        st.pmu_in_use = in_use;
        if !in_use {
            st.revoke(Fscr::PM);
        }
    }
}

/// `KVM_CREATE_VM`'s type for this backend.
const KVM_VM_PPC_HV: u64 = 1;

impl BackendState for Hv {
    type Vm = HvVm;
    type Mmu = HvMmu;
    type Shared = HvShared;
    type Vcpu = HvVcpu;
    type VmStats = HvVmStats;
    type VcpuStats = HvVcpuStats;
}

impl Backend for Hv {
    const MAX_VCPUS: usize = 2048;
    const MAX_VCPU_IDS: u32 = 2048 * Smt::MAX as u32;
    const FIRST_REQUESTS: u32 = request::PREPARE;

    fn recommended_vcpus() -> u32 {
        // Hosts often keep all but one thread of a core offline, yet guests run on those threads; so present CPUs
        // count, not online ones.
        wait::num_present_cpus()
    }

    fn check_extension(vm: Option<&Vm<Self>>, cap: u32) -> Option<i32> {
        ioctl::check_extension(vm, cap)
    }

    fn new_vm(kind: u64) -> impl PinInit<HvVm, Error> {
        match kind {
            0 | KVM_VM_PPC_HV => HvVm::new(hcall::HANDLED),
            _ => Err(EINVAL),
        }
    }

    fn new_mmu(vm: &HvVm) -> Result<HvMmu> {
        HvMmu::new(vm)
    }

    fn new_shared(_vm: &Vm<Self>, _id: u32) -> impl PinInit<HvShared, Error> {
        HvShared::new()
    }

    fn new_vcpu(vm: &Vm<Self>, id: u32, _shared: &HvShared) -> Result<HvVcpu> {
        if !vm.arch.smt.allows(id, Self::MAX_VCPUS) {
            return Err(EINVAL);
        }
        HvVcpu::new(&vm.arch)
    }

    fn complete_exit(vcpu: &Vcpu<Self>, st: &mut HvVcpu, page: &RunPage) -> Result<Next> {
        run::complete(vcpu, st, page)
    }

    fn run(vcpu: &Vcpu<Self>, st: &mut HvVcpu, page: &RunPage) -> Result {
        run::run(vcpu, st, page)
    }

    fn get_regs(_vcpu: &Vcpu<Self>, st: &mut HvVcpu) -> Result<bindings::kvm_regs> {
        Ok(regs::get_regs(st))
    }

    fn set_regs(_vcpu: &Vcpu<Self>, st: &mut HvVcpu, regs: &bindings::kvm_regs) -> Result {
        regs::set_regs(st, regs);
        Ok(())
    }

    fn get_sregs(_vcpu: &Vcpu<Self>, st: &mut HvVcpu) -> Result<Sregs> {
        regs::get_sregs(st)
    }

    fn set_sregs(_vcpu: &Vcpu<Self>, st: &mut HvVcpu, sregs: &bindings::kvm_sregs) -> Result {
        regs::set_sregs(st, sregs)
    }

    fn get_one_reg(vcpu: &Vcpu<Self>, st: &mut HvVcpu, id: u64) -> Result<RegValue> {
        one_reg::get(vcpu, st, id)
    }

    fn set_one_reg(vcpu: &Vcpu<Self>, st: &mut HvVcpu, id: u64, val: RegValue) -> Result {
        one_reg::set(vcpu, st, id, val)
    }

    fn set_guest_debug(
        _vcpu: &Vcpu<Self>,
        st: &mut HvVcpu,
        dbg: &bindings::kvm_guest_debug,
    ) -> Result {
        // Single-stepping is not offered because trace interrupts go to the guest, and hardware breakpoints are not
        // because DAWR and CIABR belong to the guest.
        const KNOWN: u32 = bindings::KVM_GUESTDBG_ENABLE | bindings::KVM_GUESTDBG_USE_SW_BP;
        if dbg.control & !KNOWN != 0 {
            return Err(EINVAL);
        }
        st.debug = match dbg.control & bindings::KVM_GUESTDBG_ENABLE {
            0 => 0,
            _ => dbg.control,
        };
        Ok(())
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

    fn enable_vcpu_cap(vcpu: &Vcpu<Self>, st: &mut HvVcpu, cap: u32, args: &[u64; 4]) -> Result {
        ioctl::enable_vcpu_cap(vcpu, st, cap, args)
    }

    fn vm_ioctl(vm: ArcBorrow<'_, Vm<Self>>, cmd: u32, arg: usize) -> Result<isize> {
        ioctl::vm_ioctl(vm, cmd, arg)
    }

    fn create_device(
        vm: ArcBorrow<'_, Vm<Self>>,
        args: bindings::kvm_create_device,
        arg: usize,
    ) -> Result<isize> {
        match args.type_ {
            Xics::<Self>::TYPE => device::create::<_, Xics<_>>(vm, args, arg),
            Xive::TYPE if xive::device::available() => device::create::<_, Xive>(vm, args, arg),
            #[cfg(CONFIG_VFIO)]
            vfio::TYPE => vfio::create(vm, &vm.arch.tce, args, arg),
            _ => Err(ENODEV),
        }
    }

    fn set_irq(vm: &Vm<Self>, irq: u32, on: bool) -> Result {
        if vm.irqchip.is(Xive::TYPE) {
            vm.arch.xive.set_irq(irq, on);
            return Ok(());
        }
        xics::set_irq(vm, irq, on)
    }

    fn runnable(vcpu: &Vcpu<Self>) -> bool {
        vcpu.shared.events.wake()
    }

    fn unmap_range(vm: &Vm<Self>, mmu: &mut HvMmu, slot: &MemSlot, gfns: &mut Range<Gfn>) -> bool {
        if let Some(hpt) = mmu.hash.as_deref_mut() {
            return hash::notify::unmap(vm, hpt, slot, gfns);
        }
        mmu::notify::unmap(vm, mmu, slot, mem::take(gfns))
    }

    fn age_range(
        _vm: &Vm<Self>,
        mmu: &mut HvMmu,
        _slot: &MemSlot,
        gfns: &mut Range<Gfn>,
        clear: bool,
    ) -> bool {
        if let Some(hpt) = mmu.hash.as_deref_mut() {
            return hash::notify::age(hpt, mem::take(gfns), clear);
        }
        mmu::notify::age(mmu, mem::take(gfns), clear)
    }

    const WRITTEN_WHEN_MAPPED: bool = false;

    fn sync_dirty(_vm: &Vm<Self>, mmu: &mut HvMmu, slot: &MemSlot, gfns: &mut Range<Gfn>) {
        if let Some(hpt) = mmu.hash.as_deref_mut() {
            return hash::notify::sync_dirty(hpt, slot, mem::take(gfns));
        }
        mmu::notify::sync_dirty(mmu, slot, mem::take(gfns));
    }

    fn flush_dirty(vm: &Vm<Self>, mmu: &mut HvMmu) {
        mmu::notify::flush_dirty(vm, mmu);
    }
}
