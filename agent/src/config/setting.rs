//! Values a setting can have: how each is read from a word of the file, and how it is shown again.
//!
//! Every kind of value is a type with one `expected` text, so that each wrong value is answered with what to write.
//! What is shown can be read back: `config show` prints a file that loads to the same values.
//!
//! A number in quotes is a text, as everywhere in YAML. Durations and rates are in `unit`, words of policies in
//! `policy_word`.

use crate::core::policy::COUNT_SIZE_MAX;

use super::error::Findings;
use super::section::Found;
use super::tree::{Node, Scalar, ScalarKind, Value, quoted};

/// A value that can stand under a key.
pub(super) trait Setting: Sized {
    /// Reads it; what is wrong is said.
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self>;

    /// As it is shown.
    fn shown(&self) -> Shown;
}

/// A setting that is a single word.
pub(super) trait Word: Sized {
    /// What to write: `a duration such as 30s`.
    fn expected() -> String;

    /// Reads it.
    fn parse(scalar: &Scalar) -> Result<Self, Wrong>;

    /// As it is shown.
    fn shown(&self) -> Shown;
}

/// Why a word is not a value: it is something else, or there is more to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Else,
    Because(String),
}

/// A value as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// A number.
    Number(u64),
    /// A yes or no.
    Flag(bool),
    /// A word of ours, such as `30s` or `off`: never needs quotes.
    Plain(String),
    /// A text of the user's.
    Text(String),
    /// Texts of the user's.
    List(Vec<String>),
    /// Anything, as JSON.
    Json(serde_json::Value),
}

impl<T: Word> Setting for T {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        let Value::Scalar(scalar) = &found.node.value else {
            found.refuse(findings, &T::expected());
            return None;
        };
        let wrong = match T::parse(scalar) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        let because = match wrong {
            Wrong::Else => String::new(),
            Wrong::Because(reason) => format!(" ({reason})"),
        };
        found.complain(findings, format!("expected {}, got {}{because}", T::expected(), quoted(&scalar.text)));
        None
    }

    fn shown(&self) -> Shown {
        Word::shown(self)
    }
}

/// Reads a word that does not come from the file.
pub(super) fn parse_outside<T: Word>(text: &str) -> Result<T, String> {
    let node = Node::word(text);
    let Value::Scalar(scalar) = &node.value else { return Err(T::expected()) };
    T::parse(scalar).map_err(|wrong| match wrong {
        Wrong::Else => format!("expected {}, got {}", T::expected(), quoted(text)),
        Wrong::Because(reason) => format!("expected {}, got {} ({reason})", T::expected(), quoted(text)),
    })
}

/// A condition or limit that can be turned off.
impl<T: Word> Word for Option<T> {
    fn expected() -> String {
        format!("{} or off", T::expected())
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match (scalar.kind, scalar.text.as_str()) {
            (ScalarKind::Bool(false), _) | (ScalarKind::Text, "off") => Ok(None),
            _ => T::parse(scalar).map(Some),
        }
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Plain("off".to_owned()), T::shown)
    }
}

/// A whole number from 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Count<const MAX: u64>(pub(super) u64);

/// A number of calls in a window of time.
pub(super) type Calls = Count<CALLS_MAX>;

/// A number of calls that one by one cost something.
pub(super) type FewCalls = Count<{ COUNT_SIZE_MAX as u64 }>;

impl<const MAX: u64> Word for Count<MAX> {
    fn expected() -> String {
        format!("a whole number from 1 to {MAX}")
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        if scalar.kind == ScalarKind::Text && scalar.text.parse::<u64>().is_ok() {
            return Err(Wrong::Because("without quotes".to_owned()));
        }
        let plain = scalar.text.bytes().all(|b| b.is_ascii_digit()) && !scalar.text.starts_with('0');
        match scalar.text.parse() {
            Ok(number) if plain && scalar.kind == ScalarKind::Number && number <= MAX => Ok(Self(number)),
            _ => Err(Wrong::Else),
        }
    }

    fn shown(&self) -> Shown {
        Shown::Number(self.0)
    }
}

impl Word for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.kind {
            ScalarKind::Bool(flag) => Ok(flag),
            ScalarKind::Number | ScalarKind::Text => Err(Wrong::Else),
        }
    }

    fn shown(&self) -> Shown {
        Shown::Flag(*self)
    }
}

/// The words of a list with where they stand.
pub(super) fn texts<'a>(
    found: &Found<'a>,
    max: usize,
    expected: &str,
    findings: &mut Findings,
) -> Option<Vec<(Found<'a>, &'a str)>> {
    let Value::List(items) = &found.node.value else {
        found.refuse(findings, expected);
        return None;
    };
    if items.len() > max {
        found.complain(findings, format!("at most {max} items, got {}", items.len()));
        return None;
    }
    let mut texts = Vec::new();
    for node in items {
        let item = Found { key: found.key.clone(), node };
        match &node.value {
            Value::Scalar(scalar) => texts.push((item, scalar.text.as_str())),
            Value::Nothing | Value::List(_) | Value::Map(_) => item.refuse(findings, "a word"),
        }
    }
    Some(texts)
}

/// Settings that are one word of several.
macro_rules! one_word_of {
    ($($type:ty { $($word:literal => $value:expr),+ })+) => { $(
        impl Word for $type {
            fn expected() -> String {
                one_of(&[$($word),+])
            }

            fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
                match scalar.text.as_str() {
                    $($word => Ok($value),)+
                    _ => Err(Wrong::Else),
                }
            }

            fn shown(&self) -> Shown {
                let words = [$(($word, $value)),+];
                let word = words.into_iter().find(|(_, value)| value == self).map_or("", |(word, _)| word);
                Shown::Plain(word.to_owned())
            }
        }
    )+ };
}
pub(super) use one_word_of;

/// Most calls a threshold can ask for: a thousand million in one window is more than a host makes.
pub(super) const CALLS_MAX: u64 = 1_000_000_000;
