//! `breaker-sim`: simulates clusters of agents. One run per process, on a thread of its own whose entropy is seeded
//! before it draws anything.
//!
//! Exit status: 0 the run did what it should, 1 it did not (standard error says what, and the command that runs it
//! again) or its result or trace could not be written, 2 the command line is wrong.

mod cli;
mod entropy;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write, stderr};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use breaker_sim::engine;
use breaker_sim::outcome::Outcome;
use breaker_sim::plan::Run;
use breaker_sim::trace::Recorder;

type Anything = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let asked = cli::parse();
    let done = simulate(asked.run, asked.trace.as_deref()).and_then(|outcome| print(&outcome));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be gone; there is nobody else to tell.
            writeln!(stderr(), "breaker-sim: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn simulate(run: Run, trace: Option<&Path>) -> Result<Outcome, Anything> {
    let recorder = match trace {
        None => Recorder::hashing(),
        Some(path) => {
            let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Recorder::writing(Box::new(BufWriter::new(file)))
        }
    };
    let simulation = thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        entropy::seed(run.seed);
        let mut progress = Progress::new();
        engine::run(&run, &recorder, &mut |simulated| progress.show(simulated))
    })?;
    match simulation.join() {
        Ok(done) => Ok(done?),
        // The panic has said itself what it was.
        Err(_) => Err("the simulation panicked".into()),
    }
}

fn print(outcome: &Outcome) -> Result<(), Anything> {
    let text = format!("{}\n", serde_json::to_string_pretty(outcome)?);
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever has read enough is content.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Shows on a terminal how far a run is that takes longer than a moment. The only thing that asks for the real time, and
/// it answers nobody.
struct Progress {
    is_terminal: bool,
    next: Instant,
    has_shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { is_terminal: stderr().is_terminal(), next: Instant::now() + PROGRESS_EVERY, has_shown: false }
    }

    fn show(&mut self, simulated: Duration) {
        if self.is_terminal && Instant::now() >= self.next {
            self.next += PROGRESS_EVERY;
            self.has_shown = true;
            write!(stderr(), "\r{:.1} s simulated ", simulated.as_secs_f64()).ok();
        }
    }
}

impl Drop for Progress {
    /// What comes next begins on a clean line.
    fn drop(&mut self) {
        if self.has_shown {
            write!(stderr(), "\r\x1b[K").ok();
        }
    }
}

/// A run that is over within a second shows nothing.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
