//! How services came back, told from the books: what they were offered, how long calls waited, how soon the demand was
//! served again, and what somebody who knows everything would have made of the same demand.
//!
//! It is about the services that faults of the scenario name, or all where it names none. Demand is what applications
//! want, without what the scenario's own errors took; it is served when any attempt succeeds in time. Peaks are told in
//! sliding seconds of ten bins: in single bins chance alone shows 1.3 to 1.9 times the capacity.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plan::What;
use crate::series::BIN;

use super::super::facts::Facts;
use super::super::ledger::Bin;
use super::super::oracle::{Ideal, ideal};
use super::super::roster::PathId;

/// How services came back.
pub(super) struct Recovery<'a> {
    facts: &'a Facts,
    services: BTreeSet<PathId>,
    /// When the last of the services' faults ended, if all have.
    back: Option<Duration>,
    /// Since when load is judged.
    judged: usize,
    has_outage: bool,
}

/// The demand of a bin, and what was served of it.
#[derive(Clone, Copy, Default)]
struct Want {
    demand: f64,
    served: f64,
}

impl<'a> Recovery<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let mut services = BTreeSet::new();
        let (mut back, mut goes_on, mut last_outage) = (None, false, None);
        for (fault, begun, ended) in facts.truth.faults() {
            let (What::ServiceDown { service, .. }
            | What::ServiceErrors { service, .. }
            | What::ServiceSlow { service, .. }
            | What::Capacity { service, .. }) = &fault.what
            else {
                continue;
            };
            services.extend(facts.roster.find(service));
            goes_on |= begun.is_some() && ended.is_none();
            back = back.max(ended);
            if matches!(fault.what, What::ServiceDown { .. }) {
                last_outage = last_outage.max(Some(ended.unwrap_or(Duration::MAX)));
            }
        }
        if services.is_empty() {
            services = facts.roster.services().map(|(service, _)| service).collect();
        }
        Self {
            facts,
            services,
            back: back.filter(|_| !goes_on),
            judged: last_outage.map_or(0, whole_bins),
            has_outage: last_outage.is_some(),
        }
    }

    /// Whether something is to come back.
    pub(super) fn is_awaited(&self) -> bool {
        self.back.is_some()
    }

    /// From when it was back until the start of the first five seconds with nearly all of the demand served.
    pub(super) fn recovered(&self) -> Option<Duration> {
        self.first_full(&self.wants()).map(bins_long)
    }

    /// The same for somebody who knows everything.
    pub(super) fn oracle_recovered(&self) -> Option<Duration> {
        self.first_full(&self.ideal_wants()).map(bins_long)
    }

    /// Seconds of demand that were lost, beyond what anybody would have lost.
    pub(super) fn lost_demand_seconds(&self) -> Option<f64> {
        let (own, oracle) = (self.wants(), self.ideal_wants());
        self.back?;
        let until = self.first_full(&own).unwrap_or(own.len());
        let lost = |wants: &[Want]| wants.iter().take(until).map(|want| want.demand - want.served).sum::<f64>();
        let demand: f64 = own.iter().map(|want| want.demand).sum();
        let rate = demand / (own.len() as f64 * BIN.as_secs_f64());
        (rate > 0.0).then(|| ((lost(&own) - lost(&oracle)) / rate).max(0.0))
    }

    /// How often, once recovered, half of the demand was lost again in a second.
    pub(super) fn relapses(&self) -> Option<f64> {
        let wants = self.wants();
        let mut from = self.first_full(&wants)?;
        let mut relapses = 0.0;
        while let Some(after) = wants.get(from..) {
            let second = after.windows(SECOND).position(is_lost);
            let Some(lost) = second else { break };
            relapses += 1.0;
            let Some(again) = after.get(lost..).and_then(first_full) else { break };
            from += lost + again;
        }
        Some(relapses)
    }

    /// The largest part of what could be served that was asked for in a second.
    pub(super) fn overshoot(&self) -> Option<f64> {
        let seconds = self.services.iter().flat_map(|service| self.loads(*service));
        let largest = seconds.reduce(f64::max);
        largest.filter(|_| self.has_outage)
    }

    /// For how long more was asked for than could be served.
    pub(super) fn overload_seconds(&self) -> Option<f64> {
        let over = |service: &PathId| self.loads(*service).filter(|load| *load > 1.0).count();
        let longest = self.services.iter().map(over).max().map(seconds_long);
        longest.filter(|_| self.has_outage)
    }

    pub(super) fn queue_delay_max(&self) -> Duration {
        let bins = self.services.iter().flat_map(|service| self.judged(*service));
        bins.map(|bin| bin.delay).max().unwrap_or_default()
    }

    /// For how long calls waited so long that their callers would have given up.
    pub(super) fn collapse_seconds(&self) -> f64 {
        let collapsed = |service: &PathId| {
            let long = self.facts.roster.timeout(*service).mul_f64(COLLAPSE);
            self.judged(*service).iter().filter(|bin| bin.delay > long).count()
        };
        self.services.iter().map(collapsed).max().map(seconds_long).unwrap_or_default()
    }

    /// The part of the possible that was served while a service had less than its capacity.
    pub(super) fn brownout_goodput(&self) -> Option<f64> {
        let (mut good, mut possible) = (0.0, 0.0);
        for (fault, begun, ended) in self.facts.truth.faults() {
            let What::Capacity { service, .. } = &fault.what else { continue };
            let (Some(service), Some(begun)) = (self.facts.roster.find(service), begun) else { continue };
            let bins = self.facts.ledger.bins(service);
            let until = ended.map_or(bins.len(), |ended| whole_bins(ended).min(bins.len()));
            let bins = bins.get(whole_bins(begun)..until).unwrap_or_default();
            let demand: u32 = bins.iter().map(|bin| bin.demand - bin.excused).sum();
            let capacity: f64 = bins.iter().map(|bin| bin.capacity * BIN.as_secs_f64()).sum();
            good += bins.iter().map(|bin| f64::from(bin.good)).sum::<f64>();
            possible += f64::from(demand).min(capacity);
        }
        (possible > 0.0).then(|| good / possible)
    }

    fn judged(&self, service: PathId) -> &'a [Bin] {
        self.facts.ledger.bins(service).get(self.judged..).unwrap_or_default()
    }

    /// What was asked for of what could be served, in each sliding second.
    fn loads(&self, service: PathId) -> impl Iterator<Item = f64> + use<'a> {
        self.judged(service).windows(SECOND).filter_map(|second| {
            let offered: f64 = second.iter().map(|bin| f64::from(bin.offered)).sum();
            let capacity: f64 = second.iter().map(|bin| bin.capacity * BIN.as_secs_f64()).sum();
            (capacity > 0.0).then(|| offered / capacity)
        })
    }

    fn first_full(&self, wants: &[Want]) -> Option<usize> {
        self.back.and_then(|_| first_full(wants))
    }

    /// The demand of each bin since all were back, but for the last ones, whose calls may still be on their way.
    fn wants(&self) -> Vec<Want> {
        self.summed(|bins, _| bins.iter().map(|bin| f64::from(bin.served)).collect())
    }

    fn ideal_wants(&self) -> Vec<Want> {
        self.summed(|bins, ability| ideal(ability, bins))
    }

    fn summed(&self, served: impl Fn(&[Bin], Ideal) -> Vec<f64>) -> Vec<Want> {
        let Some(back) = self.back.map(whole_bins) else { return Vec::new() };
        let all = |service: &PathId| self.facts.ledger.bins(*service);
        let until = self.services.iter().map(|service| all(service).len()).max().unwrap_or_default();
        let until = until.saturating_sub(self.unsettled_bins());
        let mut wants = vec![Want::default(); until.saturating_sub(back)];
        for (service, spec) in self.facts.roster.services().filter(|(service, _)| self.services.contains(service)) {
            let bins = all(&service);
            let bins = bins.get(back..until.min(bins.len())).unwrap_or_default();
            // Only one that was down comes back cold.
            let warmup = spec.warmup.filter(|_| self.has_outage);
            let served = served(bins, Ideal { capacity: spec.capacity, warmup });
            for (want, (bin, served)) in wants.iter_mut().zip(bins.iter().zip(served)) {
                want.demand += f64::from(bin.demand.saturating_sub(bin.excused));
                want.served += served;
            }
        }
        wants
    }

    fn unsettled_bins(&self) -> usize {
        let longest =
            |service: &PathId| self.facts.roster.timeout(*service) * (1 + self.facts.roster.retries(*service));
        let longest = self.services.iter().map(longest).max().unwrap_or_default();
        whole_bins(longest.min(UNSETTLED_MAX))
    }
}

fn first_full(wants: &[Want]) -> Option<usize> {
    wants.windows(FULL).position(|window| {
        let (demand, served) = sums(window);
        served >= demand * FULL_SHARE
    })
}

fn is_lost(second: &[Want]) -> bool {
    let (demand, served) = sums(second);
    demand >= DEMAND_MIN && served < demand * LOST_SHARE
}

fn sums(wants: &[Want]) -> (f64, f64) {
    wants.iter().fold((0.0, 0.0), |(demand, served), want| (demand + want.demand, served + want.served))
}

/// The first bin that begins at that time or after it.
fn whole_bins(time: Duration) -> usize {
    usize::try_from(time.as_millis().div_ceil(BIN.as_millis())).unwrap_or(usize::MAX)
}

fn bins_long(bins: usize) -> Duration {
    BIN.saturating_mul(u32::try_from(bins).unwrap_or(u32::MAX))
}

fn seconds_long(bins: usize) -> f64 {
    bins_long(bins).as_secs_f64()
}

/// Bins of a sliding second.
const SECOND: usize = 10;

/// Bins of five seconds, in which nearly all of the demand must be served.
const FULL: usize = 50;

/// Nearly all: what a service at 83 % of its capacity serves in five seconds but for one time in a thousand.
const FULL_SHARE: f64 = 0.985;

/// A relapse is a second in which so little of the demand is served …
const LOST_SHARE: f64 = 0.5;

/// … of so many demands that chance does not explain it.
const DEMAND_MIN: f64 = 10.0;

/// Calls wait so much of their callers' patience that their answers come too late.
const COLLAPSE: f64 = 0.8;

/// The end of a run that is not looked at is never longer than this.
const UNSETTLED_MAX: Duration = Duration::from_secs(5);
