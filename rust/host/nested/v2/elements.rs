// SPDX-License-Identifier: GPL-2.0

//! Where a vCPU's registers are that the hypervisor keeps, and in what order they are numbered here.

use crate::{
    bindings,
    host::{
        field::Field,
        vsr::{from_vscr, set_vsr_of, vscr_of, vsr_of},
    },
    isa::gsb::{Id, Value},
};

/// How many registers there are. The first 32 are the GPRs.
pub(super) const COUNT: usize = VSRS + 64;
/// The first that has 32 bits.
const WORDS: usize = 0x54;
/// The first VSX register.
const VSRS: usize = WORDS + 15;

/// The number of the register that the element is; `None` if it is none that is kept here.
#[inline(always)]
pub(super) const fn number(id: Id) -> Option<usize> {
    let raw = id.raw() as usize;
    match raw {
        0x1000..=0x1053 => Some(raw - 0x1000),
        0x2000..=0x200e => Some(WORDS + raw - 0x2000),
        0x3000..=0x303f => Some(VSRS + raw - 0x3000),
        _ => None,
    }
}

/// The element of the register with this number.
#[inline(always)]
pub(super) const fn id(number: usize) -> Id {
    Id::from_raw(match number {
        0..WORDS => 0x1000 + number as u16,
        WORDS..VSRS => 0x2000 + (number - WORDS) as u16,
        _ => 0x3000 + (number - VSRS) as u16,
    })
}

/// The VSX register with this number.
pub(super) const fn vsr(number: usize) -> Option<u8> {
    match number.checked_sub(VSRS) {
        Some(n) => Some(n as u8),
        None => None,
    }
}

/// Is the register exchanged only if it has changed? The others are not the guest's, or are passed at each entry.
pub(super) const fn is_exchanged(number: usize) -> bool {
    !matches!(
        id(number),
        Id::HDEC_EXPIRY | Id::LPCR | Id::AMOR | Id::HDEXCR | Id::DPDES
    )
}

/// A vCPU's registers.
pub(crate) struct Registers<'a> {
    pub(crate) arch: &'a mut bindings::kvm_vcpu_arch,
    pub(crate) vcore: &'a mut bindings::kvmppc_vcore,
}

/// The parts of the registers, by the names that `plain!` has for them.
struct Parts<'a> {
    arch: &'a bindings::kvm_vcpu_arch,
    sh: &'a bindings::kvm_vcpu_arch_shared,
    pt: &'a PtRegs,
    vcore: &'a bindings::kvmppc_vcore,
}

type PtRegs = bindings::pt_regs__bindgen_ty_1__bindgen_ty_1;

/// Assigns to a field of a part of the registers.
macro_rules! assign {
    ($r:ident, $val:ident, arch, $($field:ident).+ $([$i:literal])?) => {
        $r.arch.$($field).+ $([$i])? = Field::of($val)
    };
    ($r:ident, $val:ident, sh, $($field:ident).+) => {
        $r.arch.shregs.$($field).+ = Field::of($val)
    };
    ($r:ident, $val:ident, vcore, $($field:ident).+) => {
        $r.vcore.$($field).+ = Field::of($val)
    };
    ($r:ident, $val:ident, pt, $($field:ident).+) => {
        $r.pt_mut().$($field).+ = Field::of($val)
    };
}

/// Registers whose value is that of a field, apart from GPRs.
macro_rules! plain {
    ($($id:ident => $part:ident.$($field:ident).+ $([$i:literal])?,)*) => {
        fn plain(parts: &Parts<'_>, id: Id) -> u64 {
            match id {
                $( Id::$id => Field::get(parts.$part.$($field).+ $([$i])?), )*
                _ => 0,
            }
        }

        fn set_plain(r: &mut Registers<'_>, id: Id, val: u64) {
            match id {
                $( Id::$id => assign!(r, val, $part, $($field).+ $([$i])?), )*
                _ => {}
            }
        }
    };
}

plain! {
    NIA => pt.nip, MSR => sh.msr, LR => pt.link, XER => pt.xer, CTR => pt.ctr, CR => pt.ccr,
    CFAR => arch.cfar, SRR0 => sh.srr0, SRR1 => sh.srr1, DAR => sh.dar, DSISR => sh.dsisr, VTB => vcore.vtb,
    HFSCR => arch.hfscr, FSCR => arch.fscr, FPSCR => arch.fp.fpscr, DAWR0 => arch.dawr0, DAWR1 => arch.dawr1,
    CIABR => arch.ciabr, PURR => arch.purr, SPURR => arch.spurr, IC => arch.ic, PPR => arch.ppr,
    MMCRA => arch.mmcra, BESCR => arch.bescr, EBBHR => arch.ebbhr, EBBRR => arch.ebbrr, AMR => arch.amr,
    IAMR => arch.iamr, UAMOR => arch.uamor, SDAR => arch.sdar, SIAR => arch.siar, DSCR => arch.dscr,
    TAR => arch.tar, DEXCR => arch.dexcr, HASHKEYR => arch.hashkeyr, HASHPKEYR => arch.hashpkeyr,
    CTRL => arch.ctrl, PIDR => arch.pid, VRSAVE => arch.vrsave, DAWRX0 => arch.dawrx0, DAWRX1 => arch.dawrx1,
    WORT => arch.wort, PSPB => arch.pspb, SPRG0 => sh.sprg0, SPRG1 => sh.sprg1, SPRG2 => sh.sprg2, SPRG3 => sh.sprg3,
    MMCR0 => arch.mmcr[0], MMCR1 => arch.mmcr[1], MMCR2 => arch.mmcr[2], MMCR3 => arch.mmcr[3],
    SIER => arch.sier[0], SIER2 => arch.sier[1], SIER3 => arch.sier[2], PMC1 => arch.pmc[0], PMC2 => arch.pmc[1],
    PMC3 => arch.pmc[2], PMC4 => arch.pmc[3], PMC5 => arch.pmc[4], PMC6 => arch.pmc[5],
}

impl Registers<'_> {
    /// GPRs, CR, LR, CTR, XER, NIA.
    #[inline(always)]
    fn pt(&self) -> &PtRegs {
        // SAFETY: Both sides of the union are the same plain integers.
        unsafe { &self.arch.regs.__bindgen_anon_1.__bindgen_anon_1 }
    }

    #[inline(always)]
    fn pt_mut(&mut self) -> &mut PtRegs {
        // SAFETY: As above.
        unsafe { &mut self.arch.regs.__bindgen_anon_1.__bindgen_anon_1 }
    }

    /// The value of the register with this number.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Value {
        if let Some(gpr) = self.pt().gpr.get(number) {
            return Value::Int(*gpr as u64);
        }
        let arch = &*self.arch;
        if let Some(n) = vsr(number) {
            return Value::Pair(vsr_of(&arch.fp, &arch.vr, n));
        }
        Value::Int(match id(number) {
            Id::VSCR => vscr_of(arch.vr.vscr).into(),
            // Of the partition's timebase, not the guest's.
            Id::DEC_EXPIRY => arch.dec_expires.wrapping_sub(self.vcore.tb_offset),
            other => {
                let parts = Parts {
                    arch,
                    sh: &arch.shregs,
                    pt: self.pt(),
                    vcore: self.vcore,
                };
                plain(&parts, other)
            }
        })
    }

    /// Sets it.
    #[inline]
    pub(super) fn set(&mut self, number: usize, value: Value) {
        let val = value.int();
        if let Some(gpr) = self.pt_mut().gpr.get_mut(number) {
            *gpr = val as usize;
            return;
        }
        let arch = &mut *self.arch;
        if let Some(n) = vsr(number) {
            set_vsr_of(&mut arch.fp, &mut arch.vr, n, value.pair());
            return;
        }
        match id(number) {
            Id::VSCR => arch.vr.vscr = from_vscr(val as u32),
            Id::DEC_EXPIRY => arch.dec_expires = val.wrapping_add(self.vcore.tb_offset),
            other => set_plain(self, other, val),
        }
    }
}
