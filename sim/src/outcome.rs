//! What a run came to, as one JSON document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::series::Series;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// How hosts decided.
    pub mode: String,
    /// How many hosts.
    pub hosts: usize,
    /// Where all chance came from.
    pub seed: u64,
    /// Stands for everything that happened: 16 hex digits.
    pub trace_hash: String,
    /// How long it was, in simulated seconds.
    pub sim_seconds: f64,
    /// What went wrong, each with a count that shows it bit.
    pub faults: Vec<FaultOutcome>,
    /// What must always hold.
    pub invariants: Vec<InvariantOutcome>,
    /// What was measured, by name; `None` where the run had nothing of the sort.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Bounds of metrics that were not kept.
    pub unexpected: Vec<String>,
    /// What all agents counted themselves, by name, summed.
    pub counters: BTreeMap<String, u64>,
    /// What it looked like over time; for plots, and no part of the document.
    #[serde(skip)]
    pub series: Series,
}

/// One fault of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// What it was, in words: `partition at 30 s for 20 s`.
    pub fault: String,
    /// How often it struck: datagrams dropped, calls refused. At zero the run has failed.
    pub bit: u64,
}

/// One invariant of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InvariantOutcome {
    /// Its name: `S2`.
    pub name: String,
    /// What it says.
    pub says: String,
    /// Whether it held.
    pub held: bool,
    /// When and how it was broken first.
    pub first_violation: Option<String>,
}

impl Outcome {
    /// Whether the run did what it should: every invariant held, every fault bit, every bound was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.complaints().is_empty()
    }

    /// What it did that it should not have, a line each.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let broken = self.broken().map(|invariant| {
            let first = invariant.first_violation.as_deref().unwrap_or("no more is known");
            format!("{} ({}) broken: {first}", invariant.name, invariant.says)
        });
        let toothless = self.faults.iter().filter(|fault| fault.bit == 0);
        let toothless = toothless.map(|fault| format!("a fault did not bite: {}", fault.fault));
        broken.chain(toothless).chain(self.unexpected.iter().cloned()).collect()
    }

    /// The invariants that did not hold.
    pub fn broken(&self) -> impl Iterator<Item = &InvariantOutcome> {
        self.invariants.iter().filter(|invariant| !invariant.held)
    }
}
