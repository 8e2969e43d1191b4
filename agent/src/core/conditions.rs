//! Which conditions of a policy hold for given counts. Pure arithmetic, in integers.
//!
//! A rate trips at or above its threshold (of six peers with a rate, four do it so; with `>` a threshold of 100 %
//! needs a special case), and only if at least one call of its sort is there, so that 0 % means "any". Below the
//! minimum throughput rates and the average are undefined; counts and the run of failures are not. The run is asked
//! first: where several hold, the one that is sure soonest names the trip.

use super::counts::Tally;
use super::policy::{Conditions, DEFAULT_ERROR_RATE, Policy, Rate};
use super::reason::{RateOf, Reason};

/// One thing that can trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Consecutive failures.
    Run,
    /// Share of failed calls.
    FailureRate,
    /// Share of slow calls.
    SlowCallRate,
    /// Share of calls that timed out.
    TimeoutRate,
    /// Failed calls in the window.
    FailureCount,
    /// Mean duration.
    AverageResponseTime,
    /// Share of failures of the policy's n-th kind.
    KindRate(usize),
    /// Number of failures of the policy's n-th kind.
    KindCount(usize),
}

impl Condition {
    /// Every condition a policy can have, in the order they are asked.
    pub fn all(conditions: &Conditions) -> impl Iterator<Item = Self> + use<> {
        let kinds = conditions.kinds.len();
        ALWAYS.into_iter().chain((0..kinds).flat_map(|kind| [Self::KindRate(kind), Self::KindCount(kind)]))
    }

    /// Why it holds for a window with these sums after a run of so many failures, if it does.
    #[must_use]
    pub fn holds(self, policy: &Policy, tally: &Tally, run: u64) -> Option<Reason> {
        let conditions = &policy.conditions;
        match self {
            Self::Run => conditions
                .failure_threshold
                .filter(|threshold| run >= *threshold)
                .map(|threshold| Reason::ConsecutiveFailures { failures: run, threshold }),
            Self::FailureCount => {
                let failures = tally.counts().failed;
                reached(failures, conditions.failure_count).map(|threshold| Reason::Count {
                    kind: None,
                    failures,
                    threshold,
                })
            }
            Self::KindCount(index) => {
                let condition = conditions.kinds.get(index)?;
                let failures = tally.of_kind(index);
                let threshold = reached(failures, condition.count)?;
                Some(Reason::Count { kind: Some(condition.kind.clone()), failures, threshold })
            }
            Self::FailureRate | Self::SlowCallRate | Self::TimeoutRate | Self::AverageResponseTime => {
                self.share_holds(policy, conditions.error_rate, policy.minimum_throughput, tally)
            }
            Self::KindRate(_) => self.share_holds(policy, None, policy.minimum_throughput, tally),
        }
    }

    /// As [`Condition::holds`] for the verdict of HalfOpen after all its outcomes: rates and the average only, without
    /// a minimum, and by the default rate of failures where the policy has none.
    #[must_use]
    pub fn holds_for_probes(self, policy: &Policy, probes: &Tally) -> Option<Reason> {
        match self {
            Self::Run | Self::FailureCount | Self::KindCount(_) => None,
            Self::FailureRate
            | Self::SlowCallRate
            | Self::TimeoutRate
            | Self::AverageResponseTime
            | Self::KindRate(_) => {
                let error_rate = policy.conditions.error_rate.unwrap_or(DEFAULT_ERROR_RATE);
                self.share_holds(policy, Some(error_rate), 1, probes)
            }
        }
    }

    /// The conditions that are about calls in proportion, and so undefined below a minimum of calls.
    fn share_holds(self, policy: &Policy, error_rate: Option<Rate>, minimum: u64, tally: &Tally) -> Option<Reason> {
        let (conditions, counts) = (&policy.conditions, tally.counts());
        if counts.total < minimum {
            return None;
        }
        match self {
            Self::FailureRate => rate(RateOf::Failures, counts.failed, counts.total, error_rate),
            Self::SlowCallRate => rate(RateOf::SlowCalls, counts.slow, counts.total, conditions.slow_call_rate),
            Self::TimeoutRate => rate(RateOf::Timeouts, counts.timeouts, counts.total, conditions.timeout_rate),
            Self::KindRate(index) => {
                let condition = conditions.kinds.get(index)?;
                rate(RateOf::Kind(condition.kind.clone()), tally.of_kind(index), counts.total, condition.rate)
            }
            Self::AverageResponseTime => {
                let threshold = conditions.average_response_time?;
                let average = counts.average()?;
                (average >= threshold).then_some(Reason::AverageResponseTime { average, threshold })
            }
            Self::Run | Self::FailureCount | Self::KindCount(_) => None,
        }
    }
}

/// The first condition that holds, with why.
#[must_use]
#[inline]
pub fn first(policy: &Policy, tally: &Tally, run: u64) -> Option<Reason> {
    let counts = tally.counts();
    // Nearly every call there is ends here: whatever can hold needs a failure or a slow call, but for the average.
    if counts.failed + counts.slow + run == 0 && policy.conditions.average_response_time.is_none() {
        return None;
    }
    first_of_all(policy, tally, run)
}

fn first_of_all(policy: &Policy, tally: &Tally, run: u64) -> Option<Reason> {
    Condition::all(&policy.conditions).find_map(|condition| condition.holds(policy, tally, run))
}

/// The first condition that a full set of probes meets, with why.
#[must_use]
pub fn first_for_probes(policy: &Policy, probes: &Tally) -> Option<Reason> {
    Condition::all(&policy.conditions).find_map(|condition| condition.holds_for_probes(policy, probes))
}

fn rate(of: RateOf, part: u64, total: u64, threshold: Option<Rate>) -> Option<Reason> {
    let threshold = threshold?;
    (part > 0 && threshold.is_reached_by(part, total)).then_some(Reason::Rate { of, part, total, threshold })
}

fn reached(count: u64, threshold: Option<u64>) -> Option<u64> {
    threshold.filter(|threshold| count > 0 && count >= *threshold)
}

const ALWAYS: [Condition; 6] = [
    Condition::Run,
    Condition::FailureRate,
    Condition::SlowCallRate,
    Condition::TimeoutRate,
    Condition::FailureCount,
    Condition::AverageResponseTime,
];
