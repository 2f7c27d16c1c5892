// SPDX-License-Identifier: GPL-2.0

//! What the VM core asks of a backend.

use super::{
    gfn::Gfn,
    memslot::MemSlot,
    next::Next,
    one_reg::RegValue,
    run_page::RunPage,
    state::BackendState,
    vm::{Vcpu, Vm},
};
use crate::{
    bindings,
    host::{compat, uapi::Sregs, wait},
};
use core::ops::Range;
use kernel::{prelude::*, sync::ArcBorrow};

/// How guests run on one kind of host. The core does what is the same on all: descriptors, memory
/// slots, dirty logs, mmu notifier, run page, eventfds, statistics, halting and kicking.
///
/// Errors are the errno that the ioctl returns. A backend answers `ENOTTY` for ioctls, `EINVAL`
/// for registers and capabilities it does not have, as api.rst says.
pub(crate) trait Backend: BackendState {
    /// Largest number of vCPUs, `KVM_CAP_MAX_VCPUS`.
    const MAX_VCPUS: usize;
    /// One more than the largest vCPU id, `KVM_CAP_MAX_VCPU_ID`.
    const MAX_VCPU_IDS: u32;
    /// What a new vCPU is asked to do before it enters its guest ([`requests`](super::requests)).
    const FIRST_REQUESTS: u32 = 0;

    /// How many vCPUs a VM should have at most, `KVM_CAP_NR_VCPUS`: one for each CPU that runs.
    fn recommended_vcpus() -> u32 {
        wait::num_online_cpus()
    }

    /// `KVM_CHECK_EXTENSION` for what depends on the backend; `None` leaves the answer to the core.
    fn check_extension(vm: Option<&Vm<Self>>, cap: u32) -> Option<i32>;

    /// Makes a VM's state, and takes what the host has to give for it (an LPID, say).
    fn new_vm(kind: u64) -> impl PinInit<Self::Vm, Error>;
    /// Makes a VM's empty translation tables.
    fn new_mmu(vm: &Self::Vm) -> Result<Self::Mmu>;

    /// Makes vCPU `id`; `id < MAX_VCPU_IDS` is unused, and [`Vm::lock`] is held.
    fn new_shared(vm: &Vm<Self>, id: u32) -> impl PinInit<Self::Shared, Error>;
    /// The other half of a new vCPU.
    fn new_vcpu(vm: &Vm<Self>, id: u32, shared: &Self::Shared) -> Result<Self::Vcpu>;

    /// The beginning of `KVM_RUN`: completes what the last exit left to userspace, such as an MMIO
    /// load or a hypercall's return values, which are in `run`. Comes before `immediate_exit` and
    /// signals are looked at. `Next::Userspace` if this leads to the next exit, which `run` then tells.
    fn complete_exit(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, run: &RunPage) -> Result<Next>;
    /// `KVM_RUN`: runs the guest until userspace has something to do, which `run` then tells.
    /// Returns `EINTR` with `KVM_EXIT_INTR` in `run` for a signal. The core has handled
    /// `immediate_exit` and the signal mask; it has not touched `exit_reason`.
    fn run(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, run: &RunPage) -> Result;

    fn get_regs(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu) -> Result<bindings::kvm_regs>;
    fn set_regs(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, regs: &bindings::kvm_regs) -> Result;
    fn get_sregs(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu) -> Result<Sregs>;
    fn set_sregs(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, sregs: &bindings::kvm_sregs) -> Result;
    /// Book3S has one-regs for these, and answers as kvm.ko does there.
    fn get_fpu(_vcpu: &Vcpu<Self>, _state: &mut Self::Vcpu) -> Result<bindings::kvm_fpu> {
        Err(compat::eopnotsupp())
    }
    fn set_fpu(_vcpu: &Vcpu<Self>, _state: &mut Self::Vcpu, _fpu: &bindings::kvm_fpu) -> Result {
        Err(compat::eopnotsupp())
    }
    /// A register by its KVM_REG_PPC_ id. The core has checked that the id's size is one it can
    /// carry (4, 8 or 16 bytes and vendor sizes up to 16); the value has the id's size.
    fn get_one_reg(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, id: u64) -> Result<RegValue>;
    fn set_one_reg(vcpu: &Vcpu<Self>, state: &mut Self::Vcpu, id: u64, val: RegValue) -> Result;
    /// api.rst has these two for other architectures; on ours userspace owns the state.
    fn get_mp_state(_vcpu: &Vcpu<Self>, _state: &mut Self::Vcpu) -> Result<u32> {
        Err(EINVAL)
    }
    fn set_mp_state(_vcpu: &Vcpu<Self>, _state: &mut Self::Vcpu, _mp_state: u32) -> Result {
        Err(EINVAL)
    }
    /// `KVM_TRANSLATE`; Book3S succeeds and says nothing, as kvm.ko does there.
    fn translate(
        _vcpu: &Vcpu<Self>,
        _state: &mut Self::Vcpu,
        _tr: &mut bindings::kvm_translation,
    ) -> Result {
        Ok(())
    }
    fn set_guest_debug(
        vcpu: &Vcpu<Self>,
        state: &mut Self::Vcpu,
        dbg: &bindings::kvm_guest_debug,
    ) -> Result;

    /// `KVM_INTERRUPT`: comes from any thread, without the vCPU's mutex.
    fn interrupt(vcpu: &Vcpu<Self>, irq: u32) -> Result;
    /// `KVM_ENABLE_CAP` on the VM. Flags are 0 (checked).
    fn enable_vm_cap(vm: &Vm<Self>, cap: u32, args: &[u64; 4]) -> Result;
    /// `KVM_ENABLE_CAP` on the vCPU. Flags are 0 (checked).
    fn enable_vcpu_cap(
        vcpu: &Vcpu<Self>,
        state: &mut Self::Vcpu,
        cap: u32,
        args: &[u64; 4],
    ) -> Result;
    /// VM ioctls that the core does not know. `arg` is the ioctl's argument, mostly a user address.
    fn vm_ioctl(vm: ArcBorrow<'_, Vm<Self>>, cmd: u32, arg: usize) -> Result<isize>;

    /// `KVM_CREATE_DEVICE`, whose structure, at `arg`, is `args`. `ENODEV` for a type of devices that there is not.
    fn create_device(
        _vm: ArcBorrow<'_, Vm<Self>>,
        _args: bindings::kvm_create_device,
        _arg: usize,
    ) -> Result<isize> {
        Err(ENODEV)
    }
    /// A source of the interrupt controller in the kernel: whether its line is on, or, for a message, that it is sent. `ENXIO`
    /// without a controller. From any context.
    fn set_irq(_vm: &Vm<Self>, _irq: u32, _on: bool) -> Result {
        Err(ENXIO)
    }

    /// Has the vCPU something to do (an interrupt, a doorbell, a prod), so that it must not halt?
    /// Called by the halting vCPU's own thread and, for poll, by others.
    fn runnable(vcpu: &Vcpu<Self>) -> bool;

    /// Takes away the translations of `gfns` in `slot`, moving what the hardware has noted as
    /// written into the slot's dirty log first. On return no CPU uses them any more. Says whether there
    /// were any.
    ///
    /// This and the next two are called with the lock held: they must not sleep. What they have done with they take
    /// from `gfns`, at least something, and if it is not all, they are called again, the lock having been free
    /// meanwhile: so none of them has to hold it for long.
    fn unmap_range(
        vm: &Vm<Self>,
        mmu: &mut Self::Mmu,
        slot: &MemSlot,
        gfns: &mut Range<Gfn>,
    ) -> bool;
    /// Was any of it referenced since the last time? Clears the marks if `clear`.
    fn age_range(
        vm: &Vm<Self>,
        mmu: &mut Self::Mmu,
        slot: &MemSlot,
        gfns: &mut Range<Gfn>,
        clear: bool,
    ) -> bool;
    /// A page counts as written when it is mapped for writing, not when the hardware says so:
    /// [`sync_dirty`](Self::sync_dirty) has nothing to move.
    const WRITTEN_WHEN_MAPPED: bool;
    /// Moves what the hardware has noted as written in `gfns` into the slot's dirty log, and makes
    /// the next write after [`flush_dirty`](Self::flush_dirty) be noted again.
    fn sync_dirty(vm: &Vm<Self>, mmu: &mut Self::Mmu, slot: &MemSlot, gfns: &mut Range<Gfn>);
    /// Ends a round of [`sync_dirty`](Self::sync_dirty), between whose calls the lock may have been dropped.
    fn flush_dirty(_vm: &Vm<Self>, _mmu: &mut Self::Mmu) {}
}
