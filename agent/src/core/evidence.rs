//! What the callers of a service have seen together, and whether that is a trip.

use std::time::Duration;

/// What a judgement rests on: the pooled calls of one span, against what would trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it trips.
    pub trips: bool,
    /// Over whom it was judged.
    pub scope: Scope,
    /// The judged span; the longest if the calls of none were enough.
    pub span: Duration,
    /// Pooled calls, silent callers included.
    pub calls: u64,
    /// Failed ones.
    pub failed: u64,
    /// Failures that would be needed.
    pub failed_needed: u64,
    /// Hosts that find the service failing.
    pub failing_hosts: u32,
    /// Of these, by their own breaker.
    pub standing_hosts: u32,
    /// Hosts that would be needed.
    pub hosts_needed: u32,
    /// Callers heard, ourselves included.
    pub callers: u32,
    /// Whether our own calls go well.
    pub first_hand_good: bool,
}

/// Over whom a judgement was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The callers of this host's zone.
    #[default]
    Zone,
    /// All callers.
    All,
}
