// SPDX-License-Identifier: GPL-2.0

//! Handling of a task's signal mask and restartable sequences around `KVM_RUN`.

use crate::bindings;
use kernel::types::NotThreadSafe;

/// A signal set as `KVM_SET_SIGNAL_MASK` gives it: bit n-1 is signal n.
#[derive(Clone, Copy)]
pub(crate) struct SigSet(pub(crate) u64);

/// Proof that another signal mask is in force for this task. Dropping it restores the task's own mask.
pub(crate) struct MaskedSignals(NotThreadSafe);

impl SigSet {
    /// Blocks exactly these signals, but for SIGKILL and SIGSTOP.
    pub(crate) fn activate(&self) -> MaskedSignals {
        // SAFETY: Changes the mask of this task only; the guard gives it back. There is no other
        // user of real_blocked in an ioctl of ours.
        unsafe { bindings::kvm_ppc_sigset_activate(&self.0) };
        MaskedSignals(NotThreadSafe)
    }
}

impl Drop for MaskedSignals {
    fn drop(&mut self) {
        // SAFETY: `activate` was called on this task, and this type cannot leave it.
        unsafe { bindings::kvm_ppc_sigset_deactivate() };
    }
}

/// Has to be called at the end of `KVM_RUN`. The work that the kernel does for a task on its return to userspace was
/// done before the guest was entered, except that restartable sequences still have to be told that the task was
/// scheduled.
pub(crate) fn run_done() {
    // SAFETY: Only marks this task for work on its return.
    unsafe { bindings::kvm_ppc_rseq_virt_userspace_exit() };
}
