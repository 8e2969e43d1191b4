//! What a run came to, as a page of at most 80 columns. (As one JSON document it is [`Outcome`] itself.)
//!
//! Nothing here depends on the process: the same run prints the same bytes. What held is said in one line, what did not
//! in full.

use std::fmt;

use crate::metric::{in_order, plain};
use crate::outcome::{FaultOutcome, Outcome};
use crate::table::{Indent, cut, wrapped};

/// A page about a run.
#[derive(Clone, Copy, Debug)]
pub struct Page<'o>(pub &'o Outcome);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { scenario, mode, hosts, seed, sim_seconds, .. } = self.0;
        let seconds = plain(*sim_seconds);
        let title = format!("{scenario}: {hosts} hosts, {mode}, seed {seed}, {seconds} simulated seconds");
        writeln!(f, "{}\n", wrapped(&title, Indent::LINE))?;
        for (name, value) in in_order(&self.0.metrics) {
            let value = value.map_or_else(|| "-".to_owned(), plain);
            writeln!(f, "{:26} {value:>12}", cut(name, 26))?;
        }
        self.faults(f)?;
        self.invariants(f)?;
        for bound in &self.0.unexpected {
            writeln!(f, "{}", wrapped(&format!("unexpected: {bound}"), Indent::LINE))?;
        }
        writeln!(f, "\ntrace_hash {}", self.0.trace_hash)
    }
}

impl Page<'_> {
    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = &self.0.faults;
        // Those that did not bite first: they are the ones to look at.
        let mut shown: Vec<_> = faults.iter().collect();
        shown.sort_by_key(|fault| fault.bit > 0);
        if !faults.is_empty() {
            writeln!(f)?;
        }
        for FaultOutcome { fault, bit } in shown.iter().take(FAULTS_SHOWN_MAX) {
            let bit = if *bit == 0 { "did not bite".to_owned() } else { format!("bit {bit} times") };
            writeln!(f, "{}", wrapped(&format!("fault: {fault}, {bit}"), Indent::LINE))?;
        }
        match faults.len().saturating_sub(FAULTS_SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }

    fn invariants(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held: Vec<_> = self.0.invariants.iter().filter(|one| one.held).map(|one| one.name.as_str()).collect();
        writeln!(f)?;
        if !held.is_empty() {
            writeln!(f, "{}", wrapped(&format!("held: {}", in_ranges(&held)), Indent::LINE))?;
        }
        for invariant in self.0.broken() {
            let first = invariant.first_violation.as_deref().unwrap_or("no more is known");
            let text = format!("BROKEN: {}, {}: {first}", invariant.name, invariant.says);
            writeln!(f, "{}", wrapped(&text, Indent::LINE))?;
        }
        Ok(())
    }
}

/// `S1-S6, S8, L1-L3`.
fn in_ranges(names: &[&str]) -> String {
    let numbered = |name: &str| {
        let at = name.find(|c: char| c.is_ascii_digit())?;
        Some((name[..at].to_owned(), name[at..].parse::<u32>().ok()?))
    };
    let follows = |name: &str, before: &str| match (numbered(name), numbered(before)) {
        (Some((letter, number)), Some((same, before))) => letter == same && number == before + 1,
        _ => false,
    };
    let mut ranges: Vec<(&str, &str)> = Vec::new();
    for name in names {
        match ranges.last_mut() {
            Some((_, last)) if follows(name, last) => *last = name,
            _ => ranges.push((name, name)),
        }
    }
    let texts = ranges.iter().map(|(first, last)| match first == last {
        true => (*first).to_owned(),
        false => format!("{first}-{last}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Most faults listed: a mass outage has 200 alike.
const FAULTS_SHOWN_MAX: usize = 12;

#[cfg(test)]
mod tests;
