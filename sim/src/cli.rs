//! The words of the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use breaker_sim::plan::{FabricKind, Mode};
use breaker_sim::scenario::builtin::BUILT_IN;
use breaker_sim::scenario::file::{HOSTS_MAX, Set};
use breaker_sim::scenario::request::{Request, Source};
use breaker_sim::seeds::Seeds;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Simulates clusters of breakerd agents, repeatably.
#[derive(Debug, Parser)]
#[command(name = "breaker-sim", version, after_help = EXIT_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the scenarios that come with the program
    List,
    /// Run one scenario once; the same arguments give the same run, to the byte
    Run(RunWords),
    /// Run many seeds of a scenario, or of all, each in a process of its own; 1 % of them twice
    Sweep(SweepWords),
    /// Run the same seeds in each mode and show them side by side
    Compare(CompareWords),
    /// Switch each guard off in turn; the simulator must catch each of them
    Mutants(MutantsWords),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP)]
pub(crate) struct RunWords {
    /// A built-in scenario, or a file (with a / or .yaml)
    #[arg(value_name = "SCENARIO|FILE", value_parser = Source::named)]
    scenario: Source,
    #[command(flatten)]
    cluster: ClusterWords,
    /// Where all chance comes from, 0 to 18446744073709551615
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How hosts decide: as shipped, each alone, in fixed steps of recovery, or knowing the capacity
    #[arg(long, value_enum, default_value_t = ModeWord::Gossip)]
    mode: ModeWord,
    /// For people, or one JSON document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Write what happens, a line each: time in us, host, event, details (TAB between them); FNV-1a of the file is the
    /// trace_hash
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Write plots: one page that fetches nothing
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// The cluster of a run, and what else is changed of the scenario.
#[derive(Clone, Debug, Args)]
struct ClusterWords {
    /// As many hosts (1 to 1000) instead of the scenario's, zones in proportion
    #[arg(long, value_name = "N", value_parser = hosts)]
    hosts: Option<usize>,
    /// The network: turmoil (up to 50 hosts) or memory; turmoil where it can
    #[arg(long, value_enum)]
    fabric: Option<FabricWord>,
    /// Another value of any key of the scenario (agent.gossip.interval=1s, faults.0.at=5s), or a guard (guards.quorum=off)
    #[arg(long = "set", value_name = "PATH=VALUE", allow_hyphen_values = true)]
    sets: Vec<Set>,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP)]
pub(crate) struct SweepWords {
    /// A built-in scenario, a file (with a / or .yaml), or all built-in scenarios
    #[arg(value_name = "SCENARIO|FILE|all", value_parser = Which::named)]
    scenario: Which,
    /// Seeds A to B, both included; K alone means 1 to K
    #[arg(long, value_name = "A..B")]
    seeds: Seeds,
    /// How hosts decide
    #[arg(long, value_enum, default_value_t = ModeWord::Gossip)]
    mode: ModeWord,
    #[command(flatten)]
    cluster: ClusterWords,
    #[command(flatten)]
    pub(crate) many: ManyWords,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP)]
pub(crate) struct CompareWords {
    /// A built-in scenario, or a file (with a / or .yaml)
    #[arg(value_name = "SCENARIO|FILE", value_parser = Source::named)]
    scenario: Source,
    /// Seeds 1 to K; A..B means A to B, both included
    #[arg(long, value_name = "K")]
    seeds: Seeds,
    #[command(flatten)]
    cluster: ClusterWords,
    #[command(flatten)]
    pub(crate) many: ManyWords,
}

/// How many runs are done.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManyWords {
    /// As many runs at a time (1 to 1024) instead of one a core
    #[arg(long, value_name = "J", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Append a line of JSON for each finished run
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Go on from the runs in the file of --out
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP)]
pub(crate) struct MutantsWords {
    /// Seeds 1 to K; A..B means A to B, both included
    #[arg(long, value_name = "K", default_value_t = Seeds::up_to(MUTANT_SEEDS))]
    pub(crate) seeds: Seeds,
    /// As many runs at a time (1 to 1024) instead of one a core
    #[arg(long, value_name = "J", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeWord {
    Gossip,
    Local,
    Steps,
    Oracle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FabricWord {
    Turmoil,
    Memory,
}

/// What is swept.
#[derive(Clone, Debug)]
enum Which {
    All,
    One(Source),
}

impl RunWords {
    /// The run they name.
    pub(crate) fn request(&self) -> Request {
        self.cluster.request(self.scenario.clone(), self.mode.into(), self.seed)
    }
}

impl SweepWords {
    /// The runs they name: all seeds of one scenario after the other.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let sources = match &self.scenario {
            Which::All => BUILT_IN.iter().map(Source::BuiltIn).collect(),
            Which::One(source) => vec![source.clone()],
        };
        let of = |source: Source| {
            self.seeds.iter().map(move |seed| self.cluster.request(source.clone(), self.mode.into(), seed))
        };
        sources.into_iter().flat_map(of).collect()
    }
}

impl CompareWords {
    /// A run a seed.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let of = |seed| self.cluster.request(self.scenario.clone(), Mode::Gossip, seed);
        self.seeds.iter().map(of).collect()
    }
}

impl ClusterWords {
    fn request(&self, scenario: Source, mode: Mode, seed: u64) -> Request {
        let fabric = self.fabric.map(FabricKind::from);
        Request { scenario, hosts: self.hosts, seed, mode, fabric, sets: self.sets.clone() }
    }
}

impl ManyWords {
    pub(crate) fn jobs(&self) -> NonZeroUsize {
        jobs_or_cores(self.jobs)
    }
}

impl MutantsWords {
    pub(crate) fn jobs(&self) -> NonZeroUsize {
        jobs_or_cores(self.jobs)
    }
}

impl Which {
    fn named(word: &str) -> Result<Self, String> {
        if word == "all" { Ok(Self::All) } else { Source::named(word).map(Self::One) }
    }
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Gossip => Self::Gossip,
            ModeWord::Local => Self::Local,
            ModeWord::Steps => Self::Steps,
            ModeWord::Oracle => Self::Oracle,
        }
    }
}

impl From<FabricWord> for FabricKind {
    fn from(word: FabricWord) -> Self {
        match word {
            FabricWord::Turmoil => Self::Turmoil,
            FabricWord::Memory => Self::Memory,
        }
    }
}

fn hosts(word: &str) -> Result<usize, String> {
    let expected = || format!("expected 1 to {HOSTS_MAX} hosts");
    word.parse().ok().filter(|hosts| (1..=HOSTS_MAX).contains(hosts)).ok_or_else(expected)
}

fn jobs(word: &str) -> Result<NonZeroUsize, String> {
    let expected = || format!("expected 1 to {JOBS_MAX} runs at a time");
    word.parse().ok().filter(|jobs: &NonZeroUsize| jobs.get() <= JOBS_MAX).ok_or_else(expected)
}

/// A run keeps one core busy.
fn jobs_or_cores(jobs: Option<NonZeroUsize>) -> NonZeroUsize {
    jobs.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// Most runs at a time: each is a process with a thread here that waits for it.
const JOBS_MAX: usize = 1_024;

/// Seeds within which each mutant must be caught.
const MUTANT_SEEDS: u64 = 200;

const EXIT_HELP: &str = "Exit status: 0 all runs did what they should, 1 one did not (or could not be written), \
                         2 the command line or the scenario is wrong.";

#[cfg(test)]
mod tests;
