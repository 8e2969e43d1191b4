//! Every message of the protocol, as plain data. The same types print as JSON for `--format json`.
//!
//! Durations travel as whole microseconds (calls) or milliseconds (waits), ages and never points in time: the two
//! processes need not agree about any clock. Rates travel as parts per million, `None` where they are undefined.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Event, Evidence, JudgementStatus, Member, StatusPage};

/// One request with the id its answer will carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestFrame {
    /// Chosen by the client; two requests in flight on one connection must differ.
    pub id: u32,
    /// What is asked.
    pub request: Request,
}

/// One answer with the id of its request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseFrame {
    /// The id of the request.
    pub id: u32,
    /// The answer.
    pub response: Response,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// May a call to this service go ahead? Answered by [`Response::Granted`] or [`Response::Rejected`].
    Acquire {
        /// Path of the service.
        service: String,
        /// How long the call may take at most, in microseconds, where the client knows.
        timeout_us: Option<u64>,
        /// Whether the permit outlives this connection.
        hold: Hold,
    },
    /// How a permitted call went. Answered by [`Response::Reported`].
    Report {
        /// The permit's id; it is used up.
        permit: u64,
        /// How the call went.
        call: CallReport,
    },
    /// Outcomes of calls made without a permit. Answered by one [`Response::Reported`] with the totals.
    ReportBatch {
        /// At most [`BATCH_MAX`] entries.
        entries: Vec<BatchEntry>,
    },
    /// Give a permit back: the call did not happen. Answered by [`Response::Reported`].
    Cancel {
        /// The permit's id; it is used up.
        permit: u64,
    },
    /// Would a call be allowed? No side effect. Answered by [`Response::Verdict`].
    Query {
        /// Path of the service.
        service: String,
    },
    /// The agent and its services in order of name. Answered by [`Response::Status`].
    Status {
        /// Only this service, without paging.
        service: Option<String>,
        /// Only services whose name sorts after this one: the `next` of the page before.
        after: Option<String>,
        /// At most so many services; the agent may send fewer, to stay within a frame.
        limit: u32,
        /// Whether to add what peers say of each service.
        peers: WithPeers,
    },
    /// The agents of the cluster as this one knows them. Answered by [`Response::Members`].
    Members,
    /// Every transition from now on. Answered by [`Response::Watching`], then a stream of [`Response::Event`].
    Watch,
    /// An operator's action. Answered by [`Response::Done`]. Only for root and the agent's own user.
    Operate {
        /// Path of the service.
        service: String,
        /// What to do.
        action: Action,
        /// How long it holds, in milliseconds; without it, until another action. Only for the first three actions.
        for_ms: Option<u64>,
        /// Why, for whoever looks later.
        reason: Option<String>,
    },
}

/// Whom a permit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// To the connection: lost with it, the permit is cancelled.
    Connection,
    /// To the user behind the connection, until its lease runs out: any connection of that user may report it.
    Detached,
}

/// Whether a status carries the digests of peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithPeers {
    /// Only this agent's view.
    No,
    /// With each peer's newest failure digest.
    Yes,
}

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// Its outcome.
    pub outcome: Outcome,
    /// How long it took, in microseconds, where known.
    pub duration_us: Option<u64>,
    /// The kind of failure in a word, such as `connect` or `http_503`; meaningless with a success.
    pub kind: Option<String>,
    /// Whose fault a failure is.
    pub origin: Origin,
}

impl CallReport {
    /// A call that ended so, of which nothing else is known.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, duration_us: None, kind: None, origin: Origin::Service }
    }

    /// A call that went well.
    #[must_use]
    pub fn success() -> Self {
        Self::of(Outcome::Success)
    }

    /// A call that failed, with the kind of failure in a word of the application's.
    #[must_use]
    pub fn failure(kind: impl Into<String>) -> Self {
        Self { kind: Some(kind.into()), ..Self::of(Outcome::Failure) }
    }

    /// The same, with the time it took.
    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self { duration_us: Some(micros(duration)), ..self }
    }

    /// The same, as the fault of this host: name resolution, no route, out of sockets.
    #[must_use]
    pub fn own_fault(self) -> Self {
        Self { origin: Origin::Host, ..self }
    }
}

/// A duration as it travels: whole microseconds, at most what the field holds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Outcomes of equal calls made without a permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchEntry {
    /// Path of the service.
    pub service: String,
    /// How each of the calls went.
    pub call: CallReport,
    /// How many calls; all entries of a batch together at most [`REPEAT_MAX`].
    pub repeat: u32,
}

/// The ways a call can end. The words are those of the design: a throttled call (429) is a soft failure, an ignored one
/// counts nowhere, a cancelled one did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the word itself")]
pub enum Outcome {
    Success,
    Failure,
    Timeout,
    Throttled,
    Ignored,
    Cancelled,
}

/// Whose fault a failed call is. A failure of the host's own (name resolution, no route, out of sockets) trips the
/// host's own breaker and is never told to peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The service's.
    #[default]
    Service,
    /// This host's.
    Host,
}

/// What an operator can do to a service on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Refuse every call.
    ForceOpen,
    /// Let every call through and record nothing.
    Disable,
    /// Record and report, never refuse.
    MetricsOnly,
    /// Close now, automatic from then on.
    ForceClose,
    /// As force-close, and forget the backoff.
    Reset,
}

/// The states of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the word itself; the design's list of words explains it")]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
    MetricsOnly,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// The call may go ahead.
    Granted(Permit),
    /// The call may not go ahead.
    Rejected(Rejection),
    /// What became of a report, a batch, or a cancellation.
    Reported(Receipt),
    /// The answer to a query.
    Verdict(Verdict),
    /// A page of status.
    Status(StatusPage),
    /// The cluster as this agent knows it.
    Members(Vec<Member>),
    /// The watch has begun.
    Watching,
    /// Something happened that a watcher asked to be told.
    Event(Event),
    /// The action was carried out.
    Done,
    /// The request was not carried out; nothing changed.
    Failed(Failure),
}

/// The receipt for a call that may go ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// What to report or cancel; `None` if the agent does not keep track of this call (see `standing`).
    pub id: Option<u64>,
    /// How the call was let through.
    pub standing: Standing,
    /// How long the permit is good for, in milliseconds.
    pub lease_ms: u64,
    /// How long the policy lets a call take at most, in microseconds, where it says so.
    pub timeout_us: Option<u64>,
}

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// By the breaker.
    Allowed,
    /// The breaker would have refused, but its policy is enforced for part of the traffic only.
    WouldRefuse,
    /// The agent is at one of its limits and does not track this call.
    Untracked,
}

/// Why a call may not go ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The service that refuses: the one asked for, or one of its ancestors.
    pub service: String,
    /// The state that refuses.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// Whose evidence it rests on.
    pub evidence: Evidence,
    /// When to ask again, in milliseconds from now; `None` if nobody can tell.
    pub retry_after_ms: Option<u64>,
    /// The number of the opening, if it is the cluster that refuses.
    pub number: Option<u64>,
    /// What the cluster's decision rests on; `None` if this host's breaker or an operator refuses, and for an opening
    /// that was adopted without a judgement of this host's own.
    pub judged: Option<JudgementStatus>,
}

/// Why something happened: a stable word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Such as `failure_rate` or `probe_failed`.
    pub code: String,
    /// Such as `failure rate 60 % >= 50 % (12 of 20 calls)`.
    pub text: String,
}

/// What became of reported outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Calls that were taken in.
    pub counted: u64,
    /// Calls that were dropped: granted in an earlier state, or reported in a state that takes none.
    pub dropped: u64,
    /// Calls to services the agent does not track.
    pub untracked: u64,
}

/// Whether a call would be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would.
    Allowed(Standing),
    /// It would not.
    Refused(Rejection),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// For people: what was wrong and what was expected.
    pub text: String,
}

/// Why a request was not carried out, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The name is not a path of a service.
    InvalidName,
    /// Another argument is out of its range.
    InvalidArgument,
    /// The configuration admits only named services, and this is none.
    UnknownService,
    /// No such permit: never granted to this client, already used, or its lease has run out.
    UnknownPermit,
    /// The peer's user may not do this.
    NotPermitted,
    /// The agent is busier than it can bear; ask again later.
    Busy,
}

/// Most entries in one batch: what fits in a frame with names of the longest kind is less.
pub const BATCH_MAX: usize = 4096;

/// Most calls one batch may stand for, all its entries together: the agent takes them in one by one, at 0.2 us each for
/// an instance of a service, and while it does everybody else on the host waits. So 3 ms of the 5 ms that clients give it.
pub const REPEAT_MAX: u32 = 16_384;
