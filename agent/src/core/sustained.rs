//! Since when each condition has held, for policies that ask that a condition hold for a while before it trips.
//!
//! A condition is looked at after every outcome, just before one (the window may have rolled), and at the moment its
//! time would be up; if it does not hold at any of these it starts anew.

use std::time::Duration;

use super::conditions::Condition;
use super::counts::Tally;
use super::policy::Policy;
use super::reason::Reason;
use super::time::MonoTime;

/// Since when each condition has held without a break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    since: Vec<Option<MonoTime>>,
}

impl Holding {
    /// Looks at every condition now; the first that has held for as long as the policy asks, with why. A policy that
    /// does not ask is answered at once and leaves nothing behind.
    #[inline]
    pub fn look(&mut self, now: MonoTime, policy: &Policy, tally: &Tally, run: u64) -> Option<Reason> {
        let Some(asked) = policy.conditions.sustained else {
            return super::conditions::first(policy, tally, run);
        };
        self.look_for(asked, now, policy, tally, run)
    }

    fn look_for(&mut self, asked: Duration, now: MonoTime, policy: &Policy, tally: &Tally, run: u64) -> Option<Reason> {
        let mut tripped = None;
        self.since.resize(Condition::all(&policy.conditions).count(), None);
        for (since, condition) in self.since.iter_mut().zip(Condition::all(&policy.conditions)) {
            let reason = condition.holds(policy, tally, run);
            *since = reason.as_ref().map(|_| since.unwrap_or(now));
            if since.is_some_and(|since| now.since(since) >= asked) {
                tripped = tripped.or(reason);
            }
        }
        tripped
    }

    /// When the first of the conditions that hold now will have held long enough.
    #[must_use]
    pub fn deadline(&self, policy: &Policy) -> Option<MonoTime> {
        let asked = policy.conditions.sustained?;
        self.since.iter().flatten().min().map(|since| *since + asked)
    }

    /// Whether anything holds.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.since.iter().all(Option::is_none)
    }

    /// Nothing holds any more.
    pub fn clear(&mut self) {
        self.since.clear();
    }
}
