//! Ruling 4, `sustained`: a condition must hold for a while before it trips.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::policy::{Policy, WindowShape};
use breaker_agent::core::state::{Action, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, Stand, half_of, three_in_a_row};

fn for_two_seconds(mut policy: Policy) -> Stand {
    policy.conditions.sustained = Some(Duration::from_secs(2));
    Stand::new(policy)
}

#[test]
fn it_trips_by_itself_at_the_nanosecond_at_which_it_has_held_for_long_enough() {
    let mut stand = for_two_seconds(three_in_a_row());
    stand.at_ms(500).calls(S, Failure, 3);
    assert_eq!(stand.state(S), StateKind::Closed);
    assert_eq!(stand.registry.deadline(), Some(MonoTime::from_millis(2_500)));
    stand.now = MonoTime::from_nanos(2_499_999_999);
    assert_eq!(stand.advance().state(S), StateKind::Closed);
    stand.now = MonoTime::from_millis(2_500);
    assert_eq!(stand.advance().state(S), StateKind::Open);
}

// Nobody called the registry at its deadline: the trip has happened then all the same, and Open counts from there.
#[test]
fn a_late_turn_finds_that_it_tripped_at_its_time() {
    let mut stand = for_two_seconds(three_in_a_row());
    stand.calls(S, Failure, 3).at_ms(2_900);
    assert_eq!(stand.refused(S).retry_after, Some(Duration::from_millis(100)));
    assert_eq!(stand.changes()[0].at, MonoTime::from_millis(2_000));
}

#[test]
fn an_outcome_that_ends_the_condition_starts_it_anew() {
    let mut stand = for_two_seconds(three_in_a_row());
    stand.calls(S, Failure, 3).at_ms(1_999).calls(S, Success, 1).calls(S, Failure, 3);
    assert_eq!(stand.at_ms(3_998).advance().state(S), StateKind::Closed);
    assert_eq!(stand.at_ms(3_999).advance().state(S), StateKind::Open);
}

#[test]
fn a_window_that_rolls_out_of_the_condition_ends_it() {
    let mut policy = half_of(1, 4);
    policy.window = WindowShape::Time { bucket: Duration::from_millis(500), buckets: 2 };
    let mut stand = for_two_seconds(policy);
    stand.calls(S, Failure, 4).at_ms(1_500).calls(S, Failure, 4);
    assert_eq!(stand.at_ms(2_000).advance().state(S), StateKind::Closed, "between 1 s and 1.5 s it did not hold");
    assert_eq!(stand.at_ms(3_500).advance().state(S), StateKind::Closed, "nor after 2.5 s");
    assert_eq!(stand.registry.deadline(), None);
}

#[test]
fn a_reset_and_an_operators_state_end_what_was_holding() {
    let mut stand = for_two_seconds(three_in_a_row());
    stand.calls(S, Failure, 3).at_ms(1_000).operate(S, Action::Reset(None));
    assert_eq!(stand.registry.deadline(), None);
    stand.calls(S, Failure, 3);
    assert_eq!(stand.at_ms(2_999).advance().state(S), StateKind::Closed);
    assert_eq!(stand.at_ms(3_000).advance().state(S), StateKind::Open);
}

#[test]
fn each_condition_holds_for_itself() {
    let mut policy = three_in_a_row();
    policy.conditions.failure_count = Some(4);
    let mut stand = for_two_seconds(policy);
    stand.calls(S, Failure, 3).at_ms(1_000).calls(S, Failure, 1).calls(S, Success, 1);
    assert_eq!(stand.at_ms(2_999).advance().state(S), StateKind::Closed, "the row ended, the count is 1,999 ms old");
    stand.at_ms(3_000).advance();
    assert_eq!((stand.state(S), stand.changes()[0].reason.code()), (StateKind::Open, "failure_count"));
}

#[test]
fn sustained_for_no_time_is_at_once() {
    let mut policy = three_in_a_row();
    policy.conditions.sustained = Some(Duration::ZERO);
    let mut stand = Stand::new(policy);
    stand.calls(S, Failure, 3);
    assert_eq!(stand.state(S), StateKind::Open);
}
