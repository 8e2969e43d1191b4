//! When to try to connect again: at once after a connection that served, later and later after attempts that failed.
//!
//! There is no timer behind it. A client connects when somebody asks and the pause is over; until then it answers at
//! once that there is no agent. So an idle process never wakes up for a missing agent, and a busy one pays for one
//! attempt per pause. Equal jitter (half fixed, half drawn) keeps a host's processes from coming back in step.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

/// The pause between attempts.
#[derive(Debug)]
pub(crate) struct Retry {
    rng: StdRng,
    failures: u32,
    not_before: Option<Instant>,
}

impl Retry {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), failures: 0, not_before: None }
    }

    /// Whether the pause is over.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|due| now >= due)
    }

    /// An attempt failed.
    pub(crate) fn failed(&mut self, now: Instant) {
        let full = PAUSE_MIN.saturating_mul(1 << self.failures.min(DOUBLINGS_MAX)).min(PAUSE_MAX);
        let half = full / 2;
        self.not_before = Some(now + half + half.mul_f64(self.rng.random_range(0.0..=1.0)));
        self.failures = self.failures.saturating_add(1);
    }

    /// A connection has served.
    pub(crate) fn served(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }
}

/// First pause: long against an attempt (some 50 us), short against an agent's restart.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// Longest pause: how long calls may stay unguarded after the agent is back.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// 50 ms doubled so often is past the longest pause.
const DOUBLINGS_MAX: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after so many failures in a row, in milliseconds.
    fn pauses(seed: u64, attempts: usize) -> Vec<u128> {
        let now = Instant::now();
        let mut retry = Retry::new(seed);
        let pause = |retry: &mut Retry| {
            retry.failed(now);
            retry.not_before.map(|due| (due - now).as_millis()).unwrap()
        };
        (0..attempts).map(|_| pause(&mut retry)).collect()
    }

    #[test]
    fn pauses_double_with_equal_jitter_up_to_the_longest() {
        let longest = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
        for seed in 0..100 {
            for (pause, full) in pauses(seed, longest.len()).into_iter().zip(longest) {
                assert!(pause >= full / 2 && pause <= full, "seed {seed}: {pause} ms of {full} ms");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses_and_others_differ() {
        assert_eq!(pauses(7, 20), pauses(7, 20));
        assert_ne!(pauses(7, 20), pauses(8, 20));
    }

    #[test]
    fn a_connection_that_served_is_followed_by_no_pause() {
        let now = Instant::now();
        let mut retry = Retry::new(1);
        assert!(retry.is_due(now));
        retry.failed(now);
        assert!(!retry.is_due(now) && retry.is_due(now + PAUSE_MIN));
        retry.served();
        assert!(retry.is_due(now));
    }

    #[test]
    fn any_number_of_failures_is_survived() {
        let mut retry = Retry::new(1);
        retry.failures = u32::MAX;
        retry.failed(Instant::now());
        assert!(retry.is_due(Instant::now() + PAUSE_MAX));
    }
}
