// SPDX-License-Identifier: GPL-2.0

//! The world switch for guests in problem state: through the PACA's shadow vcpu, vmlinux's trampoline and the
//! interrupt vectors' exit path. Documentation/pr.rst.

use super::{
    entry::WorldSwitch,
    paca::local_paca,
    vsr::{from_vscr, set_vsr_of, vscr_of, vsr_of},
};
use crate::{
    bindings,
    emulate::regs::{Regs, Vsr},
    isa::{fscr::Fscr, msr::Msr, trap::Trap},
};
use core::ptr;
use kernel::{alloc::flags::__GFP_ZERO, prelude::*};

/// How many GPRs the shadow vcpu holds. The others stay in the registers until the module's own code saves them.
const SHADOW_GPRS: usize = 14;

/// The most SLB entries that a guest can be run with. Processors have as many or fewer.
pub(crate) const SHADOW_SLB: usize = 32;

/// The word that vmlinux puts into the shadow vcpu if it could not load the instruction. It is not a valid instruction.
const FETCH_FAILED: u32 = u32::MAX;

/// For this many entries after the process was in user mode, its segments are loaded again after each exit. Each time
/// that takes about as long as the SLB misses that it saves when the process returns to user mode.
const KEEP_USER_SEGMENTS: u8 = 8;

/// PPR[PRI] of normal priority.
const PPR_MEDIUM: u64 = 4 << 50;

/// The guest's floating-point and vector registers.
struct Vectors {
    fp: bindings::thread_fp_state,
    vr: bindings::thread_vr_state,
}

/// The guest's user registers while it does not run, and how it is to be run.
pub(crate) struct ShadowVcpu {
    gpr: [u64; 32],
    /// CR.
    pub(crate) cr: u32,
    /// XER.
    pub(crate) xer: u64,
    /// CTR.
    pub(crate) ctr: u64,
    /// LR.
    pub(crate) lr: u64,
    /// The next instruction's address.
    pub(crate) nip: u64,
    /// The guest's own MSR, which is not the one that it runs with.
    pub(crate) msr: Msr,
    sprs: bindings::kvm_ppc_pr_sprs,
    vectors: KBox<Vectors>,
    /// Which of `MSR[FP]`, `[VEC]` and `[VSX]` the guest may have, if they are set in its own MSR.
    pub(crate) vectors_given: Msr,
    /// Whether the guest is run one instruction at a time, by trace interrupts.
    pub(crate) trace: bool,
    /// log2 of the bytes that the guest's `dcbz` clears.
    pub(crate) cache_block_shift: u32,
    /// Facilities of FSCR that the guest may use. The use of others causes an exit.
    pub(crate) fscr: Fscr,
    /// Whether the guest's instructions and cycles are counted.
    pub(crate) count: bool,
    counted: [u32; 2],
    /// If the guest's decrementer is due before the host's, the ticks until then: the host's decrementer is set to that
    /// while the guest runs.
    pub(crate) dec: Option<u64>,
    slb: [(u64, u64); SHADOW_SLB],
    slb_used: usize,
    exit: ExitState,
    /// The host's record of the last machine check.
    machine_check: bindings::machine_check_event,
    /// The address at which the exit path continues in real mode; 0 if that is not possible.
    exit_real: u64,
    /// `kvmppc_entry_trampoline`.
    trampoline: u64,
    /// How many entries there were since the process was last in user mode, up to [`KEEP_USER_SEGMENTS`].
    entries: u8,
}

/// What the hardware and vmlinux report at an exit.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExitState {
    /// SRR1 or HSRR1.
    pub(crate) srr1: u64,
    /// DAR.
    pub(crate) dar: u64,
    /// DSISR.
    pub(crate) dsisr: u32,
    /// FSCR, after a facility unavailable interrupt.
    pub(crate) fscr: u64,
    /// SIAR, after a trace interrupt: the instruction's address.
    pub(crate) siar: u64,
    /// SDAR, after a trace interrupt: the address of its storage operand, if it has one.
    pub(crate) sdar: u64,
    last_inst: u32,
}

impl ExitState {
    /// The instruction that caused the interrupt (for a system call, the `sc` itself), if it is an interrupt that an
    /// instruction causes, in the host's byte order. `None` if it could not be loaded.
    #[inline]
    pub(crate) fn last_inst(&self) -> Option<u32> {
        (self.last_inst != FETCH_FAILED).then_some(self.last_inst)
    }
}

impl ShadowVcpu {
    /// All registers zero.
    pub(crate) fn new() -> Result<Self> {
        let vectors = KBox::<Vectors>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        let mut sprs = bindings::kvm_ppc_pr_sprs {
            ppr: PPR_MEDIUM,
            ..Default::default()
        };
        // SAFETY: Fills in what the processor has.
        unsafe { bindings::kvm_ppc_pr_init_sprs(&mut sprs) };
        Ok(Self {
            gpr: [0; 32],
            cr: 0,
            xer: 0,
            ctr: 0,
            lr: 0,
            nip: 0,
            msr: Msr::EMPTY,
            sprs,
            // SAFETY: The memory is zeroed, which is a value of these plain registers.
            vectors: unsafe { vectors.assume_init() },
            vectors_given: Msr::EMPTY,
            trace: false,
            cache_block_shift: 7,
            fscr: Fscr::EMPTY,
            count: false,
            counted: [0; 2],
            dec: None,
            slb: [(0, 0); SHADOW_SLB],
            slb_used: 0,
            exit: ExitState::default(),
            machine_check: bindings::machine_check_event::default(),
            // SAFETY: The module's own address, looked up in the kernel's page table, and one of vmlinux's.
            exit_real: unsafe { bindings::kvm_ppc_pr_exit_address() },
            // SAFETY: As above.
            trampoline: unsafe { bindings::kvm_ppc_pr_trampoline() },
            entries: 0,
        })
    }

    /// Notes that the process has just been in user mode.
    pub(crate) fn came_from_userspace(&mut self) {
        self.entries = 0;
    }

    /// The state of the last exit.
    #[inline]
    pub(crate) fn exit(&self) -> &ExitState {
        &self.exit
    }

    /// Was the last machine check recovered from?
    pub(crate) fn machine_check_recovered(&self) -> bool {
        // SAFETY: Reads the event.
        unsafe { bindings::kvm_ppc_mce_recovered(&self.machine_check) != 0 }
    }

    /// Reports the machine check that ended the guest's run in the host's log, at a limited rate.
    pub(crate) fn report_machine_check(&mut self) {
        // SAFETY: The event is one of the host's, or is zero, which is an event too.
        unsafe { bindings::kvm_ppc_report_machine_check(&mut self.machine_check) };
    }

    /// What PMC5 and PMC6 counted in the last run, if `count` was set; 0 if the host used them itself.
    pub(crate) fn counted(&self) -> [u32; 2] {
        self.counted
    }

    /// SPRG3, which problem state can read.
    pub(crate) fn sprg3(&self) -> u64 {
        self.sprs.sprg3
    }

    /// Sets SPRG3.
    pub(crate) fn set_sprg3(&mut self, val: u64) {
        self.sprs.sprg3 = val;
    }

    /// TAR.
    pub(crate) fn tar(&self) -> u64 {
        self.sprs.tar
    }

    /// Sets TAR.
    pub(crate) fn set_tar(&mut self, val: u64) {
        self.sprs.tar = val;
    }

    /// PPR.
    pub(crate) fn ppr(&self) -> u64 {
        self.sprs.ppr
    }

    /// Sets PPR.
    pub(crate) fn set_ppr(&mut self, val: u64) {
        self.sprs.ppr = val;
    }

    /// VRSAVE.
    pub(crate) fn vrsave(&self) -> u32 {
        self.sprs.vrsave
    }

    /// Sets VRSAVE.
    pub(crate) fn set_vrsave(&mut self, val: u32) {
        self.sprs.vrsave = val;
    }

    /// FPSCR.
    pub(crate) fn fpscr(&self) -> u64 {
        self.vectors.fp.fpscr
    }

    /// Sets FPSCR.
    pub(crate) fn set_fpscr(&mut self, val: u64) {
        self.vectors.fp.fpscr = val;
    }

    /// VSCR.
    pub(crate) fn vscr(&self) -> u32 {
        vscr_of(self.vectors.vr.vscr)
    }

    /// Sets VSCR.
    pub(crate) fn set_vscr(&mut self, val: u32) {
        self.vectors.vr.vscr = from_vscr(val);
    }

    /// Sets the SLB entries that the guest runs with, given as both halves of each; the first half has the index. No
    /// two may translate the same address.
    pub(crate) fn set_slb(&mut self, entries: impl Iterator<Item = (u64, u64)>) {
        self.slb_used = 0;
        for (to, from) in self.slb.iter_mut().zip(entries) {
            *to = from;
            self.slb_used += 1;
        }
    }

    /// The MSR that the guest is run with.
    fn shadow_msr(&self) -> Msr {
        let passed = Msr::SF | Msr::LE | Msr::SE | Msr::BE | Msr::FE0 | Msr::FE1;
        let own = Msr::PR | Msr::EE | Msr::IR | Msr::DR | Msr::ME | Msr::RI | Msr::HV;
        let msr = self.msr.masked(passed) | self.msr.masked(self.vectors_given) | own;
        match self.trace {
            true => msr.without(Msr::BE).with(Msr::SE),
            false => msr,
        }
    }
}

impl Regs for ShadowVcpu {
    #[inline]
    fn gpr(&self, n: u8) -> u64 {
        self.gpr.get(usize::from(n)).copied().unwrap_or(0)
    }

    #[inline]
    fn set_gpr(&mut self, n: u8, value: u64) {
        if let Some(gpr) = self.gpr.get_mut(usize::from(n)) {
            *gpr = value;
        }
    }

    fn vsr(&self, n: u8) -> Vsr {
        vsr_of(&self.vectors.fp, &self.vectors.vr, n)
    }

    fn set_vsr(&mut self, n: u8, value: Vsr) {
        let Vectors { fp, vr } = &mut *self.vectors;
        set_vsr_of(fp, vr, n, value);
    }

    fn xer(&self) -> u64 {
        self.xer
    }

    #[inline]
    fn msr(&self) -> Msr {
        self.msr
    }

    fn cache_block_shift(&self) -> u32 {
        self.cache_block_shift
    }

    #[inline]
    fn nip(&self) -> u64 {
        self.nip
    }

    #[inline]
    fn set_nip(&mut self, nip: u64) {
        self.nip = nip;
    }
}

impl WorldSwitch for ShadowVcpu {
    type Exit = Trap;

    #[inline(always)]
    unsafe fn world_switch(&mut self) -> Option<Trap> {
        let msr = self.shadow_msr().raw();
        // SAFETY: Interrupts are hard-disabled (the caller's promise), so nothing else uses the PACA and its shadow
        // vcpu until this returns: an interrupt that comes meanwhile is masked in software and only noted. The host
        // translates by hash, so its segments are what the exit path restores. The task's FP and vector registers are
        // saved.
        let trap = unsafe {
            let paca = local_paca();
            self.put(ptr::addr_of_mut!((*paca).shadow_vcpu));
            (*paca).kvm_hstate.restore_hid5 = 0;
            let Vectors { fp, vr } = &mut *self.vectors;
            let vectors = Msr::from_raw(msr).intersects(Msr::FP | Msr::VEC | Msr::VSX);
            if vectors {
                bindings::kvm_ppc_pr_load_vectors(msr, fp, vr);
            }
            bindings::kvm_ppc_pr_load_sprs(&mut self.sprs);
            if let Some(ticks) = self.dec {
                bindings::kvm_ppc_pr_set_dec(ticks);
            }
            // The exit path sets MSR[EE], and the handler of an interrupt that comes then relies on the flag.
            (*paca).irq_happened &= !(bindings::PACA_IRQ_HARD_DIS as u8);
            let nvgprs = self.gpr.as_mut_ptr().add(SHADOW_GPRS);
            if self.exit_real != 0 {
                let users = self.entries < KEEP_USER_SEGMENTS;
                self.entries += u8::from(users);
                let svcpu = ptr::addr_of_mut!((*paca).shadow_vcpu);
                bindings::kvm_ppc_pr_save_segments(svcpu, users);
            }
            let counting = self.count && bindings::kvm_ppc_pr_count_begin();
            let trap = bindings::kvm_ppc_pr_enter(nvgprs, msr, self.exit_real, self.trampoline);
            if self.count {
                self.counted = [0; 2];
                if counting {
                    bindings::kvm_ppc_pr_count_end(self.counted.as_mut_ptr());
                }
            }
            (*paca).irq_happened |= bindings::PACA_IRQ_HARD_DIS as u8;
            bindings::kvm_ppc_pr_save_sprs(&mut self.sprs);
            if trap == Trap::MACHINE_CHECK.raw() {
                bindings::kvm_ppc_pr_take_machine_check(&mut self.machine_check);
            }
            if self.dec.is_some() && trap != Trap::DECREMENTER.raw() {
                bindings::kvm_ppc_pr_rearm_dec();
            }
            if vectors {
                bindings::kvm_ppc_pr_save_vectors(msr, fp, vr);
            }
            self.take(ptr::addr_of!((*paca).shadow_vcpu));
            if trap == Trap::TRACE.raw() {
                let exit = &mut self.exit;
                bindings::kvm_ppc_pr_traced(&mut exit.siar, &mut exit.sdar);
            }
            trap
        };
        Some(Trap::from_raw(trap))
    }
}

impl ShadowVcpu {
    /// Copies the registers to where vmlinux loads them from.
    ///
    /// # Safety
    ///
    /// `to` is this CPU's, and interrupts are off.
    unsafe fn put(&self, to: *mut bindings::kvmppc_book3s_shadow_vcpu) {
        // SAFETY: By the function's own contract nobody else uses it.
        let to = unsafe { &mut *to };
        for (to, from) in to.gpr.iter_mut().zip(&self.gpr) {
            // Each is copied by itself, because copying a block calls a function that takes three times as long.
            // SAFETY: A field of `to`.
            unsafe { ptr::write_volatile(to, *from as usize) };
        }
        to.cr = self.cr;
        to.xer = self.xer as usize;
        to.ctr = self.ctr as usize;
        to.lr = self.lr as usize;
        to.pc = self.nip as usize;
        // FSCR does not restrict privileged state, so the guest's kernel always has TAR.
        let fscr = match self.msr.contains(Msr::PR) {
            true => self.fscr.masked(Fscr::TAR),
            false => Fscr::TAR,
        };
        to.shadow_fscr = fscr.raw();
        to.last_inst = FETCH_FAILED;
        // vmlinux's loop loads the first entry even if there is none.
        if let Some(first) = to.slb.first_mut() {
            first.esid = 0;
        }
        for (to, from) in to.slb.iter_mut().zip(self.slb.iter().take(self.slb_used)) {
            (to.esid, to.vsid) = *from;
        }
        to.slb_max = self.slb_used as u8;
    }

    /// Copies the registers from where vmlinux has saved them.
    ///
    /// # Safety
    ///
    /// `from` is this CPU's, and interrupts are off.
    unsafe fn take(&mut self, from: *const bindings::kvmppc_book3s_shadow_vcpu) {
        // SAFETY: By the function's own contract nobody else uses it.
        let from = unsafe { &*from };
        for (to, from) in self.gpr.iter_mut().zip(&from.gpr) {
            // SAFETY: A field of `from`. Volatile as in `put`.
            *to = unsafe { ptr::read_volatile(from) } as u64;
        }
        self.cr = from.cr;
        self.xer = from.xer as u64;
        self.ctr = from.ctr as u64;
        self.lr = from.lr as u64;
        self.nip = from.pc as u64;
        self.exit = ExitState {
            srr1: from.shadow_srr1 as u64,
            dar: from.fault_dar as u64,
            dsisr: from.fault_dsisr,
            fscr: from.shadow_fscr,
            last_inst: from.last_inst,
            ..ExitState::default()
        };
    }
}
