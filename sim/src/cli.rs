//! The words of the command line.

use std::path::PathBuf;

use breaker_sim::cluster::Plan;
use breaker_sim::fabric::Loss;
use breaker_sim::scenario::{Run, Scenario, Voice};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// How many hosts, each with an agent and an application, 2 to 50
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(HOSTS_MIN..=HOSTS_MAX))]
    hosts: u8,
    /// Where all chance comes from, 0 to 18446744073709551615
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Datagrams lost, each by itself, such as 5%, at most 30%
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
    Cli::parse().into()
}

impl From<Cli> for Asked {
    fn from(cli: Cli) -> Self {
        let Verb::Run(words) = cli.verb;
        let plan = Plan { hosts: usize::from(words.hosts), seed: words.seed, loss: words.loss };
        let voice = if words.mute_failing_host { Voice::Mute } else { Voice::Heard };
        let scenario = match words.scenario {
            ScenarioName::Spread => Scenario::Spread { voice },
        };
        Self { run: Run { scenario, plan }, format: words.format, trace: words.trace }
    }
}

/// One host has nobody to tell.
const HOSTS_MIN: i64 = 2;

/// turmoil looks at every pair of hosts in every millisecond: 50 hosts take a second of the real world for each
/// simulated one, a hundred take seven.
const HOSTS_MAX: i64 = 50;

const EXIT_HELP: &str = "Exit status: 0 the run did what it should, 1 it did not (or could not be written), \
                         2 the command line is wrong.";

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        Cli::try_parse_from(line.split(' ')).map(Asked::from).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_that_runs_it_again_means_the_same_run() {
        for line in [
            "breaker-sim run spread",
            "breaker-sim run spread --hosts 50 --seed 18446744073709551615",
            "breaker-sim run spread --hosts 2 --seed 0 --loss 0.5% --mute-failing-host",
            "breaker-sim run spread --hosts 3 --seed 4 --loss 30%",
        ] {
            let run = asked(line).unwrap().run;
            assert_eq!(asked(&run.to_string()).unwrap().run, run, "{line}");
        }
    }

    #[test]
    fn what_is_out_of_range_or_no_number_is_refused() {
        for (wrong, said) in [
            ("--hosts 0", "0 is not in 2..=50"),
            ("--hosts 1", "1 is not in 2..=50"),
            ("--hosts 51", "51 is not in 2..=50"),
            ("--hosts 1000", "1000 is not in 2..=50"),
            ("--hosts ten", "invalid digit"),
            ("--seed seven", "invalid digit"),
            ("--seed 18446744073709551616", "too large"),
            ("--loss 30.1%", "0% to 30%"),
            ("--loss much", "0% to 30%"),
            ("--format yaml", "possible values: text, json"),
        ] {
            let error = asked(&format!("breaker-sim run spread {wrong}")).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn an_unknown_scenario_is_told_which_there_are() {
        let error = asked("breaker-sim run flood").unwrap_err();
        assert!(error.contains("flood") && error.contains("possible values: spread"), "{error}");
    }

    #[test]
    fn every_word_has_its_help() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        let help = <Cli as clap::CommandFactory>::command().render_long_help().to_string();
        assert!(help.contains("Exit status"), "{help}");
    }
}
