// SPDX-License-Identifier: GPL-2.0

//! Pages whose translations have to be invalidated.

/// RB of the `tlbie` for each of a few pages, or that there are too many to name.
#[derive(Default)]
pub struct Stale {
    pages: [u64; Self::FEW],
    count: usize,
}

impl Stale {
    /// With more pages than this, all translations of the partition are invalidated at once.
    const FEW: usize = 16;

    /// Notes a page.
    pub fn add(&mut self, rb: u64) {
        if let Some(place) = self.pages.get_mut(self.count) {
            *place = rb;
        }
        self.count = self.count.saturating_add(1);
    }

    /// No page was noted.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The pages; `None` if there are too many.
    pub fn few(&self) -> Option<&[u64]> {
        self.pages.get(..self.count)
    }
}
