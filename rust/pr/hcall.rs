// SPDX-License-Identifier: GPL-2.0

//! Hypervisor calls (PAPR, "Hypervisor Call Functions"), and those to KVM itself.

use super::{hpt, magic, vcpu::PrVcpu, vm::Pr};
use crate::{
    host::features,
    isa::{
        hcall::{HReturn, Hcall},
        hcall_args::{PageFlags, SetModeResource},
    },
    vm::{
        papr::{self, Handled, Outcome},
        run_loop::Next,
        tce_hcalls, vpa,
        xics::hcalls,
        Vcpu,
    },
};

/// The hcalls that are handled here.
pub(crate) const HANDLED: &Handled = &Handled {
    by_default: &[
        Hcall::H_EOI,
        Hcall::H_CPPR,
        Hcall::H_IPI,
        Hcall::H_IPOLL,
        Hcall::H_XIRR,
        Hcall::H_XIRR_X,
        Hcall::H_ENTER,
        Hcall::H_REMOVE,
        Hcall::H_PROTECT,
        Hcall::H_BULK_REMOVE,
        Hcall::H_CEDE,
        Hcall::H_PROD,
        Hcall::H_CONFER,
        Hcall::H_REGISTER_VPA,
        Hcall::H_SET_MODE,
        Hcall::H_GET_TCE,
        Hcall::H_PUT_TCE,
    ],
    on_request: &[
        Hcall::H_STUFF_TCE,
        Hcall::H_PUT_TCE_INDIRECT,
        Hcall::H_LOGICAL_CI_LOAD,
        Hcall::H_LOGICAL_CI_STORE,
        Hcall::H_RANDOM,
        Hcall::H_PAGE_INIT,
    ],
};

/// Handles the hcall whose number is in r3.
#[inline]
pub(crate) fn handle(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) -> Outcome {
    let hcall = Hcall::from_raw(st.gpr(3));
    let vm = vcpu.vm();
    if hcall == Hcall::H_RTAS {
        return hcalls::rtas(vcpu, st.gpr(4));
    }
    if !vm.arch.hcalls.enabled(hcall) {
        return Outcome::Userspace;
    }
    let (a, b) = (st.gpr(4), st.gpr(5));
    Outcome::Return(match hcall {
        Hcall::H_CEDE => return Outcome::Cede,
        Hcall::H_PROD => papr::h_prod(vcpu, a),
        Hcall::H_CONFER => vpa::h_confer(vcpu, a, b),
        Hcall::H_SET_MODE => match SetModeResource::from_raw(b) {
            // A change has to be made for all vCPUs, which userspace does.
            Some(SetModeResource::AddrTransMode) if a == st.lpcr.ail() => HReturn::H_SUCCESS,
            _ => return Outcome::Userspace,
        },
        Hcall::H_ENTER | Hcall::H_REMOVE | Hcall::H_BULK_REMOVE | Hcall::H_PROTECT => {
            page_table(vcpu, st, hcall)
        }
        _ => return other(vcpu, st, hcall),
    })
}

/// One that changes the guest's page table.
#[inline(never)]
fn page_table(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, hcall: Hcall) -> HReturn {
    let (a, b, c, d) = (st.gpr(4), st.gpr(5), st.gpr(6), st.gpr(7));
    let flags = PageFlags::from_raw(a);
    match hcall {
        Hcall::H_ENTER => match hpt::h_enter(vcpu, st, flags, b, c, d) {
            Ok(index) => {
                st.set_gpr(4, index);
                HReturn::H_SUCCESS
            }
            Err(ret) => ret,
        },
        Hcall::H_REMOVE => match hpt::h_remove(vcpu, st, flags, b, c) {
            Ok(old) => {
                st.set_gpr(4, old.v.raw());
                st.set_gpr(5, old.r.raw());
                HReturn::H_SUCCESS
            }
            Err(ret) => ret,
        },
        Hcall::H_BULK_REMOVE => hpt::h_bulk_remove(vcpu, st),
        _ => hpt::h_protect(vcpu, st, a, b, c),
    }
}

/// Hcalls that take longer or are rare.
#[inline(never)]
fn other(vcpu: &Vcpu<Pr>, st: &mut PrVcpu, hcall: Hcall) -> Outcome {
    let (a, b, c, d) = (st.gpr(4), st.gpr(5), st.gpr(6), st.gpr(7));
    let vm = vcpu.vm();
    Outcome::Return(match hcall {
        _ if hcall.is_xics() => return hcalls::handle(vcpu, &mut st.switch, hcall),
        Hcall::H_REGISTER_VPA => vpa::h_register_vpa(vcpu, a, b, c),
        Hcall::H_LOGICAL_CI_LOAD => match papr::logical_ci_load(vm, a, b) {
            Some(val) => {
                st.set_gpr(4, val);
                HReturn::H_SUCCESS
            }
            None => return Outcome::Userspace,
        },
        Hcall::H_LOGICAL_CI_STORE => match papr::logical_ci_store(vm, a, b, c) {
            true => HReturn::H_SUCCESS,
            false => return Outcome::Userspace,
        },
        Hcall::H_RANDOM => match features::random() {
            Some(random) => {
                st.set_gpr(4, random);
                HReturn::H_SUCCESS
            }
            None => HReturn::H_HARDWARE,
        },
        Hcall::H_PAGE_INIT => papr::page_init(vm, PageFlags::from_raw(a), b, c),
        _ => match tce_hcalls::handle(vm, &vm.arch.tce, hcall, [a, b, c, d]) {
            Some((ret, entry)) => {
                if let Some(entry) = entry {
                    st.set_gpr(4, entry);
                }
                ret
            }
            None => return Outcome::Userspace,
        },
    })
}

/// The status of a call to KVM that does not exist (ePAPR, "Hypercall Status Codes").
pub(super) const EV_UNIMPLEMENTED: u64 = 12;

/// A call to KVM, `Documentation/virt/kvm/ppc-pv.rst`: the number is in r11, results are in r3 and r4.
#[inline(never)]
pub(crate) fn kvm(vcpu: &Vcpu<Pr>, st: &mut PrVcpu) -> Next {
    /// Vendor KVM, number 3: which features there are.
    const FEATURES: u32 = 42 << 16 | 3;
    const FEATURE_MAGIC_PAGE: u64 = 1 << 1;
    /// Number 4: the page's real address, its effective address and flags.
    const MAP_MAGIC_PAGE: u32 = 42 << 16 | 4;
    /// Vendor ePAPR, number 16: wait for an interrupt.
    const EV_IDLE: u32 = 1 << 16 | 16;
    const INTERNAL: u64 = 9;
    match st.gpr(11) as u32 {
        FEATURES => {
            st.set_gpr(3, 0);
            st.set_gpr(4, FEATURE_MAGIC_PAGE);
        }
        MAP_MAGIC_PAGE => match magic::map(vcpu, st, st.gpr(3), st.gpr(4)) {
            Ok(()) => {
                st.set_gpr(3, 0);
                // The flags of optional features of the page: it has none.
                st.set_gpr(4, 0);
            }
            Err(_) => st.set_gpr(3, INTERNAL),
        },
        EV_IDLE => {
            st.set_gpr(3, 0);
            st.set_msr(st.msr() | crate::isa::msr::Msr::EE);
            return Next::Halt;
        }
        _ => st.set_gpr(3, EV_UNIMPLEMENTED),
    }
    Next::Guest
}
