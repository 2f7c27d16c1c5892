// SPDX-License-Identifier: GPL-2.0

//! The loads and stores that can be emulated: how an assembler encodes each with every operand 0, and where its
//! operands go.

/// Where an instruction's operands are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// RT, RA, 16-bit displacement.
    D,
    /// RT, RA, 14-bit displacement in fours.
    Ds,
    /// T, RA, 12-bit displacement in sixteens; the extra register bit is 28, for a pair 10.
    Dq,
    /// RT, RA, RB.
    X,
    /// T with its extra bit at 31, RA, RB.
    Xx,
    /// A pair T with its extra bit at 10, RA, RB.
    Xp,
    /// RT, RA, number of bytes.
    Imm,
    /// RA, RB.
    Block,
    /// RT, RA, 34-bit displacement: modified load/store.
    Prefix,
    /// The same: eight-byte load/store; VSX registers have their extra bit at 5, a pair at 10.
    Prefix8,
}

use Format::*;

/// Mnemonic, format, prefix (0: none), word.
pub const INSTRUCTIONS: &[(&str, Format, u32, u32)] = &[
    ("lbz", D, 0, 0x88000000),
    ("lbzu", D, 0, 0x8c000000),
    ("lhz", D, 0, 0xa0000000),
    ("lhzu", D, 0, 0xa4000000),
    ("lha", D, 0, 0xa8000000),
    ("lhau", D, 0, 0xac000000),
    ("lwz", D, 0, 0x80000000),
    ("lwzu", D, 0, 0x84000000),
    ("stb", D, 0, 0x98000000),
    ("stbu", D, 0, 0x9c000000),
    ("sth", D, 0, 0xb0000000),
    ("sthu", D, 0, 0xb4000000),
    ("stw", D, 0, 0x90000000),
    ("stwu", D, 0, 0x94000000),
    ("lmw", D, 0, 0xb8000000),
    ("stmw", D, 0, 0xbc000000),
    ("lfs", D, 0, 0xc0000000),
    ("lfsu", D, 0, 0xc4000000),
    ("lfd", D, 0, 0xc8000000),
    ("lfdu", D, 0, 0xcc000000),
    ("stfs", D, 0, 0xd0000000),
    ("stfsu", D, 0, 0xd4000000),
    ("stfd", D, 0, 0xd8000000),
    ("stfdu", D, 0, 0xdc000000),
    ("ld", Ds, 0, 0xe8000000),
    ("ldu", Ds, 0, 0xe8000001),
    ("lwa", Ds, 0, 0xe8000002),
    ("std", Ds, 0, 0xf8000000),
    ("stdu", Ds, 0, 0xf8000001),
    ("lfdp", Ds, 0, 0xe4000000),
    ("stfdp", Ds, 0, 0xf4000000),
    ("lxsd", Ds, 0, 0xe4000002),
    ("lxssp", Ds, 0, 0xe4000003),
    ("stxsd", Ds, 0, 0xf4000002),
    ("stxssp", Ds, 0, 0xf4000003),
    ("lxv", Dq, 0, 0xf4000001),
    ("stxv", Dq, 0, 0xf4000005),
    ("lxvp", Dq, 0, 0x18000000),
    ("stxvp", Dq, 0, 0x18000001),
    ("lbzx", X, 0, 0x7c0000ae),
    ("lbzux", X, 0, 0x7c0000ee),
    ("lhzx", X, 0, 0x7c00022e),
    ("lhzux", X, 0, 0x7c00026e),
    ("lhax", X, 0, 0x7c0002ae),
    ("lhaux", X, 0, 0x7c0002ee),
    ("lwzx", X, 0, 0x7c00002e),
    ("lwzux", X, 0, 0x7c00006e),
    ("lwax", X, 0, 0x7c0002aa),
    ("lwaux", X, 0, 0x7c0002ea),
    ("ldx", X, 0, 0x7c00002a),
    ("ldux", X, 0, 0x7c00006a),
    ("stbx", X, 0, 0x7c0001ae),
    ("stbux", X, 0, 0x7c0001ee),
    ("sthx", X, 0, 0x7c00032e),
    ("sthux", X, 0, 0x7c00036e),
    ("stwx", X, 0, 0x7c00012e),
    ("stwux", X, 0, 0x7c00016e),
    ("stdx", X, 0, 0x7c00012a),
    ("stdux", X, 0, 0x7c00016a),
    ("lhbrx", X, 0, 0x7c00062c),
    ("lwbrx", X, 0, 0x7c00042c),
    ("ldbrx", X, 0, 0x7c000428),
    ("sthbrx", X, 0, 0x7c00072c),
    ("stwbrx", X, 0, 0x7c00052c),
    ("stdbrx", X, 0, 0x7c000528),
    ("lswx", X, 0, 0x7c00042a),
    ("stswx", X, 0, 0x7c00052a),
    ("lfsx", X, 0, 0x7c00042e),
    ("lfsux", X, 0, 0x7c00046e),
    ("lfdx", X, 0, 0x7c0004ae),
    ("lfdux", X, 0, 0x7c0004ee),
    ("stfsx", X, 0, 0x7c00052e),
    ("stfsux", X, 0, 0x7c00056e),
    ("stfdx", X, 0, 0x7c0005ae),
    ("stfdux", X, 0, 0x7c0005ee),
    ("lfdpx", X, 0, 0x7c00062e),
    ("stfdpx", X, 0, 0x7c00072e),
    ("lfiwax", X, 0, 0x7c0006ae),
    ("lfiwzx", X, 0, 0x7c0006ee),
    ("stfiwx", X, 0, 0x7c0007ae),
    ("lvebx", X, 0, 0x7c00000e),
    ("lvehx", X, 0, 0x7c00004e),
    ("lvewx", X, 0, 0x7c00008e),
    ("lvx", X, 0, 0x7c0000ce),
    ("lvxl", X, 0, 0x7c0002ce),
    ("stvebx", X, 0, 0x7c00010e),
    ("stvehx", X, 0, 0x7c00014e),
    ("stvewx", X, 0, 0x7c00018e),
    ("stvx", X, 0, 0x7c0001ce),
    ("stvxl", X, 0, 0x7c0003ce),
    ("lxsdx", Xx, 0, 0x7c000498),
    ("lxsiwax", Xx, 0, 0x7c000098),
    ("lxsiwzx", Xx, 0, 0x7c000018),
    ("lxsspx", Xx, 0, 0x7c000418),
    ("lxsibzx", Xx, 0, 0x7c00061a),
    ("lxsihzx", Xx, 0, 0x7c00065a),
    ("lxvd2x", Xx, 0, 0x7c000698),
    ("lxvw4x", Xx, 0, 0x7c000618),
    ("lxvh8x", Xx, 0, 0x7c000658),
    ("lxvb16x", Xx, 0, 0x7c0006d8),
    ("lxvdsx", Xx, 0, 0x7c000298),
    ("lxvwsx", Xx, 0, 0x7c0002d8),
    ("lxvx", Xx, 0, 0x7c000218),
    ("lxvl", Xx, 0, 0x7c00021a),
    ("lxvll", Xx, 0, 0x7c00025a),
    ("lxvrbx", Xx, 0, 0x7c00001a),
    ("lxvrhx", Xx, 0, 0x7c00005a),
    ("lxvrwx", Xx, 0, 0x7c00009a),
    ("lxvrdx", Xx, 0, 0x7c0000da),
    ("stxsdx", Xx, 0, 0x7c000598),
    ("stxsiwx", Xx, 0, 0x7c000118),
    ("stxsspx", Xx, 0, 0x7c000518),
    ("stxsibx", Xx, 0, 0x7c00071a),
    ("stxsihx", Xx, 0, 0x7c00075a),
    ("stxvd2x", Xx, 0, 0x7c000798),
    ("stxvw4x", Xx, 0, 0x7c000718),
    ("stxvh8x", Xx, 0, 0x7c000758),
    ("stxvb16x", Xx, 0, 0x7c0007d8),
    ("stxvx", Xx, 0, 0x7c000318),
    ("stxvl", Xx, 0, 0x7c00031a),
    ("stxvll", Xx, 0, 0x7c00035a),
    ("stxvrbx", Xx, 0, 0x7c00011a),
    ("stxvrhx", Xx, 0, 0x7c00015a),
    ("stxvrwx", Xx, 0, 0x7c00019a),
    ("stxvrdx", Xx, 0, 0x7c0001da),
    ("lxvpx", Xp, 0, 0x7c00029a),
    ("stxvpx", Xp, 0, 0x7c00039a),
    ("lswi", Imm, 0, 0x7c0004aa),
    ("stswi", Imm, 0, 0x7c0005aa),
    ("dcbz", Block, 0, 0x7c0007ec),
    ("plbz", Prefix, 0x06000000, 0x88000000),
    ("plhz", Prefix, 0x06000000, 0xa0000000),
    ("plha", Prefix, 0x06000000, 0xa8000000),
    ("plwz", Prefix, 0x06000000, 0x80000000),
    ("pstb", Prefix, 0x06000000, 0x98000000),
    ("psth", Prefix, 0x06000000, 0xb0000000),
    ("pstw", Prefix, 0x06000000, 0x90000000),
    ("plfs", Prefix, 0x06000000, 0xc0000000),
    ("plfd", Prefix, 0x06000000, 0xc8000000),
    ("pstfs", Prefix, 0x06000000, 0xd0000000),
    ("pstfd", Prefix, 0x06000000, 0xd8000000),
    ("plwa", Prefix8, 0x04000000, 0xa4000000),
    ("pld", Prefix8, 0x04000000, 0xe4000000),
    ("pstd", Prefix8, 0x04000000, 0xf4000000),
    ("plxsd", Prefix8, 0x04000000, 0xa8000000),
    ("plxssp", Prefix8, 0x04000000, 0xac000000),
    ("pstxsd", Prefix8, 0x04000000, 0xb8000000),
    ("pstxssp", Prefix8, 0x04000000, 0xbc000000),
    ("plxv", Prefix8, 0x04000000, 0xc8000000),
    ("pstxv", Prefix8, 0x04000000, 0xd8000000),
    ("plxvp", Prefix8, 0x04000000, 0xe8000000),
    ("pstxvp", Prefix8, 0x04000000, 0xf8000000),
];

/// What an instruction is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    /// RT, RS or the like; 0 to 63 where the instruction has 64 registers to choose from (even for a pair).
    pub rt: u32,
    pub ra: u32,
    pub rb: u32,
    /// Displacement: the format takes what it has room for.
    pub displacement: i64,
    /// For prefixed instructions: relative to the instruction.
    pub relative: bool,
}

/// An instruction's prefix (0: none) and word.
pub fn encode(instruction: usize, operands: Operands) -> (u32, u32) {
    let (name, format, prefix, word) = INSTRUCTIONS[instruction];
    let Operands {
        rt,
        ra,
        rb,
        displacement,
        relative,
    } = operands;
    let t = (rt & 31) << 21;
    let high = rt >> 5 & 1;
    let pair = (rt & 30) << 21 | high << 21;
    let a = ra << 16;
    let b = rb << 11;
    let low16 = displacement as u32 & 0xffff;
    match format {
        D => (0, word | t | a | low16),
        Ds => (0, word | t | a | low16 & 0xfffc),
        Dq if name.ends_with('p') => (0, word | pair | a | low16 & 0xfff0),
        Dq => (0, word | t | high << 3 | a | low16 & 0xfff0),
        X | Imm => (0, word | t | a | b),
        Xx => (0, word | t | high | a | b),
        Xp => (0, word | pair | a | b),
        Block => (0, word | a | b),
        Prefix | Prefix8 => {
            let prefix =
                prefix | (displacement >> 16) as u32 & 0x3_ffff | u32::from(relative) << 20;
            let target = match name {
                "plxvp" | "pstxvp" => pair,
                "plxv" | "pstxv" => t | high << 26,
                _ => t,
            };
            (prefix, word | target | a | low16)
        }
    }
}

/// The displacement that an instruction really has.
pub fn displacement(instruction: usize, operands: Operands) -> i64 {
    let (_, format, ..) = INSTRUCTIONS[instruction];
    let d = operands.displacement;
    match format {
        D => i64::from(d as i16),
        Ds => i64::from(d as i16) & !3,
        Dq => i64::from(d as i16) & !15,
        X | Xx | Xp | Imm | Block => 0,
        Prefix | Prefix8 => d << 30 >> 30,
    }
}
