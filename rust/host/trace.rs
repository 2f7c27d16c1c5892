// SPDX-License-Identifier: GPL-2.0

//! Tracepoints: those that all backends have, system `kvm` in tracefs (`rust/bindings/kvm_trace.h` has their fields),
//! those of guests on a 64-bit Book3S host, system `kvm_hv` (`hv_trace.h`), and that of a 440's, system `kvm_booke`
//! (`e44x_trace.h`).
//!
//! One that is off costs a load and a branch. All may be called with interrupts hard-disabled, but not between the
//! steps of `super::entry` in which RCU does not watch this CPU.

/// A safe function for a tracepoint of C. (`kernel::declare_trace!` is for those that the kernel crate binds.)
macro_rules! tracepoint {
    ($(#[$attr:meta])* fn $name:ident($($arg:ident: $ty:ty),*): $key:ident, $trace:ident) => {
        $(#[$attr])*
        #[inline(always)]
        pub(crate) fn $name($($arg: $ty),*) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                use crate::bindings;
                // SAFETY: The tracepoint is a static of this module; others change the count atomically, and it
                // is only looked at.
                let on = unsafe {
                    core::ptr::addr_of!(bindings::$key.key.key.enabled.counter).read_volatile() > 0
                };
                if on {
                    // SAFETY: Made for being called from anywhere that RCU watches.
                    unsafe { bindings::$trace($($arg),*) };
                }
            }
            #[cfg(not(CONFIG_TRACEPOINTS))]
            {
                $(let _ = $arg;)*
            }
        }
    };
}

tracepoint! {
    /// `KVM_RUN` returns, for `reason` or with a negative `errno`.
    fn userspace_exit(reason: u32, errno: i32):
        __tracepoint_kvm_userspace_exit, rust_do_trace_kvm_userspace_exit
}

tracepoint! {
    /// A halted vCPU goes on after `ns`, in which it slept or polled only, because of something for its guest or not.
    fn vcpu_wakeup(ns: u64, waited: bool, valid: bool):
        __tracepoint_kvm_vcpu_wakeup, rust_do_trace_kvm_vcpu_wakeup
}

tracepoint! {
    /// A vCPU polls for `new` ns from now on, no longer for `old`.
    fn halt_poll_ns(grow: bool, vcpu_id: u32, new: u32, old: u32):
        __tracepoint_kvm_halt_poll_ns, rust_do_trace_kvm_halt_poll_ns
}

tracepoint! {
    /// The host takes pages back.
    fn unmap_hva_range(start: usize, end: usize):
        __tracepoint_kvm_unmap_hva_range, rust_do_trace_kvm_unmap_hva_range
}

tracepoint! {
    /// The host asks whether pages were used, and takes the marks of that.
    fn age_hva(start: usize, end: usize):
        __tracepoint_kvm_age_hva, rust_do_trace_kvm_age_hva
}

tracepoint! {
    /// The host asks whether a page was used.
    fn test_age_hva(hva: usize):
        __tracepoint_kvm_test_age_hva, rust_do_trace_kvm_test_age_hva
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The vCPU is about to run its guest at `pc`; `pending` are its events.
    fn guest_enter(vcpu_id: u32, pc: u64, pending: u32):
        __tracepoint_kvm_guest_enter, rust_do_trace_kvm_guest_enter
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The guest exited by `trap`, a vector's address; `pc` and `msr` are its own.
    fn guest_exit(vcpu_id: u32, trap: u32, pc: u64, msr: u64):
        __tracepoint_kvm_guest_exit, rust_do_trace_kvm_guest_exit
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// A fault at effective address `ea`, guest real address `gpa`, with HDSISR `dsisr`.
    fn page_fault_enter(vcpu_id: u32, ea: u64, gpa: u64, dsisr: u64, fetch: bool):
        __tracepoint_kvm_page_fault_enter, rust_do_trace_kvm_page_fault_enter
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// What became of the fault: 0, 1 for a device's, or a negative errno.
    fn page_fault_exit(vcpu_id: u32, ret: isize):
        __tracepoint_kvm_page_fault_exit, rust_do_trace_kvm_page_fault_exit
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// A hypercall, its number in `req`.
    fn hcall_enter(vcpu_id: u32, req: u64, gpr4: u64, gpr5: u64, gpr6: u64, gpr7: u64):
        __tracepoint_kvm_hcall_enter, rust_do_trace_kvm_hcall_enter
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The hypercall was handled here and returns `rc`, or goes to userspace.
    fn hcall_exit(vcpu_id: u32, handled: bool, rc: u64):
        __tracepoint_kvm_hcall_exit, rust_do_trace_kvm_hcall_exit
}

#[cfg(CONFIG_44x)]
tracepoint! {
    /// The guest was left by the interrupt of IVOR `exit_nr`; `pc` and `msr` are its own, `dar` is the DEAR.
    fn booke_exit(exit_nr: u32, pc: u32, msr: u32, dar: u32):
        __tracepoint_kvm_exit, rust_do_trace_kvm_exit
}
