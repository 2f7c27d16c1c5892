// SPDX-License-Identifier: GPL-2.0

//! Events that are pending for a vCPU of a Book III processor: external interrupts, doorbells, prods.

use crate::{bindings, host::once};
use kernel::sync::atomic::{ordering::Full, Atomic};

/// Events that a vCPU has to handle before it runs or sleeps, as bits that any thread may set and clear.
pub(crate) struct Events(Atomic<u32>);

impl Events {
    /// `KVM_INTERRUPT_SET`: an external interrupt until it is delivered.
    pub(crate) const EXTERNAL_ONESHOT: u32 = 1;
    /// `KVM_INTERRUPT_SET_LEVEL`: an external interrupt until `KVM_INTERRUPT_UNSET`.
    pub(crate) const EXTERNAL_LEVEL: u32 = 2;
    /// An external interrupt.
    pub(crate) const EXTERNAL: u32 = Self::EXTERNAL_ONESHOT | Self::EXTERNAL_LEVEL;
    /// `H_PROD` came since the last `H_CEDE`.
    pub(crate) const PRODDED: u32 = 4;
    /// A privileged doorbell.
    pub(crate) const DOORBELL: u32 = 8;
    /// The registered areas have changed (`vpa`).
    pub(crate) const VPAS: u32 = 16;
    /// A VPA is registered, in which dispatches have to be counted. Only the vCPU's own thread changes this.
    pub(crate) const HAS_VPA: u32 = 32;
    /// The interrupt controller has something for a vCPU that is not in its guest.
    pub(crate) const ESCALATED: u32 = 64;
    /// The events that wake a halted vCPU.
    const WAKING: u32 = Self::EXTERNAL | Self::PRODDED | Self::DOORBELL | Self::ESCALATED;

    /// No event is pending.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// All bits.
    #[inline]
    pub(crate) fn get(&self) -> u32 {
        once::read_u32(&self.0)
    }

    /// Is any of `bits` set?
    #[inline]
    pub(crate) fn test(&self, bits: u32) -> bool {
        self.get() & bits != 0
    }

    /// Sets and clears bits; returns what was there. A full barrier if that changes anything.
    pub(crate) fn change(&self, clear: u32, set: u32) -> u32 {
        let mut old = self.get();
        loop {
            if old & !clear | set == old {
                return old;
            }
            match self.0.cmpxchg(old, old & !clear | set, Full) {
                Ok(_) => return old,
                Err(now) => old = now,
            }
        }
    }

    /// Clears `bits` and says whether any was set. Only a load if none is.
    #[inline]
    pub(crate) fn take(&self, bits: u32) -> bool {
        self.test(bits) && self.change(bits, 0) & bits != 0
    }

    /// Is there an event that wakes a halted vCPU? Time is not one of them.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        self.test(Self::WAKING)
    }

    /// `KVM_INTERRUPT`, whose argument sets or clears the external interrupt. Says whether the vCPU has to be kicked.
    pub(crate) fn set_external(&self, irq: u32) -> bool {
        const SET: u32 = bindings::KVM_INTERRUPT_SET as u32;
        const UNSET: u32 = bindings::KVM_INTERRUPT_UNSET as u32;
        match irq {
            UNSET => self.change(Self::EXTERNAL, 0),
            SET => self.change(0, Self::EXTERNAL_ONESHOT),
            _ => self.change(0, Self::EXTERNAL_LEVEL),
        };
        irq != UNSET
    }
}
