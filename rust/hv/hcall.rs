// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls (PAPR, "Hypervisor Call Functions").
//!
//! To add one: a function here or in a file of its own kind, an arm in [`handle`], and its number in
//! [`HANDLED`], so that `KVM_CAP_PPC_ENABLE_HCALL` accepts it.

use super::{hash, vcpu::HvVcpu, Hv};
use crate::{
    host::features,
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::{
            PageFlags, RptType, SetModeResource, CIABR_PRIV, CIABR_PRIV_HYPERVISOR, DABRX_GUEST,
            DAWRX_HYP,
        },
        pvr::{Arch, LogicalPvr},
    },
    vm::{
        papr::{self, Handled, Outcome},
        tce_hcalls as tce, vpa,
        xics::hcalls,
        Vcpu,
    },
};

/// The hcalls that are handled here. Those enabled by default are kvm-hv's defaults without those that need an
/// interrupt controller in the kernel.
pub(crate) const HANDLED: &Handled = &Handled {
    by_default: &[
        Hcall::H_EOI,
        Hcall::H_CPPR,
        Hcall::H_IPI,
        Hcall::H_IPOLL,
        Hcall::H_XIRR,
        Hcall::H_XIRR_X,
        Hcall::H_GET_TCE,
        Hcall::H_PUT_TCE,
        Hcall::H_SET_DABR,
        Hcall::H_SET_XDABR,
        Hcall::H_CEDE,
        Hcall::H_PROD,
        Hcall::H_CONFER,
        Hcall::H_REGISTER_VPA,
        Hcall::H_ENTER,
        Hcall::H_REMOVE,
        Hcall::H_READ,
        Hcall::H_PROTECT,
        Hcall::H_BULK_REMOVE,
    ],
    on_request: &[
        Hcall::H_STUFF_TCE,
        Hcall::H_PUT_TCE_INDIRECT,
        Hcall::H_LOGICAL_CI_LOAD,
        Hcall::H_LOGICAL_CI_STORE,
        Hcall::H_SET_MODE,
        Hcall::H_RANDOM,
        Hcall::H_PAGE_INIT,
        Hcall::H_RPT_INVALIDATE,
        Hcall::H_CLEAR_REF,
        Hcall::H_CLEAR_MOD,
    ],
};

/// Handles the hcall whose number is in r3.
#[inline]
pub(crate) fn handle(vcpu: &Vcpu<Hv>, st: &mut HvVcpu) -> Outcome {
    let hcall = Hcall::from_raw(st.hcall_gpr(3));
    if hcall == Hcall::H_RTAS {
        return hcalls::rtas(vcpu, st.hcall_gpr(4));
    }
    if !vcpu.vm().arch.hcalls.enabled(hcall) {
        return Outcome::Userspace;
    }
    match hcall {
        Hcall::H_CEDE => Outcome::Cede,
        Hcall::H_PROD => Outcome::Return(papr::h_prod(vcpu, st.hcall_gpr(4))),
        Hcall::H_ENTER
        | Hcall::H_REMOVE
        | Hcall::H_READ
        | Hcall::H_PROTECT
        | Hcall::H_BULK_REMOVE
        | Hcall::H_CLEAR_REF
        | Hcall::H_CLEAR_MOD => Outcome::Return(hash::hcalls::handle(vcpu, st, hcall)),
        _ => handle_other(vcpu, st, hcall),
    }
}

// This is a function of its own so that the path that all exits take saves few registers and uses little stack.
#[inline(never)]
fn handle_other(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, hcall: Hcall) -> Outcome {
    let (a, b, c, d) = (
        st.hcall_gpr(4),
        st.hcall_gpr(5),
        st.hcall_gpr(6),
        st.hcall_gpr(7),
    );
    let (vm, tables) = (vcpu.vm(), &*vcpu.vm().arch.tce);
    let ret = match hcall {
        _ if hcall.is_xics() => return hcalls::handle(vcpu, &mut st.switch, hcall),
        Hcall::H_CONFER => vpa::h_confer(vcpu, a, b),
        Hcall::H_REGISTER_VPA => vpa::h_register_vpa(vcpu, a, b, c),
        Hcall::H_SET_MODE => match h_set_mode(vcpu, st, a, b, c, d) {
            Some(ret) => ret,
            None => return Outcome::Userspace,
        },
        Hcall::H_SET_DABR => h_set_xdabr(vcpu, st, a, DABRX_GUEST & 3),
        Hcall::H_SET_XDABR => h_set_xdabr(vcpu, st, a, b),
        Hcall::H_RANDOM => h_random(st),
        Hcall::H_PAGE_INIT => papr::page_init(vcpu.vm(), PageFlags::from_raw(a), b, c),
        Hcall::H_RPT_INVALIDATE => {
            let (start, end) = (st.hcall_gpr(8), st.hcall_gpr(9));
            h_rpt_invalidate(vcpu, a, RptType::from_raw(c), d, start, end)
        }
        Hcall::H_LOGICAL_CI_LOAD => match papr::logical_ci_load(vcpu.vm(), a, b) {
            Some(val) => {
                st.switch.set_gpr(4, val);
                HReturn::H_SUCCESS
            }
            None => return Outcome::Userspace,
        },
        Hcall::H_LOGICAL_CI_STORE => match papr::logical_ci_store(vcpu.vm(), a, b, c) {
            true => HReturn::H_SUCCESS,
            false => return Outcome::Userspace,
        },
        Hcall::H_GET_TCE | Hcall::H_PUT_TCE | Hcall::H_STUFF_TCE | Hcall::H_PUT_TCE_INDIRECT => {
            match tce::handle(vm, tables, hcall, [a, b, c, d]) {
                Some((ret, entry)) => {
                    if let Some(entry) = entry {
                        st.switch.set_gpr(4, entry);
                    }
                    ret
                }
                None => return Outcome::Userspace,
            }
        }
        // Nested guests are not offered; H_FUNCTION says so.
        Hcall::H_SET_PARTITION_TABLE
        | Hcall::H_ENTER_NESTED
        | Hcall::H_TLB_INVALIDATE
        | Hcall::H_COPY_TOFROM_GUEST => HReturn::H_FUNCTION,
        // Secure guests are not offered either.
        Hcall::H_SVM_PAGE_IN
        | Hcall::H_SVM_PAGE_OUT
        | Hcall::H_SVM_INIT_START
        | Hcall::H_SVM_INIT_DONE
        | Hcall::H_SVM_INIT_ABORT => HReturn::H_UNSUPPORTED,
        _ => return Outcome::Userspace,
    };
    Outcome::Return(ret)
}

/// `H_SET_MODE(flags, resource, value 1, value 2)`; `None` leaves it to userspace, which owns the LPCR.
fn h_set_mode(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    flags: u64,
    resource: u64,
    value1: u64,
    value2: u64,
) -> Option<HReturn> {
    let vm = &vcpu.vm().arch;
    let level = LogicalPvr::from_raw(st.compat).arch();
    let older = level.is_some_and(|level| level < Arch::V207);
    let arch = st.switch.arch_mut();
    let resource = SetModeResource::from_raw(resource)?;
    Some(match resource {
        // These resources were added by ISA 2.07.
        SetModeResource::Ciabr | SetModeResource::Dawr0 | SetModeResource::Dawr1 if older => {
            HReturn::H_P2
        }
        SetModeResource::Ciabr => {
            if value2 != 0 {
                HReturn::H_P4
            } else if flags != 0 {
                HReturn::H_UNSUPPORTED_FLAG_START
            } else if value1 & CIABR_PRIV == CIABR_PRIV_HYPERVISOR {
                HReturn::H_P3
            } else {
                arch.ciabr = value1 as usize;
                HReturn::H_SUCCESS
            }
        }
        SetModeResource::Dawr0 if !vm.features.dawr() => HReturn::H_P2,
        SetModeResource::Dawr1 if !vm.features.dawr() || !vm.features.dawr1() => HReturn::H_P2,
        SetModeResource::Dawr1 if !vm.dawr1() => HReturn::H_FUNCTION,
        SetModeResource::Dawr0 | SetModeResource::Dawr1 if flags != 0 => {
            HReturn::H_UNSUPPORTED_FLAG_START
        }
        SetModeResource::Dawr0 | SetModeResource::Dawr1 if value2 & DAWRX_HYP != 0 => HReturn::H_P4,
        SetModeResource::Dawr0 => {
            arch.dawr0 = value1 as usize;
            arch.dawrx0 = value2 as usize;
            HReturn::H_SUCCESS
        }
        SetModeResource::Dawr1 => {
            arch.dawr1 = value1 as usize;
            arch.dawrx1 = value2 as usize;
            HReturn::H_SUCCESS
        }
        SetModeResource::AddrTransMode => {
            if vm.features.prefetch_bug() && flags == 3 {
                HReturn::H_UNSUPPORTED_FLAG_START
            } else {
                return None;
            }
        }
        SetModeResource::LittleEndian => return None,
    })
}

/// `H_SET_XDABR(address, extensions)`, and `H_SET_DABR`, whose extensions are problem and privileged state. These
/// processors have no DABR, so both set DAWR0 instead.
fn h_set_xdabr(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, dabr: u64, dabrx: u64) -> HReturn {
    if dabrx & 3 == 0 || dabrx & !DABRX_GUEST != 0 {
        return HReturn::H_PARAMETER;
    }
    if !vcpu.vm().arch.features.dawr() {
        return HReturn::H_HARDWARE;
    }
    // The low three bits of DABR are translation, write and read. In DAWRX they are bits 4, 6 and 5, counted from the
    // right.
    let dawrx = dabrx | (dabr & 3) << 5 | (dabr & 4) << 2;
    let arch = st.switch.arch_mut();
    arch.dawr0 = (dabr & !7) as usize;
    arch.dawrx0 = dawrx as usize;
    HReturn::H_SUCCESS
}

fn h_random(st: &mut HvVcpu) -> HReturn {
    match features::random() {
        Some(random) => {
            st.switch.set_gpr(4, random);
            HReturn::H_SUCCESS
        }
        None => HReturn::H_HARDWARE,
    }
}

/// `H_RPT_INVALIDATE(pid, target, type, page sizes, start, end)`.
fn h_rpt_invalidate(
    vcpu: &Vcpu<Hv>,
    pid: u64,
    kind: RptType,
    sizes: u64,
    start: u64,
    end: u64,
) -> HReturn {
    if end < start {
        return HReturn::H_P5;
    }
    // In a partition only the guest itself can flush what its processes have.
    if kind.contains(RptType::NESTED) || !vcpu.vm().arch.features.hvmode() {
        return HReturn::H_FUNCTION;
    }
    vcpu.vm()
        .arch
        .lpid
        .invalidate_process(pid, kind.raw(), sizes, start, end);
    HReturn::H_SUCCESS
}
