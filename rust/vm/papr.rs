// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls of PAPR guests, as far as they are the same whatever the backend.

use super::{
    backend::Backend,
    events::Events,
    mmio::{self, MmioBackend},
    run_loop::Next,
    run_page::RunPage,
    smt::Smt,
    Vcpu, Vm,
};
use crate::{
    emulate::regs::Regs,
    host::{once, trace},
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::PageFlags,
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{ordering::Relaxed, Atomic},
};

/// Words of a bitmap of PAPR's hcall numbers.
const WORDS: usize = Hcall::PAPR_COUNT.div_ceil(64);

/// What became of an hcall.
pub(crate) enum Outcome {
    /// The hcall is done, and r3 gets this value.
    Return(HReturn),
    /// `H_CEDE`: r3 gets `H_SUCCESS`, and the vCPU halts.
    Cede,
    /// The hcall goes to userspace.
    Userspace,
}

/// What hypercalls need of a backend.
pub(crate) trait PaprBackend: Backend {
    /// The events of a vCPU.
    fn events(vcpu: &Vcpu<Self>) -> &Events;

    /// The threads of a VM's cores.
    fn smt(vm: &Vm<Self>) -> &Smt;

    /// A doorbell that is pending for the vCPU is among its [`events`](Self::events) when this returns, even if the
    /// processor that runs it held it. Another vCPU's thread calls this.
    fn take_doorbell_back(vcpu: &Vcpu<Self>);
}

/// The vCPU of the same VM that the guest knows as processor `id`.
#[inline]
pub(crate) fn find<B: Backend>(vcpu: &Vcpu<B>, id: u64) -> Option<&Vcpu<B>> {
    if id == u64::from(vcpu.id) {
        return Some(vcpu);
    }
    vcpu.vm().vcpu_by_id(u32::try_from(id).ok()?)
}

/// `H_PROD(processor)`: wakes the processor from `H_CEDE`, or makes its next `H_CEDE` return at once.
#[inline(never)]
pub(crate) fn h_prod<B: PaprBackend>(vcpu: &Vcpu<B>, id: u64) -> HReturn {
    let Some(target) = find(vcpu, id) else {
        return HReturn::H_PARAMETER;
    };
    B::events(target).change(0, Events::PRODDED);
    if !core::ptr::eq(target, vcpu) {
        target.wake();
    }
    HReturn::H_SUCCESS
}

/// Handles `H_CEDE`: the vCPU halts, unless it was prodded before.
pub(crate) fn ceded<B: PaprBackend>(vcpu: &Vcpu<B>) -> Next {
    if B::events(vcpu).take(Events::PRODDED) {
        Next::Guest
    } else {
        Next::Halt
    }
}

/// Calls the tracepoint for the hcall that the guest has just made.
#[inline(always)]
pub(crate) fn trace_hcall<B: Backend>(vcpu: &Vcpu<B>, regs: &impl Regs) {
    trace::hcall_enter(
        vcpu.id,
        regs.hcall_gpr(3),
        regs.hcall_gpr(4),
        regs.hcall_gpr(5),
        regs.hcall_gpr(6),
        regs.hcall_gpr(7),
    );
}

/// Passes the hcall that the guest has just made to userspace.
pub(crate) fn ask_userspace(regs: &impl Regs, run: &RunPage) {
    let mut args = [0; 9];
    for (arg, gpr) in args.iter_mut().zip(4..) {
        *arg = regs.hcall_gpr(gpr);
    }
    run.set_papr_hcall(regs.hcall_gpr(3), &args);
}

/// What userspace has to answer before the guest goes on.
#[derive(Default)]
pub(crate) enum Completion {
    /// Userspace has to answer nothing.
    #[default]
    None,
    /// The hcall in r3.
    Hcall,
    /// The load or store that is being emulated.
    Mmio,
}

/// Takes userspace's answer to the last exit, which `owed` it. Fails as [`mmio::complete`] does.
pub(crate) fn complete<B: MmioBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: &RunPage,
    owed: Completion,
) -> Result<Next> {
    match owed {
        Completion::None => Ok(Next::Guest),
        Completion::Hcall => {
            let (_, regs) = B::mmio(st);
            take_answer(regs, run);
            Ok(Next::Guest)
        }
        Completion::Mmio => mmio::complete(vcpu, st, run),
    }
}

fn take_answer(regs: &mut impl Regs, run: &RunPage) {
    let (ret, args) = run.papr_hcall_ret();
    regs.set_hcall_gprs(ret, &args);
}

/// The hcalls that a backend can handle.
pub(crate) struct Handled {
    /// Those enabled by default.
    pub(crate) by_default: &'static [Hcall],
    /// Those that userspace may enable.
    pub(crate) on_request: &'static [Hcall],
}

/// The hcalls that are handled in the kernel; others go to userspace.
pub(crate) struct EnabledHcalls {
    handled: &'static Handled,
    bits: [Atomic<u64>; WORDS],
}

impl EnabledHcalls {
    /// Those of `handled` that are enabled by default.
    pub(crate) fn new(handled: &'static Handled) -> Self {
        let this = Self {
            handled,
            bits: [const { Atomic::new(0) }; WORDS],
        };
        for hcall in handled.by_default {
            this.enable(*hcall, true);
        }
        this
    }

    /// Does userspace want this hcall handled here? Hcalls outside PAPR's range always are.
    #[inline]
    pub(crate) fn enabled(&self, hcall: Hcall) -> bool {
        match hcall.papr_index() {
            Some(index) => self
                .bits
                .get(index / 64)
                .is_some_and(|w| once::read_u64(w) >> (index % 64) & 1 != 0),
            None => hcall.raw() > Hcall::MAX_PAPR.raw(),
        }
    }

    /// `KVM_CAP_PPC_ENABLE_HCALL`: the number, and 1 or 0. `EINVAL` for hcalls that are never handled here.
    pub(crate) fn enable_cap(&self, number: u64, on: u64) -> Result {
        let hcall = Hcall::from_raw(number);
        let Handled {
            by_default,
            on_request,
        } = self.handled;
        if on > 1 || !by_default.contains(&hcall) && !on_request.contains(&hcall) {
            return Err(EINVAL);
        }
        self.enable(hcall, on == 1);
        Ok(())
    }

    fn enable(&self, hcall: Hcall, on: bool) {
        let Some(index) = hcall.papr_index() else {
            return;
        };
        let Some(word) = self.bits.get(index / 64) else {
            return;
        };
        let bit = 1u64 << (index % 64);
        let mut old = word.load(Relaxed);
        loop {
            let new = if on { old | bit } else { old & !bit };
            match word.cmpxchg(old, new, Relaxed) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }
}

/// `H_PAGE_INIT(flags, destination, source)`: zeroes or copies 4 KB. The cache flags need nothing: the
/// hardware keeps instruction and data caches coherent.
pub(crate) fn page_init<B: Backend>(vm: &Vm<B>, flags: PageFlags, dest: u64, src: u64) -> HReturn {
    const SIZE: u64 = PageFlags::PAGE_INIT_SIZE;
    let copy = flags.contains(PageFlags::COPY_PAGE);
    if flags.intersects(PageFlags::from_raw(!PageFlags::PAGE_INIT.raw()))
        || dest % SIZE != 0
        || (copy && src % SIZE != 0)
    {
        return HReturn::H_PARAMETER;
    }
    if !copy && !flags.contains(PageFlags::ZERO_PAGE) {
        return HReturn::H_SUCCESS;
    }
    let mut buffer = [0u8; 512];
    for offset in (0..SIZE).step_by(buffer.len()) {
        let read = match copy {
            true => vm.read_guest(src + offset, &mut buffer),
            false => Ok(()),
        };
        if read
            .and_then(|()| vm.write_guest(dest + offset, &buffer))
            .is_err()
        {
            return HReturn::H_PARAMETER;
        }
    }
    HReturn::H_SUCCESS
}

/// The bytes of an access by `H_LOGICAL_CI_LOAD` or `_STORE`.
fn ci_size(size: u64) -> Option<usize> {
    matches!(size, 1 | 2 | 4 | 8).then_some(size as usize)
}

/// `H_LOGICAL_CI_LOAD(size, address)`: loads from what userspace has put on the bus. Returns `None` if nothing there
/// answers, so that the call goes to userspace.
pub(crate) fn logical_ci_load<B: Backend>(vm: &Vm<B>, size: u64, gpa: u64) -> Option<u64> {
    let size = ci_size(size)?;
    let mut bytes = [0u8; 8];
    if !vm.mmio_read(gpa, bytes.get_mut(8 - size..)?) {
        return None;
    }
    Some(u64::from_be_bytes(bytes))
}

/// `H_LOGICAL_CI_STORE(size, address, value)`: stores to what userspace has put on the bus, in most cases an ioeventfd.
/// Says whether that was done.
pub(crate) fn logical_ci_store<B: Backend>(vm: &Vm<B>, size: u64, gpa: u64, value: u64) -> bool {
    let bytes = value.to_be_bytes();
    ci_size(size)
        .and_then(|size| bytes.get(8 - size..))
        .is_some_and(|bytes| vm.mmio_write(gpa, bytes))
}
