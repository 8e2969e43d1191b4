//! What the driver counts, and the names under which status shows it.
//!
//! Beside its own there are counters that the server and gossip keep; the driver only reads them when somebody looks.

use breaker_client::wire::Counter;

use super::Driver;

/// What the driver counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) granted: u64,
    pub(super) rejected: u64,
    pub(super) reports: u64,
    pub(super) reports_dropped: u64,
    pub(super) unknown_permits: u64,
    pub(super) transitions: u64,
    pub(super) exceeded: u64,
    pub(super) events_missed: u64,
    pub(super) answers_lost: u64,
    /// Alerts handed to gossip, and those that found no room.
    pub(super) alerts: u64,
    pub(super) alerts_lost: u64,
    pub(super) testimonies_heard: u64,
    /// Turns of the driver that came too late, and those that gossip said came too late to it.
    pub(super) turns_late: u64,
    pub(super) absences_told: u64,
    pub(super) became_deaf: u64,
    pub(super) became_sick: u64,
    pub(super) openings_started: u64,
    pub(super) openings_joined: u64,
    pub(super) openings_adopted: u64,
    pub(super) joins_capped: u64,
    pub(super) probes_claimed: u64,
}

impl Driver {
    /// Everything that is counted, in order of name.
    pub(super) fn counters(&self) -> Vec<Counter> {
        let own = self.counts;
        let mut counters: Vec<(&'static str, u64)> = vec![
            ("calls_granted", own.granted),
            ("calls_rejected", own.rejected),
            ("calls_untracked", self.registry.untracked()),
            ("outcomes_reported", own.reports),
            ("outcomes_dropped", own.reports_dropped),
            ("permits_out", self.registry.permits() as u64),
            ("permits_unknown", own.unknown_permits),
            ("transitions", own.transitions),
            ("conditions_exceeded", own.exceeded),
            ("events_missed", own.events_missed),
            ("answers_lost", own.answers_lost),
            ("alerts_raised", own.alerts),
            ("alerts_lost", own.alerts_lost),
            ("testimonies_heard", own.testimonies_heard),
            ("testimonies_dropped", self.registry.testimonies_dropped()),
            ("turns_late", own.turns_late),
            ("absences_told", own.absences_told),
            ("became_deaf", own.became_deaf),
            ("became_sick", own.became_sick),
            ("openings_started", own.openings_started),
            ("openings_joined", own.openings_joined),
            ("openings_adopted", own.openings_adopted),
            ("joins_capped", own.joins_capped),
            ("probes_claimed", own.probes_claimed),
        ];
        counters.extend(self.sources.iter().flat_map(|source| source()));
        counters.sort_unstable();
        counters.into_iter().map(|(name, count)| Counter { name: name.to_owned(), count }).collect()
    }
}
