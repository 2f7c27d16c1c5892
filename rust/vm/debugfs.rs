// SPDX-License-Identifier: GPL-2.0

//! What other processes can see of VMs in debugfs and by uevents, in the form that kvm.ko has.
//!
//! In debugfs, in the folder `kvm`, is a file for each statistic, summed over all VMs, and a folder for each VM, called
//! by the process and the number of the VM's descriptor. In that is a file for each of its statistics, where those of
//! vCPUs are added up, and a folder `vcpuN` for each vCPU with the thread that ran it last (`pid`). Statistics that
//! only grow can be reset by writing 0. A uevent is sent when a VM begins and when it ends.

use super::{
    backend::Backend,
    name::Name,
    stats::{StatDesc, StatSet, VcpuStats, VmStats},
    vm::Vm,
};
use crate::host::{
    debugfs::{Folder, Number},
    once::Counter,
    uevent,
};
use core::marker::PhantomData;
use kernel::{
    device::Device,
    new_mutex,
    prelude::*,
    sync::{aref::ARef, Arc, Mutex},
};

type RootFolder<B> = Folder<Sum<B, Arc<Vms<B>>>>;
type VmFolder<B> = Folder<Sum<B, Arc<Vm<B>>>, RootFolder<B>>;
type VcpuFolder<B> = Folder<Pid<B>, VmFolder<B>>;

/// The folder of all VMs.
#[pin_data]
pub(super) struct Root<B: Backend> {
    // `None` until [`show`](Self::show) is called.
    #[pin]
    folder: Mutex<Option<Arc<RootFolder<B>>>>,
    vms: Arc<Vms<B>>,
}

/// All VMs.
#[pin_data]
struct Vms<B: Backend> {
    #[pin]
    list: Mutex<List<B>>,
}

struct List<B: Backend> {
    vms: KVec<Listed<B>>,
    /// How many of these have not begun to end.
    active: usize,
    /// How many there have been. Not a `u64`, which a 32-bit kernel cannot write in decimal.
    created: usize,
}

struct Listed<B: Backend> {
    /// How many VMs had been made when it was added, including itself.
    serial: usize,
    /// The process and the descriptor's number that its folder is called by. A number may be used again while a vCPU's
    /// descriptor keeps the VM that had it.
    name: (i32, u32),
    vm: Arc<Vm<B>>,
}

impl<B: Backend> Root<B> {
    /// A root without a folder in debugfs yet. Returns `ENOMEM`.
    pub(super) fn new() -> Result<Arc<Self>> {
        let list = List {
            vms: KVec::new(),
            active: 0,
            created: 0,
        };
        let vms = Arc::pin_init(
            try_pin_init!(Vms { list <- new_mutex!(list, "kvm_ppc_vms") }? Error),
            GFP_KERNEL, // the module's
        )?;
        let root = try_pin_init!(Self {
            folder <- new_mutex!(None, "kvm_ppc_debugfs"),
            vms,
        }? Error);
        Arc::pin_init(root, GFP_KERNEL) // the module's
    }

    /// Makes the folder, if it does not exist. Has to be called after /dev/kvm was registered, because only then no
    /// other module has a folder of that name.
    pub(super) fn show(&self) {
        let _ = self.folder();
    }

    // A process that opens /dev/kvm as soon as it is registered may come here before `show`.
    fn folder(&self) -> Result<Arc<RootFolder<B>>> {
        let mut folder = self.folder.lock();
        if let Some(folder) = &*folder {
            return Ok(folder.clone());
        }
        let numbers = numbers(&self.vms)?;
        let new = Arc::new(Folder::new(c"kvm", numbers), GFP_KERNEL)?; // the module's
        *folder = Some(new.clone());
        Ok(new)
    }

    // Adds a VM, and says how many there are now, and whether its name is another's.
    fn add(&self, name: (i32, u32), vm: &Arc<Vm<B>>) -> Result<(Counts, usize, bool)> {
        let mut list = self.vms.list.lock();
        let known = list.vms.iter().any(|listed| listed.name == name);
        let serial = list.created + 1;
        let listed = Listed {
            serial,
            name,
            vm: vm.clone(),
        };
        list.vms.push(listed, GFP_KERNEL_ACCOUNT)?;
        list.created = serial;
        list.active += 1;
        Ok((list.counts(), serial, known))
    }

    fn remove(&self, serial: usize) {
        let mut list = self.vms.list.lock();
        let at = list.vms.iter().position(|listed| listed.serial == serial);
        // This does not drop the last reference to the VM: the caller has one.
        let _ = at.map(|at| list.vms.remove(at));
    }

    // Notes that a VM is about to end.
    fn ends(&self) -> Counts {
        let mut list = self.vms.list.lock();
        list.active = list.active.saturating_sub(1);
        list.counts()
    }
}

impl<B: Backend> List<B> {
    fn counts(&self) -> Counts {
        Counts {
            created: self.created,
            active: self.active,
        }
    }
}

struct Counts {
    created: usize,
    active: usize,
}

/// One statistic among all of a VM.
#[derive(Clone, Copy)]
struct Stat {
    set: Set,
    /// The index of its value.
    at: usize,
    desc: &'static StatDesc,
}

/// The set that it belongs to: of a VM, of a VM's backend, of a vCPU or of a vCPU's backend.
#[derive(Clone, Copy)]
enum Set {
    Vm,
    VmArch,
    Vcpu,
    VcpuArch,
}

impl Stat {
    // All statistics of a set that consist of one number.
    fn all<S: StatSet>(set: Set) -> impl Iterator<Item = Self> {
        let mut next = 0;
        S::DESCS
            .iter()
            .map(move |desc| {
                let at = next;
                next += usize::from(desc.size);
                Self { set, at, desc }
            })
            .filter(|stat| stat.desc.size == 1)
    }

    // Calls `f` with each counter of a VM that contributes to it.
    fn counters<B: Backend>(self, vm: &Vm<B>, mut f: impl FnMut(&Counter)) {
        let mut some = |counter: Option<&Counter>| counter.into_iter().for_each(&mut f);
        match self.set {
            Set::Vm => some(vm.stats.value(self.at)),
            Set::VmArch => some(vm.arch_stats.value(self.at)),
            Set::Vcpu => vm.vcpus().for_each(|v| some(v.stats.value(self.at))),
            Set::VcpuArch => vm.vcpus().for_each(|v| some(v.arch_stats.value(self.at))),
        }
    }
}

// Every statistic of a VM, summed over `of`.
fn numbers<B: Backend, W: Whose<B> + Clone>(of: &W) -> Result<KVec<Sum<B, W>>> {
    let n = VmStats::DESCS.len()
        + B::VmStats::DESCS.len()
        + VcpuStats::DESCS.len()
        + B::VcpuStats::DESCS.len();
    let mut numbers = KVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
    // Called as a function, because pin-init has a method of this name, too.
    let vm = Iterator::chain(
        Stat::all::<VmStats>(Set::Vm),
        Stat::all::<B::VmStats>(Set::VmArch),
    );
    let vcpu = Iterator::chain(
        Stat::all::<VcpuStats>(Set::Vcpu),
        Stat::all::<B::VcpuStats>(Set::VcpuArch),
    );
    for stat in Iterator::chain(vm, vcpu) {
        let number = Sum {
            of: of.clone(),
            stat,
            _backend: PhantomData,
        };
        numbers.push(number, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(numbers)
}

/// Whose statistics a folder shows.
trait Whose<B: Backend>: Send + Sync + 'static {
    /// Calls `f` with each VM that the folder is about.
    fn each(&self, f: impl FnMut(&Vm<B>));
}

impl<B: Backend> Whose<B> for Arc<Vm<B>> {
    fn each(&self, mut f: impl FnMut(&Vm<B>)) {
        f(self);
    }
}

impl<B: Backend> Whose<B> for Arc<Vms<B>> {
    fn each(&self, mut f: impl FnMut(&Vm<B>)) {
        let list = self.list.lock();
        list.vms.iter().for_each(|listed| f(&listed.vm));
    }
}

// A statistic, summed over those VMs.
struct Sum<B, W> {
    of: W,
    stat: Stat,
    _backend: PhantomData<fn() -> B>,
}

impl<B: Backend, W: Whose<B>> Number for Sum<B, W> {
    fn name(&self) -> &CStr {
        self.stat.desc.name
    }

    fn get(&self) -> u64 {
        let mut sum = 0u64;
        self.of.each(|vm| {
            let add = |counter: &Counter| sum = sum.wrapping_add(counter.get());
            self.stat.counters(vm, add);
        });
        sum
    }

    fn can_reset(&self) -> bool {
        self.stat.desc.grows()
    }

    fn reset(&self) {
        let reset = |counter: &Counter| counter.set(0);
        self.of.each(|vm| self.stat.counters(vm, reset));
    }
}

// The thread that ran a vCPU last.
struct Pid<B: Backend> {
    vm: Arc<Vm<B>>,
    id: u32,
}

impl<B: Backend> Number for Pid<B> {
    fn name(&self) -> &CStr {
        c"pid"
    }

    fn get(&self) -> u64 {
        let vcpu = self.vm.vcpu_by_id(self.id);
        vcpu.map_or(0, |vcpu| u64::from(vcpu.thread.nr().unsigned_abs()))
    }
}

/// A VM's folder and its entry in the list of VMs. It keeps the VM alive, and is dropped with the last descriptor.
#[pin_data(PinnedDrop)]
pub(super) struct Shown<B: Backend> {
    #[pin]
    vcpus: Mutex<KVec<VcpuFolder<B>>>,
    // `None` if another VM has a folder of the same name.
    folder: Option<Arc<VmFolder<B>>>,
    name: (i32, u32),
    serial: usize,
    device: ARef<Device>,
    root: Arc<Root<B>>,
    vm: Arc<Vm<B>>,
}

impl<B: Backend> Shown<B> {
    /// Shows a VM whose descriptor will be `fd`. `ENOMEM`; what debugfs cannot make is left out.
    pub(super) fn new<'a>(
        root: &'a Arc<Root<B>>,
        device: &'a Device,
        vm: Arc<Vm<B>>,
        fd: u32,
    ) -> impl PinInit<Self, Error> + use<'a, B> {
        pin_init::pin_init_scope(move || {
            let name = (current!().pid(), fd);
            let (counts, serial, known) = root.add(name, &vm)?;
            let folder = match known {
                true => None,
                false => Self::folder_of(root, name, &vm).ok(),
            };
            let shown = try_pin_init!(Self {
                vcpus <- new_mutex!(KVec::new(), "kvm_ppc_vcpu_folders"),
                folder,
                name,
                serial,
                device: device.into(),
                root: root.clone(),
                vm,
            }? Error);
            Ok(shown.pin_chain(move |this| {
                this.announce("create", &counts);
                Ok(())
            }))
        })
    }

    fn folder_of(root: &Root<B>, name: (i32, u32), vm: &Arc<Vm<B>>) -> Result<Arc<VmFolder<B>>> {
        let numbers = numbers(vm)?;
        let name = Name::new(fmt!("{}-{}", name.0, name.1));
        let folder = Folder::within(name.as_cstr(), root.folder()?, numbers);
        Ok(Arc::new(folder, GFP_KERNEL_ACCOUNT)?)
    }

    /// Adds the folder of vCPU `id`, which has none yet, if that is possible.
    pub(super) fn add_vcpu(&self, id: u32) {
        let _ = self.try_add_vcpu(id);
    }

    fn try_add_vcpu(&self, id: u32) -> Result {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut pid = KVec::with_capacity(1, GFP_KERNEL_ACCOUNT)?;
        let vm = self.vm.clone();
        pid.push(Pid { vm, id }, GFP_KERNEL_ACCOUNT)?;
        let name = Name::numbered("vcpu", id);
        let new = Folder::within(name.as_cstr(), folder.clone(), pid);
        Ok(self.vcpus.lock().push(new, GFP_KERNEL_ACCOUNT)?)
    }

    // Sends a uevent for the VM's beginning or end, with the same variables as kvm.ko.
    fn announce(&self, event: &str, counts: &Counts) {
        let (pid, fd) = self.name;
        let vars = [
            Name::new(fmt!("CREATED={}", counts.created)),
            Name::new(fmt!("COUNT={}", counts.active)),
            Name::new(fmt!("EVENT={event}")),
            Name::new(fmt!("PID={pid}")),
            Name::new(fmt!("STATS_PATH=/kvm/{pid}-{fd}")),
        ];
        let exists = self.folder.as_ref().is_some_and(|folder| folder.exists());
        let n = vars.len() - usize::from(!exists);
        uevent::change(&self.device, vars.iter().take(n).map(Name::as_cstr));
    }
}

#[pinned_drop]
impl<B: Backend> PinnedDrop for Shown<B> {
    fn drop(self: Pin<&mut Self>) {
        self.announce("destroy", &self.root.ends());
        let serial = self.serial;
        let this = self.project();
        // The folder is removed before its name can be used again. The folders in it keep it alive, so they go first.
        this.vcpus.lock().clear();
        *this.folder = None;
        this.root.remove(serial);
    }
}
