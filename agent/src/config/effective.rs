//! From a merged layer to the policy the core judges by, and back for showing.
//!
//! What is left out gets its default here, also where the default depends on what is written: the minimum throughput
//! is capped at a count window's size, the longest backoff is four times the recovery timeout, and a window of a few
//! milliseconds has as many buckets as milliseconds. A contradictory layer still gives a policy, without a panic; the
//! loader refuses it because `contradiction` lists what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::core::policy::{Backoff, Conditions, HalfOpen, KindCondition, Policy, Verdict, WindowShape};

use super::fallback::{Fallback, Monitoring};
use super::layer::{KindLayer, Layer, Written};
use super::policy_word::{BUCKET_MIN, RampOff, WindowSize, WindowType};
use super::setting::Count;
use super::unit::Multiplier;

/// All that holds for a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Effective {
    pub(super) policy: Arc<Policy>,
    pub(super) fallback: Option<Fallback>,
    pub(super) monitoring: Monitoring,
}

impl Effective {
    pub(super) fn of(layer: &Layer) -> Self {
        let monitoring = Monitoring::default();
        Self {
            policy: Arc::new(policy(layer)),
            fallback: layer.fallback.as_ref().and_then(|written| written.value.clone()),
            monitoring: Monitoring {
                metrics_enabled: or(&layer.metrics_enabled, monitoring.metrics_enabled),
                alerts_enabled: or(&layer.alerts_enabled, monitoring.alerts_enabled),
            },
        }
    }

    /// The same as a layer that nobody wrote, complete.
    pub(super) fn layer(&self) -> Layer {
        let policy = &*self.policy;
        let (permits, successes) = match policy.half_open.verdict {
            Verdict::Permits(permits) => (unwritten(Count(permits)), None),
            Verdict::Successes(successes) => (None, unwritten(Count(successes))),
        };
        let mut layer = window_layer(policy.window);
        conditions_layer(&policy.conditions, &mut layer);
        layer.minimum_throughput = unwritten(Count(policy.minimum_throughput));
        layer.exceptions = unwritten(policy.exceptions.clone());
        layer.ignore = unwritten(policy.ignore.clone());
        layer.recovery_timeout = unwritten(policy.recovery_timeout);
        layer.success_threshold = successes;
        layer.permits = permits;
        layer.permit_lease = unwritten(policy.half_open.permit_lease);
        layer.max_wait = unwritten(policy.half_open.max_wait);
        layer.after_max_wait = unwritten(policy.half_open.after_max_wait);
        layer.multiplier = unwritten(Multiplier(policy.backoff.multiplier_milli));
        layer.backoff_max = unwritten(policy.backoff.max);
        layer.jitter = unwritten(policy.backoff.jitter);
        layer.timeout = unwritten(policy.timeout);
        layer.enforce = unwritten(policy.enforce);
        layer.ramp = unwritten(RampOff);
        layer.fallback = unwritten(self.fallback.clone());
        layer.metrics_enabled = unwritten(self.monitoring.metrics_enabled);
        layer.alerts_enabled = unwritten(self.monitoring.alerts_enabled);
        layer
    }
}

/// The buckets a window of this span has if none are written.
pub(super) fn default_buckets(span: Duration) -> usize {
    let whole_ms = usize::try_from(span.as_millis()).unwrap_or(usize::MAX);
    whole_ms.clamp(1, BUCKETS)
}

/// The written value, or another.
pub(super) fn or<T: Clone>(written: &Option<Written<T>>, otherwise: T) -> T {
    written.as_ref().map_or(otherwise, |written| written.value.clone())
}

fn policy(layer: &Layer) -> Policy {
    let default = Policy::default();
    let recovery_timeout = or(&layer.recovery_timeout, default.recovery_timeout);
    let window = window(layer);
    let minimum_default = match window {
        WindowShape::Count { size } => default.minimum_throughput.min(size as u64),
        WindowShape::Time { .. } => default.minimum_throughput,
    };
    Policy {
        window,
        minimum_throughput: or(&layer.minimum_throughput, Count(minimum_default)).0,
        conditions: conditions(layer, &default.conditions),
        exceptions: or(&layer.exceptions, default.exceptions),
        ignore: or(&layer.ignore, default.ignore),
        recovery_timeout,
        backoff: Backoff {
            multiplier_milli: or(&layer.multiplier, Multiplier(default.backoff.multiplier_milli)).0,
            max: or(&layer.backoff_max, recovery_timeout.saturating_mul(BACKOFF_MAX_FACTOR)),
            jitter: or(&layer.jitter, default.backoff.jitter),
        },
        half_open: half_open(layer, default.half_open),
        timeout: or(&layer.timeout, default.timeout),
        enforce: or(&layer.enforce, default.enforce),
    }
}

fn window(layer: &Layer) -> WindowShape {
    match (layer.window_kind(), layer.window_size.as_ref().map(|written| written.value)) {
        (_, Some(WindowSize::Calls(calls))) => {
            WindowShape::Count { size: usize::try_from(calls.0).unwrap_or(usize::MAX) }
        }
        (Some(WindowType::Count), _) => WindowShape::Count { size: COUNT_SIZE },
        (_, Some(WindowSize::Span(span))) => time_window(layer, span),
        (_, None) => time_window(layer, SPAN),
    }
}

fn time_window(layer: &Layer, span: Duration) -> WindowShape {
    let written = layer.buckets.as_ref().and_then(|written| usize::try_from(written.value.0).ok());
    let buckets = written.unwrap_or_else(|| default_buckets(span)).max(1);
    let bucket = span.checked_div(u32::try_from(buckets).unwrap_or(u32::MAX)).unwrap_or(span);
    WindowShape::Time { bucket: bucket.max(BUCKET_MIN), buckets }
}

fn half_open(layer: &Layer, default: HalfOpen) -> HalfOpen {
    let successes = || layer.success_threshold.as_ref().map(|written| Verdict::Successes(written.value.0));
    let permits = layer.permits.as_ref().map(|written| Verdict::Permits(written.value.0));
    HalfOpen {
        verdict: permits.or_else(successes).unwrap_or(default.verdict),
        permit_lease: or(&layer.permit_lease, default.permit_lease),
        max_wait: or(&layer.max_wait, default.max_wait),
        after_max_wait: or(&layer.after_max_wait, default.after_max_wait),
    }
}

fn conditions(layer: &Layer, default: &Conditions) -> Conditions {
    let failure_threshold = or(&layer.failure_threshold, default.failure_threshold.map(Count));
    let failure_count = or(&layer.failure_count, default.failure_count.map(Count));
    let kinds = layer.kinds.iter().map(|(kind, conditions)| KindCondition {
        kind: kind.clone(),
        rate: or(&conditions.rate, None),
        count: or(&conditions.count, None).map(|count| count.0),
    });
    Conditions {
        failure_threshold: failure_threshold.map(|count| count.0),
        error_rate: or(&layer.error_rate, default.error_rate),
        slow_call_rate: or(&layer.slow_call_rate, default.slow_call_rate),
        slow_call_duration: or(&layer.slow_call_duration, default.slow_call_duration),
        timeout_rate: or(&layer.timeout_rate, default.timeout_rate),
        failure_count: failure_count.map(|count| count.0),
        average_response_time: or(&layer.average_response_time, default.average_response_time),
        kinds: kinds.filter(|kind| kind.rate.is_some() || kind.count.is_some()).collect(),
        sustained: or(&layer.sustained, default.sustained),
    }
}

fn window_layer(window: WindowShape) -> Layer {
    match window {
        WindowShape::Count { size } => Layer {
            window_type: unwritten(WindowType::Count),
            window_size: unwritten(WindowSize::Calls(Count(size as u64))),
            ..Layer::default()
        },
        WindowShape::Time { bucket, buckets } => Layer {
            window_type: unwritten(WindowType::Time),
            window_size: unwritten(WindowSize::Span(bucket.saturating_mul(u32::try_from(buckets).unwrap_or(u32::MAX)))),
            buckets: unwritten(Count(buckets as u64)),
            ..Layer::default()
        },
    }
}

fn conditions_layer(conditions: &Conditions, layer: &mut Layer) {
    layer.failure_threshold = unwritten(conditions.failure_threshold.map(Count));
    layer.error_rate = unwritten(conditions.error_rate);
    layer.slow_call_rate = unwritten(conditions.slow_call_rate);
    layer.slow_call_duration = unwritten(conditions.slow_call_duration);
    layer.timeout_rate = unwritten(conditions.timeout_rate);
    layer.failure_count = unwritten(conditions.failure_count.map(Count));
    layer.average_response_time = unwritten(conditions.average_response_time);
    layer.sustained = unwritten(conditions.sustained);
    let kinds = conditions.kinds.iter().map(|condition| {
        let count = unwritten(condition.count.map(Count));
        (condition.kind.clone(), KindLayer { rate: unwritten(condition.rate), count })
    });
    layer.kinds = BTreeMap::from_iter(kinds);
}

fn unwritten<T>(value: T) -> Option<Written<T>> {
    Some(Written { value, origin: None })
}

/// A window of time that says no size: ours, and Hystrix's.
pub(super) const SPAN: Duration = Duration::from_secs(10);

/// Its buckets: a tenth of the window leaves at once as time goes on.
const BUCKETS: usize = 10;

/// A count window that says no size: resilience4j's.
const COUNT_SIZE: usize = 100;

/// The longest backoff that is not written is so many recovery timeouts: two doublings.
const BACKOFF_MAX_FACTOR: u32 = 4;
