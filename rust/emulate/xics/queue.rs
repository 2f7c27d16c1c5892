// SPDX-License-Identifier: GPL-2.0

//! The interrupts that wait for an ICP: a ring of sources for each priority, linked by their numbers.

use super::number::Irq;

const PRIORITIES: usize = 256;

/// Those that wait for one ICP.
pub(super) struct Queue {
    // The oldest of each priority, 0 if there is none.
    first: [Irq; PRIORITIES],
    // A bit for each priority that has any, the most favoured one uppermost.
    any: [u64; PRIORITIES / 64],
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            first: [0; PRIORITIES],
            any: [0; PRIORITIES / 64],
        }
    }
}

impl Queue {
    /// The oldest one of the most favoured priority.
    pub(super) fn first(&self) -> Option<(u8, Irq)> {
        for (i, bits) in self.any.iter().enumerate() {
            if *bits != 0 {
                let priority = (i * 64) as u32 + bits.leading_zeros();
                let irq = self.first.get(priority as usize)?;
                return Some((priority as u8, *irq));
            }
        }
        None
    }

    /// The oldest one of a priority, 0 if there is none.
    pub(super) fn oldest(&self, priority: u8) -> Irq {
        self.first.get(usize::from(priority)).copied().unwrap_or(0)
    }

    /// Sets that.
    pub(super) fn set_oldest(&mut self, priority: u8, irq: Irq) {
        let bit = 1 << (63 - priority % 64);
        if let Some(first) = self.first.get_mut(usize::from(priority)) {
            *first = irq;
        }
        if let Some(any) = self.any.get_mut(usize::from(priority / 64)) {
            match irq {
                0 => *any &= !bit,
                _ => *any |= bit,
            }
        }
    }
}

/// Where a source is in a ring; both are the source itself if it is alone.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) older: Irq,
    pub(super) newer: Irq,
}
