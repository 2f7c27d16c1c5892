// SPDX-License-Identifier: GPL-2.0

//! The hypercalls that read and write TCE tables (PAPR, "TCE hcall()s").
//!
//! `None` leaves a call to userspace. That is so for buses without a table here, and for entries that userspace may
//! accept although this module does not, such as addresses at which there is no memory.

use super::{
    backend::Backend,
    guest_memory::gfn_of,
    memslot::MemSlots,
    tce::{Table, Tables},
    vm::Vm,
};
use crate::{
    host::wait,
    isa::{
        hcall::{HReturn, Hcall},
        tce::{Tce, Window, ENTRY_BYTES, LIST_ALIGN, LIST_ENTRIES},
    },
};

/// Answers one of these calls: gives the return code and, for `H_GET_TCE`, the entry. `None` if userspace has to answer
/// it, and for any other call.
pub(crate) fn handle<B: Backend>(
    vm: &Vm<B>,
    tables: &Tables,
    hcall: Hcall,
    [a, b, c, d]: [u64; 4],
) -> Option<(HReturn, Option<u64>)> {
    let ret = match hcall {
        Hcall::H_GET_TCE => {
            return Some(match h_get_tce(tables, a, b)? {
                Ok(entry) => (HReturn::H_SUCCESS, Some(entry)),
                Err(ret) => (ret, None),
            })
        }
        Hcall::H_PUT_TCE => h_put_tce(vm, tables, a, b, c),
        Hcall::H_STUFF_TCE => h_stuff_tce(tables, a, b, c, d),
        Hcall::H_PUT_TCE_INDIRECT => h_put_tce_indirect(vm, tables, a, b, c, d),
        _ => None,
    }?;
    Some((ret, None))
}

/// May a guest write this entry? If it permits an access, it has to name a whole I/O page that begins
/// in the guest's memory.
fn valid(slots: &MemSlots, window: &Window, tce: Tce) -> bool {
    !tce.permits() || (window.aligned(tce.address()) && slots.find(gfn_of(tce.address())).is_some())
}

/// `H_GET_TCE(bus, bus address)`: gives the entry, or the return code of the failure.
fn h_get_tce(tables: &Tables, liobn: u64, ioba: u64) -> Option<Result<u64, HReturn>> {
    tables.with(liobn, |table| {
        Some(match table.window().index(ioba, 1) {
            Some(index) => Ok(table.get(index).raw()),
            None => Err(HReturn::H_PARAMETER),
        })
    })
}

/// `H_PUT_TCE(bus, bus address, entry)`.
fn h_put_tce<B: Backend>(
    vm: &Vm<B>,
    tables: &Tables,
    liobn: u64,
    ioba: u64,
    tce: u64,
) -> Option<HReturn> {
    let tce = Tce::from_raw(tce);
    tables.with(liobn, |table| {
        let Some(index) = table.window().index(ioba, 1) else {
            return Some(HReturn::H_PARAMETER);
        };
        let slots = vm.slots.read();
        if !valid(&slots, table.window(), tce) {
            return None;
        }
        table.put(&slots, index, tce)?;
        Some(HReturn::H_SUCCESS)
    })
}

/// `H_STUFF_TCE(bus, bus address, entry, count)`: writes `count` times the same entry, which gives no permissions.
fn h_stuff_tce(tables: &Tables, liobn: u64, ioba: u64, tce: u64, count: u64) -> Option<HReturn> {
    let tce = Tce::from_raw(tce);
    // The table is kept by reference, since it may be long.
    let table = tables.get(liobn)?;
    let Some(index) = table.window().index(ioba, count) else {
        return Some(HReturn::H_PARAMETER);
    };
    if tce.permits() {
        return Some(HReturn::H_PARAMETER);
    }
    table.stuff(index, count, tce)?;
    Some(HReturn::H_SUCCESS)
}

/// `H_PUT_TCE_INDIRECT(bus, bus address, list, count)`: writes entries from a list in guest memory. If one of them is
/// not valid, none is written.
fn h_put_tce_indirect<B: Backend>(
    vm: &Vm<B>,
    tables: &Tables,
    liobn: u64,
    ioba: u64,
    list: u64,
    count: u64,
) -> Option<HReturn> {
    // The table is kept by reference, since reading the list may take long.
    let table = tables.get(liobn)?;
    if count > LIST_ENTRIES || list % LIST_ALIGN != 0 {
        return Some(HReturn::H_PARAMETER);
    }
    let Some(index) = table.window().index(ioba, count) else {
        return Some(HReturn::H_PARAMETER);
    };
    // Another processor may change the list meanwhile, so each entry is checked again when it is written.
    for_list(vm, &table, list, count, |_, _, _| Some(()))?;
    for_list(vm, &table, list, count, |slots, i, tce| {
        table.put(slots, index + i, tce)
    })?;
    Some(HReturn::H_SUCCESS)
}

// Calls `f` with number and value of each entry of the list, as long as they can be read and are valid.
fn for_list<B: Backend>(
    vm: &Vm<B>,
    table: &Table,
    list: u64,
    count: u64,
    mut f: impl FnMut(&MemSlots, u64, Tce) -> Option<()>,
) -> Option<()> {
    const BYTES: usize = ENTRY_BYTES as usize;
    // The list is read in parts for which the stack has room.
    let mut buffer = [0u8; 64 * BYTES];
    let (mut i, mut left) = (0, (count * ENTRY_BYTES) as usize);
    while left != 0 {
        let now = left.min(buffer.len());
        let bytes = buffer.get_mut(..now)?;
        vm.read_guest(list + i * ENTRY_BYTES, bytes).ok()?;
        let slots = vm.slots.read();
        for entry in bytes.as_chunks::<BYTES>().0 {
            let tce = Tce::from_raw(u64::from_be_bytes(*entry));
            if !valid(&slots, table.window(), tce) {
                return None;
            }
            f(&slots, i, tce)?;
            i += 1;
        }
        left -= now;
        (left == 0 || wait::cond_resched()).then_some(())?;
    }
    Some(())
}
