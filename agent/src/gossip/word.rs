//! A failure digest as it travels, on either plane: numbers only, without its service.
//!
//! The encoded types are private mirrors of the core's: the core may change, the wire may only be joined by new flags
//! and by new kinds at the end of an enum. Spans travel as differences, so that they are nested however they are read,
//! and because bincode writes small numbers in one byte: a digest of a usual service takes about forty.
//!
//! What a peer wrote is checked here, once, and becomes a value that cannot be wrong. Ages are whole milliseconds.

use std::time::Duration;

use breaker_client::wire::{from_bytes, to_bytes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::core::digest::{FailureDigest, Flags, Phase, Probes, SPANS, Span, Spans, StateKind, Stay};
use crate::core::service::ServiceName;

/// What somebody wrote is not what it promises to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A digest without its service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Word {
    sequence: u64,
    state: WireState,
    age_ms: u64,
    total: u64,
    failed: u64,
    flags: u8,
    /// Calls and failures of each span beyond those of the next shorter one.
    more: [(u32, u32); SPANS],
    stay: Option<WireStay>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireStay {
    number: u64,
    phase: WirePhase,
    age_ms: u64,
    claimed: u32,
    highest: u32,
    failed: u32,
    failures: u32,
    good: u32,
}

/// Append-only: a state's number is its place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum WireState {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
    MetricsOnly,
}

/// Append-only, as well.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum WirePhase {
    Open,
    HalfOpen,
    Closed,
}

impl Word {
    /// What a digest says.
    pub(super) fn of(digest: &FailureDigest) -> Self {
        let FailureDigest { sequence, state, age, total, failed, flags, spans, stay, service: _ } = digest;
        Self {
            sequence: *sequence,
            state: (*state).into(),
            age_ms: millis(*age),
            total: *total,
            failed: *failed,
            flags: bits(*flags),
            more: differences(spans),
            stay: stay.as_ref().map(WireStay::of),
        }
    }

    /// The digest, of that service.
    pub(super) fn into_digest(self, service: ServiceName) -> Result<FailureDigest, Malformed> {
        let Self { sequence, state, age_ms, total, failed, flags, more, stay } = self;
        if failed > total {
            return Err(Malformed);
        }
        Ok(FailureDigest {
            service,
            sequence,
            state: state.into(),
            age: Duration::from_millis(age_ms),
            total,
            failed,
            flags: flags_of(flags),
            spans: sums(more)?,
            stay: stay.map(WireStay::into_stay),
        })
    }
}

impl WireStay {
    fn of(stay: &Stay) -> Self {
        let Stay { number, phase, age, probes } = *stay;
        let Probes { claimed, highest, failed, failures, good } = probes;
        Self { number, phase: phase.into(), age_ms: millis(age), claimed, highest, failed, failures, good }
    }

    fn into_stay(self) -> Stay {
        let Self { number, phase, age_ms, claimed, highest, failed, failures, good } = self;
        let probes = Probes { claimed, highest, failed, failures, good };
        Stay { number, phase: phase.into(), age: Duration::from_millis(age_ms), probes }
    }
}

impl From<StateKind> for WireState {
    fn from(kind: StateKind) -> Self {
        match kind {
            StateKind::Closed => Self::Closed,
            StateKind::Open => Self::Open,
            StateKind::HalfOpen => Self::HalfOpen,
            StateKind::ForcedOpen => Self::ForcedOpen,
            StateKind::Disabled => Self::Disabled,
            StateKind::MetricsOnly => Self::MetricsOnly,
        }
    }
}

impl From<WireState> for StateKind {
    fn from(state: WireState) -> Self {
        match state {
            WireState::Closed => Self::Closed,
            WireState::Open => Self::Open,
            WireState::HalfOpen => Self::HalfOpen,
            WireState::ForcedOpen => Self::ForcedOpen,
            WireState::Disabled => Self::Disabled,
            WireState::MetricsOnly => Self::MetricsOnly,
        }
    }
}

impl From<Phase> for WirePhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Open => Self::Open,
            Phase::HalfOpen => Self::HalfOpen,
            Phase::Closed => Self::Closed,
        }
    }
}

impl From<WirePhase> for Phase {
    fn from(phase: WirePhase) -> Self {
        match phase {
            WirePhase::Open => Self::Open,
            WirePhase::HalfOpen => Self::HalfOpen,
            WirePhase::Closed => Self::Closed,
        }
    }
}

/// The bytes of a plain value.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    to_bytes(value).expect("invariant: plain structs have an encoding")
}

/// The value that fills these bytes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    from_bytes(bytes).or(Err(Malformed))
}

/// Whole milliseconds.
pub(super) fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a text is fit to be a node's or a zone's name: it will be printed on terminals.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= WORD_MAX && !text.chars().any(char::is_control)
}

fn bits(flags: Flags) -> u8 {
    let Flags { standing, overdue, sick, deaf, advisory, wanted } = flags;
    (0..).zip([standing, overdue, sick, deaf, advisory, wanted]).map(|(bit, is_set)| u8::from(is_set) << bit).sum()
}

/// Bits of a later version are passed over.
fn flags_of(bits: u8) -> Flags {
    let is_set = |bit: u8| bits & 1 << bit != 0;
    Flags {
        standing: is_set(0),
        overdue: is_set(1),
        sick: is_set(2),
        deaf: is_set(3),
        advisory: is_set(4),
        wanted: is_set(5),
    }
}

fn differences(spans: &Spans) -> [(u32, u32); SPANS] {
    let mut shorter = Span::default();
    spans.map(|span| {
        let more = (span.calls.saturating_sub(shorter.calls), span.failed.saturating_sub(shorter.failed));
        shorter = span;
        more
    })
}

fn sums(more: [(u32, u32); SPANS]) -> Result<Spans, Malformed> {
    let (mut spans, mut sum) = (Spans::default(), Span::default());
    for (span, (calls, failed)) in spans.iter_mut().zip(more) {
        sum.calls = sum.calls.checked_add(calls).ok_or(Malformed)?;
        sum.failed = sum.failed.checked_add(failed).ok_or(Malformed)?;
        if sum.failed > sum.calls {
            return Err(Malformed);
        }
        *span = sum;
    }
    Ok(spans)
}

/// Longest name of a node or a zone in bytes: each known node's is in every exchange.
pub const WORD_MAX: usize = 64;

#[cfg(test)]
pub(in crate::gossip) mod tests;
