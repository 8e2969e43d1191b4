//! Whether this host hears enough of the others to judge for them.
//!
//! Deaf is a host that hears fewer than half of those it knows, whose gossip is dead, or that was away itself (paused, or
//! without a processor) so that what waits for it is of unknown age. A host that acted on what it heard last would open
//! healthy services after a pause, and so it holds still until all that count have been heard anew. One that is cut off
//! starts and joins nothing either, but what it is in it ends by its own probes: nobody knows when it will hear again.
//! Who knows nobody is not deaf: it is alone, and decides alone.

use std::time::Duration;

use super::registry::Hearing;
use super::time::MonoTime;

/// How well a host hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ear {
    /// For how long it holds still after a cause has ended.
    still: Duration,
    gossip: Cause,
    few: Cause,
    /// Until when it stays deaf though the cause has ended.
    until: MonoTime,
    /// Until when the counts of what arrives are dropped.
    mute: MonoTime,
}

/// How well a host hears now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Enough to judge.
    Enough,
    /// Too little, and nobody knows for how long: what it is in it ends alone.
    Alone,
    /// Not yet again: what it knows is of unknown age, and will be mended within seconds.
    Anew,
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
    /// Of one who holds still for so long after a cause has ended: as long as a peer counts that is not heard, so that by
    /// then all that count have been heard anew.
    #[must_use]
    pub fn new(still: Duration) -> Self {
        let (until, mute) = (MonoTime::START, MonoTime::START);
        Self { still, gossip: Cause::Over, few: Cause::Over, until, mute }
    }

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
            self.until = self.until.max(now + self.still);
        }
        self.few = few;
    }

    /// How well it hears.
    #[must_use]
    pub fn hears(&self, now: MonoTime) -> Hears {
        if now < self.until {
            Hears::Anew
        } else if self.gossip == Cause::Lasts || self.few == Cause::Lasts {
            Hears::Alone
        } else {
            Hears::Enough
        }
    }

    /// Whether it is deaf.
    #[must_use]
    pub fn is_deaf(&self, now: MonoTime) -> bool {
        self.hears(now) != Hears::Enough
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
        self.until = self.until.max(now + self.still);
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

/// For how long after a pause arrivals are taken to have waited for it: sockets and queues are drained in a few turns.
pub const MUTE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Ear {
        Ear::new(Duration::from_secs(3))
    }

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_millis(ms)
    }

    #[test]
    fn half_of_the_known_is_enough_and_fewer_is_deaf() {
        let mut ear = fresh();
        for (heard, known, deaf) in [(0, 0, false), (0, 1, true), (1, 2, false), (1, 3, true), (2, 3, false)] {
            ear = fresh();
            ear.count(at(5), Company { heard, known });
            assert_eq!(ear.is_deaf(at(5)), deaf, "{heard} of {known}");
        }
        assert!(!ear.is_deaf(at(5)));
    }

    #[test]
    fn it_holds_still_for_a_while_after_the_cause_has_ended() {
        let mut ear = fresh();
        ear.count(at(0), Company { heard: 0, known: 2 });
        ear.count(at(10_000), Company { heard: 2, known: 2 });
        assert!(ear.is_deaf(at(12_999)) && !ear.is_deaf(at(13_000)));
        ear.note(at(20_000), Hearing::Dead);
        assert!(ear.is_deaf(at(90_000)) && ear.is_mute(at(90_000)));
        assert_eq!(ear.hears(at(90_000)), Hears::Alone);
        ear.note(at(90_000), Hearing::Works);
        assert_eq!((ear.hears(at(92_999)), ear.hears(at(93_000))), (Hears::Anew, Hears::Enough));
        assert!(ear.is_deaf(at(92_999)) && !ear.is_deaf(at(93_000)));
    }

    #[test]
    fn only_a_long_absence_deafens_and_mutes() {
        let mut ear = fresh();
        ear.note(at(5_000), Hearing::WasAway(AWAY_MAX));
        assert!(!ear.is_deaf(at(5_000)));
        ear.note(at(5_000), Hearing::WasAway(AWAY_MAX + Duration::from_nanos(1)));
        assert!(ear.is_deaf(at(7_999)) && !ear.is_deaf(at(8_000)));
        assert!(ear.is_mute(at(5_249)) && !ear.is_mute(at(5_250)));
    }
}
