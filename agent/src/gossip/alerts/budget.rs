//! How much may be pushed: time saved up, which datagrams spend.
//!
//! A bucket of tokens that refill at a rate is kept as the time it took to refill them: exact integers, whatever the
//! rate, and a rate may change (that of lone failures does, with the size of the cluster).

use std::time::Duration;

use crate::core::time::MonoTime;

/// Tokens saved up, as time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    saved: Duration,
    at: MonoTime,
}

impl Bucket {
    /// With everything saved.
    pub(super) fn full(now: MonoTime) -> Self {
        Self { saved: Duration::MAX, at: now }
    }

    /// How many tokens there are, at one in every `each` and `most` at the most.
    pub(super) fn tokens(&mut self, now: MonoTime, Rate { each, most }: Rate) -> u32 {
        let room = each.saturating_mul(most);
        self.saved = self.saved.saturating_add(now.since(self.at)).min(room);
        self.at = self.at.max(now);
        u32::try_from(self.saved.as_nanos() / each.as_nanos().max(1)).unwrap_or(u32::MAX)
    }

    /// Spends tokens that are there.
    pub(super) fn spend(&mut self, tokens: u32, Rate { each, .. }: Rate) {
        self.saved = self.saved.saturating_sub(each.saturating_mul(tokens));
    }
}

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// One token in so long.
    pub(super) each: Duration,
    /// No more than so many.
    pub(super) most: u32,
}

/// Datagrams.
pub(super) const DATAGRAMS: Rate =
    Rate { each: Duration::from_nanos(1_000_000_000 / DATAGRAMS_PER_SECOND as u64), most: DATAGRAMS_BURST };

/// Datagrams kept for places: two fan-outs at any time.
pub(super) const KEPT_FOR_PLACES: u32 = 12;

/// Most datagrams a second and host, in the long run: 360 KB/s, when everything fails at once.
pub(super) const DATAGRAMS_PER_SECOND: u32 = 300;

/// Most datagrams at once: eight fan-outs, and what is kept for places.
pub(super) const DATAGRAMS_BURST: u32 = 60;

/// Lone failures of one host in a cluster of so many: five a second of all of them together.
pub(super) fn lone(hosts: usize) -> Rate {
    let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
    Rate { each: (Duration::from_secs(1) / LONE_PER_SECOND).saturating_mul(hosts), most: 1 }
}

/// Lone failures pushed a second by the whole cluster: each reaches every host through some four hundred datagrams, and
/// all but the last one in a trip could have waited for the state plane.
const LONE_PER_SECOND: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> MonoTime {
        MonoTime::from_nanos(micros * 1_000)
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_one_at_its_rate() {
        let mut bucket = Bucket::full(at(0));
        assert_eq!(bucket.tokens(at(0), DATAGRAMS), DATAGRAMS_BURST);
        bucket.spend(DATAGRAMS_BURST, DATAGRAMS);
        assert_eq!(bucket.tokens(at(3_333), DATAGRAMS), 0);
        assert_eq!(bucket.tokens(at(3_334), DATAGRAMS), 1);
        assert_eq!(bucket.tokens(at(10_000_000), DATAGRAMS), DATAGRAMS_BURST, "it holds no more");
    }

    #[test]
    fn in_any_stretch_of_time_no_more_goes_than_the_burst_and_the_rate_allow() {
        let mut bucket = Bucket::full(at(0));
        let mut spent = 0;
        for millis in 0..10_000 {
            let tokens = bucket.tokens(at(millis * 1_000), DATAGRAMS);
            bucket.spend(tokens, DATAGRAMS);
            spent += tokens;
        }
        assert!((3_055..=3_060).contains(&spent), "{spent}");
    }

    #[test]
    fn lone_failures_share_five_a_second_among_all_hosts() {
        for (hosts, millis) in [(1, 200), (10, 2_000), (100, 20_000)] {
            let mut bucket = Bucket::full(at(0));
            assert_eq!(bucket.tokens(at(0), lone(hosts)), 1);
            bucket.spend(1, lone(hosts));
            assert_eq!(bucket.tokens(at(millis * 1_000 - 1), lone(hosts)), 0);
            assert_eq!(bucket.tokens(at(millis * 1_000), lone(hosts)), 1);
        }
    }

    #[test]
    fn a_clock_that_stands_still_or_is_read_late_fills_nothing_twice() {
        let mut bucket = Bucket::full(at(0));
        bucket.tokens(at(1_000_000), DATAGRAMS);
        bucket.spend(DATAGRAMS_BURST, DATAGRAMS);
        assert_eq!(bucket.tokens(at(0), DATAGRAMS), 0);
        assert_eq!(bucket.tokens(at(1_000_000), DATAGRAMS), 0);
    }
}
