//! Reading a scenario: YAML, turned into a plan that cannot be wrong.
//!
//! ```yaml
//! name: cold-recovery
//! duration: 200s
//! hosts: 20                        # or zones: {east: 10, west: 10}
//! link: {latency: 1ms..3ms, loss: 0%}
//! agent: {}                        # the agent's own configuration
//! services:
//!   payments: {capacity: 240/s, latency: 20ms, queue: 200, warmup: {from: 60/s, work: 12000}}
//! callers:
//!   - {service: payments, rate: 10/s, timeout: 500ms, retries: 2, hosts: [h0..h9]}
//! faults:
//!   - {at: 30s, for: 60s, service_down: payments, mode: refuse}
//! expect: {overshoot: 1.4, false_opens: 0, recovered: 25s}
//! ```
//!
//! The file becomes a tree (the agent's own: `config::tree`), `--set` and `--hosts` change the tree, and plain functions
//! walk it: every fault is said, with its line and a caret, and a key nobody knows is one. The kinds of faults are in
//! `faults`, sizes relative to the demand in `services`, ways to name hosts in `hosts` and `groups`.

mod agent;
mod error;
mod expect;
mod faults;
mod groups;
mod hosts;
mod services;
mod set;
mod top;
mod word;

#[cfg(test)]
mod tests;

use breaker_agent::config::error::Findings;
use breaker_agent::config::tree::Node;

use crate::plan::Scenario;

pub use self::error::ScenarioErrors;
pub use self::set::Set;
pub use self::top::HOSTS_MAX;

/// A scenario's text and the name messages give it.
#[derive(Clone, Copy, Debug)]
pub struct File<'t> {
    /// The name.
    pub name: &'t str,
    /// The text.
    pub text: &'t str,
}

/// What the command line changes of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// As many hosts, zones in proportion.
    pub hosts: Option<usize>,
    /// Other values, in order.
    pub sets: Vec<Set>,
}

impl File<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// [`ScenarioErrors`] lists everything that is wrong.
    pub fn read(self, changes: &Changes) -> Result<Scenario, ScenarioErrors> {
        if self.text.len() > FILE_BYTES_MAX {
            let what = format!("expected a file of at most {FILE_BYTES_MAX} bytes, got {}", self.text.len());
            return Err(ScenarioErrors::whole(self.name, what));
        }
        let mut tree = Node::parse(self.text).map_err(|error| {
            let mut findings = Findings::default();
            findings.add(error.place.unwrap_or_default(), "", error.text);
            self.errors(findings)
        })?;
        for set in &changes.sets {
            set.apply(&mut tree).map_err(ScenarioErrors::outside)?;
        }
        let mut findings = Findings::default();
        let scenario = top::scenario(&tree, changes.hosts, &mut findings);
        match scenario.filter(|_| findings.count() == 0) {
            Some(scenario) => Ok(scenario),
            None => Err(self.errors(findings)),
        }
    }

    fn errors(self, findings: Findings) -> ScenarioErrors {
        match findings.finish(self.name) {
            Err(errors) => ScenarioErrors::new(&errors, self.text),
            Ok(()) => ScenarioErrors::whole(self.name, "expected a scenario".to_owned()),
        }
    }
}

/// Largest file: a hundred times the largest scenario built in.
pub const FILE_BYTES_MAX: usize = 1 << 20;
