// SPDX-License-Identifier: GPL-2.0

//! Tracepoints. Those of all backends are in the system `kvm` of tracefs (`rust/bindings/kvm_trace.h` has their
//! fields), those of guests on 64-bit Book3S hosts in `kvm_hv` (`hv_trace.h`), and that of guests on a 440 in
//! `kvm_booke` (`e44x_trace.h`).
//!
//! A tracepoint that is off costs a load and a branch. All may be called with interrupts hard-disabled, but not inside
//! the world switch, where RCU does not watch this CPU.

/// Defines a safe function for a tracepoint that is defined in C. (`kernel::declare_trace!` only works for tracepoints
/// that the kernel crate binds.)
macro_rules! tracepoint {
    ($(#[$attr:meta])* fn $name:ident($($arg:ident: $ty:ty),*): $key:ident, $trace:ident) => {
        $(#[$attr])*
        #[inline(always)]
        pub(crate) fn $name($($arg: $ty),*) {
            #[cfg(CONFIG_TRACEPOINTS)]
            {
                use crate::bindings;
                // SAFETY: The tracepoint is a static of this module. Its count is changed atomically, and is only read
                // here.
                let on = unsafe {
                    core::ptr::addr_of!(bindings::$key.key.key.enabled.counter).read_volatile() > 0
                };
                if on {
                    // SAFETY: A tracepoint may be called wherever RCU watches this CPU.
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
    /// A halted vCPU continues after `ns` nanoseconds. `waited` says whether it slept, or only polled; `valid` whether
    /// there is an event for its guest.
    fn vcpu_wakeup(ns: u64, waited: bool, valid: bool):
        __tracepoint_kvm_vcpu_wakeup, rust_do_trace_kvm_vcpu_wakeup
}

tracepoint! {
    /// A vCPU's polling time changes from `old` to `new` ns.
    fn halt_poll_ns(grow: bool, vcpu_id: u32, new: u32, old: u32):
        __tracepoint_kvm_halt_poll_ns, rust_do_trace_kvm_halt_poll_ns
}

tracepoint! {
    /// The host takes pages back, in this range of user addresses.
    fn unmap_hva_range(start: usize, end: usize):
        __tracepoint_kvm_unmap_hva_range, rust_do_trace_kvm_unmap_hva_range
}

tracepoint! {
    /// The host asks whether pages were accessed, and clears that information.
    fn age_hva(start: usize, end: usize):
        __tracepoint_kvm_age_hva, rust_do_trace_kvm_age_hva
}

tracepoint! {
    /// The host asks whether a page was accessed.
    fn test_age_hva(hva: usize):
        __tracepoint_kvm_test_age_hva, rust_do_trace_kvm_test_age_hva
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The vCPU is about to run its guest at address `pc`; `pending` are its pending events.
    fn guest_enter(vcpu_id: u32, pc: u64, pending: u32):
        __tracepoint_kvm_guest_enter, rust_do_trace_kvm_guest_enter
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The guest has exited by the interrupt with vector `trap`; `pc` and `msr` are the guest's.
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
    /// The result of handling the fault: 0 if it was resolved, 1 if the access is to a device, or a negative errno.
    fn page_fault_exit(vcpu_id: u32, ret: isize):
        __tracepoint_kvm_page_fault_exit, rust_do_trace_kvm_page_fault_exit
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The guest makes the hypercall with number `req`.
    fn hcall_enter(vcpu_id: u32, req: u64, gpr4: u64, gpr5: u64, gpr6: u64, gpr7: u64):
        __tracepoint_kvm_hcall_enter, rust_do_trace_kvm_hcall_enter
}

#[cfg(CONFIG_PPC_BOOK3S_64)]
tracepoint! {
    /// The hypercall was handled here and returns `rc`, or else exits to userspace.
    fn hcall_exit(vcpu_id: u32, handled: bool, rc: u64):
        __tracepoint_kvm_hcall_exit, rust_do_trace_kvm_hcall_exit
}

#[cfg(CONFIG_44x)]
tracepoint! {
    /// The guest has exited by the interrupt of IVOR `exit_nr`; `pc` and `msr` are the guest's, `dar` is the DEAR.
    fn booke_exit(exit_nr: u32, pc: u32, msr: u32, dar: u32):
        __tracepoint_kvm_exit, rust_do_trace_kvm_exit
}
