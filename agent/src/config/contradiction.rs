//! What cannot both be meant: the checks between the fields of one merged policy.
//!
//! They run on the merged layer of every name and pattern, because two layers that are fine alone can contradict each
//! other. Each contradiction is said at the place of its more telling value and names the line of the other one. A
//! service is never named: what a thousand services inherit is one fault.
//!
//! A threshold that can never be reached is a contradiction: a breaker that never trips looks like a healthy service.

use std::time::Duration;

use crate::core::counts::AVERAGE_MAX;
use crate::core::outcome::Kind;
use crate::core::policy::{KINDS_MAX, Policy, WindowShape};

use super::effective::{SPAN, default_buckets, or};
use super::error::Findings;
use super::layer::{Layer, Origin, Written};
use super::policy_word::{BUCKET_MIN, WindowSize, WindowType};
use super::unit::duration_text;

/// Looks for contradictions in one merged layer.
pub(super) struct Check<'a> {
    /// The merged layer.
    pub(super) layer: &'a Layer,
    /// What it gives.
    pub(super) policy: &'a Policy,
    /// The key of every layer's `circuit_breaker:` map, by its number.
    pub(super) keys: &'a [String],
}

impl Check<'_> {
    /// Adds all there are.
    pub(super) fn run(&self, findings: &mut Findings) {
        self.window_type(findings);
        self.buckets(findings);
        self.count_window(findings);
        self.half_open(findings);
        self.backoff(findings);
        self.lease(findings);
        self.kinds(findings);
        self.unheard_kinds(findings);
    }

    fn window_type(&self, findings: &mut Findings) {
        let (Some(size), Some(kind)) = (&self.layer.window_size, &self.layer.window_type) else { return };
        let seen = seen(kind.origin);
        let what = match (size.value, kind.value) {
            (WindowSize::Calls(_), WindowType::Time) => "a number of calls, but the type is time",
            (WindowSize::Span(_), WindowType::Count) => "a duration, but the type is count",
            _ => return,
        };
        self.add(findings, size, "sliding_window.size", format!("{what}{seen}"));
    }

    fn buckets(&self, findings: &mut Findings) {
        let layer = self.layer;
        if layer.window_kind() == Some(WindowType::Count) {
            if let Some(buckets) = &layer.buckets {
                let of = layer.window_size.as_ref().and_then(|size| size.origin);
                let seen = seen(of.or(layer.window_type.as_ref().and_then(|kind| kind.origin)));
                let what = format!("only a window of time has buckets, this one is a count{seen}");
                self.add(findings, buckets, "sliding_window.buckets", what);
            }
            return;
        }
        let Some(WindowSize::Span(span)) = layer.window_size.as_ref().map(|size| size.value) else {
            return self.divides(SPAN, findings);
        };
        self.divides(span, findings);
    }

    fn divides(&self, span: Duration, findings: &mut Findings) {
        let layer = self.layer;
        if self.broken(&["sliding_window", "size"]) {
            return;
        }
        let buckets =
            layer.buckets.as_ref().map_or(default_buckets(span) as u128, |buckets| u128::from(buckets.value.0));
        let (nanos, text) = (span.as_nanos(), duration_text(span));
        let what = if nanos / buckets.max(1) < BUCKET_MIN.as_nanos() {
            format!("{buckets} buckets of {text} are shorter than 1ms each")
        } else if nanos % buckets.max(1) != 0 {
            format!("{text} does not divide into {buckets} equal buckets")
        } else {
            return;
        };
        match (&layer.buckets, &layer.window_size) {
            (Some(buckets), size) => {
                let seen = size.as_ref().map_or_else(|| seen(None), |size| seen(size.origin));
                self.add(findings, buckets, "sliding_window.buckets", format!("{what}{seen}"));
            }
            (None, Some(size)) => self.add(findings, size, "sliding_window.size", format!("{what}; write buckets")),
            (None, None) => {}
        }
    }

    fn count_window(&self, findings: &mut Findings) {
        let WindowShape::Count { size } = self.policy.window else { return };
        let seen = self.layer.window_size.as_ref().map_or_else(|| seen(None), |written| seen(written.origin));
        let what = |count: u64| {
            let text = format!("{count} can never be reached in a window of the last {size} calls{seen}");
            (count > size as u64).then_some(text)
        };
        if let Some(minimum) = &self.layer.minimum_throughput
            && let Some(what) = what(minimum.value.0)
        {
            self.add(findings, minimum, "sliding_window.minimum_throughput", what);
        }
        if let Some(count) = &self.layer.failure_count
            && let Some(what) = count.value.and_then(|count| what(count.0))
        {
            self.add(findings, count, "failure_criteria.failure_count", what);
        }
        for (kind, conditions) in &self.layer.kinds {
            if let Some(count) = &conditions.count
                && let Some(what) = count.value.and_then(|count| what(count.0))
            {
                self.add(findings, count, &format!("failure_criteria.kinds.{}.count", kind.as_str()), what);
            }
        }
    }

    fn half_open(&self, findings: &mut Findings) {
        if let (Some(permits), Some(successes)) = (&self.layer.permits, &self.layer.success_threshold) {
            let seen = seen(successes.origin);
            let what = format!("replaces success_threshold{seen}; write only one of them");
            self.add(findings, permits, "half_open.permits", what);
        }
    }

    fn backoff(&self, findings: &mut Findings) {
        let Some(max) = &self.layer.backoff_max else { return };
        if max.value < self.policy.recovery_timeout && !self.broken(&["recovery_timeout"]) {
            let seen = self.layer.recovery_timeout.as_ref().map_or_else(|| seen(None), |written| seen(written.origin));
            let (max_text, recovery) = (duration_text(max.value), duration_text(self.policy.recovery_timeout));
            self.add(
                findings,
                max,
                "backoff.max",
                format!("{max_text} is below the recovery_timeout {recovery}{seen}"),
            );
        }
    }

    fn lease(&self, findings: &mut Findings) {
        let (Some(lease), Some(timeout)) = (&self.layer.permit_lease, &self.layer.timeout) else { return };
        if let Some(limit) = timeout.value
            && lease.value < limit
        {
            let (lease_text, limit, seen) = (duration_text(lease.value), duration_text(limit), seen(timeout.origin));
            let what = format!("{lease_text} is below the timeout {limit}{seen}: calls would outlive their permits");
            self.add(findings, lease, "half_open.permit_lease", what);
        }
    }

    /// Kinds that a policy has conditions for, and does not count as failures.
    fn kinds(&self, findings: &mut Findings) {
        let conditions = &self.policy.conditions;
        let written = |kind| {
            let layer = self.layer.kinds.get(kind)?;
            let origins = [layer.rate.as_ref().map(|w| w.origin), layer.count.as_ref().map(|w| w.origin)];
            origins.into_iter().flatten().flatten().min()
        };
        for condition in &conditions.kinds {
            let (Some(why), Some(origin)) = (self.unheard(&condition.kind), written(&condition.kind)) else { continue };
            let key = format!("failure_criteria.kinds.{}", condition.kind.as_str());
            self.add_at(findings, origin, &key, format!("can never be reached: {why}"));
        }
        let last = conditions.kinds.iter().filter_map(|condition| written(&condition.kind)).max();
        if let Some(origin) = last.filter(|_| conditions.kinds.len() > KINDS_MAX) {
            let what =
                format!("at most {KINDS_MAX} kinds with conditions of their own, got {}", conditions.kinds.len());
            self.add_at(findings, origin, "failure_criteria.kinds", what);
        }
        if let Some(average) = &self.layer.average_response_time
            && average.value.is_some_and(|limit| limit > AVERAGE_MAX)
        {
            let what = "can never be reached: calls count for 71 minutes at most".to_owned();
            self.add(findings, average, "failure_criteria.average_response_time", what);
        }
        if let Some(rate) = self.layer.timeout_rate.as_ref().filter(|rate| rate.value.is_some())
            && let Some(why) = self.unheard(&Kind::timeout())
        {
            self.add(findings, rate, "failure_criteria.timeout_rate", format!("can never be reached: {why}"));
        }
    }

    fn unheard_kinds(&self, findings: &mut Findings) {
        let (Some(exceptions), Some(ignore)) = (&self.layer.exceptions, &self.layer.ignore) else { return };
        for kind in exceptions.value.iter().filter(|kind| ignore.value.contains(kind)) {
            let what = format!("{} counts nowhere, it is in ignore{}", kind.as_str(), seen(ignore.origin));
            self.add(findings, exceptions, "exceptions", what);
        }
    }

    /// Why calls that end with this kind are no failures.
    fn unheard(&self, kind: &Kind) -> Option<String> {
        let of = |written: &Option<Written<Vec<Kind>>>| seen(written.as_ref().and_then(|written| written.origin));
        let exceptions = or(&self.layer.exceptions, Vec::new());
        if or(&self.layer.ignore, Vec::new()).contains(kind) {
            return Some(format!("{} is in ignore{}", kind.as_str(), of(&self.layer.ignore)));
        }
        let unlisted = !exceptions.is_empty() && !exceptions.contains(kind);
        unlisted.then(|| format!("{} is not in exceptions{}", kind.as_str(), of(&self.layer.exceptions)))
    }

    fn broken(&self, path: &[&'static str]) -> bool {
        self.layer.broken.contains(path)
    }

    fn add<T>(&self, findings: &mut Findings, written: &Written<T>, path: &str, what: String) {
        if let Some(origin) = written.origin {
            self.add_at(findings, origin, path, what);
        }
    }

    fn add_at(&self, findings: &mut Findings, origin: Origin, path: &str, what: String) {
        let above =
            usize::try_from(origin.layer).ok().and_then(|layer| self.keys.get(layer)).map_or("", String::as_str);
        findings.add(origin.place, &format!("{above}.{path}"), what);
    }
}

fn seen(origin: Option<Origin>) -> String {
    origin.map_or_else(|| " (the default)".to_owned(), |origin| format!(" (line {})", origin.place.line))
}
