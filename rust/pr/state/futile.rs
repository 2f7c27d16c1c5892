// SPDX-License-Identifier: GPL-2.0

//! Where it is not worth looking at the code behind an emulated instruction.

/// Addresses behind which no instruction could be executed together with the one before. An address may be displaced by
/// another.
pub(crate) struct Futile([u64; 64]);

impl Futile {
    /// None.
    pub(crate) const fn new() -> Self {
        Self([u64::MAX; _])
    }

    /// The place that an address has in the array.
    #[inline]
    fn slot(&mut self, ea: u64) -> Option<&mut u64> {
        let at = (ea >> 2) as usize % self.0.len();
        self.0.get_mut(at)
    }

    /// Is `ea` known to be one?
    #[inline]
    pub(crate) fn contains(&mut self, ea: u64) -> bool {
        self.slot(ea).is_some_and(|slot| *slot == ea)
    }

    /// From now on `ea` is known to be one.
    #[inline]
    pub(crate) fn insert(&mut self, ea: u64) {
        if let Some(slot) = self.slot(ea) {
            *slot = ea;
        }
    }
}
