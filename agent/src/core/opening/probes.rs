//! What a host knows of the probes of an opening, and when the next one may go.
//!
//! Probes are a budget of the whole cluster, so they are numbered, and whoever grants one claims its number. Each host
//! keeps the highest number it has heard of and when, which is all a pace needs: no clocks, no slots. Hosts that hear of
//! a claim late err towards fewer probes.
//!
//! What is pooled only grows, so that repeats and disorder do no harm: the highest failed probe is a maximum, and each
//! host counts its own successes above that. Successes of hosts that know of an earlier failed probe only are left out
//! until these have heard of it too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::core::digest::Probes;
use crate::core::lots::Lots;
use crate::core::time::MonoTime;

/// What a host knows of the probes of its opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    claimed: u32,
    /// The highest number anybody claimed, and when that was heard of.
    highest: u32,
    heard: MonoTime,
    /// The highest number that failed, how many did, and when the last of that was heard of.
    failed: u32,
    failures: u32,
    failed_at: MonoTime,
    /// Own probes that succeeded, above `failed`.
    good: BTreeSet<u32>,
    /// Own probes that are out, by their serial numbers.
    out: BTreeMap<u64, u32>,
    /// Successes of all hosts since the last failure.
    pooled: u64,
}

impl Book {
    /// What to tell of it.
    #[must_use]
    pub fn told(&self) -> Probes {
        Probes {
            claimed: self.claimed,
            highest: self.highest,
            failed: self.failed,
            failures: self.failures,
            good: u32::try_from(self.good.len()).unwrap_or(u32::MAX),
        }
    }

    /// Takes in what a peer knows. Numbers that no cluster can come to are not believed.
    pub fn learn(&mut self, now: MonoTime, told: &Probes) {
        let highest = told.highest.max(told.claimed).max(told.failed);
        if highest.max(told.failures) > PROBES_MAX {
            return;
        }
        if highest > self.highest {
            self.highest = highest;
            self.heard = now;
        }
        if told.failed > self.failed || told.failures > self.failures {
            self.failed_at = now;
        }
        self.failures = self.failures.max(told.failures);
        self.raise_failed(told.failed);
    }

    /// Claims the next probe, to go out under a serial number.
    pub fn claim(&mut self, now: MonoTime, serial: u64) -> u32 {
        self.highest = self.next();
        self.claimed = self.highest;
        self.heard = now;
        self.out.insert(serial, self.highest);
        self.highest
    }

    /// A probe has come back: its number, unless it is of another opening.
    pub fn returned(&mut self, serial: u64) -> Option<u32> {
        self.out.remove(&serial)
    }

    /// An own probe succeeded.
    pub fn succeeded(&mut self, probe: u32) {
        if probe > self.failed {
            self.good.insert(probe);
        }
    }

    /// An own probe failed.
    pub fn failed(&mut self, now: MonoTime, probe: u32) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.raise_failed(probe);
    }

    /// Adds up the successes of all, own and told, since the last failure.
    pub fn pool<'a>(&mut self, told: impl Iterator<Item = &'a Probes>) -> u64 {
        let theirs = told.filter(|told| told.failed == self.failed).map(|told| u64::from(told.good));
        self.pooled = theirs.fold(self.own_good(), u64::saturating_add);
        self.pooled
    }

    /// How many of the own have succeeded since the last failure.
    #[must_use]
    pub fn own_good(&self) -> u64 {
        self.good.len() as u64
    }

    /// The number of the next probe.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.highest.saturating_add(1)
    }

    /// How many of the own are out.
    #[must_use]
    pub fn out(&self) -> usize {
        self.out.len()
    }

    /// From when on the next probe may go, in a HalfOpen that began at `begun`.
    #[must_use]
    pub fn due(&self, begun: MonoTime, lots: Lots) -> MonoTime {
        if self.highest == 0 {
            return begun;
        }
        let paced = self.heard + if self.pooled > 0 { PACE_GOOD } else { PACE };
        let held = match self.failures {
            0 => begun,
            failures => self.failed_at + lots.held_back_for(failures, held_back(failures)),
        };
        paced.max(held).max(begun)
    }

    fn raise_failed(&mut self, failed: u32) {
        if failed > self.failed {
            self.failed = failed;
            self.good = self.good.split_off(&(failed.saturating_add(1)));
            self.pooled = 0;
        }
    }
}

/// How long after a probe is due a host may grant it: the first in line at once, twice as many every step.
#[must_use]
pub fn wait_of(rank: usize) -> Duration {
    TURN * (usize::BITS - rank.leading_zeros())
}

/// How long so many failed probes hold all back, before jitter: half a second, half as much again with each, 2 s at most.
fn held_back(failures: u32) -> Duration {
    let mut held = HELD_BACK;
    for _ in 1..failures.min(HELD_BACK_STEPS) {
        held = (held * 3 / 2).min(HELD_BACK_MAX);
    }
    held
}

/// A probe a second from a whole cluster harms nobody, whatever it costs.
pub const PACE: Duration = Duration::from_secs(1);

/// After a success: the few that are still needed are had in well under a second.
pub const PACE_GOOD: Duration = Duration::from_millis(200);

/// How long the first in line is waited for, and each doubling after it: long for a claim to go round, short beside the
/// pace.
const TURN: Duration = Duration::from_millis(250);

const HELD_BACK: Duration = Duration::from_millis(500);
const HELD_BACK_MAX: Duration = Duration::from_secs(2);

/// From here on the cap is reached.
const HELD_BACK_STEPS: u32 = 5;

/// Highest number of a probe that is believed: at five a second that is more than a month of HalfOpen.
pub const PROBES_MAX: u32 = 1 << 24;

#[cfg(test)]
mod tests;
