//! Settings that only policies have: sizes and types of windows, ramps, kinds of failure, and the words of the core's
//! own enums.
//!
//! A window's size says by itself what the window holds: a duration is a time, a whole number a count.
//! Kinds of failure are the core's, so `TimeoutException` and `timeout` in one list are the same kind twice.

use std::time::Duration;

use crate::core::outcome::Kind;
use crate::core::policy::{AfterMaxWait, Jitter, Rate};

use super::error::Findings;
use super::section::{Found, one_of};
use super::setting::{FewCalls, Setting, Shown, Word, Wrong, one_word_of, texts};
use super::tree::{Scalar, ScalarKind, Value, quoted};

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
                    item.complain(findings, format!("{} is listed twice", quoted(text)));
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

one_word_of! {
    Jitter { "equal" => Jitter::Equal, "full" => Jitter::Full, "none" => Jitter::None }
    AfterMaxWait { "open" => AfterMaxWait::Open, "closed" => AfterMaxWait::Closed }
    WindowType { "count" => WindowType::Count, "time" => WindowType::Time }
}

/// Narrowest bucket: the agent's timers are no finer.
pub(super) const BUCKET_MIN: Duration = Duration::from_millis(1);

/// Most kinds in `exceptions` or `ignore`: the list is searched at every failure.
pub(super) const LISTED_KINDS_MAX: usize = 100;
