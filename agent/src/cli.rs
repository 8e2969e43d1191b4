//! The command line of `breakerd`, as data. Nothing here acts; `main` does.
//!
//! Every flag of the agent can be given by a variable too, and `config show` takes the same flags, so that it can show
//! what an agent started in the same way would do.

use std::path::PathBuf;

use breaker_agent::config::{Given, GivenBy, Overrides};
use breaker_agent::core::service::ServiceName;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

/// The agent of breakerd: asked over a Unix socket whether a call may go ahead.
///
/// Without a configuration every default is useful: a rate of 50 % or ten failures in a row opens a service's breaker
/// for half a minute. Ask it with breakerctl.
#[derive(Debug, Parser)]
#[command(name = "breakerd", version, max_term_width = 80)]
pub(crate) struct Cli {
    /// Flags of the agent itself.
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// How the log is written, to standard error
    #[arg(long, value_enum, env = "BREAKERD_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// What to do instead of running the agent.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What decides how an agent runs.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The configuration, YAML; without it, defaults
    #[arg(long, value_name = "FILE", env = "BREAKERD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The socket applications connect to
    #[arg(long, value_name = "PATH", env = "BREAKERD_SOCKET")]
    socket: Option<String>,
    /// This agent's id in the cluster; by default the host's name
    #[arg(long, value_name = "ID", env = "BREAKERD_NODE_ID")]
    node_id: Option<String>,
    /// The address to gossip on, or off
    #[arg(long, value_name = "ADDRESS|off", env = "BREAKERD_GOSSIP_LISTEN")]
    gossip_listen: Option<String>,
    /// A host to gossip with first, as host:port; may be repeated
    #[arg(long, value_name = "HOST:PORT", env = "BREAKERD_SEED", value_delimiter = ',')]
    seed: Vec<String>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: JSON.
    Json,
}

/// What to do instead of running the agent.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check or show a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a new keyring for gossip
    Keygen,
    /// Play a recorded or invented sequence of calls through a policy, offline
    Replay(Replay),
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file; say everything that is wrong with it
    Check {
        /// The file, YAML
        file: PathBuf,
    },
    /// Show the effective values, each with where it comes from
    Show {
        /// Flags of the agent itself.
        #[command(flatten)]
        flags: Flags,
        /// Only what holds for this service
        #[arg(long, value_name = "NAME", value_parser = service)]
        service: Option<ServiceName>,
        /// How to print
        #[arg(long, value_enum, default_value = "text")]
        format: LogFormat,
    },
}

/// What to replay.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The configuration, YAML; without it, defaults
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The service whose policy to play
    #[arg(long, value_name = "NAME", value_parser = service)]
    pub(crate) service: ServiceName,
    /// What jitter is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The trace, JSON lines; - for standard input
    pub(crate) trace: PathBuf,
}

/// The command line, and what of it replaces what a file says.
///
/// Flags may stand before a subcommand or behind it; where both do, the latter hold. Prints help or what was wrong and
/// exits, where that is all there is to do.
#[must_use]
pub(crate) fn parse() -> (Cli, Overrides) {
    let matches = Cli::command().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut overrides = cli.flags.overrides(&matches);
    if let Some(Command::Config(ConfigCommand::Show { flags, .. })) = &mut cli.command {
        let deepest = std::iter::successors(matches.subcommand(), |(_, inner)| inner.subcommand()).last();
        let behind = flags.overrides(deepest.map_or(&matches, |(_, inner)| inner));
        overrides = Overrides {
            socket: behind.socket.or(overrides.socket),
            node_id: behind.node_id.or(overrides.node_id),
            gossip_listen: behind.gossip_listen.or(overrides.gossip_listen),
            seeds: if behind.seeds.is_empty() { overrides.seeds } else { behind.seeds },
        };
        cli.flags.config = flags.config.take().or(cli.flags.config.take());
    }
    (cli, overrides)
}

impl Flags {
    fn overrides(&self, matches: &ArgMatches) -> Overrides {
        let given = |id: &str, text: &String| Given {
            text: text.clone(),
            by: match matches.value_source(id) {
                Some(ValueSource::EnvVariable) => GivenBy::Environment,
                _ => GivenBy::CommandLine,
            },
        };
        Overrides {
            socket: self.socket.as_ref().map(|text| given("socket", text)),
            node_id: self.node_id.as_ref().map(|text| given("node_id", text)),
            gossip_listen: self.gossip_listen.as_ref().map(|text| given("gossip_listen", text)),
            seeds: self.seed.iter().map(|text| given("seed", text)).collect(),
        }
    }
}

fn service(text: &str) -> Result<ServiceName, String> {
    ServiceName::parse(text).map_err(|error| error.to_string())
}
