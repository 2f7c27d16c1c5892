// SPDX-License-Identifier: GPL-2.0

//! Objects that are owned by another object and have a reference to their owner: the vCPUs of a VM.

use crate::bindings;
use core::{ops::Deref, ptr::NonNull};
use kernel::{
    prelude::*,
    sync::{Arc, ArcBorrow, SetOnce},
};

const CHUNK: usize = 16;

type Slot<P, C> = SetOnce<Pin<KBox<Member<P, C>>>>;

struct Chunk<P, C>([Slot<P, C>; CHUNK]);

/// A `C` that belongs to a `P`, found by its number.
///
/// # Invariants
///
/// It is in a [`Members`] inside `*owner`, and is dropped before the owner or together with it.
#[pin_data]
pub(crate) struct Member<P, C> {
    owner: NonNull<P>,
    #[pin]
    inner: C,
}

// SAFETY: It gives access to `&P` and `&C`, and owns a `C`.
unsafe impl<P: Sync, C: Send> Send for Member<P, C> {}
// SAFETY: It gives access to `&P` and `&C`.
unsafe impl<P: Sync, C: Sync> Sync for Member<P, C> {}

impl<P, C> Member<P, C> {
    /// The owner.
    pub(crate) fn owner(&self) -> &P {
        // SAFETY: By the invariants, the owner lives longer than any borrow of `self`.
        unsafe { self.owner.as_ref() }
    }
}

impl<P, C> Deref for Member<P, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.inner
    }
}

/// `at`, if it is below `len`; a processor that only supposes that it is looks at index 0 instead. For numbers that a guest
/// gives.
pub(crate) fn index(at: usize, len: usize) -> Option<usize> {
    // SAFETY: Arithmetic.
    (at < len).then(|| unsafe { bindings::kvm_ppc_index_nospec(at, len) })
}

/// All members of a `P`, by number. Members are added and never removed, and a look-up takes no lock.
pub(crate) struct Members<P, C> {
    chunks: KVec<SetOnce<KBox<Chunk<P, C>>>>,
}

impl<P, C> Members<P, C> {
    /// A table without members that has room for the numbers below `limit`. Returns `ENOMEM`.
    pub(crate) fn new(limit: usize) -> Result<Self> {
        let n = limit.div_ceil(CHUNK);
        let mut chunks = KVec::with_capacity(n, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..n {
            chunks.push(SetOnce::new(), GFP_KERNEL_ACCOUNT)?;
        }
        let this = Self { chunks };
        // The first chunk is always needed, so it is made at once.
        this.chunk(0)?;
        Ok(this)
    }

    /// Member `nr`, if there is one. The number may come from a guest: the index is masked so that the processor does
    /// not read beyond the table even speculatively.
    pub(crate) fn get(&self, nr: usize) -> Option<&Member<P, C>> {
        let at = index(nr / CHUNK, self.chunks.len())?;
        let chunk = self.chunks.get(at)?.as_ref()?;
        Some(chunk.0.get(nr % CHUNK)?.as_ref()?)
    }

    // The chunk at this index, which is made if it does not exist.
    fn chunk(&self, at: usize) -> Result<&Chunk<P, C>> {
        let place = self.chunks.get(at).ok_or(EINVAL)?;
        if place.as_ref().is_none() {
            let chunk = Chunk([const { SetOnce::new() }; CHUNK]);
            // If another thread has just made the chunk, that one is used.
            let _ = place.populate(KBox::new(chunk, GFP_KERNEL_ACCOUNT)?);
        }
        place.as_ref().map(|chunk| &**chunk).ok_or(EBUSY)
    }

    /// Drops all members.
    pub(crate) fn clear(&mut self) {
        self.chunks = KVec::new();
    }

    /// All members, by ascending number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member<P, C>> {
        self.chunks
            .iter()
            .filter_map(|c| c.as_ref())
            .flat_map(|c| c.0.iter())
            .filter_map(|m| m.as_ref().map(|m| &**m))
    }
}

impl<P, C: Send + Sync> Members<P, C> {
    // Is this table a part of `owner`, so that it lives exactly as long as `owner`?
    fn is_in(&self, owner: &P) -> bool {
        let at = core::ptr::from_ref(self).addr();
        let start = core::ptr::from_ref(owner).addr();
        at >= start && at - start < size_of::<P>()
    }

    /// Makes member `nr` of `owner`, which has to contain this table. Returns `EINVAL` if it does not or if `nr` is
    /// beyond the limit, `EEXIST` if the member exists already, `ENOMEM`, and the errors of `init`.
    pub(crate) fn insert(
        &self,
        owner: ArcBorrow<'_, P>,
        nr: usize,
        init: impl PinInit<C, Error>,
    ) -> Result<&Member<P, C>> {
        let slot = self.slot(nr)?;
        if !self.is_in(&owner) {
            return Err(EINVAL);
        }
        if slot.as_ref().is_some() {
            return Err(EEXIST);
        }
        let member = KBox::try_pin_init(
            // INVARIANT: `owner` is in an `Arc`, so it stays in its place, and holds `self`, which
            // never gives the member away.
            try_pin_init!(Member {
                owner: NonNull::from(&*owner),
                inner <- init,
            }? Error),
            GFP_KERNEL_ACCOUNT,
        )?;
        if !slot.populate(member) {
            return Err(EEXIST);
        }
        self.get(nr).ok_or(EINVAL)
    }

    fn slot(&self, nr: usize) -> Result<&Slot<P, C>> {
        self.chunk(nr / CHUNK)?.0.get(nr % CHUNK).ok_or(EINVAL)
    }

    /// Member `nr` together with a reference to its owner.
    pub(crate) fn get_counted(&self, owner: Arc<P>, nr: usize) -> Option<CountedMember<P, C>> {
        if !self.is_in(&owner) {
            return None;
        }
        let member = NonNull::from(self.get(nr)?);
        // INVARIANT: The member is in a table in `owner`.
        Some(CountedMember {
            _owner: owner,
            member,
        })
    }
}

/// A member together with a reference to its owner, so that it can be kept for any time.
///
/// # Invariants
///
/// `member` is a member of `_owner`.
pub(crate) struct CountedMember<P, C> {
    _owner: Arc<P>,
    member: NonNull<Member<P, C>>,
}

// SAFETY: It is an `Arc<P>` and a `&Member<P, C>`.
unsafe impl<P: Send + Sync, C: Send + Sync> Send for CountedMember<P, C> {}
// SAFETY: As above.
unsafe impl<P: Send + Sync, C: Send + Sync> Sync for CountedMember<P, C> {}

impl<P, C> Deref for CountedMember<P, C> {
    type Target = Member<P, C>;

    fn deref(&self) -> &Member<P, C> {
        // SAFETY: By the invariants it lives as long as its owner.
        unsafe { self.member.as_ref() }
    }
}
