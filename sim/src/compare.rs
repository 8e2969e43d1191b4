//! The same seeds in each mode, side by side in one table.
//!
//! Every seed runs in every mode; cells are medians and 95th percentiles over the seeds. The oracle, which knows the
//! capacity, is the yardstick of recovery: how much longer a mode took than the oracle with the same seed is
//! computed here for runs that do not know it themselves. A metric that some runs had nothing of (a cluster that never recovered) is marked, for
//! its percentiles are then those of the lucky runs.
//!
//! What a lone breaker does wrong is what the table is for; only runs that died, and faults of the cluster's own mode,
//! make a comparison fail.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::journal::{Journal, JournalError};
use crate::outcome::Outcome;
use crate::plan::Mode;
use crate::runner::{Runner, in_parallel};
use crate::scenario::request::Request;
use crate::sweep::{Progress, values};
use crate::table::{Indent, Spread, cut, short, wrapped};

/// What is compared.
#[derive(Debug)]
pub struct Comparison {
    /// A run a seed; its mode means nothing.
    pub requests: Vec<Request>,
    /// As many at a time.
    pub jobs: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Compared {
    title: String,
    ran: BTreeMap<Mode, BTreeMap<u64, Outcome>>,
    failures: Vec<(Request, String)>,
}

impl Comparison {
    /// The runs of it: each seed in each mode that runs.
    #[must_use]
    pub fn planned(&self) -> Vec<Request> {
        let modes = MODES.iter().filter(|mode| runs(**mode));
        let of = |mode: &'static Mode| self.requests.iter().map(|request| Request { mode: *mode, ..request.clone() });
        modes.flat_map(of).collect()
    }

    /// Does all of it.
    ///
    /// # Errors
    /// If finished runs cannot be written down.
    pub fn run(
        self,
        runner: &Runner<'_>,
        journal: &mut Journal,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Compared, JournalError> {
        let mut compared = Compared { title: self.title(), ..Compared::default() };
        let planned = self.planned();
        let of = planned.len();
        let (done, work): (Vec<_>, Vec<_>) = planned.into_iter().partition(|one| journal.finished(one).is_some());
        for request in done {
            let ran = journal.finished(&request).cloned();
            ran.into_iter().for_each(|ran| compared.add(&request, ran));
        }
        let mut at = Progress { done: of - work.len(), of, failed: compared.failures.len() };
        progress(at);
        let mut trouble = None;
        in_parallel(
            self.jobs,
            work,
            |request| runner(request),
            |request, ran| {
                if let Err(error) = journal.add(&request, &ran) {
                    trouble = Some(error);
                    return ControlFlow::Break(());
                }
                compared.add(&request, ran);
                at = Progress { done: at.done + 1, failed: compared.failures.len(), ..at };
                progress(at);
                ControlFlow::Continue(())
            },
        );
        compared.measure_against_the_oracle();
        trouble.map_or(Ok(compared), Err)
    }

    fn title(&self) -> String {
        let first = self.requests.first().map(|request| request.scenario.to_string()).unwrap_or_default();
        format!("{first}: median and 95th percentile of {} seeds", self.requests.len())
    }
}

impl Compared {
    /// Whether every run has a result, and the cluster's were good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    fn add(&mut self, request: &Request, ran: Result<Outcome, String>) {
        match ran {
            Err(died) => self.failures.push((request.clone(), died)),
            Ok(outcome) => {
                let complaint = outcome.complaints().into_iter().next().filter(|_| is_judged(request.mode));
                self.failures.extend(complaint.map(|complaint| (request.clone(), complaint)));
                self.ran.entry(request.mode).or_default().insert(request.seed, outcome);
            }
        }
    }

    fn measure_against_the_oracle(&mut self) {
        let oracle = self.ran.get(&Mode::Oracle).cloned().unwrap_or_default();
        for (mode, outcomes) in &mut self.ran {
            for (seed, outcome) in outcomes.iter_mut().filter(|_| *mode != Mode::Oracle) {
                let recovered = |outcome: &Outcome| outcome.metrics.get(RECOVERED).copied().flatten();
                let Some(best) = oracle.get(seed).and_then(recovered) else { continue };
                let excess = recovered(outcome).map(|took| (took - best).max(0.0));
                for (name, value) in [("oracle_recovered_ms", Some(best)), ("recovered_excess_ms", excess)] {
                    let known = outcome.metrics.entry(name.to_owned()).or_default();
                    *known = known.or(value);
                }
            }
        }
    }

    /// A mode's part of the row of a metric, and whether some runs had no value of it while others did.
    fn cell(&self, mode: Mode, metric: &str) -> (String, bool) {
        let outcomes = self.ran.get(&mode).into_iter().flat_map(BTreeMap::values);
        let runs = outcomes.clone().count();
        let values = values(outcomes).remove(metric).unwrap_or_default();
        match Spread::of(&values) {
            None => (format!("{:>14}", "-"), false),
            Some(spread) => {
                let lacks = values.len() < runs;
                let mark = if lacks { "*" } else { " " };
                (format!("{:>6}{:>7}{mark}", short(spread.median), short(spread.p95)), lacks)
            }
        }
    }
}

/// Whether it is a fault if a run of this mode does not keep what the scenario expects.
#[must_use]
pub fn is_judged(mode: Mode) -> bool {
    match mode {
        Mode::Gossip | Mode::Steps => true,
        Mode::Local | Mode::Oracle => false,
    }
}

/// Fixed steps come with the ramp.
fn runs(mode: Mode) -> bool {
    mode != Mode::Steps
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", wrapped(&self.title, Indent::LINE))?;
        write!(f, "{:24}", "")?;
        let titles: Vec<_> = MODES.iter().map(|mode| format!("{:>13} ", mode.as_str())).collect();
        writeln!(f, "{}", titles.concat().trim_end())?;
        let mut some_lack = false;
        for name in self.names() {
            let cells = MODES.iter().map(|mode| match runs(*mode) {
                true => self.cell(*mode, &name),
                false => (format!("{:>13} ", "with the ramp"), false),
            });
            let (cells, lack): (Vec<_>, Vec<_>) = cells.unzip();
            some_lack |= lack.contains(&true);
            writeln!(f, "{:24}{}", cut(&name, 24), cells.concat().trim_end())?;
        }
        if some_lack {
            writeln!(f, "\n* some runs had nothing of the sort, such as a recovery within their time")?;
        }
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|(request, _)| (request.mode, request.seed));
        for (request, why) in failures.into_iter().take(FAILURES_SHOWN_MAX) {
            writeln!(f, "\nfailed: {request}\n{}", wrapped(why, Indent::BELOW))?;
        }
        match self.failures.len().saturating_sub(FAILURES_SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(f, "\nand {more} more failed"),
        }
    }
}

impl Compared {
    /// Metrics of which any run of any mode has a value, in order.
    fn names(&self) -> Vec<String> {
        let outcomes = self.ran.values().flat_map(BTreeMap::values);
        let measured: BTreeMap<_, _> = values(outcomes).into_iter().filter(|(_, values)| !values.is_empty()).collect();
        crate::metric::in_order(&measured).into_iter().map(|(name, _)| name.to_owned()).collect()
    }
}

/// The columns.
const MODES: [Mode; 4] = [Mode::Gossip, Mode::Local, Mode::Steps, Mode::Oracle];

const RECOVERED: &str = "recovered_ms";

/// Failures shown: the first ones are enough to begin with.
const FAILURES_SHOWN_MAX: usize = 5;

#[cfg(test)]
mod tests;
