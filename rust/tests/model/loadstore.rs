// SPDX-License-Identifier: GPL-2.0

//! Loads and stores as the ISA's register transfer language has them, one by one and byte by byte.

use super::instructions::{displacement, Format, Operands, INSTRUCTIONS};
use std::collections::BTreeMap;

/// A processor with memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cpu {
    pub gpr: [u64; 32],
    /// Each VSR as the number that its 128 bits make.
    pub vsr: [u128; 64],
    pub xer: u64,
    pub sixty_four: bool,
    pub little: bool,
    pub nip: u64,
    /// Bytes that were stored; all others are made from their address.
    pub stored: BTreeMap<u64, u8>,
}

/// What memory holds where nothing was stored.
pub fn original(address: u64) -> u8 {
    let mixed = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8 ^ (mixed >> 33) as u8
}

fn exts(value: u64, bits: u32) -> u64 {
    let shift = 64 - bits;
    ((value << shift) as i64 >> shift) as u64
}

/// The double that a single's 32 bits denote.
pub fn to_double(single: u32) -> u64 {
    let value = f32::from_bits(single);
    if value.is_nan() {
        // Without the quieting that a conversion does.
        return u64::from(single >> 31) << 63 | 0x7ff << 52 | u64::from(single & 0x7f_ffff) << 29;
    }
    f64::from(value).to_bits()
}

/// SINGLE(FRS) as Book I spells it out.
pub fn to_single(frs: u64) -> u32 {
    let bits = |first: u32, last: u32| frs << first >> (63 - last + first);
    if bits(1, 11) > 896 || bits(1, 63) == 0 {
        return (bits(0, 1) << 30 | bits(5, 34)) as u32;
    }
    if (874..=896).contains(&bits(1, 11)) {
        let sign = bits(0, 0);
        let mut exp = bits(1, 11) as i64 - 1023;
        // frac(0:52), bit 0 first.
        let mut frac = 1u64 << 52 | bits(12, 63);
        while exp < -126 {
            frac >>= 1;
            exp += 1;
        }
        return (sign << 31 | frac << 12 >> 41) as u32;
    }
    // Undefined: what was chosen.
    (bits(0, 0) << 31) as u32
}

impl Cpu {
    fn byte(&self, address: u64) -> u8 {
        self.stored
            .get(&address)
            .copied()
            .unwrap_or_else(|| original(address))
    }

    fn wrap(&self, address: u64) -> u64 {
        if self.sixty_four {
            address
        } else {
            address & 0xffff_ffff
        }
    }

    /// MEM(ea, bytes): the number that the bytes make in the current byte order.
    fn mem(&self, ea: u64, bytes: u64) -> u128 {
        let mut value = 0;
        for i in 0..bytes {
            let at = if self.little { bytes - 1 - i } else { i };
            value = value << 8 | u128::from(self.byte(self.wrap(ea.wrapping_add(at))));
        }
        value
    }

    /// MEM(ea, bytes) <- value.
    fn set_mem(&mut self, ea: u64, bytes: u64, value: u128) {
        for i in 0..bytes {
            let at = if self.little { i } else { bytes - 1 - i };
            let address = self.wrap(ea.wrapping_add(at));
            self.stored.insert(address, (value >> (8 * i)) as u8);
        }
    }

    fn mem64(&self, ea: u64, bytes: u64) -> u64 {
        self.mem(ea, bytes) as u64
    }

    /// Doubleword 0 of a VSR; doubleword 1 stays.
    fn set_fpr(&mut self, n: usize, value: u64) {
        self.vsr[n] = u128::from(value) << 64 | self.vsr[n] & u128::from(u64::MAX);
    }

    fn fpr(&self, n: usize) -> u64 {
        (self.vsr[n] >> 64) as u64
    }

    /// Bytes `at` to `at + n - 1` of a VSR, counted from the left.
    fn set_vsr_bytes(&mut self, vsr: usize, at: u64, n: u64, value: u128) {
        for i in 0..n {
            let shift = 8 * (15 - (at + n - 1 - i));
            self.vsr[vsr] &= !(0xff << shift);
            self.vsr[vsr] |= (value >> (8 * i) & 0xff) << shift;
        }
    }

    fn vsr_bytes(&self, vsr: usize, at: u64, n: u64) -> u128 {
        let mut value = 0;
        for i in at..at + n {
            value = value << 8 | self.vsr[vsr] >> (8 * (15 - i)) & 0xff;
        }
        value
    }

    /// Executes one instruction. `None` where the ISA calls for an alignment interrupt.
    pub fn execute(&mut self, instruction: usize, operands: Operands) -> Option<()> {
        let (name, format, ..) = INSTRUCTIONS[instruction];
        let Operands { rt, ra, rb, .. } = operands;
        let t = rt as usize;
        let rb_value = self.gpr[rb as usize];
        let base = if ra == 0 { 0 } else { self.gpr[ra as usize] };
        let prefixed = matches!(format, Format::Prefix | Format::Prefix8);
        let sum = match format {
            Format::D | Format::Ds | Format::Dq => {
                base.wrapping_add_signed(displacement(instruction, operands))
            }
            Format::Prefix | Format::Prefix8 => {
                let from = if operands.relative { self.nip } else { base };
                from.wrapping_add_signed(displacement(instruction, operands))
            }
            Format::Imm => base,
            _ if matches!(name, "lxvl" | "lxvll" | "stxvl" | "stxvll") => base,
            _ => base.wrapping_add(rb_value),
        };
        let ea = self.wrap(sum);

        // The forms of an instruction do the same but for the address.
        let name = if prefixed { &name[1..] } else { name };
        let update = ["u", "ux"].iter().any(|end| name.ends_with(end));
        let operation = match name {
            "lxvx" | "stxvx" | "lvx" | "stvx" | "lvebx" | "lvehx" | "lvewx" | "stvebx"
            | "stvehx" | "stvewx" | "lswx" | "stswx" => name,
            _ if update => name.trim_end_matches('x').trim_end_matches('u'),
            "lbzx" | "lhzx" | "lhax" | "lwzx" | "lwax" | "ldx" | "stbx" | "sthx" | "stwx"
            | "stdx" | "lfsx" | "lfdx" | "stfsx" | "stfdx" | "lfdpx" | "stfdpx" | "lxvpx"
            | "stxvpx" => name.trim_end_matches('x'),
            _ => name,
        };

        let reverse = |value: u64, bytes: u32| value.swap_bytes() >> (64 - 8 * bytes);
        match operation {
            "lbz" => self.gpr[t] = self.mem64(ea, 1),
            "lhz" => self.gpr[t] = self.mem64(ea, 2),
            "lwz" => self.gpr[t] = self.mem64(ea, 4),
            "ld" => self.gpr[t] = self.mem64(ea, 8),
            "lha" => self.gpr[t] = exts(self.mem64(ea, 2), 16),
            "lwa" => self.gpr[t] = exts(self.mem64(ea, 4), 32),
            "lhbrx" => self.gpr[t] = reverse(self.mem64(ea, 2), 2),
            "lwbrx" => self.gpr[t] = reverse(self.mem64(ea, 4), 4),
            "ldbrx" => self.gpr[t] = reverse(self.mem64(ea, 8), 8),
            "stb" => self.set_mem(ea, 1, self.gpr[t].into()),
            "sth" => self.set_mem(ea, 2, self.gpr[t].into()),
            "stw" => self.set_mem(ea, 4, self.gpr[t].into()),
            "std" => self.set_mem(ea, 8, self.gpr[t].into()),
            "sthbrx" => self.set_mem(ea, 2, reverse(self.gpr[t], 2).into()),
            "stwbrx" => self.set_mem(ea, 4, reverse(self.gpr[t], 4).into()),
            "stdbrx" => self.set_mem(ea, 8, reverse(self.gpr[t], 8).into()),
            "lmw" | "stmw" | "lswi" | "lswx" | "stswi" | "stswx" if self.little => return None,
            "lmw" => {
                for (i, r) in (t..32).enumerate() {
                    self.gpr[r] = self.mem64(ea.wrapping_add(4 * i as u64), 4);
                }
            }
            "stmw" => {
                for (i, r) in (t..32).enumerate() {
                    self.set_mem(ea.wrapping_add(4 * i as u64), 4, self.gpr[r].into());
                }
            }
            "lswi" | "lswx" | "stswi" | "stswx" => {
                let n = match operation {
                    "lswi" | "stswi" if rb == 0 => 32,
                    "lswi" | "stswi" => u64::from(rb),
                    _ => self.xer & 0x7f,
                };
                let mut r = (t + 31) % 32;
                let mut i = 32;
                for k in 0..n {
                    if i == 32 {
                        r = (r + 1) % 32;
                        if operation.starts_with('l') {
                            self.gpr[r] = 0;
                        }
                    }
                    let shift = 56 - i;
                    let address = ea.wrapping_add(k);
                    if operation.starts_with('l') {
                        self.gpr[r] |= self.mem64(address, 1) << shift;
                    } else {
                        self.set_mem(address, 1, (self.gpr[r] >> shift).into());
                    }
                    i += 8;
                    if i == 64 {
                        i = 32;
                    }
                }
            }
            "lfs" => self.set_fpr(t, to_double(self.mem(ea, 4) as u32)),
            "lfd" => self.set_fpr(t, self.mem64(ea, 8)),
            "lfiwax" => self.set_fpr(t, exts(self.mem64(ea, 4), 32)),
            "lfiwzx" => self.set_fpr(t, self.mem64(ea, 4)),
            "stfs" => self.set_mem(ea, 4, to_single(self.fpr(t)).into()),
            "stfd" => self.set_mem(ea, 8, self.fpr(t).into()),
            "stfiwx" => self.set_mem(ea, 4, self.fpr(t).into()),
            "lfdp" => {
                self.set_fpr(t, self.mem64(ea, 8));
                self.set_fpr(t + 1, self.mem64(ea.wrapping_add(8), 8));
            }
            "stfdp" => {
                self.set_mem(ea, 8, self.fpr(t).into());
                self.set_mem(ea.wrapping_add(8), 8, self.fpr(t + 1).into());
            }
            "lvx" | "lvxl" => self.vsr[32 + t] = self.mem(ea & !15, 16),
            "stvx" | "stvxl" => self.set_mem(ea & !15, 16, self.vsr[32 + t]),
            "lvebx" | "lvehx" | "lvewx" | "stvebx" | "stvehx" | "stvewx" => {
                let n = match operation.trim_start_matches("st").trim_start_matches('l') {
                    "vebx" => 1,
                    "vehx" => 2,
                    _ => 4,
                };
                let ea = ea & !(n - 1);
                let eb = ea & 15;
                let at = if self.little { 16 - n - eb } else { eb };
                if operation.starts_with('l') {
                    self.set_vsr_bytes(32 + t, at, n, self.mem(ea, n));
                } else {
                    self.set_mem(ea, n, self.vsr_bytes(32 + t, at, n));
                }
            }
            "lxsdx" => self.vsr[t] = self.mem(ea, 8) << 64,
            "lxsd" => self.vsr[32 + t] = self.mem(ea, 8) << 64,
            "lxssp" => self.vsr[32 + t] = u128::from(to_double(self.mem(ea, 4) as u32)) << 64,
            "lxsspx" => self.vsr[t] = u128::from(to_double(self.mem(ea, 4) as u32)) << 64,
            "lxsiwax" => self.vsr[t] = u128::from(exts(self.mem64(ea, 4), 32)) << 64,
            "lxsiwzx" => self.vsr[t] = self.mem(ea, 4) << 64,
            "lxsihzx" => self.vsr[t] = self.mem(ea, 2) << 64,
            "lxsibzx" => self.vsr[t] = self.mem(ea, 1) << 64,
            "stxsdx" => self.set_mem(ea, 8, self.vsr[t] >> 64),
            "stxsd" => self.set_mem(ea, 8, self.vsr[32 + t] >> 64),
            "stxssp" => self.set_mem(ea, 4, to_single(self.fpr(32 + t)).into()),
            "stxsspx" => self.set_mem(ea, 4, to_single(self.fpr(t)).into()),
            "stxsiwx" => self.set_mem(ea, 4, self.vsr[t] >> 64),
            "stxsihx" => self.set_mem(ea, 2, self.vsr[t] >> 64),
            "stxsibx" => self.set_mem(ea, 1, self.vsr[t] >> 64),
            "lxvd2x" | "lxvw4x" | "lxvh8x" | "lxvb16x" | "stxvd2x" | "stxvw4x" | "stxvh8x"
            | "stxvb16x" => {
                let n = match operation.trim_start_matches("st").trim_start_matches('l') {
                    "xvd2x" => 8,
                    "xvw4x" => 4,
                    "xvh8x" => 2,
                    _ => 1,
                };
                for at in (0..16).step_by(n as usize) {
                    let element = ea.wrapping_add(at);
                    if operation.starts_with('l') {
                        self.set_vsr_bytes(t, at, n, self.mem(element, n));
                    } else {
                        self.set_mem(element, n, self.vsr_bytes(t, at, n));
                    }
                }
            }
            "lxvdsx" => self.vsr[t] = self.mem(ea, 8) << 64 | self.mem(ea, 8),
            "lxvwsx" => {
                let word = self.mem(ea, 4);
                self.vsr[t] = word << 96 | word << 64 | word << 32 | word;
            }
            "lxv" | "lxvx" => self.vsr[t] = self.mem(ea, 16),
            "stxv" | "stxvx" => self.set_mem(ea, 16, self.vsr[t]),
            "lxvp" | "stxvp" => {
                // The pair is one number of 32 bytes.
                let (first, second) = if self.little { (t + 1, t) } else { (t, t + 1) };
                let next = ea.wrapping_add(16);
                if operation == "lxvp" {
                    self.vsr[first] = self.mem(ea, 16);
                    self.vsr[second] = self.mem(next, 16);
                } else {
                    self.set_mem(ea, 16, self.vsr[first]);
                    self.set_mem(next, 16, self.vsr[second]);
                }
            }
            "lxvl" | "lxvll" | "stxvl" | "stxvll" => {
                let nb = (rb_value >> 56).min(16);
                let right = self.little && !operation.ends_with("ll");
                if operation.starts_with('l') {
                    self.vsr[t] = 0;
                }
                for i in 0..nb {
                    let at = if right { 15 - i } else { i };
                    let address = ea.wrapping_add(i);
                    if operation.starts_with('l') {
                        self.set_vsr_bytes(t, at, 1, self.mem(address, 1));
                    } else {
                        self.set_mem(address, 1, self.vsr_bytes(t, at, 1));
                    }
                }
            }
            "lxvrbx" => self.vsr[t] = self.mem(ea, 1),
            "lxvrhx" => self.vsr[t] = self.mem(ea, 2),
            "lxvrwx" => self.vsr[t] = self.mem(ea, 4),
            "lxvrdx" => self.vsr[t] = self.mem(ea, 8),
            "stxvrbx" => self.set_mem(ea, 1, self.vsr[t]),
            "stxvrhx" => self.set_mem(ea, 2, self.vsr[t]),
            "stxvrwx" => self.set_mem(ea, 4, self.vsr[t]),
            "stxvrdx" => self.set_mem(ea, 8, self.vsr[t]),
            "dcbz" => {
                for i in 0..128 {
                    self.set_mem((ea & !127).wrapping_add(i), 1, 0);
                }
            }
            _ => panic!("no model of {operation}"),
        }
        if update {
            self.gpr[ra as usize] = sum;
        }
        let next = self.nip.wrapping_add(if prefixed { 8 } else { 4 });
        self.nip = self.wrap(next);
        Some(())
    }
}
