// SPDX-License-Identifier: GPL-2.0

//! The areas a guest registers for each of its processors: virtual processor area, dispatch trace log, SLB
//! shadow buffer (PAPR, "Virtual Processor Area" and `H_REGISTER_VPA`).
//!
//! They are written when the vCPU is dispatched, that is, when its thread starts to run the guest after it
//! was in userspace, asleep or preempted, and when it stops or loses its CPU, through userspace's mapping of
//! the guest's memory: no page is pinned.

use super::{
    backend::Backend,
    events::Events,
    one_reg::{id, RegValue},
    papr, Vcpu, Vm,
};
use crate::{
    host::{
        compat,
        entry::{HostInterruptible, Pending},
        once,
        preempt::{self, Enabled, Observer},
        time::timebase,
    },
    isa::{
        hcall::HReturn,
        hcall_args::{VpaFunction, CONFER_ALL},
        msr::Msr,
        timebase::ticks,
        vpa::{area, trace},
    },
};
use kernel::{
    cpu::CpuId,
    prelude::*,
    sync::{atomic::Atomic, SpinLock},
};

/// What the areas need of a backend.
pub(crate) trait VpaBackend: papr::PaprBackend {
    /// A vCPU's areas.
    fn vpas(vcpu: &Vcpu<Self>) -> &SpinLock<Vpas>;
    /// What is counted of its dispatches.
    fn dispatches(st: &mut Self::Vcpu) -> &mut Dispatches;
    /// When its thread had a CPU and when it waited for one.
    fn preemption(vcpu: &Vcpu<Self>) -> &Preemption;
    /// While this exists, the scheduler reports preemptions; it exists as long as the VM.
    fn scheduler(vm: &Vm<Self>) -> &Enabled;
    /// Where the guest is, and the offset of its timebase to the host's.
    fn position(st: &Self::Vcpu) -> Position;
    /// Called when the guest says whether it uses its performance monitor.
    fn pmu_in_use(_st: &mut Self::Vcpu, _in_use: bool) {}
}

/// What is counted of a vCPU's dispatches, by its own thread.
#[derive(Default)]
pub(crate) struct Dispatches {
    /// [`Preemption::stolen`] when the last dispatch trace log entry was made.
    stolen_logged: u64,
    /// Entries made in the dispatch trace log.
    dtl_index: u64,
}

/// What the scheduler reports of a vCPU's thread while that is in [`running`]. It is written by the thread itself,
/// which may be preempted, and so write again, in the midst of a write.
pub(crate) struct Preemption {
    /// The VPA that says that the vCPU is dispatched; 0 if none does.
    vpa: Atomic<u64>,
    /// The host's timebase when the thread began to wait for a CPU, or 0 if it does not wait.
    since: Atomic<u64>,
    /// Timebase ticks for which it waited, while the guest could have run.
    stolen: Atomic<u64>,
}

impl Preemption {
    pub(crate) const fn new() -> Self {
        Self {
            vpa: Atomic::new(0),
            since: Atomic::new(0),
            stolen: Atomic::new(0),
        }
    }

    /// The value of [`since`](Self::since).
    fn waits_since(&self) -> Option<u64> {
        Some(once::read_u64(&self.since)).filter(|since| *since != 0)
    }
}

/// Where a guest is, for the dispatch trace log.
pub(crate) struct Position {
    pub(crate) nip: u64,
    pub(crate) msr: Msr,
    pub(crate) tb_offset: u64,
}

/// Smallest VPA.
const VPA_BYTES: u32 = area::MIN_BYTES as u32;
/// Bytes of an entry of the dispatch trace log.
const DTL_ENTRY_BYTES: u32 = trace::ENTRY_BYTES as u32;
/// Smallest area: the bytes up to the length.
const MIN_BYTES: u32 = 8;

/// One registered area; `gpa` 0 if none.
#[derive(Clone, Copy, Default, PartialEq)]
struct Area {
    gpa: u64,
    len: u32,
}

impl Area {
    fn registered(&self) -> bool {
        self.gpa != 0
    }
}

/// A vCPU's areas.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vpas {
    vpa: Area,
    slb_shadow: Area,
    dtl: Area,
    /// The VPA's first values have not been written yet.
    fresh: bool,
    /// The log is to begin anew.
    fresh_dtl: bool,
}

impl Vpas {
    /// `KVM_REG_PPC_VPA_ADDR`. Fails with `EINVAL` for a bad address, and if it would remove the VPA while other areas
    /// are registered.
    fn set_vpa(&mut self, gpa: u64) -> Result {
        if gpa == 0 && (self.slb_shadow.registered() || self.dtl.registered()) {
            return Err(EINVAL);
        }
        let area = Self::area(gpa, VPA_BYTES)?;
        self.fresh |= area.registered() && area != self.vpa;
        self.vpa = area;
        Ok(())
    }

    /// `KVM_REG_PPC_VPA_SLB`. Returns `EINVAL` for a bad address or without a VPA.
    fn set_slb_shadow(&mut self, gpa: u64, len: u64) -> Result {
        if gpa != 0 && !self.vpa.registered() {
            return Err(EINVAL);
        }
        self.slb_shadow = Self::area(gpa, u32::try_from(len).map_err(|_| EINVAL)?)?;
        Ok(())
    }

    /// `KVM_REG_PPC_VPA_DTL`. Returns `EINVAL` for a bad address, less than an entry, or without a VPA.
    fn set_dtl(&mut self, gpa: u64, len: u64) -> Result {
        let len = u32::try_from(len).map_err(|_| EINVAL)?;
        if gpa != 0 && (len < DTL_ENTRY_BYTES || !self.vpa.registered()) {
            return Err(EINVAL);
        }
        self.dtl = Self::area(gpa, len - len % DTL_ENTRY_BYTES)?;
        self.fresh_dtl = true;
        Ok(())
    }

    fn area(gpa: u64, len: u32) -> Result<Area> {
        // Fields of an area are accessed by adding to its address, which must not overflow.
        let end = gpa.checked_add(u64::from(len.max(VPA_BYTES)));
        if gpa % area::ALIGN != 0 || end.is_none() {
            return Err(EINVAL);
        }
        Ok(match gpa {
            0 => Area::default(),
            _ => Area { gpa, len },
        })
    }

    /// `H_REGISTER_VPA`, after the length has been read from the area.
    fn register(&mut self, function: VpaFunction, gpa: u64, len: u32) -> HReturn {
        let area = Area { gpa, len };
        match function {
            VpaFunction::RegisterVpa => {
                if len < VPA_BYTES {
                    return HReturn::H_PARAMETER;
                }
                self.vpa = area;
                self.fresh = true;
            }
            VpaFunction::RegisterDtl => {
                if len < DTL_ENTRY_BYTES {
                    return HReturn::H_PARAMETER;
                }
                if !self.vpa.registered() {
                    return HReturn::H_RESOURCE;
                }
                self.dtl = Area {
                    gpa,
                    len: len - len % DTL_ENTRY_BYTES,
                };
                self.fresh_dtl = true;
            }
            VpaFunction::RegisterSlbShadow => {
                if !self.vpa.registered() {
                    return HReturn::H_RESOURCE;
                }
                self.slb_shadow = area;
            }
            VpaFunction::DeregisterVpa => {
                if self.dtl.registered() || self.slb_shadow.registered() {
                    return HReturn::H_RESOURCE;
                }
                self.vpa = Area::default();
            }
            VpaFunction::DeregisterDtl => self.dtl = Area::default(),
            VpaFunction::DeregisterSlbShadow => self.slb_shadow = Area::default(),
        }
        HReturn::H_SUCCESS
    }
}

/// `H_REGISTER_VPA(flags, processor, address)`.
pub(crate) fn h_register_vpa<B: VpaBackend>(
    vcpu: &Vcpu<B>,
    flags: u64,
    id: u64,
    gpa: u64,
) -> HReturn {
    let Some(target) = papr::find(vcpu, id) else {
        return HReturn::H_PARAMETER;
    };
    let Some(function) = VpaFunction::from_flags(flags) else {
        return HReturn::H_PARAMETER;
    };
    let mut len = 0;
    let registers = matches!(
        function,
        VpaFunction::RegisterVpa | VpaFunction::RegisterDtl | VpaFunction::RegisterSlbShadow
    );
    if registers {
        if gpa == 0 || gpa % area::ALIGN != 0 {
            return HReturn::H_PARAMETER;
        }
        let mut word = [0; 4];
        if vcpu.vm().read_guest(gpa + area::SIZE, &mut word).is_err() {
            return HReturn::H_PARAMETER;
        }
        let [a, b, ..] = word;
        len = match function {
            VpaFunction::RegisterVpa => u16::from_be_bytes([a, b]).into(),
            _ => u32::from_be_bytes(word),
        };
        // The whole area must be there, and in one page.
        let room = area::BOUNDARY.max(kernel::page::PAGE_SIZE as u64);
        let fits = u64::from(len) <= room - gpa % room;
        if len < MIN_BYTES || !fits {
            return HReturn::H_PARAMETER;
        }
    }
    let ret = B::vpas(target).lock().register(function, gpa, len);
    B::events(target).change(0, Events::VPAS);
    ret
}

/// Reads a registered VPA's yield count; `None` without one.
fn yield_count<B: VpaBackend>(vcpu: &Vcpu<B>) -> Option<u32> {
    let vpa = B::vpas(vcpu).lock().vpa;
    if !vpa.registered() {
        return None;
    }
    let mut word = [0; 4];
    vcpu.vm()
        .read_guest(vpa.gpa + area::YIELD_COUNT, &mut word)
        .ok()?;
    Some(u32::from_be_bytes(word))
}

/// `H_CONFER(processor, yield count)`: gives this processor's time to another one, if that was not
/// dispatched since the caller looked.
#[inline(never)]
pub(crate) fn h_confer<B: VpaBackend>(vcpu: &Vcpu<B>, id: u64, count: u64) -> HReturn {
    if id == CONFER_ALL {
        confer_to_waiting(vcpu);
        return HReturn::H_SUCCESS;
    }
    let Some(target) = papr::find(vcpu, id) else {
        return HReturn::H_PARAMETER;
    };
    if yield_count(target).unwrap_or(0) == count as u32 {
        target.yield_to();
    }
    HReturn::H_SUCCESS
}

/// Gives this processor's time to the one of the guest's others that has waited longest for a CPU. If none waits, all
/// others run or have ceded, and have no use for it.
fn confer_to_waiting<B: VpaBackend>(vcpu: &Vcpu<B>) {
    let now = timebase();
    let waits = |v: &Vcpu<B>| Some(ticks(B::preemption(v).waits_since()?, now));
    let longest = vcpu
        .vm()
        .vcpus()
        .filter(|v| !core::ptr::eq(*v, vcpu))
        .filter_map(|v| Some((v, waits(v)?)))
        .max_by_key(|(_, time)| *time);
    if let Some((target, _)) = longest {
        target.yield_to();
    }
}

/// The areas as registers, `KVM_REG_PPC_VPA_…`; `None` for another register.
pub(crate) fn get_reg<B: VpaBackend>(vcpu: &Vcpu<B>, reg: u64) -> Option<RegValue> {
    let pair = |area: Area| RegValue::from_u64_pair([area.gpa, area.len.into()]);
    let vpas = B::vpas(vcpu);
    Some(match reg {
        id::VPA_ADDR => RegValue::from_u64(vpas.lock().vpa.gpa),
        id::VPA_SLB => pair(vpas.lock().slb_shadow),
        id::VPA_DTL => pair(vpas.lock().dtl),
        _ => return None,
    })
}

/// Sets them; `None` for another register. `EINVAL` as [`Vpas`] has it, and for a value of another size.
pub(crate) fn set_reg<B: VpaBackend>(vcpu: &Vcpu<B>, reg: u64, val: &RegValue) -> Option<Result> {
    let vpas = B::vpas(vcpu);
    let ret = match reg {
        id::VPA_ADDR => val.int().and_then(|gpa| vpas.lock().set_vpa(gpa)),
        id::VPA_SLB => val
            .u64_pair()
            .and_then(|[gpa, len]| vpas.lock().set_slb_shadow(gpa, len)),
        id::VPA_DTL => val
            .u64_pair()
            .and_then(|[gpa, len]| vpas.lock().set_dtl(gpa, len)),
        _ => return None,
    };
    B::events(vcpu).change(0, Events::VPAS);
    Some(ret)
}

/// The guest is about to run on this CPU, or stops running: counts it in the VPA. Returns whether that says that the
/// performance monitor is in use. `EFAULT` if the VPA cannot be reached.
fn bump_yield_count<B: Backend>(vcpu: &Vcpu<B>, vpa: u64, dispatched: bool) -> Result<bool> {
    // The count is even while the vCPU is dispatched. The guest is not supposed to write it, but might, so the count is
    // made even or odd rather than just incremented.
    let in_use = vcpu.vm().count_in_guest(
        vpa,
        VPA_BYTES,
        area::YIELD_COUNT as u32,
        area::PMC_IN_USE as u32,
        !dispatched,
    )?;
    Ok(in_use != 0)
}

/// The run loop of `KVM_RUN`: the vCPU is dispatched in it, and the scheduler tells when its thread has no CPU.
#[inline(always)]
pub(crate) fn running<B: VpaBackend, R>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    run: impl FnOnce(&mut B::Vcpu) -> R,
) -> R {
    preempt::observed(B::scheduler(vcpu.vm()), vcpu, || {
        dispatched(vcpu, st);
        let ret = run(st);
        stopped(vcpu);
        ret
    })
}

impl<B: VpaBackend> Observer for Vcpu<B> {
    fn sched_out(&self, preempted: bool) {
        let p = B::preemption(self);
        if preempted {
            once::write_u64(&p.since, timebase().max(1));
        }
        let vpa = once::read_u64(&p.vpa);
        if vpa != 0 {
            // If the page is not present now, the guest goes on believing that the vCPU runs.
            let _ = preempt::without_faults(|| bump_yield_count(self, vpa, false));
        }
    }

    fn sched_in(&self) {
        let p = B::preemption(self);
        if let Some(since) = p.waits_since() {
            once::write_u64(&p.since, 0);
            let stolen = ticks(since, timebase());
            once::write_u64(&p.stolen, once::read_u64(&p.stolen).wrapping_add(stolen));
        }
        if once::read_u64(&p.vpa) != 0 {
            // The vCPU is dispatched anew before it enters its guest.
            B::events(self).change(0, Events::VPAS);
        }
    }
}

/// The timebase, less the time for which the vCPU's thread has waited for a processor in [`running`]. This clock stands
/// still while the thread waits.
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
#[inline]
pub(crate) fn scheduled<B: VpaBackend>(vcpu: &Vcpu<B>) -> u64 {
    let stolen = || once::read_u64(&B::preemption(vcpu).stolen);
    loop {
        let before = stolen();
        let now = timebase();
        // If it has changed, the thread has waited since, and the two values do not belong together.
        if stolen() == before {
            return now.wrapping_sub(before);
        }
    }
}

/// The vCPU is dispatched. If the areas cannot be accessed, only the guest suffers from it, so errors are ignored.
#[inline]
pub(crate) fn dispatched<B: VpaBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu) {
    if B::events(vcpu).test(Events::VPAS | Events::HAS_VPA) {
        look_at_areas(vcpu, st);
    }
}

fn look_at_areas<B: VpaBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu) {
    B::events(vcpu).take(Events::VPAS);
    let vpas = {
        let mut vpas = B::vpas(vcpu).lock();
        let now = *vpas;
        vpas.fresh = false;
        vpas.fresh_dtl = false;
        now
    };
    if vpas.fresh_dtl {
        B::dispatches(st).dtl_index = 0;
    }
    B::pmu_in_use(st, true);
    once::write_u64(&B::preemption(vcpu).vpa, vpas.vpa.gpa);
    if !vpas.vpa.registered() {
        B::events(vcpu).take(Events::HAS_VPA);
    } else {
        B::events(vcpu).change(0, Events::HAS_VPA);
        let _ = tell_dispatched(vcpu, st, &vpas);
    }
}

fn tell_dispatched<B: VpaBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu, vpas: &Vpas) -> Result {
    let vm = vcpu.vm();
    let vpa = vpas.vpa;
    if vpas.fresh {
        let mut status = [0];
        vm.read_guest(vpa.gpa + area::STATUS, &mut status)?;
        let [status] = status;
        vm.write_guest(vpa.gpa + area::STATUS, &[status | area::SHARED_PROCESSOR])?;
        vm.write_guest(vpa.gpa + area::YIELD_COUNT, &1u32.to_be_bytes())?;
    }
    // The counters of a guest that no longer uses them need not be switched.
    let in_use = bump_yield_count(vcpu, vpa.gpa, true)?;
    B::pmu_in_use(st, in_use);

    let all_stolen = once::read_u64(&B::preemption(vcpu).stolen);
    let logged = core::mem::replace(&mut B::dispatches(st).stolen_logged, all_stolen);
    let stolen = all_stolen.wrapping_sub(logged);
    if stolen != 0 || vpas.fresh {
        let at = vpa.gpa + area::ENQUEUE_DISPATCH_TB;
        vm.write_guest(at, &all_stolen.to_be_bytes())?;
    }
    if vpas.dtl.registered() {
        log_dispatch(vcpu, st, vpas, stolen)?;
    }
    Ok(())
}

/// Adds an entry to the dispatch trace log (PAPR, "Dispatch Trace Log Buffer").
fn log_dispatch<B: VpaBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    vpas: &Vpas,
    stolen: u64,
) -> Result {
    let entries = u64::from(vpas.dtl.len / DTL_ENTRY_BYTES);
    let Some(slot) = B::dispatches(st).dtl_index.checked_rem(entries) else {
        return Ok(());
    };
    let at = B::position(st);
    let now = timebase().wrapping_add(at.tb_offset);
    let cpu = CpuId::current().as_u32();
    let mut entry = [0u8; DTL_ENTRY_BYTES as usize];
    let mut put = |at: u64, bytes: &[u8]| {
        let at = at as usize;
        if let Some(to) = entry.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
    };
    put(trace::DISPATCH_REASON, &[trace::DISPATCH_TIMER]);
    put(trace::PROCESSOR, &(cpu as u16).to_be_bytes());
    put(trace::ENQUEUE_TO_DISPATCH, &(stolen as u32).to_be_bytes());
    put(trace::TIMEBASE, &now.to_be_bytes());
    put(trace::SRR0, &at.nip.to_be_bytes());
    put(trace::SRR1, &at.msr.raw().to_be_bytes());
    let vm = vcpu.vm();
    vm.write_guest(vpas.dtl.gpa + slot * u64::from(DTL_ENTRY_BYTES), &entry)?;
    let index = &mut B::dispatches(st).dtl_index;
    *index = index.wrapping_add(1);
    let index = *index;
    // The entry must be visible before the index that announces it.
    compat::smp_wmb();
    vm.write_guest(vpas.vpa.gpa + area::DTL_IDX, &index.to_be_bytes())
}

/// The vCPU is no longer dispatched.
#[inline]
pub(crate) fn stopped<B: VpaBackend>(vcpu: &Vcpu<B>) {
    if B::events(vcpu).test(Events::HAS_VPA) {
        tell_stopped(vcpu);
    }
}

/// Does the work that kept the guest from running. Returns the pending requests, which the backend serves. Fails as
/// [`HostInterruptible::handle_work`] does.
pub(crate) fn not_entered<B: VpaBackend>(
    vcpu: &Vcpu<B>,
    st: &mut B::Vcpu,
    host: &HostInterruptible,
    pending: Option<Pending>,
) -> Result<u32> {
    match pending {
        Some(Pending::Work) => {
            host.handle_work()?;
            Ok(0)
        }
        Some(Pending::Request) => {
            let requests = vcpu.requests.take();
            if B::events(vcpu).test(Events::VPAS) {
                dispatched(vcpu, st);
            }
            Ok(requests)
        }
        // The host has served it.
        Some(Pending::Interrupt) | None => Ok(0),
    }
}

/// The guest ceded: sleeps until there is something for it, a signal included, or until its decrementer is due at
/// timebase `until`.
pub(crate) fn halt<B: VpaBackend>(vcpu: &Vcpu<B>, st: &mut B::Vcpu, until: u64) {
    stopped(vcpu);
    vcpu.halt(Some(until));
    B::events(vcpu).take(Events::PRODDED);
    dispatched(vcpu, st);
}

fn tell_stopped<B: VpaBackend>(vcpu: &Vcpu<B>) {
    let vpa = B::vpas(vcpu).lock().vpa;
    if vpa.registered() {
        let _ = bump_yield_count(vcpu, vpa.gpa, false);
    }
}
