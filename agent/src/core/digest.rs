//! What one agent says about one service: a failure digest, small and without a time stamp; and about itself: a host's
//! word.
//!
//! Both carry ages and counts, never moments, so that two machines need not share a clock; whoever passes one on or
//! keeps it adds the time it has had it. Hosts publish digests only for services that are not plainly healthy. Testimony
//! leaves out failures that were the host's own fault: those say nothing about the service.
//!
//! Of each host and service only the newest counts, by incarnation and then by sequence, whichever way it came; so
//! delay, repetition and disorder end in the same knowledge.

use std::sync::Arc;
use std::time::Duration;

pub use super::state::StateKind;

use super::service::ServiceName;

/// The id of a host in its cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(Arc<str>);

impl HostId {
    /// An id; the caller has checked it.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HostId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// The host.
    pub host: HostId,
    /// The life of its agent.
    pub incarnation: u64,
    /// How long ago, when this reached us, the digest was made.
    pub age: Duration,
    /// What it says.
    pub digest: FailureDigest,
}

/// One agent's word on one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureDigest {
    /// The service.
    pub service: ServiceName,
    /// Its number among all digests of that life of the agent: a newer one has a higher.
    pub sequence: u64,
    /// What the agent does with calls to the service.
    pub state: StateKind,
    /// How long it had been in that state when the digest was made.
    pub age: Duration,
    /// Calls in the window of its own breaker.
    pub total: u64,
    /// Failed ones of these, less those that were the host's own fault.
    pub failed: u64,
    /// What else there is to know.
    pub flags: Flags,
    /// The host's own calls in the seven trailing spans. Nested: a longer span has at least as many of both.
    pub spans: Spans,
    /// The opening it is in, or has lately left by closing.
    pub stay: Option<Stay>,
}

/// What else there is to know of a host and a service. None of it is a vote, but for `standing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Its own breaker is Open, by the service's failures.
    pub standing: bool,
    /// A call to it is outstanding for longer than it may.
    pub overdue: bool,
    /// The host is sick: it counts nowhere.
    pub sick: bool,
    /// The host is deaf: it counts nowhere.
    pub deaf: bool,
    /// The host joins nothing: it only testifies.
    pub advisory: bool,
    /// Somebody on the host asked for the service in the last ten seconds.
    pub wanted: bool,
}

/// Calls of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Finished calls.
    pub calls: u32,
    /// Failed ones, less those that were the host's own fault.
    pub failed: u32,
}

/// Calls of the seven trailing spans, the shortest first.
pub type Spans = [Span; SPANS];

/// A host's stay in an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The number of the opening.
    pub number: u64,
    /// How far it has come.
    pub phase: Phase,
    /// How long it had been in that phase when the digest was made.
    pub age: Duration,
    /// What it knows of the probes of this opening.
    pub probes: Probes,
}

/// How far a stay in an opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Calls are refused.
    Open,
    /// Claimed probes go.
    HalfOpen,
    /// It was left by closing; said for a while, so that others can count its probes.
    Closed,
}

/// What a host knows of the probes of an opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// The number of the last probe it claimed itself; 0 for none.
    pub claimed: u32,
    /// The highest number anybody claimed, as far as it has heard.
    pub highest: u32,
    /// The highest number of a probe that failed, as far as it has heard; 0 for none.
    pub failed: u32,
    /// How many probes have failed in this opening, as far as it has heard.
    pub failures: u32,
    /// Its own probes that succeeded, of those numbered above `failed`.
    pub good: u32,
}

/// What a host says of itself, whatever the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostWord {
    /// The failure domain it is in.
    pub zone: Option<Arc<str>>,
    /// How often it calls its busiest services, in calls per 1,000 seconds, coarse; at most [`RATES_MAX`].
    pub rates: Vec<(ServiceName, u32)>,
    /// It is sick.
    pub sick: bool,
    /// It is deaf.
    pub deaf: bool,
}

/// What membership says of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostView {
    /// Whose.
    pub host: HostId,
    /// The life of its agent; [`ANY_LIFE`] where membership was given and nobody counts them.
    pub incarnation: u64,
    /// How long ago something from it was processed, or since when it is known.
    pub heard: Duration,
    /// Whether it said goodbye.
    pub left: bool,
}

/// News for peers, to go out beside the publishing of states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How much it matters.
    pub urgency: Urgency,
    /// Our word.
    pub digest: FailureDigest,
    /// The testimony of others it was judged by: whoever has not heard it can judge as we did.
    pub judged_by: Vec<Testimony>,
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// An opening, a claim, a verdict of a probe: always goes.
    Place,
    /// A second failure in a row: goes unless the budget is used up.
    Failing,
    /// A lone failure: goes as a small budget of the whole cluster allows.
    Lone,
}

impl Stay {
    /// Whether calls are refused or probed because of it: it has not been closed.
    #[must_use]
    pub fn is_in(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::HalfOpen => true,
            Phase::Closed => false,
        }
    }
}

impl FailureDigest {
    /// A digest that says nothing but a state.
    #[must_use]
    pub fn of(service: ServiceName, state: StateKind) -> Self {
        Self {
            service,
            sequence: 0,
            state,
            age: Duration::ZERO,
            total: 0,
            failed: 0,
            flags: Flags::default(),
            spans: Spans::default(),
            stay: None,
        }
    }
}

/// The incarnation of a host that is known by name alone: whatever life it speaks in, it is that host.
pub const ANY_LIFE: u64 = 0;

/// How many trailing spans there are: 16 ms x 4^i, to 65 s.
pub const SPANS: usize = 7;

/// How long a span is.
#[must_use]
pub const fn span(index: usize) -> Duration {
    Duration::from_millis(16 << (2 * index))
}

/// Most services whose rates a host tells: what 1.5 KB hold.
pub const RATES_MAX: usize = 200;
