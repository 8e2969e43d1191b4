//! One layer of a policy: what one `circuit_breaker:` map writes, and how a more specific layer covers it.
//!
//! A key is described once, in the table below, with its type and its path; reading, covering and showing follow from
//! it. Each written value keeps which layer wrote it and where, so that a contradiction between two layers can name
//! both lines and `config show` can say where every value comes from.
//!
//! Covering goes key by key, with two exceptions that keep the result meaningful. `permits` and `success_threshold`
//! answer the same question, so either replaces both of the layers below. And a layer that makes the window a count
//! (or a time) covers the other kind's type, size and buckets: 10 buckets of a time window mean nothing to a count.
//! `fallback` is one value: the settings of one strategy mean nothing to another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::core::outcome::Kind;
use crate::core::policy::{AfterMaxWait, BUCKETS_MAX, Jitter, Rate};

use super::error::{Findings, Place};
use super::fallback::Fallback;
use super::policy_word::{RampOff, WindowSize, WindowType};
use super::section::{Found, Section};
use super::setting::{Calls, Count, FewCalls, Setting, Shown};
use super::tree::Value;
use super::unit::Multiplier;

/// A value and who wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written<T> {
    pub(super) value: T,
    /// `None` for what nobody wrote.
    pub(super) origin: Option<Origin>,
}

/// The place of a value and the layer it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// Its number in the configuration.
    pub(super) layer: u32,
    pub(super) place: Place,
}

/// Conditions of one kind of failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KindLayer {
    pub(super) rate: Option<Written<Option<Rate>>>,
    pub(super) count: Option<Written<Option<Calls>>>,
}

/// One value of a layer as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) path: Vec<String>,
    pub(super) shown: Shown,
    pub(super) origin: Option<Origin>,
}

macro_rules! layer {
    ($($field:ident: $type:ty = [$($step:literal),+];)+) => {
        /// What one layer writes; `None` is left to the layers below.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(super) struct Layer {
            $(pub(super) $field: Option<Written<$type>>,)+
            pub(super) kinds: BTreeMap<Kind, KindLayer>,
            /// Keys with a wrong value, already said: nothing can be concluded from their absence.
            pub(super) broken: BTreeSet<&'static [&'static str]>,
        }

        /// Every key below `circuit_breaker`, as a path; `kinds` stands for all below it.
        pub(super) const PATHS: &[&[&str]] = &[$(&[$($step),+],)+ KINDS];

        impl Layer {
            fn read_all(reading: &mut Reading<'_, '_>) -> Self {
                $(let $field = reading.setting(&[$($step),+]);)+
                let kinds = reading.kinds();
                Self { $($field,)+ kinds, broken: std::mem::take(&mut reading.broken) }
            }

            fn covering(self, below: Self) -> Self {
                Self {
                    $($field: self.$field.or(below.$field),)+
                    kinds: kinds_covering(self.kinds, below.kinds),
                    broken: self.broken.into_iter().chain(below.broken).collect(),
                }
            }

            /// What is written, in the order of the table, kinds last.
            pub(super) fn rows(&self) -> Vec<Row> {
                let mut rows = Vec::new();
                $(if let Some(written) = &self.$field {
                    rows.push(written.row(&[$($step),+]));
                })+
                self.push_kinds(&mut rows);
                rows
            }
        }
    };
}

layer! {
    failure_threshold: Option<Calls> = ["failure_threshold"];
    recovery_timeout: Duration = ["recovery_timeout"];
    success_threshold: FewCalls = ["success_threshold"];
    exceptions: Vec<Kind> = ["exceptions"];
    ignore: Vec<Kind> = ["ignore"];
    timeout: Option<Duration> = ["timeout"];
    enforce: Rate = ["enforce"];
    ramp: RampOff = ["ramp"];
    fallback: Option<Fallback> = ["fallback"];
    window_type: WindowType = ["sliding_window", "type"];
    window_size: WindowSize = ["sliding_window", "size"];
    buckets: Count<{ BUCKETS_MAX as u64 }> = ["sliding_window", "buckets"];
    minimum_throughput: Calls = ["sliding_window", "minimum_throughput"];
    permits: FewCalls = ["half_open", "permits"];
    permit_lease: Duration = ["half_open", "permit_lease"];
    max_wait: Duration = ["half_open", "max_wait"];
    after_max_wait: AfterMaxWait = ["half_open", "after_max_wait"];
    multiplier: Multiplier = ["backoff", "multiplier"];
    backoff_max: Duration = ["backoff", "max"];
    jitter: Jitter = ["backoff", "jitter"];
    metrics_enabled: bool = ["monitoring", "metrics_enabled"];
    alerts_enabled: bool = ["monitoring", "alerts_enabled"];
    error_rate: Option<Rate> = ["failure_criteria", "error_rate"];
    slow_call_rate: Option<Rate> = ["failure_criteria", "slow_call_rate"];
    slow_call_duration: Duration = ["failure_criteria", "slow_call_duration"];
    timeout_rate: Option<Rate> = ["failure_criteria", "timeout_rate"];
    failure_count: Option<Calls> = ["failure_criteria", "failure_count"];
    average_response_time: Option<Duration> = ["failure_criteria", "average_response_time"];
    sustained: Option<Duration> = ["failure_criteria", "sustained"];
}

const KINDS: &[&str] = &["failure_criteria", "kinds"];

impl Layer {
    /// Reads a `circuit_breaker:` map as the layer of that number.
    pub(super) fn read(found: &Found<'_>, layer: u32, findings: &mut Findings) -> Self {
        let heads: BTreeSet<&str> = PATHS.iter().map(|path| path[0]).collect();
        let top = found.section_among(&Vec::from_iter(heads), PATHS, findings);
        let groups: BTreeSet<&str> = PATHS.iter().filter(|path| path.len() > 1).map(|path| path[0]).collect();
        let mut sections = BTreeMap::new();
        for group in groups {
            let known: Vec<&str> =
                PATHS.iter().filter(|path| path.len() > 1 && path[0] == group).map(|p| p[1]).collect();
            if let Some(found) = top.found(group) {
                sections.insert(group, found.section_among(&known, PATHS, findings));
            }
        }
        Self::read_all(&mut Reading { top, sections, layer, findings, broken: BTreeSet::new() })
    }

    /// This layer over one that is less specific.
    pub(super) fn over(self, mut below: Self) -> Self {
        if self.permits.is_some() || self.success_threshold.is_some() {
            below.permits = None;
            below.success_threshold = None;
        }
        if let Some(kind) = self.window_kind()
            && below.window_kind().unwrap_or(WindowType::Time) != kind
        {
            below.window_type = None;
            below.window_size = None;
            below.buckets = None;
        }
        self.covering(below)
    }

    /// What this layer makes of the window, if it says.
    pub(super) fn window_kind(&self) -> Option<WindowType> {
        match self.window_size.as_ref().map(|written| written.value) {
            Some(WindowSize::Calls(_)) => Some(WindowType::Count),
            Some(WindowSize::Span(_)) => Some(WindowType::Time),
            None => self.window_type.as_ref().map(|written| written.value),
        }
    }

    fn push_kinds(&self, rows: &mut Vec<Row>) {
        for (kind, conditions) in &self.kinds {
            let path = |key| ["failure_criteria", "kinds", kind.as_str(), key];
            rows.extend(conditions.rate.as_ref().map(|written| written.row(&path("rate"))));
            rows.extend(conditions.count.as_ref().map(|written| written.row(&path("count"))));
        }
    }
}

impl<T: Setting> Written<T> {
    fn row(&self, path: &[&str]) -> Row {
        let path = path.iter().map(|&step| step.to_owned()).collect();
        Row { path, shown: self.value.shown(), origin: self.origin }
    }
}

/// A map being read into a layer.
struct Reading<'a, 'f> {
    top: Section<'a>,
    sections: BTreeMap<&'static str, Section<'a>>,
    layer: u32,
    findings: &'f mut Findings,
    broken: BTreeSet<&'static [&'static str]>,
}

impl Reading<'_, '_> {
    fn setting<T: Setting>(&mut self, path: &'static [&'static str]) -> Option<Written<T>> {
        let (section, key) = match path {
            [group, key] => (self.sections.get(group)?, key),
            _ => (&self.top, path.first()?),
        };
        let found = section.found(key)?;
        let value = T::read(&found, self.findings);
        if value.is_none() {
            self.broken.insert(path);
        }
        self.written(value.map(|value| (value, found.place())))
    }

    fn written<T>(&self, read: Option<(T, Place)>) -> Option<Written<T>> {
        let (value, place) = read?;
        Some(Written { value, origin: Some(Origin { layer: self.layer, place }) })
    }

    fn kinds(&mut self) -> BTreeMap<Kind, KindLayer> {
        let found = self.sections.get(KINDS[0]).and_then(|criteria| criteria.found(KINDS[1]));
        let mut kinds = BTreeMap::new();
        let entries = found.map(|found| found.entries(self.findings)).unwrap_or_default();
        for (key, found) in entries {
            let kind = match Kind::parse(&key.text) {
                Ok(kind) => kind,
                Err(error) => {
                    self.findings.add(key.place, &found.key, error);
                    continue;
                }
            };
            let section = found.section(&["rate", "count"], self.findings);
            let rate = section.read("rate", self.findings);
            let count = section.read("count", self.findings);
            let is_map = matches!(found.node.value, Value::Map(_) | Value::Nothing);
            if is_map && section.found("rate").is_none() && section.found("count").is_none() {
                self.findings.add(key.place, &found.key, "expected a rate or a count");
            }
            let conditions = KindLayer { rate: self.written(rate), count: self.written(count) };
            if kinds.insert(kind, conditions).is_some() {
                self.findings.add(key.place, &found.key, "the same kind as another one here");
            }
        }
        kinds
    }
}

fn kinds_covering(above: BTreeMap<Kind, KindLayer>, below: BTreeMap<Kind, KindLayer>) -> BTreeMap<Kind, KindLayer> {
    let mut kinds = below;
    for (kind, conditions) in above {
        let covered = kinds.remove(&kind).unwrap_or_default();
        let rate = conditions.rate.or(covered.rate);
        let count = conditions.count.or(covered.count);
        kinds.insert(kind, KindLayer { rate, count });
    }
    kinds
}
