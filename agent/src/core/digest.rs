//! What one agent says about one service: a failure digest, small and without a time stamp.
//!
//! It carries an age, not a moment, so that two machines need not share a clock; whoever hears it adds the time it has
//! had it. Hosts publish digests only for services that are not plainly healthy. Counts leave out failures that were
//! the host's own fault: those say nothing about the service.

use std::time::Duration;

pub use super::state::StateKind;

use super::service::ServiceName;

/// One agent's word on one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureDigest {
    /// The service.
    pub service: ServiceName,
    /// The state of the agent's breaker for it.
    pub state: StateKind,
    /// How long it had been in that state when the digest was made.
    pub age: Duration,
    /// Calls in its window.
    pub total: u64,
    /// Failed ones, less those that were the host's own fault.
    pub failed: u64,
}
