// SPDX-License-Identifier: GPL-2.0

//! What comes of an instruction of the guest's that is emulated.

/// What came of an instruction.
pub(crate) enum Outcome {
    /// Done: the guest goes on behind it.
    Done,
    /// Done, and the next instruction's address is set.
    Jumped,
    /// It does not exist.
    Illegal,
    /// Only a hypervisor may.
    NotPrivileged,
    /// It would change the transaction state in a way that there is not.
    BadThing,
    /// It calls the hypervisor.
    Hypercall,
    /// Done, and the guest waits for an interrupt.
    Halt,
}
