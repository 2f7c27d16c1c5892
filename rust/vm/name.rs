// SPDX-License-Identifier: GPL-2.0

//! Short names of descriptors and folders, and of those whom statistics are about.

use crate::bindings::KVM_STATS_NAME_SIZE;
use kernel::{
    fmt::{self, Write as _},
    prelude::*,
    str::NullTerminatedFormatter,
};

/// A name in place, without memory of its own.
pub(super) struct Name([u8; KVM_STATS_NAME_SIZE as usize]);

impl Name {
    /// What does not fit is cut off.
    pub(super) fn new(text: fmt::Arguments<'_>) -> Self {
        let mut name = [0; KVM_STATS_NAME_SIZE as usize];
        if let Some(mut to) = NullTerminatedFormatter::new(&mut name) {
            let _ = to.write_fmt(text);
        }
        Self(name)
    }

    pub(super) fn as_cstr(&self) -> &CStr {
        // The last byte is always zero.
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}
