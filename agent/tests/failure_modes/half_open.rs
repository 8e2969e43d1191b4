//! F1 to F7 and F17: HalfOpen gets stuck, lets a herd in, or listens to the wrong outcomes.

use std::time::Duration;

use breaker_agent::core::outcome::Outcome::{Cancelled, Failure, Ignored, Success, Timeout};
use breaker_agent::core::permits::Holder;
use breaker_agent::core::policy::{AfterMaxWait, Backoff, Jitter, Policy, Verdict};
use breaker_agent::core::registry::{Answer, Told, UnknownPermit};
use breaker_agent::core::state::{Action, StateKind};

use crate::stand::{CLIENT, S, Stand, hold, probed};

fn in_half_open(policy: Policy) -> Stand {
    let mut stand = Stand::new(policy);
    stand.open(S).half_open(S);
    assert_eq!(stand.state(S), StateKind::HalfOpen);
    stand
}

fn granted_of(stand: &mut Stand, asks: usize) -> usize {
    (0..asks).filter(|_| matches!(stand.ask(S), Answer::Granted(_))).count()
}

// The last probe ended with an ignored error, was cancelled, or was blocked by a later rule, and its permit was never
// given back: resilience4j#544, Sentinel#1638, sentinel-golang#196, Polly#1979, opossum#276.
#[test]
fn f01_a_probe_that_is_ignored_cancelled_or_lost_leaves_its_permit_to_the_next() {
    let mut stand = in_half_open(probed(Verdict::Successes(1)));
    for outcome in [Ignored, Cancelled, Ignored] {
        let permit = stand.permit(S);
        stand.refused(S);
        assert_eq!(stand.report(permit, outcome), Ok(Told::Counted));
        assert_eq!(stand.state(S), StateKind::HalfOpen);
    }
    stand.permit(S);
    stand.lose(CLIENT);
    assert!(stand.call(S, Success));
    assert_eq!(stand.state(S), StateKind::Closed);
}

#[test]
fn f01_a_probe_that_another_rule_refuses_never_takes_the_permit() {
    let mut stand = Stand::new(probed(Verdict::Successes(1)));
    stand.open(S).half_open(S).operate("payments/a", Action::ForceOpen(hold(None)));
    for _ in 0..10 {
        assert_eq!(stand.refused("payments/a").state, StateKind::ForcedOpen);
    }
    stand.permit(S);
}

// A probe that never answers held HalfOpen shut for ever: resilience4j#935 and #1389, Hystrix#1723 and #1861; six days
// and 49,607 rejections in OmniRoute#13836.
#[test]
fn f02_a_probe_that_never_answers_ends_with_its_lease() {
    for verdict in [Verdict::Successes(1), Verdict::Permits(1)] {
        let mut stand = in_half_open(probed(verdict));
        let permit = stand.permit(S);
        stand.at_ms(29_999).refused(S);
        assert_eq!(stand.at_ms(30_000).advance().state(S), StateKind::Open);
        assert_eq!(stand.report(permit, Success), Err(UnknownPermit));
        stand.at_ms(31_000).permit(S);
    }
}

#[test]
fn f02_the_last_of_a_thousand_outcomes_may_stay_out() {
    let mut stand = in_half_open(probed(Verdict::Permits(1_000)));
    stand.permit(S);
    stand.calls(S, Success, 999);
    assert_eq!(stand.state(S), StateKind::HalfOpen);
    assert_eq!(stand.at_ms(30_000).advance().state(S), StateKind::Closed, "1 failure of 1,000 is no reason to stay");
}

// HalfOpen waited for more outcomes than there were calls: resilience4j#2028, #2289 and #903.
#[test]
fn f03_half_open_without_traffic_ends_at_its_maximum_wait() {
    for (after, state) in [(AfterMaxWait::Open, StateKind::Open), (AfterMaxWait::Closed, StateKind::Closed)] {
        let mut policy = probed(Verdict::Permits(10));
        policy.half_open.after_max_wait = after;
        let mut stand = in_half_open(policy);
        stand.calls(S, Success, 3);
        assert_eq!(stand.at_ms(59_999).advance().state(S), StateKind::HalfOpen);
        assert_eq!(stand.at_ms(60_000).advance().state(S), state);
    }
}

// Everybody was let in at once: Polly#216, opossum#119, smallrye-fault-tolerance#319, tower-resilience#382 and #407;
// recloser and failsafe-rs let 20 of 20 in; 17 times the load in safe-client-gateway#3442.
#[test]
fn f04_stampede_in_half_open_grants_exactly_the_permits() {
    for (verdict, permits) in [(Verdict::Successes(3), 3), (Verdict::Permits(10), 10), (Verdict::Permits(1), 1)] {
        let mut stand = in_half_open(probed(verdict));
        assert_eq!(granted_of(&mut stand, 1_000), permits);
        assert_eq!(granted_of(stand.wait_ms(10), 1_000), 0);
    }
}

#[test]
fn f04_successes_so_far_and_permits_out_together_never_exceed_the_threshold() {
    let mut stand = in_half_open(probed(Verdict::Successes(3)));
    stand.call(S, Success);
    assert_eq!(granted_of(&mut stand, 100), 2);
}

// A permit granted in Closed and given back in HalfOpen added one there: resilience4j#1432, #1090 (found with TLA+), and
// its releasePermission, which counts up without a bound.
#[test]
fn f05_nothing_given_back_from_elsewhere_or_twice_adds_a_permit() {
    let mut stand = Stand::new(probed(Verdict::Permits(2)));
    let old: Vec<_> = (0..5).map(|_| stand.permit(S)).collect();
    stand.open(S).half_open(S);
    let probe = stand.permit(S);
    assert_eq!(stand.report(probe, Ignored), Ok(Told::Counted));
    assert_eq!(stand.report(probe, Ignored), Err(UnknownPermit));
    for (permit, outcome) in old.into_iter().zip([Ignored, Cancelled, Success, Failure, Timeout]) {
        assert!(stand.report(permit, outcome).is_ok());
    }
    assert_eq!(granted_of(&mut stand, 100), 2);
}

#[test]
fn f05_probes_of_one_half_open_add_no_permit_to_the_next() {
    let mut stand = in_half_open(probed(Verdict::Permits(2)));
    let old = [stand.permit(S), stand.permit(S)];
    stand.open(S).half_open(S);
    for permit in old {
        assert_eq!(stand.report(permit, Cancelled), Ok(Told::Counted));
    }
    assert_eq!(granted_of(&mut stand, 100), 2);
}

// A slow call admitted before the trip came back during HalfOpen and was taken for the probe: Polly#223, and the
// sources of resilience4j, Polly 8, Sentinel and opossum; nv-redfish#211.
#[test]
fn f06_late_outcomes_of_closed_decide_nothing_in_half_open() {
    for outcome in [Success, Failure, Timeout] {
        let mut stand = Stand::new(probed(Verdict::Successes(1)));
        let late = stand.permit(S);
        stand.calls(S, Failure, 3).at_ms(1_000);
        let probe = stand.permit(S);
        assert_eq!(stand.report(late, outcome), Ok(Told::Dropped));
        assert_eq!(stand.state(S), StateKind::HalfOpen);
        assert_eq!(stand.counts(S).total, 0);
        assert_eq!(stand.report(probe, Success), Ok(Told::Counted));
        assert_eq!(stand.state(S), StateKind::Closed);
    }
}

// The success of one probe erased the failure of another, and the backoff with it: ldbc#731.
#[test]
fn f07_a_success_after_the_failure_of_another_probe_neither_closes_nor_resets_the_backoff() {
    let mut policy = probed(Verdict::Successes(2));
    policy.backoff = Backoff { multiplier_milli: 2_000, max: Duration::from_secs(60), jitter: Jitter::None };
    let mut stand = Stand::new(policy);
    stand.calls(S, Failure, 3).at_ms(1_000);
    let (fails, succeeds) = (stand.permit(S), stand.permit(S));
    assert_eq!(stand.report(fails, Failure), Ok(Told::Counted));
    assert_eq!(stand.report(succeeds, Success), Ok(Told::Dropped));
    assert_eq!(stand.state(S), StateKind::Open);
    stand.at_ms(2_999).refused(S);
    stand.at_ms(3_000).permit(S);
}

// The count of successes was not reset on entering HalfOpen, so that after a first round one success was enough:
// semian#192.
#[test]
fn f17_two_of_three_successes_do_not_count_for_the_next_half_open() {
    let mut stand = in_half_open(probed(Verdict::Successes(3)));
    stand.calls(S, Success, 2).calls(S, Failure, 1);
    assert_eq!(stand.state(S), StateKind::Open);
    stand.wait_ms(1_000).calls(S, Success, 2);
    assert_eq!(stand.state(S), StateKind::HalfOpen);
    stand.call(S, Success);
    assert_eq!(stand.state(S), StateKind::Closed);
}

// A holder that goes takes only its own probes with it.
#[test]
fn f05_a_lost_connection_gives_back_its_own_permits_only() {
    let mut stand = in_half_open(probed(Verdict::Permits(3)));
    for holder in [CLIENT, Holder::Connection(2), Holder::User(1)] {
        assert!(matches!(stand.ask_as(S, holder, None), Answer::Granted(_)));
    }
    stand.lose(CLIENT);
    assert_eq!(granted_of(&mut stand, 100), 1);
}
