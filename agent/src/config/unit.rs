//! Settings with a unit: durations `30s`, rates `12.5%`, multipliers `1.5`.
//!
//! Units are never guessed. A bare `30` is no duration and `50` is no percentage; the error says what to write.
//! Rates and multipliers are read as integers (parts per million, thousandths), never through a float: `0.1%` is
//! exactly 1,000 parts per million, and a policy compares in integers.

use std::time::Duration;

use crate::core::policy::Rate;

use super::setting::{Shown, Word, Wrong};
use super::tree::{Scalar, ScalarKind};

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

/// Longest duration, humantime's year: the core's clock is made for no more, and who means longer means `off`.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(31_557_600);
