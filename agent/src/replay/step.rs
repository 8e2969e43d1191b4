//! One line of a trace: what to do, when, how often, and what is expected to follow.
//!
//! Everything that is wrong with a line by itself is found here, before anything is played: its length, its keys, its
//! numbers, and expectations of what nobody prints, which a typing error would otherwise turn into one of nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ReplayError;

/// A line that is whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) step: Step,
    /// Keys of the outcome with the values they are to have.
    pub(super) expectations: Vec<(String, Value)>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Milliseconds since the breaker was created; never less than the line before.
    pub(super) at_ms: u64,
    pub(super) op: Op,
    #[serde(default)]
    pub(super) token: Option<String>,
    #[serde(default)]
    pub(super) duration_ms: Option<u64>,
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) open_ms: Option<u64>,
    #[serde(default)]
    pub(super) for_ms: Option<u64>,
    #[serde(default = "once")]
    pub(super) repeat: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    Ok,
    Fail,
    Slow,
    Timeout,
    Throttled,
    Ignored,
    Ask,
    Cancel,
    Query,
    State,
    Open,
    HalfOpen,
    Close,
    Reset,
    ForceOpen,
    Disable,
    MetricsOnly,
}

impl Line {
    pub(super) fn parse(text: &str) -> Result<Self, ReplayError> {
        if text.len() > LINE_MAX {
            return Err(ReplayError::TooLong(text.len()));
        }
        let (expected, step): (Map<_, _>, Map<_, _>) =
            serde_json::from_str::<Map<String, Value>>(text)?.into_iter().partition(|(key, _)| key.starts_with(EXPECT));
        let expectations = expected.into_iter().map(|(key, value)| (key[EXPECT.len()..].to_owned(), value));
        let expectations: Vec<(String, Value)> = expectations.collect();
        if let Some((key, _)) = expectations.iter().find(|(key, _)| !EXPECTABLE.contains(&key.as_str())) {
            return Err(ReplayError::UnknownExpectation(key.clone()));
        }
        Ok(Self { step: Step::deserialize(Value::Object(step))?.checked()?, expectations })
    }
}

impl Step {
    fn checked(self) -> Result<Self, ReplayError> {
        if self.at_ms > AT_MS_MAX {
            return Err(ReplayError::TooLate(self.at_ms));
        }
        if self.repeat == 0 || self.repeat > REPEAT_MAX {
            return Err(ReplayError::Repeat(self.repeat));
        }
        if self.op == Op::Cancel && self.token.is_none() {
            return Err(ReplayError::CancelWithoutToken);
        }
        Ok(self)
    }
}

fn once() -> u64 {
    1
}

const EXPECT: &str = "expect_";

/// What follows from a line, as it is printed, but for what the line itself says.
pub(super) const EXPECTABLE: &[&str] =
    &["allowed", "state", "total", "failed", "slow", "failure_rate_pct", "retry_after_ms", "reason"];

/// Longest line of a trace in bytes: many times what a step needs.
pub(super) const LINE_MAX: usize = 64 * 1024;

/// Most repeats of one step: some seconds of work.
pub(super) const REPEAT_MAX: u64 = 10_000_000;

/// Latest time of a step: a hundred years fit in the core's nanoseconds with room for every wait.
pub(super) const AT_MS_MAX: u64 = 100 * 366 * 24 * 60 * 60 * 1_000;
