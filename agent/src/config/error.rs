//! What is wrong with a configuration: every fault with its place, its key and what was expected instead.
//!
//! All faults are listed, in the order of the file: a user who fixes one at a time starts the agent a dozen times.
//! Only a file that is no YAML at all has a single one, because nothing after it means anything.
//!
//! What of the file is repeated in a message is cut and its control characters escaped, so that a hostile file can
//! neither flood nor steer a terminal.

use std::fmt;

/// Where something stands in the file; both numbers count from 1, and are 0 for what is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub column: u32,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Where; `None` for a flag or a variable.
    pub place: Option<Place>,
    /// The key, and what was expected there.
    pub text: String,
}

/// Why a configuration cannot be used: at least one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    file: String,
    errors: Vec<ConfigError>,
}

impl Place {
    /// Right behind a text.
    pub(super) fn after(text: &str) -> Self {
        let last = text.rsplit('\n').next().unwrap_or_default();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
        Self { line: count(text.matches('\n').count()), column: count(last.chars().count()) }
    }
}

impl ConfigError {
    pub(super) fn at(place: Place, text: String) -> Self {
        Self { place: Some(place), text }
    }
}

impl ConfigErrors {
    pub(super) fn only(file: &str, error: ConfigError) -> Self {
        Self { file: file.to_owned(), errors: vec![error] }
    }

    /// The file as the caller named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All faults, in the order of the file.
    #[must_use]
    pub fn faults(&self) -> &[ConfigError] {
        &self.errors
    }
}

impl fmt::Display for ConfigErrors {
    /// A line for each: `breakerd.yaml:7:15: circuit_breaker.recovery_timeout: expected …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().take(ERRORS_SHOWN_MAX).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match error.place {
                Some(place) => write!(f, "{}:{}:{}: {}", self.file, place.line, place.column, error.text)?,
                None => f.write_str(&error.text)?,
            }
        }
        match self.errors.len().saturating_sub(ERRORS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<ConfigError>);

impl Findings {
    /// Adds a fault of the key at a place.
    pub fn add(&mut self, place: Place, key: &str, what: impl fmt::Display) {
        let mut text: String = key.chars().take(KEY_SHOWN_MAX).flat_map(shown).collect();
        let end = if key.is_empty() { "" } else { ": " };
        text = format!("{text}{end}{what}");
        self.0.push(ConfigError::at(place, text));
    }

    /// Adds a fault of a flag or a variable.
    pub fn add_outside(&mut self, key: &str, what: impl fmt::Display) {
        self.0.push(ConfigError { place: None, text: format!("{key}: {what}") });
    }

    /// How many so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Nothing if there was nothing; otherwise each fault once: two services can inherit the same contradiction.
    ///
    /// # Errors
    /// All that was found, in the order of the file.
    pub fn finish(mut self, file: &str) -> Result<(), ConfigErrors> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort();
        self.0.dedup();
        Err(ConfigErrors { file: file.to_owned(), errors: self.0 })
    }
}

/// A character of a key, such that no key can move the cursor of a terminal.
fn shown(character: char) -> impl Iterator<Item = char> {
    let (escaped, plain) = if character.is_control() { (Some(character), None) } else { (None, Some(character)) };
    escaped.into_iter().flat_map(char::escape_default).chain(plain)
}

/// Longest key repeated in a message: the longest good one has a service's name and a kind in it, 320 bytes.
const KEY_SHOWN_MAX: usize = 400;

/// Most faults in one message: who has more than this reads the first screens of them and starts over.
pub(super) const ERRORS_SHOWN_MAX: usize = 100;
