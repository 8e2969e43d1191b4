//! The words of the command line.

use std::path::PathBuf;

use breaker_sim::cluster::Plan;
use breaker_sim::fabric::Loss;
use breaker_sim::scenario::{Run, Scenario, Voice};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// What is asked for.
pub(crate) struct Asked {
    pub(crate) run: Run,
    pub(crate) format: Format,
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Simulates clusters of breakerd agents, repeatably.
#[derive(Debug, Parser)]
#[command(name = "breaker-sim", version, after_help = EXIT_HELP)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run one scenario once; the same arguments give the same run, to the byte
    Run(Words),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_HELP)]
struct Words {
    scenario: ScenarioName,
    /// How many hosts, each with an agent and an application
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(HOSTS_MIN..=HOSTS_MAX))]
    hosts: u8,
    /// Where all chance comes from, 0 to 18446744073709551615
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Datagrams lost, each by itself, such as 5%, at most 90%
    #[arg(long, value_name = "PERCENT", default_value_t = Loss::default())]
    loss: Loss,
    /// Lose all that the failing host sends once the service fails; the run must fail then (a check of the simulator)
    #[arg(long)]
    mute_failing_host: bool,
    /// For people, or one JSON document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write what happens, a line each: time in us, host, event, details (TAB between them); FNV-1a of the file is the
    /// trace_hash
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScenarioName {
    /// A service fails for one host; when do the others show that host's digest?
    Spread,
}

/// Reads the command line; ends the process if it is wrong, or asks for help.
pub(crate) fn parse() -> Asked {
    let Verb::Run(words) = Cli::parse().verb;
    let plan = Plan { hosts: usize::from(words.hosts), seed: words.seed, loss: words.loss };
    let voice = if words.mute_failing_host { Voice::Mute } else { Voice::Heard };
    let scenario = match words.scenario {
        ScenarioName::Spread => Scenario::Spread { voice },
    };
    Asked { run: Run { scenario, plan }, format: words.format, trace: words.trace }
}

/// One host has nobody to tell.
const HOSTS_MIN: i64 = 2;

/// turmoil looks at every pair of hosts in every millisecond: 50 hosts take a second of the real world for each
/// simulated one, a hundred take seven.
const HOSTS_MAX: i64 = 50;

const EXIT_HELP: &str = "Exit status: 0 the run did what it should, 1 it did not (or could not be written), \
                         2 the command line is wrong.";
