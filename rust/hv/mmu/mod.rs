// SPDX-License-Identifier: GPL-2.0

//! Translation of radix guests: the partition-scoped tree, and faults in it.

pub(crate) mod fault;
pub(crate) mod guest;
pub(crate) mod notify;
pub(crate) mod tree;

use self::tree::Tree;
use super::{hash::table::Hpt, Hv};
use crate::{isa::rpte::Level, vm::Vm};
use kernel::prelude::*;

/// A VM's translation state, under its lock.
pub(crate) struct HvMmu {
    /// The tree the hardware walks for a radix guest. It is dropped first, and the partition has no table then.
    pub(crate) tree: Tree,
    /// The table that it searches for a guest that uses hash; then the tree is empty.
    pub(crate) hash: Option<KBox<Hpt>>,
}

impl HvMmu {
    /// An empty tree, made known to the hardware. Returns `ENOMEM`.
    pub(crate) fn new(vm: &super::vm::HvVm) -> Result<Self> {
        Ok(Self {
            tree: Tree::new(vm.lpid.clone(), vm.process_table())?,
            hash: None,
        })
    }
}

/// Counts a large page that was mapped (`delta` 1) or unmapped (-1).
fn count_large(vm: &Vm<Hv>, level: Option<Level>, delta: i64) {
    let counter = match level {
        Some(Level::L1) => &vm.arch_stats.num_2M_pages,
        Some(Level::L2) => &vm.arch_stats.num_1G_pages,
        _ => return,
    };
    counter.add(delta as u64);
}
