// SPDX-License-Identifier: GPL-2.0

//! Interrupts given to the guest, as the hardware would: ISA Book III, "Interrupt Definitions".

use super::vcpu::PrVcpu;
use crate::isa::{
    dsisr::Dsisr,
    lpcr::{Lpcr, AIL3_OFFSET, AIL3_SCV, SCV},
    msr::Msr,
    radix_walk::Fault,
    spr::Spr,
    srr1::Srr1,
    trap::Trap,
};

impl PrVcpu {
    /// The guest takes interrupt `trap` next; `flags` are the bits of SRR1 that do not come from the MSR.
    pub(crate) fn inject(&mut self, trap: Trap, flags: Srr1) {
        let msr = self.msr();
        self.reserve.lose();
        if self.is_32bit() {
            return self.inject_32(trap, flags);
        }
        self.srr0 = self.nip();
        self.srr1 = flags.with_msr(msr).raw();
        let relocated = self.lpcr.interrupts_relocated(msr)
            && !matches!(trap, Trap::SYSTEM_RESET | Trap::MACHINE_CHECK);
        let base = match relocated {
            true => AIL3_OFFSET,
            false => self.hior,
        };
        self.switch.nip = base.wrapping_add(trap.raw().into());
        self.set_msr(msr.at_interrupt(self.lpcr.contains(Lpcr::ILE), relocated));
    }

    /// `scv`, ISA 3.0 Book III, "System Call Vectored Interrupt".
    pub(crate) fn inject_scv(&mut self, lev: u8) {
        /// The bits of CTR that are not those of MSR: the same as in SRR1.
        const UNDEFINED: Msr = Msr::from_raw(Srr1::FROM_INTERRUPT.raw());
        let msr = self.msr();
        self.reserve.lose();
        let relocated = self.lpcr.interrupts_relocated(msr);
        let base = match relocated {
            true => AIL3_SCV,
            false => SCV,
        };
        self.switch.lr = self.nip().wrapping_add(4);
        self.switch.ctr = msr.without(UNDEFINED).raw();
        self.switch.nip = base + 0x20 * u64::from(lev);
        let kept = msr.masked(Msr::EE | Msr::RI);
        self.set_msr(msr.at_interrupt(self.lpcr.contains(Lpcr::ILE), relocated) | kept);
    }

    /// The same for a 32-bit processor, whose MSR says where the vectors are.
    #[cold]
    #[inline(never)]
    fn inject_32(&mut self, trap: Trap, flags: Srr1) {
        let msr = self.msr();
        self.srr0 = self.nip() & 0xffff_ffff;
        self.srr1 = flags.with_msr(msr).raw();
        let base = match msr.contains(Msr::IP) {
            true => 0xfff0_0000,
            false => 0,
        };
        self.switch.nip = base + u64::from(trap.raw());
        self.set_msr(msr.masked(Msr::ME | Msr::IP));
    }

    /// A trace interrupt behind the instruction at `traced`, with the address of its storage operand if it has one: ISA
    /// Book III, "Trace Interrupt".
    pub(crate) fn inject_trace(&mut self, traced: u64, operand: Option<u64>, flags: Srr1) {
        self.keep(Spr::SIAR, traced);
        if let Some(ea) = operand {
            self.keep(Spr::SDAR, ea);
        }
        self.inject(Trap::TRACE, flags);
    }

    /// A program interrupt.
    pub(crate) fn inject_program(&mut self, why: Srr1) {
        self.inject(Trap::PROGRAM, why);
    }

    /// A data storage or data segment interrupt.
    pub(crate) fn inject_data(&mut self, ea: u64, fault: Fault) {
        self.dar = ea;
        match fault {
            Fault::Segment => self.inject(Trap::DATA_SEGMENT, Srr1::EMPTY),
            Fault::Storage(why) => self.inject_data_storage(ea, why),
            // The table is out of reach, which is as if nothing were in it.
            Fault::Unreadable(_) => self.inject_data_storage(ea, Dsisr::NOPTE),
        }
    }

    /// A data storage interrupt.
    pub(crate) fn inject_data_storage(&mut self, ea: u64, why: Dsisr) {
        self.dar = ea;
        self.dsisr = why.raw() as u32;
        self.inject(Trap::DATA_STORAGE, Srr1::EMPTY);
    }

    /// An instruction storage or instruction segment interrupt.
    pub(crate) fn inject_fetch(&mut self, fault: Fault) {
        let why = match fault {
            Fault::Segment => return self.inject(Trap::INST_SEGMENT, Srr1::EMPTY),
            Fault::Storage(why) => why,
            Fault::Unreadable(_) => Dsisr::NOPTE,
        };
        self.inject(Trap::INST_STORAGE, Srr1::from_fault(why));
    }
}
