// SPDX-License-Identifier: GPL-2.0

//! Logical partition ids, their partition table entries, and the translations that the hardware caches for them.

use super::{
    nested::{self, api::Api, Flush},
    once,
    table::Table,
};
use crate::{
    bindings,
    isa::rpte::{Geometry, Patb0, Patb1},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering::Full, ordering::Relaxed, Atomic},
        Arc,
    },
};

const WORDS: usize = 64;

/// A bitmap of the ids in use. Id 0 is the host's. Only the first 4096 ids are ever handed out.
static USED: [Atomic<u64>; WORDS] = {
    let mut used = [const { Atomic::new(0) }; WORDS];
    used[0] = Atomic::new(1);
    used
};

/// A partition of ours: its id, its entry in the partition table, and its cached translations.
pub(crate) struct Lpid {
    id: u64,
    /// The interface to the hypervisor that has it; `None` for the hardware.
    api: Option<Api>,
    /// The hypervisor's guest, if it is that which gives ids.
    guest: Option<Pin<KBox<nested::Guest>>>,
    /// Whether the hypervisor did not flush something when asked to.
    stale: Atomic<u32>,
    /// How many vCPUs have been made.
    vcpus: Atomic<u32>,
}

impl Lpid {
    /// Allocates a free id. Returns `ENOMEM` if there is none, as kvm-hv does; a hypervisor below may also answer
    /// `EPERM`, `EBUSY` or `EINVAL`. May sleep.
    pub(crate) fn alloc() -> Result<Self> {
        let api = Api::in_use();
        if let Some(guest) = api.and_then(nested::new_guest) {
            let guest = guest?;
            return Ok(Self {
                id: guest.id(),
                api,
                guest: Some(guest),
                stale: Atomic::new(0),
                vcpus: Atomic::new(0),
            });
        }
        // A partition has no LPIDR; its hypervisor takes any id that the partition table has an entry for.
        let bits = match api {
            Some(_) => nested::LPID_BITS,
            // SAFETY: Set at boot, constant since.
            None => unsafe { bindings::mmu_lpid_bits }.min(12),
        };
        let ids = 1u64 << bits;
        for (word, base) in USED.iter().zip((0u64..ids).step_by(64)) {
            let mut used = word.load(Relaxed);
            while used != u64::MAX {
                let bit = u64::from(used.trailing_ones());
                match word.cmpxchg(used, used | 1 << bit, Relaxed) {
                    Ok(_) if base + bit < ids => {
                        return Ok(Self {
                            id: base + bit,
                            api,
                            guest: None,
                            stale: Atomic::new(0),
                            vcpus: Atomic::new(0),
                        })
                    }
                    // The hardware does not have this id, so it stays marked as in use.
                    Ok(_) => break,
                    Err(now) => used = now,
                }
            }
        }
        Err(ENOMEM)
    }

    /// The id, which on bare metal is that of LPIDR.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The hypervisor's guest, if it is that which gives ids.
    pub(super) fn guest(&self) -> Option<&nested::Guest> {
        self.guest.as_deref()
    }

    /// The number of a new vCPU.
    pub(super) fn next_vcpu(&self) -> u32 {
        self.vcpus.fetch_add(1, Relaxed)
    }

    /// LPIDR's value.
    pub(super) fn lpidr(&self) -> u32 {
        self.id as u32
    }

    /// Writes the partition table entry, and flushes every translation cached under the id. Returns `EIO` if a
    /// hypervisor below does not do that.
    ///
    /// # Safety
    ///
    /// `patb0` must name a tree or a hashed table that stays valid, and maps nothing that the guest may not access, until
    /// the entry is written again.
    pub(super) unsafe fn set_partition(&self, patb0: Patb0, patb1: Patb1) -> Result {
        if self.api.is_some() {
            // SAFETY: The caller's promise.
            let done = unsafe {
                match self.guest() {
                    Some(guest) => guest.set_partition(patb0, patb1),
                    None => nested::set_partition(self.id, patb0, patb1),
                }
            };
            return if done { Ok(()) } else { Err(EIO) };
        }
        // SAFETY: The id is ours; the caller answers for the tree.
        unsafe {
            bindings::mmu_partition_table_set_entry(
                self.lpidr(),
                patb0.raw() as usize,
                patb1.raw() as usize,
                true,
            )
        };
        Ok(())
    }

    /// Flushes the partition-scoped translations of the page of 2^`shift` bytes at guest real address `gpa` on all
    /// CPUs, and waits until no access uses one any more.
    #[inline]
    pub(crate) fn flush_page(&self, gpa: u64, shift: u32) {
        if self.flush_below(Flush::Page(gpa, shift)) {
            return;
        }
        // SAFETY: Invalidating is always safe.
        unsafe {
            bindings::radix__flush_tlb_lpid_page(
                self.lpidr(),
                (gpa & !((1 << shift) - 1)) as usize,
                1 << shift,
            )
        };
    }

    /// Flushes cached directory entries, after a table was taken out of the tree.
    pub(crate) fn flush_directories(&self) {
        if self.flush_below(Flush::Directories) {
            return;
        }
        // SAFETY: Invalidating is always safe.
        unsafe { bindings::radix__flush_pwc_lpid(self.lpidr()) };
    }

    /// Has a hypervisor below flush something. Returns false if there is none, so that the hardware has to be told.
    #[inline]
    fn flush_below(&self, what: Flush) -> bool {
        let Some(api) = self.api else {
            return false;
        };
        if !nested::flush(api, self.id, what) {
            self.not_flushed();
        }
        true
    }

    /// Notes that the hypervisor has not done what it was asked to.
    #[cold]
    fn not_flushed(&self) {
        if self.stale.xchg(1, Full) == 0 {
            pr_err!("the hypervisor does not flush translations; a guest is stopped\n");
        }
        // What runs now does not use them after this, and nothing is entered again.
        nested::exit_guests();
    }

    /// Did the hypervisor refuse to flush translations? Then the guest may reach memory that is not its own any more,
    /// so it must not be entered again.
    #[inline]
    pub(crate) fn is_stale(&self) -> bool {
        once::read_u32(&self.stale) != 0
    }

    /// Flushes every partition-scoped translation.
    pub(crate) fn flush_all(&self) {
        if self.flush_below(Flush::Translations) {
            return;
        }
        // SAFETY: Invalidating is always safe.
        unsafe { bindings::radix__flush_all_lpid(self.lpidr()) };
    }

    /// Flushes process-scoped translations for `H_RPT_INVALIDATE`; the arguments are the hcall's.
    pub(crate) fn invalidate_process(
        &self,
        pid: u64,
        kind: u64,
        page_sizes: u64,
        start: u64,
        end: u64,
    ) {
        // The kernel walks the range in steps of up to 1 GB. A step past the end of the address space would wrap, and
        // the loop would never end. So a range that ends there is replaced by all of the process's address space, (0,
        // !0).
        const LAST_END: u64 = u64::MAX - (1 << 30);
        let (start, end) = if end > LAST_END {
            (0, u64::MAX)
        } else {
            (start, end)
        };
        // SAFETY: Invalidating is always safe.
        unsafe {
            bindings::do_h_rpt_invalidate_prt(
                pid as usize,
                self.id as usize,
                kind as usize,
                page_sizes as usize,
                start as usize,
                end as usize,
            )
        };
    }
}

/// A tree that the hardware walks for a partition.
pub(crate) struct Attachment {
    lpid: Arc<Lpid>,
    patb0: Patb0,
}

impl Attachment {
    /// Makes the hardware walk the tree of this geometry with the root table `root`. `patb1` says where the guest's
    /// process table is. Returns `EIO` if a hypervisor below does not take that.
    ///
    /// # Safety
    ///
    /// Until the attachment is dropped, `root` and the tables it leads to must stay valid, and map nothing that the
    /// guest may not access.
    pub(crate) unsafe fn new(
        lpid: Arc<Lpid>,
        root: &Table,
        geometry: Geometry,
        patb1: Patb1,
    ) -> Result<Self> {
        let patb0 = Patb0::radix(root.real_address(), geometry);
        // SAFETY: The caller answers for the tree.
        unsafe { lpid.set_partition(patb0, patb1)? };
        Ok(Self { lpid, patb0 })
    }

    /// Sets where the guest's process table is. Returns `EIO` as above.
    pub(crate) fn set_process_table(&self, patb1: Patb1) -> Result {
        // SAFETY: The tree is the same as before. The process table's address and the addresses in the table are guest
        // real addresses, which the tree translates.
        unsafe { self.lpid.set_partition(self.patb0, patb1) }
    }

    /// The partition.
    pub(crate) fn lpid(&self) -> &Lpid {
        &self.lpid
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if let Some(guest) = self.lpid.guest() {
            // The VM is going, so none of its vCPUs runs, or will.
            guest.delete();
            return;
        }
        // SAFETY: An empty entry maps nothing.
        if unsafe { self.lpid.set_partition(Patb0::EMPTY, Patb1::EMPTY) }.is_err() {
            pr_err!("the hypervisor does not forget a guest's tables\n");
        }
    }
}

impl Drop for Lpid {
    fn drop(&mut self) {
        if self.guest.is_some() {
            return;
        }
        if let Some(word) = USED.get(self.id as usize / 64) {
            let bit = 1u64 << (self.id % 64);
            let mut used = word.load(Relaxed);
            while let Err(now) = word.cmpxchg(used, used & !bit, Relaxed) {
                used = now;
            }
        }
    }
}
