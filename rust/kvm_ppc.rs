// SPDX-License-Identifier: GPL-2.0

//! KVM for PowerPC: /dev/kvm on PowerPC hosts.
//!
//! Imports point one way: this file to the backends, these to `vm`, `emulate` and `host`, these to `isa`.

use kernel::prelude::*;

#[path = "bindings/mod.rs"]
mod bindings;
#[path = "emulate/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod emulate;
#[path = "host/mod.rs"]
mod host;
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
#[path = "hv/mod.rs"]
mod hv;
#[path = "isa/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod isa;
#[path = "vm/mod.rs"]
#[allow(dead_code)]
mod vm;

use crate::{host::misc::KvmDevice, hv::Hv, vm::Device};

module! {
    type: KvmPpc,
    name: "kvm_ppc",
    authors: ["The kvm_ppc developers"],
    description: "KVM for PowerPC",
    license: "GPL",
    alias: ["devname:kvm", "char-major-10-232"],
    params: {
        halt_poll_ns: u32 {
            default: 10_000,
            description: "Longest time in ns to poll when a vCPU halts, before it sleeps; 0 never polls",
        },
        halt_poll_ns_grow: u32 {
            default: 2,
            description: "Factor by which the time to poll grows; 0 leaves it as it is",
        },
        halt_poll_ns_grow_start: u32 {
            default: 10_000,
            description: "Time in ns that it grows to first",
        },
        halt_poll_ns_shrink: u32 {
            default: 2,
            description: "Divisor by which the time to poll shrinks; 0 makes it 0",
        },
    },
}

/// The module: what it registered.
#[pin_data]
struct KvmPpc {
    #[pin]
    _device: KvmDevice<Device<Hv>>,
}

impl kernel::InPlaceModule for KvmPpc {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        vm::halt::PARAMS.set(
            module_parameters::halt_poll_ns.value(),
            module_parameters::halt_poll_ns_grow.value(),
            module_parameters::halt_poll_ns_grow_start.value(),
            module_parameters::halt_poll_ns_shrink.value(),
        );
        let available = Hv::available().map_err(|missing| {
            pr_err!("no guests on this host: {missing}\n");
            ENODEV
        });
        try_pin_init!(Self {
            _: { available? },
            _device <- Device::<Hv>::register(),
        })
    }
}
