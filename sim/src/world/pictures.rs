//! The run over time, for plots: the letter of each host as it changes, and the books of each service as rates.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::StateKind;

use crate::series::{BIN, Series, ServiceSeries};

use super::facts::{Facts, Happening};
use super::ledger::Bin;
use super::truth::Life;

/// The letters of all hosts as they changed.
pub(super) struct Pictures {
    hosts: Vec<Vec<(Duration, char)>>,
}

impl Pictures {
    pub(super) fn new(hosts: usize) -> Self {
        Self { hosts: vec![Vec::new(); hosts] }
    }

    pub(super) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        let (Happening::Notice { host, .. } | Happening::Host { host, .. } | Happening::Lives { host, .. }) = what
        else {
            return;
        };
        let Some(letters) = self.hosts.get_mut(*host) else { return };
        let letter = letter(facts, *host);
        if letters.last().is_none_or(|(_, last)| *last != letter) {
            letters.push((at, letter));
        }
    }

    pub(super) fn series(&self, facts: &Facts) -> Series {
        let services: BTreeMap<String, ServiceSeries> = facts
            .roster
            .services()
            .map(|(path, _)| (facts.roster.name(path).to_owned(), service(facts.ledger.bins(path))))
            .collect();
        let bins = services.values().map(|service| service.offered.len()).max().unwrap_or_default();
        let times = (0..bins).map(|bin| BIN.saturating_mul(u32::try_from(bin).unwrap_or(u32::MAX))).collect();
        let services = services.into_iter().map(|(name, series)| (name, padded(series, bins))).collect();
        Series { times, services, hosts: self.hosts.clone() }
    }
}

/// Of the breakers of a host the one furthest from Closed counts.
fn letter(facts: &Facts, host: usize) -> char {
    match facts.truth.host(host).is {
        Life::Down => return 'X',
        Life::Paused => return 'P',
        Life::Up => {}
    }
    if facts.places.host(host).is_some_and(|place| place.deaf_since.is_some()) {
        return 'D';
    }
    let letters = facts.places.paths(host).map(|(_, place)| match place.state {
        StateKind::Open | StateKind::ForcedOpen => 'O',
        StateKind::HalfOpen => 'H',
        StateKind::Closed | StateKind::Disabled | StateKind::MetricsOnly => 'C',
    });
    // By chance the alphabet has them in this order.
    letters.max().unwrap_or('C')
}

fn service(bins: &[Bin]) -> ServiceSeries {
    let rate = |count: u32| f64::from(count) / BIN.as_secs_f64();
    ServiceSeries {
        offered: bins.iter().map(|bin| rate(bin.offered)).collect(),
        capacity: bins.iter().map(|bin| bin.capacity).collect(),
        goodput: bins.iter().map(|bin| rate(bin.good)).collect(),
        queue_delay: bins.iter().map(|bin| bin.delay.as_secs_f64() * 1_000.0).collect(),
    }
}

/// All series of a run have one value for each bin.
fn padded(mut series: ServiceSeries, bins: usize) -> ServiceSeries {
    for values in [&mut series.offered, &mut series.capacity, &mut series.goodput, &mut series.queue_delay] {
        values.resize(bins, 0.0);
    }
    series
}
