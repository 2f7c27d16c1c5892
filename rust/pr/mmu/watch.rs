// SPDX-License-Identifier: GPL-2.0

//! Keeps pages from being executed and written at once, for guests whose code has to be searched before it is executed
//! (`../dcbz.rs`).

use super::{
    pool::{gfn_bucket, Entry, Part, BY_GFN},
    shadow::{part, PrMmu, ShadowPage},
};
use kernel::page::PAGE_SHIFT;

impl PrMmu {
    /// From now on no page that is mapped can be both executed and written. What is mapped already is to be taken away.
    pub(crate) fn watch_code(&mut self) {
        self.watched = true;
    }

    /// Makes room for a page that is about to be mapped; says whether it may be.
    #[cold]
    #[inline(never)]
    pub(super) fn permit(&mut self, page: &ShadowPage) -> bool {
        if page.permission.write {
            return self.take_code(page.gpa) && !page.permission.execute;
        }
        // Nothing has written it since it was searched: the caller has compared the counts.
        !page.permission.execute || page.looked.is_some()
    }

    /// Takes away what writes the 4 KB around `gpa`, and gives the count that tells whether anybody may have done so
    /// since. `None` if there is more, to be asked again.
    pub(crate) fn take_writers(&mut self, gpa: u64) -> Option<u64> {
        let all = self.take(gpa, |e| e.writable);
        all.then(|| self.writes(gpa >> PAGE_SHIFT))
    }

    /// Takes away what executes the 4 KB around `gpa`, because they are or may be written. False if there is more, to
    /// be asked again.
    pub(crate) fn take_code(&mut self, gpa: u64) -> bool {
        self.count_write(gpa >> PAGE_SHIFT);
        self.take(gpa, |e| e.executable)
    }

    /// Takes away those that `which` wants of what maps the 4 KB around `gpa`. False if there is more.
    pub(super) fn take(&mut self, gpa: u64, which: impl Fn(&Entry) -> bool) -> bool {
        let (gfn, within) = (gpa >> PAGE_SHIFT, part(gpa));
        let wanted = |e: &Entry| e.gfn == gfn && e.part == within && which(e);
        let bucket = gfn_bucket(gfn);
        self.pool
            .remove_if(BY_GFN, bucket, &mut Part::default(), wanted)
    }

    /// Is the 4 KB around `gpa` mapped for execution?
    pub(super) fn executes(&self, gpa: u64) -> bool {
        let (gfn, part) = (gpa >> PAGE_SHIFT, part(gpa));
        let wanted = |e: &Entry| e.gfn == gfn && e.part == part && e.executable;
        self.pool.find(BY_GFN, gfn_bucket(gfn), wanted).is_some()
    }
}
