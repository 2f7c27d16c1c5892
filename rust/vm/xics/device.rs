// SPDX-License-Identifier: GPL-2.0

//! The device: its descriptor, and how vCPUs are connected to it
//! (`Documentation/virt/kvm/devices/xics.rst`).

use super::{
    super::{
        device::{self, Attributes, Claim, Controller},
        papr::PaprBackend,
        Vcpu, Vm,
    },
    tables::IRQS,
};
use crate::{
    bindings::{self, kvm_device_attr},
    emulate::xics::{Icp, Irq, SourceState},
    host::{file::Descriptor, uapi},
};
use kernel::{prelude::*, sync::ArcBorrow};

const TYPE: u32 = bindings::kvm_device_type_KVM_DEV_TYPE_XICS;

const SOURCES: u32 = bindings::KVM_DEV_XICS_GRP_SOURCES;
const CTRL: u32 = bindings::KVM_DEV_XICS_GRP_CTRL;
const NR_SERVERS: u64 = bindings::KVM_DEV_XICS_NR_SERVERS as u64;

/// An open device.
pub(crate) struct Xics<B: PaprBackend> {
    claim: Claim<B>,
}

impl<B: PaprBackend> Drop for Xics<B> {
    fn drop(&mut self) {
        self.claim.vm().close_xics();
    }
}

/// The source that an attribute of [`SOURCES`] names, if there can be one of that number.
fn source(attr: u64) -> Option<Irq> {
    let irq = Irq::try_from(attr).ok()?;
    IRQS.contains(&irq).then_some(irq)
}

impl<B: PaprBackend> Controller<B> for Xics<B> {
    const TYPE: u32 = TYPE;
    const NAME: &CStr = c"kvm-xics";

    fn open(claim: Claim<B>) -> Result<Self> {
        claim.vm().open_xics()?;
        Ok(Self { claim })
    }
}

impl<B: PaprBackend> Attributes for Xics<B> {
    fn set(&self, attr: &kvm_device_attr, addr: usize) -> Result {
        let vm = self.claim.vm();
        match (attr.group, attr.attr) {
            (SOURCES, irq) => {
                let irq = source(irq).ok_or(ENOENT)?;
                vm.set_source(irq, SourceState::from_raw(uapi::read(addr)?))
            }
            (CTRL, NR_SERVERS) => vm.set_servers(uapi::read(addr)?),
            _ => Err(ENXIO),
        }
    }

    fn get(&self, attr: &kvm_device_attr, addr: usize) -> Result {
        match (attr.group, attr.attr) {
            (SOURCES, irq) => {
                let state = self.claim.vm().source(source(irq).ok_or(ENOENT)?)?;
                uapi::write(addr, &state.raw())
            }
            _ => Err(ENXIO),
        }
    }

    fn has(attr: &kvm_device_attr) -> bool {
        match (attr.group, attr.attr) {
            (SOURCES, irq) => source(irq).is_some(),
            (CTRL, NR_SERVERS) => true,
            _ => false,
        }
    }
}

impl<B: PaprBackend> Descriptor for Xics<B> {
    fn ioctl(this: ArcBorrow<'_, Self>, cmd: u32, arg: usize) -> Result<isize> {
        device::ioctl(&*this, this.claim.vm(), cmd, arg)
    }
}

/// `KVM_CAP_IRQ_XICS` on the vCPU: it becomes a server of the device. `args` are the device's descriptor and the server's
/// number. `EBADF` for no descriptor, `EPERM` for another than the VM's device, and as
/// [`connect_xics`](Vcpu::connect_xics).
pub(crate) fn connect<B: PaprBackend>(vcpu: &Vcpu<B>, args: &[u64; 4]) -> Result {
    vcpu.connect_xics(device::server(vcpu.vm(), TYPE, args)?)
}

/// Is the vCPU one of the controller's servers?
pub(crate) fn connected<B: PaprBackend>(vcpu: &Vcpu<B>) -> bool {
    vcpu.xics.server().is_some()
}

/// `KVM_REG_PPC_ICP_STATE`. `ENXIO` for a vCPU that is connected to no controller.
pub(crate) fn icp_state<B: PaprBackend>(vcpu: &Vcpu<B>) -> Result<u64> {
    let server = vcpu.xics.server().ok_or(ENXIO)?;
    let state = vcpu.vm().with_xics(|xics| xics.icp_state(server));
    state.and_then(Result::ok).ok_or(ENXIO)
}

/// Sets it. `EINVAL` for a state that there cannot be, or with a source that is not there.
pub(crate) fn set_icp_state<B: PaprBackend>(vcpu: &Vcpu<B>, state: u64) -> Result {
    let server = vcpu.xics.server().ok_or(ENXIO)?;
    if !Icp::is_possible(state) {
        return Err(EINVAL);
    }
    let done = vcpu.vm().with_xics(|xics| xics.set_icp(server, state));
    done.ok_or(ENXIO)?.map_err(|_| EINVAL)
}

/// A line of a source, or a message of it: `KVM_IRQ_LINE`, and eventfds. One that is not there takes no notice. `ENXIO`
/// without a controller. From any context.
pub(crate) fn set_irq<B: PaprBackend>(vm: &Vm<B>, irq: u32, on: bool) -> Result {
    let _ = vm.with_xics(|xics| xics.set_line(irq, on)).ok_or(ENXIO)?;
    Ok(())
}
