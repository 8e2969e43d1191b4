//! What one service has beside its own breaker where hosts judge together: the host's own testimony, and its stay in an
//! opening.
//!
//! Testimony is the host's own calls and nothing else: what peers say never gets in here, and being in an opening is no
//! testimony. It is emptied when the own breaker closes and when an opening is left, because calls from before that say
//! nothing about the service as it is now: a service called once a minute would otherwise be opened again by the same
//! failures.

use super::breaker::Breaker;
use super::counts::Sample;
use super::opening::Opening;
use super::reason::{RateOf, Reason};
use super::spans::{OwnSpans, SpanCall};
use super::state::{State, StateKind};
use super::time::MonoTime;

/// A service's part in what hosts judge together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterBreaker {
    /// The host's own calls.
    pub spans: OwnSpans,
    /// Failed ones in a row.
    pub row: u32,
    /// Whether the own breaker's trip speaks against the service.
    pub standing: Standing,
    /// Its stay in an opening, if it is in one or has lately left one.
    pub opening: Option<Box<Opening>>,
    /// When peers were last told of a failure.
    pub alerted: Option<MonoTime>,
    /// Whether it is told that too many services are refused on hearsay.
    pub capped: Capped,
}

/// Whether a trip of the own breaker speaks against the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is not open, or by an operator's doing, slowness, or the host's own fault.
    #[default]
    No,
    /// It is open on failures of the service.
    Yes,
}

/// Whether it was told that an entry is beyond the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capped {
    /// None is.
    #[default]
    No,
    /// One is, and that was told.
    Told,
}

impl ClusterBreaker {
    /// Takes in how an own call went. What was the host's own fault says nothing.
    #[inline]
    pub fn testify(&mut self, now: MonoTime, sample: Sample) -> Option<SpanCall> {
        if sample.is_host_fault() {
            return None;
        }
        let call = if sample.is_failure() { SpanCall::Failed } else { SpanCall::Good };
        self.spans.record(now, call);
        self.row = if sample.is_failure() { self.row.saturating_add(1) } else { 0 };
        Some(call)
    }

    /// The own breaker has changed its state.
    pub fn follow(&mut self, now: MonoTime, breaker: &Breaker) {
        match breaker.state().kind() {
            StateKind::Open => self.standing = self.stands(now, breaker),
            StateKind::Closed => self.forget(),
            // On probation after a trip that spoke against the service or did not.
            StateKind::HalfOpen => {}
            StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => self.standing = Standing::No,
        }
    }

    /// Back to no testimony.
    pub fn forget(&mut self) {
        self.spans.clear();
        self.row = 0;
        self.standing = Standing::No;
    }

    /// The stay, unless it is over.
    #[must_use]
    pub fn inside(&self) -> Option<&Opening> {
        self.opening.as_deref().filter(|opening| opening.is_in())
    }

    /// Whether the own breaker is Open on the service's failures, or was when it went to sleep in an opening that is
    /// Open: others judge by it what this host judged by it. With HalfOpen that is over, so that nothing echoes.
    #[must_use]
    pub fn is_standing(&self, breaker: &Breaker) -> bool {
        let slept_over = self.inside().is_some_and(|opening| opening.open_until().is_some());
        self.standing == Standing::Yes && (slept_over || matches!(breaker.state(), State::Open { .. }))
    }

    fn stands(&self, now: MonoTime, breaker: &Breaker) -> Standing {
        let failures = match breaker.reason() {
            Some(Reason::ConsecutiveFailures { .. } | Reason::Count { .. }) => true,
            Some(Reason::Rate { of: RateOf::Failures | RateOf::Timeouts | RateOf::Kind(_), .. }) => true,
            Some(Reason::ClusterHastened { .. }) => true,
            // It reopens for the reason it had before.
            Some(Reason::ProbeFailed | Reason::ProbeLeaseOver | Reason::MaxWaitOver) => return self.standing,
            _ => false,
        };
        let own_fault = breaker.tally(now).counts().host_faults;
        let failed = self.spans.counted(now)[super::digest::SPANS - 1].failed;
        if failures && failed > 0 && u64::from(failed) >= own_fault { Standing::Yes } else { Standing::No }
    }
}
