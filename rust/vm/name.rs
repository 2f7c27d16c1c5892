// SPDX-License-Identifier: GPL-2.0

//! Short names: of descriptors, of folders, and in the headers of statistics.

use crate::bindings::KVM_STATS_NAME_SIZE;
use kernel::{
    fmt::{self, Write as _},
    prelude::*,
    str::NullTerminatedFormatter,
};

/// A name in place, without memory of its own.
pub(crate) struct Name([u8; KVM_STATS_NAME_SIZE as usize]);

impl Name {
    /// The text as a name, truncated if it does not fit.
    pub(crate) fn new(text: fmt::Arguments<'_>) -> Self {
        let mut name = [0; KVM_STATS_NAME_SIZE as usize];
        if let Some(mut to) = NullTerminatedFormatter::new(&mut name) {
            let _ = to.write_fmt(text);
        }
        Self(name)
    }

    /// `text` followed by a number. This takes a tenth of the time of [`new`](Self::new).
    pub(super) fn numbered(text: &str, number: u32) -> Self {
        let mut digits = [0; 10];
        let mut rest = number;
        let mut len = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            len += 1;
            if rest == 0 {
                break;
            }
        }
        let mut name = [0; KVM_STATS_NAME_SIZE as usize];
        // All but the last byte, which ends it.
        let mut places = name.iter_mut().rev().skip(1).rev();
        for (byte, place) in text.bytes().zip(places.by_ref()) {
            *place = byte;
        }
        for (digit, place) in digits.into_iter().skip(digits.len() - len).zip(places) {
            *place = digit;
        }
        Self(name)
    }

    pub(crate) fn as_cstr(&self) -> &CStr {
        // The last byte is always zero.
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}
