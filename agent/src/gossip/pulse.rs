//! How old a value of the state plane is, told by the writer's heartbeat.
//!
//! A value travels through others and may have waited in a partition; no clock says for how long. But chitchat carries
//! each agent's heartbeat, and faster than its values. So a writer notes its heartbeat beside the value, and how long
//! its heartbeats lately took; a reader counts how many there have been since, as far as it knows. (Chitchat's
//! heartbeat also moves with each message received, so its pace depends on the cluster and must be told.) The result is
//! coarse: it leaves out the last stretch of the way, which takes up to two intervals. Whoever counts by it makes the
//! counts as much older, so that testimony that came this way counts for nothing in short spans.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::time::MonoTime;

/// When a value was written, in heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) heartbeat: u64,
    /// How long a heartbeat took lately.
    pub(super) beat: Duration,
    /// How old the digest was by then.
    pub(super) held: Duration,
}

/// The pace of our own heartbeat in this life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    interval: Duration,
    older: Mark,
    newer: Mark,
}

/// A heartbeat known at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: MonoTime,
    pub(super) heartbeat: u64,
}

/// Microseconds and milliseconds, to be short.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct WireStamp {
    heartbeat: u64,
    beat_us: u64,
    held_ms: u64,
}

impl Stamp {
    /// How old the digest is, as far as can be told, now that the writer is known to be at that heartbeat.
    pub(super) fn age(self, heartbeat: u64) -> Duration {
        let beats = u32::try_from(heartbeat.saturating_sub(self.heartbeat)).unwrap_or(u32::MAX);
        self.held.saturating_add(self.beat.saturating_mul(beats))
    }
}

impl Pulse {
    /// A life begins.
    pub(super) fn begin(now: MonoTime, interval: Duration) -> Self {
        let mark = Mark { at: now, heartbeat: 0 };
        Self { interval, older: mark, newer: mark }
    }

    /// Our heartbeat is there by now.
    pub(super) fn note(&mut self, mark: Mark) {
        if mark.at.since(self.newer.at) >= LATELY {
            (self.older, self.newer) = (self.newer, mark);
        }
    }

    /// The stamp of what is written now.
    pub(super) fn stamp(&self, mark: Mark, held: Duration) -> Stamp {
        let beats = mark.heartbeat.saturating_sub(self.older.heartbeat);
        let beats = u32::try_from(beats).unwrap_or(u32::MAX).max(1);
        let beat = (mark.at.since(self.older.at) / beats).clamp(BEAT_MIN, self.interval);
        Stamp { heartbeat: mark.heartbeat, beat, held }
    }
}

impl From<Stamp> for WireStamp {
    fn from(Stamp { heartbeat, beat, held }: Stamp) -> Self {
        let beat_us = u64::try_from(beat.as_micros()).unwrap_or(u64::MAX);
        Self { heartbeat, beat_us, held_ms: super::word::millis(held) }
    }
}

impl From<WireStamp> for Stamp {
    fn from(WireStamp { heartbeat, beat_us, held_ms }: WireStamp) -> Self {
        Self { heartbeat, beat: Duration::from_micros(beat_us), held: Duration::from_millis(held_ms) }
    }
}

/// The pace is that of the last one or two stretches of this length: long enough to count beats, short enough to follow
/// a cluster that grows or falls apart.
const LATELY: Duration = Duration::from_secs(8);

/// A heartbeat takes at least so long: a burst of messages in a first moment is no pace.
const BEAT_MIN: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(500);

    fn mark(millis: u64, heartbeat: u64) -> Mark {
        Mark { at: MonoTime::from_millis(millis), heartbeat }
    }

    #[test]
    fn a_value_just_written_is_as_old_as_it_was_held() {
        let stamp = Pulse::begin(MonoTime::START, INTERVAL).stamp(mark(100, 1), Duration::from_secs(7));
        for known in [0, 1] {
            assert_eq!(stamp.age(known), Duration::from_secs(7));
        }
    }

    #[test]
    fn heartbeats_since_count_as_long_as_those_before_took_lately() {
        let mut pulse = Pulse::begin(MonoTime::START, INTERVAL);
        for second in 0..60 {
            // Ten a second, and in the last half minute twenty.
            pulse.note(mark(second * 1_000, 10 * second + 10 * second.saturating_sub(30)));
        }
        let stamp = pulse.stamp(mark(60_000, 900), Duration::ZERO);
        assert_eq!(stamp.beat, Duration::from_millis(50));
        assert_eq!(stamp.age(900 + 200), Duration::from_secs(10));
    }

    #[test]
    fn no_pace_is_slower_than_an_interval_nor_absurdly_fast() {
        let pulse = Pulse::begin(MonoTime::START, INTERVAL);
        assert_eq!(pulse.stamp(mark(9_000, 0), Duration::ZERO).beat, INTERVAL);
        assert_eq!(pulse.stamp(mark(1, 99), Duration::ZERO).beat, BEAT_MIN);
    }

    #[test]
    fn numbers_beyond_reason_make_it_old_and_nothing_else() {
        let wire = WireStamp { heartbeat: 0, beat_us: u64::MAX, held_ms: u64::MAX };
        assert!(Stamp::from(wire).age(u64::MAX) > Duration::from_secs(1 << 40));
    }
}
