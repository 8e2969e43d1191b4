//! How calls end, as the application says it and as a breaker counts it.
//!
//! The application reports an [`Outcome`] with a [`Kind`] in its own words; a policy's `exceptions` and `ignore` lists
//! turn that into what counts (`Policy::classify`). Fault of the host's own is kept apart (Envoy's local origin): it
//! trips the host's own breaker and is never told to peers.

use std::sync::Arc;
use std::time::Duration;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As hoped.
    Success,
    /// An error.
    Failure,
    /// No answer in time.
    Timeout,
    /// A refusal for load (429): a failure in every rate, but not in the run of consecutive failures.
    Throttled,
    /// Counts nowhere; the permit is given back.
    Ignored,
    /// The call did not happen; the permit is given back.
    Cancelled,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The service's.
    #[default]
    Service,
    /// This host's: name resolution, no route, out of sockets.
    Host,
}

/// A kind of failure: a free word such as `connect`, `timeout` or `http_503`.
///
/// `TimeoutException` and `timeout` are one kind, as are `ConnectionException` and `connect`; other words are compared
/// as written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(Arc<str>);

/// A finished call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, where known.
    pub duration: Option<Duration>,
    /// The kind of failure, where the application says.
    pub kind: Option<Kind>,
    /// Whose fault a failure is.
    pub origin: Origin,
}

/// Why a text is not a kind: it is empty, longer than [`KIND_MAX`] bytes, or has a control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindError;

impl Kind {
    /// Checks a kind.
    ///
    /// # Errors
    /// [`KindError`] on an empty text, one over [`KIND_MAX`] bytes, or one with control characters.
    pub fn parse(text: &str) -> Result<Self, KindError> {
        if text.is_empty() || text.len() > KIND_MAX || text.chars().any(char::is_control) {
            return Err(KindError);
        }
        Ok(Self(match text {
            "TimeoutException" => TIMEOUT.into(),
            "ConnectionException" => "connect".into(),
            other => other.into(),
        }))
    }

    /// The kind of every call with the outcome [`Outcome::Timeout`].
    #[must_use]
    pub fn timeout() -> Self {
        Self(TIMEOUT.into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Call {
    /// A call of which nothing but the outcome is known.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, duration: None, kind: None, origin: Origin::Service }
    }

    /// The word for the kind of failure it is: `timeout` for every [`Outcome::Timeout`], else what the application said.
    #[must_use]
    pub fn kind_of_failure(&self) -> Option<&str> {
        match self.outcome {
            Outcome::Success | Outcome::Ignored | Outcome::Cancelled => None,
            Outcome::Timeout => Some(TIMEOUT),
            Outcome::Failure | Outcome::Throttled => self.kind.as_ref().map(Kind::as_str),
        }
    }
}

impl std::fmt::Display for KindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a kind is a word of 1 to {KIND_MAX} bytes without control characters")
    }
}

impl std::error::Error for KindError {}

/// Longest kind in bytes: exception names are rarely longer, and a report must stay small.
pub const KIND_MAX: usize = 64;

const TIMEOUT: &str = "timeout";

#[cfg(test)]
mod tests;
