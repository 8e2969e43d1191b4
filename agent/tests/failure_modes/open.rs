//! F8 to F10, F20 and F23: Open lasts for ever, ends too early, or grows without a bound; recovery forgets to forget.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::policy::{Backoff, Jitter, Policy, Verdict};
use breaker_agent::core::registry::{Answer, OpenEnds, Settings};
use breaker_agent::core::state::{Action, State, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, SETTINGS, Stand, probed, three_in_a_row};

fn doubling(max_s: u64) -> Policy {
    let mut policy = three_in_a_row();
    policy.backoff = Backoff { multiplier_milli: 2_000, max: Duration::from_secs(max_s), jitter: Jitter::None };
    policy
}

fn open_until(stand: &Stand) -> Option<MonoTime> {
    match stand.registry.view(S)?.breaker().state() {
        State::Open { until } => Some(*until),
        _ => None,
    }
}

/// Fails the probe that may go now, and returns for how long it is Open then.
fn reopen(stand: &mut Stand) -> u128 {
    assert!(stand.call(S, Failure));
    let until = open_until(stand).expect("a failed probe reopens");
    let wait = until.since(stand.now);
    stand.now = until;
    wait.as_millis()
}

// State and time of opening were two variables, and a race left it open for ever: Hystrix#1633 and #1723.
#[test]
fn f08_whatever_led_to_open_it_has_an_end_and_a_probe_goes_at_it() {
    let mut policy = probed(Verdict::Successes(2));
    policy.backoff.jitter = Jitter::Equal;
    let mut stand = Stand::new(policy);
    stand.calls(S, Failure, 3);
    for round in 0..200 {
        let until = open_until(&stand).expect("it is Open");
        assert!(until > stand.now && until.since(stand.now) <= Duration::from_secs(4));
        stand.now = until;
        let permit = stand.permit(S);
        match round % 4 {
            0 => assert!(stand.report(permit, Failure).is_ok()),
            1 => drop(stand.wait_ms(30_000).advance()),
            2 => drop(stand.open(S)),
            _ => drop(stand.operate(S, Action::ForceClose(None)).calls(S, Failure, 3)),
        }
    }
}

// Two threads at the deadline made illegal transitions, or one called itself until the stack was full: resilience4j#562,
// #674, #2038. Here a breaker is a value that one owner changes; so the same moment is asked for many times.
#[test]
fn f09_many_asks_at_the_very_deadline_make_one_transition() {
    let mut stand = Stand::new(probed(Verdict::Permits(5)));
    stand.calls(S, Failure, 3);
    let generation = |stand: &Stand| stand.registry.view(S).expect("tracked").breaker().generation();
    let before = generation(&stand);
    stand.at_ms(1_000);
    let granted = (0..1_000).filter(|_| matches!(stand.ask(S), Answer::Granted(_))).count();
    assert_eq!((granted, generation(&stand)), (5, before + 1));
    let expected = [(StateKind::Closed, StateKind::Open), (StateKind::Open, StateKind::HalfOpen)];
    assert_eq!(stand.path_of_states(), expected);
}

// A timer set by an earlier Open fired in a later one: resilience4j's reset() (source), opossum#383.
#[test]
fn f10_a_reset_and_a_new_trip_wait_for_the_new_time_only() {
    let settings = Settings { open_ends: OpenEnds::InTime, ..SETTINGS };
    let mut stand = Stand::with(three_in_a_row(), settings);
    stand.calls(S, Failure, 3).at_ms(900).operate(S, Action::Reset(None)).calls(S, Failure, 3);
    assert_eq!(stand.registry.deadline(), Some(MonoTime::from_millis(1_900)));
    assert_eq!(stand.at_ms(1_899).advance().state(S), StateKind::Open);
    assert_eq!(stand.at_ms(1_900).advance().state(S), StateKind::HalfOpen);
}

// The counter was past the threshold when the host came back, and was never seen to reach it again: envoy#18950; after
// the first ejection it took 5 to 6 errors instead of 3: envoy#40697, istio#57343.
#[test]
fn f20_after_every_recovery_it_trips_again_after_exactly_the_threshold() {
    let mut stand = Stand::new(three_in_a_row());
    for _ in 0..5 {
        let late: Vec<_> = (0..4).map(|_| stand.permit(S)).collect();
        stand.calls(S, Failure, 2);
        assert_eq!(stand.state(S), StateKind::Closed);
        stand.call(S, Failure);
        assert_eq!(stand.state(S), StateKind::Open);
        for permit in late {
            assert!(stand.report(permit, Failure).is_ok(), "failures beyond the threshold");
        }
        stand.wait_ms(1_000).call(S, Success);
        assert_eq!(stand.state(S), StateKind::Closed);
        assert_eq!(stand.counts(S).total, 0);
    }
}

// The multiplier grew past its cap, so that it took as long to come down again, or it never fell: envoy#6016, #17147,
// #37602, #26758.
#[test]
fn f23_the_backoff_is_capped_and_begins_to_fall_at_once() {
    let mut stand = Stand::new(doubling(8));
    stand.calls(S, Failure, 3).at_ms(1_000);
    assert_eq!([(); 5].map(|()| reopen(&mut stand)), [2_000, 4_000, 8_000, 8_000, 8_000]);
    stand.call(S, Success);
    stand.wait_ms(2_000).calls(S, Failure, 3);
    let after_two_healthy_intervals = open_until(&stand).expect("tripped").since(stand.now);
    assert_eq!(after_two_healthy_intervals, Duration::from_secs(4), "step 4 of 4, two back, one on");
}

#[test]
fn f23_a_long_healthy_time_takes_it_back_to_the_first_step_and_not_below() {
    let mut stand = Stand::new(doubling(8));
    stand.calls(S, Failure, 3).at_ms(1_000);
    reopen(&mut stand);
    stand.call(S, Success);
    stand.wait_ms(86_400_000).calls(S, Failure, 3);
    assert_eq!(open_until(&stand).expect("tripped").since(stand.now), Duration::from_secs(1));
}
