//! Many seeds of one scenario, or of all: does any run fail?
//!
//! Every hundredth run, the first one among them, is done twice, and both must come out the same: a result that does not
//! repeat proves nothing. A run that a file remembers is not done again.
//!
//! The runner is an argument. In the program it starts processes, in tests it is a function.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::journal::{Journal, JournalError};
use crate::metric::in_order;
use crate::outcome::Outcome;
use crate::runner::{Ran, Runner, in_parallel};
use crate::scenario::request::Request;
use crate::table::{Indent, Spread, Table, short, wrapped};

/// What is to be done.
#[derive(Debug)]
pub struct Sweep {
    /// The runs.
    pub requests: Vec<Request>,
    /// As many at a time.
    pub jobs: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Swept {
    ran: BTreeMap<String, Vec<Outcome>>,
    tallies: BTreeMap<String, Tally>,
    failures: Vec<Failed>,
    twice: usize,
    remembered: usize,
}

/// How far many runs are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Finished.
    pub done: usize,
    /// In all.
    pub of: usize,
    /// Of the finished ones, failed.
    pub failed: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    runs: usize,
    failed: usize,
}

/// A run that failed.
#[derive(Debug)]
struct Failed {
    request: Request,
    why: Vec<String>,
}

impl Sweep {
    /// Does all of it.
    ///
    /// # Errors
    /// If finished runs cannot be written down.
    pub fn run(
        self,
        runner: &Runner<'_>,
        journal: &mut Journal,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Swept, JournalError> {
        let mut swept = Swept::default();
        let mut at = Progress { of: self.requests.len(), ..Progress::default() };
        let mut work = Vec::new();
        for (index, request) in self.requests.into_iter().enumerate() {
            match journal.finished(&request) {
                Some(ran) => {
                    swept.remembered += 1;
                    swept.add(&request, ran.clone());
                }
                None => work.push((request, index % TWICE_EVERY == 0)),
            }
        }
        swept.twice = work.iter().filter(|(_, twice)| *twice).count();
        at.done = swept.remembered;
        at.failed = swept.failures.len();
        progress(at);
        let run = |(request, twice): &(Request, bool)| match twice {
            false => runner(request),
            true => the_same(runner(request), runner(request)),
        };
        let mut trouble = None;
        in_parallel(self.jobs, work, run, |(request, _), ran| {
            if let Err(error) = journal.add(&request, &ran) {
                trouble = Some(error);
                return ControlFlow::Break(());
            }
            swept.add(&request, ran);
            at.done += 1;
            at.failed = swept.failures.len();
            progress(at);
            ControlFlow::Continue(())
        });
        trouble.map_or(Ok(swept), Err)
    }
}

/// The one result of two runs of one request.
fn the_same(first: Ran, second: Ran) -> Ran {
    match (first, second) {
        (Ok(first), Ok(second)) if first == second => Ok(first),
        (Ok(first), Ok(second)) => Err(format!(
            "two runs of one seed differ: their traces have the hashes {} and {}",
            first.trace_hash, second.trace_hash
        )),
        (Err(died), _) | (_, Err(died)) => Err(died),
    }
}

impl Swept {
    /// Whether no run failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn add(&mut self, request: &Request, ran: Ran) {
        let tally = self.tallies.entry(request.scenario.to_string()).or_default();
        tally.runs += 1;
        let why = match &ran {
            Ok(outcome) => outcome.complaints(),
            Err(died) => vec![died.clone()],
        };
        if !why.is_empty() {
            tally.failed += 1;
            self.failures.push(Failed { request: request.clone(), why });
        }
        if let Ok(outcome) = ran {
            self.ran.entry(request.scenario.to_string()).or_default().push(outcome);
        }
    }

    fn measured(&self, f: &mut fmt::Formatter<'_>, outcomes: &[Outcome]) -> fmt::Result {
        let mut table = Table::new(&["", "median", "p95", "max"]);
        for (name, values) in in_order(&values(outcomes)) {
            let cells =
                Spread::of(values).map_or([None; 3], |spread| [spread.median, spread.p95, spread.max].map(Some));
            let cells = cells.map(|value| value.map_or_else(|| "-".to_owned(), short));
            table.row([name.to_owned()].into_iter().chain(cells).collect());
        }
        write!(f, "{table}")
    }
}

/// What runs measured, by metric; runs without a value of it left out.
pub(crate) fn values<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> BTreeMap<String, Vec<f64>> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, value) in outcomes.into_iter().flat_map(|outcome| &outcome.metrics) {
        values.entry(name.clone()).or_default().extend(value);
    }
    values
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["scenario", "runs", "failed"]);
        for (scenario, Tally { runs, failed }) in &self.tallies {
            table.row(vec![scenario.clone(), runs.to_string(), failed.to_string()]);
        }
        writeln!(f, "{table}")?;
        if let [(_, outcomes)] = self.ran.iter().collect::<Vec<_>>().as_slice() {
            self.measured(f, outcomes)?;
            writeln!(f)?;
        }
        write!(f, "{} done twice", self.twice)?;
        if self.remembered > 0 {
            write!(f, ", {} remembered", self.remembered)?;
        }
        writeln!(f)?;
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|failed| (failed.request.but_for_the_seed(), failed.request.seed));
        for Failed { request, why } in failures.iter().take(FAILURES_SHOWN_MAX) {
            writeln!(f, "\nfailed: {request}")?;
            why.iter().take(WHY_SHOWN_MAX).try_for_each(|why| writeln!(f, "{}", wrapped(why, Indent::BELOW)))?;
        }
        match failures.len().saturating_sub(FAILURES_SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(f, "\nand {more} more failed"),
        }
    }
}

/// One run in a hundred is done twice.
const TWICE_EVERY: usize = 100;

/// Failures shown: the first ones are enough to begin with.
const FAILURES_SHOWN_MAX: usize = 10;

/// Complaints shown of each.
const WHY_SHOWN_MAX: usize = 3;

#[cfg(test)]
pub(crate) mod tests;
