// SPDX-License-Identifier: GPL-2.0

//! `KVM_PPC_GET_PVINFO` (api.rst, section 4.46): how a guest that is not PAPR's calls KVM.

use crate::bindings::{kvm_ppc_pvinfo, KVM_PPC_PVINFO_FLAGS_EV_IDLE};

/// `lis r0, KVM_SC_MAGIC_R0@h; ori r0, r0, KVM_SC_MAGIC_R0@l; sc; nop`
const HCALL: [u32; 4] = [0x3c00_4b56, 0x6000_4d21, 0x4400_0002, 0x6000_0000];

/// The instructions are big-endian, whatever the host is.
pub(crate) fn pvinfo() -> kvm_ppc_pvinfo {
    let mut info = kvm_ppc_pvinfo::default();
    for (to, from) in info.hcall.iter_mut().zip(HCALL) {
        *to = from.to_be();
    }
    info.flags = KVM_PPC_PVINFO_FLAGS_EV_IDLE;
    info
}
