//! `--out FILE` and `--resume`: a line of JSON for each finished run, and going on from them.
//!
//! Each line can be understood alone: the command that runs it, that command without its seed (`of`) and the seed, a
//! hash of the scenario's text, and the outcome or what the run died of. A file is gone on from only if every line is of
//! a run that is asked for now, seeds aside: more seeds can be added to a sweep, other hosts or another scenario cannot.
//! A last line without its end was being written when the machine died; it is cut off and its run is done again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use breaker_agent::core::fnv::Fnv;
use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::runner::Ran;
use crate::scenario::request::{Request, RequestError};

/// Runs that are finished, and the file they are in.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<(PathBuf, File)>,
    texts: BTreeMap<String, String>,
    done: BTreeMap<(String, u64), Ran>,
}

/// What to do with a file that has lines already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Go on from it.
    Resume,
    /// Leave it alone and say so.
    Refuse,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub enum JournalError {
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// A scenario cannot be read.
    Scenario(RequestError),
    /// It has lines, and was not to be gone on from.
    Exists(PathBuf),
    /// A line is none of ours.
    Torn(PathBuf, usize),
    /// A line is of a run that is not asked for.
    Other(PathBuf, usize, String),
    /// A line is of another text of the scenario.
    Edited(PathBuf, usize, String),
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    run: String,
    of: String,
    seed: u64,
    text: String,
    outcome: Option<Outcome>,
    died: Option<String>,
}

impl Journal {
    /// Opens or makes a file for these runs.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, existing: Existing, planned: &[Request]) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io(path.to_owned(), error);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io)?;
        if existing == Existing::Refuse && !text.is_empty() {
            return Err(JournalError::Exists(path.to_owned()));
        }
        let mut journal = Self { file: None, texts: texts(planned)?, done: BTreeMap::new() };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for (index, line) in text[..whole].lines().enumerate() {
            journal.read(line, (path, index + 1))?;
        }
        file.set_len(whole as u64).map_err(io)?;
        journal.file = Some((path.to_owned(), file));
        Ok(journal)
    }

    fn read(&mut self, line: &str, (path, number): (&Path, usize)) -> Result<(), JournalError> {
        let torn = |_not_a_line| JournalError::Torn(path.to_owned(), number);
        let line: Line = serde_json::from_str(line).map_err(torn)?;
        match self.texts.get(&line.of) {
            None => return Err(JournalError::Other(path.to_owned(), number, line.run)),
            Some(text) if *text != line.text => return Err(JournalError::Edited(path.to_owned(), number, line.run)),
            Some(_) => {}
        }
        let ran = line.outcome.ok_or_else(|| line.died.unwrap_or_default());
        self.done.insert((line.of, line.seed), ran);
        Ok(())
    }

    /// What came of a run, if it is finished.
    #[must_use]
    pub fn finished(&self, request: &Request) -> Option<&Ran> {
        self.done.get(&(request.but_for_the_seed(), request.seed))
    }

    /// Adds a finished run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, request: &Request, ran: &Ran) -> Result<(), JournalError> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let of = request.but_for_the_seed();
        let line = Line {
            run: request.to_string(),
            text: self.texts.get(&of).cloned().unwrap_or_default(),
            of,
            seed: request.seed,
            outcome: ran.as_ref().ok().cloned(),
            died: ran.as_ref().err().cloned(),
        };
        let written = serde_json::to_string(&line).map_err(io::Error::from);
        // In one piece, so that a line is whole or the last.
        let written = written.and_then(|line| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|error| JournalError::Io(path.clone(), error))
    }
}

/// A hash of each planned scenario's text.
fn texts(planned: &[Request]) -> Result<BTreeMap<String, String>, JournalError> {
    let mut texts = BTreeMap::new();
    for request in planned {
        if let Entry::Vacant(vacant) = texts.entry(request.but_for_the_seed()) {
            let text = request.text_of_any_seed().map_err(JournalError::Scenario)?;
            vacant.insert(format!("{:016x}", Fnv::of(text.as_bytes()).value()));
        }
    }
    Ok(texts)
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Scenario(error) => error.fmt(f),
            Self::Exists(path) => write!(f, "{} has runs already: --resume goes on from it", path.display()),
            Self::Torn(path, line) => write!(f, "{}:{line}: expected a finished run", path.display()),
            Self::Other(path, line, run) => {
                write!(f, "{}:{line}: is of other arguments, expected the same but for seeds: {run}", path.display())
            }
            Self::Edited(path, line, run) => {
                write!(f, "{}:{line}: the scenario has been changed since: {run}", path.display())
            }
        }
    }
}

impl std::error::Error for JournalError {}

#[cfg(test)]
mod tests;
