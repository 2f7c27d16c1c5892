// SPDX-License-Identifier: GPL-2.0

//! A vCPU of the pr backend.

use super::{
    slb::{GuestSlb, Mode, ShadowSlb},
    state::{Checkpoint, Futile, Magic, Mmu32, Reserve, Utilization},
    vm::PrVm,
};
use crate::{
    bindings,
    emulate::{regs::Regs, trapped::Doubt},
    host::{features, shadow::ShadowVcpu, time::timebase},
    isa::{
        bare,
        fscr::Fscr,
        lpcr::Lpcr,
        msr::Msr,
        pmu::Mmcr0,
        pvr::{Arch, Bare, Pvr},
        radix_walk::Access,
        spr::Spr,
        timebase::{decrementer_value, reached},
    },
    vm::{
        events::Events,
        mmio::Pending as PendingMmio,
        papr::Completion,
        vpa::{Dispatches, Preemption, Vpas},
    },
};
use kernel::{new_spinlock, prelude::*, sync::SpinLock};

/// The part of a vCPU's state that any thread may access.
#[pin_data]
pub(crate) struct PrShared {
    pub(crate) events: Events,
    /// The areas the guest has registered.
    #[pin]
    pub(crate) vpas: SpinLock<Vpas>,
    /// When its thread was on a CPU.
    pub(crate) preemption: Preemption,
}

impl PrShared {
    /// Nothing pending, nothing registered.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            events: Events::new(),
            vpas <- new_spinlock!(Vpas::default()),
            preemption: Preemption::new(),
        })
    }
}

/// The part of a vCPU's state that only its own thread accesses.
pub(crate) struct PrVcpu {
    /// The user registers, and the world switch.
    pub(crate) switch: ShadowVcpu,
    pub(crate) srr0: u64,
    pub(crate) srr1: u64,
    pub(crate) dar: u64,
    pub(crate) dsisr: u32,
    /// SPRG0 to 7, of which server processors have four; SPRG3 is where problem state reads it.
    pub(crate) sprg: [u64; 8],
    /// The timebase at which the decrementer becomes negative.
    pub(crate) dec_expires: u64,
    /// Registers that only keep what is written to them, in the order of [`Spr::ALL`].
    pub(crate) plain: KBox<[u64; Spr::ALL.len()]>,
    /// What the guest's virtual timebase is ahead of the timebase.
    pub(crate) vtb_offset: u64,
    /// Checkpointed registers.
    pub(crate) tm: KBox<Checkpoint>,
    /// The processor that the guest sees.
    pub(crate) pvr: u32,
    /// If that is older than the partitions of servers, what kind it is.
    pub(crate) bare: Option<Bare>,
    /// Registers of such a processor that only keep what is written to them ([`bare::kept`]).
    pub(crate) bare_sprs: KBox<[u64; bare::KEPT]>,
    /// Segments and blocks of a 32-bit processor.
    pub(crate) mmu32: KBox<Mmu32>,
    /// What the guest's MSR can have.
    pub(crate) msr_allowed: Msr,
    /// The bits of LPCR that a guest can have ([`LPCR`]): they say how it takes its interrupts.
    pub(crate) lpcr: Lpcr,
    /// Where the guest's interrupt vectors begin.
    pub(crate) hior: u64,
    /// The base of the guest's page table, and log2 of its size less 18. The base of a PAPR guest is an address of
    /// userspace.
    pub(crate) sdr1: u64,
    /// The guest's SLB.
    pub(crate) slb: KBox<GuestSlb>,
    /// The magic page, in which the guest's kernel finds its registers.
    pub(crate) magic: Option<Magic>,
    /// The shadow segments that the guest runs with.
    pub(crate) shadow: KBox<ShadowSlb>,
    /// Addresses behind which there is nothing to be executed ahead.
    pub(crate) futile: KBox<Futile>,
    /// A word that cannot have caused an exit, and the count `sum_exits` at that time.
    pub(crate) doubt: (Doubt, u64),
    /// Loops of load and reserve and store conditional, which an exit would keep from ending.
    pub(crate) reserve: Reserve,
    /// The shadow segments differ from those that the world switch has.
    pub(crate) slb_changed: bool,
    /// What userspace has to complete.
    pub(crate) completion: Completion,
    /// The load or store that is being emulated.
    pub(crate) mmio: PendingMmio,
    /// `KVM_CAP_PPC_PAPR` was enabled.
    pub(crate) papr: bool,
    /// `KVM_GUESTDBG_…`
    pub(crate) debug: u32,
    /// The page of code that is executed one instruction at a time, because data at the same addresses is translated
    /// otherwise.
    stepped: Option<u64>,
    /// The guest uses its performance monitor, as far as its VPA says.
    pub(crate) pmu_in_use: bool,
    /// The VPA has to be read again for that.
    pub(crate) ask_vpa: bool,
    /// MMCR0 does not freeze all its counters, or has a pending exception.
    pub(crate) monitor_on: bool,
    /// `pmu_in_use` and `monitor_on`, or `ask_vpa`: the performance monitor has to be looked at before each entry.
    pub(crate) monitored: bool,
    /// What is counted of its dispatches.
    pub(crate) dispatches: Dispatches,
    /// What it has used of a processor.
    pub(crate) utilization: Utilization,
}

/// The bits of LPCR that a guest can have.
pub(crate) const LPCR: Lpcr = Lpcr::from_raw(Lpcr::ILE.raw() | Lpcr::AIL.raw());

impl PrVcpu {
    /// A vCPU as it comes out of reset.
    pub(crate) fn new(vm: &PrVm) -> Result<Self> {
        let mut switch = ShadowVcpu::new()?;
        switch.msr = Msr::ME;
        switch.fscr = Fscr::TAR;
        let mut new = Self {
            switch,
            srr0: 0,
            srr1: 0,
            dar: 0,
            dsisr: 0,
            sprg: [0; 8],
            dec_expires: timebase().wrapping_add(i32::MAX as u64),
            plain: KBox::new([0; Spr::ALL.len()], GFP_KERNEL_ACCOUNT)?,
            vtb_offset: 0,
            tm: Checkpoint::new()?,
            pvr: features::pvr(),
            bare: None,
            bare_sprs: KBox::new([0; bare::KEPT], GFP_KERNEL_ACCOUNT)?,
            mmu32: KBox::new(Mmu32::new(), GFP_KERNEL_ACCOUNT)?,
            msr_allowed: vm.msr_allowed(None),
            lpcr: Lpcr::EMPTY,
            hior: 0,
            sdr1: 0,
            slb: KBox::new(GuestSlb::new(), GFP_KERNEL_ACCOUNT)?,
            magic: None,
            shadow: KBox::new(ShadowSlb::new(vm.mmu.slb), GFP_KERNEL_ACCOUNT)?,
            futile: KBox::new(Futile::new(), GFP_KERNEL_ACCOUNT)?,
            doubt: (Doubt::NONE, 0),
            reserve: Reserve::new(),
            slb_changed: true,
            completion: Completion::None,
            mmio: PendingMmio::NONE,
            papr: false,
            debug: 0,
            stepped: None,
            pmu_in_use: true,
            ask_vpa: false,
            monitor_on: false,
            monitored: false,
            dispatches: Dispatches::default(),
            // Its thread has not waited yet.
            utilization: Utilization::new(timebase()),
        };
        // The counters are frozen after a reset, as kvm-hv has it.
        new.keep(Spr::MMCR0, Mmcr0::FC.raw());
        Ok(new)
    }

    /// The guest's MSR.
    #[inline]
    pub(crate) fn msr(&self) -> Msr {
        self.switch.msr
    }

    /// Sets the guest's MSR, without what a guest cannot have: hypervisor and secure state, machine checks disabled.
    #[inline]
    pub(crate) fn set_msr(&mut self, msr: Msr) {
        let msr = msr
            .masked(self.msr_allowed)
            .without(Msr::HV | Msr::S)
            .with(Msr::ME);
        let changed = Mode::of(msr, None) != Mode::of(self.switch.msr, None);
        self.switch.msr = msr;
        let stepped = self.stepped.filter(|_| !changed);
        self.step_in(stepped);
        // The guest gets these facilities back when it uses one the next time.
        let vectors = Msr::FP | Msr::VEC | Msr::VSX;
        if !msr.intersects(vectors) {
            self.switch.vectors_given = Msr::EMPTY;
        }
    }

    /// The page that is run instruction by instruction.
    #[inline]
    pub(crate) fn stepped(&self) -> Option<u64> {
        self.stepped
    }

    /// Sets that page, and selects what the guest runs with accordingly.
    #[inline]
    pub(crate) fn step_in(&mut self, page: Option<u64>) {
        self.stepped = page;
        self.trace();
        let mode = Mode::of(self.msr(), page);
        self.slb_changed |= self.shadow.select(mode);
    }

    /// Runs the guest one instruction at a time if there is a reason to.
    #[inline]
    pub(crate) fn trace(&mut self) {
        let trace = self.stepped.is_some() || self.single_step() || self.reserve.stepping();
        if self.switch.trace && !trace {
            // From now on the guest may make another reservation that the module does not see.
            self.reserve.lose();
        }
        self.switch.trace = trace;
    }

    /// Is the guest's processor a 32-bit one?
    #[inline]
    pub(crate) fn is_32bit(&self) -> bool {
        matches!(self.bare, Some(Bare::Book3s32))
    }

    /// The next instruction's address.
    #[inline]
    pub(crate) fn nip(&self) -> u64 {
        self.switch.nip
    }

    /// GPR `n`.
    #[inline]
    pub(crate) fn gpr(&self, n: u8) -> u64 {
        self.switch.gpr(n)
    }

    /// Sets GPR `n`.
    #[inline]
    pub(crate) fn set_gpr(&mut self, n: u8, val: u64) {
        self.switch.set_gpr(n, val);
    }

    /// Sets CR0 as store conditionals and `slbfee.` do: EQ to `equal`, LT and GT to 0, and SO to that of XER.
    pub(crate) fn set_cr0_equal(&mut self, equal: bool) {
        const CR0: u32 = 0xf000_0000;
        const EQ: u32 = 0x2000_0000;
        const SO: u32 = 0x1000_0000;
        /// XER[SO].
        const XER_SO: u64 = 0x8000_0000;
        let so = if self.switch.xer & XER_SO != 0 { SO } else { 0 };
        let eq = if equal { EQ } else { 0 };
        self.switch.cr = self.switch.cr & !CR0 | so | eq;
    }

    /// Is the decrementer negative?
    #[inline]
    pub(crate) fn dec_due(&self, now: u64) -> bool {
        reached(now, self.dec_expires)
    }

    /// Drops all shadow segments, because any of the guest's segments may have changed.
    pub(crate) fn forget_segments(&mut self) {
        self.shadow.forget();
        self.slb_changed = true;
    }

    /// Does userspace want to see every step?
    #[inline]
    pub(crate) fn single_step(&self) -> bool {
        self.debug & bindings::KVM_GUESTDBG_SINGLESTEP != 0
    }

    /// The guest's processor has transactional memory.
    pub(crate) fn has_transactions(&self) -> bool {
        self.msr_allowed.contains(Msr::TM)
    }

    /// Is the address in a block (BAT), so that fetches may be translated otherwise than loads and stores?
    #[inline]
    pub(crate) fn in_block(&self, ea: u64) -> bool {
        self.is_32bit() && self.in_block_32(ea)
    }

    #[cold]
    #[inline(never)]
    fn in_block_32(&self, ea: u64) -> bool {
        let problem_state = self.msr().contains(Msr::PR);
        let block = |access| self.mmu32.regs.block(ea as u32, problem_state, access);
        block(Access::Load).is_some() || block(Access::Fetch).is_some()
    }
}

/// Registers that keep what is written to them, and clocks.
impl PrVcpu {
    /// The level of the architecture that the guest's processor has, which decides what its registers are.
    pub(crate) fn arch_level(&self) -> Arch {
        Pvr::from_raw(self.pvr).arch().unwrap_or(Arch::V207)
    }

    /// A register that only keeps its value, for userspace.
    #[inline]
    pub(crate) fn kept(&self, spr: Spr) -> u64 {
        self.plain.get(spr.place()).copied().unwrap_or(0)
    }

    /// Sets such a register.
    #[inline]
    pub(crate) fn keep(&mut self, spr: Spr, val: u64) {
        let val = match spr {
            Spr::PIDR => val & 0xffff_ffff,
            _ => val,
        };
        if let Some(kept) = self.plain.get_mut(spr.place()) {
            *kept = val;
        }
    }

    /// The guest's FSCR.
    pub(crate) fn fscr(&self) -> Fscr {
        Fscr::from_raw(self.kept(Spr::FSCR))
    }

    /// Sets FSCR, and with it which facilities the guest may use.
    pub(crate) fn set_fscr(&mut self, fscr: Fscr) {
        self.keep(Spr::FSCR, fscr.raw());
        self.switch.fscr = fscr;
    }

    /// The virtual timebase, which goes on while the vCPU does not run.
    pub(crate) fn vtb(&self) -> u64 {
        timebase().wrapping_add(self.vtb_offset)
    }

    /// Sets it.
    pub(crate) fn set_vtb(&mut self, val: u64) {
        self.vtb_offset = val.wrapping_sub(timebase());
    }

    /// The decrementer: 32 bits. It is negative if and only if it is due, however far userspace has set it away.
    pub(crate) fn dec(&self) -> u32 {
        decrementer_value(timebase(), self.dec_expires) as u32
    }

    /// Sets the decrementer.
    pub(crate) fn set_dec(&mut self, val: u64) {
        let ticks = i64::from(val as u32 as i32);
        self.dec_expires = timebase().wrapping_add_signed(ticks);
    }
}
