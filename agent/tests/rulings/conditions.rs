//! Rulings 1, 2, 4 and 5: what trips, at exactly how much, and what it is called.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Ignored, Success, Throttled, Timeout};
use breaker_agent::core::outcome::{Call, Kind, Origin, Outcome};
use breaker_agent::core::policy::{Conditions, KindCondition, Policy, Rate};
use breaker_agent::core::state::StateKind;

use crate::stand::{S, Stand, half_of};

/// Nothing trips but what a test asks for; the last 100 calls, from 4 on.
fn only(conditions: impl FnOnce(&mut Conditions)) -> Stand {
    let mut policy = half_of(100, 4);
    policy.conditions.error_rate = None;
    conditions(&mut policy.conditions);
    Stand::new(policy)
}

fn took(outcome: Outcome, ms: u64) -> Call {
    Call { duration: Some(Duration::from_millis(ms)), ..Call::of(outcome) }
}

fn of_kind(outcome: Outcome, kind: &str) -> Call {
    Call { kind: Some(Kind::parse(kind).expect("a kind")), ..Call::of(outcome) }
}

/// The word for why it opened; `None` while it is Closed.
fn why(stand: &Stand) -> Option<&'static str> {
    match stand.state(S) {
        StateKind::Open => Some(stand.changes().last().expect("it opened").reason.code()),
        _ => None,
    }
}

#[test]
fn a_rate_is_undefined_below_the_minimum_and_judged_at_exactly_the_threshold() {
    let mut stand = only(|conditions| conditions.error_rate = Some(Rate::percent(50)));
    stand.calls(S, Failure, 3);
    assert_eq!(why(&stand), None, "3 of 3 failed, but 4 are needed");
    stand.call(S, Success);
    assert_eq!(why(&stand), Some("failure_rate"), "a success completes the minimum: 3 of 4");

    let mut stand = only(|conditions| conditions.error_rate = Some(Rate::percent(50)));
    stand.calls(S, Success, 4).calls(S, Failure, 3);
    assert_eq!(why(&stand), None, "3 of 7");
    stand.call(S, Failure);
    assert_eq!(why(&stand), Some("failure_rate"), "4 of 8 is 50 %");
}

// In floating point 0.1 x 3 is more than 0.3: here a third is compared in integers.
#[test]
fn a_rate_is_compared_without_rounding() {
    let third = Rate::from_ppm(333_333).expect("a rate");
    let mut stand = only(|conditions| conditions.error_rate = Some(third));
    stand.calls(S, Success, 4).calls(S, Failure, 2);
    assert_eq!(why(&stand), Some("failure_rate"), "2 of 6 is a little more than 33.3333 %");

    let above = Rate::from_ppm(333_334).expect("a rate");
    let mut stand = only(|conditions| conditions.error_rate = Some(above));
    stand.calls(S, Success, 4).calls(S, Failure, 2);
    assert_eq!(why(&stand), None);
}

#[test]
fn a_threshold_of_nothing_trips_by_the_first_of_its_kind_and_not_before() {
    let mut stand = only(|conditions| conditions.error_rate = Some(Rate::percent(0)));
    stand.calls(S, Success, 50);
    assert_eq!(why(&stand), None);
    stand.call(S, Failure);
    assert_eq!(why(&stand), Some("failure_rate"));
}

#[test]
fn all_of_the_calls_is_a_threshold_that_can_be_reached() {
    let mut stand = only(|conditions| conditions.error_rate = Some(Rate::ALL));
    stand.calls(S, Failure, 4);
    assert_eq!(why(&stand), Some("failure_rate"));
}

#[test]
fn the_minimum_is_nothing_to_counts_and_to_consecutive_failures() {
    let mut stand = only(|conditions| conditions.failure_threshold = Some(2));
    stand.calls(S, Failure, 2);
    assert_eq!(why(&stand), Some("consecutive_failures"));

    let mut stand = only(|conditions| conditions.failure_count = Some(2));
    stand.call(S, Failure);
    stand.call(S, Success);
    assert_eq!(why(&stand), None);
    stand.call(S, Failure);
    assert_eq!(why(&stand), Some("failure_count"), "they need not be consecutive");
}

#[test]
fn slow_is_longer_than_the_limit_whether_the_call_failed_or_not() {
    let limit = |conditions: &mut Conditions| {
        conditions.slow_call_rate = Some(Rate::percent(50));
        conditions.slow_call_duration = Duration::from_millis(100);
    };
    let mut stand = only(limit);
    for _ in 0..50 {
        stand.call_of(S, &took(Success, 100));
    }
    stand.calls(S, Success, 50);
    assert_eq!((why(&stand), stand.counts(S).slow), (None, 0), "exactly the limit, and of unknown length");

    let mut stand = only(limit);
    stand.calls(S, Success, 2);
    stand.call_of(S, &took(Success, 101));
    assert_eq!(why(&stand), None);
    stand.call_of(S, &took(Failure, 101));
    assert_eq!((why(&stand), stand.counts(S).slow, stand.counts(S).failed), (Some("slow_call_rate"), 2, 1));
}

#[test]
fn timeouts_have_a_rate_of_their_own_and_are_failures_too() {
    let mut stand = only(|conditions| conditions.timeout_rate = Some(Rate::percent(50)));
    stand.calls(S, Failure, 2).calls(S, Timeout, 1);
    assert_eq!(why(&stand), None);
    stand.call(S, Timeout);
    assert_eq!((why(&stand), stand.counts(S).failed, stand.counts(S).timeouts), (Some("timeout_rate"), 4, 2));
}

#[test]
fn the_average_is_over_calls_of_known_length_and_trips_at_its_threshold() {
    let average = |conditions: &mut Conditions| {
        conditions.average_response_time = Some(Duration::from_millis(100));
    };
    let mut stand = only(average);
    for ms in [50, 150, 99] {
        stand.call_of(S, &took(Success, ms));
    }
    stand.call(S, Success);
    assert_eq!(why(&stand), None, "299 ms in 3 calls; the fourth says nothing");
    stand.call_of(S, &took(Success, 101));
    assert_eq!(why(&stand), Some("average_response_time"), "400 ms in 4");

    let mut stand = only(average);
    stand.calls(S, Success, 50);
    assert_eq!(why(&stand), None, "no call of known length");
    let mut stand = only(average);
    for _ in 0..3 {
        stand.call_of(S, &took(Success, 1_000));
    }
    assert_eq!(why(&stand), None, "the minimum applies");
}

#[test]
fn throttled_calls_are_failures_in_a_rate_and_neither_make_nor_break_a_row() {
    let mut stand = only(|conditions| conditions.failure_threshold = Some(3));
    stand.calls(S, Failure, 2).calls(S, Throttled, 10);
    assert_eq!(why(&stand), None);
    stand.call(S, Failure);
    assert_eq!(why(&stand), Some("consecutive_failures"));

    let mut stand = only(|conditions| conditions.error_rate = Some(Rate::percent(50)));
    stand.calls(S, Throttled, 4);
    assert_eq!(why(&stand), Some("failure_rate"));
}

#[test]
fn where_several_hold_the_row_of_failures_names_the_trip() {
    let mut stand = only(|conditions| {
        conditions.failure_threshold = Some(4);
        conditions.error_rate = Some(Rate::percent(50));
        conditions.failure_count = Some(4);
    });
    stand.calls(S, Failure, 4);
    assert_eq!(why(&stand), Some("consecutive_failures"));
}

#[test]
fn a_kind_has_a_rate_and_a_count_of_its_own() {
    let connect = |rate, count| {
        move |conditions: &mut Conditions| {
            conditions.kinds = vec![KindCondition { kind: Kind::parse("connect").expect("a kind"), rate, count }];
        }
    };
    let mut stand = only(connect(None, Some(2)));
    stand.calls(S, Failure, 10);
    stand.call_of(S, &of_kind(Failure, "connect"));
    assert_eq!(why(&stand), None);
    stand.call_of(S, &of_kind(Failure, "ConnectionException"));
    assert_eq!(why(&stand), Some("kind_count"));

    let mut stand = only(connect(Some(Rate::percent(25)), None));
    stand.calls(S, Success, 3);
    stand.call_of(S, &of_kind(Success, "connect"));
    assert_eq!(why(&stand), None, "a success has no kind of failure");
    stand.call_of(S, &of_kind(Failure, "connect"));
    assert_eq!(why(&stand), None, "1 of 5");
    stand.call_of(S, &of_kind(Failure, "connect"));
    assert_eq!(why(&stand), Some("kind_rate"), "2 of 6");
}

#[test]
fn with_exceptions_only_the_named_kinds_fail_and_ignored_ones_count_nowhere() {
    let kinds = |words: &[&str]| words.iter().map(|word| Kind::parse(word).expect("a kind")).collect();
    let policy = Policy {
        exceptions: kinds(&["TimeoutException", "http_503"]),
        ignore: kinds(&["ValidationException"]),
        ..half_of(100, 1_000)
    };
    let mut stand = Stand::new(policy);
    let seen = |stand: &mut Stand, call: &Call| {
        let before = stand.counts(S);
        stand.call_of(S, call);
        (stand.counts(S).total - before.total, stand.counts(S).failed - before.failed)
    };
    assert_eq!(seen(&mut stand, &Call::of(Timeout)), (1, 1));
    assert_eq!(seen(&mut stand, &of_kind(Failure, "timeout")), (1, 1));
    assert_eq!(seen(&mut stand, &of_kind(Failure, "http_503")), (1, 1));
    assert_eq!(seen(&mut stand, &of_kind(Failure, "http_404")), (1, 0), "a failure of another kind is a success");
    assert_eq!(seen(&mut stand, &Call::of(Failure)), (1, 1), "one without a kind is always a failure");
    assert_eq!(seen(&mut stand, &of_kind(Failure, "ValidationException")), (0, 0));
    assert_eq!(seen(&mut stand, &Call::of(Ignored)), (0, 0));
}

// The host's own fault trips the host's own breaker, but is not told to peers.
#[test]
fn a_failure_of_the_hosts_own_making_trips_and_is_left_out_of_the_digest() {
    let mut stand = only(|conditions| conditions.failure_threshold = Some(3));
    let no_route = Call { origin: Origin::Host, ..Call::of(Failure) };
    stand.call_of(S, &no_route);
    let now = stand.now;
    assert_eq!(stand.registry.digests(now, 10), [], "it is well as far as anybody else is concerned");
    stand.call(S, Failure);
    let digests = stand.registry.digests(now, 10);
    assert_eq!((digests.len(), digests[0].total, digests[0].failed), (1, 2, 1));
    stand.call_of(S, &no_route);
    assert_eq!(why(&stand), Some("consecutive_failures"));
}
