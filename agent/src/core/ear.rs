//! Whether this host hears enough of the others to judge for them.
//!
//! Deaf is a host that hears fewer than half of those it knows, whose gossip is dead, or that was away itself (paused, or
//! without a processor) so that what waits for it is of unknown age. A host that acted on what it heard last would open
//! healthy services after a pause, and so it holds still until three seconds after the cause has ended. Who knows
//! nobody is not deaf: it is alone, and decides alone.

use std::time::Duration;

use super::registry::Hearing;
use super::time::MonoTime;

/// How well a host hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ear {
    gossip: Cause,
    few: Cause,
    /// Until when it stays deaf though the cause has ended.
    until: MonoTime,
    /// Until when the counts of what arrives are dropped.
    mute: MonoTime,
}

/// Whether a cause of deafness lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cause {
    #[default]
    Over,
    Lasts,
}

/// How many of the others there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// Heard lately.
    pub heard: usize,
    /// Known, though perhaps not heard.
    pub known: usize,
}

impl Ear {
    /// How gossip fares, or that the host was away.
    pub fn note(&mut self, now: MonoTime, hearing: Hearing) {
        match hearing {
            Hearing::Dead => self.gossip = Cause::Lasts,
            Hearing::Works if self.gossip == Cause::Lasts => {
                self.gossip = Cause::Over;
                self.hold_still(now);
            }
            Hearing::WasAway(away) if away > AWAY_MAX => self.hold_still(now),
            Hearing::Works | Hearing::WasAway(_) => {}
        }
    }

    /// How many others are heard now.
    pub fn count(&mut self, now: MonoTime, company: Company) {
        let few = if company.is_too_small() { Cause::Lasts } else { Cause::Over };
        if self.few == Cause::Lasts && few == Cause::Over {
            self.until = self.until.max(now + STILL);
        }
        self.few = few;
    }

    /// Whether it is deaf.
    #[must_use]
    pub fn is_deaf(&self, now: MonoTime) -> bool {
        self.gossip == Cause::Lasts || self.few == Cause::Lasts || now < self.until
    }

    /// Whether the counts of what arrives now are dropped: it may have waited for as long as the host was away.
    #[must_use]
    pub fn is_mute(&self, now: MonoTime) -> bool {
        self.gossip == Cause::Lasts || now < self.mute
    }

    /// When it hears again by time alone.
    #[must_use]
    pub fn until(&self) -> MonoTime {
        self.until
    }

    /// Whether it hears too few.
    #[must_use]
    pub fn hears_few(&self) -> bool {
        self.few == Cause::Lasts
    }

    fn hold_still(&mut self, now: MonoTime) {
        self.until = self.until.max(now + STILL);
        self.mute = self.mute.max(now + MUTE);
    }
}

impl Company {
    fn is_too_small(self) -> bool {
        self.heard * 2 < self.known
    }
}

/// How long the own turn may be late: much longer is no load but a pause, and news of unknown age.
pub const AWAY_MAX: Duration = Duration::from_secs(1);

/// How long a host holds still after the cause has ended: as long as a peer counts that is not heard, so that by then
/// all that count have been heard anew.
pub const STILL: Duration = Duration::from_secs(3);

/// For how long after a pause arrivals are taken to have waited for it: sockets and queues are drained in a few turns.
pub const MUTE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_millis(ms)
    }

    #[test]
    fn half_of_the_known_is_enough_and_fewer_is_deaf() {
        let mut ear = Ear::default();
        for (heard, known, deaf) in [(0, 0, false), (0, 1, true), (1, 2, false), (1, 3, true), (2, 3, false)] {
            ear = Ear::default();
            ear.count(at(5), Company { heard, known });
            assert_eq!(ear.is_deaf(at(5)), deaf, "{heard} of {known}");
        }
        assert!(!ear.is_deaf(at(5)));
    }

    #[test]
    fn it_holds_still_for_three_seconds_after_the_cause_has_ended() {
        let mut ear = Ear::default();
        ear.count(at(0), Company { heard: 0, known: 2 });
        ear.count(at(10_000), Company { heard: 2, known: 2 });
        assert!(ear.is_deaf(at(12_999)) && !ear.is_deaf(at(13_000)));
        ear.note(at(20_000), Hearing::Dead);
        assert!(ear.is_deaf(at(90_000)) && ear.is_mute(at(90_000)));
        ear.note(at(90_000), Hearing::Works);
        assert!(ear.is_deaf(at(92_999)) && !ear.is_deaf(at(93_000)));
    }

    #[test]
    fn only_a_long_absence_deafens_and_mutes() {
        let mut ear = Ear::default();
        ear.note(at(5_000), Hearing::WasAway(AWAY_MAX));
        assert!(!ear.is_deaf(at(5_000)));
        ear.note(at(5_000), Hearing::WasAway(AWAY_MAX + Duration::from_nanos(1)));
        assert!(ear.is_deaf(at(7_999)) && !ear.is_deaf(at(8_000)));
        assert!(ear.is_mute(at(5_249)) && !ear.is_mute(at(5_250)));
    }
}
