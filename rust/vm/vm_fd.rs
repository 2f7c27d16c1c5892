// SPDX-License-Identifier: GPL-2.0

//! A VM's descriptor and its ioctls.

use super::{
    backend::Backend,
    caps, coalesced,
    debugfs::{Root, Shown},
    dirty_log, ioctl, ioeventfd,
    irqfd::IrqFds,
    memory,
    name::Name,
    stats,
    stats_fd::{HasStats, StatsFd},
    vcpu_fd::VcpuFd,
    vm::Vm,
};
use crate::{
    bindings::{
        kvm_userspace_memory_region as Region, kvm_userspace_memory_region2 as Region2,
        KVM_INTERRUPT_UNSET,
    },
    host::{
        file::{Descriptor, NewFd},
        uapi,
    },
};
use kernel::{
    device::Device,
    prelude::*,
    sync::{Arc, ArcBorrow},
};

/// What the descriptors of a VM, of its vCPUs and of their statistics refer to. All of them keep the VM alive.
#[pin_data]
pub(super) struct VmFd<B: Backend> {
    // Declared before the VM, so that it is dropped first.
    #[pin]
    shown: Shown<B>,
    /// The thread that made the VM, by which its statistics are named.
    pub(super) creator: i32,
    // Its targets keep the VM.
    #[pin]
    irqfds: IrqFds<B>,
    pub(super) vm: Arc<Vm<B>>,
}

impl<B: Backend> VmFd<B> {
    /// `KVM_CREATE_VM`: a new VM of type `kind`, and a descriptor for it.
    pub(super) fn create(root: &Arc<Root<B>>, device: &Device, kind: u64) -> Result<isize> {
        let fd = NewFd::reserve()?;
        let vm = Vm::create(kind)?;
        let shown = Shown::new(root, device, vm.clone(), fd.number());
        let creator = current!().pid();
        let this = try_pin_init!(Self { shown <- shown, creator, irqfds <- IrqFds::new(), vm });
        let this = Arc::pin_init(this, GFP_KERNEL_ACCOUNT)?;
        fd.open(c"kvm-vm", this)
    }

    fn create_vcpu(this: ArcBorrow<'_, Self>, id: usize) -> Result<isize> {
        Vm::create_vcpu(this.vm.as_arc_borrow(), id, |vcpu| {
            let fd = NewFd::reserve()?;
            let id = vcpu.id;
            let new = VcpuFd {
                vcpu,
                creator: current!().pid(),
                _vm: this.into(),
            };
            let new = Arc::new(new, GFP_KERNEL_ACCOUNT)?;
            let nr = fd.open(Name::numbered("kvm-vcpu:", id).as_cstr(), new)?;
            // This is done once, although making the descriptor may be tried again.
            this.shown.add_vcpu(id);
            Ok(nr)
        })
    }
}

impl<B: Backend> HasStats for VmFd<B> {
    fn stats_file(&self) -> Result<KVVec<u8>> {
        let id = Name::new(fmt!("kvm-{}", self.creator));
        stats::file(id.as_cstr().to_bytes(), &self.vm.stats, &self.vm.arch_stats)
    }
}

impl<B: Backend> Descriptor for VmFd<B> {
    fn ioctl(this: ArcBorrow<'_, Self>, cmd: u32, arg: usize) -> Result<isize> {
        let vm: &Vm<B> = &this.vm;
        vm.check_owner()?;
        match cmd {
            ioctl::CREATE_VCPU => return Self::create_vcpu(this, arg),
            ioctl::CHECK_EXTENSION => return Ok(caps::check(Some(vm), arg) as isize),
            ioctl::GET_STATS_FD => return StatsFd::open_vm(this.into()),
            ioctl::ENABLE_CAP => caps::enable(vm, &uapi::read(arg)?)?,
            ioctl::SET_USER_MEMORY_REGION => {
                let r: Region = uapi::read(arg)?;
                let region = Region2 {
                    slot: r.slot,
                    flags: r.flags,
                    guest_phys_addr: r.guest_phys_addr,
                    memory_size: r.memory_size,
                    userspace_addr: r.userspace_addr,
                    ..Region2::default()
                };
                memory::set_region(vm, &region)?;
            }
            ioctl::SET_USER_MEMORY_REGION2 => memory::set_region(vm, &uapi::read(arg)?)?,
            ioctl::GET_DIRTY_LOG => dirty_log::get(vm, &uapi::read(arg)?)?,
            ioctl::CLEAR_DIRTY_LOG => dirty_log::clear(vm, &uapi::read(arg)?)?,
            ioctl::REGISTER_COALESCED_MMIO => coalesced::register(vm, &uapi::read(arg)?)?,
            ioctl::UNREGISTER_COALESCED_MMIO => coalesced::unregister(vm, &uapi::read(arg)?)?,
            ioctl::IOEVENTFD => ioeventfd::ioeventfd(vm, &uapi::read(arg)?)?,
            ioctl::IRQFD => this.irqfds.ioctl(&this.vm, &uapi::read(arg)?)?,
            ioctl::IRQ_LINE | ioctl::IRQ_LINE_STATUS => {
                // struct kvm_irq_level
                let [irq, level]: [u32; 2] = uapi::read(arg)?;
                B::set_irq(vm, irq, level != 0 && level != KVM_INTERRUPT_UNSET as u32)?;
            }
            ioctl::CREATE_DEVICE => {
                return B::create_device(this.vm.as_arc_borrow(), uapi::read(arg)?, arg)
            }
            // There is no dirty ring.
            ioctl::RESET_DIRTY_RINGS => return Err(EINVAL),
            _ => return B::vm_ioctl(this.vm.as_arc_borrow(), cmd, arg),
        }
        Ok(0)
    }
}
