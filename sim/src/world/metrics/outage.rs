//! The first outage: when somebody noticed, when nearly everybody refused, and how many calls it cost.
//!
//! Services that go down in the same moment are one outage; it is over for the callers when the last of them is refused.
//! A caller refuses a service when its agent refuses it at any level of the path.

use std::time::Duration;

use crate::plan::{Fault, What};

use super::super::facts::{Facts, Happening};
use super::super::roster::{PathId, Roster};
use super::{Part, nearly_all};

/// The first outage of a run.
pub(super) struct Outage {
    down: Vec<Down>,
}

/// A service that goes down.
struct Down {
    fault: usize,
    service: PathId,
    begun: Option<Duration>,
    first_trip: Option<Duration>,
    protected: Option<Duration>,
}

impl Outage {
    pub(super) fn new(faults: &[Fault], roster: &Roster) -> Self {
        let down = faults.iter().enumerate().filter_map(|(index, fault)| match &fault.what {
            What::ServiceDown { service, .. } => Some((index, fault.at, roster.find(service)?)),
            _ => None,
        });
        let down: Vec<_> = down.collect();
        let first = down.iter().map(|(_, at, _)| *at).min();
        let of_first = down.into_iter().filter(|(_, at, _)| Some(*at) == first);
        let down =
            of_first.map(|(fault, _, service)| Down { fault, service, begun: None, first_trip: None, protected: None });
        Self { down: down.collect() }
    }

    pub(super) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        match what {
            Happening::Fault => {
                for down in &mut self.down {
                    down.begun = facts.truth.faults().nth(down.fault).and_then(|(_, begun, _)| begun);
                    down.look(facts, at);
                }
            }
            Happening::Notice { path, .. } => {
                let of_path = facts.roster.covers(*path);
                self.down
                    .iter_mut()
                    .filter(|down| of_path.contains(&down.service))
                    .for_each(|down| down.look(facts, at));
            }
            Happening::Lives { .. } => self.down.iter_mut().for_each(|down| down.look(facts, at)),
            Happening::Host { .. } | Happening::Heard { .. } | Happening::Granted { .. } | Happening::Sweep => {}
        }
    }

    pub(super) fn first_trip(&self) -> Option<Duration> {
        self.down.iter().filter_map(|down| Some(down.first_trip?.saturating_sub(down.begun?))).min()
    }

    /// Until the last of the services was refused by nearly everybody.
    pub(super) fn all_protected(&self) -> Option<Duration> {
        let each = self.down.iter().map(|down| Some(down.protected?.saturating_sub(down.begun?)));
        each.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    pub(super) fn doomed_calls(&self, facts: &Facts, now: Duration) -> Option<f64> {
        let begun = self.down.iter().filter(|down| down.begun.is_some());
        let doomed: Vec<usize> = begun.filter_map(|down| down.doomed(facts, now)).collect();
        (!doomed.is_empty()).then(|| doomed.into_iter().sum::<usize>() as f64)
    }
}

impl Down {
    fn look(&mut self, facts: &Facts, at: Duration) {
        if self.begun.is_none() || self.protected.is_some() {
            return;
        }
        let levels = facts.roster.levels(self.service);
        let refuses = |host: &usize| levels.iter().any(|level| facts.places.refuses(*host, *level));
        let live: Vec<usize> =
            facts.roster.callers(self.service).keys().copied().filter(|host| facts.truth.is_live(*host)).collect();
        let of_them = live.iter().filter(|host| refuses(host)).count();
        if of_them > 0 {
            self.first_trip.get_or_insert(at);
        }
        if nearly_all(Part { of_them, all: live.len() }) {
            self.protected = Some(at);
        }
    }

    /// Calls that failed since it went down and were made before nearly everybody refused, or before it came back.
    fn doomed(&self, facts: &Facts, now: Duration) -> Option<usize> {
        let from = self.begun?;
        let ended = facts.truth.faults().nth(self.fault).and_then(|(.., ended)| ended).unwrap_or(now);
        let until = self.protected.unwrap_or(ended);
        let failed = facts.ledger.failed(self.service);
        Some(failed.iter().filter(|call| call.to >= from && call.from <= until).count())
    }
}
