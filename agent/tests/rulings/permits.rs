//! Rulings 5 and 6: permits, their leases, and outcomes without one, in every state.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Cancelled, Failure, Ignored, Success};
use breaker_agent::core::policy::Verdict;
use breaker_agent::core::registry::{Answer, Told, UnknownPermit};
use breaker_agent::core::state::{Action, StateKind};
use breaker_agent::core::time::MonoTime;

use crate::stand::{CLIENT, S, Stand, hold, probed, three_in_a_row};

fn in_state(state: StateKind) -> Stand {
    let mut stand = Stand::new(probed(Verdict::Permits(5)));
    stand.call(S, Success);
    match state {
        StateKind::Closed => &mut stand,
        StateKind::Open => stand.open(S),
        StateKind::HalfOpen => stand.half_open(S),
        StateKind::ForcedOpen => stand.operate(S, Action::ForceOpen(hold(None))),
        StateKind::Disabled => stand.operate(S, Action::Disable(hold(None))),
        StateKind::MetricsOnly => stand.operate(S, Action::MetricsOnly(hold(None))),
    };
    assert_eq!(stand.state(S), state);
    stand
}

const STATES: [StateKind; 6] = [
    StateKind::Closed,
    StateKind::Open,
    StateKind::HalfOpen,
    StateKind::ForcedOpen,
    StateKind::Disabled,
    StateKind::MetricsOnly,
];

#[test]
fn an_outcome_without_a_permit_counts_in_closed_and_metrics_only_and_is_dropped_elsewhere() {
    for state in STATES {
        let mut stand = in_state(state);
        let before = stand.counts(S).total;
        let told = stand.report_unasked(S, Failure);
        let counts = matches!(state, StateKind::Closed | StateKind::MetricsOnly);
        assert_eq!(told, if counts { Told::Counted } else { Told::Dropped }, "{state:?}");
        assert_eq!(stand.counts(S).total - before, u64::from(counts), "{state:?}");
        assert_eq!(stand.registry.view(S).expect("tracked").totals().dropped, u64::from(!counts), "{state:?}");
        for nothing in [Ignored, Cancelled] {
            assert_eq!(stand.report_unasked(S, nothing), Told::Counted, "{state:?}: there is nothing to drop");
        }
    }
}

#[test]
fn an_outcome_of_an_earlier_generation_is_dropped_and_counted_in_every_state() {
    for state in STATES.into_iter().skip(1) {
        let mut stand = Stand::new(probed(Verdict::Permits(5)));
        let permit = stand.permit(S);
        let later = in_state(state);
        match state {
            StateKind::Open => stand.open(S),
            StateKind::HalfOpen => stand.half_open(S),
            _ => {
                let hold = hold(None);
                let action = match later.state(S) {
                    StateKind::ForcedOpen => Action::ForceOpen(hold),
                    StateKind::Disabled => Action::Disable(hold),
                    _ => Action::MetricsOnly(hold),
                };
                stand.operate(S, action)
            }
        };
        assert_eq!(stand.report(permit, Failure), Ok(Told::Dropped), "{state:?}");
        assert_eq!(stand.counts(S).total, 0, "{state:?}");
        assert_eq!(stand.registry.view(S).expect("tracked").totals().dropped, 1, "{state:?}");
    }
}

#[test]
fn back_in_closed_the_outcomes_of_the_closed_before_are_still_dropped() {
    let mut stand = Stand::new(three_in_a_row());
    let late = stand.permit(S);
    stand.calls(S, Failure, 3).at_ms(1_000).call(S, Success);
    assert_eq!(stand.state(S), StateKind::Closed);
    assert_eq!(stand.report(late, Failure), Ok(Told::Dropped));
    assert_eq!(stand.counts(S).total, 0);
}

#[test]
fn a_lease_that_runs_out_counts_nowhere_but_in_half_open() {
    for state in [StateKind::Closed, StateKind::Disabled, StateKind::MetricsOnly] {
        let mut stand = in_state(state);
        let (permit, before) = (stand.permit(S), stand.counts(S));
        stand.at_ms(30_000).advance();
        assert_eq!((stand.state(S), stand.counts(S).failed), (state, before.failed), "{state:?}");
        assert_eq!(stand.report(permit, Failure), Err(UnknownPermit), "{state:?}");
        assert_eq!(stand.counts(S).failed, 0, "{state:?}");
    }
    let mut stand = in_state(StateKind::HalfOpen);
    stand.permit(S);
    stand.at_ms(30_000).advance();
    assert_eq!((stand.counts(S).total, stand.counts(S).failed), (1, 1));
}

#[test]
fn a_lease_is_good_until_the_nanosecond_before_its_end() {
    for (nanos, told) in [(29_999_999_999, Ok(Told::Counted)), (30_000_000_000, Err(UnknownPermit))] {
        for mut stand in [in_state(StateKind::Closed), in_state(StateKind::HalfOpen)] {
            let permit = stand.permit(S);
            stand.now = MonoTime::from_nanos(nanos);
            assert_eq!(stand.report(permit, Success), told);
        }
    }
}

// Where the call itself may take longer than the lease, the lease waits for it.
#[test]
fn a_lease_never_ends_before_the_call_may() {
    let mut stand = in_state(StateKind::Closed);
    for (timeout_s, lease_s) in [(5, 30), (30, 30), (31, 31)] {
        let timeout = Some(Duration::from_secs(timeout_s));
        let Answer::Granted(granted) = stand.ask_as(S, CLIENT, timeout) else { panic!("it is Closed") };
        assert_eq!((granted.lease, granted.timeout), (Duration::from_secs(lease_s), timeout));
    }
}

#[test]
fn the_policy_says_how_long_a_call_may_take_where_the_client_does_not() {
    let mut policy = three_in_a_row();
    policy.timeout = Some(Duration::from_secs(40));
    let mut stand = Stand::new(policy);
    let Answer::Granted(silent) = stand.ask(S) else { panic!("it is Closed") };
    assert_eq!((silent.lease, silent.timeout), (Duration::from_secs(40), Some(Duration::from_secs(40))));
    let Answer::Granted(says) = stand.ask_as(S, CLIENT, Some(Duration::from_secs(1))) else { panic!("it is Closed") };
    assert_eq!((says.lease, says.timeout), (Duration::from_secs(30), Some(Duration::from_secs(1))));
}

#[test]
fn a_permit_is_used_up_by_its_first_report() {
    let mut stand = in_state(StateKind::Closed);
    let permit = stand.permit(S);
    assert_eq!(stand.report(permit, Success), Ok(Told::Counted));
    assert_eq!(stand.report(permit, Failure), Err(UnknownPermit));
    assert_eq!((stand.counts(S).total, stand.counts(S).failed), (2, 0));
}

// At the agent's limit a call that needs no permit to be safe goes untracked; a probe does not.
#[test]
fn with_all_permits_out_closed_lets_through_untracked_and_half_open_refuses() {
    let mut stand = Stand::with(probed(Verdict::Permits(5)), crate::stand::SETTINGS);
    for _ in 0..8 {
        stand.permit("other");
    }
    assert_eq!((stand.ask(S), stand.registry.untracked()), (Answer::Untracked, 1));
    stand.open(S).half_open(S);
    assert!(!stand.would_allow(S), "a query says the same");
    assert_eq!(stand.refused(S).reason.code(), "permits_out");
    stand.lose(CLIENT);
    stand.permit(S);
}

#[test]
fn losing_a_connection_in_closed_counts_nowhere() {
    let mut stand = in_state(StateKind::Closed);
    for _ in 0..100 {
        stand.permit(S);
    }
    stand.lose(CLIENT);
    let totals = stand.registry.view(S).expect("tracked").totals();
    assert_eq!((stand.counts(S).total, stand.registry.permits(), totals.dropped), (1, 0, 0));
}
