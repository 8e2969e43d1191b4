//! What goes wrong: each fault is a map with `at`, mostly `for`, and the one key that says what.
//!
//! Some kinds have a second key beside (`mode`, `fails`, `service`, `restart_after`); it is unknown to all others.
//! `for` is an error where a fault has no length of its own (`crash`, `rolling_restart`), and asked for where one
//! without end would make no sense (`pause`: whoever never goes on has crashed). Nothing may begin or end after the
//! scenario: it would not happen, and a fault that does not bite fails the run.

use std::time::Duration;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::{Found, Section, one_of};
use breaker_agent::config::tree::Value;

use super::hosts::Places;
use super::services::required;
use super::word::{duration, time};
use crate::plan::{Fault, What};

use self::kinds::{KINDS, Kind, Length};

mod kinds;

/// What a fault is read within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage<'a> {
    pub(super) places: &'a Places,
    pub(super) duration: Duration,
}

/// All faults, in order of time.
pub(super) fn faults(found: &Found<'_>, stage: Stage<'_>, findings: &mut Findings) -> Vec<Fault> {
    let Value::List(nodes) = &found.node.value else {
        if found.node.value != Value::Nothing {
            found.refuse(findings, "a list of faults");
        }
        return Vec::new();
    };
    let mut faults = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let line = found.below(&index.to_string(), node);
        faults.extend(Reader { stage, line, findings }.read().unwrap_or_default());
        if faults.len() > FAULTS_MAX {
            found.complain(findings, format!("expected at most {FAULTS_MAX} faults, a service each"));
            return Vec::new();
        }
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// Reads one fault.
struct Reader<'a, 'f> {
    stage: Stage<'f>,
    line: Found<'a>,
    findings: &'f mut Findings,
}

/// The times of a fault.
#[derive(Clone, Copy)]
struct Times {
    at: Duration,
    lasts: Option<Duration>,
}

impl<'a> Reader<'a, '_> {
    fn read(mut self) -> Option<Vec<Fault>> {
        let kind = self.kind()?;
        let mut known = vec!["at", kind.key];
        known.extend(kind.beside);
        // Known everywhere, so that where it is wrong the reason can be said.
        known.push("for");
        let section = self.line.section(&known, self.findings);
        let times = self.times(&section, kind);
        let value = section.found(kind.key)?;
        let what = (kind.read)(&mut self, &value, &section);
        let (times, what) = (times?, what?);
        self.ends_in_time(times, &what, &value)?;
        Some(what.into_iter().map(|what| Fault { at: times.at, lasts: times.lasts, what }).collect())
    }

    /// The one kind whose key is written.
    fn kind(&mut self) -> Option<&'static Kind> {
        let Value::Map(entries) = &self.line.node.value else {
            self.line.refuse(self.findings, "a fault such as {at: 30s, for: 20s, loss: 30%}");
            return None;
        };
        let mut written = KINDS.iter().filter(|kind| entries.iter().any(|(key, _)| key.text == kind.key));
        match (written.next(), written.next()) {
            (Some(kind), None) => Some(kind),
            (Some(one), Some(other)) => {
                self.line.complain(self.findings, format!("expected one fault, got {} and {}", one.key, other.key));
                None
            }
            (None, _) => {
                let keys: Vec<_> = KINDS.iter().map(|kind| kind.key).collect();
                self.line.complain(self.findings, format!("expected what goes wrong: {}", one_of(&keys)));
                None
            }
        }
    }

    fn times(&mut self, section: &Section<'a>, kind: &Kind) -> Option<Times> {
        let at = required(&self.line, section, "at", self.findings);
        let lasts = match (section.found("for"), kind.length) {
            (Some(found), Length::None(instead)) => {
                found.complain(self.findings, format!("{} has no length: {instead}", kind.key));
                return None;
            }
            (None, Length::Needed(why)) => {
                self.line.complain(self.findings, format!("expected the key for: {why}"));
                return None;
            }
            (None, Length::Free | Length::None(_)) => None,
            (Some(found), Length::Free | Length::Needed(_)) => Some(duration(&found, self.findings)?),
        };
        let at = at?;
        let begins = time(&at, self.findings)?;
        if begins >= self.stage.duration {
            self.after_the_end(&at, "begins");
            return None;
        }
        if lasts.is_some_and(|lasts| begins + lasts > self.stage.duration) {
            self.after_the_end(&section.found("for")?, "ends");
            return None;
        }
        Some(Times { at: begins, lasts })
    }

    fn after_the_end(&mut self, found: &Found<'_>, does: &str) {
        let end = humantime::format_duration(self.stage.duration);
        found.complain(self.findings, format!("{does} after the scenario, which is over at {end}"));
    }

    /// Restarts have ends of their own.
    fn ends_in_time(&mut self, times: Times, what: &[What], value: &Found<'_>) -> Option<()> {
        let hosts = u32::try_from(self.stage.places.hosts()).unwrap_or(u32::MAX);
        let latest = what.iter().filter_map(|what| match what {
            What::Crash { restart_after, .. } => *restart_after,
            What::RollingRestart { every } => Some(every.saturating_mul(hosts)),
            _ => None,
        });
        if latest.max().is_some_and(|takes| times.at.saturating_add(takes) > self.stage.duration) {
            self.after_the_end(value, "ends");
            return None;
        }
        Some(())
    }
}

/// Most faults once expanded: one for each service.
pub(super) const FAULTS_MAX: usize = 1_000;
