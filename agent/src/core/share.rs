//! What one child has put into the window of one of its ancestors, so that it can be taken out again.
//!
//! "Paths are judged deepest first; as a child trips, its outcomes leave its ancestors' windows": one dead instance must
//! not open the breaker of the whole service. For an ancestor with a time window the share is a second window of the
//! same shape; with a count window the entries themselves say where they came from. The failures in the ancestor's present
//! run are counted too. A share belongs to one filling of the window and one run; when the ancestor has begun
//! another, the share begins again with it. It also begins again when a service between the two has taken its own part
//! out, because this part was within that one; nobody walks through all descendants to say so, they see it by a count.

use super::breaker::{Breaker, Run};
use super::counts::{RunEffect, Sample};
use super::policy::WindowShape;
use super::spans::{OwnSpans, SpanCall};
use super::time::MonoTime;
use super::window::TimeWindow;

/// A child's part in its ancestor's window and run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    window: Option<TimeWindow>,
    of: Run,
    /// Its part in the ancestor's testimony, if the host judges together with others.
    spans: Option<Box<OwnSpans>>,
    /// How often this part has been taken out.
    withdrawals: u64,
    /// How often those of the services between had been, when a call was last noted.
    withdrawals_between: u64,
}

impl Share {
    /// Notes a call that the ancestor has just taken into its window. `between` is how often the services between have
    /// taken out theirs, all together.
    pub fn record(&mut self, now: MonoTime, sample: Sample, ancestor: &Breaker, between: u64) {
        self.follow(ancestor.run(), between);
        if let WindowShape::Time { bucket, buckets } = ancestor.policy().window {
            let kinds = ancestor.policy().conditions.kinds.len();
            self.window.get_or_insert_with(|| TimeWindow::new(bucket, buckets, kinds)).record(now, sample);
        }
        if sample.run() == RunEffect::Grows {
            self.of.failures += 1;
        }
    }

    /// Notes a call that the ancestor testifies about.
    pub fn testify(&mut self, now: MonoTime, call: SpanCall, between: u64) {
        if !self.is_within(between) {
            *self = Self { withdrawals: self.withdrawals, withdrawals_between: between, ..Self::default() };
        }
        self.spans.get_or_insert_default().record(now, call);
    }

    /// Takes away what a child of the child had put in, for the same ancestor.
    pub fn forget(&mut self, now: MonoTime, below: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.spans, &below.spans) {
            mine.withdraw(now, theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.window, &below.window)
            && self.of.window_serial == below.of.window_serial
        {
            mine.subtract(now, theirs);
        }
        if self.of.serial == below.of.serial {
            self.of.failures = self.of.failures.saturating_sub(below.of.failures);
        }
    }

    /// Back to nothing, after the ancestor has forgotten it.
    pub fn clear(&mut self) {
        *self = Self { withdrawals: self.withdrawals + 1, ..Self::default() };
    }

    /// How often this part has been taken out.
    #[must_use]
    pub fn withdrawals(&self) -> u64 {
        self.withdrawals
    }

    /// Whether it is still in the ancestor: no service between has taken it out within its own part.
    #[must_use]
    pub fn is_within(&self, between: u64) -> bool {
        self.withdrawals_between == between
    }

    /// The part in testimony.
    #[must_use]
    pub fn spans(&self) -> Option<&OwnSpans> {
        self.spans.as_deref()
    }

    /// The part in a time window.
    #[must_use]
    pub fn window(&self) -> Option<&TimeWindow> {
        self.window.as_ref()
    }

    /// Which filling of the ancestor's window it belongs to.
    #[must_use]
    pub fn window_serial(&self) -> u64 {
        self.of.window_serial
    }

    /// Which run of the ancestor it belongs to.
    #[must_use]
    pub fn run_serial(&self) -> u64 {
        self.of.serial
    }

    /// Its failures in that run.
    #[must_use]
    pub fn run_failures(&self) -> u64 {
        self.of.failures
    }

    fn follow(&mut self, ancestor: Run, between: u64) {
        if self.of.window_serial != ancestor.window_serial || !self.is_within(between) {
            self.window = None;
        }
        if self.of.serial != ancestor.serial || !self.is_within(between) {
            self.of.failures = 0;
        }
        if !self.is_within(between) {
            self.spans = None;
        }
        self.withdrawals_between = between;
        self.of = Run { failures: self.of.failures, ..ancestor };
    }
}
