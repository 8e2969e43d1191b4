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
    ("margin", &[("errors", NEARLY_HALF_FAIL), ("errors", &[]), SWARM]),
    ("silence", &[("one-way", &[]), ("liars", &[]), ("slow-callers", &[]), SWARM]),
    ("first_hand", &[("one-way", MORE_THAN_A_QUORUM), ("partition", &[]), SWARM]),
    ("sick_host", &[("sick-host", TWO_ARE_SICK), ("sick-host", &[]), SWARM]),
    ("join_cap", &[("mass-outage", &[]), SWARM]),
    ("adoption", &[("rolling-restart", &[]), ("partition-during-recovery", &[]), SWARM]),
    ("deaf", &[("pause", &[]), ("partition", &[]), ("gossip-dead", &[]), SWARM]),
    ("hearsay", &[("outage", &[]), ("flapping", &[]), ("one-way", &[]), SWARM]),
    ("reentry", &[("flapping", &[]), ("partition-during-recovery", &[]), SWARM]),
    ("replay", &[("rolling-restart", &[]), SWARM]),
];

const SWARM: Bait = ("swarm", &[]);

/// Below the threshold of a half, but not always by chance.
const NEARLY_HALF_FAIL: &[(&str, &str)] = &[("faults.0.service_errors.rate", "35%")];

/// More than 30 % of the hosts fail by their own fault; the others see that the service is well.
const MORE_THAN_A_QUORUM: &[(&str, &str)] = &[("faults.0.one_way.from", "45%")];

/// With one more failing host, two sick ones would be a quorum of six.
const TWO_ARE_SICK: &[(&str, &str)] = &[("faults.0.sick_host", "29%")];

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
