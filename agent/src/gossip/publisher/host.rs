//! When a host writes anew what it says of itself.
//!
//! The value is long and reaches everybody, so it is written twice a minute at most; but what others would decide
//! wrongly by cannot wait: a rate that is no longer true, a host that is sick or deaf. A young host has nothing to say
//! yet and soon has: it writes after 1, 2, 4, 8 and 16 s.

use std::time::Duration;

use crate::core::time::MonoTime;
use crate::gossip::coarse::Coarse;

/// What a host has to say of itself, and has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostWriting {
    wanted: Coarse,
    written: Option<(Coarse, MonoTime)>,
    began: MonoTime,
}

/// Why to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// What is written misleads.
    Urgent,
    /// It is time.
    Regular,
}

impl HostWriting {
    pub(super) fn want(&mut self, wanted: Coarse) {
        self.wanted = wanted;
    }

    /// Begins a new life, in which nothing is written yet.
    pub(super) fn begin_anew(&mut self, now: MonoTime) {
        (self.written, self.began) = (None, now);
    }

    /// Whether it is to be written now.
    pub(super) fn need(&self, now: MonoTime) -> Option<Need> {
        let Some((written, at)) = &self.written else { return Some(Need::Urgent) };
        if *written == self.wanted || now.since(*at) < PAUSE {
            return None;
        }
        if self.wanted.is_urgent_after(written) {
            return Some(Need::Urgent);
        }
        (now >= self.next_after(*at)).then_some(Need::Regular)
    }

    /// What is to be written; it counts as written.
    pub(super) fn write(&mut self, now: MonoTime) -> Coarse {
        self.written = Some((self.wanted.clone(), now));
        self.wanted.clone()
    }

    /// When it may be written again that was written then.
    fn next_after(&self, written: MonoTime) -> MonoTime {
        let early = (0..YOUNG_WRITES).map(|turn| self.began + Duration::from_secs(1 << turn));
        early.into_iter().find(|at| *at > written).unwrap_or(written + REGULAR)
    }
}

/// Between two writes that nothing hurries.
const REGULAR: Duration = Duration::from_secs(30);

/// Between any two writes: rates are withdrawn one after the other while a service dies, and one in four of the writes
/// a host may make is enough for that.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes of a young host, after 1, 2, 4, 8 and 16 s.
const YOUNG_WRITES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::digest::HostWord;
    use crate::core::service::ServiceName;

    fn word(rates: &[(&str, u32)]) -> Coarse {
        let rates = rates.iter().map(|(name, rate)| (ServiceName::parse(name).unwrap(), *rate)).collect();
        Coarse::of(&HostWord { rates, ..HostWord::default() })
    }

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_millis(millis)
    }

    /// The seconds at which a host writes whose word changes all the time.
    fn seconds(life: impl Fn(u64) -> Coarse) -> Vec<u64> {
        let mut writing = HostWriting::default();
        writing.begin_anew(at(0));
        let mut written = Vec::new();
        for second in 0..=120 {
            writing.want(life(second));
            if writing.need(at(second * 1_000)).is_some() {
                writing.write(at(second * 1_000));
                written.push(second);
            }
        }
        written
    }

    #[test]
    fn a_young_host_writes_often_and_later_twice_a_minute() {
        let grows = |second: u64| word(&[("a", 1 << (second % 20 + 1))]);
        assert_eq!(seconds(grows), [0, 1, 2, 4, 8, 16, 46, 76, 106]);
    }

    #[test]
    fn what_does_not_change_is_written_once() {
        assert_eq!(seconds(|_| word(&[("a", 7)])), [0]);
        let hardly = |second: u64| word(&[("a", 100 + u32::try_from(second).unwrap() % 5)]);
        assert_eq!(seconds(hardly), [0], "a few calls more or less are no news");
    }

    #[test]
    fn a_rate_taken_back_does_not_wait_nor_does_a_host_that_becomes_sick_or_deaf() {
        let taken_back = |second: u64| if second < 50 { word(&[("a", 7), ("b", 9)]) } else { word(&[("a", 7)]) };
        assert_eq!(seconds(taken_back), [0, 50]);
        for fall in [Coarse { sick: true, ..word(&[]) }, Coarse { deaf: true, ..word(&[]) }] {
            assert_eq!(seconds(|second| if second < 50 { word(&[]) } else { fall.clone() }), [0, 50]);
        }
        let added = |second: u64| if second < 50 { word(&[("a", 7)]) } else { word(&[("a", 7), ("b", 9)]) };
        assert_eq!(seconds(added), [0, 50], "nothing was written for half a minute");
    }

    #[test]
    fn what_hurries_all_the_time_is_written_once_a_second() {
        let mut writing = HostWriting::default();
        writing.begin_anew(at(0));
        let mut written = 0;
        for turn in 0..100 {
            writing.want(Coarse { sick: turn % 2 == 0, ..Coarse::default() });
            if writing.need(at(turn * 100)).is_some() {
                writing.write(at(turn * 100));
                written += 1;
            }
        }
        assert!((9..=10).contains(&written), "{written}");
    }
}
