//! What a scenario expects: bounds of metrics, in the units of the metrics.

use std::collections::BTreeMap;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::Found;

use super::word::{decimal, duration_of, percentage_of, word};
use crate::metric::{METRICS, Metric, Unit};

/// The bounds by the names of metrics without their `_ms`; times in seconds.
pub(super) fn expect(found: &Found<'_>, findings: &mut Findings) -> BTreeMap<String, f64> {
    let keys: Vec<_> = METRICS.iter().map(Metric::key).collect();
    let section = found.section(&keys, findings);
    let bound = |key: &str, findings: &mut Findings| {
        let (found, metric) = (section.found(key)?, Metric::expected_by(key)?);
        match metric.unit {
            Unit::Millis => word(&found, findings, "a duration such as 5s", |scalar| {
                duration_of(scalar).map(|bound| bound.as_secs_f64())
            }),
            Unit::Share => word(&found, findings, "a percentage such as 80%, or a number from 0 to 1", |scalar| {
                percentage_of(scalar).or_else(|| decimal(&scalar.text)).filter(|share| *share <= 1.0)
            }),
            Unit::Number => word(&found, findings, "a number such as 1.4", |scalar| decimal(&scalar.text)),
        }
    };
    keys.iter().filter_map(|key| Some(((*key).to_owned(), bound(key, findings)?))).collect()
}
