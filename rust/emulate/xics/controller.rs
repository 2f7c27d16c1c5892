// SPDX-License-Identifier: GPL-2.0

//! The controller's operations.

use super::{
    icp::Icp,
    number::{Irq, Server, IPI, MASKED},
    ring,
    source::{Place, Source, SourceState},
    store::Store,
};

/// What a call answers that names a source or server which is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unknown;

/// The controller over its [`Store`].
pub struct Controller<'a, S: Store + ?Sized>(pub &'a mut S);

impl<S: Store + ?Sized> Controller<'_, S> {
    // Sends `irq` to where it goes now, unless it is on its way already.
    fn send(&mut self, irq: Irq) {
        let mut next = Some(irq);
        // One that another takes the place of may have been given another server or priority since; then it is sent
        // to that. It cannot come back here for ever: each step leaves an ICP with a more favoured interrupt.
        while let Some(irq) = next {
            next = self.send_once(irq);
        }
    }

    // Returns the one whose place it takes.
    fn send_once(&mut self, irq: Irq) -> Option<Irq> {
        let source = self.0.source(irq)?;
        if source.is_on_its_way() {
            return None;
        }
        let (server, priority) = (source.server, source.priority);
        source.place = Place::Kept;
        if priority == MASKED {
            return None;
        }
        // Without such a server it is sent once it is given one that is there.
        let icp = self.0.icp(server)?;
        if !icp.accepts(priority) {
            ring::push(self.0, irq, server, priority);
            return None;
        }
        let replaced = icp.present(irq, priority);
        self.place(irq, Place::Presented(server));
        self.0.output(server, true);
        self.taken_back(replaced)
    }

    fn place(&mut self, irq: Irq, place: Place) {
        if let Some(source) = self.0.source(irq) {
            source.place = place;
        }
    }

    // An ICP does not present `irq` any more, which is not accepted: it is to be sent again.
    fn taken_back(&mut self, irq: Option<Irq>) -> Option<Irq> {
        self.place(irq?, Place::Nowhere);
        irq
    }

    fn send_again(&mut self, irq: Option<Irq>) {
        if let Some(irq) = self.taken_back(irq) {
            self.send(irq);
        }
    }

    // Something that kept interrupts waiting at `server` is gone: presents the most favoured one.
    fn resend(&mut self, server: Server) {
        let Some(icp) = self.0.icp(server) else {
            return;
        };
        if let Some((priority, irq)) = icp.queue.first() {
            if icp.accepts(priority) {
                ring::remove(self.0, irq);
                self.send(irq);
            }
        }
    }

    // The ICP's external interrupt is what its state says.
    fn update(&mut self, server: Server) {
        if let Some(icp) = self.0.icp(server) {
            let on = icp.presents();
            self.0.output(server, on);
        }
    }

    // The ICP's CPPR or MFRR is another: `less_favoured`, or so that `rejected` is not presented any more.
    fn changed(&mut self, server: Server, less_favoured: bool, rejected: Option<Irq>) {
        if less_favoured {
            self.resend(server);
        }
        self.update(server);
        self.send_again(rejected);
    }

    /// A device's interrupt: for a level-sensitive source whether its line is on, else that it has fired (`on` being
    /// false says nothing then). A message that comes while the one before it is not ended is sent once more then.
    pub fn set_line(&mut self, irq: Irq, on: bool) -> Result<(), Unknown> {
        if self.0.source(irq).ok_or(Unknown)?.line(on) {
            self.send(irq);
        }
        Ok(())
    }

    /// A new source, or another state of one, which is sent if it is pending.
    pub fn set_source(&mut self, irq: Irq, state: SourceState) {
        ring::remove(self.0, irq);
        // An ICP's state may come before its sources'.
        let place = self.0.source(irq).map(|s| s.place);
        self.0.put(irq, Source::new(state));
        if let Some(presented @ Place::Presented(_)) = place {
            self.place(irq, presented);
        } else if state.pending {
            self.send(irq);
        }
    }

    /// Sets an ICP's state, which has to be a possible one ([`Icp::is_possible`]) and its source to be there. What it
    /// presented before is forgotten: who sets this sets the sources as well.
    pub fn set_icp(&mut self, server: Server, state: u64) -> Result<(), Unknown> {
        let presented = Icp::presented(state);
        if presented != 0 && presented != IPI {
            self.0.source(presented).ok_or(Unknown)?;
        }
        let icp = self.0.icp(server).ok_or(Unknown)?;
        let before = Icp::presented(icp.state());
        icp.restore(state);
        self.place(before, Place::Nowhere);
        // Of a level-sensitive one, its own state tells that it is pending, too. If that came first, it has been sent:
        // to this server or, if it was given another after it had been presented, to that.
        ring::remove(self.0, presented);
        self.withdraw(presented);
        self.place(presented, Place::Presented(server));
        // Nothing that waits is more favoured than what this ICP was saved with. It only seems so as long as another's
        // state is not restored, which takes it from here.
        if presented == 0 {
            self.resend(server);
        }
        self.update(server);
        Ok(())
    }

    // Whichever ICP presents `irq` does not any more.
    fn withdraw(&mut self, irq: Irq) {
        let Some(Place::Presented(server)) = self.0.source(irq).map(|s| s.place) else {
            return;
        };
        self.place(irq, Place::Nowhere);
        if let Some(icp) = self.0.icp(server) {
            icp.clear();
        }
        self.resend(server);
        self.update(server);
    }

    /// `ibm,set-xive`: server and priority of a source, which is sent again if it was kept from being so.
    pub fn set_xive(&mut self, irq: Irq, server: Server, priority: u8) -> Result<(), Unknown> {
        self.0.source(irq).ok_or(Unknown)?;
        self.0.icp(server).ok_or(Unknown)?;
        self.redirect(irq, server, priority, priority)
    }

    /// `ibm,get-xive`: server and priority of a source.
    pub fn xive(&mut self, irq: Irq) -> Result<(Server, u8), Unknown> {
        let source = self.0.source(irq).ok_or(Unknown)?;
        Ok((source.server, source.priority))
    }

    /// `ibm,int-on`: the priority is what it was before [`int_off`](Self::int_off).
    pub fn int_on(&mut self, irq: Irq) -> Result<(), Unknown> {
        let source = self.0.source(irq).ok_or(Unknown)?;
        let (server, saved) = (source.server, source.saved_priority);
        self.0.icp(server).ok_or(Unknown)?;
        self.redirect(irq, server, saved, saved)
    }

    /// `ibm,int-off`: the source sends nothing.
    pub fn int_off(&mut self, irq: Irq) -> Result<(), Unknown> {
        let source = self.0.source(irq).ok_or(Unknown)?;
        let (server, saved) = (source.server, source.priority);
        self.redirect(irq, server, MASKED, saved)
    }

    fn redirect(&mut self, irq: Irq, to: Server, priority: u8, saved: u8) -> Result<(), Unknown> {
        let waited = ring::remove(self.0, irq);
        let source = self.0.source(irq).ok_or(Unknown)?;
        source.server = to;
        source.priority = priority;
        source.saved_priority = saved;
        if waited || matches!(source.place, Place::Kept) {
            source.place = Place::Nowhere;
            self.send(irq);
        }
        Ok(())
    }

    /// `H_XIRR`: accepts what is presented. Returns the CPPR that was, in the upper 8 bits, and the source; that is 0
    /// if there is nothing.
    pub fn accept(&mut self, server: Server) -> Result<u32, Unknown> {
        let xirr = self.0.icp(server).ok_or(Unknown)?.accept();
        self.place(xirr & 0xff_ffff, Place::Nowhere);
        self.0.output(server, false);
        Ok(xirr)
    }

    /// `H_IPOLL`: what `H_XIRR` would return, and the MFRR.
    pub fn poll(&mut self, server: Server) -> Result<(u32, u8), Unknown> {
        let icp = self.0.icp(server).ok_or(Unknown)?;
        Ok((icp.xirr(), icp.mfrr))
    }

    /// The server's registers; see [`Icp::state`].
    pub fn icp_state(&mut self, server: Server) -> Result<u64, Unknown> {
        Ok(self.0.icp(server).ok_or(Unknown)?.state())
    }

    /// `H_CPPR`: what the processor does from now on has this priority.
    pub fn set_cppr(&mut self, server: Server, cppr: u8) -> Result<(), Unknown> {
        let icp = self.0.icp(server).ok_or(Unknown)?;
        let less_favoured = cppr > icp.cppr;
        let rejected = icp.set_cppr(cppr);
        self.changed(server, less_favoured, rejected);
        Ok(())
    }

    /// `H_EOI`: the interrupt whose `xirr` this is has been handled.
    pub fn eoi(&mut self, server: Server, xirr: u32) -> Result<(), Unknown> {
        self.set_cppr(server, (xirr >> 24) as u8)?;
        let irq = xirr & 0xff_ffff;
        if irq == IPI {
            return Ok(());
        }
        if self.0.source(irq).ok_or(Unknown)?.end() {
            self.send(irq);
        }
        Ok(())
    }

    /// `H_IPI`: the priority of the server's own interrupt; [`MASKED`] takes it back.
    pub fn set_mfrr(&mut self, server: Server, mfrr: u8) -> Result<(), Unknown> {
        let icp = self.0.icp(server).ok_or(Unknown)?;
        let less_favoured = mfrr > icp.mfrr;
        let rejected = icp.set_mfrr(mfrr);
        self.changed(server, less_favoured, rejected);
        Ok(())
    }
}
