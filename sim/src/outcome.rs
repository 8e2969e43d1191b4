//! What a run came to, as one JSON document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
        self.invariants.iter().all(|invariant| invariant.held)
            && self.faults.iter().all(|fault| fault.bit > 0)
            && self.unexpected.is_empty()
    }
}
