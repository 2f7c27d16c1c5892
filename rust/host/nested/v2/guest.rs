// SPDX-License-Identifier: GPL-2.0

//! A guest of the hypervisor's.

use super::{super::emulated::emulated, buffer::Buffer, hcall, state::Vcpu};
use crate::isa::{
    gsb::{Id, Scope, Writer},
    hcall::HReturn,
    rpte::{Patb0, Patb1},
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{ordering::Full, ordering::Relaxed, Atomic},
        SpinLock,
    },
};

/// A guest, until it is deleted.
#[pin_data(PinnedDrop)]
pub(crate) struct Guest {
    id: u64,
    /// The number of the next vCPU. They are numbered as they are made: the hypervisor takes no number above 2047, and
    /// ids of KVM's may be higher.
    next: Atomic<u32>,
    deleted: Atomic<u32>,
    /// For what is told of the whole guest, which is told under locks, where nothing can be allocated.
    #[pin]
    buffer: SpinLock<Buffer>,
}

impl Guest {
    /// A new guest. May sleep. Errors: `ENOMEM`, `EPERM`, `EBUSY` and `EINVAL`, as the hypervisor answers.
    pub(crate) fn new() -> Result<Pin<KBox<Self>>> {
        let buffer = Buffer::new()?;
        let id = hcall::create()?;
        let made = KBox::pin_init(
            pin_init!(Self {
                id,
                next: Atomic::new(0),
                deleted: Atomic::new(0),
                buffer <- new_spinlock!(buffer),
            }),
            GFP_KERNEL_ACCOUNT,
        );
        if made.is_err() {
            hcall::delete(id);
        }
        made
    }

    /// Its id.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Deletes it with its vCPUs, none of which may be running. May sleep.
    pub(crate) fn delete(&self) {
        if self.deleted.xchg(1, Full) == 0 {
            hcall::delete(self.id);
        }
    }

    /// A new vCPU. May sleep. Errors: as of [`new`](Self::new), and `EIO`.
    pub(crate) fn new_vcpu(&self) -> Result<KBox<Vcpu>> {
        let mut number = self.next.load(Relaxed);
        // Another thread may have made that one.
        while hcall::create_vcpu(self.id, number.into())?.is_none() {
            number += 1;
        }
        let _ = self.next.cmpxchg(number, number + 1, Relaxed);
        Vcpu::new(self.id, number.into())
    }

    /// Tells the hypervisor of the guest's tree and process table. Returns false if it does not take them.
    ///
    /// # Safety
    ///
    /// As `Lpid::set_partition`.
    #[must_use]
    pub(crate) unsafe fn set_partition(&self, patb0: Patb0, patb1: Patb1) -> bool {
        let mut buffer = self.buffer.lock();
        let written = Writer::new(buffer.bytes_mut()).and_then(|mut w| {
            let tree = [
                patb0.root(),
                patb0.address_bits().into(),
                patb0.root_bytes(),
            ];
            w.put_triple(Id::PARTITION_TABLE, tree)?;
            w.put_pair(
                Id::PROCESS_TABLE,
                [patb1.base(), process_table_bytes(patb1)],
            )
        });
        if written.is_err() {
            return false;
        }
        // SAFETY: The caller answers for the tree; the process table's address is a guest real one.
        let code =
            unsafe { hcall::set_state(Scope::Guest, self.id, 0, buffer.real(), Buffer::BYTES) };
        if code != HReturn::H_SUCCESS {
            pr_err!("the hypervisor does not take a guest's tables: {code:?}\n");
        }
        code == HReturn::H_SUCCESS
    }
}

#[pinned_drop]
impl PinnedDrop for Guest {
    fn drop(self: Pin<&mut Self>) {
        self.delete();
    }
}

/// What the hypervisor is told of the process table's size. PIDs have 20 bits, so a table has 16 MiB at most. QEMU's
/// emulation knows two sizes only, and ends if it is told another. In a table that is smaller than what is told, PIDs
/// beyond its end lead to other memory of the guest; software does not use such PIDs.
fn process_table_bytes(table: Patb1) -> u64 {
    const MOST: u64 = 1 << 24;
    match table.table_bytes() {
        Some(4096) => 4096,
        Some(bytes) if !emulated() => bytes.min(MOST),
        _ => MOST,
    }
}
