// SPDX-License-Identifier: GPL-2.0

//! The first interface: `H_SET_PARTITION_TABLE` and `H_ENTER_NESTED`.

use super::{api::LPID_BITS, entry::Entry, flush, hcall};
use crate::{
    bindings,
    host::{once, zeroed::Zeroes},
    isa::{
        fscr::CAUSE,
        hcall::{HReturn, Hcall},
        lpcr::Lpcr,
        pvr::Pcr,
        rpte::{Patb0, Patb1},
        trap::Trap,
    },
};
use core::{mem::size_of, ptr};
use kernel::{
    ffi,
    prelude::*,
    sync::atomic::{ordering::Relaxed, ordering::Release, Atomic},
};

/// How many guests the table has room for.
const GUESTS: usize = 1 << LPID_BITS;

/// A partition table entry, big-endian as the hypervisor reads it.
#[repr(C)]
struct TableEntry {
    patb0: Atomic<u64>,
    patb1: Atomic<u64>,
}

/// The table of the present session; null without one.
static TABLE: Atomic<*mut ffi::c_void> = Atomic::new(ptr::null_mut());

/// The partition table, as long as the hypervisor has it.
pub(super) struct PartitionTable {
    // The hypervisor does not read it any more when it is freed.
    _memory: Zeroes,
}

impl PartitionTable {
    /// An empty table, which the hypervisor knows. The error says why there is none.
    pub(super) fn register() -> Result<Self, &'static str> {
        const BYTES: usize = GUESTS * size_of::<TableEntry>();
        let memory = Zeroes::new(BYTES).map_err(|_| "there is no memory for a partition table")?;
        // As PTCR has it: the size is 2^(12 + PATS) bytes.
        let ptcr = memory.real_address() | u64::from(BYTES.ilog2() - 12);
        match set(ptcr) {
            HReturn::H_SUCCESS => {}
            _ => return Err("the hypervisor runs no guests for a partition"),
        }
        TABLE.store(memory.as_ptr().as_ptr().cast(), Release);
        Ok(Self { _memory: memory })
    }
}

impl Drop for PartitionTable {
    fn drop(&mut self) {
        TABLE.store(ptr::null_mut(), Relaxed);
        set(0);
    }
}

/// Does the hypervisor have this interface? One that has it flushes what there is of a guest that there is not.
pub(super) fn offered() -> bool {
    flush::offered()
}

/// `H_SET_PARTITION_TABLE`.
fn set(ptcr: u64) -> HReturn {
    // SAFETY: The table's memory is zeroes, which map nothing, and is freed after the hypervisor has another.
    unsafe { hcall::call(Hcall::H_SET_PARTITION_TABLE, [ptcr, 0, 0, 0, 0, 0]) }
}

/// Writes a guest's entry, which the hypervisor reads when what it has cached of it is flushed.
///
/// # Safety
///
/// As `Lpid::set_partition`; a session exists.
pub(super) unsafe fn set_entry(lpid: u64, patb0: Patb0, patb1: Patb1) {
    let table = TABLE.load(Relaxed).cast::<TableEntry>();
    if table.is_null() || lpid as usize >= GUESTS {
        return;
    }
    // SAFETY: In bounds of the table, which lives as long as the session.
    let entry = unsafe { &*table.add(lpid as usize) };
    once::write_u64(&entry.patb0, patb0.raw().to_be());
    once::write_u64(&entry.patb1, patb1.raw().to_be());
}

/// The hypervisor registers of a vCPU, as `H_ENTER_NESTED` takes and returns them.
pub(super) type Registers = bindings::hv_guest_state;

/// The layout that `Registers` has.
const VERSION: u64 = 2;

/// Enters the guest, whose vCPU has this `token`, at the timebase `now`, until `time_limit` at the latest. Returns the
/// interrupt that ended its run, `None` if it has to be entered again. The error is the hypervisor's.
///
/// # Safety
///
/// As for [`super::enter`].
#[inline]
pub(super) unsafe fn enter(
    entry: &Entry,
    token: u32,
    now: u64,
    time_limit: u64,
    hv: *mut Registers,
) -> Result<Option<Trap>, HReturn> {
    let large = Lpcr::from_raw(entry.lpcr).contains(Lpcr::LD);
    // SAFETY: The caller's promises.
    let ret = unsafe {
        let (vcpu, vcore) = (entry.vcpu, entry.vcore);
        fill(&mut *hv, &(*vcpu).arch, &*vcore);
        (*hv).lpid = entry.guest as u32;
        (*hv).vcpu_token = token;
        (*hv).lpcr = entry.lpcr;
        (*hv).hdec_expiry = time_limit;
        let arch = ptr::addr_of_mut!((*vcpu).arch);
        let msr = ptr::addr_of_mut!((*arch).regs.__bindgen_anon_1.__bindgen_anon_1.msr);
        *msr = (*arch).shregs.msr as usize;
        let ret = bindings::kvm_ppc_enter_nested(vcpu, hv, now, large);
        take(&mut *arch, &mut *vcore, &*hv);
        (*arch).shregs.msr = *msr as u64;
        ret
    };
    match ret {
        0 => Ok(None),
        ret if ret < 0 => Err(HReturn::from_raw(ret)),
        vector => Ok(Some(Trap::from_raw(vector as u32))),
    }
}

/// What the guest is entered with.
fn fill(hv: &mut Registers, arch: &bindings::kvm_vcpu_arch, vcore: &bindings::kvmppc_vcore) {
    hv.version = VERSION;
    hv.pcr = vcore.pcr as u64 | Pcr::RESERVED.raw();
    hv.amor = u64::MAX;
    hv.dpdes = arch.doorbell_request.into();
    hv.hfscr = arch.hfscr as u64;
    hv.tb_offset = vcore.tb_offset as i64;
    hv.dawr0 = arch.dawr0 as u64;
    hv.dawrx0 = arch.dawrx0 as u64;
    hv.dawr1 = arch.dawr1 as u64;
    hv.dawrx1 = arch.dawrx1 as u64;
    hv.ciabr = arch.ciabr as u64;
    hv.purr = arch.purr as u64;
    hv.spurr = arch.spurr as u64;
    hv.ic = arch.ic as u64;
    hv.vtb = vcore.vtb as u64;
    let sh = &arch.shregs;
    hv.srr0 = sh.srr0;
    hv.srr1 = sh.srr1;
    hv.sprg = [sh.sprg0, sh.sprg1, sh.sprg2, sh.sprg3];
    hv.pidr = arch.pid.into();
    hv.cfar = arch.cfar as u64;
    hv.ppr = arch.ppr as u64;
}

/// What the guest has left.
fn take(arch: &mut bindings::kvm_vcpu_arch, vcore: &mut bindings::kvmppc_vcore, hv: &Registers) {
    arch.doorbell_request = (hv.dpdes & 1) as u8;
    // Only the cause: facilities may have been taken away since the entry.
    let cause = CAUSE.raw();
    arch.hfscr = (arch.hfscr as u64 & !cause | hv.hfscr & cause) as usize;
    arch.purr = hv.purr as usize;
    arch.spurr = hv.spurr as usize;
    arch.ic = hv.ic as usize;
    vcore.vtb = hv.vtb as usize;
    arch.fault_dar = hv.hdar as usize;
    arch.fault_dsisr = hv.hdsisr as u32;
    arch.fault_gpa = hv.asdr as usize;
    arch.emul_inst = hv.heir;
    let sh = &mut arch.shregs;
    sh.srr0 = hv.srr0;
    sh.srr1 = hv.srr1;
    [sh.sprg0, sh.sprg1, sh.sprg2, sh.sprg3] = hv.sprg;
    arch.pid = hv.pidr as u32;
    arch.cfar = hv.cfar as usize;
    arch.ppr = hv.ppr as usize;
}
