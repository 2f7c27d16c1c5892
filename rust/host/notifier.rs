// SPDX-License-Identifier: GPL-2.0

//! Notification of changes in a process's mappings.

use crate::bindings;
use core::{marker::PhantomData, ops::Range};
use kernel::{
    error::to_result,
    mm::{Mm, MmWithUser},
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{AtomicFlag, Full},
        ArcBorrow, SetOnce,
    },
    types::Opaque,
};

/// The functions that are called when mappings change. Addresses are the process's.
pub(crate) trait NotifierOps: Send + Sync + Sized + 'static {
    /// Mappings of `hvas` are about to change or to be removed. On return nothing may use them any more. May sleep only
    /// if `may_block`.
    fn invalidate_start(&self, hvas: Range<usize>, may_block: bool);
    /// The change that `invalidate_start` announced is done.
    fn invalidate_end(&self, hvas: Range<usize>);
    /// Was any of `hvas` accessed since the last call? Clears that information.
    fn clear_young(&self, hvas: Range<usize>) -> bool;
    /// Was `hva` accessed since that information was last cleared?
    fn test_young(&self, hva: usize) -> bool;
    /// The process has ended, or the notifier is being unregistered: nothing may use any mapping any more.
    fn release(&self);
}

/// A `struct mmu_notifier` that is a part of the `P` that it calls.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(crate) struct Notifier<P> {
    // It has to be the first field, because the callbacks get its address.
    #[pin]
    mn: Opaque<bindings::mmu_notifier>,
    owner: SetOnce<(Owner<P>, ARef<Mm>)>,
    registered: AtomicFlag,
}

struct Owner<P>(*const P);
// SAFETY: It stands for a `&P`.
unsafe impl<P: Sync> Send for Owner<P> {}
// SAFETY: It stands for a `&P`.
unsafe impl<P: Sync> Sync for Owner<P> {}

// SAFETY: The notifier may be registered and unregistered on any thread.
unsafe impl<P: Send + Sync> Send for Notifier<P> {}
// SAFETY: As above; all else is `Sync`.
unsafe impl<P: Send + Sync> Sync for Notifier<P> {}

impl<P: NotifierOps> Notifier<P> {
    /// A notifier that is not registered yet.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: `slot` is valid for writes, and all zeroes is a notifier.
            mn <- Opaque::ffi_init(|slot: *mut bindings::mmu_notifier| unsafe {
                slot.write_bytes(0, 1);
                (*slot).ops = Ops::<P>::get();
            }),
            owner: SetOnce::new(),
            registered: AtomicFlag::new(false),
        })
    }

    /// Registers the notifier: from now on `owner`, which has to contain this notifier, is told of changes in `mm`. May
    /// be called once only. Returns `ENOMEM` or `EINTR` from the kernel, and `EINVAL` if `owner` does not contain the
    /// notifier.
    pub(crate) fn register(&self, owner: ArcBorrow<'_, P>, mm: &MmWithUser) -> Result {
        let at = core::ptr::from_ref(self).addr();
        let start = core::ptr::from_ref::<P>(&owner).addr();
        if at < start || at - start >= size_of::<P>() {
            return Err(EINVAL);
        }
        let mm_ref: &Mm = mm;
        let link = (Owner(core::ptr::from_ref::<P>(&owner)), ARef::from(mm_ref));
        if !self.owner.populate(link) {
            return Err(EINVAL);
        }
        // SAFETY: The notifier stays in its place, inside `owner`, until `drop` unregisters it; the
        // caller's reference shows that `mm` has users.
        to_result(unsafe { bindings::mmu_notifier_register(self.mn.get(), mm.as_raw().cast()) })?;
        self.registered.store(true, kernel::sync::atomic::Release);
        Ok(())
    }
}

impl<P> Notifier<P> {
    /// Unregisters the notifier: once this returns, no function of `owner` is called any more. Calls `release` if that
    /// was not called yet. May be called more than once.
    pub(crate) fn unregister(&self) {
        if !self.registered.xchg(false, Full) {
            return;
        }
        if let Some((_, mm)) = self.owner.as_ref() {
            // SAFETY: It is registered with this `mm`, to which we hold a reference.
            unsafe { bindings::mmu_notifier_unregister(self.mn.get(), mm.as_raw().cast()) };
        }
    }
}

#[pinned_drop]
impl<P> PinnedDrop for Notifier<P> {
    fn drop(self: Pin<&mut Self>) {
        self.unregister();
    }
}

struct Ops<P>(PhantomData<P>);

impl<P: NotifierOps> Ops<P> {
    const TABLE: bindings::mmu_notifier_ops = bindings::mmu_notifier_ops {
        release: Some(Self::release),
        clear_flush_young: Some(Self::clear_young),
        clear_young: Some(Self::clear_young),
        test_young: Some(Self::test_young),
        invalidate_range_start: Some(Self::invalidate_range_start),
        invalidate_range_end: Some(Self::invalidate_range_end),
        arch_invalidate_secondary_tlbs: None,
        alloc_notifier: None,
        free_notifier: None,
    };

    const fn get() -> &'static bindings::mmu_notifier_ops {
        &Self::TABLE
    }

    /// # Safety
    ///
    /// `mn` is the first member of a `Notifier<P>` that is registered.
    unsafe fn owner<'a>(mn: *mut bindings::mmu_notifier) -> Option<&'a P> {
        // SAFETY: By the caller's promise.
        let notifier = unsafe { &*mn.cast::<Notifier<P>>() };
        let (owner, _) = notifier.owner.as_ref()?;
        // SAFETY: The owner holds the notifier, and unregisters it before it goes.
        Some(unsafe { &*owner.0 })
    }

    /// # Safety
    ///
    /// To be called by the kernel for a registered notifier.
    unsafe extern "C" fn release(
        mn: *mut bindings::mmu_notifier,
        _: *mut kernel::bindings::mm_struct,
    ) {
        // SAFETY: By the caller's promise.
        if let Some(owner) = unsafe { Self::owner(mn) } {
            owner.release();
        }
    }

    /// # Safety
    ///
    /// To be called by the kernel for a registered notifier.
    unsafe extern "C" fn clear_young(
        mn: *mut bindings::mmu_notifier,
        _: *mut kernel::bindings::mm_struct,
        start: usize,
        end: usize,
    ) -> bool {
        // SAFETY: By the caller's promise.
        unsafe { Self::owner(mn) }.is_some_and(|p| p.clear_young(start..end))
    }

    /// # Safety
    ///
    /// To be called by the kernel for a registered notifier.
    unsafe extern "C" fn test_young(
        mn: *mut bindings::mmu_notifier,
        _: *mut kernel::bindings::mm_struct,
        hva: usize,
    ) -> bool {
        // SAFETY: By the caller's promise.
        unsafe { Self::owner(mn) }.is_some_and(|p| p.test_young(hva))
    }

    /// # Safety
    ///
    /// To be called by the kernel for a registered notifier and a valid range.
    unsafe extern "C" fn invalidate_range_start(
        mn: *mut bindings::mmu_notifier,
        range: *const bindings::mmu_notifier_range,
    ) -> c_int {
        // SAFETY: By the caller's promise.
        let (start, end, flags) = unsafe { ((*range).start, (*range).end, (*range).flags) };
        // SAFETY: By the caller's promise.
        if let Some(owner) = unsafe { Self::owner(mn) } {
            let may_block = flags & bindings::MMU_NOTIFIER_RANGE_BLOCKABLE != 0;
            owner.invalidate_start(start..end, may_block);
        }
        0
    }

    /// # Safety
    ///
    /// To be called by the kernel for a registered notifier and a valid range.
    unsafe extern "C" fn invalidate_range_end(
        mn: *mut bindings::mmu_notifier,
        range: *const bindings::mmu_notifier_range,
    ) {
        // SAFETY: By the caller's promise.
        let (start, end) = unsafe { ((*range).start, (*range).end) };
        // SAFETY: By the caller's promise.
        if let Some(owner) = unsafe { Self::owner(mn) } {
            owner.invalidate_end(start..end);
        }
    }
}
