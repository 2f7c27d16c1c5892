// SPDX-License-Identifier: GPL-2.0

//! Debug events of the instruction that the guest is at.

use super::vcpu::E44xVcpu;
use crate::{
    emulate::e44x::debug::DataEvent,
    vm::{run_loop::Next, run_page::RunPage},
};

impl E44xVcpu {
    /// The instruction was executed or emulated. An event that this causes is taken before the next instruction.
    pub(crate) fn completed(&mut self) {
        let step = core::mem::take(&mut self.step);
        self.stepped = self.state.stepped(step);
    }

    /// The guest is about to access data. If that causes an event that comes first, this says where the guest goes on.
    pub(crate) fn data_access(
        &mut self,
        run: &RunPage,
        ea: u32,
        len: usize,
        store: bool,
    ) -> Option<Next> {
        match self.state.data_event(ea, len, store) {
            DataEvent::None => None,
            DataEvent::Interrupt => Some(Next::Guest),
            DataEvent::Userspace(found) => {
                run.set_debug(found.ea.into(), found.status);
                Some(Next::Userspace)
            }
        }
    }
}
