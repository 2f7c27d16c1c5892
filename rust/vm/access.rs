// SPDX-License-Identifier: GPL-2.0

//! Single accesses of an emulated load or store that are completed in the kernel.

use super::{backend::Backend, Vm};
use crate::emulate::mmio::Plan;
use kernel::prelude::*;

/// Makes the next access of `plan`, of `len` bytes at `gpa`, if that can be done in the kernel: to memory, if
/// `memory`, or to the VM's bus. Says whether it was made. `write` has the bytes of a store. Returns `EFAULT` if
/// memory cannot be reached.
pub(crate) fn access_in_kernel<B: Backend>(
    vm: &Vm<B>,
    plan: &mut Plan,
    memory: bool,
    gpa: u64,
    len: usize,
    write: Option<&[u8; 8]>,
) -> Result<bool> {
    if memory && memory_access(vm, plan, gpa, len, write)? {
        return Ok(true);
    }
    // Nothing on the bus answers loads.
    let taken = write
        .and_then(|data| data.get(..len))
        .is_some_and(|data| vm.mmio_write(gpa, data));
    if taken {
        plan.wrote();
    }
    Ok(taken)
}

fn memory_access<B: Backend>(
    vm: &Vm<B>,
    plan: &mut Plan,
    gpa: u64,
    len: usize,
    write: Option<&[u8; 8]>,
) -> Result<bool> {
    if let Some(data) = write {
        if !vm.write_if_memory(gpa, data.get(..len).ok_or(EINVAL)?)? {
            return Ok(false);
        }
        plan.wrote();
    } else {
        let mut data = [0; 8];
        let data = data.get_mut(..len).ok_or(EINVAL)?;
        if !vm.read_if_memory(gpa, data)? {
            return Ok(false);
        }
        plan.supply(data);
    }
    Ok(true)
}
