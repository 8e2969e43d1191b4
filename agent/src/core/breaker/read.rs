//! Looking at a breaker. Nothing here changes anything.

use super::{Breaker, Run};
use crate::core::counts::Tally;
use crate::core::policy::Policy;
use crate::core::reason::Reason;
use crate::core::state::State;
use crate::core::time::MonoTime;

impl Breaker {
    /// The policy it judges by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of its state.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Since when it has been in this state.
    #[must_use]
    pub fn since(&self) -> MonoTime {
        self.since
    }

    /// Why it is in this state; `None` until the first change.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// The counts it judges by: the live window, or in HalfOpen the probes.
    #[must_use]
    pub fn tally(&self, now: MonoTime) -> Tally {
        match &self.state {
            State::HalfOpen { probes, .. } => probes.clone(),
            _ => self.window.tally(now),
        }
    }

    /// The failures in a row.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run
    }
}
