//! What a run can measure: each metric's name, its unit, and which way is better.
//!
//! One table, so that a scenario's `expect`, the pages for people and the tables over many runs cannot disagree. A
//! bound is written in the scenario without the metric's `_ms`, as a duration where the metric is a time. Most bounds
//! are upper ones; a metric of which more is better has a lower one. A bound on what a run did not measure is not kept:
//! whoever expects something wants to know.

use std::collections::BTreeMap;

/// Something a run can measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in results.
    pub name: &'static str,
    /// What its values count.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
}

/// What values of a metric count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds; a scenario writes a duration.
    Millis,
    /// Calls, seconds, bytes: a plain number.
    Number,
    /// A share from 0 to 1; a scenario may write a percentage.
    Share,
}

/// Which way is better, and so what a bound of `expect` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Bounds are the largest good value.
    Lower,
    /// Bounds are the smallest good value.
    Higher,
}

/// All of them, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    number("doomed_calls"),
    millis("first_trip_ms"),
    millis("all_protected_ms"),
    millis("alert_p99_ms"),
    number("false_opens"),
    millis("converged_within_ms"),
    number("probes"),
    number("overshoot"),
    number("overload_seconds"),
    millis("queue_delay_max_ms"),
    number("collapse_seconds"),
    Metric { name: "brownout_goodput", unit: Unit::Share, better: Better::Higher },
    millis("recovered_ms"),
    millis("oracle_recovered_ms"),
    millis("recovered_excess_ms"),
    number("lost_demand_seconds"),
    number("relapses"),
    number("gossip_bytes_per_host_s"),
    number("datagrams_per_host_s"),
    number("digest_bytes_max"),
    millis("spread_p50_ms"),
    millis("spread_p99_ms"),
    millis("spread_max_ms"),
    number("spread_datagrams_per_host"),
    number("spread_bytes_per_host"),
];

impl Metric {
    /// The one that a key of `expect` names.
    #[must_use]
    pub fn expected_by(key: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.key() == key)
    }

    /// Its name in a scenario: without the unit.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.name.strip_suffix("_ms").unwrap_or(self.name)
    }

    /// A bound of a scenario in the unit of results: scenarios keep times in seconds.
    fn in_results(&self, bound: f64) -> f64 {
        match self.unit {
            Unit::Millis => bound * 1_000.0,
            Unit::Number | Unit::Share => bound,
        }
    }
}

/// The bounds that were not kept, in words.
#[must_use]
pub fn unmet(expect: &BTreeMap<String, f64>, measured: &BTreeMap<String, Option<f64>>) -> Vec<String> {
    let bounds = expect.iter().filter_map(|(key, bound)| Some((Metric::expected_by(key)?, *bound)));
    let complaint = |(metric, bound): (&Metric, f64)| {
        let bound = metric.in_results(bound);
        let word = match metric.better {
            Better::Lower => "at most",
            Better::Higher => "at least",
        };
        let got = match measured.get(metric.name).copied().flatten() {
            None => "was not measured".to_owned(),
            Some(value) if metric.better == Better::Lower && value <= bound => return None,
            Some(value) if metric.better == Better::Higher && value >= bound => return None,
            Some(value) => format!("was {}", plain(value)),
        };
        Some(format!("{} {got}, expected {word} {}", metric.name, plain(bound)))
    };
    bounds.filter_map(complaint).collect()
}

/// The order of the table; metrics it does not know come last, by name.
#[must_use]
pub fn in_order<V>(by_name: &BTreeMap<String, V>) -> Vec<(&str, &V)> {
    let rank = |name: &str| METRICS.iter().position(|metric| metric.name == name).unwrap_or(METRICS.len());
    let mut all: Vec<_> = by_name.iter().map(|(name, value)| (name.as_str(), value)).collect();
    all.sort_by_key(|(name, _)| rank(name));
    all
}

/// A number with as many digits as mean something: whole from 100 on, three places at most.
#[must_use]
pub fn plain(value: f64) -> String {
    if value.abs() >= 100.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const fn number(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Number, better: Better::Lower }
}

const fn millis(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Millis, better: Better::Lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmet_of(key: &str, bound: f64, name: &str, value: Option<f64>) -> Vec<String> {
        unmet(&BTreeMap::from([(key.to_owned(), bound)]), &BTreeMap::from([(name.to_owned(), value)]))
    }

    #[test]
    fn a_bound_itself_is_kept_and_what_is_past_it_is_not() {
        assert!(unmet_of("overshoot", 1.4, "overshoot", Some(1.4)).is_empty());
        let said = unmet_of("overshoot", 1.4, "overshoot", Some(1.41));
        assert_eq!(said, ["overshoot was 1.41, expected at most 1.4"]);
        assert!(unmet_of("brownout_goodput", 0.8, "brownout_goodput", Some(0.8)).is_empty());
        let said = unmet_of("brownout_goodput", 0.8, "brownout_goodput", Some(0.79));
        assert_eq!(said, ["brownout_goodput was 0.79, expected at least 0.8"]);
    }

    #[test]
    fn times_are_seconds_in_scenarios_and_milliseconds_in_results() {
        assert!(unmet_of("recovered", 25.0, "recovered_ms", Some(25_000.0)).is_empty());
        let said = unmet_of("recovered", 25.0, "recovered_ms", Some(25_001.0));
        assert_eq!(said, ["recovered_ms was 25001, expected at most 25000"]);
    }

    #[test]
    fn what_was_not_measured_or_is_no_number_is_not_kept() {
        let said = ["false_opens was not measured, expected at most 0"];
        assert_eq!(unmet_of("false_opens", 0.0, "false_opens", None), said);
        assert_eq!(unmet_of("false_opens", 0.0, "probes", Some(0.0)), said);
        assert_eq!(unmet_of("false_opens", 0.0, "false_opens", Some(f64::NAN)).len(), 1);
    }

    #[test]
    fn each_key_of_expect_names_one_metric() {
        for metric in METRICS {
            assert_eq!(Metric::expected_by(metric.key()), Some(metric), "{}", metric.name);
        }
        assert_eq!(Metric::expected_by("recovered_ms"), None);
    }

    #[test]
    fn numbers_are_as_long_as_they_mean_something() {
        for (value, text) in [(0.0, "0"), (0.9996, "1"), (1.4, "1.4"), (99.5, "99.5"), (123.4, "123"), (20.0, "20")] {
            assert_eq!(plain(value), text);
        }
    }
}
