// SPDX-License-Identifier: GPL-2.0

//! The types of the e44x backend: itself, its part of a VM and its part of a vCPU.

use super::{access::Pending as PendingMmio, unreserved::Unreserved};
use crate::{
    emulate::{
        e44x::{
            debug::Step,
            interrupt::Lines,
            shadow::{Context, ShadowPid, ShadowTlb, Slot, CONTEXTS},
            state::{Registers, State},
        },
        regs::{Regs, Vsr},
    },
    host::{
        e44x::{pvr, Block, SwitchVcpu},
        once,
        time::timebase,
    },
    isa::{
        e44x::{
            debug::Registers as DebugRegisters,
            msr::Msr,
            spr::has_mcsrr,
            tlbe::{Tlbe, TLB_SIZE},
        },
        msr::Msr as ServerMsr,
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering::Full, Atomic},
        Arc,
    },
};

/// The backend.
pub(crate) struct E44x;

impl E44x {
    /// Can guests run on this host? If not, what is missing.
    pub(crate) fn available() -> Result<(), &'static str> {
        // A kernel for these processors may be configured for a 476 instead, whose TLB is different and which may have
        // several CPUs.
        if cfg!(CONFIG_PPC_47x) || cfg!(CONFIG_SMP) {
            return Err("the kernel is for the 476");
        }
        if has_mcsrr(pvr()) {
            return Err("the processor saves machine checks in MCSRR0 and MCSRR1, which the world switch does not look at");
        }
        let block = Block::new()
            .map_err(|_| "no memory, or the host's vectors are not where they are expected")?;
        pr_info!(
            "440 guests, {} TLB entries for them and the host\n",
            block.usable_entries()
        );
        Ok(())
    }
}

/// A VM's own state.
pub(crate) struct E44xVm {
    /// The world switch, and the TLB.
    pub(crate) block: Arc<Block>,
}

impl E44xVm {
    /// Makes that state. Fails with `ENOMEM` or `ENODEV`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            block: Arc::new(Block::new()?, GFP_KERNEL_ACCOUNT)?,
        })
    }
}

/// A record of which of the guest's translations may be in the hardware's TLB.
pub(crate) struct E44xMmu {
    /// That record.
    pub(crate) shadow: ShadowTlb<KVec<Option<Slot>>, KVec<Option<Context>>>,
}

impl E44xMmu {
    /// Makes an empty record.
    pub(crate) fn new(vm: &E44xVm) -> Result<Self> {
        let slots = KVec::from_elem(None, TLB_SIZE, GFP_KERNEL_ACCOUNT)?;
        let contexts = KVec::from_elem(None, CONTEXTS, GFP_KERNEL_ACCOUNT)?;
        Ok(Self {
            shadow: ShadowTlb::new(slots, contexts, vm.block.usable_entries()),
        })
    }
}

/// The part of a vCPU's state that any thread may access: external interrupts, as bits.
pub(crate) struct E44xShared {
    lines: Atomic<u32>,
    /// Interrupts that would wake the vCPU from a wait state.
    enabled: Atomic<u32>,
}

impl E44xShared {
    /// `KVM_INTERRUPT_SET`: an external interrupt until it is delivered.
    pub(crate) const ONESHOT: u32 = 1;
    /// `KVM_INTERRUPT_SET_LEVEL`: an external interrupt until `KVM_INTERRUPT_UNSET`.
    pub(crate) const LEVEL: u32 = 2;

    /// No interrupt is pending.
    pub(crate) const fn new() -> Self {
        Self {
            lines: Atomic::new(0),
            enabled: Atomic::new(0),
        }
    }

    /// Sets and clears bits. A full barrier if that changes anything.
    pub(crate) fn change(&self, clear: u32, set: u32) {
        let mut old = once::read_u32(&self.lines);
        while old & !clear | set != old {
            match self.lines.cmpxchg(old, old & !clear | set, Full) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// The lines as the processor sees them.
    pub(crate) fn lines(&self) -> Lines {
        Lines {
            critical: false,
            external: once::read_u32(&self.lines) != 0,
        }
    }

    /// Sets which interrupts wake the vCPU, for `runnable`.
    pub(crate) fn set_enabled(&self, external: bool) {
        once::write_u32(&self.enabled, external.into());
    }

    /// Is there an interrupt to wake for?
    pub(crate) fn wake(&self) -> bool {
        once::read_u32(&self.enabled) != 0 && self.lines().external
    }
}

/// What userspace has to answer before the guest goes on.
pub(crate) enum Completion {
    /// Userspace has to answer nothing.
    None,
    /// The load or store in `E44xVcpu::mmio`.
    Mmio,
    /// The value of a device control register, for this GPR.
    Dcr(u8),
}

/// The part of a vCPU's state that only its own thread accesses.
pub(crate) struct E44xVcpu {
    /// The program's registers, and the world switch.
    pub(crate) switch: SwitchVcpu,
    /// What the guest's kernel sees.
    pub(crate) state: State<KVec<Tlbe>>,
    /// The context that ran last, and its number.
    pub(crate) context: Option<(Context, ShadowPid)>,
    /// `KVM_CAP_PPC_BOOKE_WATCHDOG`: userspace wants to know of the watchdog's last time-out.
    pub(crate) watchdog: bool,
    /// What userspace has to complete.
    pub(crate) completion: Completion,
    /// How the guest's next instruction is executed, or the last one was.
    pub(crate) step: Step,
    /// Userspace is to hear that an instruction was executed.
    pub(crate) stepped: bool,
    /// The debug registers because of whose addresses some pages are not mapped.
    pub(crate) watching: Option<DebugRegisters>,
    /// The address at which the guest was entered the last time.
    pub(crate) entered: u32,
    /// Addresses at which the guest was found to hold no reservation.
    pub(crate) unreserved: Unreserved,
    /// The load or store that is being emulated.
    pub(crate) mmio: PendingMmio,
}

impl E44xVcpu {
    /// A vCPU as a board's firmware leaves it.
    pub(crate) fn new(vm: &E44xVm, id: u32) -> Result<Self> {
        let tlb = KVec::from_elem(Tlbe::INVALID, TLB_SIZE, GFP_KERNEL_ACCOUNT)?;
        Ok(Self {
            switch: SwitchVcpu::new(vm.block.clone())?,
            state: State::new(pvr(), id, timebase(), tlb),
            context: None,
            watchdog: false,
            completion: Completion::None,
            step: Step::default(),
            stepped: false,
            watching: None,
            entered: 0,
            unreserved: Unreserved::new()?,
            mmio: PendingMmio::NONE,
        })
    }

    /// Has each instruction to be looked at before it is executed, or was the last one?
    pub(crate) fn debugged(&self) -> bool {
        self.state.debugged()
            || self.stepped
            || self.watching.is_some()
            || self.step != Step::default()
    }

    /// The context in which the guest runs now.
    pub(crate) fn current_context(&self, id: u32) -> Context {
        let st = &self.state;
        Context {
            vcpu: id,
            pid: st.pid,
            user: st.user(),
            is: st.msr.contains(Msr::IS),
            ds: st.msr.contains(Msr::DS),
            step: self.step.watched,
        }
    }
}

/// The registers in the form that the emulation of loads and stores uses: those of a 64-bit processor in 32-bit mode.
pub(crate) struct LoadStore<'a> {
    /// The program's registers.
    pub(crate) switch: &'a mut SwitchVcpu,
    /// The guest's MSR.
    pub(crate) msr: Msr,
    /// The page is in little-endian order.
    pub(crate) little_endian: bool,
}

/// Blocks of the 440's data cache have 32 bytes.
const CACHE_BLOCK_SHIFT: u32 = 5;

impl Regs for LoadStore<'_> {
    fn gpr(&self, n: u8) -> u64 {
        self.switch.gpr(n).into()
    }

    fn set_gpr(&mut self, n: u8, value: u64) {
        self.switch.set_gpr(n, value as u32);
    }

    fn vsr(&self, n: u8) -> Vsr {
        [self.switch.fpr(n.into()), 0]
    }

    fn set_vsr(&mut self, n: u8, [value, _]: Vsr) {
        self.switch.set_fpr(n.into(), value);
    }

    fn xer(&self) -> u64 {
        self.switch.xer().into()
    }

    fn msr(&self) -> ServerMsr {
        ServerMsr::EMPTY
            .set(ServerMsr::FP, self.msr.contains(Msr::FP))
            .set(ServerMsr::PR, self.msr.contains(Msr::PR))
            .set(ServerMsr::LE, self.little_endian)
    }

    fn nip(&self) -> u64 {
        Registers::nip(self.switch).into()
    }

    fn set_nip(&mut self, nip: u64) {
        Registers::set_nip(self.switch, nip as u32);
    }

    fn cache_block_shift(&self) -> u32 {
        CACHE_BLOCK_SHIFT
    }
}
