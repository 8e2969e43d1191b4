//! How soon gossip is started again after it died, and how often it may take a higher incarnation than a namesake.
//!
//! A value: `now` is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::time::MonoTime;

/// The memory of former lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Restarts {
    deaths_in_a_row: u32,
    outnumbered: VecDeque<MonoTime>,
}

impl Restarts {
    /// How long to wait after a life that lasted so long.
    pub(super) fn after_death(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY_LIFE {
            self.deaths_in_a_row = 0;
        }
        let doublings = self.deaths_in_a_row.min(16);
        self.deaths_in_a_row += 1;
        (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX)
    }

    /// Whether a namesake may be outnumbered now; it counts as done.
    pub(super) fn outnumber(&mut self, now: MonoTime) -> bool {
        self.outnumbered.retain(|at| now.since(*at) < Duration::from_secs(60));
        let may = self.outnumbered.len() < OUTNUMBERED_PER_MINUTE;
        if may {
            self.outnumbered.push_back(now);
        }
        may
    }
}

/// A life that lasted this long ended for a reason of its own.
const HEALTHY_LIFE: Duration = Duration::from_secs(60);

/// After a first death: long enough for a burst of what killed it to pass, short against the second in which peers
/// would miss us.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// However often it dies: each life costs peers an entry for ten minutes, sixty of them fill a sixteenth of chitchat's
/// datagram.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Two agents of one name would otherwise outnumber each other as fast as gossip carries it.
const OUTNUMBERED_PER_MINUTE: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_death_in_a_row_doubles_the_pause_up_to_its_limit() {
        let mut restarts = Restarts::default();
        let pauses: Vec<_> = (0..40).map(|_| restarts.after_death(Duration::ZERO)).collect();
        assert_eq!(pauses[..3], [PAUSE_MIN, PAUSE_MIN * 2, PAUSE_MIN * 4]);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[39], PAUSE_MAX);
    }

    #[test]
    fn a_healthy_life_is_followed_by_a_short_pause() {
        let mut restarts = Restarts::default();
        for _ in 0..5 {
            restarts.after_death(HEALTHY_LIFE - Duration::from_nanos(1));
        }
        assert_eq!(restarts.after_death(HEALTHY_LIFE), PAUSE_MIN);
    }

    #[test]
    fn a_namesake_is_outnumbered_three_times_in_any_minute() {
        let mut restarts = Restarts::default();
        let may: Vec<_> = (0..4).map(|s| restarts.outnumber(MonoTime::from_millis(s * 1_000))).collect();
        assert_eq!(may, [true, true, true, false]);
        assert!(!restarts.outnumber(MonoTime::from_millis(59_999)));
        assert!(restarts.outnumber(MonoTime::from_millis(60_000)));
        assert!(!restarts.outnumber(MonoTime::from_millis(60_000)));
    }
}
