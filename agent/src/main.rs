//! `breakerd`: reads the real world once, and runs the agent in it.
//!
//! The command line, the configuration file, the host's name, the wall clock and the operating system's entropy are
//! read here and nowhere else; everything below takes them as values. Exit status: 0 done or stopped by a signal,
//! 1 something failed, 2 the command line or the configuration is wrong.

mod cli;
mod start;

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use breaker_agent::config::{Config, ConfigErrors, Overrides};
use breaker_agent::keyring::Keyring;
use breaker_agent::replay::Replay;
use rand::rngs::{StdRng, SysRng};
use rand::{SeedableRng, TryRng};

use cli::{Command, ConfigCommand, LogFormat};

type Anything = Box<dyn Error>;

fn main() -> ExitCode {
    let (cli, overrides) = cli::parse();
    let done = match &cli.command {
        None => run_agent(&cli, &overrides),
        Some(Command::Config(ConfigCommand::Check { file })) => check(file),
        Some(Command::Config(ConfigCommand::Show { service, format, .. })) => {
            configuration(cli.flags.config.as_deref(), &overrides).and_then(|config| {
                let page = service.as_ref().map_or_else(|| config.show(), |service| config.show_service(service));
                match format {
                    LogFormat::Text => say(&page.to_string()),
                    LogFormat::Json => say(&format!("{:#}\n", page.json())),
                }
            })
        }
        Some(Command::Keygen) => keygen(),
        Some(Command::Replay(asked)) => replay(asked, cli.flags.config.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_broken_pipe) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be gone; there is nobody else to tell.
            writeln!(std::io::stderr(), "breakerd: {error}").ok();
            if error.downcast_ref::<ConfigErrors>().is_some() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run_agent(cli: &cli::Cli, overrides: &Overrides) -> Result<(), Anything> {
    let config = configuration(cli.flags.config.as_deref(), overrides)?;
    start::logging(cli.log_format);
    start::run(config, cli.flags.config.as_deref(), cli.log_format)
}

/// What a file says, with what was given beside it.
fn configuration(file: Option<&Path>, overrides: &Overrides) -> Result<Config, Anything> {
    Ok(written(file)?.apply(&start::with_host(overrides))?)
}

/// What a file says; the defaults without one.
fn written(file: Option<&Path>) -> Result<Config, Anything> {
    Ok(match file {
        None => Config::default(),
        Some(file) => Config::load_bytes(&contents(file)?, &file.display().to_string())?,
    })
}

fn contents(file: &Path) -> Result<Vec<u8>, Anything> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", file.display());
    let mut bytes = Vec::new();
    // The loader says what is too long; a device that never ends must not get so far.
    std::fs::File::open(file).map_err(cannot)?.take(CONFIG_READ_MAX).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

fn check(file: &Path) -> Result<(), Anything> {
    Config::load_bytes(&contents(file)?, &file.display().to_string())?;
    say(&format!("{}: ok\n", file.display()))
}

fn keygen() -> Result<(), Anything> {
    let mut seed = [0; 32];
    SysRng.try_fill_bytes(&mut seed)?;
    say(&Keyring::generate(&mut StdRng::from_seed(seed)).to_string())
}

fn replay(asked: &cli::Replay, before: Option<&Path>) -> Result<(), Anything> {
    let config = written(asked.config.as_deref().or(before))?;
    let mut replay = Replay::new(&config, &asked.service, asked.seed)?;
    let trace: Box<dyn Read> = if asked.trace == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let opened = std::fs::File::open(&asked.trace);
        Box::new(opened.map_err(|error| format!("cannot read {}: {error}", asked.trace.display()))?)
    };
    let mut trace = BufReader::new(trace);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for number in 1_u64.. {
        let at = |error: &dyn Error| format!("{}:{number}: {error}", asked.trace.display());
        let mut line = Vec::new();
        if trace.by_ref().take(LINE_READ_MAX).read_until(b'\n', &mut line).map_err(|error| at(&error))? == 0 {
            break;
        }
        let line = std::str::from_utf8(&line).map_err(|error| at(&error))?.trim();
        if line.is_empty() {
            continue;
        }
        let outcomes = replay.line(line).map_err(|error| at(&error));
        if let Err(error) = outcomes {
            out.flush()?;
            return Err(error.into());
        }
        serde_json::to_writer(&mut out, &outcomes?).map_err(std::io::Error::from)?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn say(text: &str) -> Result<(), Anything> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// Bytes of a configuration that are read before the loader may say that it is too long.
const CONFIG_READ_MAX: u64 = 16 * 1024 * 1024;

/// Bytes of a trace's line that are read before the player may say that it is too long.
const LINE_READ_MAX: u64 = 1024 * 1024;
