//! Why a trace cannot be played on, in words for whoever wrote it; the caller adds file and line.

use serde_json::Value;

use super::TOKENS_MAX;
use super::step::{AT_MS_MAX, EXPECTABLE, LINE_MAX, REPEAT_MAX};
use crate::core::outcome::KindError;

/// Why a line could not be played. Nothing has changed, but after [`ReplayError::Disappointed`].
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The configuration does not admit the service.
    #[error("the configuration admits only named services, and {0} is none")]
    Unknown(String),
    /// It is not a step.
    #[error("{0}; expected an object such as {{\"at_ms\": 0, \"op\": \"fail\"}}")]
    NotAStep(#[from] serde_json::Error),
    /// It expects something that no line is answered with.
    #[error("expect_{0} is no expectation; one can expect {list}", list = EXPECTABLE.join(", "))]
    UnknownExpectation(String),
    /// Time went back.
    #[error("at_ms is {at_ms}, before the {before} of an earlier line")]
    TimeWentBack {
        /// The time of this line.
        at_ms: u64,
        /// The time reached before.
        before: u64,
    },
    /// A time no agent lives to see.
    #[error("at_ms is {0}, expected at most {AT_MS_MAX} (a hundred years)")]
    TooLate(u64),
    /// The token was never asked for.
    #[error("no line before asked for the token {0:?}")]
    UnknownToken(String),
    /// More names than are remembered.
    #[error("this would be token number {}; at most {TOKENS_MAX} are remembered, so use some again", TOKENS_MAX + 1)]
    TooManyTokens,
    /// A cancellation of nothing.
    #[error("cancel needs the token of an earlier ask")]
    CancelWithoutToken,
    /// Too many repeats, or none.
    #[error("repeat is {0}, expected 1 to {REPEAT_MAX}")]
    Repeat(u64),
    /// A kind that is none.
    #[error("kind: {0}")]
    Kind(#[from] KindError),
    /// The line is too long.
    #[error("the line has {0} bytes, at most {LINE_MAX} are allowed")]
    TooLong(usize),
    /// What the line expects is not what followed.
    #[error("expected {key} {expected}, got {found}")]
    Disappointed {
        /// The key, without `expect_`.
        key: String,
        /// What the line says.
        expected: Value,
        /// What followed.
        found: Value,
    },
}
