//! The policy of one service: when its breaker trips, how long it stays open, how it comes back.
//!
//! Plain data, complete and consistent: the configuration merges layers, checks them, and builds this; nothing below
//! re-checks. Defaults are those of the field's practice (resilience4j's rate and 10-call half-open, Hystrix's 10 s
//! window and 20 calls, Envoy's 30 s), with leases and jitter on, because their absence is what the peers' users
//! report most.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::{Call, Kind, Outcome};

/// Everything a breaker needs to know to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Over which calls the rates are taken.
    pub window: WindowShape,
    /// Below so many calls in the window every rate and the average are undefined. At least 1.
    pub minimum_throughput: u64,
    /// What trips.
    pub conditions: Conditions,
    /// Kinds that count as failures; empty means all. A failure of another kind counts as a success.
    pub exceptions: Vec<Kind>,
    /// Kinds that count nowhere.
    pub ignore: Vec<Kind>,
    /// How long Open lasts the first time.
    pub recovery_timeout: Duration,
    /// How that grows.
    pub backoff: Backoff,
    /// How HalfOpen decides.
    pub half_open: HalfOpen,
    /// How long a call may take at most where the client does not say; `None` for no limit.
    pub timeout: Option<Duration>,
    /// For which part of the calls a refusal is enforced.
    pub enforce: Rate,
}

/// What the configuration says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Its policy, admitted or not: the ancestors of an admitted service have breakers too.
    pub policy: Arc<Policy>,
    /// Whether it may be asked for.
    pub admission: Admission,
}

/// Whether a service may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// Only services below it may, and have its breaker above them.
    OnlyAbove,
}

/// Which calls a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowShape {
    /// The last `size` outcomes.
    Count {
        /// At least 1, at most [`COUNT_SIZE_MAX`].
        size: usize,
    },
    /// The current bucket and the `buckets - 1` before it.
    Time {
        /// How long one bucket is; at least 1 ms.
        bucket: Duration,
        /// How many; at least 1, at most [`BUCKETS_MAX`].
        buckets: usize,
    },
}

/// What trips a breaker: any of these that is not `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// So many failures in a row. Throttled calls neither count nor end the row.
    pub failure_threshold: Option<u64>,
    /// Failed share of the calls.
    pub error_rate: Option<Rate>,
    /// Slow share of the calls.
    pub slow_call_rate: Option<Rate>,
    /// A call that took longer is slow.
    pub slow_call_duration: Duration,
    /// Share of the calls that timed out.
    pub timeout_rate: Option<Rate>,
    /// So many failed calls in the window.
    pub failure_count: Option<u64>,
    /// Mean duration of the calls whose duration is known.
    pub average_response_time: Option<Duration>,
    /// Conditions for single kinds of failure. At most [`KINDS_MAX`].
    pub kinds: Vec<KindCondition>,
    /// How long a condition must hold before it trips; `None` for at once.
    pub sustained: Option<Duration>,
}

/// Conditions for one kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindCondition {
    /// The kind.
    pub kind: Kind,
    /// Its share of the calls.
    pub rate: Option<Rate>,
    /// So many of it in the window.
    pub count: Option<u64>,
}

/// How the time in Open grows with consecutive openings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Each opening's time is the last one's times this, in thousandths. At least 1,000.
    pub multiplier_milli: u32,
    /// Never longer than this, before jitter; at least `recovery_timeout`.
    pub max: Duration,
    /// What chance takes off.
    pub jitter: Jitter,
}

/// What chance takes off a time d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// d/2 + uniform(0, d/2).
    Equal,
    /// uniform(0, d).
    Full,
    /// d.
    None,
}

/// How HalfOpen decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfOpen {
    /// What ends it.
    pub verdict: Verdict,
    /// How long a permit is good for, in every state.
    pub permit_lease: Duration,
    /// How long it may go on without a verdict, from its entry.
    pub max_wait: Duration,
    /// Where it goes then.
    pub after_max_wait: AfterMaxWait,
}

/// What ends HalfOpen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So many outcomes, judged by the rates.
    Permits(u64),
    /// So many successes; one failure reopens.
    Successes(u64),
}

/// Where HalfOpen goes when it has waited too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterMaxWait {
    /// Back to Open, for as long as the last time.
    Open,
    /// To Closed.
    Closed,
}

/// A share in parts per million, at most all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u32);

impl Rate {
    /// All of it.
    pub const ALL: Self = Self(1_000_000);

    /// So many parts per million; `None` above a million.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= Self::ALL.0 { Some(Self(ppm)) } else { None }
    }

    /// So many percent.
    ///
    /// # Panics
    /// Above 100: for constants only.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        match Self::from_ppm(percent.saturating_mul(10_000)) {
            Some(rate) => rate,
            None => panic!("invariant: a constant rate is at most 100 %"),
        }
    }

    /// Parts per million.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// Whether `part` of `whole` is at least this rate, in integers.
    #[must_use]
    pub fn is_reached_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 >= u128::from(self.0) * u128::from(whole)
    }

    /// The rate that `part` of `whole` is, rounded down; `None` of nothing.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let ppm = (u128::from(part.min(whole)) * 1_000_000).checked_div(u128::from(whole))?;
        u32::try_from(ppm).ok().map(Self)
    }
}

impl std::fmt::Display for Rate {
    /// As people write it: `50 %`, `12.5 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        match format!("{rest:04}").trim_end_matches('0') {
            "" => write!(f, "{whole} %"),
            decimals => write!(f, "{whole}.{decimals} %"),
        }
    }
}

impl Policy {
    /// What a reported outcome counts as under this policy's `exceptions` and `ignore`.
    ///
    /// A timeout has the kind `timeout`, whatever else was said. A failure without a kind is always a failure.
    #[must_use]
    pub fn classify(&self, call: &Call) -> Outcome {
        let named = |kinds: &[Kind], word| kinds.iter().any(|kind| kind.as_str() == word);
        match call.kind_of_failure() {
            Some(word) if named(&self.ignore, word) => Outcome::Ignored,
            Some(word) if !self.exceptions.is_empty() && !named(&self.exceptions, word) => Outcome::Success,
            Some(_) | None => call.outcome,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            window: WindowShape::Time { bucket: Duration::from_secs(1), buckets: 10 },
            minimum_throughput: 20,
            conditions: Conditions::default(),
            exceptions: Vec::new(),
            ignore: Vec::new(),
            recovery_timeout: RECOVERY_TIMEOUT,
            backoff: Backoff { multiplier_milli: 2_000, max: RECOVERY_TIMEOUT * 4, jitter: Jitter::Equal },
            half_open: HalfOpen {
                verdict: Verdict::Successes(3),
                permit_lease: Duration::from_secs(30),
                max_wait: Duration::from_secs(60),
                after_max_wait: AfterMaxWait::Open,
            },
            timeout: None,
            enforce: Rate::ALL,
        }
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            failure_threshold: Some(10),
            error_rate: Some(DEFAULT_ERROR_RATE),
            slow_call_rate: None,
            slow_call_duration: Duration::from_secs(5),
            timeout_rate: None,
            failure_count: None,
            average_response_time: None,
            kinds: Vec::new(),
            sustained: None,
        }
    }
}

/// The rate that judges where a policy's own is off and one is needed (the verdict of HalfOpen by permits).
pub const DEFAULT_ERROR_RATE: Rate = Rate::percent(50);

/// Largest count window: 10,000 services with windows of this size are the agent's worst case (about 1.6 GB), and a
/// breaker that needs more outcomes than this to judge is no breaker.
pub const COUNT_SIZE_MAX: usize = 10_000;

/// Most buckets of a time window: finer than a thousandth of the window changes no decision.
pub const BUCKETS_MAX: usize = 1_000;

/// Most kinds of failure with conditions of their own: each costs a counter in every bucket.
pub const KINDS_MAX: usize = 16;

/// Most levels below a service ([`super::service::SEGMENTS_MAX`] less one).
pub const SEGMENTS_BELOW_MAX: usize = super::service::SEGMENTS_MAX - 1;

const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
