// SPDX-License-Identifier: GPL-2.0

//! What devices have in common, and those that are interrupt controllers (`Documentation/virt/kvm/devices/`).

use super::{state::BackendState, vm::Vm};
use crate::{
    bindings::{self, kvm_create_device, kvm_device_attr, KVMIO},
    host::{
        file::{self, Descriptor, NewFd},
        uapi,
    },
};
use kernel::{
    ioctl::_IOW,
    prelude::*,
    sync::{Arc, ArcBorrow},
};

const SET_ATTR: u32 = _IOW::<kvm_device_attr>(KVMIO, 0xe1);
const GET_ATTR: u32 = _IOW::<kvm_device_attr>(KVMIO, 0xe2);
const HAS_ATTR: u32 = _IOW::<kvm_device_attr>(KVMIO, 0xe3);

/// The place of the VM's interrupt controller is taken while this exists. It keeps the VM.
pub(crate) struct Claim<B: BackendState>(Arc<Vm<B>>);

impl<B: BackendState> Claim<B> {
    /// The VM.
    pub(crate) fn vm(&self) -> &Arc<Vm<B>> {
        &self.0
    }
}

impl<B: BackendState> Drop for Claim<B> {
    fn drop(&mut self) {
        self.0.irqchip.release();
    }
}

/// A device's attributes. An object is an open device.
pub(crate) trait Attributes: Descriptor {
    /// Sets an attribute to what is at `addr`. `ENXIO` if it is none that can be set.
    fn set(&self, attr: &kvm_device_attr, addr: usize) -> Result;
    /// Writes an attribute to `addr`. `ENXIO` if it is none that can be got.
    fn get(&self, attr: &kvm_device_attr, addr: usize) -> Result;
    /// Is there such an attribute?
    fn has(attr: &kvm_device_attr) -> bool;
}

/// A kind of interrupt controller.
pub(crate) trait Controller<B: BackendState>: Attributes {
    /// `KVM_DEV_TYPE_...`
    const TYPE: u32;
    /// What /proc/PID/fd shows.
    const NAME: &CStr;

    /// A new one. `ENOMEM`.
    fn open(claim: Claim<B>) -> Result<Self>;
}

/// `KVM_CREATE_DEVICE` of that kind, whose structure, at `arg`, is `args`. `EEXIST` if the VM has an interrupt controller.
pub(crate) fn create<B: BackendState, D: Controller<B>>(
    vm: ArcBorrow<'_, Vm<B>>,
    mut args: kvm_create_device,
    arg: usize,
) -> Result<isize> {
    if args.flags & bindings::KVM_CREATE_DEVICE_TEST != 0 {
        return Ok(0);
    }
    let fd = NewFd::reserve()?;
    vm.irqchip.claim(D::TYPE)?;
    // Whatever fails from here on gives it back.
    let claim = Claim(vm.into());
    let device = Arc::new(D::open(claim)?, GFP_KERNEL_ACCOUNT)?;
    vm.irqchip.set_file(file::identity(&device));
    args.fd = fd.number();
    fd.open(D::NAME, device)?;
    uapi::write(arg, &args)?;
    Ok(0)
}

/// The ioctls of a device's descriptor. `EIO` for another process than the VM's, `ENOTTY` for what is no ioctl of it,
/// `ENXIO` for an attribute that it does not have.
pub(crate) fn ioctl<B: BackendState, D: Attributes>(
    device: &D,
    vm: &Vm<B>,
    cmd: u32,
    arg: usize,
) -> Result<isize> {
    vm.check_owner()?;
    let attr: kvm_device_attr = match cmd {
        SET_ATTR | GET_ATTR | HAS_ATTR => uapi::read(arg)?,
        _ => return Err(ENOTTY),
    };
    let addr = usize::try_from(attr.addr)?;
    match cmd {
        SET_ATTR => device.set(&attr, addr)?,
        GET_ATTR => device.get(&attr, addr)?,
        _ if D::has(&attr) => {}
        _ => return Err(ENXIO),
    }
    Ok(0)
}

/// The server that a vCPU is to be in a `KVM_DEV_TYPE_...`, of `KVM_ENABLE_CAP`'s arguments: the device's descriptor and
/// the server's number. `EBADF` for no descriptor, `EPERM` for another than that of the VM's device, `EINVAL` for the
/// number.
pub(crate) fn server<B: BackendState>(vm: &Vm<B>, kind: u32, args: &[u64; 4]) -> Result<u32> {
    let [fd, server, ..] = *args;
    let file = file::identity_of(fd as u32)?;
    if !vm.irqchip.is(kind) || !vm.irqchip.has_file(file) {
        return Err(EPERM);
    }
    u32::try_from(server).map_err(|_| EINVAL)
}
