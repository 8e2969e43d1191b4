//! A run as the command line names it, and the command that names it again.
//!
//! Whatever prints a command prints a request, and a request printed and read again is the same request: what fails in
//! a sweep can be run alone.

use std::fmt;
use std::fs::File as DiskFile;
use std::io::{self, Read};

use breaker_agent::core::guards::Guards;

use super::builtin::{BUILT_IN, BuiltIn, Draw};
use super::file::{Changes, FILE_BYTES_MAX, File, ScenarioErrors, Set};
use super::swarm;
use crate::plan::{FabricKind, Mode, Run, Scenario, What};

/// A run as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What happens.
    pub scenario: Source,
    /// As many hosts; as in the scenario if nothing is said.
    pub hosts: Option<usize>,
    /// Where all chance comes from.
    pub seed: u64,
    /// How hosts decide.
    pub mode: Mode,
    /// On which network; turmoil, if nothing is said and it can.
    pub fabric: Option<FabricKind>,
    /// Other values of the scenario, of the agent's configuration, and guards that are off.
    pub sets: Vec<Set>,
}

/// Where a scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// With the program.
    BuiltIn(&'static BuiltIn),
    /// From a file.
    File(String),
}

/// Why there is nothing to run.
#[derive(Debug)]
pub enum RequestError {
    /// The file cannot be read.
    Unreadable {
        /// Its name.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// The scenario is wrong, or what was changed of it.
    Wrong(ScenarioErrors),
    /// There is no such guard, or it is neither on nor off.
    Guard(Set),
    /// Recovery has no steps yet.
    Steps,
    /// turmoil takes fewer hosts.
    TooManyForTurmoil {
        /// As many as there would be.
        hosts: usize,
    },
    /// turmoil stops no host.
    PauseOnTurmoil,
}

impl Request {
    /// The run it names.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn run(&self) -> Result<Run, RequestError> {
        if self.mode == Mode::Steps {
            return Err(RequestError::Steps);
        }
        let (guards, changes) = self.guards_and_changes()?;
        let scenario = match (&self.scenario, self.fabric) {
            // What it draws depends on the network, which depends on what it draws: it takes the one without limits.
            (Source::BuiltIn(built_in), None) if built_in.is_drawn() => {
                let scenario = self.read(FabricKind::Memory, &changes)?;
                return Ok(self.run_of(scenario, FabricKind::Memory, guards));
            }
            (_, fabric) => self.read(fabric.unwrap_or_default(), &changes)?,
        };
        let fabric = self.fabric_for(&scenario)?;
        Ok(self.run_of(scenario, fabric, guards))
    }

    /// Stands for the scenario's text before anything is changed of it, seeds aside: two files of one name can differ.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn text_of_any_seed(&self) -> Result<String, RequestError> {
        Self { seed: 0, ..self.clone() }.text(self.fabric.unwrap_or_default())
    }

    /// The words of the command line after the program's name.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["run".to_owned(), self.scenario.to_string()];
        let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        if let Some(hosts) = self.hosts {
            option("hosts", hosts.to_string());
        }
        option("seed", self.seed.to_string());
        if self.mode != Mode::default() {
            option("mode", self.mode.as_str().to_owned());
        }
        if let Some(fabric) = self.fabric {
            option("fabric", fabric.as_str().to_owned());
        }
        for set in &self.sets {
            option("set", set.to_string());
        }
        words
    }

    /// Everything but the seed, in words.
    #[must_use]
    pub fn but_for_the_seed(&self) -> String {
        Self { seed: 0, ..self.clone() }.to_string()
    }

    fn guards_and_changes(&self) -> Result<(Guards, Changes), RequestError> {
        let mut guards = Guards::ON;
        let mut changes = Changes { hosts: self.hosts, sets: Vec::new() };
        for set in &self.sets {
            let Some(name) = set.path.strip_prefix("guards.") else {
                changes.sets.push(set.clone());
                continue;
            };
            let is_on = match set.value.as_str() {
                "on" => true,
                "off" => false,
                _ => return Err(RequestError::Guard(set.clone())),
            };
            *guards.named(name).ok_or_else(|| RequestError::Guard(set.clone()))? = is_on;
        }
        Ok((guards, changes))
    }

    fn read(&self, fabric: FabricKind, changes: &Changes) -> Result<Scenario, RequestError> {
        let text = self.text(fabric)?;
        let name = match &self.scenario {
            Source::BuiltIn(built_in) => built_in.name,
            Source::File(path) => path,
        };
        File { name, text: &text }.read(changes).map_err(RequestError::Wrong)
    }

    fn text(&self, fabric: FabricKind) -> Result<String, RequestError> {
        match &self.scenario {
            Source::BuiltIn(built_in) => {
                let hosts = self.hosts.unwrap_or(swarm::HOSTS);
                Ok(built_in.text(Draw { seed: self.seed, hosts, fabric }))
            }
            Source::File(path) => {
                read_text(path).map_err(|error| RequestError::Unreadable { file: path.clone(), error })
            }
        }
    }

    fn fabric_for(&self, scenario: &Scenario) -> Result<FabricKind, RequestError> {
        let hosts = scenario.hosts();
        let pauses = scenario.faults.iter().any(|fault| matches!(fault.what, What::Pause { .. }));
        match self.fabric {
            Some(FabricKind::Turmoil) if hosts > TURMOIL_HOSTS_MAX => Err(RequestError::TooManyForTurmoil { hosts }),
            Some(FabricKind::Turmoil) if pauses => Err(RequestError::PauseOnTurmoil),
            Some(fabric) => Ok(fabric),
            // Services are hosts to turmoil.
            None if pauses || hosts + scenario.services.len() > TURMOIL_HOSTS_MAX => Ok(FabricKind::Memory),
            None => Ok(FabricKind::Turmoil),
        }
    }

    fn run_of(&self, scenario: Scenario, fabric: FabricKind, guards: Guards) -> Run {
        Run { scenario, mode: self.mode, fabric, seed: self.seed, guards }
    }
}

impl fmt::Display for Request {
    /// The command that runs it, for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("breaker-sim")?;
        self.words().iter().try_for_each(|word| write!(f, " {}", for_a_shell(word)))
    }
}

impl Source {
    /// A built-in scenario by its name; whatever has a slash or an ending is a file.
    ///
    /// # Errors
    /// Which there are, if it is neither.
    pub fn named(word: &str) -> Result<Self, String> {
        if let Some(built_in) = BuiltIn::named(word) {
            return Ok(Self::BuiltIn(built_in));
        }
        if word.contains('/') || word.ends_with(".yaml") || word.ends_with(".yml") {
            return Ok(Self::File(word.to_owned()));
        }
        let names: Vec<_> = BUILT_IN.iter().map(|built_in| built_in.name).collect();
        Err(format!("expected a file (with a / or .yaml) or one of {}", names.join(", ")))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(built_in) => f.write_str(built_in.name),
            Self::File(path) => f.write_str(path),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => write!(f, "cannot read {file}: {error}"),
            Self::Wrong(errors) => errors.fmt(f),
            Self::Guard(set) => {
                write!(f, "--set {set}: expected on or off for guards.{}", Guards::NAMES.join(", guards."))
            }
            Self::Steps => f.write_str("--mode steps: comes with the ramp, expected gossip, local or oracle"),
            Self::TooManyForTurmoil { hosts } => {
                write!(
                    f,
                    "--fabric turmoil: expected at most {TURMOIL_HOSTS_MAX} hosts, got {hosts} (memory takes more)"
                )
            }
            Self::PauseOnTurmoil => f.write_str("--fabric turmoil: cannot pause a host, expected --fabric memory"),
        }
    }
}

impl std::error::Error for RequestError {}

/// A file's text, up to one byte more than is allowed: reading it says that it is too large.
fn read_text(path: &str) -> io::Result<String> {
    let mut text = String::new();
    DiskFile::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// A word such that a shell takes it for one word.
fn for_a_shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/=:,%+@".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Most hosts under turmoil, which looks at every pair of them in every step: 50 take a second for a simulated one.
pub const TURMOIL_HOSTS_MAX: usize = 50;

#[cfg(test)]
pub(crate) mod tests;
