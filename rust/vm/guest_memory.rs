// SPDX-License-Identifier: GPL-2.0

//! The kernel's own accesses to guest memory, through the owner's address space.

use super::{backend::Backend, gfn::Gfn, memslot::MemSlot, vm::Vm};
use crate::host::mm;
#[cfg(CONFIG_PPC_BOOK3S_64)]
use crate::host::user_count::CounterArea;
use kernel::{
    page::{PAGE_MASK, PAGE_SHIFT},
    prelude::*,
    uaccess::UserSlice,
};

/// The guest frame number of a guest physical address.
pub(crate) const fn gfn_of(gpa: u64) -> Gfn {
    gpa >> PAGE_SHIFT
}

// Where `gpa`, which lies in `slot`, is in the owner's address space, and how many of `len` bytes
// from there on lie in the slot.
fn piece(slot: &MemSlot, gpa: u64, len: usize) -> (usize, usize) {
    let hva = slot.hva(gfn_of(gpa)) + (gpa as usize & !PAGE_MASK);
    (hva, len.min(slot.hvas().end - hva))
}

impl<B: Backend> Vm<B> {
    /// Reads guest physical memory. `EFAULT` if not all of it is memory that can be read; then
    /// `data` may be filled in part. Sleeps; the current process has to be the VM's.
    pub(crate) fn read_guest(&self, gpa: u64, data: &mut [u8]) -> Result {
        match self.read_if_memory(gpa, data)? {
            true => Ok(()),
            false => Err(EFAULT),
        }
    }

    /// Writes guest physical memory, and notes it in the dirty log. `EFAULT` if not all of it is
    /// memory that the guest may write; then some of it may be written. Sleeps; the current process
    /// has to be the VM's.
    pub(crate) fn write_guest(&self, gpa: u64, data: &[u8]) -> Result {
        match self.write_if_memory(gpa, data)? {
            true => Ok(()),
            false => Err(EFAULT),
        }
    }

    /// In the `size` bytes at `gpa`, all in one slot, adds one to the big-endian word at offset `counter` if that makes
    /// it `odd`, or even if not, and returns the byte at offset `byte`. Fails and sleeps as
    /// [`write_guest`](Self::write_guest) does.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn count_in_guest(
        &self,
        gpa: u64,
        size: u32,
        counter: u32,
        byte: u32,
        odd: bool,
    ) -> Result<u8> {
        if !mm::is_current(&self.mm) {
            return Err(EFAULT);
        }
        // The slots are held until the write is noted, as in `write_if_memory`.
        let slots = self.slots.read();
        let slot = slots.find(gfn_of(gpa)).filter(|s| !s.readonly());
        let slot = slot.ok_or(EFAULT)?;
        let (hva, within) = piece(slot, gpa, size as usize);
        if within < size as usize {
            return Err(EFAULT);
        }
        let area = CounterArea {
            hva,
            size,
            counter,
            byte,
        };
        let (changed, byte) = area.count(odd)?;
        if changed {
            slot.mark_dirty(gfn_of(gpa.wrapping_add(counter.into())));
        }
        Ok(byte)
    }

    /// As [`read_guest`](Self::read_guest), but returns `false` if not all of it is memory. Looking for a slot first
    /// would not do, because the slots may change before the read.
    pub(crate) fn read_if_memory(&self, gpa: u64, data: &mut [u8]) -> Result<bool> {
        if !mm::is_current(&self.mm) {
            return Err(EFAULT);
        }
        let slots = self.slots.read();
        let (mut gpa, mut data) = (gpa, data);
        while !data.is_empty() {
            let Some(slot) = slots.find(gfn_of(gpa)) else {
                return Ok(false);
            };
            let (hva, len) = piece(slot, gpa, data.len());
            let (now, rest) = data.split_at_mut_checked(len).ok_or(EFAULT)?;
            UserSlice::new(UserPtr::from_addr(hva), len)
                .reader()
                .read_slice(now)?;
            gpa = gpa.wrapping_add(len as u64);
            data = rest;
        }
        Ok(true)
    }

    /// As [`write_guest`](Self::write_guest), but returns `false` if not all of it is memory that the guest may write.
    pub(crate) fn write_if_memory(&self, gpa: u64, data: &[u8]) -> Result<bool> {
        if !mm::is_current(&self.mm) {
            return Err(EFAULT);
        }
        // The slots are held until the write is noted, so that logging cannot begin in between.
        let slots = self.slots.read();
        let (mut gpa, mut data) = (gpa, data);
        while !data.is_empty() {
            let Some(slot) = slots.find(gfn_of(gpa)).filter(|s| !s.readonly()) else {
                return Ok(false);
            };
            let (hva, len) = piece(slot, gpa, data.len());
            let (now, rest) = data.split_at_checked(len).ok_or(EFAULT)?;
            UserSlice::new(UserPtr::from_addr(hva), len)
                .writer()
                .write_slice(now)?;
            let last = gpa.wrapping_add(len as u64 - 1);
            slot.mark_dirty_range(gfn_of(gpa)..gfn_of(last) + 1);
            gpa = gpa.wrapping_add(len as u64);
            data = rest;
        }
        Ok(true)
    }
}
