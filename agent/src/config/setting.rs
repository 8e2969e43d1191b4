//! Values a setting can have: how each is read from a word of the file, and how it is shown again.
//!
//! Every kind of value is a type with one `expected` text, so that each wrong value is answered with what to write.
//! What is shown can be read back: `config show` prints a file that loads to the same values.
//!
//! Units are never guessed. A bare `30` is no duration and `50` is no percentage; the error says what to write. A
//! number in quotes is a text, as everywhere in YAML.

use std::time::Duration;

use crate::core::outcome::Kind;
use crate::core::policy::{AfterMaxWait, COUNT_SIZE_MAX, Jitter, Rate};

use super::error::Findings;
use super::section::{Found, one_of};
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

impl Word for Duration {
    fn expected() -> String {
        "a duration such as 30s".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        if scalar.kind == ScalarKind::Number || text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Wrong::Because(format!("it needs a unit: {text}s or {text}ms")));
        }
        let duration = humantime::parse_duration(text).map_err(|_not_a_duration| Wrong::Else)?;
        if duration.is_zero() {
            return Err(Wrong::Because("it must be longer than nothing".to_owned()));
        }
        if duration > DURATION_MAX {
            return Err(Wrong::Because("at most a year".to_owned()));
        }
        Ok(duration)
    }

    fn shown(&self) -> Shown {
        Shown::Plain(duration_text(*self))
    }
}

/// `1h30m`.
pub(super) fn duration_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

impl Word for Rate {
    fn expected() -> String {
        "a percentage from 0% to 100% such as 50%".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        if scalar.kind == ScalarKind::Number {
            return Err(Wrong::Because(format!("it needs its sign: {text}%")));
        }
        let number = text.strip_suffix('%').ok_or(Wrong::Else)?.trim_end();
        let ppm = decimal(number, 4).ok_or(Wrong::Else)?;
        u32::try_from(ppm).ok().and_then(Self::from_ppm).ok_or(Wrong::Else)
    }

    fn shown(&self) -> Shown {
        Shown::Plain(self.to_string().replace(' ', ""))
    }
}

/// `12.5` with 3 places is 12,500; nothing if it is no such number, or has more places.
pub(super) fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > places {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(places).ok()?)?;
    let fraction: u64 = format!("{fraction:0<places$}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(fraction)
}

/// What each opening's time is multiplied by, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiplier(pub(super) u32);

impl Word for Multiplier {
    fn expected() -> String {
        "a number from 1 to 100 such as 1.5".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let milli = decimal(&scalar.text, 3).and_then(|milli| u32::try_from(milli).ok());
        match milli {
            Some(milli) if scalar.kind == ScalarKind::Number && (1_000..=100_000).contains(&milli) => Ok(Self(milli)),
            _ => Err(Wrong::Else),
        }
    }

    fn shown(&self) -> Shown {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        Shown::Plain(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

/// How long or how many calls a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowSize {
    Calls(FewCalls),
    Span(Duration),
}

impl Word for WindowSize {
    fn expected() -> String {
        format!("{} or a duration such as 10s", FewCalls::expected())
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        if scalar.kind == ScalarKind::Number {
            return FewCalls::parse(scalar).map(Self::Calls);
        }
        match Duration::parse(scalar).map_err(|_why| Wrong::Else)? {
            span if span < BUCKET_MIN => Err(Wrong::Because("at least 1ms".to_owned())),
            span => Ok(Self::Span(span)),
        }
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Calls(calls) => Word::shown(calls),
            Self::Span(span) => Word::shown(span),
        }
    }
}

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowType {
    Count,
    Time,
}

/// How recovery goes after HalfOpen; `off` is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RampOff;

impl Setting for RampOff {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        let off = matches!(&found.node.value, Value::Scalar(scalar) if Option::<Rate>::parse(scalar) == Ok(None));
        if !off {
            let text = "only off is supported in this version (a breaker then goes from HalfOpen directly to Closed)";
            found.complain(findings, format!("{text}, got {}", found.node.described()));
        }
        off.then_some(Self)
    }

    fn shown(&self) -> Shown {
        Shown::Plain("off".to_owned())
    }
}

/// Kinds of failure, none twice.
impl Setting for Vec<Kind> {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        let before = findings.count();
        let texts = texts(found, LISTED_KINDS_MAX, "a list of kinds such as [timeout, connect]", findings)?;
        let mut kinds = Self::new();
        for (item, text) in texts {
            match Kind::parse(text) {
                Err(error) => item.complain(findings, error),
                Ok(kind) if kinds.contains(&kind) => {
                    item.complain(findings, format!("{} is listed twice", quoted(text)))
                }
                Ok(kind) => kinds.push(kind),
            }
        }
        (findings.count() == before).then_some(kinds)
    }

    fn shown(&self) -> Shown {
        Shown::List(self.iter().map(|kind| kind.as_str().to_owned()).collect())
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

one_word_of! {
    Jitter { "equal" => Jitter::Equal, "full" => Jitter::Full, "none" => Jitter::None }
    AfterMaxWait { "open" => AfterMaxWait::Open, "closed" => AfterMaxWait::Closed }
    WindowType { "count" => WindowType::Count, "time" => WindowType::Time }
}

/// Longest duration, humantime's year: the core's clock is made for no more, and who means longer means `off`.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(31_557_600);

/// Narrowest bucket: the agent's timers are no finer.
pub(super) const BUCKET_MIN: Duration = Duration::from_millis(1);

/// Most calls a threshold can ask for: a thousand million in one window is more than a host makes.
pub(super) const CALLS_MAX: u64 = 1_000_000_000;

/// Most kinds in `exceptions` or `ignore`: the list is searched at every failure.
pub(super) const LISTED_KINDS_MAX: usize = 100;
