// SPDX-License-Identifier: GPL-2.0

//! The hypercalls of the interrupt controller (PAPR, "Interrupt Support").

use super::super::{
    papr::{Outcome, PaprBackend},
    Vcpu,
};
use crate::{
    emulate::{regs::Regs, xics::Unknown},
    host::time::timebase,
    isa::hcall::{HReturn, Hcall},
};

/// `H_RTAS` of the call whose structure is at `gpa`. Userspace cannot turn it off.
#[cold]
pub(crate) fn rtas<B: PaprBackend>(vcpu: &Vcpu<B>, gpa: u64) -> Outcome {
    vcpu.vm()
        .rtas(gpa)
        .map_or(Outcome::Userspace, Outcome::Return)
}

/// Handles `hcall`, for which [`Hcall::is_xics`], if the vCPU is connected to one.
pub(crate) fn handle<B: PaprBackend>(
    vcpu: &Vcpu<B>,
    regs: &mut impl Regs,
    hcall: Hcall,
) -> Outcome {
    match call(vcpu, hcall, regs.gpr(4), regs.gpr(5)) {
        None => Outcome::Userspace,
        Some(Err(Unknown)) => Outcome::Return(HReturn::H_PARAMETER),
        Some(Ok(results)) => {
            for (gpr, result) in (4..).zip(results) {
                if let Some(result) = result {
                    regs.set_gpr(gpr, result);
                }
            }
            Outcome::Return(HReturn::H_SUCCESS)
        }
    }
}

// The results go to GPRs 4 and 5. `None` if it is userspace's.
fn call<B: PaprBackend>(
    vcpu: &Vcpu<B>,
    hcall: Hcall,
    a: u64,
    b: u64,
) -> Option<Result<[Option<u64>; 2], Unknown>> {
    let server = vcpu.xics.server()?;
    let vm = vcpu.vm();
    let ended = (hcall == Hcall::H_EOI).then_some(a as u32 & 0xff_ffff);
    let resampled = ended.filter(|irq| vm.resamplers.has(*irq));
    let done = vm.with_xics(|xics| {
        Ok(match hcall {
            Hcall::H_XIRR => [Some(xics.accept(server)?.into()), None],
            Hcall::H_XIRR_X => [Some(xics.accept(server)?.into()), Some(timebase())],
            Hcall::H_CPPR => {
                xics.set_cppr(server, a as u8)?;
                [None; 2]
            }
            Hcall::H_EOI => {
                // Whoever has the line turns it on again if it is.
                if let Some(irq) = resampled {
                    xics.set_line(irq, false)?;
                }
                xics.eoi(server, a as u32)?;
                [None; 2]
            }
            Hcall::H_IPI => {
                xics.set_mfrr(u32::try_from(a).map_err(|_| Unknown)?, b as u8)?;
                [None; 2]
            }
            Hcall::H_IPOLL => {
                let (xirr, mfrr) = xics.poll(u32::try_from(a).map_err(|_| Unknown)?)?;
                [Some(xirr.into()), Some(mfrr.into())]
            }
            // Not one of the controller's.
            _ => return Err(Unknown),
        })
    })?;
    if let (Some(irq), Ok(_)) = (resampled, &done) {
        vm.resamplers.signal(irq);
    }
    Some(done)
}
