//! Why a question to the agent has no answer, and what a refused call is told.
//!
//! The two are kept apart because they mean opposite things: without an answer the call goes ahead (fail open), after a
//! rejection it must not.

use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Failure, Rejection};

/// Why a question was not answered. Only [`AskError::Late`] and [`AskError::NoAgent`] leave open whether the agent took
/// the question in; after the others nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody listens, or the connection ended before the answer.
    #[error("no agent answers: {0}")]
    NoAgent(Arc<str>),
    /// No answer within the deadline, connecting included.
    #[error("the agent did not answer within {}", humantime::format_duration(*.0))]
    Late(Duration),
    /// Too many questions of this process are waiting already.
    #[error("too many questions of this process wait for the agent already")]
    QueueFull,
    /// The agent has as many connections as it allows.
    #[error("the agent has as many connections as it allows")]
    AgentFull,
    /// The agent's bytes are no answer to what was asked.
    #[error("the agent does not speak this protocol: {0}")]
    Protocol(Arc<str>),
    /// The question does not fit in a frame.
    #[error("cannot be asked: {0}")]
    TooLarge(Arc<str>),
    /// The agent did not carry out the request.
    #[error("{}", .0.text)]
    Failed(Failure),
}

/// A call may not go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected(pub Rejection);

/// Why a guarded call has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// It did not happen.
    #[error(transparent)]
    Rejected(Rejected),
    /// It was dropped after the time the policy, or the caller, gives it.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// It failed by itself.
    #[error("{0}")]
    Failed(E),
}

impl AskError {
    pub(crate) fn no_agent(why: &std::io::Error) -> Self {
        Self::NoAgent(why.to_string().into())
    }

    pub(crate) fn protocol(why: impl Into<Arc<str>>) -> Self {
        Self::Protocol(why.into())
    }
}

impl Rejected {
    /// When to ask again; `None` if nobody can tell.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after_ms.map(Duration::from_millis)
    }
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "calls to {} are refused: {}", self.0.service, self.0.reason.text)
    }
}

impl std::error::Error for Rejected {}
