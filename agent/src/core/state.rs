//! The states of a breaker, each with exactly the data that exists in it, and what a change of state tells the world.

use std::sync::Arc;
use std::time::Duration;

use super::counts::Tally;
use super::evidence::Judgement;
use super::reason::Reason;
use super::time::MonoTime;

/// What a breaker does with calls at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls flow and are counted.
    Closed,
    /// Calls are refused.
    Open {
        /// From when on probes may go (inclusive).
        until: MonoTime,
    },
    /// A few probes go.
    HalfOpen {
        /// When it ends without a verdict.
        deadline: MonoTime,
        /// Probes that are out.
        out: u64,
        /// Probes that came back.
        probes: Tally,
    },
    /// Refused by an operator.
    ForcedOpen(Hold),
    /// Let through and not recorded, by an operator.
    Disabled(Hold),
    /// Recorded and never refused, by an operator.
    MetricsOnly {
        /// Whose doing it is.
        hold: Hold,
        /// Whether a condition holds that would have tripped; told once per crossing.
        exceeded: Exceeded,
    },
}

/// Whether a condition that would have tripped holds at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// None does.
    No,
    /// One does, and it has been told.
    Told,
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Their user.
    pub uid: u32,
    /// What they said.
    pub reason: Option<Arc<str>>,
    /// When it ends; `None` if only another action ends it.
    pub until: Option<MonoTime>,
}

/// Who did something, and what they said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Their user.
    pub uid: u32,
    /// Why, in their words.
    pub said: Option<Arc<str>>,
}

/// What an operator may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Refuse every call.
    ForceOpen(Hold),
    /// Let every call through and record nothing.
    Disable(Hold),
    /// Record and report, never refuse.
    MetricsOnly(Hold),
    /// Close now, automatic from then on.
    ForceClose(Option<Word>),
    /// As force-close, and forget the backoff.
    Reset(Option<Word>),
}

/// The name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateKind {
    /// See [`State::Closed`].
    Closed,
    /// See [`State::Open`].
    Open,
    /// See [`State::HalfOpen`].
    HalfOpen,
    /// See [`State::ForcedOpen`].
    ForcedOpen,
    /// See [`State::Disabled`].
    Disabled,
    /// See [`State::MetricsOnly`].
    MetricsOnly,
}

/// A breaker left one state for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: MonoTime,
    /// The state it left.
    pub from: StateKind,
    /// The state it entered.
    pub to: StateKind,
    /// Why.
    pub reason: Reason,
    /// How long until calls may be tried again, where that is a matter of time.
    pub retry_after: Option<Duration>,
}

/// What a breaker has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Its state changed.
    Changed(Transition),
    /// It only measures, and a condition was crossed that would have tripped it.
    Exceeded(Reason),
    /// Its cluster breaker took a step.
    Cluster(ClusterNotice),
}

/// What a cluster breaker has to tell. Where it changes what the agent does with calls, a [`Notice::Changed`] follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterNotice {
    /// It entered an opening.
    Entered {
        /// The opening.
        number: u64,
        /// The opening it was in before.
        from: Option<u64>,
        /// What brought it there.
        how: Entry,
        /// Whether the host's own calls say nothing of the sort.
        on_hearsay: bool,
        /// What it rests on.
        judged: Judgement,
    },
    /// It would have entered one, but too many services are refused on the word of others already.
    Capped {
        /// The opening.
        number: u64,
        /// Services refused on hearsay alone.
        refused: usize,
        /// Services the host uses.
        used: usize,
    },
    /// Its time in Open is over: claimed probes may go.
    HalfOpen {
        /// The opening.
        number: u64,
    },
    /// A probe was claimed and granted on this host.
    Probe {
        /// The opening.
        number: u64,
        /// The probe.
        probe: u32,
    },
    /// A probe of this host came to an end.
    Probed {
        /// The opening.
        number: u64,
        /// The probe.
        probe: u32,
        /// Whether it succeeded.
        good: bool,
    },
    /// It left the opening.
    Left {
        /// The opening.
        number: u64,
        /// Why.
        reason: Reason,
    },
}

/// What brought a host into an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It judged for itself and was the first it knows of.
    Started,
    /// It judged for itself; others were there before.
    Joined,
    /// Most of the others are there.
    Adopted,
}

/// What happened to the host itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostNotice {
    /// It hears too little to judge for others, or does again.
    Deaf(bool),
    /// It fails where others do not, or does no longer.
    Sick(bool),
}

impl Hold {
    /// Who, and why.
    #[must_use]
    pub fn word(&self) -> Word {
        Word { uid: self.uid, said: self.reason.clone() }
    }
}

impl State {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Closed => StateKind::Closed,
            Self::Open { .. } => StateKind::Open,
            Self::HalfOpen { .. } => StateKind::HalfOpen,
            Self::ForcedOpen(_) => StateKind::ForcedOpen,
            Self::Disabled(_) => StateKind::Disabled,
            Self::MetricsOnly { .. } => StateKind::MetricsOnly,
        }
    }

    /// The operator's word, if it is one.
    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        match self {
            Self::ForcedOpen(hold) | Self::Disabled(hold) | Self::MetricsOnly { hold, .. } => Some(hold),
            Self::Closed | Self::Open { .. } | Self::HalfOpen { .. } => None,
        }
    }

    /// When calls that are refused now may be tried again, where that is a matter of time.
    #[must_use]
    pub fn refuses_until(&self) -> Option<MonoTime> {
        match self {
            Self::Open { until } => Some(*until),
            Self::ForcedOpen(hold) => hold.until,
            Self::Closed | Self::HalfOpen { .. } | Self::Disabled(_) | Self::MetricsOnly { .. } => None,
        }
    }
}

impl StateKind {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
        }
    }
}
