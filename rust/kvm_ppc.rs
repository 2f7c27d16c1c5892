// SPDX-License-Identifier: GPL-2.0

//! KVM for PowerPC: /dev/kvm on PowerPC hosts.
//!
//! Imports point one way: from this file to the backends, from these to `vm`, to `host`, to `emulate`, and to `isa`.
//! Documentation/extending.rst has the rules.

// Without the pr backend some of it has no user; what nobody uses is found where there is one.
#![cfg_attr(
    all(CONFIG_PPC_BOOK3S_64, not(CONFIG_KVM_BOOK3S_PR_POSSIBLE)),
    allow(dead_code)
)]

use kernel::{prelude::*, sync::Arc};

#[path = "bindings/mod.rs"]
mod bindings;
#[cfg(CONFIG_44x)]
#[path = "e44x/mod.rs"]
mod e44x;
// A library with tests of its own: what is for a 440 nobody uses on Book3S, and the other way round.
#[path = "emulate/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod emulate;
#[path = "host/mod.rs"]
mod host;
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
#[path = "hv/mod.rs"]
mod hv;
// The same. Registers, areas and tables are here as the architecture has them, with all their fields and accessors,
// whether or not somebody uses each.
#[path = "isa/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod isa;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
#[path = "pr/mod.rs"]
mod pr;
// A 440 has no use for some of it; what nobody uses is found where guests are Book3S ones.
#[path = "vm/mod.rs"]
#[cfg_attr(not(CONFIG_PPC_BOOK3S_64), allow(dead_code))]
mod vm;

use crate::{
    host::misc::KvmDevice,
    vm::{backend::Backend, Device},
};

module! {
    type: KvmPpc,
    name: "kvm_ppc",
    authors: ["The kvm_ppc developers"],
    description: "KVM for PowerPC",
    license: "GPL",
    alias: ["devname:kvm", "char-major-10-232"],
}

/// The module: what it registered, by the backend that this host can have.
struct KvmPpc {
    _device: Arc<dyn Registered>,
}

/// /dev/kvm, of whatever backend.
trait Registered: Send + Sync {}

impl<B: Backend> Registered for KvmDevice<Device<B>> {}

fn register<B: Backend>() -> Result<Arc<dyn Registered>> {
    let device = Device::<B>::register()?;
    Ok(device)
}

/// Registers the backend that can run guests here: in hardware on a radix host in hypervisor mode, in problem state on
/// a hash host, and on a 440.
fn choose() -> Result<Arc<dyn Registered>> {
    #[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
    match hv::Hv::available() {
        Ok(()) => return register::<hv::Hv>(),
        Err(missing) => pr_info!("no guests in hardware: {missing}\n"),
    }
    #[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
    match pr::Pr::available() {
        Ok(()) => return register::<pr::Pr>(),
        Err(missing) => pr_info!("no guests in problem state: {missing}\n"),
    }
    #[cfg(CONFIG_44x)]
    match e44x::E44x::available() {
        Ok(()) => return register::<e44x::E44x>(),
        Err(missing) => pr_info!("no guests of a 440: {missing}\n"),
    }
    pr_err!("no guests on this host\n");
    Err(ENODEV)
}

impl kernel::Module for KvmPpc {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self { _device: choose()? })
    }
}
