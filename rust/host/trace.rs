// SPDX-License-Identifier: GPL-2.0

//! Tracepoints of the hv backend, system `kvm_hv` in tracefs; see `rust/bindings/hv_trace.h` for their fields.
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
    /// The vCPU is about to run its guest at `pc`; `pending` are its events.
    fn guest_enter(vcpu_id: u32, pc: u64, pending: u32):
        __tracepoint_kvm_guest_enter, rust_do_trace_kvm_guest_enter
}

tracepoint! {
    /// The guest exited by `trap`, a vector's address; `pc` and `msr` are its own.
    fn guest_exit(vcpu_id: u32, trap: u32, pc: u64, msr: u64):
        __tracepoint_kvm_guest_exit, rust_do_trace_kvm_guest_exit
}

tracepoint! {
    /// A fault at effective address `ea`, guest real address `gpa`, with HDSISR `dsisr`.
    fn page_fault_enter(vcpu_id: u32, ea: u64, gpa: u64, dsisr: u64, fetch: bool):
        __tracepoint_kvm_page_fault_enter, rust_do_trace_kvm_page_fault_enter
}

tracepoint! {
    /// What became of the fault: 0, 1 for a device's, or a negative errno.
    fn page_fault_exit(vcpu_id: u32, ret: isize):
        __tracepoint_kvm_page_fault_exit, rust_do_trace_kvm_page_fault_exit
}

tracepoint! {
    /// A hypercall, its number in `req`.
    fn hcall_enter(vcpu_id: u32, req: u64, gpr4: u64, gpr5: u64, gpr6: u64, gpr7: u64):
        __tracepoint_kvm_hcall_enter, rust_do_trace_kvm_hcall_enter
}

tracepoint! {
    /// The hypercall was handled here and returns `rc`, or goes to userspace.
    fn hcall_exit(vcpu_id: u32, handled: bool, rc: u64):
        __tracepoint_kvm_hcall_exit, rust_do_trace_kvm_hcall_exit
}
