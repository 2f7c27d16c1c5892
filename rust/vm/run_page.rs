// SPDX-License-Identifier: GPL-2.0

//! `struct kvm_run`, the page that a vCPU shares with userspace (api.rst, section 5).

use crate::{
    bindings::{self, kvm_run},
    host::page::{Field, SharedPage},
};
use core::mem::offset_of;
use kernel::prelude::*;

macro_rules! fields {
    ($($name:ident: $type:ty = $($path:tt).+;)*) => {
        $(const $name: Field<$type> = Field::new(offset_of!(kvm_run, $($path).+));)*
    };
}

fields! {
    IMMEDIATE_EXIT: u8 = immediate_exit__unsafe;
    EXIT_REASON: u32 = exit_reason;
    READY_FOR_INTERRUPT_INJECTION: u8 = ready_for_interrupt_injection;
    FLAGS: u16 = flags;
    MMIO_PHYS_ADDR: u64 = __bindgen_anon_1.mmio.phys_addr;
    MMIO_DATA: u64 = __bindgen_anon_1.mmio.data;
    MMIO_LEN: u32 = __bindgen_anon_1.mmio.len;
    MMIO_IS_WRITE: u8 = __bindgen_anon_1.mmio.is_write;
    PAPR_NR: u64 = __bindgen_anon_1.papr_hcall.nr;
    PAPR_RET: u64 = __bindgen_anon_1.papr_hcall.ret;
    PAPR_ARGS: [u64; 9] = __bindgen_anon_1.papr_hcall.args;
    FAIL_ENTRY_REASON: u64 = __bindgen_anon_1.fail_entry.hardware_entry_failure_reason;
    FAIL_ENTRY_CPU: u32 = __bindgen_anon_1.fail_entry.cpu;
    HARDWARE_REASON: u64 = __bindgen_anon_1.hw.hardware_exit_reason;
    DEBUG_ADDRESS: u64 = __bindgen_anon_1.debug.arch.address;
    DEBUG_STATUS: u32 = __bindgen_anon_1.debug.arch.status;
}

#[cfg(CONFIG_44x)]
fields! {
    INTERNAL_SUBERROR: u32 = __bindgen_anon_1.internal.suberror;
    INTERNAL_NDATA: u32 = __bindgen_anon_1.internal.ndata;
    INTERNAL_DATA: [u64; 16] = __bindgen_anon_1.internal.data;
    DCR_NUMBER: u32 = __bindgen_anon_1.dcr.dcrn;
    DCR_DATA: u32 = __bindgen_anon_1.dcr.data;
    DCR_IS_WRITE: u8 = __bindgen_anon_1.dcr.is_write;
    SYSTEM_EVENT_TYPE: u32 = __bindgen_anon_1.system_event.type_;
    SYSTEM_EVENT_NDATA: u32 = __bindgen_anon_1.system_event.ndata;
}

/// A vCPU's run page, to be read and written by field.
///
/// Userspace has it mapped and may change it at any time. So what is read is used at once or
/// copied, never read again, and what the kernel has to remember is remembered elsewhere.
pub(crate) struct RunPage(SharedPage);

impl RunPage {
    pub(super) fn new() -> Result<Self> {
        let page = Self(SharedPage::new()?);
        // An interrupt can be injected by `KVM_INTERRUPT` at any time.
        page.0.write(READY_FOR_INTERRUPT_INJECTION, 1);
        Ok(page)
    }

    /// `KVM_EXIT_…`, for tracepoints.
    pub(super) fn exit_reason(&self) -> u32 {
        self.0.read(EXIT_REASON)
    }

    /// The page itself, for mmap.
    pub(super) fn page(&self) -> &SharedPage {
        &self.0
    }

    /// `KVM_EXIT_…`
    pub(crate) fn set_exit(&self, reason: u32) {
        self.0.write(EXIT_REASON, reason);
    }

    /// Userspace asks `KVM_RUN` to return at once, and writes this from signal handlers.
    pub(crate) fn immediate_exit(&self) -> bool {
        self.0.read(IMMEDIATE_EXIT) != 0
    }

    /// `KVM_RUN_PPC_NMI_DISP_…`, for `KVM_EXIT_NMI`.
    fn set_flags(&self, flags: u16) {
        self.0.write(FLAGS, flags);
    }

    /// `KVM_EXIT_NMI`, with how far the machine check was recovered:
    /// `KVM_RUN_PPC_NMI_DISP_FULLY_RECOV`, `_LIMITED_RECOV` or `_NOT_RECOV`.
    pub(crate) fn set_nmi(&self, disposition: u16) {
        let other = self.0.read(FLAGS) & !(bindings::KVM_RUN_PPC_NMI_DISP_MASK as u16);
        self.set_flags(other | disposition);
        self.set_exit(bindings::KVM_EXIT_NMI);
    }

    /// `KVM_EXIT_MMIO`: `len` is 1 to 8 bytes, the first `len` bytes of `data` are what a store
    /// writes, in the order they have in the guest's memory.
    pub(crate) fn set_mmio(&self, gpa: u64, data: &[u8; 8], len: u32, is_write: bool) {
        self.0.write(MMIO_PHYS_ADDR, gpa);
        self.0.write(MMIO_DATA, u64::from_ne_bytes(*data));
        self.0.write(MMIO_LEN, len);
        self.0.write(MMIO_IS_WRITE, is_write.into());
        self.set_exit(bindings::KVM_EXIT_MMIO);
    }

    /// The bytes that userspace has given for a load, in the order of the guest's memory.
    pub(crate) fn mmio_data(&self) -> [u8; 8] {
        self.0.read(MMIO_DATA).to_ne_bytes()
    }

    /// `KVM_EXIT_PAPR_HCALL`: `nr` from r3, `args` from r4 to r12.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn set_papr_hcall(&self, nr: u64, args: &[u64; 9]) {
        self.0.write(PAPR_NR, nr);
        self.0.write_array(PAPR_ARGS, args);
        self.set_exit(bindings::KVM_EXIT_PAPR_HCALL);
    }

    /// What userspace answers: r3, and r4 to r12.
    #[cfg(CONFIG_PPC_BOOK3S_64)]
    pub(crate) fn papr_hcall_ret(&self) -> (u64, [u64; 9]) {
        (self.0.read(PAPR_RET), self.0.read_array(PAPR_ARGS))
    }

    /// `KVM_EXIT_FAIL_ENTRY`: the hardware's reason, and the host's CPU.
    pub(crate) fn set_fail_entry(&self, reason: u64, cpu: u32) {
        self.0.write(FAIL_ENTRY_REASON, reason);
        self.0.write(FAIL_ENTRY_CPU, cpu);
        self.set_exit(bindings::KVM_EXIT_FAIL_ENTRY);
    }

    /// `KVM_EXIT_UNKNOWN`: an unknown trap.
    pub(crate) fn set_unknown(&self, hardware_reason: u64) {
        self.0.write(HARDWARE_REASON, hardware_reason);
        self.set_exit(bindings::KVM_EXIT_UNKNOWN);
    }

    /// `KVM_EXIT_INTERNAL_ERROR`: `suberror` is `KVM_INTERNAL_ERROR_…`, with up to 16 words that
    /// help to find out.
    #[cfg(CONFIG_44x)]
    pub(crate) fn set_internal_error(&self, suberror: u32, data: &[u64]) {
        let mut all = [0; 16];
        for (to, from) in all.iter_mut().zip(data) {
            *to = *from;
        }
        self.0.write(INTERNAL_SUBERROR, suberror);
        self.0.write(INTERNAL_NDATA, data.len().min(16) as u32);
        self.0.write_array(INTERNAL_DATA, &all);
        self.set_exit(bindings::KVM_EXIT_INTERNAL_ERROR);
    }

    /// `KVM_EXIT_DCR`: a device control register, and what is written to it.
    #[cfg(CONFIG_44x)]
    pub(crate) fn set_dcr(&self, number: u32, write: Option<u32>) {
        self.0.write(DCR_NUMBER, number);
        self.0.write(DCR_DATA, write.unwrap_or(0));
        self.0.write(DCR_IS_WRITE, write.is_some().into());
        self.set_exit(bindings::KVM_EXIT_DCR);
    }

    /// The value that userspace has given for a read.
    #[cfg(CONFIG_44x)]
    pub(crate) fn dcr_data(&self) -> u32 {
        self.0.read(DCR_DATA)
    }

    /// `KVM_EXIT_DEBUG`: the address, and `KVMPPC_DEBUG_…`.
    pub(crate) fn set_debug(&self, address: u64, status: u32) {
        self.0.write(DEBUG_ADDRESS, address);
        self.0.write(DEBUG_STATUS, status);
        self.set_exit(bindings::KVM_EXIT_DEBUG);
    }

    /// `KVM_EXIT_SYSTEM_EVENT`: `KVM_SYSTEM_EVENT_…`, without data.
    #[cfg(CONFIG_44x)]
    pub(crate) fn set_system_event(&self, event: u32) {
        self.0.write(SYSTEM_EVENT_TYPE, event);
        self.0.write(SYSTEM_EVENT_NDATA, 0);
        self.set_exit(bindings::KVM_EXIT_SYSTEM_EVENT);
    }
}
