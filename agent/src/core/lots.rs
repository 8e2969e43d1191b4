//! Lots that fall alike on every host of a cluster: jitter and turns that nobody needs to negotiate.
//!
//! A lot is a hash of the cluster, the service, the opening and what it is drawn for. Hosts that hear the same therefore
//! half-open together and agree whose probe is next, and another opening falls differently, so that no host is always
//! the one. Nobody is harmed by who draws what, so the hash need not resist an attacker (`fnv`, mixed).

use std::time::Duration;

use super::digest::HostId;
use super::fnv::Fnv;
use super::service::ServiceName;

/// The lots of one opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lots(Fnv);

impl Lots {
    /// Those of the opening of this number of a service; `cluster` is alike on all hosts of it.
    #[must_use]
    pub fn of(cluster: u64, service: &ServiceName, number: u64) -> Self {
        Self(Fnv::of(&cluster.to_le_bytes()).with(service.as_str().as_bytes()).with(&number.to_le_bytes()))
    }

    /// How long the opening is Open: between half and all of `whole`.
    #[must_use]
    pub fn open_for(self, whole: Duration) -> Duration {
        self.equal_jitter(OPEN, whole)
    }

    /// How long a failed probe, the so-manyth of the opening, holds the next one back: between half and all of `whole`.
    #[must_use]
    pub fn held_back_for(self, failures: u32, whole: Duration) -> Duration {
        Self(self.0.with(&failures.to_le_bytes())).equal_jitter(HELD_BACK, whole)
    }

    /// Where a host stands in line for a probe: the lowest is first.
    #[must_use]
    pub fn turn(self, probe: u32, host: &HostId) -> u64 {
        self.0.with(&probe.to_le_bytes()).with(host.as_str().as_bytes()).mixed()
    }

    fn equal_jitter(self, what: u8, whole: Duration) -> Duration {
        let half = whole.as_nanos() / 2;
        let more = (u128::from(self.0.with(&[what]).mixed()) * (whole.as_nanos() - half + 1)) >> 64;
        Duration::from_nanos(u64::try_from(half + more).unwrap_or(u64::MAX))
    }
}

/// What a lot is drawn for, so that no two are drawn alike.
const OPEN: u8 = 1;
const HELD_BACK: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceName {
        ServiceName::parse("payments").unwrap()
    }

    #[test]
    fn times_lie_between_half_and_all_and_use_all_of_it() {
        let whole = Duration::from_secs(2);
        let drawn: Vec<Duration> = (0..1_000).map(|n| Lots::of(7, &service(), n).open_for(whole)).collect();
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(*least >= whole / 2 && *least < whole * 52 / 100, "{least:?}");
        assert!(*most <= whole && *most > whole * 98 / 100, "{most:?}");
    }

    #[test]
    fn every_host_is_first_about_equally_often() {
        let hosts: Vec<HostId> = (0..10).map(|host| HostId::new(&format!("host-{host}"))).collect();
        let mut firsts = [0; 10];
        for probe in 0..1_000 {
            let lots = Lots::of(7, &service(), 3);
            let first = (0..10).min_by_key(|host| lots.turn(probe, &hosts[*host])).unwrap();
            firsts[first] += 1;
        }
        assert!(firsts.iter().all(|count| (60..140).contains(count)), "{firsts:?}");
    }

    // Builds must agree: another hash would tear a cluster of two builds apart.
    #[test]
    fn lots_are_the_same_in_every_build() {
        let lots = Lots::of(7, &service(), 3);
        assert_eq!(lots.turn(1, &HostId::new("a")), 8_688_538_262_617_369_535);
        assert_eq!(lots.open_for(Duration::from_secs(2)), Duration::from_nanos(1_860_665_222));
    }
}
