// SPDX-License-Identifier: GPL-2.0

//! Putting sources into an ICP's queue, and taking them out.

use super::{
    number::{Irq, Server},
    queue::Link,
    source::Place,
    store::Store,
};

/// Puts `irq`, which is in no queue, behind all that wait for `server` with `priority`.
pub(super) fn push<S: Store + ?Sized>(store: &mut S, irq: Irq, server: Server, priority: u8) {
    let Some(icp) = store.icp(server) else {
        return;
    };
    let oldest = match icp.queue.oldest(priority) {
        0 => {
            icp.queue.set_oldest(priority, irq);
            irq
        }
        oldest => oldest,
    };
    let newest = link(store, oldest).map_or(irq, |link| link.older);
    if let Some(source) = store.source(irq) {
        source.place = Place::Queued(Link {
            older: newest,
            newer: oldest,
        });
    }
    set_newer(store, newest, irq);
    set_older(store, oldest, irq);
}

/// Takes `irq` out of the queue of the server and priority that it has; says whether it was in it.
pub(super) fn remove<S: Store + ?Sized>(store: &mut S, irq: Irq) -> bool {
    let Some(source) = store.source(irq) else {
        return false;
    };
    let Place::Queued(Link { older, newer }) = source.place else {
        return false;
    };
    source.place = Place::Nowhere;
    let (server, priority) = (source.server, source.priority);
    set_newer(store, older, newer);
    set_older(store, newer, older);
    if let Some(icp) = store.icp(server) {
        if icp.queue.oldest(priority) == irq {
            let next = if newer == irq { 0 } else { newer };
            icp.queue.set_oldest(priority, next);
        }
    }
    true
}

fn link<S: Store + ?Sized>(store: &mut S, irq: Irq) -> Option<&mut Link> {
    match &mut store.source(irq)?.place {
        Place::Queued(link) => Some(link),
        _ => None,
    }
}

fn set_newer<S: Store + ?Sized>(store: &mut S, irq: Irq, newer: Irq) {
    if let Some(link) = link(store, irq) {
        link.newer = newer;
    }
}

fn set_older<S: Store + ?Sized>(store: &mut S, irq: Irq, older: Irq) {
    if let Some(link) = link(store, irq) {
        link.older = older;
    }
}
