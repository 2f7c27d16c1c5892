// SPDX-License-Identifier: GPL-2.0

//! An interrupt source.

use super::{
    number::{Server, MASKED},
    queue::Link,
};

/// A source: where its interrupt goes, and how far it has come.
#[derive(Clone, Copy)]
pub struct Source {
    pub(super) server: Server,
    pub(super) priority: u8,
    // What it was before it was masked.
    pub(super) saved_priority: u8,
    // Its line counts as long as it is on; else each message does.
    level_sensitive: bool,
    // It was sent and has not ended; of a line, it is on.
    presented: bool,
    // A message came after the one that has not ended.
    queued: bool,
    pub(super) place: Place,
}

/// Where its interrupt is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// There is none, or it has been accepted.
    Nowhere,
    /// It is kept back, since the source is masked or its server is not there.
    Kept,
    /// It waits for its server to take it.
    Queued(Link),
    /// This server's ICP presents it, which need not be the one that the source goes to now.
    Presented(Server),
}

/// A source as `KVM_DEV_XICS_GRP_SOURCES` tells it, by the bits of a `u64` (api: Documentation/virt/kvm/devices/xics.rst).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SourceState {
    /// Bits 0 to 31: the server.
    pub server: Server,
    /// Bits 32 to 39: the priority, also while it is masked.
    pub priority: u8,
    /// Bit 40.
    pub level_sensitive: bool,
    /// Bit 41.
    pub masked: bool,
    /// Bit 42: it is to be sent. For a level-sensitive one, its line is on.
    pub pending: bool,
    /// Bit 43: it was sent and has not ended.
    pub presented: bool,
    /// Bit 44: another message came meanwhile.
    pub queued: bool,
}

impl SourceState {
    /// From the API's form, of which other bits are ignored.
    pub const fn from_raw(raw: u64) -> Self {
        Self {
            server: raw as u32,
            priority: (raw >> 32) as u8,
            level_sensitive: raw & 1 << 40 != 0,
            masked: raw & 1 << 41 != 0,
            pending: raw & 1 << 42 != 0,
            presented: raw & 1 << 43 != 0,
            queued: raw & 1 << 44 != 0,
        }
    }

    /// The API's form.
    pub const fn raw(self) -> u64 {
        self.server as u64
            | (self.priority as u64) << 32
            | (self.level_sensitive as u64) << 40
            | (self.masked as u64) << 41
            | (self.pending as u64) << 42
            | (self.presented as u64) << 43
            | (self.queued as u64) << 44
    }

    /// Does it go to a server, which then has to exist?
    pub const fn is_sent(self) -> bool {
        self.priority != MASKED
    }
}

impl Source {
    /// As `state` says; what is pending is yet to be sent ([`must_be_sent`](Self::must_be_sent)).
    pub fn new(state: SourceState) -> Self {
        let masked = state.masked || state.priority == MASKED;
        Self {
            server: state.server,
            priority: if masked { MASKED } else { state.priority },
            saved_priority: state.priority,
            level_sensitive: state.level_sensitive,
            // Older userspace does not know PRESENTED.
            presented: state.presented || state.pending,
            queued: state.queued,
            place: Place::Nowhere,
        }
    }

    /// What [`new`](Self::new) makes it again from.
    pub fn state(&self) -> SourceState {
        let masked = self.priority == MASKED;
        SourceState {
            server: self.server,
            priority: if masked {
                self.saved_priority
            } else {
                self.priority
            },
            level_sensitive: self.level_sensitive,
            masked,
            pending: match self.level_sensitive {
                true => self.presented,
                false => matches!(self.place, Place::Kept | Place::Queued(_)),
            },
            presented: self.presented,
            queued: self.queued,
        }
    }

    /// Is its interrupt on its way to a processor? Then it is not sent beside that.
    pub(super) fn is_on_its_way(&self) -> bool {
        !matches!(self.place, Place::Nowhere)
    }

    // Its device says so; is it to be sent?
    pub(super) fn line(&mut self, on: bool) -> bool {
        if self.level_sensitive {
            let rises = on && !self.presented;
            self.presented = on;
            return rises;
        }
        if on {
            self.queued = self.presented;
            self.presented = true;
        }
        on && !self.queued
    }

    // It has been handled; is it to be sent again?
    pub(super) fn end(&mut self) -> bool {
        if !self.level_sensitive {
            self.presented = core::mem::take(&mut self.queued);
        }
        self.presented
    }
}
