// SPDX-License-Identifier: GPL-2.0

//! The host kernel's own world switch for ISA 3.0 processors, `kvmhv_vcpu_entry_p9()`.
//!
//! It lies in vmlinux, where a guest that was in real mode can return to, and works on the kernel's
//! `struct kvm_vcpu`, `struct kvm` and `struct kvmppc_vcore`. These are made here, zeroed, and filled
//! for exactly what the switch reads (see Documentation/host-hooks.rst); no other kernel code sees them.

use super::{
    entry::{IrqsHardDisabled, WorldSwitch},
    once,
    paca::local_paca,
    time::timebase,
    uapi::Sregs,
};
use crate::{
    bindings,
    isa::{timebase::decrementer_32, trap::Trap},
};
use core::ptr;
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

/// A zeroed structure of the kernel.
///
/// # Safety
///
/// All zeroes must be a value of `T`.
unsafe fn zeroed_box<T>() -> Result<KBox<T>> {
    let mut b = KBox::<T>::new_uninit(GFP_KERNEL_ACCOUNT)?;
    // Just so much: kmalloc would zero all that it has for such a size, which can be twice as much.
    // SAFETY: The memory is valid for writes; then it is zeroed, which is a value of `T`, as the caller promises.
    Ok(unsafe {
        b.as_mut_ptr().write_bytes(0, 1);
        b.assume_init()
    })
}

/// The switch's idea of a VM.
pub(crate) struct SwitchVm {
    kvm: *mut bindings::kvm,
    /// The per-CPU variable that says whose guest a CPU is in.
    in_guest: *mut *mut bindings::kvm,
    /// The processor has DEXCR and the keys of the hash instructions.
    has_dexcr: bool,
    /// For each CPU, how many threads keep vCPUs from entering on it, to change the flush mask.
    closed: KVVec<Atomic<u32>>,
}

// SAFETY: After `new`, only the kernel and `vcpu_moved` change the structure, by atomic operations on the flush mask;
// `set_fwnmi` writes a byte that is only ever set.
unsafe impl Send for SwitchVm {}
// SAFETY: As above.
unsafe impl Sync for SwitchVm {}

/// TLB congruence classes that a flush by `tlbiel` goes through: POWER9 for radix, POWER10 has one.
const P9_TLB_SETS_RADIX: u32 = 128;
const P10_TLB_SETS: u32 = 1;

impl SwitchVm {
    /// For a radix guest under `lpid`.
    pub(crate) fn new(
        lpid: u32,
        host: &super::features::HostRegisters,
        features: super::features::Features,
    ) -> Result<Self> {
        // SAFETY: The structure is the kernel's plain C; zero is a value of every field.
        let mut kvm = unsafe { zeroed_box::<bindings::kvm>()? };
        let arch = &mut kvm.arch;
        arch.radix = 1;
        arch.lpid = u64::from(lpid);
        arch.host_lpid = host.lpid;
        arch.host_lpcr = host.lpcr as usize;
        arch.tlb_sets = if features.arch_31() {
            P10_TLB_SETS
        } else {
            P9_TLB_SETS_RADIX
        };
        // SAFETY: Read a constant and an address.
        let (cpus, in_guest) =
            unsafe { (bindings::kvm_ppc_nr_cpu_ids(), bindings::kvm_ppc_in_guest()) };
        let mut closed = KVVec::with_capacity(cpus as usize, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..cpus {
            closed.push(Atomic::new(0), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self {
            kvm: KBox::into_raw(kvm),
            in_guest,
            has_dexcr: features.arch_31(),
            closed,
        })
    }

    /// The guest handles its machine checks itself.
    pub(crate) fn set_fwnmi(&self) {
        // SAFETY: The structure lives as long as `self`; the byte is only read by the switch.
        unsafe { ptr::addr_of_mut!((*self.kvm).arch.fwnmi_enabled).write_volatile(1) };
    }

    /// A vCPU has left CPU `from` for `to`: finishes on `from` the invalidations that the guest may have been in the
    /// middle of, by `tlbie` too if it has `gtse`, and says whether that was done. If `to` is on another core, the
    /// guest's translations on that of `from` may be stale: whoever enters there next flushes them, and who is in there
    /// now is made to enter again. Waits for other CPUs: call with interrupts enabled.
    pub(crate) fn vcpu_moved(&self, from: u32, to: u32, gtse: bool) -> bool {
        let closed = self.closed.as_ptr().cast_mut().cast();
        // SAFETY: The structure lives as long as `self`, and its mask is changed atomically, as are the counters in
        // `closed`, of which each CPU has one.
        unsafe { bindings::kvm_ppc_vcpu_moved(self.kvm, closed, from, to, gtse) }
    }

    /// This CPU's variable that says whose guest it is in.
    #[inline(always)]
    fn in_guest_here(&self, _irqs: &IrqsHardDisabled) -> *mut *mut bindings::kvm {
        // SAFETY: Interrupts are off, so this stays the CPU, and its PACA is valid.
        let offset = unsafe { (*local_paca()).data_offset };
        self.in_guest.wrapping_byte_add(offset as usize)
    }

    /// This CPU is about to enter the VM's guest. A full barrier has to follow, then the test of
    /// [`closed`](Self::closed), then the entry.
    #[inline(always)]
    pub(crate) fn entering(&self, irqs: &IrqsHardDisabled) {
        // SAFETY: A variable of this CPU's, which others only read.
        unsafe { self.in_guest_here(irqs).write_volatile(self.kvm) };
    }

    /// The guest is left, or was not entered after all.
    #[inline(always)]
    pub(crate) fn left(&self, irqs: &IrqsHardDisabled) {
        // SAFETY: As in `entering`. Who reads the old value sends an interrupt for nothing.
        unsafe { self.in_guest_here(irqs).write_volatile(ptr::null_mut()) };
    }

    /// May no vCPU of the VM enter on `cpu` now? It has to try again with interrupts enabled between.
    #[inline(always)]
    pub(crate) fn closed(&self, cpu: u32) -> bool {
        self.closed
            .get(cpu as usize)
            .is_some_and(|closed| once::read_u32(closed) != 0)
    }
}

impl Drop for SwitchVm {
    fn drop(&mut self) {
        // SAFETY: Made by `KBox::into_raw`; every `SwitchVcpu` that points here holds a reference.
        drop(unsafe { KBox::from_raw(self.kvm) });
    }
}

/// The switch's idea of a vCPU: the guest's registers while it does not run.
pub(crate) struct SwitchVcpu {
    parts: KBox<Parts>,
    vm: Arc<SwitchVm>,
    entry: EntryArgs,
}

struct Parts {
    vcpu: bindings::kvm_vcpu,
    vcore: bindings::kvmppc_vcore,
    /// What the switch believes to be the guest's VPA; it reads `pmcregs_in_use` only. It is ours, so
    /// that no page of the guest need be pinned.
    vpa: bindings::lppaca,
}

// SAFETY: The pointers inside lead to what the same `SwitchVcpu` owns.
unsafe impl Send for SwitchVcpu {}

/// What differs from entry to entry.
#[derive(Default)]
struct EntryArgs {
    time_limit: u64,
    lpcr: u64,
}

impl SwitchVcpu {
    /// All registers zero.
    pub(crate) fn new(vm: Arc<SwitchVm>) -> Result<Self> {
        // SAFETY: These are the kernel's plain C structures; zero is a value of every field.
        let parts = unsafe { zeroed_box()? };
        Ok(Self {
            parts,
            vm,
            entry: EntryArgs::default(),
        })
    }

    /// The guest's registers.
    #[inline]
    pub(crate) fn arch(&self) -> &bindings::kvm_vcpu_arch {
        &self.parts.vcpu.arch
    }

    /// The guest's registers, to change. Pointers in there are set anew at each entry.
    #[inline]
    pub(crate) fn arch_mut(&mut self) -> &mut bindings::kvm_vcpu_arch {
        &mut self.parts.vcpu.arch
    }

    /// VTB, PCR, timebase offset.
    #[inline]
    pub(crate) fn vcore(&self) -> &bindings::kvmppc_vcore {
        &self.parts.vcore
    }

    /// VTB, PCR, timebase offset, to change.
    #[inline]
    pub(crate) fn vcore_mut(&mut self) -> &mut bindings::kvmppc_vcore {
        &mut self.parts.vcore
    }

    /// GPR `n`; 0 if there is none.
    #[inline]
    pub(crate) fn gpr(&self, n: usize) -> u64 {
        self.pt_regs().gpr.get(n).map_or(0, |v| *v as u64)
    }

    /// Sets GPR `n`, if there is one.
    #[inline]
    pub(crate) fn set_gpr(&mut self, n: usize, val: u64) {
        if let Some(gpr) = self.pt_regs_mut().gpr.get_mut(n) {
            *gpr = val as usize;
        }
    }

    /// CR, LR, CTR, XER, NIA.
    #[inline]
    pub(crate) fn pt_regs(&self) -> &bindings::pt_regs__bindgen_ty_1__bindgen_ty_1 {
        // SAFETY: Both sides of the union are the same plain integers.
        unsafe { &self.parts.vcpu.arch.regs.__bindgen_anon_1.__bindgen_anon_1 }
    }

    /// CR, LR, CTR, XER, NIA, to change.
    #[inline]
    pub(crate) fn pt_regs_mut(&mut self) -> &mut bindings::pt_regs__bindgen_ty_1__bindgen_ty_1 {
        // SAFETY: Both sides of the union are the same plain integers.
        unsafe { &mut self.parts.vcpu.arch.regs.__bindgen_anon_1.__bindgen_anon_1 }
    }

    /// VSX register `n`, doubleword 0 first; zeros if there is none.
    pub(crate) fn vsr(&self, n: u8) -> [u64; 2] {
        let arch = &self.parts.vcpu.arch;
        vsr_of(&arch.fp, &arch.vr, n)
    }

    /// Sets VSX register `n`, doubleword 0 first.
    pub(crate) fn set_vsr(&mut self, n: u8, val: [u64; 2]) {
        let arch = &mut self.parts.vcpu.arch;
        set_vsr_of(&mut arch.fp, &mut arch.vr, n, val);
    }

    /// VSCR.
    pub(crate) fn vscr(&self) -> u32 {
        vscr_of(self.parts.vcpu.arch.vr.vscr)
    }

    /// Sets VSCR.
    pub(crate) fn set_vscr(&mut self, val: u32) {
        self.parts.vcpu.arch.vr.vscr = from_vscr(val);
    }

    /// Whether the performance monitor's registers are loaded and saved at each switch.
    #[inline]
    pub(crate) fn set_pmu_in_use(&mut self, in_use: bool) {
        self.parts.vpa.pmcregs_in_use = in_use.into();
    }

    /// Clears this CPU's branch history: who ran here before is not the guest's to know.
    #[cold]
    #[inline(never)]
    pub(crate) fn forget_branches(&self, _irqs: &IrqsHardDisabled) {
        // SAFETY: Nothing but the branch history rolling buffer is changed.
        unsafe { bindings::kvm_ppc_clear_branch_history() };
    }

    /// Was the last machine check recovered from?
    pub(crate) fn machine_check_recovered(&self) -> bool {
        // SAFETY: Reads the event.
        unsafe { bindings::kvm_ppc_mce_recovered(&self.parts.vcpu.arch.mce_evt) != 0 }
    }

    /// Tells the host's log of the machine check that ended the guest, at a limited rate.
    pub(crate) fn report_machine_check(&mut self) {
        // SAFETY: The event was filled by the switch, or is zero, which is an event too.
        unsafe { bindings::kvm_ppc_report_machine_check(&mut self.parts.vcpu.arch.mce_evt) };
    }

    /// Brings the decrementer's expiry to where one of 32 bits can tell past and future, at the host's timebase `now`.
    #[inline]
    pub(crate) fn bound_decrementer(&mut self, now: u64) {
        let now = now.wrapping_add(self.parts.vcore.tb_offset);
        let expires = self.parts.vcpu.arch.dec_expires;
        let bounded = decrementer_32(now, expires);
        if bounded != expires {
            self.parts.vcpu.arch.dec_expires = bounded;
        }
    }

    /// Prepares the next entry: the guest exits when the host's timebase reaches `time_limit`, and runs
    /// with `lpcr`. Call with interrupts off.
    #[inline]
    pub(crate) fn prepare(&mut self, _irqs: &IrqsHardDisabled, time_limit: u64, lpcr: u64) {
        self.entry = EntryArgs { time_limit, lpcr };
    }
}

/// Checkpointed registers, which a kernel without transactional memory does not save.
#[cfg(CONFIG_PPC_TRANSACTIONAL_MEM)]
impl SwitchVcpu {
    /// The checkpointed VSX register `n`.
    pub(crate) fn tm_vsr(&self, n: u8) -> [u64; 2] {
        let arch = &self.parts.vcpu.arch;
        vsr_of(&arch.fp_tm, &arch.vr_tm, n)
    }

    /// Sets the checkpointed VSX register `n`.
    pub(crate) fn set_tm_vsr(&mut self, n: u8, val: [u64; 2]) {
        let arch = &mut self.parts.vcpu.arch;
        set_vsr_of(&mut arch.fp_tm, &mut arch.vr_tm, n, val);
    }

    /// The checkpointed VSCR.
    pub(crate) fn tm_vscr(&self) -> u32 {
        vscr_of(self.parts.vcpu.arch.vr_tm.vscr)
    }

    /// Sets the checkpointed VSCR.
    pub(crate) fn set_tm_vscr(&mut self, val: u32) {
        self.parts.vcpu.arch.vr_tm.vscr = from_vscr(val);
    }
}

/// A vector register as two doublewords, in the order of memory.
fn doublewords(v: bindings::vector128) -> [u64; 2] {
    // SAFETY: A vector register is 16 bytes without invalid values.
    unsafe { core::mem::transmute::<bindings::vector128, [u64; 2]>(v) }
}

/// The converse of [`doublewords`].
fn vector(v: [u64; 2]) -> bindings::vector128 {
    // SAFETY: As above.
    unsafe { core::mem::transmute::<[u64; 2], bindings::vector128>(v) }
}

/// The kernel keeps a VSX register as the host's 128-bit integer: on a little-endian host doubleword 1
/// comes first.
fn in_register_order([a, b]: [u64; 2]) -> [u64; 2] {
    if cfg!(target_endian = "little") {
        [b, a]
    } else {
        [a, b]
    }
}

pub(super) fn vsr_of(
    fp: &bindings::thread_fp_state,
    vr: &bindings::thread_vr_state,
    n: u8,
) -> [u64; 2] {
    let n = usize::from(n);
    in_register_order(match n.checked_sub(32) {
        None => fp.fpr.get(n).copied().unwrap_or_default(),
        Some(v) => vr.vr.get(v).map_or([0; 2], |v| doublewords(*v)),
    })
}

pub(super) fn set_vsr_of(
    fp: &mut bindings::thread_fp_state,
    vr: &mut bindings::thread_vr_state,
    n: u8,
    val: [u64; 2],
) {
    let n = usize::from(n);
    let raw = in_register_order(val);
    match n.checked_sub(32) {
        None => {
            if let Some(fpr) = fp.fpr.get_mut(n) {
                *fpr = raw;
            }
        }
        Some(v) => {
            if let Some(vr) = vr.vr.get_mut(v) {
                *vr = vector(raw);
            }
        }
    }
}

/// VSCR as `lvx` loads it: the least significant word of a vector, the first in memory on a little-endian host.
pub(super) fn vscr_of(v: bindings::vector128) -> u32 {
    let [first, second] = doublewords(v);
    if cfg!(target_endian = "little") {
        first as u32
    } else {
        second as u32
    }
}

/// The converse of [`vscr_of`].
pub(super) fn from_vscr(val: u32) -> bindings::vector128 {
    let val = u64::from(val);
    vector(if cfg!(target_endian = "little") {
        [val, 0]
    } else {
        [0, val]
    })
}

/// An SLB entry in `struct kvm_sregs`.
pub(crate) type SregsSlbe =
    bindings::kvm_sregs__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1;

/// The SLB in a Book3S `struct kvm_sregs`.
pub(crate) fn sregs_slb(sregs: &bindings::kvm_sregs) -> &[SregsSlbe] {
    // SAFETY: All of the union's views are plain integers.
    unsafe { &sregs.u.s.ppc64.slb }
}

/// The SLB in a Book3S `struct kvm_sregs`, to fill.
pub(crate) fn sregs_slb_mut(sregs: &mut Sregs) -> &mut [SregsSlbe] {
    // SAFETY: All of the union's views are plain integers, and an SLB entry is two doublewords.
    unsafe { &mut sregs.views_mut().s.ppc64.slb }
}

/// SDR1 in a Book3S `struct kvm_sregs`.
pub(crate) fn sregs_sdr1(sregs: &bindings::kvm_sregs) -> u64 {
    // SAFETY: All of the union's views are plain integers.
    unsafe { sregs.u.s.sdr1 }
}

/// Sets SDR1 in a Book3S `struct kvm_sregs`.
pub(crate) fn set_sregs_sdr1(sregs: &mut Sregs, sdr1: u64) {
    // SAFETY: It is one doubleword that is assigned to.
    unsafe { sregs.views_mut().s.sdr1 = sdr1 };
}

/// Segment registers, and pairs of BAT registers for code and for data (the lower one in the upper half), in a Book3S
/// `struct kvm_sregs`.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) type Sregs32 = bindings::kvm_sregs__bindgen_ty_1__bindgen_ty_1__bindgen_ty_2;

/// What a 32-bit processor has in a Book3S `struct kvm_sregs`.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) fn sregs_32(sregs: &bindings::kvm_sregs) -> &Sregs32 {
    // SAFETY: All of the union's views are plain integers.
    unsafe { &sregs.u.s.ppc32 }
}

/// What a 32-bit processor has in a Book3S `struct kvm_sregs`, to fill.
#[cfg(CONFIG_KVM_BOOK3S_PR_POSSIBLE)]
pub(crate) fn sregs_32_mut(sregs: &mut Sregs) -> &mut Sregs32 {
    // SAFETY: All of the union's views are plain integers, and this one has no padding.
    unsafe { &mut sregs.views_mut().s.ppc32 }
}

impl WorldSwitch for SwitchVcpu {
    type Exit = Trap;

    #[inline]
    unsafe fn world_switch(&mut self) -> Option<Trap> {
        let parts: *mut Parts = &mut *self.parts;
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
        // SAFETY: Interrupts are hard-disabled (the caller's promise), so the PACA is this CPU's until the
        // switch returns, and what is loaded of DEXCR and the keys is given back before another task runs. `vcpu`, `vcore`, `vpa` and the VM's structure are ours, live in the linear map,
        // and every pointer that the switch follows is set here. The kernel runs as hypervisor with radix
        // translation: the backend is only there if so.
        let trap = unsafe {
            let paca = local_paca();
            (*vcpu).kvm = self.vm.kvm;
            (*vcpu).arch.vcore = vcore;
            (*vcpu).arch.vpa.pinned_addr = vpa.cast();
            (*vcpu).arch.nested = ptr::null_mut();
            (*vcore).pcpu = (*paca).paca_index;
            (*paca).kvm_hstate.kvm_vcpu = vcpu;
            (*paca).kvm_hstate.ptid = 0;
            (*paca).kvm_hstate.fake_suspend = 0;
            if has_dexcr {
                hashpkeyr = bindings::kvm_ppc_load_dexcr(&(*vcpu).arch);
            }
            // The guest's timebase is made from this: there should be little between.
            let mut now = timebase();
            let trap = bindings::kvmhv_vcpu_entry_p9(
                vcpu,
                self.entry.time_limit,
                self.entry.lpcr as usize,
                &mut now,
            );
            if has_dexcr {
                bindings::kvm_ppc_store_dexcr(&mut (*vcpu).arch, hashpkeyr);
            }
            trap
        };
        match trap {
            0 => None,
            vector => Some(Trap::from_raw(vector as u32)),
        }
    }
}
