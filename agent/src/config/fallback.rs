//! What an application does instead of a refused call, as its policy names it.
//!
//! Parsed, checked and shown now; the fallbacks themselves come with a later version. Names and settings follow the
//! usual five: a cached answer, a fixed answer, a lesser function, another service, or the feature left out.
//!
//! A fallback is a value as a whole: the settings of one strategy mean nothing to another, so layers do not mix them,
//! and `off` covers an inherited one.

use std::time::Duration;

use serde_json::json;

use crate::core::service::ServiceName;

use super::error::Findings;
use super::section::{Found, Section, one_of};
use super::setting::{Count, Setting, Shown, texts};
use super::tree::{Node, ScalarKind, Value};
use super::unit::duration_text;

/// What to do instead of a refused call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fallback {
    /// Give the last good answer.
    CachedResponse {
        /// If it is no older than this; needed, because an answer of unknown age is not one.
        max_age: Duration,
        /// Most answers kept; the application's own limit where left out.
        max_entries: Option<u64>,
        /// Most bytes kept; the application's own limit where left out.
        max_bytes: Option<u64>,
    },
    /// Give this answer.
    DefaultValue {
        /// Any value.
        value: serde_json::Value,
    },
    /// Do with less.
    DegradedFunction,
    /// Ask others, in this order.
    AlternativeServices {
        /// At least one.
        services: Vec<ServiceName>,
    },
    /// Leave the feature out.
    FeatureOff,
}

/// What is told about a service's breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// Whether its figures are published.
    pub metrics_enabled: bool,
    /// Whether its transitions raise alerts.
    pub alerts_enabled: bool,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self { metrics_enabled: true, alerts_enabled: true }
    }
}

/// `off` covers an inherited fallback.
impl Setting for Option<Fallback> {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        match &found.node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Bool(false) || scalar.text == "off" => Some(None),
            Value::Map(_) => Fallback::read(found, findings).map(Some),
            Value::Nothing | Value::Scalar(_) | Value::List(_) => {
                found.refuse(findings, "a map with a strategy or off");
                None
            }
        }
    }

    fn shown(&self) -> Shown {
        self.as_ref().map_or(Shown::Plain("off".to_owned()), |fallback| Shown::Json(fallback.json()))
    }
}

impl Fallback {
    fn read(found: &Found<'_>, findings: &mut Findings) -> Option<Self> {
        let named = STRATEGIES.iter().find(|(name, _)| strategy(found) == Some(name));
        let Some((name, keys)) = named else {
            let names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
            let known = format!("strategy, one of {}", one_of(&names));
            match found.entries(findings).into_iter().find(|(key, _)| key.text == "strategy") {
                Some((_, found)) => found.refuse(findings, &one_of(&names)),
                None => found.complain(findings, format!("expected a {known}")),
            }
            return None;
        };
        let section = found.section(keys, findings);
        match *name {
            "cached_response" => cached_response(found, &section, findings),
            "default_value" => default_value(found, &section, findings),
            "alternative_services" => alternative_services(found, &section, findings),
            "degraded_function" => Some(Self::DegradedFunction),
            _ => Some(Self::FeatureOff),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::CachedResponse { max_age, max_entries, max_bytes } => {
                let mut shown = json!({"strategy": "cached_response", "max_age": duration_text(*max_age)});
                for (key, limit) in [("max_entries", max_entries), ("max_bytes", max_bytes)] {
                    if let Some(limit) = limit {
                        shown[key] = json!(limit);
                    }
                }
                shown
            }
            Self::DefaultValue { value } => json!({"strategy": "default_value", "value": value}),
            Self::DegradedFunction => json!({"strategy": "degraded_function"}),
            Self::AlternativeServices { services } => {
                let services: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
                json!({"strategy": "alternative_services", "services": services})
            }
            Self::FeatureOff => json!({"strategy": "feature_off"}),
        }
    }
}

fn strategy<'a>(found: &Found<'a>) -> Option<&'a str> {
    let Value::Map(entries) = &found.node.value else { return None };
    let (_, node) = entries.iter().find(|(key, _)| key.text == "strategy")?;
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Nothing | Value::List(_) | Value::Map(_) => None,
    }
}

fn cached_response(found: &Found<'_>, section: &Section<'_>, findings: &mut Findings) -> Option<Fallback> {
    let max_entries = section.read::<Count<CACHED_MAX>>("max_entries", findings).map(|(count, _)| count.0);
    let max_bytes = section.read::<Count<CACHED_MAX>>("max_bytes", findings).map(|(count, _)| count.0);
    if section.found("max_age").is_none() {
        found.complain(findings, "cached_response needs a max_age such as 300s");
    }
    let (max_age, _) = section.read("max_age", findings)?;
    Some(Fallback::CachedResponse { max_age, max_entries, max_bytes })
}

fn default_value(found: &Found<'_>, section: &Section<'_>, findings: &mut Findings) -> Option<Fallback> {
    let Some(value) = section.found("value") else {
        found.complain(findings, "default_value needs a value");
        return None;
    };
    let json = as_json(value.node);
    let bytes = json.to_string().len();
    if bytes > DEFAULT_VALUE_BYTES_MAX {
        value.complain(findings, format!("at most {DEFAULT_VALUE_BYTES_MAX} bytes as JSON, got {bytes}"));
        return None;
    }
    Some(Fallback::DefaultValue { value: json })
}

fn alternative_services(found: &Found<'_>, section: &Section<'_>, findings: &mut Findings) -> Option<Fallback> {
    let Some(listed) = section.found("services") else {
        found.complain(findings, "alternative_services needs a list of services");
        return None;
    };
    let mut services = Vec::new();
    for (item, text) in texts(&listed, ALTERNATIVES_MAX, "a list of services", findings)? {
        match ServiceName::parse(text) {
            Err(error) => item.complain(findings, error),
            Ok(name) if services.contains(&name) => item.complain(findings, format!("{name} is listed twice")),
            Ok(name) => services.push(name),
        }
    }
    if services.is_empty() {
        listed.complain(findings, "expected at least one service");
        return None;
    }
    Some(Fallback::AlternativeServices { services })
}

fn as_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Nothing => serde_json::Value::Null,
        Value::List(items) => items.iter().map(as_json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, node)| (key.text.clone(), as_json(node))).collect(),
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Bool(flag) => json!(flag),
            ScalarKind::Text => json!(scalar.text),
            // What JSON has no number for (0x1F, .inf) stays the text it is.
            ScalarKind::Number => scalar.text.parse().map_or_else(|_| json!(scalar.text), serde_json::Value::Number),
        },
    }
}

/// The strategies and their settings.
const STRATEGIES: &[(&str, &[&str])] = &[
    ("cached_response", &["strategy", "max_age", "max_entries", "max_bytes"]),
    ("default_value", &["strategy", "value"]),
    ("degraded_function", &["strategy"]),
    ("alternative_services", &["strategy", "services"]),
    ("feature_off", &["strategy"]),
];

/// Largest limit on a cache, in entries or bytes: a terabyte is a typing error.
const CACHED_MAX: u64 = 1 << 40;

/// Largest default value: it travels to clients in one frame.
pub(super) const DEFAULT_VALUE_BYTES_MAX: usize = 16_384;

/// Most alternative services: each is a breaker asked in turn within one call.
pub(super) const ALTERNATIVES_MAX: usize = 16;
