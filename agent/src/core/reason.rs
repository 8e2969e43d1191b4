//! Why a breaker is in the state it is in: a word for programs, a sentence for people, and the figures in it.
//!
//! Every transition and every rejection carries one, because "it is open" without "why" is what the peers' users
//! complain of first.

use std::fmt;
use std::time::Duration;

use super::outcome::Kind;
use super::policy::Rate;
use super::state::Word;

/// Why a breaker changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// So many failures in a row.
    ConsecutiveFailures {
        /// The row.
        failures: u64,
        /// The condition.
        threshold: u64,
    },
    /// The share of calls of some sort.
    Rate {
        /// Which sort.
        of: RateOf,
        /// Calls of that sort.
        part: u64,
        /// All calls.
        total: u64,
        /// The condition.
        threshold: Rate,
    },
    /// The number of failures of some sort in the window.
    Count {
        /// Which kind; `None` for all failures.
        kind: Option<Kind>,
        /// How many.
        failures: u64,
        /// The condition.
        threshold: u64,
    },
    /// The mean duration of the calls.
    AverageResponseTime {
        /// The mean.
        average: Duration,
        /// The condition.
        threshold: Duration,
    },
    /// The time in Open is over: probes may go.
    RecoveryTimeoutOver,
    /// So many probes succeeded.
    ProbesSucceeded {
        /// How many.
        probes: u64,
    },
    /// A probe failed.
    ProbeFailed,
    /// As many probes are out as may be.
    ProbesOut {
        /// How many.
        out: u64,
    },
    /// The agent has as many permits out as it may have, and this state lets nothing through without one.
    PermitsOut,
    /// A probe's permit ran out without an outcome.
    ProbeLeaseOver,
    /// HalfOpen waited too long for a verdict.
    MaxWaitOver,
    /// An operator said so.
    Operator(Option<Word>),
    /// The time an operator had given is over.
    OperatorHoldOver,
    /// The cluster finds the service failing, and this host judged so too.
    ClusterOpened {
        /// The opening.
        number: u64,
        /// Failed calls of the judged span.
        failed: u64,
        /// All calls of it.
        calls: u64,
        /// Hosts that find it failing.
        failing_hosts: u32,
        /// Callers heard.
        callers: u32,
        /// The judged span.
        span: Duration,
    },
    /// So many of the callers refuse the service already.
    ClusterAdopted {
        /// The opening.
        number: u64,
        /// Callers that are in it.
        hosts: u32,
        /// Callers heard.
        callers: u32,
    },
    /// The own calls fail, and those of peers did so too: their word lowered the threshold.
    ClusterHastened {
        /// Own failed calls of the judged span.
        failed: u32,
        /// Own calls of it.
        calls: u32,
        /// Hosts that find the service failing.
        failing_hosts: u32,
        /// Callers heard.
        callers: u32,
    },
    /// The opening is probed, one call of the whole cluster at a time, and this one is not its turn.
    NotOurProbe {
        /// The opening.
        number: u64,
    },
}

/// Which share of the calls a rate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateOf {
    /// Failed ones.
    Failures,
    /// Slow ones.
    SlowCalls,
    /// Those that timed out.
    Timeouts,
    /// Failures of one kind.
    Kind(Kind),
}

impl Reason {
    /// The word for programs; it never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConsecutiveFailures { .. } => "consecutive_failures",
            Self::Rate { of: RateOf::Failures, .. } => "failure_rate",
            Self::Rate { of: RateOf::SlowCalls, .. } => "slow_call_rate",
            Self::Rate { of: RateOf::Timeouts, .. } => "timeout_rate",
            Self::Rate { of: RateOf::Kind(_), .. } => "kind_rate",
            Self::Count { kind: None, .. } => "failure_count",
            Self::Count { kind: Some(_), .. } => "kind_count",
            Self::AverageResponseTime { .. } => "average_response_time",
            Self::RecoveryTimeoutOver => "recovery_timeout_over",
            Self::ProbesSucceeded { .. } => "probes_succeeded",
            Self::ProbeFailed => "probe_failed",
            Self::ProbesOut { .. } => "probes_out",
            Self::PermitsOut => "permits_out",
            Self::ProbeLeaseOver => "probe_lease_over",
            Self::MaxWaitOver => "max_wait_over",
            Self::Operator(_) => "operator",
            Self::OperatorHoldOver => "operator_hold_over",
            Self::ClusterOpened { .. } => "cluster_opened",
            Self::ClusterAdopted { .. } => "cluster_adopted",
            Self::ClusterHastened { .. } => "cluster_hastened",
            Self::NotOurProbe { .. } => "not_our_probe",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures { failures, threshold } => {
                write!(f, "{} in a row (limit {threshold})", many(*failures, "failure"))
            }
            Self::Rate { of, part, total, threshold } => {
                let rate = Rate::of(*part, *total).unwrap_or(Rate::ALL);
                write!(f, "{of} {rate} >= {threshold} ({part} of {total} calls)")
            }
            Self::Count { kind: None, failures, threshold } => {
                write!(f, "{} in the window (limit {threshold})", many(*failures, "failure"))
            }
            Self::Count { kind: Some(kind), failures, threshold } => {
                write!(f, "{} of kind {} in the window (limit {threshold})", many(*failures, "failure"), kind.as_str())
            }
            Self::AverageResponseTime { average, threshold } => {
                write!(f, "average response time {average:.1?} >= {threshold:.1?}")
            }
            Self::RecoveryTimeoutOver => write!(f, "recovery timeout over, probing"),
            Self::ProbesSucceeded { probes } => write!(f, "{} decided for closing", many(*probes, "probe")),
            Self::ProbeFailed => write!(f, "a probe failed"),
            Self::ProbesOut { out } => write!(f, "{} out, no more may go before that", many(*out, "probe")),
            Self::PermitsOut => write!(f, "the agent has no permit left to give"),
            Self::ProbeLeaseOver => write!(f, "a probe was never answered (its lease ran out)"),
            Self::MaxWaitOver => write!(f, "no verdict in half-open within its maximum wait"),
            Self::Operator(None) => write!(f, "an operator's action"),
            Self::Operator(Some(Word { uid, said: None })) => write!(f, "an operator's action (uid {uid})"),
            Self::Operator(Some(Word { uid, said: Some(said) })) => {
                write!(f, "an operator's action (uid {uid}: {said})")
            }
            Self::OperatorHoldOver => write!(f, "an operator's action has ended"),
            Self::ClusterOpened { number, failed, calls, failing_hosts, callers, span } => write!(
                f,
                "the cluster finds it failing: {failed} of {calls} calls of the last {span:?} failed on {failing_hosts} \
                 of {callers} hosts (opening {number})"
            ),
            Self::ClusterAdopted { number, hosts, callers } => {
                write!(f, "the cluster refuses it: {hosts} of {callers} hosts (opening {number})")
            }
            Self::ClusterHastened { failed, calls, failing_hosts, callers } => {
                write!(f, "{failed} of {calls} calls failed here, and it fails on {failing_hosts} of {callers} hosts")
            }
            Self::NotOurProbe { number } => {
                write!(f, "the cluster probes with one call at a time, and this is not its turn (opening {number})")
            }
        }
    }
}

impl fmt::Display for RateOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures => write!(f, "failure rate"),
            Self::SlowCalls => write!(f, "slow-call rate"),
            Self::Timeouts => write!(f, "timeout rate"),
            Self::Kind(kind) => write!(f, "rate of {}", kind.as_str()),
        }
    }
}

/// `1 probe`, `2 probes`.
fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
