//! What is wrong with a scenario: every fault with its place, the line it stands in and a caret below it.
//!
//! ```text
//! outage.yaml:7:15: faults.0.at: expected a duration such as 30s, got 'soon'
//!   7 |   - {at: soon, service_down: payments}
//!     |          ^^^^
//! ```
//!
//! What was given with `--set` stands in no line and is named by its path. Tabs and control characters of a line are
//! shown as spaces, long lines are cut around the caret: a file can neither shift the caret nor flood a terminal.

use std::fmt;

use breaker_agent::config::{ConfigError, ConfigErrors, Place};

/// Why a scenario cannot be used: at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioErrors {
    file: String,
    faults: Vec<Fault>,
}

/// A fault, with the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    error: ConfigError,
    line: Option<String>,
}

impl ScenarioErrors {
    /// Faults of a file with this text.
    pub(super) fn new(errors: &ConfigErrors, text: &str) -> Self {
        let line_of = |place: Place| {
            let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
            text.lines().nth(index).map(str::to_owned)
        };
        let faults =
            errors.faults().iter().map(|error| Fault { error: error.clone(), line: error.place.and_then(line_of) });
        Self { file: errors.file().to_owned(), faults: faults.collect() }
    }

    /// One fault of a file as a whole.
    pub(super) fn whole(file: &str, text: String) -> Self {
        let error = ConfigError { place: Some(Place { line: 1, column: 1 }), text };
        Self { file: file.to_owned(), faults: vec![Fault { error, line: None }] }
    }

    /// One fault of what was given beside the file.
    pub(super) fn outside(text: String) -> Self {
        let error = ConfigError { place: None, text };
        Self { file: String::new(), faults: vec![Fault { error, line: None }] }
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().take(FAULTS_SHOWN_MAX).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match fault.error.place.filter(|place| place.line > 0) {
                Some(place) => {
                    write!(f, "{}:{}:{}: {}", self.file, place.line, place.column, fault.error.text)?;
                    fault.line.as_deref().map_or(Ok(()), |line| pointed(f, place, line))?;
                }
                None => write!(f, "--set {}", fault.error.text)?,
            }
        }
        match self.faults.len().saturating_sub(FAULTS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

impl std::error::Error for ScenarioErrors {}

/// The line, and a caret below the place.
fn pointed(f: &mut fmt::Formatter<'_>, place: Place, line: &str) -> fmt::Result {
    let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
    let fits = line.chars().count() <= LINE_SHOWN_MAX;
    let skipped = if fits { 0 } else { column.saturating_sub(LINE_SHOWN_MAX / 2) };
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = line.chars().skip(skipped).take(LINE_SHOWN_MAX).map(plain).collect();
    let from_there = shown.chars().skip(column - skipped);
    let carets = from_there.take_while(|c| !" ,:]}".contains(*c)).count().max(1);
    let number = place.line.to_string();
    write!(f, "\n {number} | {}", shown.trim_end())?;
    let margin = number.len() + 1;
    write!(f, "\n{:margin$} | {:at$}{}", "", "", "^".repeat(carets), at = column - skipped)
}

/// Most faults shown: more are one mistake made often.
const FAULTS_SHOWN_MAX: usize = 20;

/// Longest piece of a line shown: what fits beside its number in 80 columns.
const LINE_SHOWN_MAX: usize = 70;
