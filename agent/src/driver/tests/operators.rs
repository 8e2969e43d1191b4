//! What operators do: who may, with which arguments, and what is shown of it.

use breaker_client::wire::Operator;

use super::*;

const ACTIONS: [WireAction; 5] =
    [WireAction::ForceOpen, WireAction::Disable, WireAction::MetricsOnly, WireAction::ForceClose, WireAction::Reset];

fn force_open(for_ms: Option<u64>, reason: Option<&str>) -> Request {
    let reason = reason.map(str::to_owned);
    Request::Operate { service: S.into(), action: WireAction::ForceOpen, for_ms, reason }
}

/// Takes every place an agent has, with services that are never evicted.
pub(super) fn fill(stand: &mut Stand, root: &mut Client) {
    for number in 0..SERVICES_MAX {
        let answer = stand.ask(root, operate(&format!("s{number}"), WireAction::ForceOpen));
        assert_eq!(answer, Response::Done);
    }
}

#[test]
fn only_root_and_the_agents_own_user_may_do_what_an_operator_does() {
    let mut stand = Stand::new();
    for uid in [None, Some(USER), Some(AGENT + 1), Some(u32::MAX)] {
        let mut client = stand.connect(uid);
        for action in ACTIONS {
            let answer = stand.ask(&mut client, operate(S, action));
            assert_eq!(refused(&answer), FailureCode::NotPermitted, "{uid:?} {action:?}");
        }
        assert_eq!(stand.page(&mut client, None, 1, WithPeers::No).agent.services, 0);
    }
    for uid in [0, AGENT] {
        let mut client = stand.connect(Some(uid));
        for action in ACTIONS {
            assert_eq!(stand.ask(&mut client, operate(S, action)), Response::Done, "{uid} {action:?}");
        }
    }
}

/// In the simulator there are no users: then nobody is an operator, not even who says to be root's equal.
#[test]
fn an_agent_of_no_user_obeys_root_alone() {
    let mut stand = Stand::new();
    stand.driver.identity.uid = None;
    let (mut nobody, mut root) = (stand.connect(None), stand.connect(Some(0)));
    let answer = stand.ask(&mut nobody, operate(S, WireAction::ForceOpen));
    assert_eq!(refused(&answer), FailureCode::NotPermitted);
    assert_eq!(stand.ask(&mut root, operate(S, WireAction::ForceOpen)), Response::Done);
}

#[test]
fn a_hold_shows_who_why_and_until_when_and_then_ends_by_itself() {
    let mut stand = Stand::new();
    let mut operator = stand.connect(Some(AGENT));
    assert_eq!(stand.ask(&mut operator, force_open(Some(60_000), Some("deploying"))), Response::Done);
    stand.pass(SECOND);
    let status = stand.service(&mut operator, S);
    assert_eq!((status.state, status.since_ms), (State::ForcedOpen, 1_000));
    let shown = Operator { uid: AGENT, reason: Some("deploying".into()), ends_in_ms: Some(59_000) };
    assert_eq!(status.operator, Some(shown));
    let Response::Rejected(rejection) = stand.acquire(&mut operator, S) else { panic!() };
    assert_eq!(rejection.evidence, breaker_client::wire::Evidence::Operator);
    assert_eq!(rejection.retry_after_ms, Some(59_000));
    stand.pass(SECOND * 59);
    assert_eq!(stand.service(&mut operator, S).state, State::HalfOpen);
}

#[test]
fn a_hold_lasts_from_a_millisecond_to_a_year() {
    const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    for ms in [0, YEAR_MS + 1, u64::MAX] {
        assert_eq!(refused(&stand.ask(&mut root, force_open(Some(ms), None))), FailureCode::InvalidArgument, "{ms}");
    }
    assert_eq!(stand.service(&mut root, S).state, State::Closed);
    for ms in [1, YEAR_MS] {
        assert_eq!(stand.ask(&mut root, force_open(Some(ms), None)), Response::Done, "{ms}");
    }
}

#[test]
fn a_reason_has_at_most_200_bytes_and_no_control_characters() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    for reason in ["r".repeat(201).as_str(), "two\nlines", "\u{1b}[31m"] {
        let answer = stand.ask(&mut root, force_open(None, Some(reason)));
        assert_eq!(refused(&answer), FailureCode::InvalidArgument, "{reason:?}");
    }
    assert_eq!(stand.ask(&mut root, force_open(None, Some(&"r".repeat(200)))), Response::Done);
}

#[test]
fn actions_that_take_effect_at_once_have_no_end() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    for action in [WireAction::ForceClose, WireAction::Reset] {
        let request = Request::Operate { service: S.into(), action, for_ms: Some(1_000), reason: None };
        assert_eq!(refused(&stand.ask(&mut root, request)), FailureCode::InvalidArgument, "{action:?}");
    }
}

#[test]
fn force_close_ends_what_a_breaker_refuses() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    stand.trip(&mut root, S);
    assert_eq!(stand.ask(&mut root, operate(S, WireAction::ForceClose)), Response::Done);
    let status = stand.service(&mut root, S);
    assert_eq!((status.state, status.window.total, status.operator), (State::Closed, 0, None));
    stand.granted(&mut root, S);
}

#[test]
fn an_action_for_which_there_is_no_room_is_not_said_to_be_done() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    fill(&mut stand, &mut root);
    let answer = stand.ask(&mut root, operate("one-more", WireAction::ForceOpen));
    assert_eq!(refused(&answer), FailureCode::Busy);
    assert_eq!(stand.page(&mut root, None, 1, WithPeers::No).agent.services, SERVICES_MAX as u64);
}
