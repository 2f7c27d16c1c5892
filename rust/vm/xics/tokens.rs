// SPDX-License-Identifier: GPL-2.0

//! The tokens by which a guest calls the interrupt controller's RTAS services. Userspace, which gives the guest its RTAS,
//! says which they are.

use crate::{bindings, host::uapi};
use kernel::{ioctl::_IOW, new_mutex, prelude::*, sync::Mutex};

/// `KVM_PPC_RTAS_DEFINE_TOKEN`
pub(crate) const DEFINE_TOKEN: u32 = _IOW::<bindings::kvm_rtas_token_args>(bindings::KVMIO, 0xac);

/// How many tokens a VM can have.
const MAX_TOKENS: usize = 1024;

/// A call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    SetXive,
    GetXive,
    IntOn,
    IntOff,
}

impl Service {
    fn by_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ibm,set-xive" => Self::SetXive,
            b"ibm,get-xive" => Self::GetXive,
            b"ibm,int-on" => Self::IntOn,
            b"ibm,int-off" => Self::IntOff,
            _ => return None,
        })
    }

    /// How many arguments it has, and results.
    pub(super) const fn counts(self) -> (u32, u32) {
        match self {
            Self::SetXive => (3, 1),
            Self::GetXive => (1, 3),
            Self::IntOn | Self::IntOff => (1, 1),
        }
    }
}

/// A VM's tokens.
#[pin_data]
pub(crate) struct Tokens {
    #[pin]
    defined: Mutex<KVec<(u64, Service)>>,
}

impl Tokens {
    /// None.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            defined <- new_mutex!(KVec::new(), "kvm_ppc_rtas"),
        })
    }

    /// `KVM_PPC_RTAS_DEFINE_TOKEN` of userspace's `arg`. Token 0 takes a service's first token away. `EEXIST` if the token
    /// is in use, `ENOENT` for a service that is not here, `ENOSPC` after 1024.
    pub(crate) fn define(&self, arg: usize) -> Result {
        let args: bindings::kvm_rtas_token_args = uapi::read(arg)?;
        let mut name = [0; 120];
        let mut len = 0;
        for (to, from) in name.iter_mut().zip(args.name).take_while(|(_, c)| *c != 0) {
            *to = from;
            len += 1;
        }
        let service = Service::by_name(name.get(..len).unwrap_or(&[]));
        let mut defined = self.defined.lock();
        if args.token == 0 {
            if let Some(at) = defined.iter().position(|(_, s)| Some(*s) == service) {
                defined.remove(at).map_err(|_| EINVAL)?;
            }
            return Ok(());
        }
        if defined.iter().any(|(token, _)| *token == args.token) {
            return Err(EEXIST);
        }
        let service = service.ok_or(ENOENT)?;
        // Four calls have no use for more, and each call looks through them.
        if defined.len() >= MAX_TOKENS {
            return Err(ENOSPC);
        }
        defined.push((args.token, service), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Which call that is, if it is one of these.
    pub(super) fn find(&self, token: u32) -> Option<Service> {
        let defined = self.defined.lock();
        let found = defined.iter().find(|(t, _)| *t == token.into());
        found.map(|(_, service)| *service)
    }
}
