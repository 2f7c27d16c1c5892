// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls of PAPR guests, as far as they are the same whatever the backend.

use super::{backend::Backend, Vm};
use crate::{
    host::once,
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::PageFlags,
    },
};
use kernel::sync::atomic::{ordering::Relaxed, Atomic};

/// Words of a bitmap of PAPR's hcall numbers.
const WORDS: usize = Hcall::PAPR_COUNT.div_ceil(64);

/// The hcalls that are handled in the kernel; others go to userspace.
pub(crate) struct EnabledHcalls([Atomic<u64>; WORDS]);

impl EnabledHcalls {
    /// These are enabled.
    pub(crate) fn new(hcalls: &[Hcall]) -> Self {
        let this = Self([const { Atomic::new(0) }; WORDS]);
        for hcall in hcalls {
            this.enable(*hcall, true);
        }
        this
    }

    /// Does userspace want this hcall handled here? Hcalls outside PAPR's range always are.
    #[inline]
    pub(crate) fn enabled(&self, hcall: Hcall) -> bool {
        match hcall.papr_index() {
            Some(index) => self
                .0
                .get(index / 64)
                .is_some_and(|w| once::read_u64(w) >> (index % 64) & 1 != 0),
            None => hcall.raw() > Hcall::MAX_PAPR.raw(),
        }
    }

    /// `KVM_CAP_PPC_ENABLE_HCALL`, the number checked.
    pub(crate) fn enable(&self, hcall: Hcall, on: bool) {
        let Some(index) = hcall.papr_index() else {
            return;
        };
        let Some(word) = self.0.get(index / 64) else {
            return;
        };
        let bit = 1u64 << (index % 64);
        let mut old = word.load(Relaxed);
        loop {
            let new = if on { old | bit } else { old & !bit };
            match word.cmpxchg(old, new, Relaxed) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }
}

/// `H_PAGE_INIT(flags, destination, source)`: zeroes or copies 4 KB. The cache flags need nothing: the
/// hardware keeps instruction and data caches coherent.
pub(crate) fn page_init<B: Backend>(vm: &Vm<B>, flags: PageFlags, dest: u64, src: u64) -> HReturn {
    const SIZE: u64 = PageFlags::PAGE_INIT_SIZE;
    let copy = flags.contains(PageFlags::COPY_PAGE);
    if flags.intersects(PageFlags::from_raw(!PageFlags::PAGE_INIT.raw()))
        || dest % SIZE != 0
        || (copy && src % SIZE != 0)
    {
        return HReturn::H_PARAMETER;
    }
    if !copy && !flags.contains(PageFlags::ZERO_PAGE) {
        return HReturn::H_SUCCESS;
    }
    let mut buffer = [0u8; 512];
    for offset in (0..SIZE).step_by(buffer.len()) {
        let read = match copy {
            true => vm.read_guest(src + offset, &mut buffer),
            false => Ok(()),
        };
        if read
            .and_then(|()| vm.write_guest(dest + offset, &buffer))
            .is_err()
        {
            return HReturn::H_PARAMETER;
        }
    }
    HReturn::H_SUCCESS
}

/// The bytes of an access by `H_LOGICAL_CI_LOAD` or `_STORE`.
fn ci_size(size: u64) -> Option<usize> {
    matches!(size, 1 | 2 | 4 | 8).then_some(size as usize)
}

/// `H_LOGICAL_CI_LOAD(size, address)` from what userspace has put on the bus; else, `None`, it is userspace's.
pub(crate) fn logical_ci_load<B: Backend>(vm: &Vm<B>, size: u64, gpa: u64) -> Option<u64> {
    let size = ci_size(size)?;
    let mut bytes = [0u8; 8];
    if !vm.mmio_read(gpa, bytes.get_mut(8 - size..)?) {
        return None;
    }
    Some(u64::from_be_bytes(bytes))
}

/// `H_LOGICAL_CI_STORE(size, address, value)` likewise: ioeventfds, mostly. Says whether it was done.
pub(crate) fn logical_ci_store<B: Backend>(vm: &Vm<B>, size: u64, gpa: u64, value: u64) -> bool {
    let bytes = value.to_be_bytes();
    ci_size(size)
        .and_then(|size| bytes.get(8 - size..))
        .is_some_and(|bytes| vm.mmio_write(gpa, bytes))
}
