//! Random policies, calls and steps, small enough that everything happens often.

use std::time::Duration;

use breaker_agent::core::outcome::{Call, Kind, Origin, Outcome};
use breaker_agent::core::policy::{
    AfterMaxWait, Backoff, Conditions, HalfOpen, Jitter, KindCondition, Policy, Rate, Verdict, WindowShape,
};
use breaker_agent::core::state::StateKind;
use proptest::prelude::*;

use crate::conditions::Done;

/// What may happen to one service.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Ask, and keep the permit.
    Ask {
        holder: u64,
        timeout_ms: Option<u64>,
    },
    /// Ask, and report at once if permitted.
    Call(Done),
    /// Report with one of the permits there ever were.
    Report(prop::sample::Index, Done),
    Unasked(Done),
    Lose(u64),
    Wait(u64),
    Hold(StateKind, Option<u64>),
    ForceClose,
    Reset,
    Open(Option<u64>),
    HalfOpen,
}

pub(crate) fn any_step() -> impl Strategy<Value = Step> {
    let holds = prop_oneof![Just(StateKind::ForcedOpen), Just(StateKind::Disabled), Just(StateKind::MetricsOnly)];
    let for_ms = prop::option::of(0_u64..5_000);
    prop_oneof![
        6 => (0_u64..3, prop::option::weighted(0.2, 0_u64..8_000))
            .prop_map(|(holder, timeout_ms)| Step::Ask { holder, timeout_ms }),
        12 => any_done().prop_map(Step::Call),
        8 => (any::<prop::sample::Index>(), any_done()).prop_map(|(at, done)| Step::Report(at, done)),
        2 => any_done().prop_map(Step::Unasked),
        1 => (0_u64..3).prop_map(Step::Lose),
        10 => any_wait().prop_map(Step::Wait),
        1 => (holds, for_ms).prop_map(|(state, ms)| Step::Hold(state, ms)),
        1 => prop_oneof![Just(Step::ForceClose), Just(Step::Reset), Just(Step::HalfOpen)],
        1 => prop::option::of(1_u64..5_000).prop_map(Step::Open),
    ]
}

pub(crate) fn any_wait() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => Just(0),
        8 => 1_u64..400,
        4 => prop_oneof![Just(500), Just(1_000), Just(2_000), Just(3_000), Just(9_999), Just(10_000)],
        1 => Just(60 * 86_400_000),
    ]
}

pub(crate) fn any_done() -> impl Strategy<Value = Done> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        4 => Just(Outcome::Failure),
        2 => Just(Outcome::Timeout),
        1 => Just(Outcome::Throttled),
        1 => Just(Outcome::Ignored),
        1 => Just(Outcome::Cancelled),
    ];
    (outcome, prop::option::of(0_u64..300), any::<bool>()).prop_map(|(outcome, ms, special)| {
        let special = special && matches!(outcome, Outcome::Failure | Outcome::Throttled);
        Done { outcome, ms, special }
    })
}

/// As the application would report it.
pub(crate) fn call_of(done: Done) -> Call {
    let kind = if done.special { "ConnectionException" } else { "other" };
    Call {
        outcome: done.outcome,
        duration: done.ms.map(Duration::from_millis),
        kind: (done.outcome != Outcome::Success).then(|| Kind::parse(kind).expect("a kind")),
        origin: Origin::Service,
    }
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    (any_window(), 1_u64..5, any_conditions(), any_backoff(), any_half_open(), any_enforce()).prop_map(
        |(window, minimum_throughput, conditions, backoff, half_open, enforce)| Policy {
            window,
            minimum_throughput,
            conditions,
            recovery_timeout: Duration::from_secs(1),
            backoff,
            half_open,
            enforce,
            ..Policy::default()
        },
    )
}

fn any_window() -> impl Strategy<Value = WindowShape> {
    prop_oneof![
        (1_usize..7).prop_map(|size| WindowShape::Count { size }),
        (prop_oneof![Just(1), Just(100), Just(999), Just(1_000)], 1_usize..5)
            .prop_map(|(ms, buckets)| WindowShape::Time { bucket: Duration::from_millis(ms), buckets }),
    ]
}

fn any_rate() -> impl Strategy<Value = Option<Rate>> {
    let percents = prop_oneof![Just(0), Just(30), Just(50), Just(51), Just(100)];
    prop::option::of(percents.prop_map(Rate::percent))
}

fn any_conditions() -> impl Strategy<Value = Conditions> {
    let counts = || prop::option::weighted(0.3, 1_u64..5);
    let rates = (any_rate(), any_rate(), any_rate());
    let kind = prop::option::weighted(0.3, (any_rate(), counts()));
    let average = prop::option::weighted(0.3, prop_oneof![Just(100), Just(200)]);
    let sustained = prop::option::weighted(0.4, prop_oneof![Just(0), Just(300), Just(1_500)]);
    (counts(), rates, counts(), kind, average, sustained).prop_map(|(run, rates, count, kind, average, sustained)| {
        let connect = || Kind::parse("connect").expect("a kind");
        Conditions {
            failure_threshold: run,
            error_rate: rates.0,
            slow_call_rate: rates.1,
            slow_call_duration: Duration::from_millis(200),
            timeout_rate: rates.2,
            failure_count: count,
            average_response_time: average.map(Duration::from_millis),
            kinds: kind.into_iter().map(|(rate, count)| KindCondition { kind: connect(), rate, count }).collect(),
            sustained: sustained.map(Duration::from_millis),
        }
    })
}

fn any_backoff() -> impl Strategy<Value = Backoff> {
    (prop_oneof![Just(1_000), Just(1_500), Just(2_000)], 1_u64..6).prop_map(|(multiplier_milli, max_s)| Backoff {
        multiplier_milli,
        max: Duration::from_secs(max_s),
        jitter: Jitter::None,
    })
}

fn any_half_open() -> impl Strategy<Value = HalfOpen> {
    let verdict = prop_oneof![(1_u64..4).prop_map(Verdict::Permits), (1_u64..4).prop_map(Verdict::Successes)];
    let after = prop_oneof![Just(AfterMaxWait::Open), Just(AfterMaxWait::Closed)];
    (verdict, 100_u64..3_000, 100_u64..4_000, after).prop_map(|(verdict, lease_ms, wait_ms, after_max_wait)| {
        let (permit_lease, max_wait) = (Duration::from_millis(lease_ms), Duration::from_millis(wait_ms));
        HalfOpen { verdict, permit_lease, max_wait, after_max_wait }
    })
}

fn any_enforce() -> impl Strategy<Value = Rate> {
    prop_oneof![5 => Just(100), 1 => Just(0), 1 => Just(33), 1 => Just(99)].prop_map(Rate::percent)
}
