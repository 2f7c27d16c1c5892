// SPDX-License-Identifier: GPL-2.0

//! Statistics, and the binary format in which `KVM_GET_STATS_FD` gives them (api.rst, section
//! 4.133).

use crate::bindings;
pub(crate) use crate::host::once::Counter;
use kernel::prelude::*;

/// What one statistic means: `flags` are `KVM_STATS_TYPE_…`, `_UNIT_…` and `_BASE_…`.
pub(crate) struct StatDesc {
    pub(crate) name: &'static CStr,
    pub(crate) flags: u32,
    pub(crate) exponent: i16,
    /// Number of values, more than 1 for a histogram.
    pub(crate) size: u16,
}

impl StatDesc {
    /// Does it only grow, so that it may be set back to 0?
    pub(crate) fn grows(&self) -> bool {
        self.flags & bindings::KVM_STATS_TYPE_MASK != bindings::KVM_STATS_TYPE_INSTANT
    }
}

/// A struct of counters, made by [`stats!`](crate::vm::stats::stats).
pub(crate) trait StatSet: Send + Sync {
    const DESCS: &'static [StatDesc];
    /// All zero.
    fn new() -> Self;
    /// Value `i`, counted over all values of all statistics in the order of `DESCS`.
    fn value(&self, i: usize) -> Option<&Counter>;
}

/// One statistic of any kind.
pub(crate) trait Stat {
    const LEN: usize;
    const NEW: Self;
    fn at(&self, i: usize) -> Option<&Counter>;
}

impl Stat for Counter {
    const LEN: usize = 1;
    const NEW: Self = Self::new();
    fn at(&self, i: usize) -> Option<&Counter> {
        (i == 0).then_some(self)
    }
}

/// Buckets of a histogram: bucket 0 counts zeroes, bucket n values from 2^(n-1) to 2^n - 1, and the
/// last one what is larger too.
pub(crate) const BUCKETS: usize = 32;

/// A logarithmic histogram.
pub(crate) struct LogHistogram([Counter; BUCKETS]);

impl LogHistogram {
    pub(crate) fn count(&self, val: u64) {
        let bucket = (u64::BITS - val.leading_zeros()) as usize;
        if let Some(c) = self.0.get(bucket.min(BUCKETS - 1)) {
            c.inc();
        }
    }
}

impl Stat for LogHistogram {
    const LEN: usize = BUCKETS;
    const NEW: Self = Self([const { Counter::new() }; BUCKETS]);
    fn at(&self, i: usize) -> Option<&Counter> {
        self.0.get(i)
    }
}

const fn flags(kind: u32, unit: u32, base: u32) -> u32 {
    kind | unit | base
}

/// A number of events.
pub(crate) const COUNT: (u32, i16) = (
    flags(
        bindings::KVM_STATS_TYPE_CUMULATIVE,
        bindings::KVM_STATS_UNIT_NONE,
        bindings::KVM_STATS_BASE_POW10,
    ),
    0,
);
/// A number of things that there are now.
pub(crate) const INSTANT: (u32, i16) = (
    flags(
        bindings::KVM_STATS_TYPE_INSTANT,
        bindings::KVM_STATS_UNIT_NONE,
        bindings::KVM_STATS_BASE_POW10,
    ),
    0,
);
/// A truth value: 1 or 0.
pub(crate) const BOOLEAN: (u32, i16) = (
    flags(
        bindings::KVM_STATS_TYPE_INSTANT,
        bindings::KVM_STATS_UNIT_BOOLEAN,
        bindings::KVM_STATS_BASE_POW10,
    ),
    0,
);
/// Time in ns.
pub(crate) const NSEC: (u32, i16) = (
    flags(
        bindings::KVM_STATS_TYPE_CUMULATIVE,
        bindings::KVM_STATS_UNIT_SECONDS,
        bindings::KVM_STATS_BASE_POW10,
    ),
    -9,
);
/// How often it took how many ns.
pub(crate) const NSEC_HISTOGRAM: (u32, i16) = (
    flags(
        bindings::KVM_STATS_TYPE_LOG_HIST,
        bindings::KVM_STATS_UNIT_SECONDS,
        bindings::KVM_STATS_BASE_POW10,
    ),
    -9,
);

/// Makes a struct of statistics; each field is a [`Counter`] or a [`LogHistogram`], is called as
/// userspace sees it, and says of which kind it is.
///
/// ```ignore
/// stats! {
///     /// Of a vCPU.
///     pub(crate) struct Stats {
///         /// How often the guest was left.
///         sum_exits: Counter = COUNT,
///     }
/// }
/// ```
macro_rules! stats {
    (
        $(#[$doc:meta])* $vis:vis struct $set:ident {
            $( $(#[$fdoc:meta])* $name:ident: $type:ident = $kind:ident, )*
        }
    ) => {
        $(#[$doc])*
        #[allow(non_snake_case)]
        $vis struct $set {
            $( $(#[$fdoc])* $vis $name: $crate::vm::stats::$type, )*
        }

        impl $crate::vm::stats::StatSet for $set {
            const DESCS: &'static [$crate::vm::stats::StatDesc] = &[
                $( $crate::vm::stats::StatDesc {
                    name: kernel::c_str!(stringify!($name)),
                    flags: $crate::vm::stats::$kind.0,
                    exponent: $crate::vm::stats::$kind.1,
                    size: <$crate::vm::stats::$type as $crate::vm::stats::Stat>::LEN as u16,
                }, )*
            ];

            fn new() -> Self {
                Self {
                    $( $name: <$crate::vm::stats::$type as $crate::vm::stats::Stat>::NEW, )*
                }
            }

            fn value(&self, i: usize) -> Option<&$crate::host::once::Counter> {
                use $crate::vm::stats::Stat as _;
                $(
                    if let Some(c) = self.$name.at(i) {
                        return Some(c);
                    }
                    // As many values as there are in this one lie before the next one's.
                    let i = i.checked_sub(<$crate::vm::stats::$type as $crate::vm::stats::Stat>::LEN)?;
                )*
                let _ = i;
                None
            }
        }
    };
}
pub(crate) use stats;

stats! {
    /// Statistics of a VM that all backends have.
    pub(crate) struct VmStats {
        /// Times that translations were removed on all CPUs, by mmu notifiers and by changes of slots.
        remote_tlb_flush: Counter = COUNT,
        /// Times that this was requested, even if there were no translations.
        remote_tlb_flush_requests: Counter = COUNT,
    }
}

impl VmStats {
    /// Counts a request (if `asked`) to remove translations, and whether there were `any`. The VM's lock need not be
    /// held: two calls at the same time may count as one.
    pub(super) fn count_flush(&self, asked: bool, any: bool) {
        if asked {
            self.remote_tlb_flush_requests.inc();
        }
        if any {
            self.remote_tlb_flush.inc();
        }
    }
}

stats! {
    /// Statistics of a vCPU that all backends have. Times are in ns.
    pub(crate) struct VcpuStats {
        /// Halts that ended while they were polled for.
        halt_successful_poll: Counter = COUNT,
        /// Halts that were polled for.
        halt_attempted_poll: Counter = COUNT,
        /// Polls that were ended by something that the vCPU cannot use.
        halt_poll_invalid: Counter = COUNT,
        /// Halts in which the vCPU slept.
        halt_successful_wait: Counter = COUNT,
        /// Times that a halted vCPU was woken.
        halt_wakeup: Counter = COUNT,
        /// Time of polls that succeeded.
        halt_poll_success_ns: Counter = NSEC,
        /// Time of polls that did not.
        halt_poll_fail_ns: Counter = NSEC,
        /// Time slept.
        halt_wait_ns: Counter = NSEC,
        /// How long polls that succeeded took.
        halt_poll_success_hist: LogHistogram = NSEC_HISTOGRAM,
        /// How long polls that did not took.
        halt_poll_fail_hist: LogHistogram = NSEC_HISTOGRAM,
        /// How long sleeps took.
        halt_wait_hist: LogHistogram = NSEC_HISTOGRAM,
        /// Does the vCPU sleep now?
        blocking: Counter = BOOLEAN,
    }
}

const NAME_SIZE: usize = bindings::KVM_STATS_NAME_SIZE as usize;
const HEADER_SIZE: usize = 24;
const DESC_SIZE: usize = 16 + NAME_SIZE;

/// Everything that a statistics file holds: the header, the owner's name, the descriptions of both
/// sets, the values of both. In the host's byte order, as the interface wants.
pub(super) fn file<A: StatSet, B: StatSet>(id: &[u8], a: &A, b: &B) -> Result<KVVec<u8>> {
    let descs = || Iterator::chain(A::DESCS.iter(), B::DESCS);
    let num_desc = A::DESCS.len() + B::DESCS.len();
    let num_values: usize = descs().map(|d| usize::from(d.size)).sum();
    let id_offset = HEADER_SIZE;
    let desc_offset = id_offset + NAME_SIZE;
    let data_offset = desc_offset + num_desc * DESC_SIZE;
    let mut out = KVVec::with_capacity(data_offset + num_values * 8, GFP_KERNEL_ACCOUNT)?;

    for word in [0, NAME_SIZE, num_desc, id_offset, desc_offset, data_offset] {
        out.extend_from_slice(&(word as u32).to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    push_name(&mut out, id)?;
    let mut offset = 0u32;
    for desc in descs() {
        out.extend_from_slice(&desc.flags.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        out.extend_from_slice(&desc.exponent.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        out.extend_from_slice(&desc.size.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        out.extend_from_slice(&offset.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        // The bucket size, which only linear histograms have.
        out.extend_from_slice(&0u32.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        push_name(&mut out, desc.name.to_bytes())?;
        offset += 8 * u32::from(desc.size);
    }
    let values = |set: &dyn Fn(usize) -> Option<u64>, out: &mut KVVec<u8>| -> Result {
        for v in (0..).map_while(set) {
            out.extend_from_slice(&v.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    };
    values(&|i| a.value(i).map(Counter::get), &mut out)?;
    values(&|i| b.value(i).map(Counter::get), &mut out)?;
    Ok(out)
}

// A name of at most NAME_SIZE - 1 bytes, filled up with zeroes.
fn push_name(out: &mut KVVec<u8>, name: &[u8]) -> Result {
    let mut field = [0; NAME_SIZE];
    for (to, from) in field.iter_mut().take(NAME_SIZE - 1).zip(name) {
        *to = *from;
    }
    Ok(out.extend_from_slice(&field, GFP_KERNEL_ACCOUNT)?)
}
