// SPDX-License-Identifier: GPL-2.0

//! Every contact with the host kernel that the kernel crate does not wrap, each wrapped once.

// Any host.
pub(crate) mod debugfs;
pub(crate) mod eventfd;
pub(crate) mod file;
pub(crate) mod members;
pub(crate) mod misc;
pub(crate) mod mm;
pub(crate) mod mutex;
pub(crate) mod notifier;
pub(crate) mod once;
pub(crate) mod page;
pub(crate) mod signal;
pub(crate) mod spin;
pub(crate) mod srcu_cell;
pub(crate) mod thread;
pub(crate) mod uapi;
pub(crate) mod user;
pub(crate) mod wait;

// Book3S hosts.
pub(crate) mod entry;
pub(crate) mod features;
pub(crate) mod lpid;
pub(crate) mod switch;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod trace;

// Hosts on the hash MMU.
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod hash;
#[cfg(all(CONFIG_KVM_BOOK3S_PR_POSSIBLE, CONFIG_PPC_64S_HASH_MMU))]
pub(crate) mod shadow;
