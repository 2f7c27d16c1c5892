// SPDX-License-Identifier: GPL-2.0

//! The areas a guest registers for each of its processors: virtual processor area, dispatch trace log, SLB
//! shadow buffer (PAPR, "Virtual Processor Area" and `H_REGISTER_VPA`).
//!
//! They are written when the vCPU is dispatched, that is, when its thread starts to run the guest after it
//! was in userspace, asleep or preempted, and when it stops, through userspace's mapping of the guest's
//! memory: no page is pinned.

use super::{
    find,
    vcpu::{Events, HvVcpu},
    Hv,
};
use crate::{
    host::time::timebase,
    isa::{
        fscr::Fscr,
        hcall::HReturn,
        hcall_args::VpaFunction,
        vpa::{area, trace},
    },
    vm::Vcpu,
};
use kernel::{
    prelude::*,
    sync::barrier::{smp_mb, Write},
};

/// Smallest VPA.
const VPA_BYTES: u32 = area::MIN_BYTES as u32;
/// Bytes of an entry of the dispatch trace log.
const DTL_ENTRY_BYTES: u32 = trace::ENTRY_BYTES as u32;
/// Smallest area: the bytes up to the length.
const MIN_BYTES: u32 = 8;

/// One registered area; `gpa` 0 if none.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) gpa: u64,
    pub(crate) len: u32,
}

impl Area {
    fn registered(&self) -> bool {
        self.gpa != 0
    }
}

/// A vCPU's areas.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vpas {
    pub(crate) vpa: Area,
    pub(crate) slb_shadow: Area,
    pub(crate) dtl: Area,
    /// The VPA has not been told yet that it is one.
    fresh: bool,
    /// The log begins anew.
    fresh_dtl: bool,
}

impl Vpas {
    /// `KVM_REG_PPC_VPA_ADDR`. Returns `EINVAL` for a bad address, or to take it away while the others are there.
    pub(crate) fn set_vpa(&mut self, gpa: u64) -> Result {
        if gpa == 0 && (self.slb_shadow.registered() || self.dtl.registered()) {
            return Err(EINVAL);
        }
        let area = Self::area(gpa, VPA_BYTES)?;
        self.fresh |= area.registered() && area != self.vpa;
        self.vpa = area;
        Ok(())
    }

    /// `KVM_REG_PPC_VPA_SLB`. Returns `EINVAL` for a bad address or without a VPA.
    pub(crate) fn set_slb_shadow(&mut self, gpa: u64, len: u64) -> Result {
        if gpa != 0 && !self.vpa.registered() {
            return Err(EINVAL);
        }
        self.slb_shadow = Self::area(gpa, u32::try_from(len).map_err(|_| EINVAL)?)?;
        Ok(())
    }

    /// `KVM_REG_PPC_VPA_DTL`. Returns `EINVAL` for a bad address, less than an entry, or without a VPA.
    pub(crate) fn set_dtl(&mut self, gpa: u64, len: u64) -> Result {
        let len = u32::try_from(len).map_err(|_| EINVAL)?;
        if gpa != 0 && (len < DTL_ENTRY_BYTES || !self.vpa.registered()) {
            return Err(EINVAL);
        }
        self.dtl = Self::area(gpa, len - len % DTL_ENTRY_BYTES)?;
        self.fresh_dtl = true;
        Ok(())
    }

    fn area(gpa: u64, len: u32) -> Result<Area> {
        // What is in an area is reached by adding to its address.
        let end = gpa.checked_add(u64::from(len.max(VPA_BYTES)));
        if gpa % area::ALIGN != 0 || end.is_none() {
            return Err(EINVAL);
        }
        Ok(match gpa {
            0 => Area::default(),
            _ => Area { gpa, len },
        })
    }

    /// `H_REGISTER_VPA`, the length read from the area already.
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
pub(crate) fn h_register_vpa(vcpu: &Vcpu<Hv>, flags: u64, id: u64, gpa: u64) -> HReturn {
    let Some(target) = find(vcpu, id) else {
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
    let ret = target.shared.vpas.lock().register(function, gpa, len);
    target.shared.events.change(0, Events::VPAS);
    ret
}

/// Reads a registered VPA's yield count; `None` without one.
pub(crate) fn yield_count(vcpu: &Vcpu<Hv>) -> Option<u32> {
    let vpa = vcpu.shared.vpas.lock().vpa;
    if !vpa.registered() {
        return None;
    }
    let mut word = [0; 4];
    vcpu.vm()
        .read_guest(vpa.gpa + area::YIELD_COUNT, &mut word)
        .ok()?;
    Some(u32::from_be_bytes(word))
}

/// The guest is about to run on this CPU, or stops running: counts it in the VPA.
fn bump_yield_count(vcpu: &Vcpu<Hv>, vpa: Area, dispatched: bool) -> Result {
    let at = vpa.gpa + area::YIELD_COUNT;
    let mut word = [0; 4];
    vcpu.vm().read_guest(at, &mut word)?;
    let old = u32::from_be_bytes(word);
    // Even while dispatched. The guest does not write it, but might.
    let odd = old % 2 != 0;
    if odd == dispatched {
        vcpu.vm()
            .write_guest(at, &old.wrapping_add(1).to_be_bytes())?;
    }
    Ok(())
}

/// The vCPU is dispatched. Failures to reach the areas are the guest's loss alone.
#[inline]
pub(crate) fn dispatched(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, cpu: u32) {
    if vcpu.shared.events.test(Events::VPAS | Events::HAS_VPA) {
        look_at_areas(vcpu, st, cpu);
    }
}

fn look_at_areas(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, cpu: u32) {
    vcpu.shared.events.take(Events::VPAS);
    let vpas = {
        let mut vpas = vcpu.shared.vpas.lock();
        let now = *vpas;
        vpas.fresh = false;
        vpas.fresh_dtl = false;
        now
    };
    if vpas.fresh_dtl {
        st.dtl_index = 0;
    }
    st.pmu_in_use = true;
    if !vpas.vpa.registered() {
        vcpu.shared.events.take(Events::HAS_VPA);
    } else {
        vcpu.shared.events.change(0, Events::HAS_VPA);
        let _ = tell_dispatched(vcpu, st, &vpas, cpu);
    }
}

fn tell_dispatched(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, vpas: &Vpas, cpu: u32) -> Result {
    let vm = vcpu.vm();
    let vpa = vpas.vpa;
    if vpas.fresh {
        let mut status = [0];
        vm.read_guest(vpa.gpa + area::STATUS, &mut status)?;
        let [status] = status;
        vm.write_guest(vpa.gpa + area::STATUS, &[status | area::SHARED_PROCESSOR])?;
        vm.write_guest(vpa.gpa + area::YIELD_COUNT, &1u32.to_be_bytes())?;
    }
    bump_yield_count(vcpu, vpa, true)?;

    // A guest that no longer cares for its counters need not have them switched.
    let mut in_use = [0];
    vm.read_guest(vpa.gpa + area::PMC_IN_USE, &mut in_use)?;
    st.pmu_in_use = in_use != [0];
    if !st.pmu_in_use {
        st.revoke(Fscr::PM);
    }

    let stolen = st.stolen - st.stolen_logged;
    if stolen != 0 || vpas.fresh {
        st.stolen_logged = st.stolen;
        vm.write_guest(
            vpa.gpa + area::ENQUEUE_DISPATCH_TB,
            &st.stolen.to_be_bytes(),
        )?;
    }
    if vpas.dtl.registered() {
        log_dispatch(vcpu, st, vpas, cpu, stolen)?;
    }
    Ok(())
}

/// Adds an entry to the dispatch trace log (PAPR, "Dispatch Trace Log Buffer").
fn log_dispatch(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, vpas: &Vpas, cpu: u32, stolen: u64) -> Result {
    let entries = u64::from(vpas.dtl.len / DTL_ENTRY_BYTES);
    let Some(slot) = st.dtl_index.checked_rem(entries) else {
        return Ok(());
    };
    let now = timebase().wrapping_add(st.switch.vcore().tb_offset);
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
    put(trace::SRR0, &st.nip().to_be_bytes());
    put(trace::SRR1, &st.msr().raw().to_be_bytes());
    let vm = vcpu.vm();
    vm.write_guest(vpas.dtl.gpa + slot * u64::from(DTL_ENTRY_BYTES), &entry)?;
    st.dtl_index += 1;
    // The entry is there before the index says so.
    smp_mb(Write);
    vm.write_guest(vpas.vpa.gpa + area::DTL_IDX, &st.dtl_index.to_be_bytes())
}

/// The vCPU is no longer dispatched.
#[inline]
pub(crate) fn stopped(vcpu: &Vcpu<Hv>) {
    if vcpu.shared.events.test(Events::HAS_VPA) {
        tell_stopped(vcpu);
    }
}

fn tell_stopped(vcpu: &Vcpu<Hv>) {
    let vpa = vcpu.shared.vpas.lock().vpa;
    if vpa.registered() {
        let _ = bump_yield_count(vcpu, vpa, false);
    }
}
