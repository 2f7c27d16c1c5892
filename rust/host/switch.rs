// SPDX-License-Identifier: GPL-2.0

//! The world switch for ISA 3.0 processors: on bare metal the host kernel's own, `kvmhv_vcpu_entry_p9()`, and in a
//! partition that of the hypervisor below ([`nested`]).
//!
//! The host kernel's own has to be the one in vmlinux, because the exit from a guest in real mode cannot return to a
//! module. It works on the kernel's `struct kvm_vcpu`, `struct kvm` and `struct kvmppc_vcore`. These are made here and
//! by [`SwitchVm`], zeroed, and filled for exactly what the switch reads (see Documentation/host-hooks.rst); no other
//! kernel code sees them.

use super::{
    entry::{IrqsHardDisabled, WorldSwitch},
    nested,
    paca::local_paca,
    switch_vm::SwitchVm,
    time::timebase,
    vsr::{from_vscr, set_vsr_of, vscr_of, vsr_of},
    zeroed::zeroed_box,
};
use crate::{
    bindings,
    isa::{gsb::Id, hcall::HReturn, timebase::decrementer_32, trap::Trap},
};
use core::{cell::UnsafeCell, ptr};
use kernel::{prelude::*, sync::Arc};

/// A vCPU as the kernel's world switch needs it: the guest's registers while it does not run.
pub(crate) struct SwitchVcpu {
    /// In a partition, registers that the hypervisor keeps are filled in when they are first read.
    parts: KBox<UnsafeCell<Parts>>,
    vm: Arc<SwitchVm>,
    entry: EntryArgs,
    /// Why a hypervisor below has not entered the guest, if the last attempt failed.
    refused: Option<HReturn>,
}

struct Parts {
    vcpu: bindings::kvm_vcpu,
    vcore: bindings::kvmppc_vcore,
    /// The area that the switch takes for the guest's VPA, of which it reads only `pmcregs_in_use`. It is not the
    /// guest's own, so that no page of the guest has to be pinned.
    vpa: bindings::lppaca,
    /// What a hypervisor below is told.
    nested: nested::Vcpu,
}

// SAFETY: The pointers inside lead to what the same `SwitchVcpu` owns.
unsafe impl Send for SwitchVcpu {}

type PtRegs = bindings::pt_regs__bindgen_ty_1__bindgen_ty_1;

/// The arguments of the switch, which differ from entry to entry.
#[derive(Default)]
struct EntryArgs {
    time_limit: u64,
    lpcr: u64,
}

impl SwitchVcpu {
    /// A vCPU with all registers 0. May sleep. Returns `ENOMEM`; a hypervisor below may answer `EPERM`, `EBUSY`,
    /// `EINVAL` or `EIO`, too.
    pub(crate) fn new(vm: Arc<SwitchVm>) -> Result<Self> {
        // SAFETY: These are the kernel's plain C structures, and what zero is a value of; zero is a value of every
        // field.
        let mut cell = unsafe { zeroed_box::<UnsafeCell<Parts>>()? };
        let parts = cell.get_mut();
        parts.nested.make(vm.lpid.guest(), vm.lpid.next_vcpu())?;
        Ok(Self {
            parts: cell,
            vm,
            entry: EntryArgs::default(),
            refused: None,
        })
    }

    #[inline(always)]
    fn parts(&self) -> &Parts {
        // SAFETY: Only `load` changes it through `&self`, and it changes what was not lent before (see there).
        unsafe { &*self.parts.get() }
    }

    #[inline(always)]
    fn parts_mut(&mut self) -> &mut Parts {
        self.parts.get_mut()
    }

    /// Asks the hypervisor below for the registers `ids`, or all if `ids` is empty, as far as they are not here.
    #[cold]
    #[inline(never)]
    fn load(&self, ids: &[Id]) {
        let parts = self.parts.get();
        // SAFETY: The vCPU is not shared between threads. References to the registers are lent by `arch` and its kin,
        // when all registers are here; then this changes none. Otherwise only values are given away.
        unsafe {
            (*parts)
                .nested
                .load(&mut (*parts).vcpu.arch, &mut (*parts).vcore, ids);
        }
    }

    #[inline(always)]
    fn complete(&self) {
        if self.parts().nested.lacks_some() {
            self.load(&[]);
        }
    }

    #[inline(always)]
    fn need(&self, id: Id) {
        if self.parts().nested.lacks(id) {
            // They are most often needed together.
            self.load(&[id, Id::NIA, Id::MSR]);
        }
    }

    /// The guest's registers. In a partition, those that the hypervisor keeps are asked for, which takes time: where
    /// one of the functions below gives what is needed, use that.
    #[inline]
    pub(crate) fn arch(&self) -> &bindings::kvm_vcpu_arch {
        self.complete();
        &self.parts().vcpu.arch
    }

    /// The guest's registers, to change. Pointers among them are set anew at each entry.
    #[inline]
    pub(crate) fn arch_mut(&mut self) -> &mut bindings::kvm_vcpu_arch {
        self.complete();
        &mut self.parts_mut().vcpu.arch
    }

    /// HDAR, as the last storage interrupt set it.
    #[inline(always)]
    pub(crate) fn hdar(&self) -> u64 {
        self.parts().vcpu.arch.fault_dar as u64
    }

    /// HDSISR, as the last storage interrupt set it.
    #[inline(always)]
    pub(crate) fn hdsisr(&self) -> u32 {
        self.parts().vcpu.arch.fault_dsisr
    }

    /// ASDR, as the last storage interrupt set it.
    #[inline(always)]
    pub(crate) fn asdr(&self) -> u64 {
        self.parts().vcpu.arch.fault_gpa as u64
    }

    /// HEIR, as the last emulation assistance interrupt set it.
    #[inline(always)]
    pub(crate) fn heir(&self) -> u64 {
        self.parts().vcpu.arch.emul_inst
    }

    /// HFSCR.
    #[inline(always)]
    pub(crate) fn hfscr(&self) -> u64 {
        self.parts().vcpu.arch.hfscr as u64
    }

    /// HFSCR, to change.
    #[inline(always)]
    pub(crate) fn hfscr_mut(&mut self) -> &mut usize {
        &mut self.parts_mut().vcpu.arch.hfscr
    }

    /// Whether the guest is to get a doorbell, or has got one that it has not taken.
    #[inline(always)]
    pub(crate) fn doorbell_mut(&mut self) -> &mut u8 {
        &mut self.parts_mut().vcpu.arch.doorbell_request
    }

    /// MSR. After an exit it may have bits that the interrupt set in SRR1 or HSRR1.
    #[inline(always)]
    pub(crate) fn msr(&self) -> u64 {
        self.need(Id::MSR);
        self.parts().vcpu.arch.shregs.msr
    }

    /// Sets MSR.
    #[inline(always)]
    pub(crate) fn set_msr(&mut self, msr: u64) {
        let parts = self.parts_mut();
        parts.nested.replaced(Id::MSR);
        parts.vcpu.arch.shregs.msr = msr;
    }

    /// The next instruction's address.
    #[inline(always)]
    pub(crate) fn nip(&self) -> u64 {
        self.need(Id::NIA);
        self.pt_regs_here().nip as u64
    }

    /// Sets the next instruction's address.
    #[inline(always)]
    pub(crate) fn set_nip(&mut self, nip: u64) {
        self.parts_mut().nested.replaced(Id::NIA);
        self.pt_regs_here_mut().nip = nip as usize;
    }

    /// Sets SRR0 and SRR1.
    pub(crate) fn set_srrs(&mut self, srr0: u64, srr1: u64) {
        let parts = self.parts_mut();
        parts.nested.replaced(Id::SRR0);
        parts.nested.replaced(Id::SRR1);
        parts.vcpu.arch.shregs.srr0 = srr0;
        parts.vcpu.arch.shregs.srr1 = srr1;
    }

    /// Sets DAR.
    pub(crate) fn set_dar(&mut self, dar: u64) {
        let parts = self.parts_mut();
        parts.nested.replaced(Id::DAR);
        parts.vcpu.arch.shregs.dar = dar;
    }

    /// Sets DSISR.
    pub(crate) fn set_dsisr(&mut self, dsisr: u32) {
        let parts = self.parts_mut();
        parts.nested.replaced(Id::DSISR);
        parts.vcpu.arch.shregs.dsisr = dsisr;
    }

    /// What translating an effective address depends on, beside MSR: PIDR, AMR and IAMR.
    #[inline]
    pub(crate) fn translation(&self) -> (u32, u64, u64) {
        if self.parts().nested.keeps_registers() {
            self.load(&[Id::PIDR, Id::AMR, Id::IAMR]);
        }
        let arch = &self.parts().vcpu.arch;
        (arch.pid, arch.amr as u64, arch.iamr as u64)
    }

    /// The next instruction's address and MSR for who only looks on: in a partition they may be those of the exit
    /// before.
    #[inline(always)]
    pub(crate) fn seen(&self) -> (u64, u64) {
        (
            self.pt_regs_here().nip as u64,
            self.parts().vcpu.arch.shregs.msr,
        )
    }

    /// The decrementer's expiry in the guest's timebase.
    #[inline]
    pub(crate) fn dec_expires(&self) -> u64 {
        self.need(Id::DEC_EXPIRY);
        self.parts().vcpu.arch.dec_expires
    }

    /// VTB, PCR, timebase offset.
    #[inline]
    pub(crate) fn vcore(&self) -> &bindings::kvmppc_vcore {
        self.complete();
        &self.parts().vcore
    }

    /// VTB, PCR, timebase offset, to change.
    #[inline]
    pub(crate) fn vcore_mut(&mut self) -> &mut bindings::kvmppc_vcore {
        self.complete();
        &mut self.parts_mut().vcore
    }

    /// The timebase offset.
    #[inline(always)]
    pub(crate) fn tb_offset(&self) -> u64 {
        self.parts().vcore.tb_offset
    }

    /// GPR `n`; 0 if there is none.
    #[inline]
    pub(crate) fn gpr(&self, n: usize) -> u64 {
        if n < 32 {
            self.need(Id::GPR0.plus(n as u16));
        }
        self.pt_regs_here().gpr.get(n).map_or(0, |v| *v as u64)
    }

    /// One of GPRs 3 to 12 after a hypercall, which each hypervisor tells then.
    #[inline(always)]
    pub(crate) fn hcall_gpr(&self, n: usize) -> u64 {
        self.pt_regs_here().gpr.get(n).map_or(0, |v| *v as u64)
    }

    /// Sets GPR 3, and those from 4 on, to what a hypercall returns.
    #[inline]
    pub(crate) fn set_hcall_gprs(&mut self, ret: u64, more: &[u64; 9]) {
        let parts = self.parts_mut();
        if parts.nested.keeps_registers() {
            (3..=12).for_each(|n| parts.nested.replaced(Id::GPR0.plus(n)));
        }
        if let Some([r3, others @ ..]) = self.pt_regs_here_mut().gpr.get_mut(3..13) {
            *r3 = ret as usize;
            for (to, from) in others.iter_mut().zip(more) {
                *to = *from as usize;
            }
        }
    }

    /// Sets GPR `n`, if there is one.
    #[inline]
    pub(crate) fn set_gpr(&mut self, n: usize, val: u64) {
        if n < 32 {
            self.parts_mut().nested.replaced(Id::GPR0.plus(n as u16));
        }
        if let Some(gpr) = self.pt_regs_here_mut().gpr.get_mut(n) {
            *gpr = val as usize;
        }
    }

    /// CR, LR, CTR, XER, NIA.
    #[inline]
    pub(crate) fn pt_regs(&self) -> &PtRegs {
        self.complete();
        self.pt_regs_here()
    }

    /// CR, LR, CTR, XER, NIA, to change.
    #[inline]
    pub(crate) fn pt_regs_mut(&mut self) -> &mut PtRegs {
        self.complete();
        self.pt_regs_here_mut()
    }

    /// Those of them that are here.
    #[inline(always)]
    fn pt_regs_here(&self) -> &PtRegs {
        // SAFETY: Both sides of the union are the same plain integers.
        unsafe {
            &self
                .parts()
                .vcpu
                .arch
                .regs
                .__bindgen_anon_1
                .__bindgen_anon_1
        }
    }

    #[inline(always)]
    fn pt_regs_here_mut(&mut self) -> &mut PtRegs {
        // SAFETY: Both sides of the union are the same plain integers.
        unsafe {
            &mut self
                .parts_mut()
                .vcpu
                .arch
                .regs
                .__bindgen_anon_1
                .__bindgen_anon_1
        }
    }

    /// VSX register `n`, doubleword 0 first; zeros if there is none.
    pub(crate) fn vsr(&self, n: u8) -> [u64; 2] {
        let arch = self.arch();
        vsr_of(&arch.fp, &arch.vr, n)
    }

    /// Sets VSX register `n`, doubleword 0 first.
    pub(crate) fn set_vsr(&mut self, n: u8, val: [u64; 2]) {
        let arch = self.arch_mut();
        set_vsr_of(&mut arch.fp, &mut arch.vr, n, val);
    }

    /// VSCR.
    pub(crate) fn vscr(&self) -> u32 {
        vscr_of(self.arch().vr.vscr)
    }

    /// Sets VSCR.
    pub(crate) fn set_vscr(&mut self, val: u32) {
        self.arch_mut().vr.vscr = from_vscr(val);
    }

    /// Whether the performance monitor's registers are loaded and saved at each switch.
    #[inline]
    pub(crate) fn set_pmu_in_use(&mut self, in_use: bool) {
        let parts = self.parts_mut();
        parts.vpa.pmcregs_in_use = in_use.into();
        parts.nested.set_pmu_in_use(in_use);
    }

    /// Why a hypervisor below has not entered the guest, if the last attempt failed. Reports it.
    #[cold]
    pub(crate) fn take_refused(&mut self) -> Option<HReturn> {
        let code = self.refused.take()?;
        let element = self.parts_mut().nested.take_refused();
        nested::report::refusal(code, element);
        Some(code)
    }

    /// Clears this CPU's branch history, so that the guest cannot read what ran here before.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_branches(&self, _irqs: &IrqsHardDisabled) {
        if self.vm.api.is_some() {
            // The hypervisor does that, which may not let the partition use them.
            return;
        }
        // SAFETY: Nothing but the branch history rolling buffer is changed.
        unsafe { bindings::kvm_ppc_clear_branch_history() };
    }

    /// Was the last machine check recovered from? Nobody tells a partition.
    pub(crate) fn machine_check_recovered(&self) -> bool {
        if self.vm.api.is_some() {
            return false;
        }
        // SAFETY: Reads the event.
        unsafe { bindings::kvm_ppc_mce_recovered(&self.parts().vcpu.arch.mce_evt) != 0 }
    }

    /// Reports the machine check that ended the guest's run in the host's log, at a limited rate. In a partition
    /// nothing is known of it.
    pub(crate) fn report_machine_check(&mut self) {
        if self.vm.api.is_some() {
            return;
        }
        // SAFETY: The event was filled by the switch, or is zero, which is an event too.
        unsafe { bindings::kvm_ppc_report_machine_check(&mut self.parts_mut().vcpu.arch.mce_evt) };
    }

    /// Moves the decrementer's expiry near enough to the host's timebase `now` that a decrementer of 32 bits has the
    /// right sign.
    #[inline]
    pub(crate) fn bound_decrementer(&mut self, now: u64) {
        let parts = self.parts_mut();
        if parts.nested.lacks(Id::DEC_EXPIRY) {
            // The hypervisor has it, and keeps all of its bits.
            return;
        }
        let now = now.wrapping_add(parts.vcore.tb_offset);
        let expires = parts.vcpu.arch.dec_expires;
        let bounded = decrementer_32(now, expires);
        if bounded != expires {
            parts.vcpu.arch.dec_expires = bounded;
        }
    }

    /// Prepares the next entry: the guest exits when the host's timebase reaches `time_limit`, and runs
    /// with `lpcr`. Call with interrupts off.
    #[inline]
    pub(crate) fn prepare(&mut self, _irqs: &IrqsHardDisabled, time_limit: u64, lpcr: u64) {
        self.entry = EntryArgs { time_limit, lpcr };
    }
}

/// Access to checkpointed registers, which kernels without transactional memory do not save.
#[cfg(CONFIG_PPC_TRANSACTIONAL_MEM)]
impl SwitchVcpu {
    /// The checkpointed VSX register `n`.
    pub(crate) fn tm_vsr(&self, n: u8) -> [u64; 2] {
        let arch = self.arch();
        vsr_of(&arch.fp_tm, &arch.vr_tm, n)
    }

    /// Sets the checkpointed VSX register `n`.
    pub(crate) fn set_tm_vsr(&mut self, n: u8, val: [u64; 2]) {
        let arch = self.arch_mut();
        set_vsr_of(&mut arch.fp_tm, &mut arch.vr_tm, n, val);
    }

    /// The checkpointed VSCR.
    pub(crate) fn tm_vscr(&self) -> u32 {
        vscr_of(self.arch().vr_tm.vscr)
    }

    /// Sets the checkpointed VSCR.
    pub(crate) fn set_tm_vscr(&mut self, val: u32) {
        self.arch_mut().vr_tm.vscr = from_vscr(val);
    }
}

/// What `world_switch` returns if a hypervisor below has refused to enter the guest; no interrupt has this vector.
const REFUSED: Trap = Trap::from_raw(u32::MAX);

impl WorldSwitch for SwitchVcpu {
    type Exit = Trap;

    #[inline]
    unsafe fn world_switch(&mut self) -> Option<Trap> {
        let parts: *mut Parts = self.parts.get_mut();
        // SAFETY: They are parts of what `parts` points to.
        let (vcpu, vcore, vpa) = unsafe {
            (
                ptr::addr_of_mut!((*parts).vcpu),
                ptr::addr_of_mut!((*parts).vcore),
                ptr::addr_of_mut!((*parts).vpa),
            )
        };
        let has_dexcr = self.vm.has_dexcr;
        let mut hashpkeyr = 0;
        // SAFETY: Interrupts are hard-disabled (the caller's promise), so the task stays on this CPU, and DEXCR and the
        // keys are restored before another task runs. `vcpu`, `vcore`, `vpa` and the VM's structure are owned by us and
        // lie in the linear map, and every pointer that the switch follows is set here. The kernel uses radix
        // translation and is a hypervisor, or it is in a partition and has a session with the hypervisor below.
        unsafe {
            let paca = local_paca();
            (*vcpu).kvm = self.vm.kvm;
            (*vcpu).arch.vcore = vcore;
            (*vcpu).arch.vpa.pinned_addr = vpa.cast();
            (*vcpu).arch.nested = ptr::null_mut();
            (*vcore).pcpu = (*paca).paca_index;
            if has_dexcr {
                hashpkeyr = bindings::kvm_ppc_load_dexcr(&(*vcpu).arch);
            }
            let trap = match self.vm.api {
                None => self.bare_metal(vcpu),
                Some(api) => {
                    let below = nested::Entry {
                        vcpu,
                        vcore,
                        guest: self.vm.lpid.id(),
                        time_limit: self.entry.time_limit,
                        lpcr: self.entry.lpcr,
                    };
                    let ret = if self.vm.lpid.is_stale() {
                        Err(HReturn::H_HARDWARE)
                    } else {
                        nested::enter(api, &below, ptr::addr_of_mut!((*parts).nested))
                    };
                    ret.unwrap_or_else(|code| {
                        self.refused = Some(code);
                        Some(REFUSED)
                    })
                }
            };
            if has_dexcr {
                bindings::kvm_ppc_store_dexcr(&mut (*vcpu).arch, hashpkeyr);
            }
            trap
        }
    }
}

impl SwitchVcpu {
    /// The world switch of vmlinux.
    ///
    /// # Safety
    ///
    /// Only `world_switch` may call this, on a hypervisor.
    #[inline(always)]
    unsafe fn bare_metal(&self, vcpu: *mut bindings::kvm_vcpu) -> Option<Trap> {
        // SAFETY: The caller's promises.
        let trap = unsafe {
            let paca = local_paca();
            (*paca).kvm_hstate.kvm_vcpu = vcpu;
            (*paca).kvm_hstate.ptid = 0;
            (*paca).kvm_hstate.fake_suspend = 0;
            // The switch makes the guest's timebase from this value, so it is read just before the call.
            let mut now = timebase();
            bindings::kvmhv_vcpu_entry_p9(
                vcpu,
                self.entry.time_limit,
                self.entry.lpcr as usize,
                &mut now,
            )
        };
        match trap {
            0 => None,
            vector => Some(Trap::from_raw(vector as u32)),
        }
    }
}
