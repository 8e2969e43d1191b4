//! What can be simulated: scenarios as files, those built in, and one that is drawn from the seed.
//!
//! A [`Request`](request::Request) names a scenario as the command line does and is turned into the plain
//! [`Run`](crate::plan::Run) that the engine understands; what is wrong with it is said then, and never later.

pub mod builtin;
pub mod file;
pub mod request;
pub mod swarm;

use std::fmt;
use std::io;
use std::time::Duration;

/// Why a run has no result.
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
