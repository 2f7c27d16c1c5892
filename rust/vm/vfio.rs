// SPDX-License-Identifier: GPL-2.0

//! `KVM_DEV_TYPE_VFIO`: which groups of devices VFIO has given to the guest (`Documentation/virt/kvm/devices/vfio.rst`).
//!
//! A group's TCE table gets the entries of one of the guest's, so that the guest maps memory for its devices by
//! hypercalls that end in the kernel. VFIO is not told of the VM: that is for devices whose drivers ask for a
//! `struct kvm` of the kernel's, of which there are none for POWER.

use super::{
    device::{self, Attributes},
    state::BackendState,
    tce::Tables,
    vm::Vm,
};
use crate::{
    bindings::{self, kvm_create_device, kvm_device_attr},
    host::{
        file::{self, Descriptor, NewFd},
        uapi,
        vfio::VfioFile,
    },
};
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
use kernel::{mm::Mm, sync::aref::ARef};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering::Full, Relaxed},
        Arc, ArcBorrow, Mutex,
    },
};

/// `KVM_DEV_TYPE_VFIO`
pub(crate) const TYPE: u32 = bindings::kvm_device_type_KVM_DEV_TYPE_VFIO;

const FILE: u32 = bindings::KVM_DEV_VFIO_FILE;
const ADD: u64 = bindings::KVM_DEV_VFIO_FILE_ADD as u64;
const DEL: u64 = bindings::KVM_DEV_VFIO_FILE_DEL as u64;
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
const SET_SPAPR_TCE: u64 = bindings::KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE as u64;

/// The VM has such a device while this exists. It keeps the VM.
struct Claim<B: BackendState>(Arc<Vm<B>>);

impl<B: BackendState> Claim<B> {
    /// `EBUSY` if the VM has such a device.
    fn new(vm: Arc<Vm<B>>) -> Result<Self> {
        vm.vfio.cmpxchg(0, 1, Full).map_err(|_| EBUSY)?;
        Ok(Self(vm))
    }
}

impl<B: BackendState> Drop for Claim<B> {
    fn drop(&mut self) {
        self.0.vfio.store(0, Relaxed);
    }
}

/// A group or device that the guest has.
struct Member {
    file: VfioFile,
    /// That its table has the entries of some of the guest's.
    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    links: KVec<Link>,
}

/// The device.
#[pin_data(PinnedDrop)]
struct Vfio<B: BackendState> {
    claim: Claim<B>,
    tables: Arc<Tables>,
    #[pin]
    members: Mutex<KVec<Member>>,
}

/// `KVM_CREATE_DEVICE` of it, whose structure, at `arg`, is `args`. `EBUSY` if the VM has one.
pub(crate) fn create<B: BackendState>(
    vm: ArcBorrow<'_, Vm<B>>,
    tables: &Arc<Tables>,
    mut args: kvm_create_device,
    arg: usize,
) -> Result<isize>
where
    Vm<B>: Send + Sync,
{
    if args.flags & bindings::KVM_CREATE_DEVICE_TEST != 0 {
        return Ok(0);
    }
    let fd = NewFd::reserve()?;
    let device = pin_init!(Vfio {
        claim: Claim::new(vm.into())?,
        tables: tables.clone(),
        members <- new_mutex!(KVec::new(), "kvm_ppc_vfio"),
    }? Error);
    let device = Arc::pin_init(device, GFP_KERNEL_ACCOUNT)?;
    args.fd = fd.number();
    fd.open(c"kvm-vfio", device)?;
    uapi::write(arg, &args)?;
    Ok(0)
}

impl<B: BackendState> Vfio<B> {
    /// `EBADF` if the descriptor is not open, `EINVAL` if it is none of VFIO's, `EEXIST` if the guest has it already.
    fn add(&self, fd: i32) -> Result {
        let file = VfioFile::from_fd(fd)?;
        let mut members = self.members.lock();
        if members.iter().any(|member| member.file == file) {
            return Err(EEXIST);
        }
        let member = Member {
            file,
            #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
            links: KVec::new(),
        };
        members.push(member, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// `EBADF` if the descriptor is not open, `ENOENT` if the guest does not have it.
    fn remove(&self, fd: i32) -> Result {
        let member = {
            let mut members = self.members.lock();
            let at = position(&members, fd)?;
            members.remove(at).map_err(|_| ENOENT)?
        };
        self.end(member);
        Ok(())
    }

    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    fn end(&self, member: Member) {
        for link in member.links {
            link.end(&self.tables);
        }
    }

    #[cfg(not(CONFIG_SPAPR_TCE_IOMMU))]
    fn end(&self, _: Member) {}

    /// The table of the group `groupfd` gets the entries of the guest's table `tablefd`. `EBADF`, `ENOENT` as `remove`,
    /// and what [`Link::new`] returns.
    #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
    fn set_table(&self, groupfd: i32, tablefd: i32) -> Result {
        let mut members = self.members.lock();
        let at = position(&members, groupfd)?;
        let member = members.get_mut(at).ok_or(ENOENT)?;
        member.links.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let link = Link::new(&self.claim.0.mm, &self.tables, tablefd, &member.file)?;
        if member.links.contains(&link) {
            // It counts once.
            link.end(&self.tables);
            return Ok(());
        }
        member.links.push(link, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }
}

#[pinned_drop]
impl<B: BackendState> PinnedDrop for Vfio<B> {
    fn drop(self: Pin<&mut Self>) {
        let members = core::mem::take(&mut *self.members.lock());
        for member in members {
            self.end(member);
        }
    }
}

/// Which member's file a descriptor refers to. `EBADF` if it is not open, `ENOENT` if it is no member's.
fn position(members: &[Member], fd: i32) -> Result<usize> {
    let files = members.iter().map(|member| &member.file);
    VfioFile::position(files, fd)?.ok_or(ENOENT)
}

/// That a group's table has the entries of one of the guest's.
#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
#[derive(PartialEq)]
struct Link {
    /// The guest's table.
    number: u64,
    /// The group's.
    key: usize,
}

#[cfg(CONFIG_SPAPR_TCE_IOMMU)]
impl Link {
    /// Gives the table of the group `file` the entries of the guest's table with the descriptor `tablefd`. `EBADF` if that
    /// is not open, `EINVAL` if it is no table of the VM's, `EINVAL` or `EIO` if the group has none for these addresses;
    /// `ENOMEM`.
    fn new(mm: &ARef<Mm>, tables: &Tables, tablefd: i32, file: &VfioFile) -> Result<Self> {
        let table = tables.by_file(file::identity_of(tablefd as u32)?);
        let table = table.ok_or(EINVAL)?;
        let window = table.window();
        let (shift, first) = (window.page_shift(), window.page(0));
        let device = file.table(mm, shift, first, window.entries())?;
        Ok(Self {
            number: table.number(),
            key: table.devices().attach(device)?,
        })
    }

    /// Undoes it.
    fn end(self, tables: &Tables) {
        if let Some(table) = tables.by_number(self.number) {
            table.devices().detach(self.key);
        }
    }
}

impl<B: BackendState> Attributes for Vfio<B>
where
    Vm<B>: Send + Sync,
{
    fn set(&self, attr: &kvm_device_attr, addr: usize) -> Result {
        match (attr.group, attr.attr) {
            (FILE, ADD) => self.add(uapi::read(addr)?),
            (FILE, DEL) => self.remove(uapi::read(addr)?),
            #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
            (FILE, SET_SPAPR_TCE) => {
                let [groupfd, tablefd]: [i32; 2] = uapi::read(addr)?;
                self.set_table(groupfd, tablefd)
            }
            _ => Err(ENXIO),
        }
    }

    /// `EPERM`: it has none that can be got.
    fn get(&self, _: &kvm_device_attr, _: usize) -> Result {
        Err(EPERM)
    }

    fn has(attr: &kvm_device_attr) -> bool {
        match (attr.group, attr.attr) {
            (FILE, ADD | DEL) => true,
            #[cfg(CONFIG_SPAPR_TCE_IOMMU)]
            (FILE, SET_SPAPR_TCE) => true,
            _ => false,
        }
    }
}

impl<B: BackendState> Descriptor for Vfio<B>
where
    Vm<B>: Send + Sync,
{
    fn ioctl(this: ArcBorrow<'_, Self>, cmd: u32, arg: usize) -> Result<isize> {
        device::ioctl(&*this, &this.claim.0, cmd, arg)
    }
}
