//! What decisions rest on, as plain data: whose evidence, what was judged, and what each peer says.
//!
//! Everything is a count or an age. Calls are told over seven trailing spans ([`SPANS_MS`]), nested: a longer one holds
//! at least as many. The words are those of the agent's core, and the numbers are those it decided by, so that whoever
//! reads an answer can do the judging over again.

use serde::{Deserialize, Serialize};

use super::State;

/// Whose evidence a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Calls of this host.
    Own,
    /// The word of an operator.
    Operator,
    /// Calls of this host and of its peers.
    Cluster,
    /// Calls of peers alone; none of this host's failed.
    Hearsay,
}

/// What the word of peers may do on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Open services.
    Authoritative,
    /// Make the own breaker trip sooner.
    Accelerate,
    /// Nothing: the host testifies and shows, and never follows.
    Advisory,
}

/// A service as the cluster sees it from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// The opening it is in, or has lately left by closing.
    pub opening: Option<OpeningStatus>,
    /// What would be judged now.
    pub judged: JudgementStatus,
}

/// This host's stay in an opening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpeningStatus {
    /// The number of the opening.
    pub number: u64,
    /// How far it has come.
    pub phase: Phase,
    /// Milliseconds in this phase.
    pub since_ms: u64,
    /// Milliseconds until the phase ends; `None` where that is not a matter of time.
    pub ends_in_ms: Option<u64>,
    /// Whose evidence brought this host into it: [`Evidence::Cluster`] or [`Evidence::Hearsay`].
    pub evidence: Evidence,
    /// What was judged when this host entered it; `None` if it took the place most of the others had.
    pub entered_by: Option<JudgementStatus>,
}

/// How far a stay in an opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Calls are refused.
    Open,
    /// Claimed probes go, one at a time.
    HalfOpen,
    /// It was left by closing.
    Closed,
}

/// The pooled calls of one span against what would trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgementStatus {
    /// Whether it trips.
    pub trips: bool,
    /// Over whom it was judged.
    pub scope: Scope,
    /// The judged span, in milliseconds.
    pub span_ms: u64,
    /// Pooled calls, those of silent callers included.
    pub calls: u64,
    /// Failed ones of these.
    pub failed: u64,
    /// Failures that are needed to trip.
    pub failed_needed: u64,
    /// Hosts that find the service failing.
    pub failing_hosts: u32,
    /// Of these, hosts whose own breaker is open.
    pub standing_hosts: u32,
    /// Failing hosts that are needed to trip.
    pub hosts_needed: u32,
    /// Callers heard, this host included.
    pub callers: u32,
    /// Whether this host's own calls go well, so that it does not follow.
    pub first_hand_good: bool,
}

/// Over whom a judgement was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The callers of this host's zone.
    #[default]
    Zone,
    /// All callers.
    All,
}

/// What one peer says of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerDigest {
    /// The peer.
    pub node: String,
    /// Its zone, where known.
    pub zone: Option<String>,
    /// What it does with calls to the service.
    pub state: State,
    /// Milliseconds it had been in that state when it spoke, and since.
    pub since_ms: u64,
    /// Calls in the window of its own breaker.
    pub total: u64,
    /// Failed calls in its window, less those that were its host's own fault.
    pub failed: u64,
    /// Its calls of the seven spans ([`SPANS_MS`]), as it told them.
    pub spans: [SpanCounts; SPANS_MS.len()],
    /// What else it says.
    pub flags: DigestFlags,
    /// The opening it is in, or has lately left by closing.
    pub opening: Option<PeerOpening>,
    /// Milliseconds since it made this digest.
    pub age_ms: u64,
}

/// Calls of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanCounts {
    /// Finished calls.
    pub calls: u32,
    /// Failed ones, less those that were the host's own fault.
    pub failed: u32,
}

/// What else a digest says of a host and a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestFlags {
    /// Its own breaker is open by the service's failures: it is a failing host, whatever its counts.
    pub standing: bool,
    /// One of its calls is outstanding for longer than it may.
    pub overdue: bool,
    /// The host is sick: it counts nowhere.
    pub sick: bool,
    /// The host is deaf: it counts nowhere.
    pub deaf: bool,
    /// The host joins nothing: it only testifies.
    pub advisory: bool,
    /// Somebody there asked for the service in the last ten seconds.
    pub wanted: bool,
}

/// A peer's stay in an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerOpening {
    /// The number of the opening.
    pub number: u64,
    /// How far it has come there.
    pub phase: Phase,
    /// Milliseconds it had been in that phase when it spoke, and since.
    pub since_ms: u64,
}

/// How long the spans are, in milliseconds.
pub const SPANS_MS: [u64; 7] = [16, 64, 256, 1_024, 4_096, 16_384, 65_536];
