// SPDX-License-Identifier: GPL-2.0

//! Hypervisor data and instruction storage interrupts: what the hardware reports, and what becomes of it.

use super::{
    vcpu::{Device, HvVcpu},
    Hv,
};
use crate::{
    isa::{dsisr::Dsisr, insn::Insn, msr::Msr, srr1::Srr1},
    vm::Vcpu,
};

/// A fault as the hardware reports it.
pub(crate) struct StorageFault {
    /// The effective address.
    pub(crate) ea: u64,
    /// HDSISR; for an instruction fetch, the bits of HSRR1 that have the same meaning.
    pub(crate) dsisr: Dsisr,
    /// ASDR: the guest real address, without its low 12 bits.
    pub(crate) asdr: u64,
    /// Whether the access is an instruction fetch.
    pub(crate) fetch: bool,
}

impl StorageFault {
    /// The fault that the hypervisor data storage interrupt of the last exit reports.
    #[inline(always)]
    pub(crate) fn of_data(st: &HvVcpu) -> Self {
        let switch = &st.switch;
        Self {
            ea: switch.hdar(),
            dsisr: Dsisr::from_raw(switch.hdsisr().into()),
            asdr: switch.asdr(),
            fetch: false,
        }
    }

    /// The fault that the hypervisor instruction storage interrupt of the last exit reports, with this HSRR1.
    #[inline(always)]
    pub(crate) fn of_fetch(st: &HvVcpu, hsrr1: Srr1) -> Self {
        Self {
            ea: st.nip(),
            dsisr: Dsisr::from_raw(hsrr1.raw())
                .masked(Dsisr::ISI)
                .set(Dsisr::ISSTORE, hsrr1.contains(Srr1::HSRR1_HISI_WRITE)),
            asdr: st.switch.asdr(),
            fetch: true,
        }
    }

    /// The guest real address of the access. If the fault came while the guest's own tables were read, ASDR has the
    /// address of the table's page, and the offset in it is not known.
    pub(crate) fn gpa(&self) -> u64 {
        let page = self.asdr & ASDR_PAGE;
        if self.dsisr.intersects(Dsisr::PRTABLE_FAULT) {
            page
        } else {
            page | (self.ea & 0xfff)
        }
    }
}

/// How a fault was resolved.
pub(crate) enum Resolution {
    /// The page is mapped, or the guest gets an interrupt: the guest continues.
    Resume,
    /// No memory slot has this guest real address, so the access is to a device.
    Mmio(u64),
}

/// ASDR's page address.
const ASDR_PAGE: u64 = 0x0fff_ffff_ffff_f000;

/// What was done about a fault without sleeping.
pub(crate) enum AtOnce {
    /// It mapped the page that the guest accessed.
    Mapped,
    /// It signalled the ioeventfd that the guest stored to.
    Signalled,
    /// The guest is to get a storage interrupt, with this DSISR.
    Reflect(Dsisr),
}

/// Gives the guest a storage interrupt for the fault.
#[inline(never)]
pub(crate) fn reflect(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, fault: &StorageFault, dsisr: Dsisr) {
    let vm = &vcpu.vm().arch;
    if fault.fetch {
        st.inject_inst_storage(vm, dsisr);
    } else {
        st.inject_data_storage(vm, fault.ea, dsisr);
    }
}

/// Completes a store to an ioeventfd of any length. Of another access to a device, notes in `st.device` where it is, and
/// its instruction if `fetch` gets it, and returns `None`.
#[inline(always)]
pub(crate) fn device_at_once(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    gpa: u64,
    store: bool,
    fetch: impl FnOnce(&Vcpu<Hv>, &mut HvVcpu) -> Option<Insn>,
) -> Option<AtOnce> {
    // A guest that single-steps gets a trace interrupt after the store, whose SRR1 depends on the instruction. So
    // the instruction has to be fetched, which the slow path does.
    if store && !st.msr().contains(Msr::SE) && vcpu.vm().mmio_store_of_any_length(gpa) {
        return Some(AtOnce::Signalled);
    }
    let insn = fetch(vcpu, st);
    st.device = Some(Device { gpa, insn });
    None
}
