// SPDX-License-Identifier: GPL-2.0

//! Interrupts given to the guest by software, as the hardware would: ISA Book III, "Interrupt Definitions".

use super::{vcpu::HvVcpu, vm::HvVm};
use crate::isa::{
    dsisr::Dsisr,
    lpcr::{Lpcr, AIL3_OFFSET},
    srr1::Srr1,
    trap::Trap,
};

impl HvVcpu {
    /// The guest takes interrupt `trap` next; `flags` are the bits of SRR1 that do not come from the MSR.
    pub(crate) fn inject(&mut self, vm: &HvVm, trap: Trap, flags: Srr1) {
        let msr = self.msr();
        let lpcr = self.lpcr(vm);
        let relocated = !matches!(trap, Trap::SYSTEM_RESET | Trap::MACHINE_CHECK)
            && lpcr.interrupts_relocated(msr);
        let nip = self.nip();
        self.switch.set_srrs(nip, flags.with_msr(msr).raw());
        let base = if relocated { AIL3_OFFSET } else { 0 };
        self.set_nip(base + u64::from(trap.raw()));
        self.set_msr(msr.at_interrupt(lpcr.contains(Lpcr::ILE), relocated));
    }

    /// The SRR1 bit that says that a prefixed instruction caused the interrupt, as the last exit set it.
    fn prefixed(&self) -> Srr1 {
        Srr1::from_raw(self.exit_srr1).masked(Srr1::PREFIXED)
    }

    /// A data storage interrupt.
    pub(crate) fn inject_data_storage(&mut self, vm: &HvVm, dar: u64, dsisr: Dsisr) {
        self.switch.set_dar(dar);
        self.switch.set_dsisr(dsisr.raw() as u32);
        self.inject(vm, Trap::DATA_STORAGE, self.prefixed());
    }

    /// An instruction storage interrupt.
    pub(crate) fn inject_inst_storage(&mut self, vm: &HvVm, fault: Dsisr) {
        self.inject(vm, Trap::INST_STORAGE, Srr1::from_fault(fault));
    }

    /// An interrupt that the instruction itself causes; SRR1 says whether the instruction is prefixed.
    pub(crate) fn inject_synchronous(&mut self, vm: &HvVm, trap: Trap, why: Srr1) {
        self.inject(vm, trap, why | self.prefixed());
    }

    /// A machine check.
    pub(crate) fn inject_machine_check(&mut self, vm: &HvVm, why: Srr1) {
        self.inject(vm, Trap::MACHINE_CHECK, why | self.prefixed());
    }

    /// A program interrupt.
    pub(crate) fn inject_program(&mut self, vm: &HvVm, why: Srr1) {
        self.inject_synchronous(vm, Trap::PROGRAM, why);
    }
}
