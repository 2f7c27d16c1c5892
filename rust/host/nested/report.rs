// SPDX-License-Identifier: GPL-2.0

//! What is said of the hypervisor in the log.

use crate::{
    bindings,
    isa::{gsb::Id, hcall::HReturn},
};
use kernel::prelude::*;

/// May something that userspace can cause again and again be reported now?
pub(super) fn may_report() -> bool {
    // SAFETY: Counts how often it is called.
    unsafe { bindings::kvm_ppc_may_report() }
}

/// Reports that the hypervisor has refused to enter a guest, and which element it did not take, at a limited rate.
#[cold]
pub(crate) fn refusal(code: HReturn, element: Option<Id>) {
    if !may_report() {
        return;
    }
    match element {
        Some(id) => pr_err!(
            "the hypervisor does not enter a guest: {code:?}, element {:#06x}\n",
            id.raw()
        ),
        None => pr_err!("the hypervisor does not enter a guest: {code:?}\n"),
    }
}
