//! What a watcher is told: every change of a breaker, and every step of an opening, as plain data.
//!
//! An opening is told step by step on each host, as that host takes part in it: probes are those of this host, and the
//! numbers are the cluster's, so that what several watchers saw can be put together. What was judged on entering comes
//! along whole, because it is gone when somebody asks.

use serde::{Deserialize, Serialize};

use super::{Evidence, JudgementStatus, Reason, State};

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A breaker changed its state.
    Transition {
        /// The service.
        service: String,
        /// The state it left.
        from: State,
        /// The state it entered.
        to: State,
        /// Why.
        reason: Reason,
        /// Milliseconds until calls may be tried again, where that is a matter of time.
        retry_after_ms: Option<u64>,
    },
    /// A breaker that only measures has crossed a condition that would have tripped it.
    Exceeded {
        /// The service.
        service: String,
        /// The condition.
        reason: Reason,
    },
    /// The watcher read too slowly and missed events.
    Missed {
        /// How many.
        events: u64,
    },
    /// The cluster breaker of a service took a step. Where it changes what is done with calls, a [`Event::Transition`]
    /// follows.
    Opening {
        /// The service.
        service: String,
        /// The number of the opening.
        number: u64,
        /// What happened to it, or in it.
        step: OpeningStep,
    },
}

/// A step of this host in an opening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpeningStep {
    /// The host entered it.
    Entered {
        /// What brought it there.
        how: Entry,
        /// The opening it was in before.
        from: Option<u64>,
        /// Whose evidence that was: [`Evidence::Cluster`] or [`Evidence::Hearsay`].
        evidence: Evidence,
        /// What was judged then.
        judged: JudgementStatus,
    },
    /// The host would have entered it, but too many of its services are refused on the word of peers alone.
    Capped {
        /// Services so refused.
        refused: u64,
        /// Services the host uses.
        used: u64,
    },
    /// The time in Open is over: claimed probes may go.
    HalfOpen,
    /// A probe was claimed here, and goes from here.
    ProbeClaimed {
        /// Its number in the opening.
        probe: u32,
    },
    /// A probe of this host came back.
    ProbeOver {
        /// Its number in the opening.
        probe: u32,
        /// Whether it succeeded.
        good: bool,
    },
    /// The host left it.
    Left {
        /// Why.
        reason: Reason,
    },
}

/// What brought a host into an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// It judged for itself and was the first it knows of.
    Started,
    /// It judged for itself; others were there before.
    Joined,
    /// Most of the others are there.
    Adopted,
}
