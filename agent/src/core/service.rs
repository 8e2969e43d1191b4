//! Names of services: paths such as `payments/10.0.0.5:8080`, checked once where they come in.
//!
//! A name is shared, not copied: the registry, its index and every event hold the same text.

use std::fmt;
use std::sync::Arc;

/// The path of a service: one to [`SEGMENTS_MAX`] segments joined by `/`, at most [`NAME_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

/// Why a text is not the name of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing there.
    Empty,
    /// More than [`NAME_MAX`] bytes.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// More than [`SEGMENTS_MAX`] segments.
    TooDeep {
        /// How many it has.
        segments: usize,
    },
    /// A `/` at an end, or two in a row.
    EmptySegment,
    /// A space, a control character, or `*`, which only patterns may have.
    BadCharacter {
        /// The character.
        character: char,
    },
}

impl ServiceName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_MAX {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        let bad = |c: &char| c.is_whitespace() || c.is_control() || *c == '*';
        if let Some(character) = text.chars().find(bad) {
            return Err(NameError::BadCharacter { character });
        }
        if text.split('/').any(str::is_empty) {
            return Err(NameError::EmptySegment);
        }
        let segments = text.split('/').count();
        if segments > SEGMENTS_MAX {
            return Err(NameError::TooDeep { segments });
        }
        Ok(Self(text.into()))
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its last segment; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(above, _)| Self(above.into()))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a service's name cannot be empty"),
            Self::TooLong { bytes } => write!(f, "a service's name has at most {NAME_MAX} bytes, this one has {bytes}"),
            Self::TooDeep { segments } => {
                write!(f, "a service's name has at most {SEGMENTS_MAX} segments, this one has {segments}")
            }
            Self::EmptySegment => write!(f, "a service's name has no empty segment (no '/' at an end, no '//')"),
            Self::BadCharacter { character } => {
                write!(f, "a service's name has no spaces, control characters or '*', this one has {character:?}")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Longest name in bytes: a digest that carries the name must stay within 300 bytes.
pub const NAME_MAX: usize = 200;

/// Deepest path: every level costs a breaker and a step on each call. Service, region, instance, and one to spare.
pub const SEGMENTS_MAX: usize = 4;

#[cfg(test)]
mod tests;
