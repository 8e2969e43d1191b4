//! The configuration file as a tree of our own: every value with its place and, where it is a plain word, exactly as
//! it was written.
//!
//! Reading straight into structs would stop at the first wrong type, and could not name its key. A tree read once
//! lets everything after it be plain functions that go on after an error, so that a user sees all of them at once.
//! It also keeps what YAML would take away: `off` is a boolean to YAML 1.1, `0660` the number 660 and `1.50` the
//! number 1.5, so scalars keep the text at their place in the file beside the type YAML gives them.
//!
//! Anchors, aliases and `<<` work, within the limits below: an alias' place is where it is used.
//!
//! **Invariant:** no other file names the YAML library.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use super::error::{ConfigError, Place};

/// A value in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing written, or `~`.
    Nothing,
    /// A single word.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// In the order of the file; keys can repeat.
    Map(Vec<(Key, Node)>),
}

/// A single word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// As written, without quotes.
    pub text: String,
    /// What YAML takes it for.
    pub kind: ScalarKind,
}

/// What YAML takes a word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// A yes or no; `on` and `off` too.
    Bool(bool),
    /// A number.
    Number,
    /// Anything else, or whatever is in quotes.
    Text,
}

/// The key of an entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands.
    pub place: Place,
    /// As written, without quotes.
    pub text: String,
}

impl Node {
    /// Reads a whole file.
    ///
    /// # Errors
    /// If it is no YAML, or larger than [`NODES_MAX`] and [`DEPTH_MAX`] allow.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let raw: Spanned<Raw> =
            serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax_error(&error))?;
        Self::of(raw, text)
    }

    /// No file at all.
    pub(super) fn nothing() -> Self {
        Self { place: Place::default(), value: Value::Nothing }
    }

    /// A word that does not come from the file.
    pub(super) fn word(text: &str) -> Self {
        let scalar = Scalar { text: text.to_owned(), kind: ScalarKind::Text };
        Self { place: Place::default(), value: Value::Scalar(scalar) }
    }

    fn of(raw: Spanned<Raw>, text: &str) -> Result<Self, ConfigError> {
        let place = place(raw.referenced);
        let scalar = |kind| Value::Scalar(Scalar { text: written(text, raw.defined), kind });
        let value = match raw.value {
            Raw::Nothing => Value::Nothing,
            Raw::Bool(flag) => scalar(ScalarKind::Bool(flag)),
            Raw::Number => scalar(ScalarKind::Number),
            Raw::Text(text) => Value::Scalar(Scalar { text, kind: ScalarKind::Text }),
            Raw::List(items) => {
                Value::List(items.into_iter().map(|item| Self::of(item, text)).collect::<Result<_, _>>()?)
            }
            Raw::Map(entries) => {
                let entry = |(key, value)| Ok((Key::of(key, text)?, Self::of(value, text)?));
                Value::Map(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { place, value })
    }

    /// What stands there, for a message.
    #[must_use]
    pub fn described(&self) -> String {
        match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Scalar(scalar) => quoted(&scalar.text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

impl Key {
    fn of(raw: Spanned<Raw>, text: &str) -> Result<Self, ConfigError> {
        let place = place(raw.referenced);
        let text = match raw.value {
            Raw::Text(text) => text,
            Raw::Nothing | Raw::Bool(_) | Raw::Number => written(text, raw.defined),
            Raw::List(_) | Raw::Map(_) => {
                return Err(ConfigError::at(place, "expected a word as a key, got a list or a map".to_owned()));
            }
        };
        Ok(Self { place, text })
    }
}

/// A text in quotes, cut so that a message stays a line.
#[must_use]
pub fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED_MAX).is_some() { format!("'{short}…'") } else { format!("'{short}'") }
}

/// What the library hands over: numbers are read again from the file, where they stand as written.
enum Raw {
    Nothing,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// The file's own bytes at a place, without the quotes that an explicit tag allows around a number.
fn written(text: &str, at: Location) -> String {
    let start = at.span().byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let bytes = at.span().byte_len().and_then(|bytes| usize::try_from(bytes).ok());
    let slice = start.zip(bytes).and_then(|(start, bytes)| text.get(start..start.checked_add(bytes)?));
    slice.unwrap_or_default().trim().trim_matches(['\'', '"']).to_owned()
}

fn place(at: Location) -> Place {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: number(at.line()), column: number(at.column()) }
}

fn syntax_error(error: &serde_saphyr::Error) -> ConfigError {
    use serde_saphyr::Error;
    let place = error.location().map(place).unwrap_or_default();
    let innermost = match error.without_snippet() {
        Error::AliasError { error, .. } => error.without_snippet(),
        other => other,
    };
    let what = match innermost {
        Error::MultipleDocuments { .. } => "expected a single YAML document".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            format!("expected at most {NODES_MAX} values, aliases expanded, and {DEPTH_MAX} levels")
        }
        other => {
            let text = other.to_string();
            let said_after = format!(" at line {}, column {}", place.line, place.column);
            format!("expected YAML: {}", text.strip_suffix(&said_after).unwrap_or(&text))
        }
    };
    ConfigError::at(place, what)
}

/// Duplicate keys come through, to be listed with the other errors; unknown tags do not.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            // One anchored policy used by thousands of services is a good file; what aliases expand to is limited.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: NODES_MAX },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Deepest nesting: the keys here go seven deep, and a fallback's default value may have a depth of its own.
pub const DEPTH_MAX: usize = 32;

/// Most values in a file, aliases expanded: 10,000 services with ten values each, and as many again to spare.
pub const NODES_MAX: usize = 200_000;

/// Longest piece of the file repeated in a message: enough to find it again.
const QUOTED_MAX: usize = 60;
