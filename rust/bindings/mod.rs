// SPDX-License-Identifier: GPL-2.0

//! The host's C interfaces that the kernel crate does not bind, generated from `bindings.h` with the host's own
//! configuration. Functions are for `host` only; the other modules use only the structures and constants of KVM's
//! interface.

#![allow(
    clippy::all,
    clippy::as_underscore,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unnecessary_transmutes,
    improper_ctypes
)]

use kernel::bindings::*;
use kernel::ffi;

type __kernel_size_t = usize;
type __kernel_ssize_t = isize;
type __kernel_ptrdiff_t = isize;

include!(env!("KVM_PPC_BINDINGS"));
