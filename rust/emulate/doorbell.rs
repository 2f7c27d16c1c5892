// SPDX-License-Identifier: GPL-2.0

//! Directed privileged doorbells and thread numbers of an emulated core: decodes a guest's `msgsndp` and `msgclrp`, and
//! its reads of TIR and DPDES, which cause a hypervisor facility unavailable interrupt because `HFSCR[MSGP]` is 0.
//!
//! They are emulated because a guest's core is not a core of the host, and the hardware's doorbells reach the threads
//! of the host's core. Source: ISA Book III, "Processor Control" and "Thread Identification Register".

use super::regs::Regs;
use crate::isa::insn::Insn;
use crate::isa::spr::Spr;

/// The message type of a directed privileged doorbell, bits 32:36 of the message.
const DOORBELL_TYPE: u64 = 5;

/// What an instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doorbell {
    /// Send a doorbell to this thread of the guest's core (`msgsndp`).
    Send {
        /// The thread's number in the core (TIRTAG, 0 to 127); one that does not exist gets nothing.
        thread: u8,
    },
    /// Clear the thread's own pending doorbell (`msgclrp`).
    Clear,
    /// Nothing: the message has another type.
    Ignore,
    /// Read the thread's number in the core into this GPR (`mfspr` of TIR).
    ReadThread {
        /// The GPR.
        gpr: u8,
    },
    /// Read which threads of the core have a doorbell pending, thread 0 in the lowest bit, into this GPR (`mfspr` of
    /// DPDES).
    ReadPending {
        /// The GPR.
        gpr: u8,
    },
}

/// Decodes the instruction that caused a hypervisor facility unavailable interrupt for `Facility::Msgp`. `None` if it
/// is not one of these; it is an illegal instruction for the guest then.
///
/// The caller carries it out and advances the guest past the instruction (4 bytes).
pub fn decode<R: Regs + ?Sized>(insn: Insn, regs: &R) -> Option<Doorbell> {
    if insn.prefix().is_some() || insn.po() != 31 {
        return None;
    }
    match insn.xo() {
        142 => Some(match message(insn, regs) {
            Some(message) => Doorbell::Send {
                thread: (message & 0x7f) as u8,
            },
            None => Doorbell::Ignore,
        }),
        174 => Some(match message(insn, regs) {
            Some(_) => Doorbell::Clear,
            None => Doorbell::Ignore,
        }),
        339 => match insn.spr() {
            Spr::TIR => Some(Doorbell::ReadThread { gpr: insn.rt() }),
            Spr::DPDES => Some(Doorbell::ReadPending { gpr: insn.rt() }),
            _ => None,
        },
        _ => None,
    }
}

/// The message in RB, if it is a doorbell.
fn message<R: Regs + ?Sized>(insn: Insn, regs: &R) -> Option<u64> {
    let message = regs.gpr(insn.rb());
    ((message >> 27) & 0x1f == DOORBELL_TYPE).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulate::regs::RegisterFile;

    const MSGSNDP_R4: Insn = Insn::word(0x7c00_211c);
    const MSGCLRP_R4: Insn = Insn::word(0x7c00_215c);

    fn with_r4(message: u64) -> RegisterFile {
        let mut regs = RegisterFile::default();
        regs.set_gpr(4, message);
        regs
    }

    #[test]
    fn messages() {
        let doorbell = 5 << 27 | 3;
        assert_eq!(
            decode(MSGSNDP_R4, &with_r4(doorbell)),
            Some(Doorbell::Send { thread: 3 })
        );
        // The upper half and the bits between type and tag are ignored.
        assert_eq!(
            decode(MSGSNDP_R4, &with_r4(doorbell | 0xffff_ffff_07ff_ff80)),
            Some(Doorbell::Send { thread: 3 })
        );
        assert_eq!(
            decode(MSGCLRP_R4, &with_r4(doorbell)),
            Some(Doorbell::Clear)
        );
        for other in [0, 4 << 27, 7 << 27] {
            assert_eq!(decode(MSGSNDP_R4, &with_r4(other)), Some(Doorbell::Ignore));
            assert_eq!(decode(MSGCLRP_R4, &with_r4(other)), Some(Doorbell::Ignore));
        }
    }

    #[test]
    fn registers() {
        let regs = RegisterFile::default();
        // mfspr r7,446; mfspr r8,176; mfspr r8,177; mtspr 176,r8; lwz r1,0(0)
        let read = |word| decode(Insn::word(word), &regs);
        assert_eq!(read(0x7cfe_6aa6), Some(Doorbell::ReadThread { gpr: 7 }));
        assert_eq!(read(0x7d10_2aa6), Some(Doorbell::ReadPending { gpr: 8 }));
        assert_eq!(read(0x7d11_2aa6), None);
        assert_eq!(read(0x7d10_2ba6), None);
        assert_eq!(read(0x8020_0000), None);
    }
}
