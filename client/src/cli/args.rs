//! The words of the command line as a value.
//!
//! Pure: what is wrong with the words is said before anything is asked, and the tests need no agent. Limits that are the
//! agent's to judge (names, kinds, reasons) are left to it, so that there is one answer to what is allowed; limits of our
//! own (deadlines, durations, permits) are checked here. The only file that names clap.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use breaker_client::wire::{Action, CallReport, Outcome, WithPeers};
use breaker_client::{DEADLINE_MAX, Operation};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Ask this host's breakerd, tell it how calls went, and look into it.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "breakerctl", version, after_help = EXIT_HELP)]
pub(crate) struct Cli {
    /// The agent's socket [default: $BREAKERD_SOCKET, else the first of /run/breakerd/agent.sock,
    /// $XDG_RUNTIME_DIR/breakerd/agent.sock and breakerd-UID/agent.sock in the temporary directory that answers]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// For people, or one JSON document (`watch`: one a line; `run`: on standard error)
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// How long to wait for each answer, such as 500ms, 1h at most
    #[arg(long, global = true, default_value = "1s", value_parser = deadline)]
    pub(crate) deadline: Duration,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Verb {
    /// Show the agent and its services, or all about one service
    Status {
        service: Option<String>,
        /// Add what the other agents say of it
        #[arg(long)]
        peers: bool,
    },
    /// May a call go ahead? Prints a permit for `report --permit`, good until its lease runs out
    Check { service: String },
    /// Say how a call went
    Report(Report),
    /// Ask, run a command, and report how it went by its exit status
    Run(Run),
    /// Show the agents of the cluster
    Members,
    /// Print every change of a breaker, and every step of an opening, as it happens
    Watch,
    /// Refuse every call on this host
    ForceOpen(Held),
    /// Close now; automatic from then on
    ForceClose(Done),
    /// Let every call through and record nothing
    Disable(Held),
    /// Record and report, never refuse
    MetricsOnly(Held),
    /// Close now and forget the backoff
    Reset(Done),
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) service: String,
    #[arg(value_enum)]
    pub(crate) outcome: Ended,
    /// How long the call took, such as 250ms
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// The kind of failure in a word, such as connect or http_503
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// The permit that `check` printed
    #[arg(long, value_parser = permit)]
    pub(crate) permit: Option<u64>,
}

/// The outcomes one can report; a call that did not happen is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ended {
    Success,
    Failure,
    Timeout,
    Throttled,
    Ignored,
}

#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) service: String,
    /// What `sh -c` runs instead, if the call is refused
    #[arg(long, value_name = "CMD")]
    pub(crate) fallback: Option<OsString>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// An action that holds.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) service: String,
    /// How long it holds, such as 10m; without it, until another action
    #[arg(long = "for", value_name = "DURATION", value_parser = lasting)]
    pub(crate) lasting: Option<Duration>,
    /// Why, for whoever looks later
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// An action that is over at once.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) service: String,
    /// Why, for whoever looks later
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// Reads the words, the program's name first.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words)
}

impl Verb {
    /// The operator's action it stands for, if it stands for one.
    pub(crate) fn operation(&self) -> Option<Operation> {
        match self {
            Self::ForceOpen(held) => Some(held.operation(Action::ForceOpen)),
            Self::Disable(held) => Some(held.operation(Action::Disable)),
            Self::MetricsOnly(held) => Some(held.operation(Action::MetricsOnly)),
            Self::ForceClose(done) => Some(done.operation(Action::ForceClose)),
            Self::Reset(done) => Some(done.operation(Action::Reset)),
            Self::Status { .. } | Self::Check { .. } | Self::Report(_) | Self::Run(_) | Self::Members | Self::Watch => {
                None
            }
        }
    }
}

impl Held {
    fn operation(&self, action: Action) -> Operation {
        Operation { service: self.service.clone(), action, lasting: self.lasting, reason: self.reason.clone() }
    }
}

impl Done {
    fn operation(&self, action: Action) -> Operation {
        Operation { service: self.service.clone(), action, lasting: None, reason: self.reason.clone() }
    }
}

impl Report {
    /// What it says of the call.
    pub(crate) fn call(&self) -> CallReport {
        let outcome = match self.outcome {
            Ended::Success => Outcome::Success,
            Ended::Failure => Outcome::Failure,
            Ended::Timeout => Outcome::Timeout,
            Ended::Throttled => Outcome::Throttled,
            Ended::Ignored => Outcome::Ignored,
        };
        let call = CallReport { kind: self.kind.clone(), ..CallReport::of(outcome) };
        self.duration.map_or(call.clone(), |duration| call.took(duration))
    }
}

/// The flag as the protocol has it.
pub(crate) fn with_peers(flag: bool) -> WithPeers {
    if flag { WithPeers::Yes } else { WithPeers::No }
}

fn deadline(text: &str) -> Result<Duration, String> {
    let deadline = positive(text)?;
    if deadline > DEADLINE_MAX { Err("1h at most".to_owned()) } else { Ok(deadline) }
}

fn lasting(text: &str) -> Result<Duration, String> {
    let lasting = positive(text)?;
    if lasting < Duration::from_millis(1) { Err("1ms at least".to_owned()) } else { Ok(lasting) }
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("more than nothing".to_owned()) } else { Ok(duration) }
}

/// Decimal as printed, or hexadecimal after `0x`.
fn permit(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("{error}; a permit is a number as `check` prints it, such as 4711 or 0x1267"))
}

const EXIT_HELP: &str = "\
Exit status:
  0    done; for check: the call may go ahead
  1    something else went wrong
  2    wrong arguments
  10   check: the call may not go ahead
  11   the agent knows no such service
  12   no agent answers in time
  13   not permitted
  14   no such permit
  75   run: refused, the command was not run
  126  run: the command cannot be started
  127  run: there is no such command
  run otherwise returns the command's status, or 128 + N if signal N ended it";

#[cfg(test)]
mod tests;
