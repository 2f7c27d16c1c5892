// SPDX-License-Identifier: GPL-2.0

//! VSX registers and VSCR in the kernel's structures for floating-point and vector state.

use crate::bindings;

/// A vector register as two doublewords in memory order.
fn doublewords(v: bindings::vector128) -> [u64; 2] {
    // SAFETY: A vector register is 16 bytes without invalid values.
    unsafe { core::mem::transmute::<bindings::vector128, [u64; 2]>(v) }
}

/// The converse of [`doublewords`].
fn vector(v: [u64; 2]) -> bindings::vector128 {
    // SAFETY: As above.
    unsafe { core::mem::transmute::<[u64; 2], bindings::vector128>(v) }
}

/// The kernel keeps a VSX register as the host's 128-bit integer: on a little-endian host doubleword 1
/// comes first.
fn in_register_order([a, b]: [u64; 2]) -> [u64; 2] {
    if cfg!(target_endian = "little") {
        [b, a]
    } else {
        [a, b]
    }
}

pub(super) fn vsr_of(
    fp: &bindings::thread_fp_state,
    vr: &bindings::thread_vr_state,
    n: u8,
) -> [u64; 2] {
    let n = usize::from(n);
    in_register_order(match n.checked_sub(32) {
        None => fp.fpr.get(n).copied().unwrap_or_default(),
        Some(v) => vr.vr.get(v).map_or([0; 2], |v| doublewords(*v)),
    })
}

pub(super) fn set_vsr_of(
    fp: &mut bindings::thread_fp_state,
    vr: &mut bindings::thread_vr_state,
    n: u8,
    val: [u64; 2],
) {
    let n = usize::from(n);
    let raw = in_register_order(val);
    match n.checked_sub(32) {
        None => {
            if let Some(fpr) = fp.fpr.get_mut(n) {
                *fpr = raw;
            }
        }
        Some(v) => {
            if let Some(vr) = vr.vr.get_mut(v) {
                *vr = vector(raw);
            }
        }
    }
}

/// VSCR from the vector that holds it: it is the least significant word, the first in memory on a little-endian host.
pub(super) fn vscr_of(v: bindings::vector128) -> u32 {
    let [first, second] = doublewords(v);
    if cfg!(target_endian = "little") {
        first as u32
    } else {
        second as u32
    }
}

/// The converse of [`vscr_of`].
pub(super) fn from_vscr(val: u32) -> bindings::vector128 {
    let val = u64::from(val);
    vector(if cfg!(target_endian = "little") {
        [val, 0]
    } else {
        [0, val]
    })
}
