//! Who knows everything: the yardstick of the recovery metrics.
//!
//! Two forms of it. [`Oracle`] decides about the calls of a run in oracle mode: it lets through exactly what a service
//! can serve at that moment, also while that warms up, and nothing while it is down. [`ideal`] tells what such a run
//! would have come to for the demand of another run, as a fluid: so each run has its yardstick without a second one.
//!
//! What is saved up is bounded by a fifth of a second's worth: enough that Poisson arrivals at 80 % of the capacity lose
//! less than one call in 10,000, and little enough that a burst never waits for half of a usual timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::Warmup;
use crate::series::BIN;

use super::ledger::Bin;
use super::roster::PathId;

/// Lets through what can be served.
#[derive(Default)]
pub(crate) struct Oracle {
    buckets: BTreeMap<PathId, Bucket>,
}

/// What can still be let through.
#[derive(Default)]
struct Bucket {
    calls: f64,
    at: Duration,
}

/// What a service can do at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Able {
    /// Now.
    pub(crate) at: Duration,
    /// Calls a second; 0 while it is down.
    pub(crate) capacity: f64,
}

impl Oracle {
    /// Whether a call may go ahead.
    pub(crate) fn admits(&mut self, service: PathId, able: Able) -> bool {
        let bucket = self.buckets.entry(service).or_default();
        let passed = able.at.saturating_sub(bucket.at).as_secs_f64();
        bucket.at = able.at;
        bucket.calls = (bucket.calls + passed * able.capacity).min(saved_max(able.capacity));
        let admits = able.capacity > 0.0 && bucket.calls >= 1.0;
        if admits {
            bucket.calls -= 1.0;
        }
        admits
    }
}

fn saved_max(capacity: f64) -> f64 {
    if capacity > 0.0 { (capacity * SAVED).max(SAVED_MIN) } else { 0.0 }
}

/// How a service would have recovered in the hands of somebody who knows everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ideal {
    /// Its full capacity, in calls a second.
    pub(crate) capacity: f64,
    /// How it warms up.
    pub(crate) warmup: Option<Warmup>,
}

/// The served part of the demand of each bin since it came back. Excused demands are none.
pub(crate) fn ideal(service: Ideal, since: &[Bin]) -> Vec<f64> {
    let seconds = BIN.as_secs_f64();
    let (mut saved, mut done) = (0.0, 0.0);
    let serve = |bin: &Bin| {
        let now = match service.warmup {
            Some(warmup) if done < warmup.work => warmup.from + (service.capacity - warmup.from) * done / warmup.work,
            Some(_) | None => service.capacity,
        };
        saved = (saved + now * seconds).min(saved_max(now).max(now * seconds));
        let served = f64::from(bin.demand.saturating_sub(bin.excused)).min(saved);
        saved -= served;
        done += served;
        served
    };
    since.iter().map(serve).collect()
}

/// Seconds' worth of capacity that may be saved up.
const SAVED: f64 = 0.2;

/// Calls that may be saved up however small the service: or bursts of three would be refused.
const SAVED_MIN: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn able(ms: u64, capacity: f64) -> Able {
        Able { at: Duration::from_millis(ms), capacity }
    }

    fn admitted(oracle: &mut Oracle, times: impl Iterator<Item = u64>, capacity: f64) -> usize {
        let service = PathId(0);
        times.filter(|ms| oracle.admits(service, able(*ms, capacity))).count()
    }

    #[test]
    fn it_admits_nothing_while_the_service_is_down_and_saves_nothing_up() {
        let mut oracle = Oracle::default();
        assert_eq!(admitted(&mut oracle, 0..10_000, 0.0), 0);
        assert_eq!(admitted(&mut oracle, [10_000].into_iter(), 100.0), 0);
    }

    #[test]
    fn it_admits_what_the_service_can_serve() {
        let admitted = admitted(&mut Oracle::default(), 0..10_000, 100.0);
        assert!((999..=1_000).contains(&admitted), "{admitted}");
    }

    #[test]
    fn after_a_rest_it_admits_a_short_burst_and_no_more() {
        let mut oracle = Oracle::default();
        let burst = std::iter::repeat_n(60_000, 1_000);
        assert_eq!(admitted(&mut oracle, std::iter::once(0).chain(burst), 100.0), 20);
    }

    #[test]
    fn the_ideal_serves_all_it_can_and_warms_up_by_it() {
        let bins = vec![Bin { demand: 20, ..Bin::default() }; 600];
        let warm = ideal(Ideal { capacity: 240.0, warmup: None }, &bins);
        assert!(warm.iter().all(|served| (served - 20.0).abs() < 1e-9));
        let cold = Ideal { capacity: 240.0, warmup: Some(Warmup { from: 60.0, work: 2_400.0 }) };
        let cold = ideal(cold, &bins);
        assert!((cold[0] - 6.0).abs() < 1e-9, "{}", cold[0]);
        // d(done)/dt = 60 + 180 done/2400 reaches 200/s after ln(200/60) / 0.075 = 16.05 s.
        let full = cold.iter().position(|served| *served >= 20.0).unwrap();
        assert!((155..170).contains(&full), "{full}");
    }
}
