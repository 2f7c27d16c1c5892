// SPDX-License-Identifier: GPL-2.0

//! Every contact with the host kernel that the kernel crate does not wrap, each wrapped once.

// For any host. Not every kind of host uses all of these.
pub(crate) mod compat;
pub(crate) mod debugfs;
pub(crate) mod entry;
pub(crate) mod eventfd;
pub(crate) mod file;
pub(crate) mod host_page;
pub(crate) mod irqfd;
pub(crate) mod members;
pub(crate) mod misc;
#[cfg_attr(not(CONFIG_PPC_BOOK3S_64), allow(dead_code))]
pub(crate) mod mm;
pub(crate) mod mutex;
pub(crate) mod notifier;
#[cfg_attr(not(CONFIG_PPC_BOOK3S_64), allow(dead_code))]
pub(crate) mod once;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod range_map;
pub(crate) mod signal;
pub(crate) mod srcu_cell;
pub(crate) mod srcu_pair;
pub(crate) mod thread;
pub(crate) mod time;
pub(crate) mod trace;
pub(crate) mod uapi;
pub(crate) mod uevent;
pub(crate) mod wait;

// For Book3S hosts.
#[cfg(CONFIG_PPC_BOOK3S_64)]
mod book3s_entry;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod book3s_time;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod features;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod field;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod irq;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod lpid;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod nested;
#[cfg(CONFIG_PPC_BOOK3S_64)]
mod paca;
// KVM_BOOK3S_64 selects the scheduler's preempt notifiers, which this needs.
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod preempt;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod sregs;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod switch;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod switch_vm;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod table;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod user_count;
// For devices that are given to guests.
#[cfg(all(CONFIG_PPC_BOOK3S_64, CONFIG_VFIO))]
pub(crate) mod vfio;
#[cfg(CONFIG_PPC_BOOK3S_64)]
mod vsr;
#[cfg(CONFIG_PPC_BOOK3S_64)]
pub(crate) mod zeroed;

// For guests in hardware.
#[cfg(CONFIG_KVM_BOOK3S_HV_POSSIBLE)]
pub(crate) mod hpt;

// For bare metal since POWER9.
#[cfg(all(CONFIG_KVM_BOOK3S_HV_POSSIBLE, CONFIG_PPC_XIVE_NATIVE))]
pub(crate) mod xive;

// For hosts that use the hash MMU.
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod code_page;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod hash;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod nofault;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod shadow;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod user_word;

// For 440 hosts.
#[cfg(CONFIG_44x)]
pub(crate) mod e44x;
