//! Which conditions hold for a list of calls: each worked out from the list by itself.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::policy::{Policy, Rate};

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) ms: Option<u64>,
    /// Whether its kind is the one with conditions of its own.
    pub(crate) special: bool,
}

impl Done {
    pub(crate) fn is_slow(&self, policy: &Policy) -> bool {
        self.ms.is_some_and(|ms| Duration::from_millis(ms) > policy.conditions.slow_call_duration)
    }
}

/// Which conditions hold, in the order they are asked.
pub(crate) fn conditions(
    policy: &Policy,
    calls: &[Done],
    run: u64,
    minimum: u64,
    error_rate: Option<Rate>,
) -> Vec<Option<&'static str>> {
    let wanted = &policy.conditions;
    let count = |is: &dyn Fn(&Done) -> bool| calls.iter().filter(|call| is(call)).count() as u64;
    let failed = count(&|call| call.outcome != Outcome::Success);
    let special = count(&|call| call.outcome != Outcome::Success && call.special);
    let rate = |part: u64, threshold: Option<Rate>| {
        let (total, enough) = (calls.len() as u64, calls.len() as u64 >= minimum);
        enough && part > 0 && threshold.is_some_and(|rate| part * 1_000_000 >= u64::from(rate.ppm()) * total)
    };
    let times: Vec<u64> = calls.iter().filter_map(|call| call.ms).collect();
    let slow = calls.iter().filter(|call| call.is_slow(policy)).count() as u64;
    let kind = wanted.kinds.first();
    let average = wanted.average_response_time.is_some_and(|limit| {
        let sum = Duration::from_millis(times.iter().sum());
        !times.is_empty() && calls.len() as u64 >= minimum && sum / times.len() as u32 >= limit
    });
    let named = |holds: bool, name: &'static str| holds.then_some(name);
    vec![
        named(wanted.failure_threshold.is_some_and(|threshold| run >= threshold), "consecutive_failures"),
        named(rate(failed, error_rate), "failure_rate"),
        named(rate(slow, wanted.slow_call_rate), "slow_call_rate"),
        named(rate(count(&|call| call.outcome == Outcome::Timeout), wanted.timeout_rate), "timeout_rate"),
        named(wanted.failure_count.is_some_and(|threshold| failed >= threshold), "failure_count"),
        named(average, "average_response_time"),
        named(rate(special, kind.and_then(|kind| kind.rate)), "kind_rate"),
        named(kind.and_then(|kind| kind.count).is_some_and(|threshold| special >= threshold), "kind_count"),
    ]
}
