// SPDX-License-Identifier: GPL-2.0

//! What entering a guest needs on Book3S hosts only.

use super::{
    entry::{Exit, HostInterruptible},
    paca::local_paca,
};
use crate::{bindings, isa::trap::Trap};

/// Flags of an interrupt: whether it is the host's own, and whether a handler of the host's has to run for it.
const HOST_INTERRUPT: u8 = 1;
const FOR_HOST: u8 = 2;

/// The flags of each interrupt, indexed by its vector in units of 32 bytes. Most exits are caused by the guest and have
/// no flags, so one look-up here decides quickly that they have nothing to do with the host.
static TO_HOST: [u8; 256] = {
    let mut table = [0; 256];
    let mut vector = 0;
    while vector < table.len() {
        let trap = Trap::from_raw(32 * vector as u32);
        if matches!(
            trap,
            Trap::EXTERNAL | Trap::H_VIRT | Trap::H_DOORBELL | Trap::HV_DECREMENTER
        ) {
            table[vector] = HOST_INTERRUPT | FOR_HOST;
        } else if matches!(
            trap,
            Trap::DECREMENTER
                | Trap::DOORBELL
                | Trap::H_MAINTENANCE
                | Trap::SYSTEM_RESET
                | Trap::MACHINE_CHECK
                | Trap::PERFORMANCE_MONITOR
        ) {
            table[vector] = FOR_HOST;
        }
        vector += 1;
    }
    table
};

#[inline]
fn to_host(trap: Trap) -> u8 {
    TO_HOST.get(trap.raw() as usize / 32).copied().unwrap_or(0)
}

impl Exit for Trap {
    #[inline]
    fn is_host_interrupt(self) -> bool {
        to_host(self) & HOST_INTERRUPT != 0
    }

    #[inline]
    fn is_for_host(self) -> bool {
        to_host(self) & FOR_HOST != 0
    }

    #[inline]
    unsafe fn replay(self) {
        if !self.is_for_host() {
            return;
        }
        let happened = match self {
            Self::EXTERNAL | Self::H_VIRT => bindings::PACA_IRQ_EE,
            Self::H_DOORBELL => bindings::PACA_IRQ_DBELL,
            Self::H_MAINTENANCE => bindings::PACA_IRQ_HMI,
            // HDEC was set to expire with the host's next timer, so the timer is due, even if the host's decrementer
            // has not expired yet.
            Self::HV_DECREMENTER => bindings::PACA_IRQ_DEC,
            Self::SYSTEM_RESET => {
                // SAFETY: Interrupts are hard-disabled; this calls the host's handler as the vector would.
                unsafe { bindings::replay_system_reset() };
                0
            }
            _ => 0,
        };
        if happened != 0 {
            // SAFETY: Interrupts are hard-disabled, so this CPU's PACA is ours to change, and it stays valid.
            unsafe { (*local_paca()).irq_happened |= happened as u8 };
        }
    }
}

impl HostInterruptible {
    /// Saves the registers of the task's user program that the guest will change, and enables the facilities that they
    /// belong to. Has to be called once in each `KVM_RUN`, before the first entry. Returns false if the task is in a
    /// transaction, which would be lost; then nothing is done.
    #[must_use]
    #[inline]
    pub(crate) fn prepare_facilities(&self) -> bool {
        // SAFETY: Task context of a user process.
        unsafe { bindings::kvm_ppc_prepare_facilities() }
    }

    /// Has to be called at the end of the ioctl. It tells the system call's return path that SRR0 and SRR1 were
    /// changed.
    pub(crate) fn done(self) {
        // SAFETY: Sets a flag in this CPU's PACA, which only makes the return slower.
        unsafe { bindings::kvm_ppc_srr_clobbered() };
    }
}
