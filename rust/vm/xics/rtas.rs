// SPDX-License-Identifier: GPL-2.0

//! The RTAS calls of the interrupt controller: PAPR, "Run-Time Abstraction Services".

use super::{
    super::{papr::PaprBackend, Vm},
    tokens::Service,
};
use crate::{emulate::xics::Unknown, isa::hcall::HReturn};

// RTAS's "parameter error".
const PARAMETER: u32 = -3i32 as u32;
// The most arguments and results that there is room for in the guest's structure.
const MAX: usize = 16;

impl<B: PaprBackend> Vm<B> {
    /// `H_RTAS`: the call whose structure is at `gpa`: token, number of arguments, of results, arguments, results, each
    /// a big-endian word. `None` if it is userspace's.
    pub(crate) fn rtas(&self, gpa: u64) -> Option<HReturn> {
        let mut head = [0; 4 * 3];
        self.read_guest(gpa, &mut head).ok()?;
        let [token, nargs, nret] = words(&head);
        let service = self.rtas.find(token)?;
        let (args, results) = service.counts();
        // More than fits cannot be answered.
        if nargs as usize + nret as usize > MAX || nret == 0 {
            return Some(HReturn::H_PARAMETER);
        }
        let answer = match (nargs, nret) == (args, results) {
            true => self.service(service, gpa).unwrap_or([PARAMETER, 0, 0]),
            false => [PARAMETER, 0, 0],
        };
        let at = gpa.checked_add(4 * (3 + u64::from(nargs)))?;
        let mut bytes = [0; 4 * 3];
        for (to, word) in bytes.chunks_exact_mut(4).zip(answer) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        // What the call does not have of results is left alone.
        let len = 4 * (nret.min(3) as usize);
        match self.write_guest(at, bytes.get(..len)?) {
            Ok(()) => Some(HReturn::H_SUCCESS),
            Err(_) => Some(HReturn::H_PARAMETER),
        }
    }

    // Its results, the status first. `None` if that is an error.
    fn service(&self, service: Service, gpa: u64) -> Option<[u32; 3]> {
        let mut args = [0; 4 * 3];
        let (n, _) = service.counts();
        let at = gpa.checked_add(4 * 3)?;
        self.read_guest(at, args.get_mut(..4 * n as usize)?).ok()?;
        let [irq, server, priority] = words(&args);
        let done: Result<[u32; 3], Unknown> = self.with_xics(|xics| {
            match service {
                Service::SetXive => {
                    xics.set_xive(irq, server, u8::try_from(priority).map_err(|_| Unknown)?)?;
                }
                Service::GetXive => {
                    let (server, priority) = xics.xive(irq)?;
                    return Ok([0, server, priority.into()]);
                }
                Service::IntOn => xics.int_on(irq)?,
                Service::IntOff => xics.int_off(irq)?,
            }
            Ok([0; 3])
        })?;
        done.ok()
    }
}

fn words(bytes: &[u8; 12]) -> [u32; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}
