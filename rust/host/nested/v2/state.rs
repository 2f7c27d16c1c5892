// SPDX-License-Identifier: GPL-2.0

//! What is known here of the registers of a vCPU that the hypervisor keeps.
//!
//! After each run the hypervisor's registers count, and only those that it told are known. Others are asked for when
//! they are needed. Before the next run it is told those that are known and have changed since, which a comparison
//! with what was last exchanged finds; so nobody who changes a register has to note that.

use super::{
    super::emulated::emulated,
    buffer::Buffer,
    elements::{id, is_exchanged, number, vsr, Registers, COUNT},
    hcall,
    mirrored::Mirrored,
    vpa::Vpa,
};
use crate::isa::{
    gsb::{Full, Id, Malformed, Reader, Scope, Value, Writer},
    hcall::HReturn,
    lpcr::Lpcr,
    trap::Trap,
};
use kernel::{pr_warn_once, prelude::*};

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Set([u64; Set::WORDS]);

impl Set {
    const WORDS: usize = COUNT.div_ceil(64);
    const EMPTY: Self = Self([0; Self::WORDS]);

    /// All that are exchanged if they have changed.
    const EXCHANGED: Self = {
        let mut set = Self::EMPTY;
        let mut n = 0;
        while n < COUNT {
            if is_exchanged(n) {
                set.0[n / 64] |= 1 << (n % 64);
            }
            n += 1;
        }
        set
    };

    /// Those that hypervisors are not known to tell: PPR is written only.
    const UNTOLD: Self = Self::of(Id::PPR);

    /// Those that neither guest nor hypervisor changes, apart from the cause that a facility interrupt tells, and which
    /// therefore stay known.
    const KEPT: Self = Self::of(Id::HFSCR);

    /// That register alone; none if the element is none that is kept here.
    const fn of(id: Id) -> Self {
        let mut set = Self::EMPTY;
        if let Some(n) = number(id) {
            set.0[n / 64] |= 1 << (n % 64);
        }
        set
    }

    #[inline(always)]
    fn add(&mut self, n: usize) {
        if let Some(word) = self.0.get_mut(n / 64) {
            *word |= 1 << (n % 64);
        }
    }

    #[inline(always)]
    fn has(&self, n: usize) -> bool {
        self.0
            .get(n / 64)
            .is_some_and(|word| word >> (n % 64) & 1 != 0)
    }

    /// Combines the words of two sets.
    #[inline(always)]
    fn zip(mut self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = combine(*word, other);
        }
        self
    }

    /// Those that are not in `other`.
    fn without(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// Those that are in either.
    fn with(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Those that are in `other` too.
    fn within(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Calls `f` for each, in order, until it fails.
    #[inline(always)]
    fn try_for_each<E>(self, mut f: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
        for (i, mut word) in self.0.into_iter().enumerate() {
            while word != 0 {
                f(64 * i + word.trailing_zeros() as usize)?;
                word &= word - 1;
            }
        }
        Ok(())
    }
}

/// A vCPU of the hypervisor's.
pub(crate) struct Vcpu {
    guest: u64,
    vcpu: u64,
    input: Buffer,
    output: Buffer,
    /// For what is asked for.
    other: Buffer,
    known: Set,
    /// Those that the hypervisor is told whatever they are.
    forced: Set,
    /// The values last exchanged: integers, and the first doublewords of VSX registers.
    last: [u64; COUNT],
    /// Second doublewords of VSX registers.
    last_vsr: [u64; 64],
    tb_offset: u64,
    pvr: u32,
    /// The decrementer, if the hypervisor tells it wrongly.
    mirrored: Option<Mirrored>,
    /// The area of which the hypervisor learns whether the guest uses the performance monitor.
    vpa: Vpa,
    /// Whether the hypervisor has been told of a doorbell last.
    doorbell: bool,
    /// Registers that the hypervisor does not tell. What is here counts.
    untold: Set,
    /// Where in the input buffer the element is that was refused last.
    refused_at: Option<u64>,
    /// Registers could not be had from the hypervisor: the vCPU cannot run any more.
    lost: bool,
}

impl Vcpu {
    /// The vCPU with this number of a guest, which has just been made. Returns `ENOMEM`, and `EIO` if the hypervisor
    /// does not take its buffers.
    pub(super) fn new(guest: u64, vcpu: u64) -> Result<KBox<Self>> {
        let mut this = KBox::new(
            Self {
                guest,
                vcpu,
                input: Buffer::new()?,
                output: Buffer::new()?,
                other: Buffer::new()?,
                known: Set::EXCHANGED,
                forced: Set::EXCHANGED,
                last: [0; COUNT],
                last_vsr: [0; 64],
                tb_offset: 0,
                pvr: 0,
                mirrored: Mirrored::needed(),
                vpa: Vpa::new()?,
                doorbell: false,
                untold: Set::UNTOLD,
                refused_at: None,
                lost: false,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let least = this.output_size()?;
        if least > Buffer::BYTES as u64 {
            pr_err!("the hypervisor wants a buffer of {least} bytes for what a guest leaves\n");
            return Err(EIO);
        }
        let (input, output) = (this.input.real(), this.output.real());
        this.tell(Scope::Vcpu, |w| {
            w.put_pair(Id::RUN_INPUT, [input, Buffer::BYTES as u64])?;
            w.put_pair(Id::RUN_OUTPUT, [output, Buffer::BYTES as u64])?;
            w.put_u64(Id::AMOR, u64::MAX)
        })
        .map_err(|code| {
            pr_err!("the hypervisor does not take a vCPU's buffers: {code:?}\n");
            EIO
        })?;
        let vpa = this.vpa.real();
        if let Err(code) = this.tell(Scope::Vcpu, |w| w.put_u64(Id::VPA, vpa)) {
            // Only the performance monitor of guests depends on it. QEMU's emulation has none.
            if !emulated() {
                pr_warn_once!("the hypervisor does not take a virtual processor area: {code:?}\n");
            }
        }
        Ok(this)
    }

    /// How large the output buffer has to be at least.
    fn output_size(&mut self) -> Result<u64> {
        let (asked, _) = self.ask(Scope::Guest, |w| w.put_u64(Id::RUN_OUTPUT_MIN_SIZE, 0));
        if asked == HReturn::H_SUCCESS {
            for element in Reader::new(self.other.bytes()).map_err(|_| EIO)? {
                let (id, value) = element.map_err(|_| EIO)?;
                if id == Id::RUN_OUTPUT_MIN_SIZE {
                    return Ok(value.int());
                }
            }
        }
        pr_err!("the hypervisor does not tell what buffer it needs: {asked:?}\n");
        Err(EIO)
    }

    /// Writes elements into `other`, by `put`.
    fn compose(
        &mut self,
        put: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), HReturn> {
        Writer::new(self.other.bytes_mut())
            .and_then(|mut w| put(&mut w))
            .map_err(|Full| HReturn::H_TOO_BIG)
    }

    /// `H_GUEST_SET_STATE`.
    fn tell(
        &mut self,
        scope: Scope,
        put: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), HReturn> {
        self.compose(put)?;
        // SAFETY: Nothing in the buffer, which is ours, makes the hypervisor access other memory than the vCPU's
        // buffers and area. It accesses the buffers only while the vCPU runs, and the area until it is withdrawn.
        match unsafe {
            hcall::set_state(
                scope,
                self.guest,
                self.vcpu,
                self.other.real(),
                Buffer::BYTES,
            )
        } {
            HReturn::H_SUCCESS => Ok(()),
            code => Err(code),
        }
    }

    /// `H_GUEST_GET_STATE`: the elements that `put` names are in `other` afterwards. Also returns the index of one that
    /// the hypervisor does not know, if that is what it says.
    fn ask(
        &mut self,
        scope: Scope,
        put: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> (HReturn, u64) {
        if let Err(code) = self.compose(put) {
            return (code, 0);
        }
        // SAFETY: The hypervisor writes to the buffer, which is ours, during the call.
        unsafe {
            hcall::get_state(
                scope,
                self.guest,
                self.vcpu,
                self.other.real(),
                Buffer::BYTES,
            )
        }
    }

    /// Sets whether the guest uses the performance monitor.
    #[inline(always)]
    pub(crate) fn set_pmu_in_use(&mut self, in_use: bool) {
        self.vpa.set_pmu_in_use(in_use);
    }

    /// Are all registers known?
    #[inline(always)]
    pub(crate) fn complete(&self) -> bool {
        self.known == Set::EXCHANGED
    }

    /// Is this one known?
    #[inline(always)]
    pub(crate) fn knows(&self, id: Id) -> bool {
        number(id).is_some_and(|n| self.known.has(n))
    }

    /// From now on it is known, because its whole value is about to be set.
    #[inline(always)]
    pub(crate) fn replaced(&mut self, id: Id) {
        if let Some(n) = number(id) {
            if !self.known.has(n) {
                self.known.add(n);
                // Whatever it is set to, it is told.
                self.forced.add(n);
            }
        }
    }

    /// Asks for all registers that are not known.
    #[cold]
    #[inline(never)]
    pub(crate) fn load_all(&mut self, r: &mut Registers<'_>) {
        self.load(r, Set::EXCHANGED.without(self.known));
    }

    /// Asks for these.
    #[inline(never)]
    pub(crate) fn load_some(&mut self, r: &mut Registers<'_>, ids: &[Id]) {
        let mut wanted = Set::EMPTY;
        for n in ids.iter().filter_map(|id| number(*id)) {
            wanted.add(n);
        }
        self.load(r, wanted.without(self.known));
    }

    fn load(&mut self, r: &mut Registers<'_>, wanted: Set) {
        if self.lost || wanted == Set::EMPTY {
            return;
        }
        loop {
            let asked = wanted.without(self.untold);
            let present: &Registers<'_> = r;
            let (code, index) = self.ask(Scope::Vcpu, |w| {
                // A register that the hypervisor does not have keeps the value that is in the buffer.
                asked.try_for_each(|n| put(w, n, present.get(n)))
            });
            if code == HReturn::H_INVALID_ELEMENT_ID && self.leave_out(asked, index) {
                continue;
            }
            let read = code == HReturn::H_SUCCESS && self.read(r, false).is_ok();
            if !read || asked.without(self.known) != Set::EMPTY {
                // The vCPU does not run any more. What is here is the best there is, and nothing is asked for again.
                self.lost = true;
                self.known = Set::EXCHANGED;
            } else {
                self.known = self.known.with(wanted.within(self.untold));
            }
            return;
        }
    }

    /// Leaves out the register with this index among those that were asked for from now on. Returns whether there is
    /// one.
    #[cold]
    fn leave_out(&mut self, asked: Set, index: u64) -> bool {
        let mut at = 0;
        // It ends at the one that is looked for.
        let found = asked.try_for_each(|n| {
            if at == index {
                self.untold.add(n);
                return Err(());
            }
            at += 1;
            Ok(())
        });
        found.is_err()
    }

    /// Takes what is in a buffer that the hypervisor has filled: its output, or the other.
    #[inline]
    fn read(&mut self, r: &mut Registers<'_>, output: bool) -> Result<(), Malformed> {
        let buffer = if output { &self.output } else { &self.other };
        for element in Reader::new(buffer.bytes())? {
            let (id, value) = element?;
            if let Some(n) = number(id) {
                r.set(n, value);
                self.known.add(n);
                note(&mut self.last, &mut self.last_vsr, n, value);
                continue;
            }
            let arch = &mut *r.arch;
            match id {
                Id::HDAR => arch.fault_dar = value.int() as usize,
                Id::HDSISR => arch.fault_dsisr = value.int() as u32,
                Id::ASDR => arch.fault_gpa = value.int() as usize,
                Id::HEIR => arch.emul_inst = value.int(),
                _ => {}
            }
        }
        // What is passed at each entry is not kept.
        self.known = self.known.within(Set::EXCHANGED);
        Ok(())
    }

    /// Writes the input buffer for the next run.
    #[inline]
    fn fill(&mut self, r: &Registers<'_>, time_limit: u64, lpcr: u64) -> Result<(), Full> {
        let mut w = Writer::new(self.input.bytes_mut())?;
        let (last, last_vsr, forced) = (&mut self.last, &mut self.last_vsr, self.forced);
        self.known.try_for_each(|n| {
            let value = r.get(n);
            if !is_last(last, last_vsr, n, value) || forced.has(n) {
                put(&mut w, n, value)?;
                note(last, last_vsr, n, value);
            }
            Ok(())
        })?;
        self.forced = Set::EMPTY;
        // Always, because the hypervisor clears MER when it has interrupted the guest.
        w.put_u64(Id::LPCR, lpcr)?;
        let doorbell = r.arch.doorbell_request != 0;
        if doorbell || self.doorbell {
            w.put_u64(Id::DPDES, doorbell.into())?;
            self.doorbell = doorbell;
        }
        w.put_u64(Id::HDEC_EXPIRY, time_limit)
    }

    /// Tells what is the whole guest's and has changed, as this vCPU has it.
    #[inline]
    fn tell_guest(&mut self, r: &Registers<'_>) -> Result<(), HReturn> {
        let (tb_offset, pvr) = (r.vcore.tb_offset, r.vcore.arch_compat);
        if tb_offset != self.tb_offset {
            self.tell(Scope::Guest, |w| w.put_u64(Id::TB_OFFSET, tb_offset))?;
            self.tb_offset = tb_offset;
        }
        if pvr != self.pvr {
            self.tell(Scope::Guest, |w| w.put_u32(Id::LOGICAL_PVR, pvr))?;
            self.pvr = pvr;
        }
        Ok(())
    }

    /// Enters the guest, which exits at the timebase `time_limit` at the latest and runs with `lpcr`. Returns the
    /// interrupt that ended its run; `None` if it has to be entered again. Interrupts have to be hard-disabled.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        r: &mut Registers<'_>,
        time_limit: u64,
        lpcr: u64,
    ) -> Result<Option<Trap>, HReturn> {
        if self.lost {
            return Err(HReturn::H_HARDWARE);
        }
        self.tell_guest(r)?;
        self.fill(r, time_limit, lpcr)
            .map_err(|Full| HReturn::H_TOO_BIG)?;
        // SAFETY: Interrupts are hard-disabled, by the promise of who calls `nested::enter`. The buffers are not
        // borrowed.
        let ret = unsafe { hcall::run_vcpu(self.guest, self.vcpu) };
        let ended = match ret {
            Ok(ended) => ended,
            Err((code, at)) => {
                // It may have taken what was before the element that it refuses, or nothing.
                self.forced = self.known;
                if code.is_busy() {
                    return Ok(None);
                }
                let element = matches!(
                    code,
                    HReturn::H_INVALID_ELEMENT_ID
                        | HReturn::H_INVALID_ELEMENT_SIZE
                        | HReturn::H_INVALID_ELEMENT_VALUE
                );
                self.refused_at = element.then_some(at);
                return Err(code);
            }
        };
        self.known = match Trap::from_raw(ended.trap as u32) {
            Trap::H_FAC_UNAVAIL => Set::EMPTY,
            _ => Set::KEPT,
        };
        r.arch.emul_inst = 0;
        if self.read(r, true).is_err() {
            self.lost = true;
            return Err(HReturn::H_BAD_DATA);
        }
        if r.arch.doorbell_request != 0 {
            self.load_doorbell(r);
        }
        if !self.knows(Id::HFSCR) {
            self.load_some(r, &[Id::HFSCR]);
        }
        if let Some(mirrored) = self.mirrored {
            self.load_some(r, &[Id::DEC_EXPIRY, Id::NIA, Id::MSR]);
            let told = r.arch.dec_expires.wrapping_sub(r.vcore.tb_offset);
            let large = Lpcr::from_raw(lpcr).contains(Lpcr::LD);
            self.mirrored = mirrored.next(told, ended.now, large);
            if let Some(mirrored) = self.mirrored {
                r.arch.dec_expires = mirrored.expiry().wrapping_add(r.vcore.tb_offset);
            }
        }
        Ok((ended.trap != 0).then_some(Trap::from_raw(ended.trap as u32)))
    }

    /// Has the guest taken the doorbell that it was given?
    #[cold]
    #[inline(never)]
    fn load_doorbell(&mut self, r: &mut Registers<'_>) {
        let (code, _) = self.ask(Scope::Vcpu, |w| w.put_u64(Id::DPDES, 0));
        // If it is not known, the guest gets another: software has to bear one too many.
        let mut pending = true;
        if let (HReturn::H_SUCCESS, Ok(reader)) = (code, Reader::new(self.other.bytes())) {
            for (id, value) in reader.flatten() {
                if id == Id::DPDES {
                    pending = value.int() & 1 != 0;
                }
            }
        }
        r.arch.doorbell_request = pending.into();
        self.doorbell = pending;
    }

    /// The element of the input buffer that the hypervisor has refused last, if that is why it did not enter the guest.
    #[cold]
    pub(crate) fn take_refused(&mut self) -> Option<Id> {
        let start = usize::try_from(self.refused_at.take()?).ok()?;
        let id = self.input.bytes().get(start..)?.first_chunk()?;
        Some(Id::from_raw(u16::from_be_bytes(*id)))
    }
}

impl Drop for Vcpu {
    fn drop(&mut self) {
        // The area is about to be freed. A hypervisor that has not taken it does not take this either.
        let _ = self.tell(Scope::Vcpu, |w| w.put_u64(Id::VPA, u64::MAX));
    }
}

/// Adds a register to a buffer.
#[inline(always)]
fn put(w: &mut Writer<'_>, n: usize, value: Value) -> Result<(), Full> {
    let id = id(n);
    match id.size() {
        Some(4) => w.put_u32(id, value.int() as u32),
        Some(8) => w.put_u64(id, value.int()),
        _ => w.put_pair(id, value.pair()),
    }
}

/// Notes what a register was when it was exchanged.
#[inline(always)]
fn note(last: &mut [u64; COUNT], last_vsr: &mut [u64; 64], n: usize, value: Value) {
    let [first, second] = value.pair();
    if let Some(last) = last.get_mut(n) {
        *last = first;
    }
    if let Some(last) = vsr(n).and_then(|n| last_vsr.get_mut(usize::from(n))) {
        *last = second;
    }
}

/// Is that still so?
#[inline(always)]
fn is_last(last: &[u64; COUNT], last_vsr: &[u64; 64], n: usize, value: Value) -> bool {
    let [first, second] = value.pair();
    last.get(n) == Some(&first)
        && vsr(n)
            .and_then(|n| last_vsr.get(usize::from(n)))
            .is_none_or(|last| *last == second)
}
