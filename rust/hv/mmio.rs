// SPDX-License-Identifier: GPL-2.0

//! Loads and stores to what is not memory: emulated access by access, by the VM's own bus or by userspace.

use super::{
    exit::Next,
    mmu::guest::{fetch, translate},
    vcpu::{Completion, HvVcpu},
    Hv,
};
use crate::{
    emulate::{
        mmio::{Plan, Reason, Step},
        regs::Regs,
    },
    isa::{
        dsisr::Dsisr,
        msr::Msr,
        radix_walk::{Access, Fault},
        srr1::Srr1,
        trap::Trap,
    },
    vm::{run_page::RunPage, Vcpu},
};
use kernel::{page::PAGE_SHIFT, prelude::*};

/// An instruction in the middle of its accesses; kept where it is, because it is large.
pub(crate) struct Pending {
    plan: Plan,
    /// The effective address that faulted and the guest real address it has, which spares most accesses a
    /// translation.
    known: (u64, u64),
    /// Where the instruction is, and where the next one is, which is what userspace sees meanwhile.
    nip: u64,
    next: u64,
    /// Bytes of the instruction.
    length: u64,
}

impl Pending {
    /// None.
    pub(crate) const NONE: Self = Self {
        plan: Plan::IDLE,
        known: (0, 0),
        nip: 0,
        next: 0,
        length: 4,
    };
}

/// Addresses of one 4 KB page translate alike.
const SAME_PAGE: u64 = !0xfff;

/// Emulates the instruction that the guest is at, which faulted at effective address `ea`, guest real address
/// `gpa`, as a store or a load. Returns `EFAULT` if memory that the instruction also touches cannot be reached.
pub(crate) fn start(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    run: &RunPage,
    ea: u64,
    gpa: u64,
    store: bool,
) -> Result<Next> {
    let Some(insn) = fetch(vcpu, st) else {
        vcpu.arch_stats.fetch_retries.inc();
        return Ok(Next::Guest);
    };
    let vm = &vcpu.vm().arch;
    st.mmio.known = (ea, gpa);
    st.mmio.length = insn.length();
    let plan = &mut st.mmio.plan;
    let why = match plan.prepare(insn, &st.switch) {
        Ok(()) if plan.bytes() != 0 && plan.is_store() != store => {
            // Another processor has changed the instruction since, and this access was not permitted yet.
            vcpu.arch_stats.fetch_retries.inc();
            return Ok(Next::Guest);
        }
        Ok(()) => return go_on(vcpu, st, run),
        Err(why) => why,
    };
    match why {
        Reason::InvalidForm => st.inject_program(vm, Srr1::PROG_ILL),
        Reason::Alignment => st.inject_alignment(vm, ea),
        Reason::Storage(why) => st.inject_data_storage(vm, ea, why),
        Reason::Unavailable(trap) => st.inject(vm, trap, Srr1::EMPTY),
        Reason::NotStorageAccess if st.msr().contains(Msr::PR) => {
            // A process must not stop the guest, by changing its code meanwhile or otherwise.
            st.inject_data_storage(vm, ea, Dsisr::BADACCESS.set(Dsisr::ISSTORE, store))
        }
        Reason::NotStorageAccess => {
            run.set_internal_error(
                crate::bindings::KVM_INTERNAL_ERROR_EMULATION,
                &[insn.to_doubleword(), st.nip()],
            );
            return Ok(Next::Userspace);
        }
    }
    Ok(Next::Guest)
}

/// Userspace has made the access: goes on with the instruction.
pub(crate) fn complete(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Result<Next> {
    let plan = &mut st.mmio.plan;
    if plan.is_store() {
        plan.wrote();
    } else {
        // Of the bytes, the plan takes as many as it asked for.
        plan.supply(&run.mmio_data());
    }
    let chosen = st.nip();
    if chosen != st.mmio.next {
        // Userspace wants the guest to go on somewhere else: what is left of the instruction is not made.
        if matches!(st.mmio.plan.step(), Step::Done) {
            let _ = st.mmio.plan.finish(&mut st.switch);
        }
        st.set_nip(chosen);
        return Ok(Next::Guest);
    }
    st.set_nip(st.mmio.nip);
    go_on(vcpu, st, run)
}

fn go_on(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, run: &RunPage) -> Result<Next> {
    loop {
        let pending = &mut st.mmio;
        let (ea, len, write) = match pending.plan.step() {
            Step::Done => {
                // All accesses are made, so this cannot be incomplete.
                let _ = pending.plan.finish(&mut st.switch);
                if st.msr().contains(Msr::SE) {
                    // The guest single-steps, and this was a step.
                    let what = if st.mmio.plan.is_store() {
                        Srr1::TRACE_STORE
                    } else {
                        Srr1::TRACE_LOAD
                    };
                    let prefixed = Srr1::EMPTY.set(Srr1::PREFIXED, st.mmio.length == 8);
                    st.inject(&vcpu.vm().arch, Trap::TRACE, Srr1::TRACE | what | prefixed);
                }
                break;
            }
            Step::Read { ea, len, .. } => (ea, len, None),
            Step::Write { ea, len, data, .. } => (ea, len, Some(data)),
        };
        let len = usize::from(len);
        let (known_ea, known_gpa) = pending.known;
        let faulted = ea & SAME_PAGE == known_ea & SAME_PAGE;
        let gpa = if faulted {
            known_gpa & SAME_PAGE | ea & !SAME_PAGE
        } else {
            let access = match write {
                Some(_) => Access::Store,
                None => Access::Load,
            };
            match translate(vcpu, st, ea, access) {
                Ok(gpa) => gpa,
                Err(fault) => {
                    reflect(vcpu, st, ea, fault);
                    break;
                }
            }
        };
        if !faulted && memory_access(vcpu, st, gpa, len, write.as_ref())?
            || bus_access(vcpu, st, gpa, len, write.as_ref())
        {
            continue;
        }
        run.set_mmio(gpa, &write.unwrap_or_default(), len as u32, write.is_some());
        // Userspace finds the guest after the instruction, as with the peer.
        st.mmio.nip = st.nip();
        st.switch.advance(st.mmio.length);
        st.mmio.next = st.nip();
        st.completion = Completion::Mmio;
        return Ok(Next::Userspace);
    }
    Ok(Next::Guest)
}

/// The guest's tables have no translation for a part of what the instruction accesses.
fn reflect(vcpu: &Vcpu<Hv>, st: &mut HvVcpu, ea: u64, fault: Fault) {
    let vm = &vcpu.vm().arch;
    match fault {
        Fault::Segment => {
            st.switch.arch_mut().shregs.dar = ea;
            st.inject(vm, Trap::DATA_SEGMENT, Srr1::EMPTY);
        }
        Fault::Storage(why) => st.inject_data_storage(vm, ea, why),
        Fault::Unreadable(_) => st.inject_data_storage(vm, ea, Dsisr::NOPTE | Dsisr::PRTABLE_FAULT),
    }
}

/// Makes the access if it is to memory, and says whether it was.
fn memory_access(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    gpa: u64,
    len: usize,
    write: Option<&[u8; 8]>,
) -> Result<bool> {
    let vm = vcpu.vm();
    let memory = {
        let slots = vm.slots.read();
        let slot = slots.find(gpa >> PAGE_SHIFT);
        slot.is_some_and(|s| write.is_none() || !s.readonly())
    };
    if !memory {
        return Ok(false);
    }
    let plan = &mut st.mmio.plan;
    if let Some(data) = write {
        vm.write_guest(gpa, data.get(..len).ok_or(EINVAL)?)?;
        plan.wrote();
    } else {
        let mut data = [0; 8];
        let data = data.get_mut(..len).ok_or(EINVAL)?;
        vm.read_guest(gpa, data)?;
        plan.supply(data);
    }
    Ok(true)
}

/// Makes the access if something on the VM's bus takes it, and says whether it was.
fn bus_access(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    gpa: u64,
    len: usize,
    write: Option<&[u8; 8]>,
) -> bool {
    // Nothing on the bus answers loads.
    let Some(data) = write else {
        return false;
    };
    let taken = data
        .get(..len)
        .is_some_and(|data| vcpu.vm().mmio_write(gpa, data));
    if taken {
        st.mmio.plan.wrote();
    }
    taken
}
