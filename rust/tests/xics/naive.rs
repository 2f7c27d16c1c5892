// SPDX-License-Identifier: GPL-2.0

//! A naive controller, which keeps all that waits in one list and looks through it.

use super::{first_state, FIRST, SERVERS, SOURCES};
use kvm_ppc_pure::emulate::xics::{
    number::{IPI, MASKED},
    Irq, Server, SourceState,
};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Default)]
pub(super) struct NaiveSource {
    pub(super) server: Server,
    pub(super) priority: u8,
    pub(super) saved: u8,
    pub(super) level: bool,
    pub(super) presented: bool,
    pub(super) queued: bool,
    pub(super) kept: bool,
}

pub(super) struct NaiveIcp {
    pub(super) cppr: u8,
    pub(super) mfrr: u8,
    pub(super) current: Option<(u8, Irq)>,
}

/// The same in the plainest way.
pub(super) struct Naive {
    pub(super) sources: BTreeMap<Irq, NaiveSource>,
    pub(super) icps: Vec<NaiveIcp>,
    // In the order of arrival.
    pub(super) waiting: Vec<(Server, u8, Irq)>,
}

impl Naive {
    pub(super) fn new() -> Self {
        let sources = (0..SOURCES).map(|i| {
            let s = first_state(i);
            let source = NaiveSource {
                server: s.server,
                priority: s.priority,
                saved: s.priority,
                level: s.level_sensitive,
                ..NaiveSource::default()
            };
            (FIRST + i, source)
        });
        let icps = (0..SERVERS).map(|_| NaiveIcp {
            cppr: 0,
            mfrr: MASKED,
            current: None,
        });
        Self {
            sources: sources.collect(),
            icps: icps.collect(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn is_out(&self, irq: Irq) -> bool {
        let s = &self.sources[&irq];
        s.kept
            || self.waiting.iter().any(|w| w.2 == irq)
            || self
                .icps
                .iter()
                .any(|icp| icp.current.is_some_and(|c| c.1 == irq))
    }

    pub(super) fn send(&mut self, irq: Irq) {
        if self.is_out(irq) {
            return;
        }
        let s = self.sources.get_mut(&irq).expect("a source");
        if s.priority == MASKED || s.server >= SERVERS {
            s.kept = true;
            return;
        }
        self.waiting.push((s.server, s.priority, irq));
        let (server, priority) = (s.server, s.priority);
        // The last one that came takes a place only if it is more favoured than all that is there.
        if self.free(server, priority) {
            self.waiting.pop();
            let before = self.icps[server as usize].current.replace((priority, irq));
            if let Some((_, irq)) = before.filter(|b| b.1 != IPI) {
                self.send(irq);
            }
        }
    }

    pub(super) fn free(&self, server: Server, priority: u8) -> bool {
        let icp = &self.icps[server as usize];
        priority < icp.cppr && priority < icp.mfrr && icp.current.is_none_or(|c| priority < c.0)
    }

    pub(super) fn resend(&mut self, server: Server) {
        // min_by_key gives the first of several.
        let best = self
            .waiting
            .iter()
            .filter(|w| w.0 == server)
            .min_by_key(|w| w.1)
            .copied();
        if let Some((_, priority, irq)) = best {
            if self.free(server, priority) {
                self.waiting.retain(|w| w.2 != irq);
                self.send(irq);
            }
        }
    }

    pub(super) fn check_ipi(&mut self, server: Server) -> Option<Irq> {
        let icp = &mut self.icps[server as usize];
        if icp.mfrr < icp.cppr && icp.current.is_none_or(|c| icp.mfrr <= c.0) {
            let before = icp.current.replace((icp.mfrr, IPI));
            return before.map(|b| b.1).filter(|irq| *irq != IPI);
        }
        None
    }

    pub(super) fn line(&mut self, irq: Irq, on: bool) {
        let s = self.sources.get_mut(&irq).expect("a source");
        let send = match s.level {
            true => {
                let rises = on && !s.presented;
                s.presented = on;
                rises
            }
            false if !on => false,
            false if s.presented => {
                s.queued = true;
                false
            }
            false => {
                s.presented = true;
                true
            }
        };
        if send {
            self.send(irq);
        }
    }

    pub(super) fn redirect(&mut self, irq: Irq, server: Server, priority: u8, saved: u8) {
        let waited = self.waiting.iter().any(|w| w.2 == irq);
        self.waiting.retain(|w| w.2 != irq);
        let s = self.sources.get_mut(&irq).expect("a source");
        (s.server, s.priority, s.saved) = (server, priority, saved);
        if waited || (s.kept && priority != MASKED) {
            s.kept = false;
            self.send(irq);
        }
    }

    pub(super) fn cppr(&mut self, server: Server, cppr: u8) {
        let icp = &mut self.icps[server as usize];
        let lower = cppr > icp.cppr;
        icp.cppr = cppr;
        let rejected = icp.current.take_if(|c| c.0 >= cppr).map(|c| c.1);
        let replaced = self.check_ipi(server);
        if lower {
            self.resend(server);
        }
        if let Some(irq) = rejected.filter(|irq| *irq != IPI).or(replaced) {
            self.send(irq);
        }
    }

    pub(super) fn mfrr(&mut self, server: Server, mfrr: u8) {
        let icp = &mut self.icps[server as usize];
        let lower = mfrr > icp.mfrr;
        icp.mfrr = mfrr;
        let replaced = self.check_ipi(server);
        if lower {
            self.resend(server);
        }
        if let Some(irq) = replaced {
            self.send(irq);
        }
    }

    pub(super) fn accept(&mut self, server: Server) -> u32 {
        let icp = &mut self.icps[server as usize];
        let old = u32::from(icp.cppr) << 24;
        match icp.current.take() {
            Some((priority, irq)) => {
                icp.cppr = priority;
                old | irq
            }
            None => old,
        }
    }

    pub(super) fn eoi(&mut self, server: Server, xirr: u32) -> bool {
        self.cppr(server, (xirr >> 24) as u8);
        let irq = xirr & 0xff_ffff;
        if irq == IPI {
            return true;
        }
        let Some(s) = self.sources.get_mut(&irq) else {
            return false;
        };
        if !s.level {
            s.presented = std::mem::take(&mut s.queued);
        }
        if s.presented {
            self.send(irq);
        }
        true
    }

    pub(super) fn icp_state(&self, server: Server) -> u64 {
        let icp = &self.icps[server as usize];
        let (priority, irq) = icp.current.unwrap_or((MASKED, 0));
        u64::from(icp.cppr) << 56
            | u64::from(irq) << 32
            | u64::from(icp.mfrr) << 24
            | u64::from(priority) << 16
    }

    pub(super) fn source_state(&self, irq: Irq) -> SourceState {
        let s = &self.sources[&irq];
        let masked = s.priority == MASKED;
        SourceState {
            server: s.server,
            priority: if masked { s.saved } else { s.priority },
            level_sensitive: s.level,
            masked,
            pending: match s.level {
                true => s.presented,
                false => s.kept || self.waiting.iter().any(|w| w.2 == irq),
            },
            presented: s.presented,
            queued: s.queued,
        }
    }
}
