//! Words of a scenario: durations, rates, percentages, counts.
//!
//! Units are never guessed: a bare `30` is no duration, `50` no percentage and `10` no rate. Each kind of word has one
//! text that says what to write, and each has a largest value, so that no product of two of them overflows.

use std::ops::RangeInclusive;
use std::time::Duration;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::Found;
use breaker_agent::config::tree::{Scalar, ScalarKind, Value, quoted};

/// Reads a word; what is wrong with it is said.
pub(super) fn word<T>(
    found: &Found<'_>,
    findings: &mut Findings,
    expected: &str,
    parse: impl FnOnce(&Scalar) -> Option<T>,
) -> Option<T> {
    let value = match &found.node.value {
        Value::Scalar(scalar) => parse(scalar),
        Value::Nothing | Value::List(_) | Value::Map(_) => None,
    };
    if value.is_none() {
        found.refuse(findings, expected);
    }
    value
}

/// A duration longer than nothing.
pub(super) fn duration(found: &Found<'_>, findings: &mut Findings) -> Option<Duration> {
    let expected = "a duration such as 30s, up to 24h";
    word(found, findings, expected, |scalar| duration_of(scalar).filter(|duration| !duration.is_zero()))
}

/// A point of time, counted from the beginning.
pub(super) fn time(found: &Found<'_>, findings: &mut Findings) -> Option<Duration> {
    word(found, findings, "a duration such as 30s, up to 24h", duration_of)
}

/// A duration of a word, nothing included.
pub(super) fn duration_of(scalar: &Scalar) -> Option<Duration> {
    if scalar.kind == ScalarKind::Text { plain_duration(&scalar.text) } else { None }
}

/// A duration of a text, nothing included.
pub(super) fn plain_duration(text: &str) -> Option<Duration> {
    // humantime takes a bare nought.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    humantime::parse_duration(text).ok().filter(|duration| *duration <= DURATION_MAX)
}

/// `240/s`, `0.5/s`, `1/m` or `10/h`, in calls a second.
pub(super) fn rate_of(scalar: &Scalar) -> Option<f64> {
    let (number, unit) = scalar.text.split_once('/')?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    let rate = decimal(number)? / seconds;
    (rate > 0.0 && rate <= RATE_MAX).then_some(rate)
}

/// A rate of calls.
pub(super) fn rate(found: &Found<'_>, findings: &mut Findings) -> Option<f64> {
    word(found, findings, "a rate such as 10/s, 1/m or 2/h, up to 100000/s", rate_of)
}

/// A percentage from 0 to 100, as a share.
pub(super) fn share(found: &Found<'_>, findings: &mut Findings) -> Option<f64> {
    let expected = "a percentage from 0% to 100% such as 30%";
    word(found, findings, expected, |scalar| percentage_of(scalar).filter(|share| *share <= 1.0))
}

/// A percentage, as a share; it may be above 100.
pub(super) fn percentage_of(scalar: &Scalar) -> Option<f64> {
    let number = decimal(scalar.text.strip_suffix('%')?)?;
    (number <= PERCENTAGE_MAX).then_some(number / 100.0)
}

/// A whole number of a range.
pub(super) fn count(found: &Found<'_>, findings: &mut Findings, range: &RangeInclusive<usize>) -> Option<usize> {
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    word(found, findings, &expected, |scalar| count_of(scalar).filter(|count| range.contains(count)))
}

/// A whole number.
pub(super) fn count_of(scalar: &Scalar) -> Option<usize> {
    let digits = scalar.text.bytes().all(|b| b.is_ascii_digit());
    (digits && scalar.kind == ScalarKind::Number).then(|| scalar.text.parse().ok()).flatten()
}

/// A number that is not negative: digits with at most one dot, nothing else that Rust would take for a number.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().any(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// A word, whatever it is.
pub(super) fn text<'a>(found: &Found<'a>, findings: &mut Findings, expected: &str) -> Option<&'a str> {
    match &found.node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Nothing | Value::List(_) | Value::Map(_) => {
            found.refuse(findings, expected);
            None
        }
    }
}

/// Says that a word is none of those there are.
pub(super) fn unknown(found: &Found<'_>, findings: &mut Findings, (kind, word): (&str, &str), known: &[&str]) {
    let shown: Vec<_> = known.iter().take(KNOWN_SHOWN_MAX).copied().collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    let these = if known.is_empty() { "there is none".to_owned() } else { format!("expected {}", shown.join(", ")) };
    found.complain(findings, format!("there is no {kind} {}, {these}{more}", quoted(word)));
}

/// Longest time there is in a scenario: a day of a cluster, which is a day of one core for a few hosts.
pub(super) const DURATION_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Highest rate: a service that takes a call every 10 us; a simulation of it would crawl long before.
pub(super) const RATE_MAX: f64 = 100_000.0;

/// Highest percentage of a demand: a hundred times of it is never full.
const PERCENTAGE_MAX: f64 = 10_000.0;

/// Most names repeated in a message.
const KNOWN_SHOWN_MAX: usize = 8;
