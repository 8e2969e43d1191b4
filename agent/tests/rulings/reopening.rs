//! Rulings 8 to 10: how long Open lasts, how it ends, and what is left of what was seen before.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::policy::{Policy, Rate, Verdict};
use breaker_agent::core::registry::{Answer, OpenEnds, Settings};
use breaker_agent::core::state::{Action, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{S, SETTINGS, Stand, hold, probed, three_in_a_row};

fn in_time(policy: Policy) -> Stand {
    Stand::with(policy, Settings { open_ends: OpenEnds::InTime, ..SETTINGS })
}

#[test]
fn at_exactly_its_end_and_not_a_nanosecond_before_a_probe_may_go() {
    let mut stand = Stand::new(three_in_a_row());
    stand.at_ms(250).calls(S, Failure, 3);
    stand.now = MonoTime::from_nanos(1_249_999_999);
    assert_eq!(stand.refused(S).retry_after, Some(Duration::from_nanos(1)));
    assert!(!stand.would_allow(S));
    stand.now = MonoTime::from_nanos(1_250_000_000);
    assert!(stand.would_allow(S));
    assert_eq!(stand.state(S), StateKind::Open, "a query changes nothing");
    stand.permit(S);
    assert_eq!(stand.state(S), StateKind::HalfOpen);
}

#[test]
fn open_counts_from_the_transition_and_late_failures_do_not_extend_it() {
    let mut stand = Stand::new(three_in_a_row());
    let late: Vec<_> = (0..5).map(|_| stand.permit(S)).collect();
    stand.calls(S, Failure, 3);
    for (ms, permit) in (100..).step_by(100).zip(late) {
        assert!(stand.at_ms(ms).report(permit, Failure).is_ok());
        stand.report_unasked(S, Failure);
    }
    stand.at_ms(999).refused(S);
    stand.at_ms(1_000).permit(S);
}

#[test]
fn in_time_it_half_opens_by_itself_for_a_service_that_was_asked_for_in_the_last_ten_seconds() {
    let mut policy = three_in_a_row();
    policy.recovery_timeout = Duration::from_secs(20);
    policy.backoff.max = Duration::from_secs(20);
    for (asked_ms, state) in [(10_000, StateKind::Open), (10_001, StateKind::HalfOpen)] {
        let mut stand = in_time(policy.clone());
        stand.calls(S, Failure, 3).at_ms(asked_ms).refused(S);
        assert_eq!(stand.registry.deadline(), Some(MonoTime::from_millis(20_000)));
        assert_eq!(stand.at_ms(20_000).advance().state(S), state, "asked at {asked_ms} ms");
        assert_eq!(stand.registry.deadline().is_none(), state == StateKind::Open, "nothing else is due");
        stand.at_ms(21_000).permit(S);
    }
}

// A call to an instance is a call to the service.
#[test]
fn in_time_a_service_half_opens_by_itself_when_only_its_instances_are_asked_for() {
    let mut stand = in_time(three_in_a_row());
    stand.open("payments");
    stand.at_ms(500).refused("payments/a");
    assert_eq!(stand.at_ms(1_000).advance().state("payments"), StateKind::HalfOpen);
}

#[test]
fn on_acquire_only_it_stays_open_until_somebody_asks() {
    let mut stand = Stand::new(three_in_a_row());
    stand.calls(S, Failure, 3).at_ms(5_000).advance();
    assert_eq!((stand.state(S), stand.registry.deadline()), (StateKind::Open, None));
}

#[test]
fn the_window_is_empty_after_a_close_a_force_close_and_a_reset() {
    for action in [Action::ForceClose(None), Action::Reset(None)] {
        let mut stand = Stand::new(three_in_a_row());
        stand.calls(S, Failure, 2).operate(S, action.clone());
        assert_eq!(stand.counts(S).total, 0, "also where it was Closed before");
        stand.calls(S, Failure, 2);
        assert_eq!(stand.state(S), StateKind::Closed, "the row began anew");
    }
    let mut stand = Stand::new(three_in_a_row());
    stand.calls(S, Failure, 3).at_ms(1_000).call(S, Success);
    assert_eq!((stand.state(S), stand.counts(S).total), (StateKind::Closed, 0));
}

#[test]
fn a_transition_to_the_state_it_is_in_tells_nobody_and_keeps_the_generation() {
    let mut stand = Stand::new(probed(Verdict::Permits(2)));
    let generation = |stand: &Stand| stand.registry.view(S).map_or(0, |view| view.breaker().generation());
    type Act = fn(&mut Stand) -> &mut Stand;
    let acts: [Act; 6] = [
        |stand| stand.operate(S, Action::ForceClose(None)),
        |stand| stand.operate(S, Action::ForceOpen(hold(None))),
        |stand| stand.operate(S, Action::Disable(hold(None))),
        |stand| stand.operate(S, Action::MetricsOnly(hold(None))),
        |stand| stand.open(S),
        |stand| stand.half_open(S),
    ];
    for act in acts {
        act(&mut stand);
        let before = (stand.notices.len(), generation(&stand));
        act(&mut stand);
        assert_eq!((stand.notices.len(), generation(&stand)), before);
    }
    assert_eq!((stand.notices.len(), generation(&stand)), (5, 5), "it was Closed already when it was force-closed");
}

#[test]
fn a_reset_forgets_the_backoff_and_a_force_close_does_not() {
    for (action, open_s) in [(Action::Reset(None), 1), (Action::ForceClose(None), 2)] {
        let mut policy = three_in_a_row();
        policy.backoff.multiplier_milli = 2_000;
        let mut stand = Stand::new(policy);
        stand.calls(S, Failure, 3).operate(S, action).calls(S, Failure, 3);
        assert_eq!(stand.refused(S).retry_after, Some(Duration::from_secs(open_s)));
    }
}

#[test]
fn a_close_does_not_reset_the_backoff_but_healthy_intervals_take_it_back() {
    for (healthy_ms, open_s) in [(0, 2), (999, 2), (1_000, 1), (60_000, 1)] {
        let mut policy = three_in_a_row();
        policy.backoff.multiplier_milli = 2_000;
        let mut stand = Stand::new(policy);
        stand.calls(S, Failure, 3).at_ms(1_000).call(S, Success);
        stand.wait_ms(healthy_ms).calls(S, Failure, 3);
        assert_eq!(stand.refused(S).retry_after, Some(Duration::from_secs(open_s)), "after {healthy_ms} ms");
    }
}

#[test]
fn what_is_let_through_unenforced_is_marked_and_counts_nowhere() {
    let mut policy = probed(Verdict::Successes(1));
    policy.enforce = Rate::percent(0);
    let mut stand = Stand::new(policy);
    stand.calls(S, Failure, 3);
    assert_eq!(stand.state(S), StateKind::Open);
    let before = stand.counts(S);
    for outcome in [Success, Failure] {
        let Answer::Granted(granted) = stand.ask(S) else { panic!("nothing is enforced") };
        assert_eq!(granted.how, How::WouldRefuse);
        assert!(stand.report(granted.permit, outcome).is_ok());
    }
    assert_eq!((stand.state(S), stand.counts(S)), (StateKind::Open, before));
    stand.at_ms(1_000);
    let probe = stand.permit(S);
    let Answer::Granted(beside) = stand.ask(S) else { panic!("nothing is enforced") };
    assert_eq!(beside.how, How::WouldRefuse);
    assert!(stand.report(beside.permit, Failure).is_ok());
    assert_eq!(stand.state(S), StateKind::HalfOpen, "only the probe decides");
    assert!(stand.report(probe, Success).is_ok());
    assert_eq!(stand.state(S), StateKind::Closed);
}
