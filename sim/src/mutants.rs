//! Each guard off in turn: does the simulator catch the damage?
//!
//! A guard that can be switched off unnoticed is either useless or untested. For each there is a list of scenarios that
//! should expose it; seeds are tried in order, all scenarios of the list with each, until a run breaks an invariant or a
//! bound that the same run with the guard on keeps. A run that fails with the guard on too proves nothing about the
//! guard: a mutant of which there is nothing else is unclear, which is a failure as well.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::outcome::Outcome;
use crate::plan::{FabricKind, Mode};
use crate::runner::{Runner, in_parallel};
use crate::scenario::file::Set;
use crate::scenario::request::{Request, Source};
use crate::seeds::Seeds;
use crate::sweep::Progress;
use crate::table::{Indent, Table, wrapped};

/// What is to be done.
#[derive(Debug)]
pub struct Mutants {
    /// Seeds to try, in order.
    pub seeds: Seeds,
    /// As many runs at a time.
    pub jobs: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Hunted {
    fates: Vec<(&'static str, Fate)>,
}

/// What came of one mutant.
#[derive(Debug)]
enum Fate {
    /// A run with it broke what the same run without it keeps.
    Caught { request: Request, by: String },
    /// No seed showed it.
    Survived,
    /// A run failed with the guard on as well, or died.
    Unclear { request: Request, why: String },
}

/// A scenario that should show what a guard is for, with values that make it likely.
type Bait = (&'static str, &'static [(&'static str, &'static str)]);

/// Which scenarios expose which guard. The swarm comes last everywhere: it knows of no guard, and finds what nobody
/// thought of.
const BAITS: [(&str, &[Bait]); 11] = [
    ("quorum", &[("sick-host", &[]), ("liars", &[]), SWARM]),
    ("margin", &[("errors", A_QUARTER_FAILS), SWARM]),
    ("silence", &[("errors", A_QUARTER_IS_SICK), SWARM]),
    ("first_hand", &[("one-way", MOST_ARE_CUT_OFF), SWARM]),
    ("sick_host", &[("sick-in-outage", &[]), SWARM]),
    ("join_cap", &[("quiet-caller", &[]), SWARM]),
    ("adoption", &[("rolling-restart", LATE_AND_SLOW), SWARM]),
    ("deaf", &[("pause", &[]), ("partition", &[]), ("gossip-dead", &[]), SWARM]),
    ("hearsay", &[("outage", &[]), ("flapping", &[]), SWARM]),
    ("reentry", &[("flapping", &[]), ("partition-during-recovery", &[]), SWARM]),
    ("replay", &[("rolling-restart", &[]), SWARM]),
];

const SWARM: Bait = ("swarm", &[]);

/// Far below the threshold of a half. But of the twenty calls that suffice for a judgement ten fail by chance, once in a
/// minute or two. Own breakers, which may trip by chance and stand for themselves, wait for longer.
const A_QUARTER_FAILS: &[(&str, &str)] = &[
    ("hosts", "10"),
    ("callers.0.rate", "4/s"),
    ("faults.0.service_errors.rate", "25%"),
    ("agent.defaults.circuit_breaker.failure_criteria.sustained", "30s"),
];

/// Failing hosts one short of the quorum. Chance adds one, and the others are well and silent.
const A_QUARTER_IS_SICK: &[(&str, &str)] = &[
    ("duration", "50s"),
    ("callers.0.rate", "4/s"),
    ("faults.0.service_errors.rate", "10%"),
    ("faults.1.sick_host", "25%"),
    ("faults.1.for", "15s"),
];

/// More than enough for an opening. The others reach the service, and call it often enough to know at any time.
const MOST_ARE_CUT_OFF: &[(&str, &str)] =
    &[("duration", "50s"), ("callers.0.rate", "100/s"), ("faults.0.one_way", "{from: 70%, to: [payments]}")];

/// When hosts are restarted, the calls that failed at the onset are forgotten everywhere: only places tell of them.
const LATE_AND_SLOW: &[(&str, &str)] =
    &[("duration", "130s"), ("faults.0.for", "85s"), ("faults.1.at", "90s"), ("faults.1.rolling_restart.every", "2s")];

impl Mutants {
    /// Does all of it.
    pub fn run(self, runner: &Runner<'_>, progress: &mut dyn FnMut(Progress)) -> Hunted {
        let mut hunted = Hunted::default();
        let mut at = Progress { of: BAITS.len(), ..Progress::default() };
        for (guard, baits) in BAITS {
            progress(at);
            let fate = self.hunt(guard, baits, runner);
            at.done += 1;
            at.failed += usize::from(!matches!(fate, Fate::Caught { .. }));
            hunted.fates.push((guard, fate));
        }
        progress(at);
        hunted
    }

    fn hunt(&self, guard: &str, baits: &[Bait], runner: &Runner<'_>) -> Fate {
        let work: Vec<_> = self.seeds.iter().flat_map(|seed| baits.iter().map(move |bait| with(bait, seed))).collect();
        let mut unclear = Vec::new();
        // As many at a time as there are jobs, each wave looked at in its order, so that the table does not depend on
        // how fast a machine is.
        for wave in work.chunks(self.jobs.get()) {
            let mut found = Vec::new();
            let numbered: Vec<_> = wave.iter().enumerate().collect();
            in_parallel(
                self.jobs,
                numbered,
                |(_, bait)| judge(guard, bait, runner),
                |(index, _), fate| {
                    found.extend(fate.map(|fate| (index, fate)));
                    ControlFlow::Continue(())
                },
            );
            found.sort_by_key(|(index, _)| *index);
            for (_, fate) in found {
                match fate {
                    Fate::Caught { .. } => return fate,
                    Fate::Survived | Fate::Unclear { .. } => unclear.push(fate),
                }
            }
            if unclear.len() >= UNCLEAR_MAX {
                break;
            }
        }
        unclear.into_iter().next().unwrap_or(Fate::Survived)
    }
}

/// A run that a mutant may fail in.
fn with((scenario, sets): &Bait, seed: u64) -> Request {
    let scenario = Source::named(scenario).expect("invariant: baits are built in");
    let sets = sets.iter().map(|(path, value)| Set { path: (*path).to_owned(), value: (*value).to_owned() });
    Request { scenario, hosts: None, seed, mode: Mode::Gossip, fabric: Some(FabricKind::Memory), sets: sets.collect() }
}

/// What a run shows of a mutant: nothing, if it keeps all.
fn judge(guard: &str, bait: &Request, runner: &Runner<'_>) -> Option<Fate> {
    let mut mutant = bait.clone();
    mutant.sets.push(Set { path: format!("guards.{guard}"), value: "off".to_owned() });
    let unclear = |request: &Request, why: String| Some(Fate::Unclear { request: request.clone(), why });
    let by = match runner(&mutant) {
        Err(died) => return unclear(&mutant, died),
        Ok(outcome) => damage(&outcome).next()?,
    };
    match runner(bait) {
        Err(died) => unclear(bait, died),
        // What fails in any case is no damage of the mutant's.
        Ok(outcome) => match damage(&outcome).next() {
            Some(also) => unclear(bait, format!("fails with the guard on as well: {also}")),
            None => Some(Fate::Caught { request: mutant, by }),
        },
    }
}

/// What a run broke: invariants by name, bounds in words. A fault without a bite is no damage.
fn damage(outcome: &Outcome) -> impl Iterator<Item = String> {
    let bound = |text: &String| text.split_whitespace().next().unwrap_or_default().to_owned();
    outcome.broken().map(|invariant| invariant.name.clone()).chain(outcome.unexpected.iter().map(bound))
}

impl Hunted {
    /// Whether every mutant was caught.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.fates.iter().all(|(_, fate)| matches!(fate, Fate::Caught { .. }))
    }
}

impl fmt::Display for Hunted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["guard", "scenario", "seed", "caught by"]);
        for (guard, fate) in &self.fates {
            let (request, by) = match fate {
                Fate::Caught { request, by } => (Some(request), by.as_str()),
                Fate::Survived => (None, "SURVIVED"),
                Fate::Unclear { request, .. } => (Some(request), "UNCLEAR"),
            };
            let scenario = request.map_or_else(|| "-".to_owned(), |request| request.scenario.to_string());
            let seed = request.map_or_else(|| "-".to_owned(), |request| request.seed.to_string());
            table.row(vec![(*guard).to_owned(), scenario, seed, by.to_owned()]);
        }
        write!(f, "{table}")?;
        for (guard, fate) in &self.fates {
            match fate {
                Fate::Survived => {}
                Fate::Caught { request, .. } => writeln!(f, "\n{guard}: {request}")?,
                Fate::Unclear { request, why } => writeln!(f, "\n{guard}: {request}\n{}", wrapped(why, Indent::BELOW))?,
            }
        }
        Ok(())
    }
}

/// Runs that fail in any case until a hunt is given up: something else is to be repaired first.
const UNCLEAR_MAX: usize = 10;

#[cfg(test)]
mod tests;
