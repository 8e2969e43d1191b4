//! What a run measured, by name. Times of decisions are noted as they are made (`outage`, `alert`, `false_opens`,
//! `agreement`); what recovery looked like is told from the books in the end (`recovery`).
//!
//! A metric is `None` where the run had nothing of the sort: no service was down, nobody tripped, nothing came back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::{Fault, Mode};

use super::facts::{Facts, Happening, NetworkFacts};
use super::roster::Roster;

mod agreement;
mod alert;
mod false_opens;
mod outage;
mod recovery;

use agreement::{Agreement, Rest};
use alert::Alert;
use false_opens::FalseOpens;
use outage::Outage;
use recovery::Recovery;

/// Notes what happens when, for the metrics.
pub(super) struct Watch {
    outage: Outage,
    alert: Alert,
    false_opens: FalseOpens,
    agreement: Agreement,
    rest: Rest,
}

impl Watch {
    pub(super) fn new(faults: &[Fault], roster: &Roster) -> Self {
        Self {
            outage: Outage::new(faults, roster),
            alert: Alert::default(),
            false_opens: FalseOpens::default(),
            agreement: Agreement::default(),
            rest: Rest::default(),
        }
    }

    pub(super) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        self.outage.see(facts, at, what);
        self.alert.see(facts, at, what);
        self.false_opens.see(facts, at, what);
        if let Happening::Sweep = what {
            self.agreement.look(facts, at);
            self.rest.look(facts, at);
        }
    }

    pub(super) fn is_over(&self, at: Duration) -> bool {
        self.rest.is_over(at)
    }

    pub(super) fn finish(&self, facts: &Facts, at: Duration, network: &NetworkFacts) -> BTreeMap<String, Option<f64>> {
        let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1_000.0);
        let recovery = Recovery::of(facts);
        let oracle = match facts.roster.mode {
            Mode::Oracle => recovery.recovered(),
            Mode::Gossip | Mode::Local | Mode::Steps => recovery.oracle_recovered(),
        };
        let excess = recovery.recovered().zip(oracle).map(|(own, oracle)| own.saturating_sub(oracle));
        let gossips = match facts.roster.mode {
            Mode::Gossip | Mode::Steps => Some(network),
            Mode::Local | Mode::Oracle => None,
        };
        let decides = facts.roster.mode != Mode::Oracle;
        let measured = [
            ("doomed_calls", self.outage.doomed_calls(facts, at)),
            ("first_trip_ms", ms(self.outage.first_trip())),
            ("all_protected_ms", ms(self.outage.all_protected())),
            ("alert_p99_ms", ms(self.alert.p99())),
            ("false_opens", decides.then(|| self.false_opens.count(at))),
            ("converged_within_ms", ms(self.agreement.within())),
            ("probes", decides.then_some(facts.ledger.probes as f64)),
            ("overshoot", recovery.overshoot()),
            ("overload_seconds", recovery.overload_seconds()),
            ("queue_delay_max_ms", ms(Some(recovery.queue_delay_max()))),
            ("collapse_seconds", Some(recovery.collapse_seconds())),
            ("brownout_goodput", recovery.brownout_goodput()),
            ("recovered_ms", ms(recovery.recovered())),
            ("oracle_recovered_ms", ms(oracle)),
            ("recovered_excess_ms", ms(excess)),
            ("lost_demand_seconds", recovery.lost_demand_seconds()),
            ("relapses", recovery.relapses()),
            ("gossip_bytes_per_host_s", gossips.map(|network| network.gossip_bytes_per_host_s)),
            ("digest_bytes_max", gossips.map(|it| it.digest_bytes_max as f64).filter(|bytes| *bytes > 0.0)),
        ];
        measured.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Whether 99 % of so many are among them.
fn nearly_all(part: Part) -> bool {
    part.all > 0 && part.of_them * 100 >= part.all * 99
}

/// So many of so many.
#[derive(Clone, Copy)]
struct Part {
    of_them: usize,
    all: usize,
}

#[cfg(test)]
mod tests;
