// SPDX-License-Identifier: GPL-2.0

//! Counts the guest's instructions and cycles, PMC5 and PMC6, while it runs: by the processor's own two counters, if
//! the host does not use its performance monitor at the time. The other counters keep what is written to them.

use super::{vcpu::PrVcpu, vm::Pr};
use crate::{
    isa::{
        msr::Msr,
        pmu::{counts, Counters, Mmcr0},
        spr::Spr,
        srr1::Srr1,
        trap::Trap,
    },
    vm::{events::Events, Vcpu},
};

impl PrVcpu {
    fn mmcr0(&self) -> Mmcr0 {
        Mmcr0::from_raw(self.kept(Spr::MMCR0))
    }

    fn counters(&self) -> Counters {
        Counters {
            pmc5: self.kept(Spr::PMC5) as u32,
            pmc6: self.kept(Spr::PMC6) as u32,
        }
    }

    /// MMCR0 has changed.
    pub(crate) fn performance_monitor_changed(&mut self) {
        let mmcr0 = self.mmcr0();
        let frozen = mmcr0.intersects(Mmcr0::FC | Mmcr0::FC56);
        self.monitor_on = !frozen || mmcr0.contains(Mmcr0::PMAO);
        self.set_pmu_in_use(self.pmu_in_use);
    }

    /// What the guest's VPA says of its use of the performance monitor.
    #[inline]
    pub(crate) fn set_pmu_in_use(&mut self, in_use: bool) {
        self.pmu_in_use = in_use;
        self.monitored = in_use && self.monitor_on;
        self.switch.count = false;
    }

    /// The guest has written MMCR0. It may have told its VPA shortly before that it uses the performance monitor.
    pub(crate) fn mmcr0_written(&mut self) {
        self.performance_monitor_changed();
        self.ask_vpa = !self.pmu_in_use && !self.mmcr0().contains(Mmcr0::FC);
        self.monitored |= self.ask_vpa;
    }
}

/// Before an entry of a vCPU that is monitored: delivers a performance monitor interrupt, and tells the switch whether
/// to count.
#[cold]
pub(crate) fn prepare(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) {
    if core::mem::take(&mut st.ask_vpa) {
        // This has the VPA read before the guest is entered, which then sets whether the performance monitor is used.
        vcpu.shared.events.change(0, Events::VPAS);
        return st.performance_monitor_changed();
    }
    let (mmcr0, counters) = (st.mmcr0(), st.counters());
    if let Some(alerted) = counters.alert(mmcr0) {
        st.keep(Spr::MMCR0, alerted.raw());
        st.keep(Spr::SIAR, st.nip());
    }
    let mmcr0 = st.mmcr0();
    if mmcr0.contains(Mmcr0::PMAO) && st.msr().contains(Msr::EE) {
        st.inject(Trap::PERFORMANCE_MONITOR, Srr1::EMPTY);
    }
    st.switch.count = counts(mmcr0, st.msr());
}

/// After an exit of a guest that the switch has counted.
#[cold]
pub(crate) fn counted(st: &mut PrVcpu) {
    let [pmc5, pmc6] = st.switch.counted();
    let by = Counters { pmc5, pmc6 };
    let new = st.counters().count(st.kept(Spr::MMCR2), st.msr(), by);
    st.keep(Spr::PMC5, new.pmc5.into());
    st.keep(Spr::PMC6, new.pmc6.into());
}
