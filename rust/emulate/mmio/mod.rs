// SPDX-License-Identifier: GPL-2.0

//! Emulation of loads and stores to storage that is not memory: which accesses to make, and what the registers get
//! afterwards.
//!
//! [`decode`] turns an instruction and the registers into a [`Plan`]. The plan says one access after another
//! ([`Plan::step`]); whoever carries them out gives each read's bytes with [`Plan::supply`] and confirms each write
//! with [`Plan::wrote`], and at the end [`Plan::finish`] writes the registers. A plan is plain data and may wait
//! between any two calls, for instance while userspace serves an access: until `finish` no register changes, so that an
//! instruction whose access faults midway can be executed anew.
//!
//! Bytes are always in storage order: the first is the one at the lowest address. The plan takes care of endianness.

mod float;
mod form;
mod reason;

pub use self::reason::Reason;

use self::form::{Address, Form, Rest, Transfer};
use super::regs::{Regs, Vsr};
use crate::isa::insn::Insn;
use crate::isa::msr::Msr;
use crate::isa::radix_walk::truncated;

/// The next thing to do for a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Read `len` bytes (1, 2, 4 or 8) at effective address `ea`, then [`Plan::supply`].
    Read {
        /// Effective address.
        ea: u64,
        /// The offset of `ea` from the effective address of the instruction.
        offset: u8,
        /// Bytes.
        len: u8,
    },
    /// Write the first `len` bytes (1, 2, 4 or 8) of `data` at effective address `ea`, then [`Plan::wrote`].
    Write {
        /// Effective address.
        ea: u64,
        /// The offset of `ea` from the effective address of the instruction.
        offset: u8,
        /// Bytes.
        len: u8,
        /// What to write, in storage order.
        data: [u8; 8],
    },
    /// All accesses are made: [`Plan::finish`].
    Done,
}

/// [`Plan::finish`] was called before all accesses were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incomplete;

/// The most bytes that an instruction moves: a cache block, or 32 words for `lmw` and `stmw`.
const MAX_BYTES: usize = 128;

/// No access crosses a multiple of this: beyond it there may be other storage.
const BOUNDARY: u64 = 4096;

/// The accesses and effects of one load or store instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    form: Form,
    ea: u64,
    /// The value that an update gives RA: the sum before it is truncated in 32-bit mode, ISA Book I, "Effective Address
    /// Calculation".
    sum: u64,
    msr: Msr,
    /// Bytes of the instruction itself.
    insn_bytes: u8,
    /// RA.
    ra: u8,
    /// How many bytes the instruction moves, and how many of them it has moved.
    bytes: u8,
    done: u8,
    /// How many bytes should move in one access; a power of two.
    unit: u8,
    /// How many bytes the current access has; 0 if all accesses are made.
    len: u8,
    /// The bytes that move, in storage order.
    data: [u8; MAX_BYTES],
}

/// Decides what an instruction at `regs.nip()` does to storage.
pub fn decode<R: Regs + ?Sized>(insn: Insn, regs: &R) -> Result<Plan, Reason> {
    let mut plan = Plan::IDLE;
    plan.prepare(insn, regs)?;
    Ok(plan)
}

impl Plan {
    /// The plan of an instruction that accesses nothing, to be prepared for another one.
    pub const IDLE: Self = Self {
        form: Form::NOTHING,
        ea: 0,
        sum: 0,
        msr: Msr::EMPTY,
        insn_bytes: 4,
        ra: 0,
        bytes: 0,
        done: 0,
        unit: 1,
        len: 0,
        data: [0; MAX_BYTES],
    };

    /// [`decode`] in place, for callers that keep a plan, because it is large. The plan is overwritten even if the
    /// result is an error.
    #[inline(always)]
    pub fn prepare<R: Regs + ?Sized>(&mut self, insn: Insn, regs: &R) -> Result<(), Reason> {
        let form = form::form(insn)?;
        let msr = regs.msr();
        check_form(insn, &form, msr)?;

        let ra = insn.ra();
        let base = if ra == 0 { 0 } else { regs.gpr(ra) };
        let sum = match form.address {
            Address::Displacement(d) => base.wrapping_add_signed(d),
            Address::Indexed => base.wrapping_add(regs.gpr(insn.rb())),
            Address::Base => base,
            Address::Relative(d) => regs.nip().wrapping_add_signed(d),
        };
        let block_shift = regs.cache_block_shift().min(7);
        let align_shift = match form.transfer {
            Transfer::Zeros => block_shift,
            _ => form.align_shift,
        };
        let ea = truncated(sum, msr) & u64::MAX.wrapping_shl(align_shift);

        let (bytes, unit) = match form.transfer {
            Transfer::Nothing => (0, 1),
            Transfer::Gpr { bytes, .. } | Transfer::VectorElement { bytes } => (bytes, bytes),
            Transfer::Multiple => (4 * (32 - form.reg.min(31)), 4),
            Transfer::String { bytes } => (bytes, 4),
            Transfer::StringXer => ((regs.xer() & 0x7f) as u8, 4),
            Transfer::Single { .. } | Transfer::SignedWord { .. } => (4, 4),
            Transfer::FprPair => (16, 8),
            Transfer::Elements { bytes, unit, .. } => (bytes, unit),
            Transfer::Length { .. } => ((regs.gpr(insn.rb()) >> 56).min(16) as u8, 8),
            Transfer::Zeros => (1 << block_shift, 8),
        };

        self.form = form;
        self.ea = ea;
        self.sum = sum;
        self.msr = msr;
        self.insn_bytes = insn.length() as u8;
        self.ra = ra;
        self.bytes = bytes;
        self.done = 0;
        self.unit = unit;
        self.len = self.next_bytes();
        if form.store {
            self.fill(regs);
        }
        Ok(())
    }
}

/// Refuses instructions that cannot be executed: those whose facility is off, invalid forms, and those that
/// little-endian mode does not have.
fn check_form(insn: Insn, form: &Form, msr: Msr) -> Result<(), Reason> {
    if let Some(facility) = form.needs {
        if !msr.contains(facility.msr()) {
            return Err(Reason::Unavailable(facility.unavailable()));
        }
    }
    let loads_gpr = matches!(form.transfer, Transfer::Gpr { .. }) && !form.store;
    if form.update && (insn.ra() == 0 || (loads_gpr && insn.ra() == insn.rt())) {
        return Err(Reason::InvalidForm);
    }
    match form.transfer {
        Transfer::FprPair if form.reg & 1 != 0 => Err(Reason::InvalidForm),
        Transfer::Multiple | Transfer::String { .. } | Transfer::StringXer
            if msr.contains(Msr::LE) =>
        {
            Err(Reason::Alignment)
        }
        _ => Ok(()),
    }
}

/// The 16 bytes of a VSX register, from bit 0 on.
fn vsr_bytes([high, low]: Vsr) -> impl Iterator<Item = u8> {
    high.to_be_bytes().into_iter().chain(low.to_be_bytes())
}

/// The big-endian number in a few bytes.
fn big_endian<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// How many bits of a doubleword a value of 1 to 8 bytes does not use.
const fn unused_bits(bytes: u8) -> u32 {
    64u32.saturating_sub(8 * (bytes & 15) as u32) & 63
}

/// A word sign-extended.
const fn signed_word(word: u64) -> u64 {
    word as u32 as i32 as i64 as u64
}

impl Plan {
    /// The instruction's effective address (rounded down, where the instruction does so).
    pub const fn ea(&self) -> u64 {
        self.ea
    }

    /// Whether it stores.
    pub const fn is_store(&self) -> bool {
        self.form.store
    }

    /// How many bytes it moves in all: 0 to 128.
    pub const fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Whether the byte at effective address `ea` is one that it moves.
    #[inline]
    pub const fn touches(&self, ea: u64) -> bool {
        truncated(ea.wrapping_sub(self.ea), self.msr) < self.bytes as u64
    }

    /// The next access. It stays the same until [`Plan::supply`] or [`Plan::wrote`] is called.
    pub fn step(&self) -> Step {
        let len = self.len;
        if len == 0 {
            return Step::Done;
        }
        let offset = self.done;
        let ea = self.address(offset);
        if !self.form.store {
            return Step::Read { ea, offset, len };
        }
        let mut data = [0; 8];
        let bytes = self.data.get(usize::from(offset)..).unwrap_or_default();
        if let Some(whole) = bytes.first_chunk() {
            data = *whole;
        } else {
            for (to, from) in data.iter_mut().zip(bytes) {
                *to = *from;
            }
        }
        Step::Write {
            ea,
            offset,
            len,
            data,
        }
    }

    /// Gives the bytes that the current [`Step::Read`] asked for, in storage order. Bytes that are missing read as 0,
    /// more are ignored. Does nothing for a store.
    pub fn supply(&mut self, bytes: &[u8]) {
        if self.form.store {
            return;
        }
        let to = self
            .data
            .get_mut(usize::from(self.done)..)
            .unwrap_or_default();
        match (to.first_chunk_mut::<8>(), bytes.first_chunk()) {
            // Copying whole doublewords is quicker. The bytes after the access are overwritten by the next access or
            // not used.
            (Some(whole), Some(from)) => *whole = *from,
            _ => {
                let given = bytes.iter().copied().chain(core::iter::repeat(0));
                for (to, from) in to.iter_mut().take(usize::from(self.len)).zip(given) {
                    *to = from;
                }
            }
        }
        self.advance();
    }

    /// Says that the current [`Step::Write`] was carried out. Does nothing for a load.
    pub fn wrote(&mut self) {
        if self.form.store {
            self.advance();
        }
    }

    /// Writes the target registers, and RA if the instruction updates it, and advances past the instruction.
    pub fn finish<R: Regs + ?Sized>(&self, regs: &mut R) -> Result<(), Incomplete> {
        if self.done != self.bytes {
            return Err(Incomplete);
        }
        if !self.form.store {
            self.write_back(regs);
        }
        if self.form.update {
            regs.set_gpr(self.ra, self.sum);
        }
        regs.advance(u64::from(self.insn_bytes));
        Ok(())
    }

    /// The effective address of the byte at this offset.
    fn address(&self, offset: u8) -> u64 {
        truncated(self.ea.wrapping_add(u64::from(offset)), self.msr)
    }

    /// How many bytes the access from `done` on has: a power of two that does not cross the end of the unit or a
    /// multiple of [`BOUNDARY`]; 0 if there is none left.
    fn next_bytes(&self) -> u8 {
        let left = self.bytes.saturating_sub(self.done);
        let in_unit = self
            .unit
            .saturating_sub(self.done & (self.unit.wrapping_sub(1)));
        let to_boundary = BOUNDARY - (self.address(self.done) & (BOUNDARY - 1));
        let most = left.min(in_unit).min(to_boundary.min(8) as u8);
        match most {
            0 => 0,
            1 => 1,
            2..=3 => 2,
            4..=7 => 4,
            _ => 8,
        }
    }

    /// Goes past the current access.
    fn advance(&mut self) {
        self.done = self.done.saturating_add(self.len).min(self.bytes);
        self.len = self.next_bytes();
    }

    /// Where the bytes of storage are among a register's (big-endian) bytes: byte `i` of storage is byte `first + (i ^
    /// flip)`.
    ///
    /// Flipping the low bits of an index within an element is what little-endian mode does.
    fn place(&self) -> (usize, usize) {
        let little = self.msr.contains(Msr::LE);
        let flip = |element: u8, little: bool| {
            if little {
                usize::from(element).wrapping_sub(1)
            } else {
                0
            }
        };
        match self.form.transfer {
            Transfer::Elements { element, at, .. } => (usize::from(at), flip(element, little)),
            Transfer::VectorElement { bytes } => {
                let within = (self.ea & 15) as u8;
                let at = if little {
                    16u8.saturating_sub(bytes).saturating_sub(within)
                } else {
                    within
                };
                (usize::from(at), flip(bytes, little))
            }
            Transfer::Length { left } => (0, flip(16, little && !left)),
            Transfer::Single { .. } | Transfer::SignedWord { .. } => (0, flip(4, little)),
            Transfer::FprPair => (0, flip(8, little)),
            Transfer::Nothing
            | Transfer::Gpr { .. }
            | Transfer::Multiple
            | Transfer::String { .. }
            | Transfer::StringXer
            | Transfer::Zeros => (0, 0),
        }
    }

    /// Copies the bytes of a register's image to storage order.
    fn fill_from<const N: usize>(&mut self, image: [u8; N]) {
        let (first, flip) = self.place();
        let bytes = self.bytes();
        for (i, to) in self.data.iter_mut().take(bytes).enumerate() {
            if let Some(from) = image.get(first.wrapping_add(i ^ flip)) {
                *to = *from;
            }
        }
    }

    /// Copies the bytes in storage order into a register's image.
    fn extract_into<const N: usize>(&self, mut image: [u8; N]) -> [u8; N] {
        let (first, flip) = self.place();
        for (i, from) in self.data.iter().take(self.bytes()).enumerate() {
            if let Some(to) = image.get_mut(first.wrapping_add(i ^ flip)) {
                *to = *from;
            }
        }
        image
    }

    /// The two VSX registers from `reg` on as 32 bytes.
    fn vsr_image<R: Regs + ?Sized>(&self, regs: &R) -> [u8; 32] {
        let mut image = [0; 32];
        let second = if self.bytes > 16 {
            regs.vsr((self.form.reg | 1) & 63)
        } else {
            [0; 2]
        };
        let registers = vsr_bytes(regs.vsr(self.form.reg)).chain(vsr_bytes(second));
        for (to, from) in image.iter_mut().zip(registers) {
            *to = from;
        }
        image
    }

    /// Fills in the bytes that a store writes.
    fn fill<R: Regs + ?Sized>(&mut self, regs: &R) {
        let reg = self.form.reg;
        match self.form.transfer {
            Transfer::Nothing => {}
            // The plan may hold bytes of an instruction before this one.
            Transfer::Zeros => self.data.fill(0),
            Transfer::Gpr {
                bytes, reversed, ..
            } => {
                let value = regs.gpr(reg);
                if let Some(first) = self.data.first_chunk_mut() {
                    *first = match self.msr.contains(Msr::LE) != reversed {
                        true => value.to_le_bytes(),
                        false => (value << unused_bits(bytes)).to_be_bytes(),
                    };
                }
            }
            Transfer::Multiple | Transfer::String { .. } | Transfer::StringXer => {
                let mut n = reg;
                for word in self.data.chunks_mut(4) {
                    let low = (regs.gpr(n) as u32).to_be_bytes();
                    for (to, from) in word.iter_mut().zip(low) {
                        *to = from;
                    }
                    n = n.wrapping_add(1) & 31;
                }
            }
            Transfer::Single { .. } => {
                let [double, _] = regs.vsr(reg);
                self.fill_from(float::single(double).to_be_bytes());
            }
            // Only loads are signed: `stfiwx` and `stxsiwx` are stores of elements.
            Transfer::SignedWord { .. } => {
                let [doubleword, _] = regs.vsr(reg);
                self.fill_from((doubleword as u32).to_be_bytes());
            }
            Transfer::FprPair => {
                let mut image = [0; 16];
                let pair = [regs.vsr(reg), regs.vsr(reg | 1)];
                let bytes = pair.into_iter().flat_map(|[high, _]| high.to_be_bytes());
                for (to, from) in image.iter_mut().zip(bytes) {
                    *to = from;
                }
                self.fill_from(image);
            }
            Transfer::Elements { .. }
            | Transfer::VectorElement { .. }
            | Transfer::Length { .. } => {
                let image = self.vsr_image(regs);
                self.fill_from(image);
            }
        }
    }

    /// Writes a load's target registers.
    fn write_back<R: Regs + ?Sized>(&self, regs: &mut R) {
        let reg = self.form.reg;
        match self.form.transfer {
            Transfer::Nothing | Transfer::Zeros => {}
            Transfer::Gpr {
                bytes,
                algebraic,
                reversed,
            } => {
                let first = self.data.first_chunk().copied().unwrap_or_default();
                let unused = unused_bits(bytes);
                let value = match self.msr.contains(Msr::LE) != reversed {
                    true => u64::from_le_bytes(first) << unused >> unused,
                    false => u64::from_be_bytes(first) >> unused,
                };
                let value = match (algebraic, bytes) {
                    (true, 2) => i64::from(value as u16 as i16) as u64,
                    (true, 4) => signed_word(value),
                    _ => value,
                };
                regs.set_gpr(reg, value);
            }
            Transfer::Multiple | Transfer::String { .. } | Transfer::StringXer => {
                // A string's last register gets its bytes from the left.
                let mut n = reg;
                let used = self.data.iter().take(self.bytes());
                let mut left = self.bytes();
                let mut bytes = used.chain(core::iter::repeat(&0));
                while left > 0 {
                    regs.set_gpr(n, big_endian(bytes.by_ref().take(4)));
                    n = n.wrapping_add(1) & 31;
                    left = left.saturating_sub(4);
                }
            }
            Transfer::Single { rest } => {
                let word = u32::from_be_bytes(self.extract_into([0; 4]));
                self.set_doubleword0(regs, reg, float::double(word), rest);
            }
            Transfer::SignedWord { rest } => {
                let word = u32::from_be_bytes(self.extract_into([0; 4]));
                self.set_doubleword0(regs, reg, signed_word(u64::from(word)), rest);
            }
            Transfer::FprPair => {
                let image = self.extract_into([0; 16]);
                let first = big_endian(image.iter().take(8));
                let second = big_endian(image.iter().skip(8));
                self.set_doubleword0(regs, reg, first, Rest::Doubleword1);
                self.set_doubleword0(regs, reg | 1, second, Rest::Doubleword1);
            }
            Transfer::Elements { bytes, rest, .. } => {
                let mut image = self.extract_into([0; 32]);
                match rest {
                    Rest::Zero => {}
                    Rest::Doubleword1 => {
                        if bytes <= 8 {
                            let high = big_endian(image.iter().take(8));
                            self.set_doubleword0(regs, reg, high, rest);
                            return;
                        }
                    }
                    Rest::Splat => {
                        let element = image;
                        let period = usize::from(bytes).max(1);
                        let repeated = element.iter().take(period).cycle();
                        for (to, from) in image.iter_mut().zip(repeated) {
                            *to = *from;
                        }
                    }
                }
                Self::set_vsr(regs, reg, image.iter());
                if bytes > 16 {
                    Self::set_vsr(regs, (reg | 1) & 63, image.iter().skip(16));
                }
            }
            Transfer::VectorElement { .. } => {
                // The other elements are undefined; they keep their values.
                let image = self.extract_into(self.vsr_image(regs));
                Self::set_vsr(regs, reg, image.iter());
            }
            Transfer::Length { .. } => {
                let image = self.extract_into([0; 16]);
                Self::set_vsr(regs, reg, image.iter());
            }
        }
    }

    /// Sets a VSX register from its first 16 bytes.
    fn set_vsr<'a, R: Regs + ?Sized>(
        regs: &mut R,
        reg: u8,
        mut bytes: impl Iterator<Item = &'a u8>,
    ) {
        let high = big_endian(bytes.by_ref().take(8));
        let low = big_endian(bytes.take(8));
        regs.set_vsr(reg, [high, low]);
    }

    /// Sets doubleword 0 of a VSX register; doubleword 1 keeps its value or becomes zero, as `rest` says.
    fn set_doubleword0<R: Regs + ?Sized>(&self, regs: &mut R, reg: u8, value: u64, rest: Rest) {
        let low = match rest {
            Rest::Doubleword1 => {
                let [_, low] = regs.vsr(reg);
                low
            }
            _ => 0,
        };
        regs.set_vsr(reg, [value, low]);
    }
}

impl core::fmt::Debug for Plan {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plan")
            .field("form", &self.form)
            .field("ea", &self.ea)
            .field("bytes", &self.bytes)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
