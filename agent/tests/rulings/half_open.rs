//! Ruling 7: how HalfOpen decides, and how long it waits.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Success, Throttled, Timeout};
use breaker_agent::core::outcome::{Call, Outcome};
use breaker_agent::core::policy::{AfterMaxWait, Backoff, Jitter, Policy, Rate, Verdict};
use breaker_agent::core::state::{State, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, Stand, probed};

fn slow(outcome: Outcome) -> Call {
    Call { duration: Some(Duration::from_secs(60)), ..Call::of(outcome) }
}

fn half_open(policy: Policy) -> Stand {
    let mut stand = Stand::new(policy);
    stand.open(S).half_open(S);
    stand
}

fn last_reason(stand: &Stand) -> &'static str {
    stand.changes().last().expect("something changed").reason.code()
}

#[test]
fn by_success_threshold_k_successes_end_it_and_one_failure_of_any_sort_reopens() {
    let mut stand = half_open(probed(Verdict::Successes(2)));
    stand.call(S, Success);
    assert_eq!(stand.state(S), StateKind::HalfOpen);
    stand.call(S, Success);
    assert_eq!((stand.state(S), last_reason(&stand)), (StateKind::Closed, "probes_succeeded"));
    for outcome in [Failure, Timeout, Throttled] {
        let mut stand = half_open(probed(Verdict::Successes(2)));
        stand.call(S, Success);
        stand.call(S, outcome);
        assert_eq!((stand.state(S), last_reason(&stand)), (StateKind::Open, "probe_failed"));
    }
}

// k successes end it: how long they took is for the window to judge, once it is Closed.
#[test]
fn by_success_threshold_slow_successes_are_successes() {
    let mut policy = probed(Verdict::Successes(2));
    policy.conditions.slow_call_rate = Some(Rate::percent(1));
    policy.conditions.average_response_time = Some(Duration::from_millis(1));
    let mut stand = half_open(policy);
    stand.call_of(S, &slow(Success));
    stand.call_of(S, &slow(Success));
    assert_eq!(stand.state(S), StateKind::Closed);
}

#[test]
fn by_permits_the_rates_decide_after_the_last_outcome_and_not_before() {
    for (failures, state) in [(1, StateKind::Closed), (2, StateKind::Open), (3, StateKind::Open)] {
        let mut policy = probed(Verdict::Permits(4));
        policy.conditions.error_rate = Some(Rate::percent(50));
        let mut stand = half_open(policy);
        stand.calls(S, Failure, failures).calls(S, Success, 3 - failures);
        assert_eq!(stand.state(S), StateKind::HalfOpen, "{failures} failures of 3");
        stand.call(S, Success);
        assert_eq!(stand.state(S), state, "{failures} failures of 4");
    }
}

#[test]
fn by_permits_slow_calls_timeouts_and_the_average_decide_as_well() {
    let reason = |prepare: fn(&mut Policy), call: &Call| {
        let mut policy = probed(Verdict::Permits(2));
        policy.conditions.error_rate = Some(Rate::ALL);
        prepare(&mut policy);
        let mut stand = half_open(policy);
        stand.call(S, Success);
        stand.call_of(S, call);
        (stand.state(S), last_reason(&stand))
    };
    let open = |why| (StateKind::Open, why);
    assert_eq!(reason(|_| {}, &slow(Timeout)), (StateKind::Closed, "probes_succeeded"));
    let half = |policy: &mut Policy| policy.conditions.slow_call_rate = Some(Rate::percent(50));
    assert_eq!(reason(half, &slow(Success)), open("slow_call_rate"));
    let half = |policy: &mut Policy| policy.conditions.timeout_rate = Some(Rate::percent(50));
    assert_eq!(reason(half, &Call::of(Timeout)), open("timeout_rate"));
    let second = |policy: &mut Policy| policy.conditions.average_response_time = Some(Duration::from_secs(1));
    assert_eq!(reason(second, &slow(Success)), open("average_response_time"));
}

#[test]
fn by_permits_neither_the_minimum_nor_counts_and_rows_apply() {
    let mut policy = probed(Verdict::Permits(4));
    policy.minimum_throughput = 1_000;
    policy.conditions.error_rate = Some(Rate::percent(51));
    policy.conditions.failure_threshold = Some(1);
    policy.conditions.failure_count = Some(1);
    let mut stand = half_open(policy);
    stand.calls(S, Failure, 2).calls(S, Success, 2);
    assert_eq!(stand.state(S), StateKind::Closed);
}

// A policy may trip on a row of failures alone; its probes must be judged by something.
#[test]
fn by_permits_a_policy_without_an_error_rate_is_judged_by_the_default_one() {
    for (failures, state) in [(1, StateKind::Closed), (2, StateKind::Open)] {
        let mut stand = half_open(probed(Verdict::Permits(4)));
        stand.calls(S, Failure, failures).calls(S, Success, 4 - failures);
        assert_eq!(stand.state(S), state);
    }
}

#[test]
fn the_maximum_wait_counts_from_entry_to_the_nanosecond_whatever_happens_meanwhile() {
    let mut policy = probed(Verdict::Successes(3));
    policy.half_open.max_wait = Duration::from_secs(5);
    let mut stand = Stand::new(policy);
    stand.calls(S, Failure, 3).at_ms(1_500).call(S, Success);
    stand.at_ms(6_000).call(S, Success);
    stand.now = MonoTime::from_nanos(6_499_999_999);
    assert_eq!(stand.advance().state(S), StateKind::HalfOpen);
    assert_eq!(stand.at_ms(6_500).advance().state(S), StateKind::Open);
    assert_eq!(last_reason(&stand), "max_wait_over");
}

#[test]
fn after_the_maximum_wait_it_repeats_the_last_open_time_without_growth() {
    let mut policy = probed(Verdict::Successes(3));
    policy.backoff = Backoff { multiplier_milli: 2_000, max: Duration::from_secs(60), jitter: Jitter::Equal };
    policy.half_open.max_wait = Duration::from_secs(5);
    let mut stand = Stand::new(policy);
    let open_for = |stand: &Stand| match stand.registry.view(S).expect("tracked").breaker().state() {
        State::Open { until } => until.since(stand.now),
        state => panic!("not Open: {state:?}"),
    };
    stand.calls(S, Failure, 3);
    let first = open_for(&stand);
    for _ in 0..5 {
        stand.now = stand.now + first;
        stand.permit(S);
        stand.wait_ms(5_000).advance();
        assert_eq!(open_for(&stand), first, "the same to the nanosecond: what was drawn is kept");
    }
    stand.now = stand.now + first;
    stand.call(S, Failure);
    let second = open_for(&stand);
    assert!(second >= Duration::from_secs(1) && second <= Duration::from_secs(2), "{second:?}: the second step");
}

#[test]
fn after_the_maximum_wait_it_may_close_with_an_empty_window() {
    let mut policy = probed(Verdict::Successes(3));
    policy.half_open.after_max_wait = AfterMaxWait::Closed;
    let mut stand = half_open(policy);
    stand.call(S, Success);
    stand.at_ms(60_000).advance();
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 0));
}
