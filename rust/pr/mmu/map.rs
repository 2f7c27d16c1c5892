// SPDX-License-Identifier: GPL-2.0

//! Mapping pages.

use super::{
    key::{GuestPage, SegmentKey},
    pool::{host_bucket, Entry, BY_HOST},
    shadow::{host_page, part, Copied, PrMmu, ShadowPage, COPIES, PAGE_4K},
};
use crate::host::{
    code_page::CodePage,
    hash::{Frame, HostHpte},
};
use kernel::prelude::*;

impl PrMmu {
    /// Maps a page in a segment that [`segment`](Self::segment) gave, in the place of what is mapped there.
    /// Says whether that was possible; if not, the guest has to fault again.
    pub(crate) fn map(&mut self, key: SegmentKey, page: &ShadowPage) -> bool {
        let Some(vsid) = self.find_segment(key) else {
            return false;
        };
        let looked = page.looked.filter(|_| page.permission.execute);
        if looked.is_some_and(|count| count != self.writes(page.gfn())) {
            return false;
        }
        if self.watched && !self.permit(page) {
            return false;
        }
        if page.permission.write {
            self.count_write(page.gfn());
        }
        let large = key.large();
        let host = host_page(vsid.raw(), page.ea, large);
        let mut flips = 0;
        if let Some(old) = self
            .pool
            .find(BY_HOST, host_bucket(host), |e| e.host == host)
        {
            if let Some(was) = self.pool.get(old).filter(|e| e.gfn == page.gfn()) {
                let flip = was.writable != page.permission.write;
                flips = was.flips.saturating_add(flip.into());
            }
            self.pool.remove(old);
        }
        let hpte = HostHpte::insert(vsid, page.ea, page.frame, page.permission, large);
        let Some(hpte) = hpte else {
            return false;
        };
        self.pool.add(Entry {
            hpte,
            host,
            page: key.page(page.ea).unwrap_or(GuestPage::NONE),
            gfn: page.gfn(),
            part: part(page.gpa),
            writable: page.permission.write,
            executable: page.permission.execute,
            flips,
        });
        true
    }

    /// Maps `copy` to be executed in a page's place, and keeps it. Returns the copies that are not needed any more, for
    /// the caller to free.
    pub(crate) fn map_copy(
        &mut self,
        key: SegmentKey,
        mut page: ShadowPage,
        copy: KBox<CodePage>,
    ) -> (Option<KBox<CodePage>>, Option<Copied>) {
        let gpa = page.gpa & PAGE_4K;
        let same = |c: &Option<Copied>| c.as_ref().is_some_and(|c| c.gpa == gpa);
        let known = self.copies.iter().position(same);
        // While the page is mapped for execution elsewhere, nothing has written it since it was copied.
        if self.executes(gpa) {
            let kept = known.and_then(|at| self.copies.get(at)?.as_ref());
            if let Some(kept) = kept {
                page.frame = Frame::of_code_page(&kept.page);
                self.map(key, &page);
                return (Some(copy), None);
            }
        }
        let at = known.unwrap_or(self.next_copy);
        let old_gpa = self.copies.get(at).and_then(|c| Some(c.as_ref()?.gpa));
        // The old copy stays as long as it is mapped anywhere.
        if old_gpa.is_some_and(|gpa| !self.take(gpa, |e| e.executable)) {
            return (Some(copy), None);
        }
        if known.is_none() {
            self.next_copy = (at + 1) % COPIES;
        }
        let old = self.copies.get_mut(at).and_then(Option::take);
        if !self.map(key, &page) {
            return (Some(copy), old);
        }
        if let Some(slot) = self.copies.get_mut(at) {
            *slot = Some(Copied { gpa, page: copy });
        }
        (None, old)
    }
}
