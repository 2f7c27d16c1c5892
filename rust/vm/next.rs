// SPDX-License-Identifier: GPL-2.0

//! Where a vCPU goes on.

/// Where to go next.
pub(crate) enum Next {
    /// Into the guest again.
    Guest,
    /// The guest has nothing to do: wait until it has.
    Halt,
    /// To userspace, with the reason in the run page.
    Userspace,
}
