// SPDX-License-Identifier: GPL-2.0

//! The only way into a guest.
//!
//! It is a chain of tokens. Each is made only by the step before it and consumed by the next, so that no signal or
//! request to reschedule can be overlooked between the test for it and the entry:
//!
//! ```text
//! HostInterruptible --hard_disable()--> IrqsHardDisabled --check_pending()--> ReadyToEnter
//!         ^                                                                       | enter()
//!         +------------------------------- replay() <---------------------------- Exited
//! ```

use crate::bindings;
use core::marker::PhantomData;
use kernel::prelude::*;

/// Makes tokens not `Send`: a token belongs to the task, and from [`IrqsHardDisabled`] on to the CPU.
type Here = PhantomData<*mut ()>;

/// Task context with interrupts enabled, in which the task may sleep.
#[must_use]
pub(crate) struct HostInterruptible(Here);

/// Interrupts are masked in software and MSR[EE] is 0: this task stays on this CPU.
#[must_use]
pub(crate) struct IrqsHardDisabled {
    flags: usize,
    _here: Here,
}

/// Nothing was pending after MSR[EE] became 0. An interrupt that comes later ends the guest's run.
#[must_use]
pub(crate) struct ReadyToEnter(IrqsHardDisabled);

/// The guest has exited. MSR[EE] is still 0, and the interrupt that ended the run is not yet served.
#[must_use]
pub(crate) struct Exited<T> {
    irqs: IrqsHardDisabled,
    trap: Option<T>,
}

/// Why the guest cannot be entered now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// A signal, a reschedule request or task work: see [`HostInterruptible::handle_work`].
    Work,
    /// An interrupt came while they were masked in software; enabling them serves it.
    Interrupt,
    /// The vCPU has a request.
    Request,
}

/// The interrupts that end a guest's run, on one kind of host.
pub(crate) trait Exit: Copy {
    /// Is this an interrupt for the host, rather than one that the guest caused?
    fn is_host_interrupt(self) -> bool;

    /// Does a handler of the host's have to run before anything else?
    #[cfg(CONFIG_PPC64)]
    fn is_for_host(self) -> bool;

    /// Makes the host's own handler run as soon as interrupts are enabled, if the interrupt does not come again by
    /// itself.
    ///
    /// # Safety
    ///
    /// Only [`Exited::replay`] may call this: interrupts are hard-disabled, and this CPU's guest has just exited for
    /// it.
    unsafe fn replay(self);
}

/// A backend's world switch.
pub(crate) trait WorldSwitch {
    /// The reasons for which the guest exits.
    type Exit: Exit;

    /// Runs the guest until it exits. `None` means that an interrupt turned up at the last moment and the
    /// guest did not run.
    ///
    /// # Safety
    ///
    /// Only [`ReadyToEnter::enter`] may call this: interrupts are hard-disabled, and RCU, context tracking
    /// and lockdep already believe that the CPU is in the guest. It returns so too.
    unsafe fn world_switch(&mut self) -> Option<Self::Exit>;
}

impl HostInterruptible {
    /// The token at the start of `KVM_RUN`.
    pub(crate) fn in_ioctl() -> Self {
        kernel::task::might_sleep();
        Self(PhantomData)
    }

    /// Masks all interrupts and clears MSR[EE].
    #[inline]
    pub(crate) fn hard_disable(self) -> IrqsHardDisabled {
        IrqsHardDisabled {
            // SAFETY: Interrupts are enabled, which is what `flags` then says; the token's holder gives
            // them back by `enable` or `replay`.
            flags: unsafe { bindings::kvm_ppc_hard_irq_disable() },
            _here: PhantomData,
        }
    }

    /// Reschedules and runs task work. Returns `EINTR` if a signal is pending.
    pub(crate) fn handle_work(&self) -> Result {
        // SAFETY: Task context, interrupts enabled, no lock held by the run loop.
        to_result_nonneg(unsafe { bindings::kvm_ppc_handle_work() })
    }
}

fn to_result_nonneg(ret: i32) -> Result {
    if ret < 0 {
        Err(Error::from_errno(ret))
    } else {
        Ok(())
    }
}

impl Drop for IrqsHardDisabled {
    // This runs only if a token is dropped on an error path; interrupts must not stay disabled then.
    fn drop(&mut self) {
        // SAFETY: `flags` came from `hard_disable` on this CPU.
        unsafe { bindings::kvm_ppc_irq_restore(self.flags) };
    }
}

impl IrqsHardDisabled {
    /// The flags. The caller has to restore them.
    #[inline]
    fn into_flags(self) -> usize {
        let flags = self.flags;
        core::mem::forget(self);
        flags
    }

    /// The number of this CPU. The task stays on it while the token lives.
    #[inline]
    pub(crate) fn cpu(&self) -> u32 {
        #[cfg(CONFIG_PPC64)]
        // SAFETY: Interrupts are off, so this stays the CPU, and its PACA is valid.
        return u32::from(unsafe { (*super::paca::local_paca()).paca_index });
        #[cfg(not(CONFIG_PPC64))]
        // SAFETY: Reads the task's CPU.
        return unsafe { bindings::kvm_ppc_smp_processor_id() };
    }

    /// Enables interrupts without entering the guest.
    #[inline]
    pub(crate) fn enable(self) -> HostInterruptible {
        drop(self);
        HostInterruptible(PhantomData)
    }

    /// Tests everything that must keep the task out of the guest. `request` says whether the vCPU has a request.
    /// Whoever makes a request later has to interrupt this CPU if the vCPU is in its guest.
    #[inline]
    pub(crate) fn check_pending(
        self,
        request: impl FnOnce() -> bool,
    ) -> Result<ReadyToEnter, (IrqsHardDisabled, Pending)> {
        // SAFETY: Interrupts are off, as it asks for; it reads this CPU's and task's flags, and saves the
        // task's registers if they are live.
        let pending = unsafe { bindings::kvm_ppc_check_entry() };
        if pending == bindings::KVM_PPC_ENTRY_WORK as i32 {
            Err((self, Pending::Work))
        } else if pending != 0 {
            Err((self, Pending::Interrupt))
        } else if request() {
            Err((self, Pending::Request))
        } else {
            Ok(ReadyToEnter(self))
        }
    }
}

impl ReadyToEnter {
    /// Interrupts are hard-disabled.
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    #[inline(always)]
    pub(crate) fn irqs(&self) -> &IrqsHardDisabled {
        &self.0
    }

    /// Enters the guest, and returns when it exits.
    #[inline]
    pub(crate) fn enter<S: WorldSwitch>(self, switch: &mut S) -> Exited<S::Exit> {
        // SAFETY: Interrupts are hard-disabled and stay so; the two calls pair, and between them is only
        // the world switch, which neither uses RCU nor is traced.
        let trap = unsafe {
            bindings::kvm_ppc_guest_enter_irqoff();
            let trap = switch.world_switch();
            let interrupted = trap.is_some_and(Exit::is_host_interrupt);
            bindings::kvm_ppc_guest_exit_irqoff(interrupted);
            trap
        };
        Exited { irqs: self.0, trap }
    }
}

impl<T: Exit> Exited<T> {
    /// Why the guest exited; `None` if it did not run.
    #[inline]
    pub(crate) fn trap(&self) -> Option<T> {
        self.trap
    }

    /// Proof that interrupts are still hard-disabled.
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    #[inline(always)]
    pub(crate) fn irqs(&self) -> &IrqsHardDisabled {
        &self.irqs
    }

    /// Goes back to before [`IrqsHardDisabled::check_pending`] with interrupts hard-disabled all the time, if the guest
    /// caused the exit, no handler of the host's has to run, and `done` returns true because it has handled the exit.
    #[inline(always)]
    #[cfg(CONFIG_PPC64)]
    pub(crate) fn again(self, done: impl FnOnce(T) -> bool) -> Result<IrqsHardDisabled, Self> {
        match self.trap {
            Some(trap) if !trap.is_for_host() && done(trap) => {
                // SAFETY: Interrupts are hard-disabled, and the guest's time ends here.
                unsafe { bindings::kvm_ppc_guest_again() };
                Ok(self.irqs)
            }
            _ => Err(self),
        }
    }

    /// Hands the interrupt that ended the guest to the host's own handler, which runs when this enables
    /// interrupts: on this CPU, before anything else.
    #[inline]
    pub(crate) fn replay(self) -> HostInterruptible {
        // SAFETY: Interrupts are hard-disabled; `flags` came from `hard_disable` on this CPU.
        unsafe {
            if let Some(trap) = self.trap {
                trap.replay();
            }
            bindings::kvm_ppc_guest_done(self.irqs.into_flags());
        }
        HostInterruptible(PhantomData)
    }
}
