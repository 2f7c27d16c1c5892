// SPDX-License-Identifier: GPL-2.0

//! Translation control entries, which translate a partition's I/O bus addresses to real addresses.
//!
//! Source: PAPR, "TCE hcall()s" (H_PUT_TCE, H_GET_TCE, H_STUFF_TCE, H_PUT_TCE_INDIRECT) and the chapter on DMA windows.

register! {
    /// A translation control entry: the I/O page's real address, and what the device may do there. Without a permission
    /// the entry is invalid, and its address has no meaning.
    Tce {
        /// The device may write.
        WRITE = 62,
        /// The device may read.
        READ = 63,
    }
}

impl Tce {
    /// What the device may do.
    pub const PERMISSIONS: Self = Self(Self::READ.0 | Self::WRITE.0);

    /// Does it permit any access?
    #[inline]
    pub const fn permits(self) -> bool {
        self.intersects(Self::PERMISSIONS)
    }

    /// The real address, without the permissions.
    #[inline]
    pub const fn address(self) -> u64 {
        self.without(Self::PERMISSIONS).raw()
    }
}

/// The most entries that H_PUT_TCE_INDIRECT takes; they fill [`LIST_ALIGN`] bytes.
pub const LIST_ENTRIES: u64 = 512;

/// Alignment of the list of H_PUT_TCE_INDIRECT, in bytes.
pub const LIST_ALIGN: u64 = 4096;

/// Bytes of an entry.
pub const ENTRY_BYTES: u64 = 8;

/// The I/O bus addresses that a table translates, in I/O pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    page_shift: u32,
    first: u64,
    entries: u64,
}

impl Window {
    /// log2 of the size of an I/O page: 4 KB to 16 GB.
    pub const PAGE_SHIFTS: core::ops::RangeInclusive<u32> = 12..=34;

    /// A window of `entries` I/O pages of 2^`page_shift` bytes that begins `first` pages above bus address 0. `None` if
    /// `entries` is 0, if the page size does not exist, or if the window does not end below the last page of the 64-bit
    /// bus.
    pub fn new(page_shift: u32, first: u64, entries: u64) -> Option<Self> {
        if entries == 0 || !Self::PAGE_SHIFTS.contains(&page_shift) {
            return None;
        }
        let end = first.checked_add(entries)?;
        (end <= u64::MAX >> page_shift).then_some(Self {
            page_shift,
            first,
            entries,
        })
    }

    /// How many entries the table has: below 2^52.
    #[inline]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// log2 of the size of an I/O page.
    #[inline]
    pub const fn page_shift(&self) -> u32 {
        self.page_shift
    }

    /// The number of the I/O page that the entry at `index` translates, counted from bus address 0.
    #[inline]
    pub const fn page(&self, index: u64) -> u64 {
        self.first.wrapping_add(index)
    }

    /// The index of the first of `count` entries from bus address `ioba` on. `None` (H_PARAMETER) if `ioba` does not
    /// begin an I/O page, or if not all entries are in the window. `count` may be 0.
    #[inline]
    pub const fn index(&self, ioba: u64, count: u64) -> Option<u64> {
        let page = ioba >> self.page_shift;
        if page << self.page_shift != ioba || page < self.first {
            return None;
        }
        let index = page - self.first;
        if index <= self.entries && count <= self.entries - index {
            Some(index)
        } else {
            None
        }
    }

    /// Does the real address `address` begin an I/O page?
    #[inline]
    pub const fn aligned(&self, address: u64) -> bool {
        address & ((1 << self.page_shift) - 1) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_the_low_bits() {
        assert!(!Tce::from_raw(0xffff_ffff_ffff_fffc).permits());
        for bits in 1..=3 {
            let tce = Tce::from_raw(0x1234_5000 | bits);
            assert!(tce.permits());
            assert_eq!(tce.address(), 0x1234_5000);
        }
        assert_eq!(Tce::READ.raw(), 1);
        assert_eq!(Tce::WRITE.raw(), 2);
    }

    #[test]
    fn windows() {
        let all = u64::MAX >> 12;
        assert!(Window::new(12, 0, all).is_some());
        assert_eq!(Window::new(12, 0, all + 1), None);
        assert!(Window::new(12, all - 1, 1).is_some());
        assert_eq!(Window::new(12, all, 1), None);
        assert_eq!(Window::new(12, u64::MAX, 2), None);
        assert_eq!(Window::new(12, u64::MAX, u64::MAX), None);
        assert_eq!(Window::new(12, 0, 0), None);
        for shift in [0, 11, 35, 63, 64, u32::MAX] {
            assert_eq!(Window::new(shift, 0, 1), None);
        }
        assert!(Window::new(34, 0, u64::MAX >> 34).is_some());
    }

    #[test]
    fn indices() {
        let w = Window::new(16, 0x8000, 10).unwrap();
        let base = 0x8000 << 16;
        assert_eq!(w.entries(), 10);
        assert_eq!(w.index(base, 1), Some(0));
        assert_eq!(w.index(base, 10), Some(0));
        assert_eq!(w.index(base, 11), None);
        assert_eq!(w.index(base + 0x9_0000, 1), Some(9));
        assert_eq!(w.index(base + 0x9_0000, 2), None);
        // No entries are permitted at the window's end, but not past it.
        assert_eq!(w.index(base + 0xa_0000, 0), Some(10));
        assert_eq!(w.index(base + 0xa_0000, 1), None);
        assert_eq!(w.index(base + 0xb_0000, 0), None);
        assert_eq!(w.index(base - 0x1_0000, 1), None);
        assert_eq!(w.index(base + 0x1000, 1), None);
        assert_eq!(w.index(base + 1, 1), None);
        assert_eq!(w.index(base, u64::MAX), None);
        assert_eq!(w.index(u64::MAX << 16, u64::MAX), None);
        assert_eq!(w.index(0, 1), None);
    }

    #[test]
    fn alignment() {
        let w = Window::new(12, 0, 1).unwrap();
        assert!(w.aligned(0) && w.aligned(0x1000) && w.aligned(1 << 63));
        assert!(!w.aligned(0x800) && !w.aligned(4));
        let w = Window::new(34, 0, 1).unwrap();
        assert!(w.aligned(1 << 34) && !w.aligned(1 << 33));
    }

    #[test]
    fn a_list_fills_its_page() {
        assert_eq!(LIST_ENTRIES * ENTRY_BYTES, LIST_ALIGN);
    }
}
