//! Stands where the engine goes that runs a scenario's agents, services and callers.

use std::time::Duration;

use crate::outcome::Outcome;
use crate::plan::Run;
use crate::scenario::{Broken, Failure};
use crate::trace::Recorder;

/// Runs it. `progress` is told the simulated time after every step.
///
/// # Errors
/// [`Failure`].
pub fn run(run: &Run, _recorder: &Recorder, _progress: &mut dyn FnMut(Duration)) -> Result<Outcome, Failure> {
    let what = format!("no engine to run {}", run.scenario.name);
    Err(Failure::Broken(Broken { what, at: Duration::ZERO }))
}
