// SPDX-License-Identifier: GPL-2.0

//! The device's descriptor: attributes, mappings, and how vCPUs are connected to it.

use super::{
    super::vm::Hv,
    controller,
    sources::IRQS,
    state::{may_be_source, SourceConfig},
};
use crate::{
    bindings::{self, kvm_device_attr},
    host::{
        file::Descriptor,
        uapi,
        xive::{self, EsbPage},
    },
    vm::{
        backend::Backend,
        device::{self, Attributes, Claim, Controller},
        Vcpu,
    },
};
use core::ops::Range;
use kernel::{page::PAGE_SHIFT, prelude::*, sync::ArcBorrow};

const TYPE: u32 = bindings::kvm_device_type_KVM_DEV_TYPE_XIVE;

const CTRL: u32 = bindings::KVM_DEV_XIVE_GRP_CTRL;
const SOURCE: u32 = bindings::KVM_DEV_XIVE_GRP_SOURCE;
const SOURCE_CONFIG: u32 = bindings::KVM_DEV_XIVE_GRP_SOURCE_CONFIG;
const SOURCE_SYNC: u32 = bindings::KVM_DEV_XIVE_GRP_SOURCE_SYNC;
const EQ_CONFIG: u32 = bindings::KVM_DEV_XIVE_GRP_EQ_CONFIG;
const RESET: u64 = bindings::KVM_DEV_XIVE_RESET as u64;
const EQ_SYNC: u64 = bindings::KVM_DEV_XIVE_EQ_SYNC as u64;
const NR_SERVERS: u64 = bindings::KVM_DEV_XIVE_NR_SERVERS as u64;

const TIMA: usize = bindings::KVM_XIVE_TIMA_PAGE_OFFSET as usize;
const TIMA_PAGES: usize = 4;
/// The OS's view, of the four.
const TIMA_OS: usize = TIMA + 2;
const ESB: usize = bindings::KVM_XIVE_ESB_PAGE_OFFSET as usize;
/// A trigger page and a management page each.
const ESB_PAGES: usize = 2 * IRQS as usize;

/// Can VMs have this device? The controller's pages have 64 KB each, and so have its queues as guests are told: both are
/// whole pages of a host of the same page size only.
pub(crate) fn available() -> bool {
    PAGE_SHIFT == 16 && xive::usable()
}

/// An open device.
pub(crate) struct Xive {
    claim: Claim<Hv>,
}

impl Drop for Xive {
    fn drop(&mut self) {
        controller::close(self.claim.vm());
    }
}

/// The server and the priority that an attribute of [`EQ_CONFIG`] names.
fn queue_id(attr: u64) -> (u32, u8) {
    let server = attr & u64::from(bindings::KVM_XIVE_EQ_SERVER_MASK);
    let priority = attr & u64::from(bindings::KVM_XIVE_EQ_PRIORITY_MASK);
    (
        (server >> bindings::KVM_XIVE_EQ_SERVER_SHIFT) as u32,
        priority as u8,
    )
}

impl Controller<Hv> for Xive {
    const TYPE: u32 = TYPE;
    const NAME: &CStr = c"kvm-xive-native";

    fn open(claim: Claim<Hv>) -> Result<Self> {
        let xive = &claim.vm().arch.xive;
        xive.open(Hv::MAX_VCPUS as u32, Hv::MAX_VCPU_IDS)?;
        Ok(Self { claim })
    }
}

impl Attributes for Xive {
    fn has(attr: &kvm_device_attr) -> bool {
        match (attr.group, attr.attr) {
            (CTRL, RESET | EQ_SYNC | NR_SERVERS) | (EQ_CONFIG, _) => true,
            (SOURCE | SOURCE_CONFIG | SOURCE_SYNC, number) => may_be_source(number),
            _ => false,
        }
    }

    fn set(&self, attr: &kvm_device_attr, addr: usize) -> Result {
        let vm = self.claim.vm();
        let xive = &vm.arch.xive;
        match (attr.group, attr.attr) {
            (CTRL, RESET) => controller::reset(vm),
            (CTRL, EQ_SYNC) => controller::sync_queues(vm),
            (CTRL, NR_SERVERS) => match uapi::read(addr)? {
                0 => return Err(EINVAL),
                limit if limit > Hv::MAX_VCPU_IDS => return Err(EINVAL),
                limit => xive.set_limit(limit)?,
            },
            (SOURCE, number) => {
                if !may_be_source(number) {
                    return Err(E2BIG);
                }
                // That it is level-sensitive makes no difference here: who has its line raises it again.
                let _: u64 = uapi::read(addr)?;
                xive.set_source(number)?;
            }
            (SOURCE_CONFIG, number) => {
                xive.check_source(number)?;
                xive.route(number, SourceConfig::from_raw(uapi::read(addr)?))?;
            }
            (SOURCE_SYNC, number) => xive.sync_source(number)?,
            (EQ_CONFIG, attr) => {
                let (server, priority) = queue_id(attr);
                controller::set_queue(vm, server, priority, &uapi::read(addr)?)?;
            }
            _ => return Err(ENXIO),
        }
        Ok(())
    }

    fn get(&self, attr: &kvm_device_attr, addr: usize) -> Result {
        match attr.group {
            EQ_CONFIG => {
                let (server, priority) = queue_id(attr.attr);
                if let Some(eq) = self.claim.vm().arch.xive.queue(server, priority)? {
                    uapi::write(addr, &eq)?;
                }
                Ok(())
            }
            _ => Err(ENXIO),
        }
    }
}

impl Descriptor for Xive {
    fn ioctl(this: ArcBorrow<'_, Self>, cmd: u32, arg: usize) -> Result<isize> {
        device::ioctl(&*this, this.claim.vm(), cmd, arg)
    }

    const REGISTERS: bool = true;

    fn may_map_registers(&self, pgoffs: Range<usize>) -> bool {
        match pgoffs.start {
            TIMA => pgoffs.len() <= TIMA_PAGES,
            ESB => pgoffs.len() <= ESB_PAGES,
            _ => false,
        }
    }

    fn registers(&self, pgoff: usize) -> Result<u64> {
        match pgoff {
            TIMA_OS => Ok(xive::tima_os_page()),
            // The hypervisor's views, and the user's, which is not offered.
            ..ESB => Err(EFAULT),
            _ => {
                let at = pgoff - ESB;
                let page = match at % 2 {
                    0 => EsbPage::Trigger,
                    _ => EsbPage::Management,
                };
                self.claim.vm().arch.xive.esb_page(at as u64 / 2, page)
            }
        }
    }
}

/// `KVM_CAP_PPC_IRQ_XIVE` on the vCPU: it becomes a server of the device. `args` are the device's descriptor and the
/// server's number. `EBADF` for no descriptor, `EPERM` for another than the VM's device, `EBUSY` if the vCPU is a server
/// already, `EINVAL`, `EEXIST` and others as the controller says.
pub(crate) fn connect(vcpu: &Vcpu<Hv>, args: &[u64; 4]) -> Result {
    let vm = vcpu.vm();
    let number = device::server(vm, TYPE, args)?;
    vm.arch.xive.connect(&vcpu.shared.xive, vcpu.id, number)
}
