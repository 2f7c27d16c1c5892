// SPDX-License-Identifier: GPL-2.0

//! What can be seen in debugfs: below `kvm`, a folder for each VM, called by the process and the
//! number of the VM's descriptor, as kvm.ko calls it. In it is a file for each statistic, where
//! those of vCPUs are added up, and a folder `vcpuN` for each vCPU with the thread that ran it last
//! (`pid`) and all its statistics (`stats`).

use super::{
    backend::Backend,
    name::Name,
    stats::{StatDesc, StatSet, VcpuStats, VmStats},
    vm::Vm,
};
use crate::host::debugfs::{Dir, File, Text};
use kernel::{
    fmt::{self, Formatter, Write as _},
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

/// The folder of all VMs.
#[pin_data]
pub(super) struct Root {
    #[pin]
    inner: Mutex<RootInner>,
}

struct RootInner {
    // None until it is to be seen.
    dir: Option<Dir>,
    // Processes and descriptors' numbers that folders are called by. A number may be used again
    // while a vCPU's descriptor keeps the VM that had it.
    names: KVec<(i32, u32)>,
}

impl Root {
    /// Not yet to be seen. `ENOMEM`.
    pub(super) fn new() -> Result<Arc<Self>> {
        let inner = RootInner {
            dir: None,
            names: KVec::new(),
        };
        let init = try_pin_init!(Self {
            inner <- new_mutex!(inner, "kvm_ppc_debugfs_names"),
        });
        Arc::pin_init(init, GFP_KERNEL) // the module's
    }

    /// Makes the folder, unless it is there; to be called once /dev/kvm is this module's, since the
    /// folder is too, then.
    pub(super) fn show(&self) {
        self.inner.lock().show();
    }

    fn claim(this: &Arc<Self>, name: (i32, u32)) -> Option<Claim> {
        let mut inner = this.inner.lock();
        // Whoever opens /dev/kvm as soon as it is there may be before `show`.
        inner.show();
        if inner.names.contains(&name) {
            return None;
        }
        inner.names.push(name, GFP_KERNEL_ACCOUNT).ok()?;
        Some(Claim {
            root: this.clone(),
            name,
        })
    }
}

impl RootInner {
    fn show(&mut self) {
        if self.dir.is_none() {
            self.dir = Dir::new(c"kvm").ok();
        }
    }
}

// A name that is in use.
struct Claim {
    root: Arc<Root>,
    name: (i32, u32),
}

impl Claim {
    fn dir(&self) -> Option<Dir> {
        let (pid, fd) = self.name;
        let name = Name::new(fmt!("{pid}-{fd}"));
        let inner = self.root.inner.lock();
        inner.dir.as_ref()?.subdir(name.as_cstr()).ok()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let names = &mut self.root.inner.lock().names;
        if let Some(i) = names.iter().position(|n| *n == self.name) {
            let _ = names.remove(i);
        }
    }
}

type Files<T> = KVec<File<T>>;

/// A VM's folder. It holds the VM, and goes when the last descriptor does.
#[pin_data]
pub(super) struct VmDir<B: Backend> {
    files: Files<VmFile<B>>,
    #[pin]
    vcpus: Mutex<Files<VcpuFile<B>>>,
    // Without one, the name is another VM's, and there is no folder.
    dir: Option<Dir>,
    vm: Arc<Vm<B>>,
    // Last, when the folder is gone.
    _claim: Option<Claim>,
}

// A statistic, by its index among all of a VM, of a VM's backend, of a vCPU or of a vCPU's backend.
struct VmFile<B: Backend> {
    vm: Arc<Vm<B>>,
    set: Set,
    value: usize,
}

#[derive(Clone, Copy)]
enum Set {
    Vm,
    VmArch,
    Vcpu,
    VcpuArch,
}

struct VcpuFile<B: Backend> {
    vm: Arc<Vm<B>>,
    id: u32,
    show: Show,
}

#[derive(Clone, Copy)]
enum Show {
    Pid,
    Stats,
}

fn get<S: StatSet>(set: &S, i: usize) -> u64 {
    set.value(i).map_or(0, |c| c.get())
}

/// Writes a number in decimal and ends the line, without the division of doublewords that 32-bit kernels do not have:
/// `core` would use it.
fn write_number(f: &mut Formatter<'_>, val: u64) -> fmt::Result {
    let (mut rest, mut shown) = (val, false);
    for exponent in (0..20).rev() {
        let unit = 10u64.pow(exponent);
        let mut digit = 0u8;
        while rest >= unit {
            rest -= unit;
            digit += 1;
        }
        shown |= digit != 0 || exponent == 0;
        if shown {
            f.write_char(char::from(b'0' + digit))?;
        }
    }
    f.write_char('\n')
}

impl<B: Backend> Text for VmFile<B> {
    fn write(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (vm, i) = (&*self.vm, self.value);
        let val: u64 = match self.set {
            Set::Vm => get(&vm.stats, i),
            Set::VmArch => get(&vm.arch_stats, i),
            Set::Vcpu => vm.vcpus().map(|v| get(&v.stats, i)).sum(),
            Set::VcpuArch => vm.vcpus().map(|v| get(&v.arch_stats, i)).sum(),
        };
        write_number(f, val)
    }
}

impl<B: Backend> Text for VcpuFile<B> {
    fn write(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(vcpu) = self.vm.vcpu_by_id(self.id) else {
            return Ok(());
        };
        match self.show {
            Show::Pid => writeln!(f, "{}", vcpu.thread.nr()),
            Show::Stats => {
                show_set(&vcpu.stats, f)?;
                show_set(&vcpu.arch_stats, f)
            }
        }
    }
}

// All statistics that are one number, with the index of the value.
fn single<S: StatSet>() -> impl Iterator<Item = (&'static StatDesc, usize)> {
    let mut next = 0;
    S::DESCS
        .iter()
        .map(move |desc| {
            let at = next;
            next += usize::from(desc.size);
            (desc, at)
        })
        .filter(|(desc, _)| desc.size == 1)
}

fn show_set<S: StatSet>(set: &S, f: &mut Formatter<'_>) -> fmt::Result {
    single::<S>().try_for_each(|(desc, i)| {
        write!(f, "{}: ", desc.name)?;
        write_number(f, get(set, i))
    })
}

impl<B: Backend> VmDir<B> {
    /// The folder of a VM whose descriptor will be `fd`. What cannot be made is left out.
    pub(super) fn new(root: &Arc<Root>, vm: Arc<Vm<B>>, fd: u32) -> impl PinInit<Self, Error> {
        let pid = current!().pid();
        let claim = Root::claim(root, (pid, fd));
        let dir = claim.as_ref().and_then(Claim::dir);
        try_pin_init!(Self {
            files: dir
                .as_ref()
                .map_or(KVec::new(), |dir| Self::stat_files(dir, &vm)),
            dir,
            vcpus <- new_mutex!(KVec::new(), "kvm_ppc_debugfs"),
            vm,
            _claim: claim,
        })
    }

    fn stat_files(dir: &Dir, vm: &Arc<Vm<B>>) -> Files<VmFile<B>> {
        let mut files = KVec::new();
        let mut add = |set, (desc, value): (&StatDesc, usize)| {
            let vm = vm.clone();
            let _ = Self::stat_file(dir, desc.name, VmFile { vm, set, value })
                .and_then(|file| Ok(files.push(file, GFP_KERNEL_ACCOUNT)?));
        };
        single::<VmStats>().for_each(|s| add(Set::Vm, s));
        single::<B::VmStats>().for_each(|s| add(Set::VmArch, s));
        single::<VcpuStats>().for_each(|s| add(Set::Vcpu, s));
        single::<B::VcpuStats>().for_each(|s| add(Set::VcpuArch, s));
        files
    }

    fn stat_file(dir: &Dir, name: &str, file: VmFile<B>) -> Result<File<VmFile<B>>> {
        dir.file(Name::new(fmt!("{name}")).as_cstr(), file)
    }

    /// Adds the folder of vCPU `id`, which has none yet, if that is possible.
    pub(super) fn add_vcpu(&self, id: u32) {
        let _ = self.try_add_vcpu(id);
    }

    fn try_add_vcpu(&self, id: u32) -> Result {
        let Some(dir) = &self.dir else {
            return Ok(());
        };
        let dir = dir.subdir(Name::new(fmt!("vcpu{id}")).as_cstr())?;
        for (name, show) in [(c"pid", Show::Pid), (c"stats", Show::Stats)] {
            let vm = self.vm.clone();
            let file = dir.file(name, VcpuFile { vm, id, show })?;
            self.vcpus.lock().push(file, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }
}
