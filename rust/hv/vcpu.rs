// SPDX-License-Identifier: GPL-2.0

//! A vCPU of the hv backend.

use super::{mmu::tree::Spare, vm::HvVm};
use crate::{
    emulate::regs::{Regs, Vsr},
    host::{features, switch::SwitchVcpu},
    isa::{fscr::Fscr, insn::Insn, lpcr::Lpcr, msr::Msr},
    vm::{
        mmio::Pending as PendingMmio,
        papr::Completion,
        vpa::{Dispatches, Preemption, Vpas},
    },
};
use kernel::{new_spinlock, prelude::*, sync::SpinLock};

pub(crate) use crate::vm::events::Events;

/// What others may touch.
#[pin_data]
pub(crate) struct HvShared {
    pub(crate) events: Events,
    /// The areas the guest has registered.
    #[pin]
    pub(crate) vpas: SpinLock<Vpas>,
    /// When its thread had a CPU.
    pub(crate) preemption: Preemption,
}

impl HvShared {
    /// Nothing pending, nothing registered.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            events: Events::new(),
            vpas <- new_spinlock!(Vpas::default()),
            preemption: Preemption::new(),
        })
    }
}

/// What is known of an access to a device.
pub(crate) struct Device {
    /// The guest real address.
    pub(crate) gpa: u64,
    /// The instruction, if it has been fetched.
    pub(crate) insn: Option<Insn>,
}

/// What only the vCPU's own thread touches.
pub(crate) struct HvVcpu {
    /// Registers and world switch.
    pub(crate) switch: SwitchVcpu,
    /// LPCR bits that userspace may change.
    pub(crate) lpcr: Lpcr,
    /// Facilities the guest may use when it asks: `hfscr` starts without some that cost.
    pub(crate) hfscr_permitted: Fscr,
    /// The guest has not said that it does without the performance monitor.
    pub(crate) pmu_in_use: bool,
    /// The CPU it ran on last, whose TLB may have its translations.
    pub(crate) prev_cpu: Option<u32>,
    /// (H)SRR1 as the last exit left it; the MSR's copy in there went to the MSR.
    pub(crate) exit_srr1: u64,
    /// What userspace owes.
    pub(crate) completion: Completion,
    /// The load or store that is being emulated.
    pub(crate) mmio: PendingMmio,
    /// The exit that is being handled is for a page that was just not in userspace's tables.
    pub(crate) absent: bool,
    /// The exit that is being handled is an access to a device.
    pub(crate) device: Option<Device>,
    /// Page tables for the next fault.
    pub(crate) spare: Spare,
    /// The compatibility level userspace chose.
    pub(crate) compat: u32,
    /// `KVM_REG_PPC_ONLINE`.
    pub(crate) online: u32,
    /// `KVM_CAP_PPC_PAPR` was enabled; without it nothing runs.
    pub(crate) papr: bool,
    /// `KVM_REG_PPC_PTCR`: kept for userspace; nested guests are not offered.
    pub(crate) ptcr: u64,
    /// `KVM_GUESTDBG_…`
    pub(crate) debug: u32,
    /// What is counted of its dispatches.
    pub(crate) dispatches: Dispatches,
}

/// PSSCR fields that a guest can see (ESL, EC aside): PLS and the request fields.
pub(crate) const PSSCR_GUEST_VIS: u64 = 0xf000_0000_0000_03ff;
/// MMCR0[FC]: counters frozen.
const MMCR0_FC: u64 = 0x8000_0000;
/// MMCR0[PMCCEXT] (ISA 3.1): problem state may not read the counters.
const MMCR0_PMCCEXT: u64 = 0x0000_0200;
/// MMCRA[BHRBRD] (ISA 3.1): branch history off.
const MMCRA_BHRB_DISABLE: u64 = 0x20_0000_0000;
/// CTRL[RUN].
const CTRL_RUN: u32 = 1;

impl HvVcpu {
    /// A vCPU as it comes out of reset.
    pub(crate) fn new(vm: &HvVm) -> Result<Self> {
        let mut switch = SwitchVcpu::new(vm.switch.clone())?;
        let f = vm.features;
        let hfscr =
            Fscr::TAR | Fscr::EBB | Fscr::PM | Fscr::BHRB | Fscr::DSCR | Fscr::VECVSX | Fscr::FP;
        let permitted = hfscr
            .set(Fscr::PREFIX, f.arch_31())
            .masked(Fscr::from_raw(vm.host.hfscr));

        let arch = switch.arch_mut();
        arch.shregs.msr = Msr::ME.raw();
        arch.pvr = features::pvr();
        arch.ctrl = CTRL_RUN;
        let [mmcr0, ..] = &mut arch.mmcr;
        *mmcr0 = MMCR0_FC;
        if f.arch_31() {
            *mmcr0 |= MMCR0_PMCCEXT;
            arch.mmcra = MMCRA_BHRB_DISABLE;
        }
        arch.hfscr_permitted = permitted.raw();
        // These are given when the guest first uses them: until then there is nothing to switch, or to clear.
        let later = Fscr::PM | Fscr::EBB | Fscr::TM | Fscr::BHRB;
        arch.hfscr = permitted.without(later).raw() as usize;
        arch.slb_nr = 32;
        Ok(Self {
            switch,
            lpcr: Lpcr::EMPTY.with_dpfd(4),
            hfscr_permitted: permitted,
            pmu_in_use: true,
            prev_cpu: None,
            exit_srr1: 0,
            completion: Completion::None,
            mmio: PendingMmio::NONE,
            absent: false,
            device: None,
            spare: Spare::new(),
            compat: 0,
            online: 0,
            papr: false,
            ptcr: 0,
            debug: 0,
            dispatches: Dispatches::default(),
        })
    }

    /// The guest's MSR.
    #[inline]
    pub(crate) fn msr(&self) -> Msr {
        Msr::from_raw(self.switch.arch().shregs.msr)
    }

    /// Sets the guest's MSR, without what a guest cannot have: hypervisor and secure state, the reserved
    /// transaction state, machine checks disabled.
    #[inline]
    pub(crate) fn set_msr(&mut self, msr: Msr) {
        let mut msr = msr.without(Msr::HV | Msr::S).with(Msr::ME);
        // Without transactions, a state of one would be fatal in the switch.
        if msr.ts() == 3 || !self.hfscr_permitted.contains(Fscr::TM) {
            msr = msr.with_ts(0);
        }
        self.switch.arch_mut().shregs.msr = msr.raw();
    }

    /// Next instruction's address.
    #[inline]
    pub(crate) fn nip(&self) -> u64 {
        self.switch.pt_regs().nip as u64
    }

    /// Sets the next instruction's address.
    #[inline]
    pub(crate) fn set_nip(&mut self, nip: u64) {
        self.switch.pt_regs_mut().nip = nip as usize;
    }

    /// GPR `n`.
    #[inline]
    pub(crate) fn gpr(&self, n: usize) -> u64 {
        self.switch.gpr(n)
    }

    /// The LPCR the guest runs with.
    #[inline]
    pub(crate) fn lpcr(&self, vm: &HvVm) -> Lpcr {
        vm.lpcr() | self.lpcr
    }

    /// The decrementer's expiry in the host's timebase.
    #[inline]
    pub(crate) fn dec_expires(&self) -> u64 {
        self.switch
            .arch()
            .dec_expires
            .wrapping_sub(self.switch.vcore().tb_offset)
    }

    /// Takes a facility away again until the guest asks for it; its registers are not kept meanwhile.
    pub(crate) fn revoke(&mut self, facility: Fscr) {
        self.switch.arch_mut().hfscr &= !(facility.raw() as usize);
    }

    /// Lets the guest use a facility from now on, if it may.
    pub(crate) fn grant(&mut self, facility: Fscr) -> bool {
        if !self.hfscr_permitted.contains(facility) {
            return false;
        }
        self.switch.arch_mut().hfscr |= facility.raw() as usize;
        true
    }
}

impl Regs for SwitchVcpu {
    #[inline]
    fn gpr(&self, n: u8) -> u64 {
        self.gpr(n.into())
    }

    #[inline]
    fn set_gpr(&mut self, n: u8, value: u64) {
        self.set_gpr(n.into(), value);
    }

    fn vsr(&self, n: u8) -> Vsr {
        self.vsr(n)
    }

    fn set_vsr(&mut self, n: u8, value: Vsr) {
        self.set_vsr(n, value);
    }

    fn xer(&self) -> u64 {
        self.pt_regs().xer as u64
    }

    #[inline]
    fn msr(&self) -> Msr {
        Msr::from_raw(self.arch().shregs.msr)
    }

    #[inline]
    fn nip(&self) -> u64 {
        self.pt_regs().nip as u64
    }

    #[inline]
    fn set_nip(&mut self, nip: u64) {
        self.pt_regs_mut().nip = nip as usize;
    }
}
