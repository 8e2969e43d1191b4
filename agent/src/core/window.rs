//! Sliding windows: the calls over which rates are taken.
//!
//! A **time window** is N equal buckets on whole multiples of their width: an event at t belongs to bucket
//! floor(t / width), and live are the current bucket and the N - 1 before it. A running sum makes reading cheap; buckets
//! are dropped on reading as well as on writing, so a window that nobody writes to empties by itself. Bucket numbers
//! are 64 bits, and a gap of any length costs N steps at most (linkerd once wedged on a 32-bit step count).
//! A **count window** is exactly the last N calls.
//!
//! Why not exact time stamps: they cost memory by the rate of calls, which is largest when things go wrong.
//!
//! Each call is recorded with the path of children it came through, so that a child that trips can take its outcomes
//! along ([`Window::forget`]).

use std::collections::VecDeque;
use std::time::Duration;

use super::counts::{Sample, Tally};
use super::policy::{SEGMENTS_BELOW_MAX, WindowShape};
use super::time::MonoTime;

/// The calls over which rates are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last N calls.
    Count(CountWindow),
    /// A trailing span of time.
    Time(TimeWindow),
}

/// Through which children of a service a call came: serial numbers, never used twice, nearest child first; 0 for none.
pub type Lineage = [u32; SEGMENTS_BELOW_MAX];

impl Window {
    /// An empty window with counters for so many kinds of failure.
    #[must_use]
    pub fn new(shape: WindowShape, kinds: usize) -> Self {
        match shape {
            WindowShape::Count { size } => Self::Count(CountWindow::new(size, kinds)),
            WindowShape::Time { bucket, buckets } => Self::Time(TimeWindow::new(bucket, buckets, kinds)),
        }
    }

    /// Adds a call that ended at `now`, after dropping what is no longer in the window.
    pub fn record(&mut self, now: MonoTime, sample: Sample, lineage: Lineage) {
        match self {
            Self::Count(window) => window.record(sample, lineage),
            Self::Time(window) => window.record(now, sample),
        }
    }

    /// Drops what is no longer in the window.
    pub fn roll(&mut self, now: MonoTime) {
        if let Self::Time(window) = self {
            window.roll(now);
        }
    }

    /// The sums as of the last roll or record.
    #[must_use]
    pub fn rolled(&self) -> &Tally {
        match self {
            Self::Count(window) => &window.sum,
            Self::Time(window) => &window.sum,
        }
    }

    /// The sums at `now`; changes nothing.
    #[must_use]
    pub fn tally(&self, now: MonoTime) -> Tally {
        match self {
            Self::Count(window) => window.sum.clone(),
            Self::Time(window) => window.tally(now),
        }
    }

    /// Takes away the calls that came through the child with this serial number. For a time window they are what
    /// `share` holds, which was recorded beside it and has the same shape.
    pub fn forget(&mut self, now: MonoTime, child: u32, share: Option<&TimeWindow>) {
        match self {
            Self::Count(window) => window.forget(child),
            Self::Time(window) => {
                if let Some(share) = share {
                    window.subtract(now, share);
                }
            }
        }
    }

    /// Back to empty.
    pub fn clear(&mut self) {
        match self {
            Self::Count(window) => window.clear(),
            Self::Time(window) => window.clear(),
        }
    }
}

/// Exactly the last `size` calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountWindow {
    size: usize,
    samples: VecDeque<(Sample, Lineage)>,
    sum: Tally,
}

impl CountWindow {
    fn new(size: usize, kinds: usize) -> Self {
        Self { size, samples: VecDeque::new(), sum: Tally::new(kinds) }
    }

    fn record(&mut self, sample: Sample, lineage: Lineage) {
        if self.samples.len() == self.size
            && let Some((oldest, _)) = self.samples.pop_front()
        {
            self.sum.take(oldest);
        }
        self.samples.push_back((sample, lineage));
        self.sum.add(sample);
    }

    fn forget(&mut self, child: u32) {
        let sum = &mut self.sum;
        self.samples.retain(|(sample, lineage)| {
            let theirs = lineage.contains(&child);
            if theirs {
                sum.take(*sample);
            }
            !theirs
        });
    }

    fn clear(&mut self) {
        self.samples.clear();
        self.sum.clear();
    }
}

/// The current bucket and the N - 1 before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    width_nanos: u64,
    buckets: Box<[Tally]>,
    /// The number of the newest bucket.
    head: u64,
    /// Where the newest bucket is kept.
    head_place: usize,
    /// The sum of all buckets.
    sum: Tally,
}

impl TimeWindow {
    /// An empty window of `buckets` buckets of this width.
    #[must_use]
    pub fn new(width: Duration, buckets: usize, kinds: usize) -> Self {
        Self {
            width_nanos: u64::try_from(width.as_nanos()).unwrap_or(u64::MAX).max(1),
            buckets: vec![Tally::new(kinds); buckets.max(1)].into(),
            head: 0,
            head_place: 0,
            sum: Tally::new(kinds),
        }
    }

    /// Adds a call that ended at `now`.
    pub fn record(&mut self, now: MonoTime, sample: Sample) {
        self.roll(now);
        self.buckets[self.head_place].add(sample);
        self.sum.add(sample);
    }

    /// Takes away what `other`, of the same shape, holds at `now`.
    pub fn subtract(&mut self, now: MonoTime, other: &Self) {
        self.roll(now);
        for number in (self.oldest()..=self.head).filter(|number| other.holds(*number)) {
            let theirs = &other.buckets[other.place(number)];
            let place = self.place(number);
            self.buckets[place].subtract(theirs);
            self.sum.subtract(theirs);
        }
    }

    /// Back to empty.
    pub fn clear(&mut self) {
        self.buckets.iter_mut().for_each(Tally::clear);
        self.sum.clear();
    }

    fn roll(&mut self, now: MonoTime) {
        // Without a division where the bucket is still the same one.
        if now.as_nanos().wrapping_sub(self.head * self.width_nanos) < self.width_nanos {
            return;
        }
        let current = now.as_nanos() / self.width_nanos;
        // A clock that does not advance leaves the head where it is; one that went back cannot happen, and would
        // count into the newest bucket.
        for number in self.expired(current) {
            let place = self.place(number);
            self.sum.subtract(&self.buckets[place]);
            self.buckets[place].clear();
        }
        self.head = self.head.max(current);
        self.head_place = self.place(self.head);
    }

    fn tally(&self, now: MonoTime) -> Tally {
        let mut sum = self.sum.clone();
        for number in self.expired(now.as_nanos() / self.width_nanos) {
            sum.subtract(&self.buckets[self.place(number)]);
        }
        sum
    }

    /// Numbers of buckets that are new once `current` is the newest, each place once: what they held before is too old.
    fn expired(&self, current: u64) -> std::ops::Range<u64> {
        let gone = current.saturating_sub(self.head).min(self.span());
        self.head + 1..self.head + 1 + gone
    }

    fn holds(&self, number: u64) -> bool {
        (self.oldest()..=self.head).contains(&number)
    }

    fn oldest(&self) -> u64 {
        (self.head + 1).saturating_sub(self.span())
    }

    /// Where the bucket of this number is kept; the bucket `span` numbers before or after it shares the place.
    fn place(&self, number: u64) -> usize {
        usize::try_from(number % self.span()).unwrap_or(0)
    }

    fn span(&self) -> u64 {
        self.buckets.len() as u64
    }
}

#[cfg(test)]
mod tests;
