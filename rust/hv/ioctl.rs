// SPDX-License-Identifier: GPL-2.0

//! Capabilities and ioctls that are the backend's own.

use super::{
    compat_caps::{self, GET_COMPAT_CAPS, KVM_CAP_PPC_COMPAT_CAPS},
    hash,
    vcpu::HvVcpu,
    xive, Hv,
};
use crate::{
    bindings::*,
    host::{
        features::{cpu_char, page_ap, Features},
        nested, uapi,
    },
    vm::{
        pvinfo::pvinfo,
        smt::Smt,
        tce::{self, Tables},
        tce_devices,
        xics::{device, tokens},
        Vcpu, Vm,
    },
};
use kernel::{
    ioctl::{_IO, _IOR, _IOW, _IOWR},
    prelude::*,
    sync::ArcBorrow,
};

const GET_PVINFO: u32 = _IOW::<kvm_ppc_pvinfo>(KVMIO, 0xa1);
const GET_SMMU_INFO: u32 = _IOR::<kvm_ppc_smmu_info>(KVMIO, 0xa6);
const ALLOCATE_HTAB: u32 = _IOWR::<u32>(KVMIO, 0xa7);
const GET_HTAB_FD: u32 = _IOW::<kvm_get_htab_fd>(KVMIO, 0xaa);
const RESIZE_HPT_PREPARE: u32 = _IOR::<kvm_ppc_resize_hpt>(KVMIO, 0xad);
const RESIZE_HPT_COMMIT: u32 = _IOR::<kvm_ppc_resize_hpt>(KVMIO, 0xae);
const CONFIGURE_V3_MMU: u32 = _IOW::<kvm_ppc_mmuv3_cfg>(KVMIO, 0xaf);
const GET_RMMU_INFO: u32 = _IOW::<kvm_ppc_rmmu_info>(KVMIO, 0xb0);
const GET_CPU_CHAR: u32 = _IOR::<kvm_ppc_cpu_char>(KVMIO, 0xb1);
const SVM_OFF: u32 = _IO(KVMIO, 0xb3);

/// `KVM_CHECK_EXTENSION`.
pub(crate) fn check_extension(vm: Option<&Vm<Hv>>, cap: u32) -> Option<i32> {
    let features = match vm {
        Some(vm) => vm.arch.features,
        None => Features::read(),
    };
    Some(match cap {
        KVM_CAP_PPC_SEGSTATE
        | KVM_CAP_PPC_RTAS
        | KVM_CAP_IRQ_XICS
        | KVM_CAP_IRQFD
        | KVM_CAP_IRQFD_RESAMPLE
        | KVM_CAP_PPC_HIOR
        | KVM_CAP_PPC_PAPR
        | KVM_CAP_PPC_UNSET_IRQ
        | KVM_CAP_PPC_IRQ_LEVEL
        | KVM_CAP_ENABLE_CAP
        | KVM_CAP_ONE_REG
        | KVM_CAP_SET_GUEST_DEBUG
        | KVM_CAP_PPC_FIXUP_HCALL
        | KVM_CAP_PPC_ENABLE_HCALL
        | KVM_CAP_PPC_GET_CPU_CHAR
        | KVM_CAP_PPC_GET_SMMU_INFO
        | KVM_CAP_PPC_FWNMI
        | KVM_CAP_SPAPR_TCE
        | KVM_CAP_SPAPR_TCE_64
        | KVM_CAP_SPAPR_MULTITCE => 1,
        // In a partition TCEs are written by hypercalls, which userspace's own way to do it makes.
        KVM_CAP_SPAPR_TCE_VFIO => (tce_devices::POSSIBLE && features.hvmode()).into(),
        KVM_CAP_PPC_RPT_INVALIDATE => features.hvmode().into(),
        KVM_CAP_PPC_IRQ_XIVE => xive::device::available().into(),
        KVM_CAP_PPC_COMPAT_CAPS => compat_caps::available().into(),
        KVM_CAP_PPC_MMU_HASH_V3
        | KVM_CAP_PPC_ALLOC_HTAB
        | KVM_CAP_PPC_HTAB_FD
        | KVM_CAP_SPAPR_RESIZE_HPT => hash::mode::possible(features).into(),
        KVM_CAP_PPC_MMU_RADIX => features.radix().into(),
        KVM_CAP_PPC_SMT => vm.map_or(1, |vm| vm.arch.smt.get() as i32),
        KVM_CAP_PPC_SMT_POSSIBLE => Smt::POSSIBLE,
        KVM_CAP_PPC_HWRNG => features.hwrng().into(),
        // Transactional memory on POWER9 needs emulation by the hypervisor, which this module does not have.
        KVM_CAP_PPC_HTM => 0,
        KVM_CAP_PPC_DAWR1 => features.dawr1().into(),
        KVM_CAP_PPC_AIL_MODE_3 if !features.hvmode() => nested::ail_mode_3().into(),
        KVM_CAP_PPC_AIL_MODE_3 => (!features.prefetch_bug()).into(),
        _ => return None,
    })
}

/// `KVM_ENABLE_CAP` on a VM.
pub(crate) fn enable_vm_cap(vm: &Vm<Hv>, cap: u32, args: &[u64; 4]) -> Result {
    let [arg0, arg1, ..] = *args;
    match cap {
        KVM_CAP_PPC_ENABLE_HCALL => vm.arch.hcalls.enable_cap(arg0, arg1),
        KVM_CAP_PPC_SMT => vm.arch.smt.enable(&vm.lock.lock(), arg0, arg1),
        KVM_CAP_PPC_DAWR1 => vm.arch.set_dawr1(),
        _ => Err(EINVAL),
    }
}

/// `KVM_ENABLE_CAP` on a vCPU.
pub(crate) fn enable_vcpu_cap(
    vcpu: &Vcpu<Hv>,
    st: &mut HvVcpu,
    cap: u32,
    args: &[u64; 4],
) -> Result {
    match cap {
        KVM_CAP_IRQ_XICS => return device::connect(vcpu, args),
        KVM_CAP_PPC_IRQ_XIVE => return xive::device::connect(vcpu, args),
        KVM_CAP_PPC_PAPR => st.papr = true,
        KVM_CAP_PPC_FWNMI => vcpu.vm().arch.set_fwnmi(),
        _ => return Err(EINVAL),
    }
    // As in kvm-hv, a vCPU without PAPR cannot run, and the ioctl fails at once.
    if st.papr {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

/// VM ioctls.
pub(crate) fn vm_ioctl(vm: ArcBorrow<'_, Vm<Hv>>, cmd: u32, arg: usize) -> Result<isize> {
    match cmd {
        GET_PVINFO => uapi::write(arg, &pvinfo())?,
        GET_SMMU_INFO => uapi::write(arg, &smmu_info(vm.arch.features))?,
        GET_RMMU_INFO => {
            if !vm.arch.features.radix() {
                return Err(EINVAL);
            }
            uapi::write(arg, &rmmu_info())?
        }
        CONFIGURE_V3_MMU => hash::mode::configure(&vm, &uapi::read(arg)?)?,
        GET_HTAB_FD => return hash::htab::open(vm.into(), &uapi::read(arg)?),
        ALLOCATE_HTAB => hash::mode::allocate(&vm, uapi::read(arg)?)?,
        RESIZE_HPT_PREPARE => hash::resize::prepare(&vm, &uapi::read(arg)?)?,
        RESIZE_HPT_COMMIT => hash::resize::commit(&vm, &uapi::read(arg)?)?,
        GET_COMPAT_CAPS => compat_caps::get(arg)?,
        GET_CPU_CHAR => uapi::write(arg, &cpu_char())?,
        tce::CREATE | tce::CREATE_64 => {
            return Tables::create_ioctl(&vm.arch.tce, &vm.mm, cmd, arg)
        }
        // No guest is secure, so there is nothing to turn off.
        SVM_OFF => {}
        tokens::DEFINE_TOKEN => vm.rtas.define(arg)?,
        _ => return Err(ENOTTY),
    }
    Ok(0)
}

/// `KVM_PPC_GET_SMMU_INFO`: the hash MMU's page sizes. QEMU asks this of every host, and a flag says where guests cannot
/// use it.
fn smmu_info(features: Features) -> kvm_ppc_smmu_info {
    let no_hash = match hash::mode::possible(features) {
        true => 0,
        false => KVM_PPC_NO_HASH,
    };
    /// A segment's base page shift, its SLB encoding, and the shifts of its pages with their HPTE encodings.
    struct Segment(u32, u32, &'static [(u32, u32)]);
    const SEGMENTS: [Segment; 3] = [
        Segment(12, 0, &[(12, 0), (24, 0x38)]),
        Segment(16, 0x110, &[(16, 1), (24, 8)]),
        Segment(24, 0x100, &[(24, 0)]),
    ];
    let mut info = kvm_ppc_smmu_info {
        flags: u64::from(KVM_PPC_PAGE_SIZES_REAL | KVM_PPC_1T_SEGMENTS | no_hash),
        slb_size: 32,
        data_keys: 32,
        instr_keys: 32,
        ..Default::default()
    };
    for (to, Segment(shift, slb, encodings)) in info.sps.iter_mut().zip(SEGMENTS) {
        to.page_shift = shift;
        to.slb_enc = slb;
        for (enc, (shift, hpte)) in to.enc.iter_mut().zip(encodings) {
            enc.page_shift = *shift;
            enc.pte_enc = *hpte;
        }
    }
    info
}

/// `KVM_PPC_GET_RMMU_INFO`: the radix MMU's trees and page sizes.
fn rmmu_info() -> kvm_ppc_rmmu_info {
    let mut info = kvm_ppc_rmmu_info::default();
    for (to, (shift, low)) in info.geometries.iter_mut().zip([(12, 9), (16, 5)]) {
        to.page_shift = shift;
        to.level_bits = [low, 9, 9, 13];
    }
    let aps = [12, 16, 21, 30]
        .into_iter()
        .filter_map(|shift| Some(shift | page_ap(shift)? << 29));
    for (to, ap) in info.ap_encodings.iter_mut().zip(aps) {
        *to = ap;
    }
    info
}
