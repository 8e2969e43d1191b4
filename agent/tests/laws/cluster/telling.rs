//! What a host tells of itself: alerts that matter by what they say, sequences that rise, promises that are kept.

use breaker_agent::core::digest::{Phase, StateKind, Urgency};
use breaker_agent::core::outcome::{Call, Origin, Outcome};
use breaker_agent::core::policy::Policy;
use breaker_agent::core::state::Action;

use super::world::{registry_settings, settings};
use crate::stand::{S, Stand, hold};

fn host() -> Stand {
    Stand::with(Policy::default(), registry_settings(Some(settings(50))))
}

fn urgencies(stand: &mut Stand) -> Vec<Urgency> {
    std::mem::take(&mut stand.effects.alerts).iter().map(|alert| alert.urgency).collect()
}

fn rates(stand: &mut Stand) -> Vec<u32> {
    stand.registry.digests(stand.now, 9);
    stand.registry.host_word(stand.now).rates.iter().map(|(_, rate)| *rate).collect()
}

#[test]
fn a_first_failure_is_lone_a_second_is_failing_and_a_trip_is_a_place() {
    let mut stand = host();
    stand.call(S, Outcome::Failure);
    assert_eq!(urgencies(&mut stand), [Urgency::Lone]);
    stand.wait_ms(4).call(S, Outcome::Failure);
    assert_eq!(urgencies(&mut stand), [], "told a moment ago");
    stand.wait_ms(1).call(S, Outcome::Failure);
    assert_eq!(urgencies(&mut stand), [Urgency::Failing]);
    stand.wait_ms(10).call(S, Outcome::Success);
    stand.call(S, Outcome::Failure);
    assert_eq!(urgencies(&mut stand), [Urgency::Lone]);
    stand.wait_ms(10).calls(S, Outcome::Failure, 9);
    assert_eq!(stand.state(S), StateKind::Open);
    assert_eq!(urgencies(&mut stand), [Urgency::Failing, Urgency::Place]);
}

#[test]
fn failures_of_the_hosts_own_making_are_told_to_nobody_and_do_not_make_it_stand() {
    let mut stand = host();
    let own = Call { origin: Origin::Host, ..Call::of(Outcome::Failure) };
    for _ in 0..10 {
        stand.call_of(S, &own);
    }
    assert_eq!(stand.state(S), StateKind::Open);
    assert_eq!(urgencies(&mut stand), []);
    let digests = stand.registry.digests(stand.now, 9);
    assert!(!digests[0].flags.standing && digests[0].spans[6].calls == 0);
}

#[test]
fn every_digest_has_a_higher_sequence() {
    let mut stand = host();
    stand.call(S, Outcome::Failure);
    let first = stand.effects.alerts[0].digest.sequence;
    let second = stand.registry.digests(stand.now, 9)[0].sequence;
    let third = stand.registry.digests(stand.now, 9)[0].sequence;
    assert!(first < second && second < third);
}

#[test]
fn a_promise_that_is_not_kept_is_withdrawn_and_made_again_when_it_is() {
    let mut stand = host();
    for _ in 0..400 {
        stand.wait_ms(10).call(S, Outcome::Success);
    }
    assert!(rates(&mut stand)[0] > 50_000, "a hundred a second");
    for _ in 0..9 {
        stand.wait_ms(100).call(S, Outcome::Failure);
    }
    assert_eq!(stand.registry.host_word(stand.now).rates.len(), 0, "withdrawn without waiting for the next making");
    for _ in 0..400 {
        stand.wait_ms(10).call(S, Outcome::Success);
    }
    assert_eq!(rates(&mut stand).len(), 1);
}

// Two calls a second promise 32 in 65 s, and a host that has called for ten has not broken that.
#[test]
fn a_host_that_has_just_begun_keeps_what_it_promises() {
    let mut stand = host();
    for second in 1..=60 {
        for _ in 0..2 {
            stand.wait_ms(500).call(S, Outcome::Success);
        }
        assert!(second < 4 || rates(&mut stand).len() == 1, "after {second} s");
    }
}

#[test]
fn a_service_that_falls_silent_is_promised_no_longer() {
    let mut stand = host();
    for _ in 0..400 {
        stand.wait_ms(10).call(S, Outcome::Success);
    }
    assert_eq!(rates(&mut stand).len(), 1);
    stand.wait_ms(1_500);
    assert_eq!(rates(&mut stand).len(), 0);
}

#[test]
fn what_an_operator_lets_through_or_refuses_is_neither_promised_nor_told() {
    for action in [Action::Disable(hold(None)), Action::ForceOpen(hold(None))] {
        let mut stand = host();
        for _ in 0..400 {
            stand.wait_ms(10).call(S, Outcome::Success);
        }
        stand.call(S, Outcome::Failure);
        stand.operate(S, action);
        assert_eq!(stand.registry.digests(stand.now, 9), []);
        assert_eq!(rates(&mut stand).len(), 0);
    }
}

#[test]
fn a_service_that_only_measures_testifies_like_a_closed_one() {
    let mut stand = host();
    stand.operate(S, Action::MetricsOnly(hold(None)));
    stand.calls(S, Outcome::Failure, 2);
    let digests = stand.registry.digests(stand.now, 9);
    assert_eq!(
        (digests[0].state, digests[0].spans[6].failed, digests[0].stay.map(|stay| stay.phase)),
        (StateKind::Closed, 2, None::<Phase>)
    );
}

/// A failure leaves the longest span when more than half of its bucket, a quarter of the span, has: so it is told for
/// seven eighths to nine eighths of 65.536 s, whether it was the last or the first of its bucket.
#[test]
fn a_long_gone_failure_is_told_no_more() {
    for failed_at in [0, 16_380] {
        let mut stand = host();
        stand.at_ms(failed_at).call(S, Outcome::Failure);
        stand.at_ms(73_728);
        assert_eq!(stand.registry.digests(stand.now, 9).len(), 1, "failed at {failed_at} ms");
        stand.wait_ms(4);
        assert_eq!(stand.registry.digests(stand.now, 9).len(), 0, "failed at {failed_at} ms");
        stand.advance();
        assert_eq!(stand.registry.deadline(), None, "at rest it wakes for nothing");
    }
}
