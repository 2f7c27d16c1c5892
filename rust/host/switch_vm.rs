// SPDX-License-Identifier: GPL-2.0

//! A VM of the world switch, and on which CPUs its guest is.

use super::{
    entry::IrqsHardDisabled,
    features::{Features, HostRegisters},
    lpid::Lpid,
    nested::api::Api,
    once,
    paca::local_paca,
    zeroed::zeroed_box,
};
use crate::bindings;
use core::ptr;
use kernel::{
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

/// A VM as the kernel's world switch needs it.
pub(crate) struct SwitchVm {
    /// The kernel's structure.
    pub(super) kvm: *mut bindings::kvm,
    /// The per-CPU variable that says in which VM's guest a CPU is.
    in_guest: *mut *mut bindings::kvm,
    /// The processor has DEXCR and the keys of the hash instructions.
    pub(super) has_dexcr: bool,
    /// For each CPU, how many threads keep vCPUs from entering there while they change the flush mask.
    closed: KVVec<Atomic<u32>>,
    /// The interface to the hypervisor that runs the guest; `None` on bare metal.
    pub(super) api: Option<Api>,
    /// The partition.
    pub(super) lpid: Arc<Lpid>,
}

// SAFETY: After `new`, only the kernel and `vcpu_moved` change the structure, by atomic operations on the flush mask;
// `set_fwnmi` writes a byte that is only ever set.
unsafe impl Send for SwitchVm {}
// SAFETY: As above.
unsafe impl Sync for SwitchVm {}

/// How many congruence classes of the TLB a flush by `tlbiel` has to go through: on POWER10 one `tlbiel` flushes all.
const fn tlb_sets(radix: bool, features: Features) -> u32 {
    match (features.arch_31(), radix) {
        (true, _) => 1,
        (false, true) => 128,
        (false, false) => 256,
    }
}

impl SwitchVm {
    /// For a radix guest with this LPID.
    pub(crate) fn new(lpid: Arc<Lpid>, host: &HostRegisters, features: Features) -> Result<Self> {
        // SAFETY: The structure is the kernel's plain C; zero is a value of every field.
        let mut kvm = unsafe { zeroed_box::<bindings::kvm>()? };
        let arch = &mut kvm.arch;
        arch.radix = 1;
        arch.lpid = lpid.id();
        arch.host_lpid = host.lpid;
        arch.host_lpcr = host.lpcr as usize;
        arch.tlb_sets = tlb_sets(true, features);
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
            // The second interface has the hypervisor switch them.
            has_dexcr: features.arch_31() && Api::in_use().is_none_or(|api| !api.switches_all()),
            closed,
            api: Api::in_use(),
            lpid,
        })
    }

    /// Says whether the guest uses radix or hash. No vCPU may be running.
    pub(crate) fn set_radix(&self, radix: bool, features: Features) {
        // SAFETY: The structure lives as long as `self`; the switch, which does not run, reads these fields only.
        unsafe {
            ptr::addr_of_mut!((*self.kvm).arch.radix).write_volatile(radix.into());
            ptr::addr_of_mut!((*self.kvm).arch.tlb_sets).write_volatile(tlb_sets(radix, features));
        }
    }

    /// Makes the guest handle its machine checks itself.
    pub(crate) fn set_fwnmi(&self) {
        // SAFETY: The structure lives as long as `self`; the byte is only read by the switch.
        unsafe { ptr::addr_of_mut!((*self.kvm).arch.fwnmi_enabled).write_volatile(1) };
    }

    /// Handles that a vCPU has moved from CPU `from` to `to`. An invalidation that the guest may have begun on `from`
    /// is finished there (a `tlbie` too, if the guest may use it, `gtse`); returns whether that was done. If `to` is on
    /// another core, the guest's translations on the core of `from` may become stale: the next entry there flushes
    /// them, and vCPUs that are in the guest there now are made to enter again. Waits for other CPUs, so interrupts
    /// have to be enabled. In a partition all of this is up to the hypervisor, which knows the vCPU by its number.
    pub(crate) fn vcpu_moved(&self, from: u32, to: u32, gtse: bool) -> bool {
        if self.api.is_some() {
            return false;
        }
        let closed = self.closed.as_ptr().cast_mut().cast();
        // SAFETY: The structure lives as long as `self`, and its mask is changed atomically, as are the counters in
        // `closed`, of which each CPU has one.
        unsafe { bindings::kvm_ppc_vcpu_moved(self.kvm, closed, from, to, gtse) }
    }

    /// This CPU's variable that says in which VM's guest it is.
    #[inline(always)]
    fn in_guest_here(&self, _irqs: &IrqsHardDisabled) -> *mut *mut bindings::kvm {
        // SAFETY: Interrupts are off, so this stays the CPU, and its PACA is valid.
        let offset = unsafe { (*local_paca()).data_offset };
        self.in_guest.wrapping_byte_add(offset as usize)
    }

    /// Notes that this CPU is about to enter the VM's guest. A full barrier has to follow, then the test of
    /// [`closed`](Self::closed), then the entry.
    #[inline(always)]
    pub(crate) fn entering(&self, irqs: &IrqsHardDisabled) {
        // SAFETY: A variable of this CPU's, which others only read.
        unsafe { self.in_guest_here(irqs).write_volatile(self.kvm) };
    }

    /// Notes that the guest has exited, or was not entered after all.
    #[inline(always)]
    pub(crate) fn left(&self, irqs: &IrqsHardDisabled) {
        // SAFETY: As in `entering`. A thread that still reads the old value sends an unnecessary interrupt.
        unsafe { self.in_guest_here(irqs).write_volatile(ptr::null_mut()) };
    }

    /// Is `cpu` closed to vCPUs of the VM at the moment? Then the vCPU has to enable interrupts and try again.
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
