//! `breaker-sim`: simulates clusters of agents. One run per process, on a thread of its own whose entropy is seeded
//! before it draws anything; many runs are as many processes of this program.
//!
//! Exit status: 0 all runs did what they should, 1 one did not (standard error says what, and the command that runs it
//! again) or a result could not be written, 2 the command line or the scenario is wrong.

mod cli;
mod entropy;
mod progress;

use std::error::Error;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use breaker_sim::compare::{Comparison, is_judged};
use breaker_sim::journal::{Existing, Journal, JournalError};
use breaker_sim::metric::unmet;
use breaker_sim::mutants::Mutants;
use breaker_sim::outcome::Outcome;
use breaker_sim::plan::Run;
use breaker_sim::report::Page;
use breaker_sim::scenario::Failure;
use breaker_sim::scenario::builtin::{BUILT_IN, BuiltIn};
use breaker_sim::scenario::request::Request;
use breaker_sim::sweep::Sweep;
use breaker_sim::table::{Indent, wrapped};
use breaker_sim::trace::Recorder;
use breaker_sim::{engine, html, runner};
use clap::Parser;

use cli::{Cli, CompareWords, Format, ManyWords, MutantsWords, RunWords, SweepWords, Verb};
use progress::Progress;

type Anything = Box<dyn Error + Send + Sync>;

/// Why there is no good end.
enum Trouble {
    /// What is asked for makes no sense.
    Asked(String),
    /// Runs did what they should not have, which has been said.
    Runs,
    /// Something else went wrong.
    Other(Anything),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::List => list(),
        Verb::Run(words) => run(&words),
        Verb::Sweep(words) => sweep(&words),
        Verb::Compare(words) => compare(&words),
        Verb::Mutants(words) => mutants(&words),
    };
    // Standard error may be gone; there is nobody else to tell.
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Runs) => ExitCode::FAILURE,
        Err(Trouble::Asked(text)) => {
            writeln!(stderr(), "breaker-sim: {text}").ok();
            ExitCode::from(2)
        }
        Err(Trouble::Other(error)) => {
            writeln!(stderr(), "breaker-sim: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), Trouble> {
    let about = |built_in: &BuiltIn| {
        format!("{}\n{}\n", built_in.name, wrapped(built_in.about(), Indent { first: 4, others: 4 }))
    };
    print(&BUILT_IN.iter().map(about).collect::<String>())
}

fn run(words: &RunWords) -> Result<(), Trouble> {
    let request = words.request();
    let planned = request.run().map_err(Trouble::asked)?;
    let outcome = simulate(planned, &request, words.trace.as_deref())?;
    if let Some(path) = &words.html {
        let unwritten = |error| format!("cannot write {}: {error}", path.display());
        fs::write(path, html::page(&outcome)).map_err(unwritten)?;
    }
    match words.format {
        Format::Text => print(&Page(&outcome).to_string())?,
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&outcome)?))?,
    }
    let complaints = outcome.complaints();
    if complaints.is_empty() { Ok(()) } else { Err(failed(&request, &complaints.join("\n"))) }
}

/// Runs one simulation in this process.
fn simulate(run: Run, request: &Request, trace: Option<&Path>) -> Result<Outcome, Trouble> {
    let recorder = match trace {
        None => Recorder::hashing(),
        Some(path) => {
            let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Recorder::writing(Box::new(BufWriter::new(file)))
        }
    };
    let (expect, is_judged) = (run.scenario.expect.clone(), is_judged(run.mode));
    let simulation = thread::Builder::new().name("simulation".to_owned()).spawn(move || {
        entropy::seed(run.seed);
        let mut progress = Progress::new();
        engine::run(&run, &recorder, &mut |simulated| progress.simulated(simulated))
    })?;
    let mut outcome = match simulation.join() {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(Failure::Broken(broken))) => return Err(failed(request, &broken.to_string())),
        Ok(Err(Failure::Trace(error))) => return Err(Trouble::from(format!("cannot write the trace: {error}"))),
        // The panic has said itself what it was.
        Err(_) => return Err(failed(request, "the simulation panicked")),
    };
    if is_judged {
        outcome.unexpected.extend(unmet(&expect, &outcome.metrics));
    }
    Ok(outcome)
}

fn sweep(words: &SweepWords) -> Result<(), Trouble> {
    let requests = words.requests();
    check(&requests)?;
    let mut journal = journal(&words.many, &requests)?;
    let mut progress = Progress::new();
    let sweep = Sweep { requests, jobs: words.many.jobs() };
    let swept = sweep.run(&runner::by_starting(this_program()?), &mut journal, &mut |at| progress.runs(at))?;
    drop(progress);
    print(&swept.to_string())?;
    if swept.is_good() { Ok(()) } else { Err(Trouble::Runs) }
}

fn compare(words: &CompareWords) -> Result<(), Trouble> {
    let requests = words.requests();
    check(&requests)?;
    let comparison = Comparison { requests, jobs: words.many.jobs() };
    let mut journal = journal(&words.many, &comparison.planned())?;
    let mut progress = Progress::new();
    let compared = comparison.run(&runner::by_starting(this_program()?), &mut journal, &mut |at| progress.runs(at))?;
    drop(progress);
    print(&compared.to_string())?;
    if compared.is_good() { Ok(()) } else { Err(Trouble::Runs) }
}

fn mutants(words: &MutantsWords) -> Result<(), Trouble> {
    let mut progress = Progress::new();
    let mutants = Mutants { seeds: words.seeds, jobs: words.jobs() };
    let hunted = mutants.run(&runner::by_starting(this_program()?), &mut |at| progress.runs(at));
    drop(progress);
    print(&hunted.to_string())?;
    if hunted.is_good() { Ok(()) } else { Err(Trouble::Runs) }
}

/// What is wrong with the words of many runs is said before the first begins; seeds change nothing of it.
fn check(requests: &[Request]) -> Result<(), Trouble> {
    let mut checked = None;
    for request in requests {
        if checked.as_ref() != Some(&request.scenario) {
            request.run().map_err(Trouble::asked)?;
            checked = Some(request.scenario.clone());
        }
    }
    Ok(())
}

fn journal(words: &ManyWords, planned: &[Request]) -> Result<Journal, Trouble> {
    let Some(path) = &words.out else { return Ok(Journal::default()) };
    let existing = if words.resume { Existing::Resume } else { Existing::Refuse };
    Journal::open(path, existing, planned).map_err(|error| match error {
        JournalError::Io(..) => Trouble::Other(error.into()),
        other => Trouble::asked(other),
    })
}

fn this_program() -> Result<PathBuf, Trouble> {
    std::env::current_exe().map_err(|error| Trouble::from(format!("cannot find this program: {error}")))
}

fn failed(request: &Request, what: &str) -> Trouble {
    Trouble::from(format!("{what}\n{}{request}", runner::AGAIN))
}

fn print(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever has read enough is content.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

impl Trouble {
    fn asked(error: impl Display) -> Self {
        Self::Asked(error.to_string())
    }
}

impl<E: Into<Anything>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}
