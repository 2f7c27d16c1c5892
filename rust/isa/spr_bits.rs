// SPDX-License-Identifier: GPL-2.0

//! The special purpose registers of POWER8 (ISA 2.07), POWER9 (3.0) and POWER10 (3.1): whether the processor has a
//! register, how wide it is, which of its bits are reserved, and whether it is a view of another register.
//!
//! Who may read and write it is in [`spr`](super::spr). Registers whose bits the ISA leaves to the implementation
//! (MMCR1, MMCRA, SIER and the like) have no reserved bits here.

use super::{fscr::Fscr, pvr::Arch, spr::Spr};

/// The bits from `first` to `last`, by the ISA's numbers for 64 bits.
const fn bits(first: u32, last: u32) -> u64 {
    (u64::MAX >> first) & (u64::MAX << (63 - last))
}

/// A register of 32 bits, or one whose upper half is reserved.
const WORD: u64 = bits(32, 63);

/// How a number shows a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// The register itself.
    Whole,
    /// A second number of this register.
    Same(Spr),
    /// The lower 32 bits of this register, read-only.
    Lower(Spr),
    /// The upper 32 bits of this register.
    Upper(Spr),
    /// Some bits of this register: the others read as zeros, and a write does not change them.
    Part(Spr, u64),
    /// A read gives this register; a write sets the bits in it that are ones in the value.
    Set(Spr),
    /// A read gives this register; a write clears the bits in it that are ones in the value.
    Reset(Spr),
    /// As [`View::Set`], for the upper 32 bits of this register.
    SetUpper(Spr),
    /// As [`View::Reset`], for the upper 32 bits of this register.
    ResetUpper(Spr),
}

/// The first and the last level of the architecture that have the register.
const fn levels(spr: Spr) -> (Arch, Arch) {
    match spr {
        // Registers of coprocessors and caches, and the second performance monitor of POWER8.
        Spr::ACOP
        | Spr::TACR
        | Spr::TCSCR
        | Spr::CSIGR
        | Spr::SPMC1
        | Spr::SPMC2
        | Spr::MMCRS
        | Spr::WORC
        | Spr::WORT => (Arch::V207, Arch::V207),
        Spr::TIDR => (Arch::V300, Arch::V300),
        Spr::PSSCR_PRIVILEGED => (Arch::V300, Arch::V32),
        // Transactional memory.
        Spr::TFHAR | Spr::TFIAR | Spr::TEXASR | Spr::TEXASRU => (Arch::V207, Arch::V300),
        Spr::HASHKEYR
        | Spr::DEXCR
        | Spr::UDEXCR
        | Spr::UHDEXCR
        | Spr::MMCR3
        | Spr::UMMCR3
        | Spr::SIER2
        | Spr::USIER2
        | Spr::SIER3
        | Spr::USIER3 => (Arch::V31, Arch::V32),
        _ => (Arch::V207, Arch::V32),
    }
}

/// Whether a processor of this level has the register. Registers with a name that `levels` does not list exist at every
/// level.
pub const fn exists(spr: Spr, arch: Arch) -> bool {
    let (first, last) = levels(spr);
    first as u8 <= arch as u8 && arch as u8 <= last as u8
}

/// What the number shows.
pub const fn view(spr: Spr) -> View {
    match spr {
        Spr::UDSCR => View::Same(Spr::DSCR),
        Spr::UAMR => View::Same(Spr::AMR),
        Spr::UCTRL => View::Same(Spr::CTRL),
        Spr::USPRG3 => View::Same(Spr::SPRG3),
        Spr::TEXASRU => View::Upper(Spr::TEXASR),
        Spr::PPR32 => View::Upper(Spr::PPR),
        Spr::UDEXCR => View::Lower(Spr::DEXCR),
        Spr::UHDEXCR => View::Lower(Spr::HDEXCR),
        Spr::USIER => View::Same(Spr::SIER),
        Spr::USIER2 => View::Same(Spr::SIER2),
        Spr::USIER3 => View::Same(Spr::SIER3),
        Spr::UMMCR0 => View::Part(Spr::MMCR0, UMMCR0),
        Spr::UMMCR1 => View::Same(Spr::MMCR1),
        Spr::UMMCR2 => View::Part(Spr::MMCR2, UMMCR2),
        Spr::UMMCR3 => View::Same(Spr::MMCR3),
        Spr::UMMCRA => View::Same(Spr::MMCRA),
        Spr::UPMC1 => View::Same(Spr::PMC1),
        Spr::UPMC2 => View::Same(Spr::PMC2),
        Spr::UPMC3 => View::Same(Spr::PMC3),
        Spr::UPMC4 => View::Same(Spr::PMC4),
        Spr::UPMC5 => View::Same(Spr::PMC5),
        Spr::UPMC6 => View::Same(Spr::PMC6),
        Spr::USIAR => View::Same(Spr::SIAR),
        Spr::USDAR => View::Same(Spr::SDAR),
        Spr::BESCRS => View::Set(Spr::BESCR),
        Spr::BESCRSU => View::SetUpper(Spr::BESCR),
        Spr::BESCRR => View::Reset(Spr::BESCR),
        Spr::BESCRRU => View::ResetUpper(Spr::BESCR),
        _ => View::Whole,
    }
}

/// The bits of MMCR0 that its number for problem state gives access to: FC, PMAE and PMAO (ISA 2.07 Book III-S, 9.4.4).
const UMMCR0: u64 = bits(32, 32) | bits(37, 37) | bits(56, 56);

/// The bits of MMCR2 that its number for problem state gives access to: of each counter's nine bits, the one that
/// freezes it in problem state.
const UMMCR2: u64 =
    bits(1, 1) | bits(10, 10) | bits(19, 19) | bits(28, 28) | bits(37, 37) | bits(46, 46);

/// The bits of a register that are not reserved on a processor of this level.
pub const fn defined(spr: Spr, arch: Arch) -> u64 {
    match spr {
        Spr::DSCR => bits(39, 63),
        // RUN. The run latches of the core's threads are in CTRL too, but are read-only.
        Spr::CTRL => bits(63, 63),
        Spr::FSCR => {
            let base = Fscr::EMPTY
                .with_cause(0xff)
                .with(Fscr::TAR)
                .with(Fscr::EBB)
                .with(Fscr::DSCR);
            let scv = base.set(Fscr::SCV, arch as u8 >= Arch::V300 as u8);
            scv.set(Fscr::PREFIX, arch as u8 >= Arch::V31 as u8).raw()
        }
        Spr::DSISR
        | Spr::DEC
        | Spr::PIDR
        | Spr::PSPB
        | Spr::VRSAVE
        | Spr::CIR
        | Spr::PVR
        | Spr::PIR
        | Spr::MMCR0
        | Spr::PMC1
        | Spr::PMC2
        | Spr::PMC3
        | Spr::PMC4
        | Spr::PMC5
        | Spr::PMC6 => WORD,
        // GE, the enable bits and TS, and the bits that say what has occurred.
        Spr::BESCR => bits(0, 0) | bits(29, 33) | bits(61, 63),
        Spr::EBBHR | Spr::EBBRR => bits(0, 61),
        // The power saving level that was reached, and the levels that are asked for.
        Spr::PSSCR_PRIVILEGED => bits(0, 3) | bits(54, 63),
        _ => u64::MAX,
    }
}

/// The value that `mfspr` reads from `spr`; `get` gives what a register holds.
pub fn read(spr: Spr, arch: Arch, get: impl Fn(Spr) -> u64) -> u64 {
    let of = |spr| get(spr) & defined(spr, arch);
    match view(spr) {
        View::Whole => of(spr),
        View::Same(of_spr) | View::Set(of_spr) | View::Reset(of_spr) => of(of_spr),
        View::Lower(of_spr) => of(of_spr) & WORD,
        View::Upper(of_spr) | View::SetUpper(of_spr) | View::ResetUpper(of_spr) => of(of_spr) >> 32,
        View::Part(of_spr, part) => of(of_spr) & part,
    }
}

/// The register that `mtspr` of `val` changes, and its new value; `get` gives what a register holds now.
pub fn written(spr: Spr, arch: Arch, val: u64, get: impl Fn(Spr) -> u64) -> (Spr, u64) {
    let (to, new) = match view(spr) {
        View::Whole => (spr, val),
        View::Same(to) => (to, val),
        View::Lower(to) => (to, get(to)),
        View::Upper(to) => (to, val << 32 | get(to) & WORD),
        View::Part(to, part) => (to, get(to) & !part | val & part),
        View::Set(to) => (to, get(to) | val),
        View::Reset(to) => (to, get(to) & !val),
        View::SetUpper(to) => (to, get(to) | val << 32),
        View::ResetUpper(to) => (to, get(to) & !(val << 32)),
    };
    (to, new & defined(to, arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_of_a_register_that_is_none() {
        for spr in Spr::ALL {
            let of = match view(*spr) {
                View::Whole => continue,
                View::Same(of) | View::Lower(of) | View::Upper(of) | View::Part(of, _) => of,
                View::Set(of) | View::Reset(of) | View::SetUpper(of) | View::ResetUpper(of) => of,
            };
            assert_eq!(view(of), View::Whole, "{spr:?}");
            assert_eq!(levels(*spr).1, levels(of).1, "{spr:?}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_left() {
        assert_eq!(bits(0, 0), 1 << 63);
        assert_eq!(bits(63, 63), 1);
        assert_eq!(bits(32, 63), 0xffff_ffff);
        assert_eq!(bits(0, 63), u64::MAX);
    }
}
