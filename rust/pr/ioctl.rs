// SPDX-License-Identifier: GPL-2.0

//! Capabilities and ioctls that are the backend's own.

use super::{slb::SLB_ENTRIES, vcpu::PrVcpu, vm::Pr};
use crate::{
    bindings::*,
    host::{
        features::{cpu_char, Features},
        uapi,
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
    ioctl::{_IOR, _IOW},
    prelude::*,
    sync::atomic::Relaxed,
};

const GET_PVINFO: u32 = _IOW::<kvm_ppc_pvinfo>(KVMIO, 0xa1);
const GET_SMMU_INFO: u32 = _IOR::<kvm_ppc_smmu_info>(KVMIO, 0xa6);
const CONFIGURE_V3_MMU: u32 = _IOW::<kvm_ppc_mmuv3_cfg>(KVMIO, 0xaf);
const GET_CPU_CHAR: u32 = _IOR::<kvm_ppc_cpu_char>(KVMIO, 0xb1);

/// `KVM_CHECK_EXTENSION`. QEMU takes `KVM_CAP_PPC_GET_PVINFO` to mean this backend: it then allocates the guest's page
/// table itself.
pub(crate) fn check_extension(vm: Option<&Vm<Pr>>, cap: u32) -> Option<i32> {
    Some(match cap {
        KVM_CAP_PPC_SEGSTATE
        | KVM_CAP_PPC_RTAS
        | KVM_CAP_IRQ_XICS
        | KVM_CAP_IRQFD
        | KVM_CAP_IRQFD_RESAMPLE
        | KVM_CAP_PPC_HIOR
        | KVM_CAP_PPC_PAPR
        | KVM_CAP_PPC_FWNMI
        | KVM_CAP_PPC_AIL_MODE_3
        | KVM_CAP_PPC_UNSET_IRQ
        | KVM_CAP_PPC_IRQ_LEVEL
        | KVM_CAP_PPC_GET_PVINFO
        | KVM_CAP_ENABLE_CAP
        | KVM_CAP_ONE_REG
        | KVM_CAP_SET_GUEST_DEBUG
        | KVM_CAP_PPC_GUEST_DEBUG_SSTEP
        | KVM_CAP_PPC_FIXUP_HCALL
        | KVM_CAP_PPC_ENABLE_HCALL
        | KVM_CAP_PPC_GET_SMMU_INFO
        | KVM_CAP_PPC_GET_CPU_CHAR
        | KVM_CAP_SPAPR_TCE
        | KVM_CAP_SPAPR_TCE_64
        | KVM_CAP_SPAPR_MULTITCE => 1,
        KVM_CAP_SPAPR_TCE_VFIO => (tce_devices::POSSIBLE && Features::read().hvmode()).into(),
        KVM_CAP_PPC_SMT => vm.map_or(1, |vm| vm.arch.smt.get() as i32),
        KVM_CAP_PPC_SMT_POSSIBLE => Smt::POSSIBLE,
        KVM_CAP_PPC_HTM => Features::read().htm().into(),
        KVM_CAP_PPC_HWRNG => Features::read().hwrng().into(),
        _ => return None,
    })
}

/// `KVM_ENABLE_CAP` on a VM.
pub(crate) fn enable_vm_cap(vm: &Vm<Pr>, cap: u32, args: &[u64; 4]) -> Result {
    let [arg0, arg1, ..] = *args;
    match cap {
        KVM_CAP_PPC_ENABLE_HCALL => vm.arch.hcalls.enable_cap(arg0, arg1),
        KVM_CAP_PPC_SMT => vm.arch.smt.enable(&vm.lock.lock(), arg0, arg1),
        _ => Err(EINVAL),
    }
}

/// `KVM_ENABLE_CAP` on a vCPU.
pub(crate) fn enable_vcpu_cap(
    vcpu: &Vcpu<Pr>,
    st: &mut PrVcpu,
    cap: u32,
    args: &[u64; 4],
) -> Result {
    match cap {
        KVM_CAP_IRQ_XICS => return device::connect(vcpu, args),
        KVM_CAP_PPC_PAPR => st.papr = true,
        KVM_CAP_PPC_FWNMI => vcpu.vm().arch.fwnmi.store(true, Relaxed),
        _ => return Err(EINVAL),
    }
    Ok(())
}

/// VM ioctls.
pub(crate) fn vm_ioctl(vm: &Vm<Pr>, cmd: u32, arg: usize) -> Result<isize> {
    match cmd {
        GET_PVINFO => uapi::write(arg, &pvinfo())?,
        GET_CPU_CHAR => uapi::write(arg, &cpu_char())?,
        GET_SMMU_INFO => uapi::write(arg, &smmu_info())?,
        CONFIGURE_V3_MMU => {
            let cfg: kvm_ppc_mmuv3_cfg = uapi::read(arg)?;
            if !vm.arch.features.arch_300() {
                return Err(ENODEV);
            }
            // There is only hash, without a process table.
            if cfg.flags != 0 || cfg.process_table != 0 {
                return Err(EINVAL);
            }
        }
        tce::CREATE | tce::CREATE_64 => {
            return Tables::create_ioctl(&vm.arch.tce, &vm.mm, cmd, arg)
        }
        tokens::DEFINE_TOKEN => vm.rtas.define(arg)?,
        _ => return Err(ENOTTY),
    }
    Ok(0)
}

/// `KVM_PPC_GET_SMMU_INFO`: the page sizes that a guest's table may have. What backs them makes no difference.
fn smmu_info() -> kvm_ppc_smmu_info {
    /// Base page shift, SLB encoding, HPTE encoding of pages of that size.
    const SEGMENTS: [(u32, u32, u32); 3] = [(12, 0, 0), (16, 0x110, 1), (24, 0x100, 0)];
    let mut info = kvm_ppc_smmu_info {
        flags: u64::from(KVM_PPC_1T_SEGMENTS),
        slb_size: SLB_ENTRIES as u32,
        ..Default::default()
    };
    for (to, (shift, slb, hpte)) in info.sps.iter_mut().zip(SEGMENTS) {
        to.page_shift = shift;
        to.slb_enc = slb;
        if let Some(enc) = to.enc.first_mut() {
            enc.page_shift = shift;
            enc.pte_enc = hpte;
        }
    }
    info
}
