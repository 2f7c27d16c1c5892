// SPDX-License-Identifier: GPL-2.0

//! A map of values that each have two ranges and are found by either of them, on the kernel's interval trees.

use crate::bindings;
use core::{marker::PhantomData, ops::Range, ptr::NonNull};
use kernel::{alloc::Flags, prelude::*, types::Opaque};

/// Values that each have a range of keys and a range of addresses. Ranges of different values may overlap. A look-up
/// takes time in proportion to the logarithm of the number of values, plus the number of values found.
pub(crate) struct RangeMap<T> {
    keys: Tree<T>,
    addresses: Tree<T>,
}

/// A value that is ready to be inserted, so that the insertion does not allocate memory.
pub(crate) struct Prepared<T>(KBox<Node<T>>);

#[repr(C)]
struct Node<T> {
    links: [Link; 2],
    value: T,
}

type Link = Opaque<bindings::interval_tree_node>;

/// An interval tree.
///
/// # Invariants
///
/// The tree consists of the links number `n` of nodes that come from [`KBox::into_raw`]. A node is linked in both trees
/// of a map or in none.
struct Tree<T> {
    root: Opaque<bindings::rb_root_cached>,
    n: usize,
    nodes: PhantomData<Node<T>>,
}

// SAFETY: The links are only used by the owner of the map, and lead to nodes that the map owns.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: Links are changed only with `&mut RangeMap`.
unsafe impl<T: Sync> Sync for Node<T> {}
// SAFETY: It owns its nodes.
unsafe impl<T: Send> Send for RangeMap<T> {}
// SAFETY: As of nodes.
unsafe impl<T: Sync> Sync for RangeMap<T> {}

fn link(range: &Range<usize>) -> Link {
    Opaque::new(bindings::interval_tree_node {
        start: range.start,
        last: range.end.wrapping_sub(1),
        ..Default::default()
    })
}

impl<T> Prepared<T> {
    /// Prepares `value` with the ranges `keys` and `addresses`, which may not be empty. Returns `ENOMEM`.
    pub(crate) fn new(
        keys: &Range<usize>,
        addresses: &Range<usize>,
        value: T,
        flags: Flags,
    ) -> Result<Self> {
        let links = [link(keys), link(addresses)];
        Ok(Self(KBox::new(Node { links, value }, flags)?))
    }

    /// The value.
    pub(crate) fn value(&self) -> &T {
        &self.0.value
    }
}

impl<T> Tree<T> {
    fn new(n: usize) -> Self {
        Self {
            // INVARIANT: All zeroes is an empty tree.
            root: Opaque::zeroed(),
            n,
            nodes: PhantomData,
        }
    }

    // The first link, by the start of its range, whose range overlaps `range`.
    #[inline]
    fn first(&self, range: &Range<usize>) -> Option<NonNull<Link>> {
        if range.is_empty() {
            return None;
        }
        let (start, last) = (range.start, range.end.wrapping_sub(1));
        // SAFETY: The root is initialized, and nothing changes it while it is borrowed.
        let first = unsafe { bindings::interval_tree_iter_first(self.root.get(), start, last) };
        Some(NonNull::new(first)?.cast())
    }

    #[inline]
    fn node(&self, link: NonNull<Link>) -> NonNull<Node<T>> {
        // SAFETY: By the invariants it is the link of that number in a node, which begins with its links.
        unsafe { link.sub(self.n).cast() }
    }

    // The nodes whose ranges overlap `range`, by the start of their ranges.
    #[inline]
    fn overlapping(&self, range: &Range<usize>) -> impl Iterator<Item = NonNull<Node<T>>> + '_ {
        let range = range.clone();
        let (mut begun, mut here) = (false, None::<NonNull<Link>>);
        core::iter::from_fn(move || {
            let (start, last) = (range.start, range.end.wrapping_sub(1));
            here = match here {
                None if begun => None,
                None => self.first(&range),
                Some(here) => {
                    // SAFETY: It is linked, and nothing changes the tree while it is borrowed.
                    let after = unsafe {
                        bindings::interval_tree_iter_next(here.as_ptr().cast(), start, last)
                    };
                    NonNull::new(after).map(NonNull::cast)
                }
            };
            begun = true;
            Some(self.node(here?))
        })
    }

    /// # Safety
    ///
    /// `node` is from `KBox::into_raw`, and not linked here.
    unsafe fn insert(&mut self, node: NonNull<Node<T>>) {
        // SAFETY: It is valid, by the caller's promise.
        if let Some(link) = unsafe { node.as_ref() }.links.get(self.n) {
            // INVARIANT: By the caller's promise.
            // SAFETY: It is linked nowhere, and stays where it is until it is removed.
            unsafe { bindings::interval_tree_insert(link.get(), self.root.get()) };
        }
    }

    /// # Safety
    ///
    /// `node` is linked here.
    unsafe fn remove(&mut self, node: NonNull<Node<T>>) {
        // SAFETY: It is valid, by the caller's promise.
        if let Some(link) = unsafe { node.as_ref() }.links.get(self.n) {
            // SAFETY: By the caller's promise.
            unsafe { bindings::interval_tree_remove(link.get(), self.root.get()) };
        }
    }
}

impl<T> Default for RangeMap<T> {
    /// An empty map.
    fn default() -> Self {
        Self {
            keys: Tree::new(0),
            addresses: Tree::new(1),
        }
    }
}

impl<T> RangeMap<T> {
    /// The values whose range of keys overlaps `keys`, by ascending keys.
    #[inline]
    pub(crate) fn with_keys(&self, keys: &Range<usize>) -> impl Iterator<Item = &T> {
        // SAFETY: As above.
        self.keys
            .overlapping(keys)
            .map(|node| unsafe { &(*node.as_ptr()).value })
    }

    /// The values whose range of addresses overlaps `addresses`.
    pub(crate) fn at_addresses(&self, addresses: &Range<usize>) -> impl Iterator<Item = &T> {
        // SAFETY: As above.
        self.addresses
            .overlapping(addresses)
            .map(|node| unsafe { &(*node.as_ptr()).value })
    }

    // The node of the first value whose range contains `key` and for which `is` is true.
    fn node(&self, key: usize, is: impl Fn(&T) -> bool) -> Option<NonNull<Node<T>>> {
        self.keys
            .overlapping(&(key..key.checked_add(1)?))
            // SAFETY: As above.
            .find(|node| is(unsafe { &(*node.as_ptr()).value }))
    }

    /// The first value whose range contains `key` and for which `is` is true.
    pub(crate) fn get_mut(&mut self, key: usize, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        let mut node = self.node(key, is)?;
        // SAFETY: It is linked, and so ours; `self` is borrowed for as long as the value is.
        Some(unsafe { &mut node.as_mut().value })
    }

    /// Inserts a value.
    pub(crate) fn insert(&mut self, new: Prepared<T>) {
        let node = NonNull::from(KBox::leak(new.0));
        // SAFETY: It was a box, and is linked nowhere.
        unsafe {
            self.keys.insert(node);
            self.addresses.insert(node);
        }
    }

    /// Removes and returns the first value whose range contains `key` and for which `is` is true.
    pub(crate) fn remove(&mut self, key: usize, is: impl Fn(&T) -> bool) -> Option<T> {
        let node = self.node(key, is)?;
        // SAFETY: It is linked in both trees.
        unsafe {
            self.keys.remove(node);
            self.addresses.remove(node);
        }
        // SAFETY: By the invariants it comes from `into_raw`; it is linked no more.
        Some(KBox::into_inner(unsafe { KBox::from_raw(node.as_ptr()) }).value)
    }
}

impl<T> Drop for RangeMap<T> {
    fn drop(&mut self) {
        while let Some(link) = self.keys.first(&(0..usize::MAX)) {
            let node = self.keys.node(link);
            // SAFETY: As in `remove`; the other tree is not used any more.
            unsafe {
                self.keys.remove(node);
                drop(KBox::from_raw(node.as_ptr()));
            }
        }
    }
}
