// SPDX-License-Identifier: GPL-2.0

//! A vCPU of the hv backend.

use super::{hash::recent::Recent, mmu::tree::Spare, vm::HvVm};
use crate::{
    emulate::regs::{Regs, Vsr},
    host::{features, switch::SwitchVcpu, xive::Context},
    isa::{
        fscr::Fscr,
        insn::Insn,
        lpcr::Lpcr,
        msr::Msr,
        pmu::{Mmcr0, Mmcra},
        pvr::Arch,
        spr::Spr,
        spr_bits,
    },
    vm::{
        mmio::Pending as PendingMmio,
        papr::Completion,
        vpa::{Dispatches, Preemption, Vpas},
    },
};
use kernel::{new_spinlock, prelude::*, sync::SpinLock};

pub(crate) use crate::vm::events::Events;

/// The part of a vCPU that other threads may access.
#[pin_data]
pub(crate) struct HvShared {
    pub(crate) events: Events,
    /// The areas the guest has registered.
    #[pin]
    pub(crate) vpas: SpinLock<Vpas>,
    /// What the scheduler has told of the vCPU's thread.
    pub(crate) preemption: Preemption,
    /// What it has of the host's interrupt controller.
    pub(crate) xive: Context,
}

impl HvShared {
    /// Nothing pending, nothing registered.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            events: Events::new(),
            vpas <- new_spinlock!(Vpas::default()),
            preemption: Preemption::new(),
            xive: Context::new(),
        })
    }
}

/// An access to a device that [`at_once`](super::storage::at_once) has found.
pub(crate) struct Device {
    /// The guest real address.
    pub(crate) gpa: u64,
    /// The instruction, if it has been fetched.
    pub(crate) insn: Option<Insn>,
}

/// The part of a vCPU that only its own thread accesses.
pub(crate) struct HvVcpu {
    /// Registers and world switch.
    pub(crate) switch: SwitchVcpu,
    /// LPCR bits that userspace may change.
    pub(crate) lpcr: Lpcr,
    /// Facilities that the guest may use. `hfscr` starts without some of them, whose registers cost time to switch,
    /// until the guest first uses them.
    pub(crate) hfscr_permitted: Fscr,
    /// Whether the guest may use the performance monitor; a guest's VPA can say that it does not.
    pub(crate) pmu_in_use: bool,
    /// The CPU it ran on last, whose TLB may have its translations.
    pub(crate) prev_cpu: Option<u32>,
    /// SRR1 or HSRR1 as the last exit set it.
    pub(crate) exit_srr1: u64,
    /// What userspace has to answer before the guest can run again.
    pub(crate) completion: Completion,
    /// The load or store that is being emulated.
    pub(crate) mmio: PendingMmio,
    /// Whether `at_once` has just found that the page of the present fault is not in userspace's page tables.
    pub(crate) absent: bool,
    /// The access to a device for which the present exit came, if `at_once` has found one.
    pub(crate) device: Option<Device>,
    /// What was translated last, of a guest that uses hash.
    pub(crate) recent: Recent,
    /// Page tables for the next fault.
    pub(crate) spare: Spare,
    /// The compatibility level userspace chose.
    pub(crate) compat: u32,
    /// `KVM_REG_PPC_ONLINE`.
    pub(crate) online: u32,
    /// Whether `KVM_CAP_PPC_PAPR` was enabled; without it the vCPU does not run.
    pub(crate) papr: bool,
    /// `KVM_REG_PPC_PTCR`: kept for userspace; nested guests are not offered.
    pub(crate) ptcr: u64,
    /// `KVM_GUESTDBG_…`
    pub(crate) debug: u32,
    /// What is counted of its dispatches.
    pub(crate) dispatches: Dispatches,
}

/// The fields of PSSCR that a guest's kernel can access.
pub(crate) const PSSCR_GUEST: u64 = spr_bits::defined(Spr::PSSCR_PRIVILEGED, Arch::V300);
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
        *mmcr0 = Mmcr0::FC.raw();
        if f.arch_31() {
            *mmcr0 |= Mmcr0::PMCCEXT.raw();
            arch.mmcra = Mmcra::BHRBRD.raw();
        }
        arch.hfscr_permitted = permitted.raw();
        // The guest gets these when it first uses them; until then their registers need not be switched or cleared.
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
            recent: Recent::default(),
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
        Msr::from_raw(self.switch.msr())
    }

    /// Sets the guest's MSR. Bits that a guest cannot have are cleared (hypervisor and secure state, a transaction
    /// state that is reserved or that the guest has no facility for), and ME is set.
    #[inline]
    pub(crate) fn set_msr(&mut self, msr: Msr) {
        let mut msr = msr.without(Msr::HV | Msr::S).with(Msr::ME);
        // The world switch must not load a transaction state if the guest has no transactional memory.
        if msr.ts() == 3 || !self.hfscr_permitted.contains(Fscr::TM) {
            msr = msr.with_ts(0);
        }
        self.switch.set_msr(msr.raw());
    }

    /// Next instruction's address.
    #[inline]
    pub(crate) fn nip(&self) -> u64 {
        self.switch.nip()
    }

    /// Sets the next instruction's address.
    #[inline]
    pub(crate) fn set_nip(&mut self, nip: u64) {
        self.switch.set_nip(nip);
    }

    /// One of GPRs 3 to 12 after a hypercall.
    #[inline]
    pub(crate) fn hcall_gpr(&self, n: usize) -> u64 {
        self.switch.hcall_gpr(n)
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
            .dec_expires()
            .wrapping_sub(self.switch.tb_offset())
    }

    /// Takes a facility away until the guest uses it again. Its registers are not kept meanwhile.
    pub(crate) fn revoke(&mut self, facility: Fscr) {
        *self.switch.hfscr_mut() &= !(facility.raw() as usize);
    }

    /// Lets the guest use a facility from now on, if it may.
    pub(crate) fn grant(&mut self, facility: Fscr) -> bool {
        if !self.hfscr_permitted.contains(facility) {
            return false;
        }
        *self.switch.hfscr_mut() |= facility.raw() as usize;
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

    #[inline]
    fn hcall_gpr(&self, n: u8) -> u64 {
        self.hcall_gpr(n.into())
    }

    #[inline]
    fn set_hcall_gprs(&mut self, ret: u64, more: &[u64; 9]) {
        self.set_hcall_gprs(ret, more);
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
        Msr::from_raw(self.msr())
    }

    #[inline]
    fn nip(&self) -> u64 {
        self.nip()
    }

    #[inline]
    fn set_nip(&mut self, nip: u64) {
        self.set_nip(nip);
    }
}
