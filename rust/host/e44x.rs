// SPDX-License-Identifier: GPL-2.0

//! The world switch of 440 hosts, asm/e44x.S, and the hardware's TLB.

use super::{
    entry::{Exit, WorldSwitch},
    once::Counter,
    uapi::Sregs,
};
use crate::{
    bindings::{self, kvm_ppc_e44x_context as Context, thread_fp_state},
    emulate::e44x::{shadow::Hardware, state::Registers},
    isa::e44x::{
        debug,
        ivor::{Class, Ivor, IVORS},
        msr::Msr,
        tlbe::{Tlbe, TLB_SIZE},
    },
};
use core::mem::transmute;
use kernel::{
    alloc::flags::__GFP_ZERO,
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        atomic::{Atomic, Full, Relaxed},
        Arc,
    },
};

/// The processor version register.
pub(crate) fn pvr() -> u32 {
    // SAFETY: Reading PVR has no effect.
    unsafe { bindings::kvm_ppc_e44x_pvr() }
}

/// Writes the data cache's lines of the page of 2^`shift` bytes at real address `real`, which must be memory, back to
/// memory, if the page may have been written since that was last done. This is for a page that the guest gets; whoever
/// writes to it later has to do the same. The instruction cache is not changed: see [`SwitchVcpu::set_forget_code`].
pub(crate) fn clean_new_page(real: u64, shift: u32) {
    // SAFETY: The memory is mapped by its process, which the caller's lock keeps so.
    unsafe { bindings::kvm_ppc_e44x_clean_new_page(real, shift) };
}

/// The same for a page that has certainly been written.
pub(crate) fn clean_page(real: u64) {
    // SAFETY: As above.
    unsafe { bindings::kvm_ppc_e44x_clean_page(real) };
}

/// Atomically replaces the word at address `at` of the current process by `new` if it is `old`. Returns whether it was.
/// `EFAULT` if it cannot be written. Sleeps.
pub(crate) fn compare_exchange_user(at: usize, old: [u8; 4], new: [u8; 4]) -> Result<bool> {
    let (old, new) = (u32::from_ne_bytes(old), u32::from_ne_bytes(new));
    // SAFETY: The access faults where there is nothing of the process's, like any other to userspace.
    match unsafe { bindings::kvm_ppc_e44x_cmpxchg_user(at, old, new) } {
        0 => Ok(false),
        n if n > 0 => Ok(true),
        _ => Err(EFAULT),
    }
}

/// Reports a machine check in the host's log, at a limited rate.
pub(crate) fn report_machine_check(syndrome: u32) {
    // SAFETY: Prints.
    unsafe { bindings::kvm_ppc_e44x_report_machine_check(syndrome) };
}

/// A block of 64 KB of lowmem with the switch's code and vectors.
///
/// # Invariants
///
/// `base` is the address of such a block, filled as asm/e44x.S expects.
pub(crate) struct Block {
    base: usize,
    /// TLB entries from this index on are the host's pinned ones.
    pinned: usize,
    /// The number that stands for this block's VM in [`OWNER`].
    id: u32,
}

/// The VM whose shadow entries may be in the TLB; 0 if there are none.
static OWNER: Atomic<u32> = Atomic::new(0);
static LAST_ID: Atomic<u32> = Atomic::new(0);

/// `mtspr SPRG0,r3`, `mtspr SPRG2,r3`, `li r3,0`, `b 0`.
const MTSPRG0_R3: u32 = 0x7c70_43a6;
const MTSPRG2_R3: u32 = 0x7c72_43a6;
const LI_R3: u32 = 0x3860_0000;
const BRANCH: u32 = 0x4800_0000;

/// The vector of an interrupt at offset `at` in the block.
fn vector(ivor: Ivor, at: u32) -> [u32; 3] {
    let (save, target) = match ivor.class() {
        Class::Normal => (MTSPRG0_R3, bindings::E44X_INTERRUPT),
        Class::Critical | Class::MachineCheck => (MTSPRG2_R3, bindings::E44X_CRITICAL),
    };
    let distance = (bindings::E44X_CODE + target).wrapping_sub(at + 8);
    [
        save,
        LI_R3 | ivor.number() as u32,
        BRANCH | distance & 0x03ff_fffc,
    ]
}

impl Block {
    /// Makes a block. Returns `ENOMEM`, or `ENODEV` if the host's vectors overlap other parts of the block, or if the
    /// host's TLB is not as expected.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Allocates.
        let base = unsafe { bindings::kvm_ppc_e44x_alloc_block() };
        if base == 0 {
            return Err(ENOMEM);
        }
        let mut block = Self {
            base,
            pinned: 0,
            id: LAST_ID.fetch_add(1, Relaxed).wrapping_add(1).max(1),
        };
        block.fill()?;
        block.pinned = block.first_pinned()?;
        Ok(block)
    }

    fn fill(&self) -> Result {
        let code = (&raw const bindings::kvm_ppc_e44x_code).cast::<u32>();
        let end = (&raw const bindings::kvm_ppc_e44x_code_end).cast::<u32>();
        let words = (end.addr() - code.addr()) / 4;
        let used = bindings::E44X_CURRENT..bindings::E44X_CODE + 4 * words as u32;
        for i in 0..words {
            // SAFETY: `i` is within the code.
            let word = unsafe { code.add(i).read() };
            self.put(bindings::E44X_CODE + 4 * i as u32, word)?;
        }
        for n in 0..IVORS as u32 {
            let ivor = Ivor::from_number(n).ok_or(ENODEV)?;
            // SAFETY: Reads an IVOR.
            let at = unsafe { bindings::kvm_ppc_e44x_ivor(n) } & 0xfff0;
            if at + 12 > used.start && at < used.end {
                return Err(ENODEV);
            }
            for (i, word) in vector(ivor, at).into_iter().enumerate() {
                self.put(at + 4 * i as u32, word)?;
            }
        }
        let end = self.base + bindings::E44X_BLOCK_SIZE as usize;
        // SAFETY: The block is memory of ours.
        unsafe { bindings::kvm_ppc_e44x_flush_icache(self.base, end) };
        Ok(())
    }

    fn put(&self, at: u32, word: u32) -> Result {
        if at > bindings::E44X_BLOCK_SIZE - 4 || at & 3 != 0 {
            return Err(ENODEV);
        }
        // SAFETY: By the invariant, and as just checked.
        unsafe { ((self.base + at as usize) as *mut u32).write(word) };
        Ok(())
    }

    /// The index of the first pinned entry. The host makes entries of its own page size on misses; larger entries in
    /// address space 0, at the end of the TLB, are its pinned ones. Returns `ENODEV` if there are none, or if an entry
    /// in address space 1 is among them, as with an early console. (Entries in address space 1 before them are
    /// guests'.)
    fn first_pinned(&self) -> Result<usize> {
        let valid = |i: &usize| {
            let e = Tlbe {
                word0: self.tlb_word0(*i),
                ..Tlbe::INVALID
            };
            e.valid().then_some(e)
        };
        let host_pinned = |e: Tlbe| !e.ts() && e.shift() > Some(PAGE_SHIFT as u32);
        let first = (0..TLB_SIZE).find(|i| valid(i).is_some_and(host_pinned));
        let first = first.ok_or(ENODEV)?;
        if (first..TLB_SIZE).any(|i| valid(&i).is_some_and(|e| e.ts())) {
            return Err(ENODEV);
        }
        Ok(first)
    }

    fn tlb_word0(&self, index: usize) -> u32 {
        let read = self.entry_point(bindings::E44X_TLB_READ);
        // SAFETY: By the invariant this is the function of asm/e44x.S, which has this type.
        let read = unsafe { transmute::<usize, unsafe extern "C" fn(u32) -> u32>(read) };
        // SAFETY: Reads an entry; there are 64.
        unsafe { read(index as u32 & 63) }
    }

    fn tlb_write(&self, index: usize, e: &Tlbe) {
        if index >= self.pinned {
            return;
        }
        let write = self.entry_point(bindings::E44X_TLB_WRITE);
        type Write = unsafe extern "C" fn(u32, u32, u32, u32, u32);
        // SAFETY: By the invariant this is the function of asm/e44x.S, which has this type.
        let write = unsafe { transmute::<usize, Write>(write) };
        // SAFETY: The entry is not pinned, so the host does not depend on it; and it is invalid or in address space 1.
        unsafe { write(index as u32, e.word0, e.word1, e.word2, e.tid.into()) };
    }

    fn entry_point(&self, offset: u32) -> usize {
        self.base + (bindings::E44X_CODE + offset) as usize
    }

    /// How many entries of the TLB guests may use.
    pub(crate) fn usable_entries(&self) -> usize {
        self.pinned
    }

    /// Makes this VM the owner of the TLB. Returns true if it was not the owner, so that none of its entries is in the
    /// TLB. Call with preemption off.
    pub(crate) fn acquire_tlb(&self) -> bool {
        if OWNER.load(Relaxed) == self.id {
            return false;
        }
        self.clear_tlb();
        OWNER.store(self.id, Relaxed);
        true
    }

    /// Invalidates all entries that are not pinned. The host's own are made again on misses.
    fn clear_tlb(&self) {
        for i in 0..self.pinned {
            self.tlb_write(i, &Tlbe::INVALID);
        }
    }

    /// Access to the TLB for this VM. If another VM owns the TLB, it holds nothing of this VM's, and nothing is
    /// written. `writes` counts the entries that are written or invalidated.
    pub(crate) fn tlb<'a>(&'a self, writes: &'a Counter) -> Tlb<'a> {
        Tlb {
            block: self,
            writes,
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if OWNER.cmpxchg(self.id, 0, Full).is_ok() {
            self.clear_tlb();
        }
        // SAFETY: By the invariant.
        unsafe { bindings::kvm_ppc_e44x_free_block(self.base) };
    }
}

/// The hardware's TLB, for one VM.
pub(crate) struct Tlb<'a> {
    block: &'a Block,
    writes: &'a Counter,
}

impl Tlb<'_> {
    fn set(&self, index: usize, tlbe: &Tlbe) {
        if OWNER.load(Relaxed) == self.block.id {
            self.writes.inc();
            self.block.tlb_write(index, tlbe);
        }
    }
}

impl Hardware for Tlb<'_> {
    fn write(&mut self, index: usize, tlbe: &Tlbe) {
        if tlbe.ts() {
            self.set(index, tlbe);
        }
    }

    fn invalidate(&mut self, index: usize) {
        self.set(index, &Tlbe::INVALID);
    }
}

/// A vCPU's registers while it does not run, and the way to run it.
pub(crate) struct SwitchVcpu {
    context: KBox<Context>,
    fp: KBox<thread_fp_state>,
    block: Arc<Block>,
    /// Whether the guest has MSR[FP] set.
    uses_fp: bool,
    /// The timebase at which the guest exits at the latest.
    deadline: Option<u64>,
}

/// The MSR bits that are always set in the guest: interrupts are enabled, since they end its run, and it is translated
/// in address space 1.
const ALWAYS: Msr = Msr::from_word(0x0002_d030);

impl SwitchVcpu {
    /// A vCPU with all registers 0.
    pub(crate) fn new(block: Arc<Block>) -> Result<Self> {
        let context = KBox::<Context>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        let fp = KBox::<thread_fp_state>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        // SAFETY: Plain integers, zeroed.
        let (mut context, fp) = unsafe { (context.assume_init(), fp.assume_init()) };
        context.block = block.base as u32;
        Ok(Self {
            context,
            fp,
            block,
            uses_fp: false,
            deadline: None,
        })
    }

    /// Prepares the next entry: the guest runs under shadow PID `pid` with these bits of its MSR (FP, FE0 and FE1),
    /// until the timebase reaches `deadline`.
    pub(crate) fn prepare(&mut self, pid: u8, msr: Msr, deadline: Option<u64>) {
        let fp = msr.masked(Msr::FP | Msr::FE0 | Msr::FE1);
        self.uses_fp = fp.contains(Msr::FP);
        self.context.pid = pid.into();
        self.context.msr = ALWAYS.with(fp).word();
        self.deadline = deadline;
    }

    /// Makes the guest exit by a debug interrupt after one instruction. Call after `prepare`.
    pub(crate) fn set_alone(&mut self, alone: bool) {
        if alone {
            self.context.msr |= Msr::DE.word();
            self.context.dbcr0 = debug::IDM | debug::IC;
        } else {
            self.context.dbcr0 = 0;
        }
    }

    /// Says whether the instruction cache is invalidated at the next entry.
    pub(crate) fn set_forget_code(&mut self, forget: bool) {
        self.context.forget_code = forget.into();
    }

    /// Sets the SPRGs that the guest can read without privilege, SPRG4 to SPRG7.
    pub(crate) fn set_user_sprgs(&mut self, sprgs: &[u32; 8]) {
        let [_, _, _, _, s4, s5, s6, s7] = *sprgs;
        self.context.sprg4_7 = [s4, s5, s6, s7];
    }

    /// The registers.
    pub(crate) fn registers(&self) -> &Context {
        &self.context
    }

    /// The registers, to change.
    pub(crate) fn registers_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Floating-point register `n`, 0 to 31.
    pub(crate) fn fpr(&self, n: usize) -> u64 {
        let [first, ..] = self.fp.fpr.get(n).copied().unwrap_or_default();
        first
    }

    /// Sets floating-point register `n`, 0 to 31.
    pub(crate) fn set_fpr(&mut self, n: usize, value: u64) {
        if let Some([first, ..]) = self.fp.fpr.get_mut(n) {
            *first = value;
        }
    }

    /// FPSCR.
    pub(crate) fn fpscr(&self) -> u64 {
        self.fp.fpscr
    }

    /// Sets FPSCR.
    pub(crate) fn set_fpscr(&mut self, value: u64) {
        self.fp.fpscr = value;
    }
}

impl Registers for SwitchVcpu {
    fn gpr(&self, n: u8) -> u32 {
        self.context.gpr.get(usize::from(n)).copied().unwrap_or(0)
    }

    fn set_gpr(&mut self, n: u8, value: u32) {
        if let Some(gpr) = self.context.gpr.get_mut(usize::from(n)) {
            *gpr = value;
        }
    }

    fn cr(&self) -> u32 {
        self.context.cr
    }

    fn set_cr(&mut self, value: u32) {
        self.context.cr = value;
    }

    fn xer(&self) -> u32 {
        self.context.xer
    }

    fn nip(&self) -> u32 {
        self.context.nip
    }

    fn set_nip(&mut self, value: u32) {
        self.context.nip = value;
    }
}

impl Exit for Ivor {
    fn is_host_interrupt(self) -> bool {
        matches!(
            self,
            Self::External
                | Self::Decrementer
                | Self::FixedInterval
                | Self::Watchdog
                | Self::CriticalInput
                | Self::Debug
                | Self::MachineCheck
        )
    }

    unsafe fn replay(self) {
        // All of these interrupts stay asserted until they are served, so the host takes them as soon as it enables
        // interrupts.
    }
}

impl WorldSwitch for SwitchVcpu {
    type Exit = Ivor;

    unsafe fn world_switch(&mut self) -> Option<Ivor> {
        let enter = self.block.entry_point(bindings::E44X_ENTER);
        // SAFETY: By the block's invariant this is the function of asm/e44x.S, which has this type.
        let enter = unsafe { transmute::<usize, unsafe extern "C" fn(*mut Context) -> u32>(enter) };
        self.context.insn = 0;
        // SAFETY: Interrupts are off. The context is memory from kmalloc, so a pinned entry maps it, as one maps the
        // block, whose address it has. The FP state is ours, and user mode's registers are saved.
        let ivor = unsafe {
            if self.uses_fp {
                bindings::kvm_ppc_e44x_load_fp(&mut *self.fp);
            }
            let host = self.deadline.map(|at| bindings::kvm_ppc_e44x_timer_at(at));
            let ivor = enter(&mut *self.context);
            if let Some(host) = host {
                bindings::kvm_ppc_e44x_timer_back(host);
            }
            if self.uses_fp {
                bindings::kvm_ppc_e44x_store_fp(&mut *self.fp);
            }
            ivor
        };
        Ivor::from_number(ivor)
    }
}

/// The BookE view of `struct kvm_sregs`.
pub(crate) type SregsE = bindings::kvm_sregs__bindgen_ty_1__bindgen_ty_2;

/// The BookE view.
pub(crate) fn sregs_e(sregs: &bindings::kvm_sregs) -> &SregsE {
    // SAFETY: All of the union's views are plain integers.
    unsafe { &sregs.u.e }
}

/// The BookE view, to fill.
pub(crate) fn sregs_e_mut(sregs: &mut Sregs) -> &mut SregsE {
    // SAFETY: All of the union's views are plain integers, and this one has no padding, but in
    // `impl_`, which a 440 does not have.
    unsafe { &mut sregs.views_mut().e }
}
