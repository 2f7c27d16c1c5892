// SPDX-License-Identifier: GPL-2.0

//! A vCPU's descriptor and its ioctls.

use super::{
    backend::Backend,
    ioctl,
    name::Name,
    next::Next,
    one_reg::{size_of_id, RegValue},
    stats,
    stats_fd::{HasStats, StatsFd},
    vcpu::Owned,
    vm::{CountedVcpu, Vcpu},
};
use crate::{
    bindings::{self, kvm_mp_state, kvm_one_reg},
    host::{
        file::Descriptor,
        page::SharedPage,
        signal::{run_done, SigSet},
        trace, uapi,
    },
};
use kernel::{
    prelude::*,
    sync::{Arc, ArcBorrow},
    uaccess::UserSlice,
};

/// What a vCPU's descriptor refers to. `V` is what the VM's descriptor refers to.
pub(super) struct VcpuFd<B: Backend, V> {
    pub(super) vcpu: CountedVcpu<B>,
    /// The thread that made the vCPU, by which its statistics are named.
    pub(super) creator: i32,
    pub(super) _vm: Arc<V>,
}

impl<B: Backend, V: Send + Sync + 'static> HasStats for VcpuFd<B, V> {
    fn stats_file(&self) -> Result<KVVec<u8>> {
        let id = Name::new(fmt!("kvm-{}/vcpu-{}", self.creator, self.vcpu.id));
        stats::file(
            id.as_cstr().to_bytes(),
            &self.vcpu.stats,
            &self.vcpu.arch_stats,
        )
    }
}

impl<B: Backend, V: Send + Sync + 'static> Descriptor for VcpuFd<B, V> {
    const MMAP: bool = true;

    fn page(&self, pgoff: usize) -> Result<&SharedPage> {
        match u32::try_from(pgoff) {
            Ok(0) => Ok(self.vcpu.run.page()),
            Ok(bindings::KVM_COALESCED_MMIO_PAGE_OFFSET) => Ok(self.vcpu.vm().coalesced.page()),
            _ => Err(EFAULT),
        }
    }

    fn ioctl(this: ArcBorrow<'_, Self>, cmd: u32, arg: usize) -> Result<isize> {
        let vcpu: &Vcpu<B> = &this.vcpu;
        vcpu.vm().check_owner()?;
        if !ioctl::is_kvm(cmd) {
            return Err(EINVAL);
        }
        // This ioctl may come while the guest runs in another thread.
        if cmd == ioctl::INTERRUPT {
            let irq: bindings::kvm_interrupt = uapi::read(arg)?;
            B::interrupt(vcpu, irq.irq)?;
            return Ok(0);
        }

        let mut owned = vcpu.mutex.lock_killable()?;
        match cmd {
            ioctl::RUN => {
                let ret = run(vcpu, &mut owned, arg);
                let errno = ret.err().map_or(0, |e| e.to_errno());
                trace::userspace_exit(vcpu.run.exit_reason(), errno);
                ret?;
            }
            ioctl::GET_STATS_FD => return StatsFd::open_vcpu(this.into(), vcpu.id),
            _ => return locked(vcpu, &mut owned, cmd, arg),
        }
        Ok(0)
    }
}

fn run<B: Backend>(vcpu: &Vcpu<B>, owned: &mut Owned<B>, arg: usize) -> Result {
    if arg != 0 {
        return Err(EINVAL);
    }
    vcpu.thread.set_current();
    let run = &vcpu.run;
    let immediate_exit = run.immediate_exit();
    if let Next::Userspace = B::complete_exit(vcpu, &mut owned.arch, run)? {
        return Ok(());
    }
    let _mask = owned.sigset.map(|set| set.activate());
    if immediate_exit {
        return Err(EINTR);
    }
    let ret = B::run(vcpu, &mut owned.arch, run);
    run_done();
    ret
}

// Serves all other ioctls, with the vCPU's mutex held.
fn locked<B: Backend>(vcpu: &Vcpu<B>, owned: &mut Owned<B>, cmd: u32, arg: usize) -> Result<isize> {
    let state = &mut owned.arch;
    match cmd {
        ioctl::GET_REGS => uapi::write(arg, &B::get_regs(vcpu, state)?)?,
        ioctl::SET_REGS => B::set_regs(vcpu, state, &uapi::read(arg)?)?,
        ioctl::GET_SREGS => B::get_sregs(vcpu, state)?.write(arg)?,
        ioctl::SET_SREGS => B::set_sregs(vcpu, state, &*uapi::Sregs::read(arg)?)?,
        ioctl::GET_FPU => uapi::write(arg, &B::get_fpu(vcpu, state)?)?,
        ioctl::SET_FPU => B::set_fpu(vcpu, state, &uapi::read(arg)?)?,
        ioctl::GET_ONE_REG => get_one_reg(vcpu, state, &uapi::read_one_reg(arg)?)?,
        ioctl::SET_ONE_REG => set_one_reg(vcpu, state, &uapi::read(arg)?)?,
        ioctl::GET_MP_STATE => {
            let mp_state = B::get_mp_state(vcpu, state)?;
            uapi::write(arg, &kvm_mp_state { mp_state })?;
        }
        ioctl::SET_MP_STATE => {
            let new: kvm_mp_state = uapi::read(arg)?;
            B::set_mp_state(vcpu, state, new.mp_state)?;
        }
        ioctl::TRANSLATE => {
            let mut tr = uapi::read(arg)?;
            B::translate(vcpu, state, &mut tr)?;
            uapi::write(arg, &tr)?;
        }
        ioctl::SET_GUEST_DEBUG => B::set_guest_debug(vcpu, state, &uapi::read(arg)?)?,
        ioctl::SET_SIGNAL_MASK => owned.sigset = read_sigset(arg)?,
        ioctl::ENABLE_CAP => {
            let cap: bindings::kvm_enable_cap = uapi::read(arg)?;
            if cap.flags != 0 {
                return Err(EINVAL);
            }
            B::enable_vcpu_cap(vcpu, state, cap.cap, &cap.args)?;
        }
        // An unknown ioctl of a vCPU gives EINVAL in kvm.ko, one of a VM ENOTTY.
        _ => return Err(EINVAL),
    }
    Ok(0)
}

// `struct kvm_signal_mask` is a length and, after it, so many bytes. Without one, the thread's own
// mask stays in force.
fn read_sigset(arg: usize) -> Result<Option<SigSet>> {
    if arg == 0 {
        return Ok(None);
    }
    let len: u32 = uapi::read(arg)?;
    if len as usize != size_of::<SigSet>() {
        return Err(EINVAL);
    }
    let set = uapi::read(arg.checked_add(size_of::<u32>()).ok_or(EFAULT)?)?;
    Ok(Some(SigSet(set)))
}

// Where the register's value is in userspace, and its size. `EINVAL` if no register has that size.
fn place(reg: &kvm_one_reg) -> Result<(usize, RegValue)> {
    let val = RegValue::zero(size_of_id(reg.id))?;
    let addr = usize::try_from(reg.addr).map_err(|_| EFAULT)?;
    Ok((addr, val))
}

fn get_one_reg<B: Backend>(vcpu: &Vcpu<B>, state: &mut B::Vcpu, reg: &kvm_one_reg) -> Result {
    let (addr, zero) = place(reg)?;
    let val = B::get_one_reg(vcpu, state, reg.id)?;
    if val.size() != zero.size() {
        return Err(EINVAL);
    }
    uapi::write_register(addr, val.as_slice())
}

fn set_one_reg<B: Backend>(vcpu: &Vcpu<B>, state: &mut B::Vcpu, reg: &kvm_one_reg) -> Result {
    let (addr, mut val) = place(reg)?;
    let user = UserSlice::new(UserPtr::from_addr(addr), val.size());
    user.reader().read_slice(val.as_mut_slice())?;
    B::set_one_reg(vcpu, state, reg.id, val)
}
