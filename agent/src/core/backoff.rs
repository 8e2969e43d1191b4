//! How long Open lasts: growing with consecutive openings, capped, and shrinking step by step while all is well.
//!
//! The n-th consecutive opening lasts min(max, base x multiplier^(n-1)), less what jitter takes off. A close does not
//! forget the steps (that is what makes libraries flap between long outages and short successes); as in Envoy, each
//! healthy interval takes one step back. An interval is one `recovery_timeout` spent Closed. Steps stop growing where
//! the cap is reached, so that decay begins at once and not after the steps nobody saw (Envoy's multiplier once grew
//! without a bound behind its cap).
//!
//! Equal jitter, d/2 + uniform(0, d/2), is Finagle's: hosts that trip together must not probe together.

use std::time::Duration;

use rand_core::Rng;

use super::policy::{Jitter, Policy};
use super::time::MonoTime;

/// How far the waits have grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// Consecutive openings so far.
    steps: u32,
    /// Since when the breaker has been Closed, if it is and has opened before.
    healthy_since: Option<MonoTime>,
    /// How long the last opening was to last.
    last: Option<Duration>,
}

impl Backoff {
    /// One more opening: how long it lasts.
    pub fn open(&mut self, now: MonoTime, policy: &Policy, rng: &mut impl Rng) -> Duration {
        self.leave_closed(now, policy);
        self.steps = self.steps.saturating_add(1);
        let (wait, steps) = grown(policy, self.steps);
        self.steps = steps;
        self.draw(wait, policy, rng)
    }

    /// One more opening, of a length somebody else chose.
    pub fn open_for(&mut self, now: MonoTime, policy: &Policy, wait: Duration) -> Duration {
        self.leave_closed(now, policy);
        self.steps = grown(policy, self.steps.saturating_add(1)).1;
        self.last = Some(wait);
        wait
    }

    /// The same opening once more: as long as the last, no step further.
    pub fn repeat(&mut self, policy: &Policy, rng: &mut impl Rng) -> Duration {
        match self.last {
            Some(wait) => wait,
            None => self.draw(grown(policy, self.steps.max(1)).0, policy, rng),
        }
    }

    /// The breaker has closed.
    pub fn closed(&mut self, now: MonoTime) {
        self.healthy_since = Some(now);
    }

    /// The breaker leaves Closed: takes back a step for every healthy interval.
    pub fn leave_closed(&mut self, now: MonoTime, policy: &Policy) {
        if let Some(since) = self.healthy_since.take() {
            let intervals = now.since(since).as_nanos() / policy.recovery_timeout.as_nanos().max(1);
            self.steps = self.steps.saturating_sub(u32::try_from(intervals).unwrap_or(u32::MAX));
        }
    }

    fn draw(&mut self, wait: Duration, policy: &Policy, rng: &mut impl Rng) -> Duration {
        let drawn = match policy.backoff.jitter {
            Jitter::None => wait,
            Jitter::Equal => wait / 2 + up_to(wait - wait / 2, rng),
            Jitter::Full => up_to(wait, rng),
        };
        self.last = Some(drawn);
        drawn
    }
}

/// How long the n-th consecutive opening lasts, and the least n for which it lasts so long.
fn grown(policy: &Policy, n: u32) -> (Duration, u32) {
    let multiplier = u128::from(policy.backoff.multiplier_milli.max(1_000));
    let max = policy.backoff.max.as_nanos();
    let mut wait = policy.recovery_timeout.as_nanos().min(max);
    let mut steps = 1;
    // A multiplier of one never reaches the cap: the first step is as good as any.
    while steps < n && wait < max && multiplier > 1_000 {
        wait = (wait * multiplier / 1_000).min(max);
        steps += 1;
    }
    (Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)), steps)
}

/// Uniform from nothing to `most`. The bias of reducing 64 random bits is below one part in a thousand million for
/// any wait under a minute.
fn up_to(most: Duration, rng: &mut impl Rng) -> Duration {
    let nanos = most.as_nanos().saturating_add(1);
    let drawn = (u128::from(rng.next_u64()) * nanos) >> 64;
    Duration::from_nanos(u64::try_from(drawn).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
