// SPDX-License-Identifier: GPL-2.0

//! What `vm::mmio` needs of this backend.

use super::{mmu::guest, vcpu::HvVcpu, Hv};
use crate::{
    host::switch::SwitchVcpu,
    isa::{
        dsisr::Dsisr,
        insn::Insn,
        radix_walk::{Access, Fault},
        srr1::Srr1,
        trap::Trap,
    },
    vm::{
        mmio::{MmioBackend, Pending},
        papr::Completion,
        Vcpu,
    },
};

impl MmioBackend for Hv {
    type Regs = SwitchVcpu;

    fn mmio(st: &mut HvVcpu) -> (&mut Pending, &mut SwitchVcpu) {
        (&mut st.mmio, &mut st.switch)
    }

    fn fetch(vcpu: &Vcpu<Self>, st: &mut HvVcpu) -> Option<Insn> {
        let device = st.device.take();
        let insn = device
            .and_then(|device| device.insn)
            .or_else(|| guest::fetch(vcpu, st));
        if insn.is_none() {
            Self::changed(vcpu);
        }
        insn
    }

    fn real_address(
        vcpu: &Vcpu<Self>,
        st: &mut HvVcpu,
        ea: u64,
        access: Access,
    ) -> Result<u64, Fault> {
        guest::translate(vcpu, st, ea, access)
    }

    fn inject(
        vcpu: &Vcpu<Self>,
        st: &mut HvVcpu,
        trap: Trap,
        why: Srr1,
        dar: Option<u64>,
        dsisr: Option<Dsisr>,
    ) {
        if trap == Trap::TRACE {
            let (traced, operand) = (st.mmio.traced(), st.mmio.operand());
            let arch = st.switch.arch_mut();
            (arch.siar, arch.sdar) = (traced, operand);
        }
        if let Some(dar) = dar {
            st.switch.set_dar(dar);
        }
        if let Some(dsisr) = dsisr {
            st.switch.set_dsisr(dsisr.raw() as u32);
        }
        let vm = &vcpu.vm().arch;
        match trap {
            Trap::DATA_STORAGE | Trap::ALIGNMENT | Trap::PROGRAM => {
                st.inject_synchronous(vm, trap, why)
            }
            _ => st.inject(vm, trap, why),
        }
    }

    fn owes_access(st: &mut HvVcpu) {
        st.completion = Completion::Mmio;
    }

    fn changed(vcpu: &Vcpu<Self>) {
        vcpu.arch_stats.fetch_retries.inc();
    }
}
