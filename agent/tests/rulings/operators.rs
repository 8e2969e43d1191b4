//! Ruling 11: operators' states beat everything, say who and why, and end as they should.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::registry::Answer;
use breaker_agent::core::state::{Action, Notice, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, Stand, half_of, hold, three_in_a_row};

const MINUTE: Option<MonoTime> = Some(MonoTime::from_millis(60_000));

fn told(stand: &Stand) -> Vec<&'static str> {
    let exceeded = |notice: &Notice| match notice {
        Notice::Exceeded(reason) => Some(reason.code()),
        Notice::Changed(_) | Notice::Cluster(_) => None,
    };
    stand.notices.iter().filter_map(|(_, notice)| exceeded(notice)).collect()
}

#[test]
fn forced_open_refuses_and_never_leaves_by_time_unless_given_an_end() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate(S, Action::ForceOpen(hold(None)));
    assert_eq!(stand.at_ms(86_400_000 * 365).advance().state(S), StateKind::ForcedOpen);
    let refusal = stand.refused(S);
    assert_eq!((refusal.state, refusal.reason.code(), refusal.retry_after), {
        (StateKind::ForcedOpen, "operator", None)
    });
}

#[test]
fn forced_open_with_an_end_says_when_and_goes_to_half_open_with_empty_windows() {
    let mut stand = Stand::new(three_in_a_row());
    stand.calls(S, Failure, 2).operate(S, Action::ForceOpen(hold(MINUTE)));
    assert_eq!(stand.refused(S).retry_after, Some(Duration::from_secs(60)));
    assert_eq!(stand.at_ms(59_999).advance().state(S), StateKind::ForcedOpen);
    assert_eq!(stand.at_ms(60_000).advance().state(S), StateKind::HalfOpen);
    assert_eq!(stand.changes().last().expect("changed").reason.code(), "operator_hold_over");
    stand.call(S, Success);
    stand.calls(S, Failure, 2);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 2));
}

#[test]
fn disabled_lets_all_through_records_nothing_and_goes_to_closed() {
    let mut stand = Stand::new(three_in_a_row());
    stand.calls(S, Failure, 3).operate(S, Action::Disable(hold(MINUTE)));
    stand.calls(S, Failure, 100);
    assert_eq!(stand.state(S), StateKind::Disabled);
    assert_eq!(stand.at_ms(60_000).advance().state(S), StateKind::Closed);
    assert_eq!((stand.counts(S).total, told(&stand)), (0, vec![]));
}

#[test]
fn metrics_only_records_never_refuses_and_goes_to_closed_with_an_empty_window() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate(S, Action::MetricsOnly(hold(MINUTE)));
    for _ in 0..100 {
        let Answer::Granted(granted) = stand.ask(S) else { panic!("it never refuses") };
        assert_eq!(granted.how, How::Allowed);
        assert!(stand.report(granted.permit, Failure).is_ok());
    }
    assert_eq!((stand.state(S), stand.counts(S).failed), (StateKind::MetricsOnly, 100));
    assert_eq!(told(&stand), ["consecutive_failures"], "once per crossing");
    stand.at_ms(60_000).advance();
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 0));
}

// resilience4j tells of a crossing once and never again.
#[test]
fn metrics_only_tells_of_the_next_crossing_too() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate(S, Action::MetricsOnly(hold(None))).calls(S, Failure, 4).calls(S, Success, 1).calls(S, Failure, 4);
    assert_eq!(told(&stand).len(), 2);
}

#[test]
fn metrics_only_tells_of_the_next_crossing_when_only_time_has_passed_between() {
    let mut policy = three_in_a_row();
    policy.conditions.failure_threshold = None;
    policy.conditions.failure_count = Some(1);
    let mut stand = Stand::new(policy);
    stand.operate(S, Action::MetricsOnly(hold(None))).calls(S, Failure, 3);
    assert_eq!(told(&stand).len(), 1);
    stand.at_ms(10_000).calls(S, Failure, 3);
    assert_eq!(told(&stand).len(), 2, "the window had emptied by itself");
}

#[test]
fn a_second_metrics_only_replaces_who_and_until_and_keeps_what_was_seen() {
    let mut stand = Stand::new(half_of(10, 4));
    stand.operate(S, Action::MetricsOnly(hold(MINUTE))).calls(S, Failure, 4);
    stand.operate(S, Action::MetricsOnly(hold(None))).calls(S, Failure, 1);
    assert_eq!((stand.counts(S).total, told(&stand).len()), (5, 1));
    assert_eq!(stand.at_ms(60_000).advance().state(S), StateKind::MetricsOnly);
}

#[test]
fn a_second_word_of_an_operator_replaces_the_first_and_its_end() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate(S, Action::ForceOpen(hold(MINUTE)));
    let mut other = hold(Some(MonoTime::from_millis(90_000)));
    other.uid = 0;
    stand.operate(S, Action::ForceOpen(other.clone()));
    let state = stand.registry.view(S).expect("tracked").breaker().state().clone();
    assert_eq!(state.hold(), Some(&other));
    assert_eq!(stand.at_ms(60_000).advance().state(S), StateKind::ForcedOpen);
    assert_eq!(stand.at_ms(90_000).advance().state(S), StateKind::HalfOpen);
}

#[test]
fn an_operators_state_beats_every_other_and_force_close_makes_it_automatic_again() {
    let mut stand = Stand::new(three_in_a_row());
    for action in [Action::ForceOpen(hold(None)), Action::Disable(hold(None)), Action::MetricsOnly(hold(None))] {
        for prepare in [Stand::open, Stand::half_open] {
            prepare(&mut stand, S).operate(S, action.clone());
            assert!(stand.registry.view(S).expect("tracked").breaker().state().hold().is_some());
            stand.at_ms(100).calls(S, Success, 5).at_ms(5_000).advance();
            assert!(stand.registry.view(S).expect("tracked").breaker().state().hold().is_some());
        }
    }
    stand.operate(S, Action::ForceClose(None)).calls(S, Failure, 3);
    assert_eq!(stand.state(S), StateKind::Open);
}

#[test]
fn a_word_with_an_end_already_past_ends_at_once() {
    let mut stand = Stand::new(three_in_a_row());
    stand.at_ms(1_000).operate(S, Action::Disable(hold(Some(MonoTime::from_millis(1_000)))));
    assert_eq!(stand.advance().state(S), StateKind::Closed);
}

#[test]
fn a_rejection_names_the_ancestor_that_refuses() {
    let mut stand = Stand::new(three_in_a_row());
    stand.operate("payments", Action::ForceOpen(hold(None)));
    let Answer::Rejected(rejected) = stand.ask("payments/a/b") else { panic!("an ancestor refuses") };
    assert_eq!((rejected.service.as_str(), rejected.refusal.state), ("payments", StateKind::ForcedOpen));
    let totals = stand.registry.view("payments/a/b").expect("tracked").totals();
    assert_eq!((totals.rejected, totals.granted), (1, 0));
}
