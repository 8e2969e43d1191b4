//! A host's own calls over the seven trailing spans it testifies about, and what such testimony is worth later.
//!
//! Spans grow by four (16 ms to 65 s), so one of them fits a service that is called a thousand times a second and one
//! that is called once a minute. Each is kept as the five newest buckets of a quarter span. Trailing is exact but for
//! the oldest bucket, of which a part is within the span: it counts by that part, rounded. (Leaving it out would lose an
//! eighth of the calls on average, and a host would seem to fall short of the rate it tells.)
//!
//! All buckets lie on whole multiples of a tick of 4 ms, the shortest bucket, and a span's bucket is the next shorter
//! span: so a longer span always holds at least what a shorter one does, and a call is only added to the count of the
//! present tick. That goes into the seven spans when the tick is over; what is read adds it on a copy.
//!
//! **Invariant:** 296 bytes, nothing on the heap: there is one for each of 10,000 services.
//!
//! Testimony that has travelled or waited is older than it says. What is known of the trailing span `s` after an age
//! `a` are the calls that were in the span `s - a` when it was made; they are taken to be those of the next longer span
//! that was told ([`aged`]). So for three quarters of its length a span is heard as it was told, a little late, then it
//! loses weight in steps, and from 65.536 s on it says nothing. (Spreading calls evenly between two told spans sounds
//! fairer and is not: at the beginning of an outage all failures are in the latest part of the span. Hosts that fail ten
//! times a second and say so each time were then heard at 60 %, the rest filled up with silence; ten of them took
//! three quarters of a second to agree on what takes a quarter.)

use std::time::Duration;

use super::digest::{SPANS, Span, Spans, span};
use super::time::MonoTime;

/// A host's own calls to one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSpans {
    /// The number of the tick `pending` belongs to: the newest one.
    tick: u64,
    pending: Span,
    /// Of each span its buckets, the newest first.
    spans: [[Span; BUCKETS]; SPANS],
}

/// How a call went, as far as testimony is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanCall {
    /// It did not fail.
    Good,
    /// It failed, and not by the host's own fault.
    Failed,
}

impl OwnSpans {
    /// Adds a call that ended at `now`.
    #[inline]
    pub fn record(&mut self, now: MonoTime, call: SpanCall) {
        // Without a division where the tick is still the same one.
        if now.as_nanos().wrapping_sub(self.tick * TICK_NANOS) >= TICK_NANOS {
            self.roll(tick_of(now));
        }
        self.pending.calls = self.pending.calls.saturating_add(1);
        self.pending.failed = self.pending.failed.saturating_add(u32::from(call == SpanCall::Failed));
    }

    /// The calls of the spans that end now. A longer one holds at least as many of both.
    #[must_use]
    pub fn counted(&self, now: MonoTime) -> Spans {
        let rolled = self.rolled(tick_of(now));
        let mut longest = Span::default();
        std::array::from_fn(|index| {
            let counted = rolled.trailing(index);
            // Nested by construction, but for what was withdrawn without having been put in.
            longest = Span { calls: longest.calls.max(counted.calls), failed: longest.failed.max(counted.failed) };
            longest
        })
    }

    /// Back to nothing.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes away what a part of these calls has put in, bucket by bucket, down to nothing at least.
    pub fn withdraw(&mut self, now: MonoTime, part: &Self) {
        let tick = tick_of(now).max(self.tick).max(part.tick);
        let (whole, part) = (self.rolled(tick), part.rolled(tick));
        *self = whole;
        for (mine, theirs) in self.spans.iter_mut().flatten().zip(part.spans.iter().flatten()) {
            mine.calls = mine.calls.saturating_sub(theirs.calls);
            mine.failed = mine.failed.saturating_sub(theirs.failed).min(mine.calls);
        }
    }

    /// How often the host calls the service: calls per 1,000 s with four significant bits, so that it changes less often.
    ///
    /// It is the mean over the longest span; or, as an agent that has just started would seem idle for a minute, over
    /// the time since the first call in it. Four calls are left out of that: so few prove no pace.
    #[must_use]
    pub fn rate(&self, now: MonoTime) -> u32 {
        let rolled = self.rolled(tick_of(now));
        let over = |calls: u32, time: Duration| u64::from(calls) * 1_000_000 / millis(time);
        let mean = over(rolled.trailing(SPANS - 1).calls, span(SPANS - 1));
        let kept = rolled.kept(SPANS - 1);
        let lately = over(kept.saturating_sub(4), rolled.since_first(kept).max(PACE_MIN));
        coarse(u32::try_from(mean.max(lately)).unwrap_or(u32::MAX))
    }

    /// How long ago, at most, the first call came of those that are remembered; the longest span at most.
    #[must_use]
    pub fn calling_for(&self, now: MonoTime) -> Duration {
        let rolled = self.rolled(tick_of(now));
        match rolled.kept(SPANS - 1) {
            0 => Duration::ZERO,
            kept => rolled.since_first(kept).min(span(SPANS - 1)),
        }
    }

    /// How long ago, at most, the first of the calls that are kept came.
    fn since_first(&self, kept: u32) -> Duration {
        let all = |index: &usize| self.kept(*index) == kept;
        let index = (0..SPANS).find(all).unwrap_or(SPANS - 1);
        let oldest = self.spans[index].iter().rposition(|bucket| bucket.calls > 0).unwrap_or(0);
        span(index) / 4 * u32::try_from(oldest + 1).unwrap_or(1)
    }

    /// Calls in all buckets of a span.
    fn kept(&self, index: usize) -> u32 {
        self.spans[index].iter().fold(0, |sum, bucket| sum.saturating_add(bucket.calls))
    }

    /// The calls of a span, as of the present tick.
    fn trailing(&self, index: usize) -> Span {
        let [within @ .., oldest] = &self.spans[index];
        // How far the newest bucket has come, in ticks: as much of the oldest one is no longer in the span.
        let width = 1_u64 << (2 * index);
        let left = width - (self.tick & (width - 1));
        let part = |count: u32| {
            let nearest = (u64::from(count) * left + width / 2) >> (2 * index);
            u32::try_from(nearest).unwrap_or(u32::MAX)
        };
        within.iter().fold(Span { calls: part(oldest.calls), failed: part(oldest.failed) }, |sum, bucket| sum + *bucket)
    }

    /// As it is at the end of this tick, with nothing pending.
    fn rolled(&self, tick: u64) -> Self {
        let mut rolled = self.clone();
        rolled.roll(tick);
        rolled.settle();
        rolled
    }

    /// Makes this tick the present one. Time that does not advance leaves it where it is.
    fn roll(&mut self, tick: u64) {
        if tick <= self.tick {
            return;
        }
        self.settle();
        for (index, buckets) in self.spans.iter_mut().enumerate() {
            let passed = (tick >> (2 * index)) - (self.tick >> (2 * index));
            if passed == 0 {
                // Nor is a longer bucket over.
                break;
            }
            let passed = usize::try_from(passed).unwrap_or(BUCKETS).min(BUCKETS);
            buckets.copy_within(..BUCKETS - passed, passed);
            buckets[..passed].fill(Span::default());
        }
        self.tick = tick;
    }

    fn settle(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        for buckets in &mut self.spans {
            buckets[0] = buckets[0] + pending;
        }
    }
}

/// The same calls as they look `age` later; nothing from the longest span on.
#[must_use]
pub fn aged(spans: &Spans, age: Duration) -> Spans {
    std::array::from_fn(|index| aged_span(spans, index, age))
}

/// One span of [`aged`].
#[must_use]
pub fn aged_span(spans: &Spans, index: usize, age: Duration) -> Span {
    let reach = span(index).saturating_sub(age);
    if reach.is_zero() {
        return Span::default();
    }
    spans[(0..index).find(|at| span(*at) >= reach).unwrap_or(index)]
}

impl std::ops::Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { calls: self.calls.saturating_add(other.calls), failed: self.failed.saturating_add(other.failed) }
    }
}

/// To the four highest bits, the nearest.
fn coarse(rate: u32) -> u32 {
    let shift = rate.checked_ilog2().unwrap_or(0).saturating_sub(3);
    let half = (1_u32 << shift) >> 1;
    (rate.saturating_add(half) >> shift) << shift
}

fn tick_of(now: MonoTime) -> u64 {
    now.as_nanos() / TICK_NANOS
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Buckets of a span: the four it is long, and one that it is leaving.
const BUCKETS: usize = 5;

/// 4 ms: a quarter of the shortest span.
const TICK_NANOS: u64 = 4_000_000;

/// Shortest time a pace is taken over: a burst shorter than the fourth span is not one.
const PACE_MIN: Duration = span(3);

#[cfg(test)]
mod tests;
