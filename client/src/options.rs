//! What an application can choose about its client, with defaults that suit a service under load.
//!
//! A value out of its range is taken as the nearest that is in it: an application must not fail to start because of its
//! breaker. The seed is here because randomness is always handed in; its default is different in every process, so that
//! a host's processes do not come back to a restarted agent in step.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Choices for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a question may take, connecting included, before the client goes on without an answer. 5 ms by default:
    /// a hundred times what an agent at rest needs, and nothing beside the call it guards. More than
    /// [`DEADLINE_MAX`] counts as that.
    pub deadline: Duration,
    /// How many questions and reports may wait for the connection, 1 to 65,536, 1,024 by default: what a busy process
    /// asks within one deadline. More costs memory and finds only stale answers; when it is full, calls go unguarded.
    pub queue_max: usize,
    /// Seed of the jitter between attempts to connect; by default different in every process.
    pub seed: u64,
}

/// Choices for one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcquireOptions {
    /// How long the call may take at most, where the application knows better than the policy.
    pub timeout: Option<Duration>,
    /// How long to wait for the agent, instead of [`Options::deadline`].
    pub deadline: Option<Duration>,
}

impl Options {
    /// The defaults with another deadline.
    #[must_use]
    pub fn with_deadline(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }

    pub(crate) fn queue_len(&self) -> usize {
        self.queue_max.clamp(1, QUEUE_CEILING)
    }

    /// How long a connection may stay silent while something is asked of it, hello included.
    pub(crate) fn patience(&self) -> Duration {
        self.deadline.clamp(PATIENCE_MIN, DEADLINE_MAX)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: Duration::from_millis(5), queue_max: 1_024, seed: RandomState::new().build_hasher().finish() }
    }
}

/// Longest deadline: beyond an hour nobody waits for a breaker, and sums with it stay far from the clock's end.
pub const DEADLINE_MAX: Duration = Duration::from_secs(3_600);

/// Longest queue: 65,536 waiting questions are some 20 MB.
const QUEUE_CEILING: usize = 65_536;

/// An agent on this host that says nothing for a second is stopped or stuck; a new connection is worth more than
/// waiting on, and 200 calls that each waited their 5 ms are enough.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_beyond_their_limits_count_as_the_limits() {
        let of = |queue_max, deadline| Options { queue_max, deadline, seed: 0 };
        let second = Duration::from_secs(1);
        assert_eq!(of(0, second).queue_len(), 1);
        assert_eq!(of(1, second).queue_len(), 1);
        assert_eq!(of(QUEUE_CEILING, second).queue_len(), QUEUE_CEILING);
        assert_eq!(of(QUEUE_CEILING + 1, second).queue_len(), QUEUE_CEILING);
        assert_eq!(of(1, Duration::ZERO).patience(), PATIENCE_MIN);
        assert_eq!(of(1, DEADLINE_MAX).patience(), DEADLINE_MAX);
        assert_eq!(of(1, Duration::MAX).patience(), DEADLINE_MAX);
    }

    #[test]
    fn every_client_has_its_own_seed_by_default() {
        assert_ne!(Options::default().seed, Options::default().seed);
    }
}
