//! F11 to F16, F18 and F19: windows that do not slide, forget to subtract, or count what is no call.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Cancelled, Failure, Ignored, Success, Timeout};
use breaker_agent::core::outcome::{Call, Origin};
use breaker_agent::core::policy::{Policy, WindowShape};
use breaker_agent::core::state::{Action, StateKind};

use crate::stand::{S, Stand, half_of, hold, three_in_a_row};

fn over_time(bucket_ms: u64, buckets: usize, minimum: u64) -> Policy {
    let mut policy = half_of(1, minimum);
    policy.window = WindowShape::Time { bucket: Duration::from_millis(bucket_ms), buckets };
    policy
}

// After 1,000 successes it took 1,000 failures to trip at size 10: measured on tower-resilience 0.13.
#[test]
fn f11_a_thousand_successes_buy_no_immunity() {
    let mut stand = Stand::new(half_of(10, 10));
    stand.calls(S, Success, 1_000).calls(S, Failure, 4);
    assert_eq!((stand.state(S), stand.counts(S).total, stand.counts(S).failed), (StateKind::Closed, 10, 4));
    stand.call(S, Failure);
    assert_eq!(stand.state(S), StateKind::Open);
}

// Rejections counted as calls and diluted the rate: 101 failures were needed after 100 of them; and the window was kept
// over a close, so that one failure re-opened: both measured on opossum (also opossum#45).
#[test]
fn f12_rejections_do_not_dilute_and_the_window_is_empty_after_a_close() {
    let mut stand = Stand::new(over_time(1_000, 10, 5));
    stand.calls(S, Failure, 5);
    assert_eq!(stand.state(S), StateKind::Open);
    let before = stand.counts(S);
    for _ in 0..100 {
        stand.refused(S);
    }
    assert_eq!(stand.counts(S), before);
    stand.at_ms(1_000).call(S, Success);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 0));
    stand.calls(S, Failure, 4);
    assert_eq!(stand.state(S), StateKind::Closed);
    stand.call(S, Failure);
    assert_eq!(stand.state(S), StateKind::Open);
}

// One counter was not reset when a bucket was used again, and slow failures went negative: resilience4j#1335 and #1262.
#[test]
fn f13_every_counter_leaves_with_its_bucket() {
    for window in [WindowShape::Time { bucket: Duration::from_secs(1), buckets: 3 }, WindowShape::Count { size: 3 }] {
        let mut policy = over_time(1_000, 3, 1_000);
        policy.window = window;
        policy.conditions.slow_call_duration = Duration::from_millis(100);
        let mut stand = Stand::new(policy);
        let bad = Call { duration: Some(Duration::from_secs(2)), origin: Origin::Host, ..Call::of(Timeout) };
        for second in 0..10 {
            stand.at_ms(second * 1_000).call_of(S, &bad);
            let (counts, live) = (stand.counts(S), second.min(2) + 1);
            let all = [counts.total, counts.failed, counts.slow, counts.timeouts, counts.host_faults, counts.timed];
            assert_eq!(all, [live; 6]);
            assert_eq!(counts.duration_us, live * 2_000_000);
        }
        for second in 10..20 {
            stand.at_ms(second * 1_000).call_of(S, &Call::of(Success));
        }
        let counts = stand.counts(S);
        let bad = [counts.failed, counts.slow, counts.timeouts, counts.host_faults, counts.timed, counts.duration_us];
        assert_eq!((counts.total, bad), (3, [0; 6]));
    }
}

// A window of one bucket crashed: resilience4j#2334 and #2379.
#[test]
fn f14_a_window_of_one_bucket_and_one_of_one_call_work() {
    let mut stand = Stand::new(over_time(1_000, 1, 2));
    stand.at_ms(999).call(S, Failure);
    stand.at_ms(1_000).call(S, Failure);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 1), "they are in different buckets");
    stand.at_ms(1_999).call(S, Failure);
    assert_eq!(stand.state(S), StateKind::Open);

    let mut stand = Stand::new(half_of(1, 1));
    stand.calls(S, Success, 5);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 1));
    stand.call(S, Failure);
    assert_eq!(stand.state(S), StateKind::Open);
}

// It could not open before the window was full, whatever the minimum: mcp-proxy#220 on tower-resilience,
// resilience4j#966, #1349 and #747.
#[test]
fn f15_the_minimum_suffices_before_the_window_is_full() {
    let mut stand = Stand::new(half_of(100, 4));
    stand.calls(S, Success, 2).calls(S, Failure, 1);
    assert_eq!(stand.state(S), StateKind::Closed);
    stand.call(S, Failure);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Open, 4));
}

// After a silence the first failure was 100 % of the calls, and opened: opossum#217 and #232.
#[test]
fn f16_one_failure_after_a_silence_opens_nothing() {
    let mut stand = Stand::new(over_time(1_000, 10, 20));
    stand.calls(S, Success, 1_000).at_ms(86_400_000).call(S, Failure);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 1));
}

// "Consecutive" counted errors with successes between them: semian#634.
#[test]
fn f18_failures_with_successes_between_them_are_not_consecutive() {
    let mut stand = Stand::new(three_in_a_row());
    for _ in 0..3 {
        stand.calls(S, Failure, 2).calls(S, Success, 10_000);
    }
    assert_eq!(stand.state(S), StateKind::Closed);
    stand.calls(S, Failure, 3);
    assert_eq!(stand.state(S), StateKind::Open);
}

// The breaker's own refusals, or those of other limits, were counted as failures of the service: envoy#25487,
// semian#227, opossum#45. There is no outcome to report for them; what the client did not send is `cancelled`.
#[test]
fn f19_our_own_refusals_never_reach_a_window() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate(S, Action::ForceOpen(hold(None)));
    for _ in 0..1_000 {
        stand.refused("payments/a");
        stand.refused(S);
    }
    for service in [S, "payments/a"] {
        assert_eq!(stand.counts(service).total, 0);
    }
    stand.operate(S, Action::ForceClose(None));
    for outcome in [Cancelled, Ignored] {
        stand.calls("payments/a", outcome, 1_000);
    }
    for service in [S, "payments/a"] {
        assert_eq!((stand.state(service), stand.counts(service).total), (StateKind::Closed, 0));
    }
}
