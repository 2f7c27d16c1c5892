// SPDX-License-Identifier: GPL-2.0

//! What the controller works on.

use super::{
    icp::Icp,
    number::{Irq, Server},
    source::Source,
};

/// Where sources and ICPs are kept, and how a processor is told.
pub trait Store {
    /// The source of that number; `None` if there is none.
    fn source(&mut self, irq: Irq) -> Option<&mut Source>;
    /// The server's ICP; `None` if there is none.
    fn icp(&mut self, server: Server) -> Option<&mut Icp>;
    /// Puts a source at that number in place of the one that may be there. What that takes is there already.
    fn put(&mut self, irq: Irq, source: Source);
    /// The external interrupt of the server's processor is on or off from now on.
    fn output(&mut self, server: Server, on: bool);
}
