// SPDX-License-Identifier: GPL-2.0

//! KVM for PowerPC: /dev/kvm on PowerPC hosts.
//!
//! Imports point one way: from this file to the backends, from these to `vm`, to `host`, to `emulate`, and to `isa`.
//! Documentation/extending.rst has the rules.

// Without the pr backend, parts of this module have no user. The compiler reports dead code where that backend is
// built.
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
// This module is a library with tests of its own. Its parts for the 440 have no user on Book3S, and the other way
// round.
#[path = "emulate/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod emulate;
#[path = "host/mod.rs"]
mod host;
#[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
#[path = "hv/mod.rs"]
mod hv;
// This module is such a library too. It describes registers, areas and tables as the architecture does, with all their
// fields and accessors, also those that have no user.
#[path = "isa/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod isa;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
#[path = "pr/mod.rs"]
mod pr;
// The 440's backend does not use all of this module. The compiler reports dead code where the guests are Book3S ones.
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

/// The module. It keeps what the backend for this host has registered.
struct KvmPpc {
    _device: Arc<dyn Registered>,
    // Dropped after the device: then there are no guests any more.
    #[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
    _session: Option<host::nested::Session>,
}

impl KvmPpc {
    /// With nothing but its device.
    fn new(_device: Arc<dyn Registered>) -> Self {
        Self {
            _device,
            #[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
            _session: None,
        }
    }
}

/// `/dev/kvm` as any of the backends has registered it.
trait Registered: Send + Sync {}

impl<B: Backend> Registered for KvmDevice<Device<B>> {}

fn register<B: Backend>() -> Result<Arc<dyn Registered>> {
    let device = Device::<B>::register()?;
    Ok(device)
}

/// Registers the backend for guests in hardware. The inner error says why there are none.
#[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
fn in_hardware() -> Result<Result<KvmPpc, &'static str>> {
    if let Err(missing) = hv::Hv::available() {
        return Ok(Err(missing));
    }
    // The device first: if another module has /dev/kvm, that may have told the hypervisor below of guests, of which it
    // must not be told otherwise.
    let _device = register::<hv::Hv>()?;
    // The device may be open by now, so the module has to stay even if that fails. Then no VM can be made.
    let _session = hv::Hv::begin().unwrap_or_else(|why| {
        pr_err!("no guests: {why}\n");
        None
    });
    Ok(Ok(KvmPpc { _device, _session }))
}

/// Registers the backend that can run guests here: in hardware on a radix host, in hypervisor mode or in a partition
/// whose hypervisor runs guests for it; in problem state on a hash host; and on a 440.
fn choose() -> Result<KvmPpc> {
    #[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
    match in_hardware()? {
        Ok(module) => return Ok(module),
        Err(missing) => pr_info!("no guests in hardware: {missing}\n"),
    }
    #[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
    match pr::Pr::available() {
        Ok(()) => return register::<pr::Pr>().map(KvmPpc::new),
        Err(missing) => pr_info!("no guests in problem state: {missing}\n"),
    }
    #[cfg(CONFIG_44x)]
    match e44x::E44x::available() {
        Ok(()) => return register::<e44x::E44x>().map(KvmPpc::new),
        Err(missing) => pr_info!("no guests of a 440: {missing}\n"),
    }
    pr_err!("no guests on this host\n");
    Err(ENODEV)
}

impl kernel::Module for KvmPpc {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        choose()
    }
}
