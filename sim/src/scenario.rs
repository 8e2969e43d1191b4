//! What can be simulated, and how a run is named, capped and judged.
//!
//! A scenario moves from phase to phase, each of which must be over in its time; a run that is not, or that breaks
//! something else, fails with what is missing, when, and the one command that runs it again.

mod spread;

use std::fmt;
use std::io;
use std::time::Duration;

use crate::cluster::Plan;
use crate::report::Report;
use crate::trace::Recorder;

/// A run, fully described: the same run gives the same trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What happens.
    pub scenario: Scenario,
    /// To what cluster.
    pub plan: Plan,
}

/// What can happen to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A service fails for one host; the others are to show that host's digest of it.
    Spread {
        /// Whether the failing host is heard.
        voice: Voice,
    },
}

/// Whether a host is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// As any other.
    Heard,
    /// From the failure on everything it sends is lost.
    Mute,
}

/// Why a run failed.
#[derive(Debug)]
pub enum Failure {
    /// Something happened that must not, or did not happen in time.
    Broken(Broken),
    /// The trace could not be written.
    Trace(io::Error),
}

/// What happened that must not, or did not happen in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What.
    pub what: String,
    /// When, in simulated time.
    pub at: Duration,
}

impl Run {
    /// Runs it. `progress` is told the simulated time after every step.
    ///
    /// The run repeats exactly only on a thread whose entropy is seeded (as the program does it), one run a process:
    /// tokio counts its runtimes.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn simulate(&self, recorder: &Recorder, progress: &mut dyn FnMut(Duration)) -> Result<Report, Failure> {
        match self.scenario {
            Scenario::Spread { voice } => spread::simulate(self.plan, voice, recorder, progress),
        }
    }
}

impl fmt::Display for Run {
    /// The command that runs it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { hosts, seed, loss } = self.plan;
        let Scenario::Spread { voice } = self.scenario;
        write!(f, "breaker-sim run spread --hosts {hosts} --seed {seed}")?;
        if !loss.is_none() {
            write!(f, " --loss {loss}")?;
        }
        if voice == Voice::Mute { f.write_str(" --mute-failing-host") } else { Ok(()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => broken.fmt(f),
            Self::Trace(error) => write!(f, "cannot write the trace: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {} simulated ms)", self.what, self.at.as_millis())
    }
}
