//! Probes of an opening: on whom they go, who stays away from them, and what their ends mean.

use std::time::Duration;

use breaker_agent::core::breaker::Granted as How;
use breaker_agent::core::digest::{FailureDigest, Flags, Phase, Probes, Span, StateKind, Stay, Testimony};
use breaker_agent::core::outcome::{Call, Origin, Outcome};
use breaker_agent::core::peers::Way;
use breaker_agent::core::policy::{Policy, Rate};
use breaker_agent::core::registry::{Answer, Hearing};
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{ClusterNotice, Notice};

use super::world::{id, registry_settings, settings};
use crate::stand::{S, Stand};

/// Whether the callers of the peers want it.
#[derive(Clone, Copy, PartialEq)]
enum Demand {
    Some,
    None,
}

/// A host in opening 1 whose Open is over, because it is for three peers.
fn half_open_with(policy: Policy, demand: Demand) -> Stand {
    let mut stand = Stand::with(policy, registry_settings(Some(settings(50))));
    for peer in 1..=3 {
        tell(&mut stand, peer, 1, Probes::default(), demand);
    }
    stand
}

fn half_open() -> Stand {
    half_open_with(Policy::default(), Demand::None)
}

fn tell(stand: &mut Stand, peer: usize, sequence: u64, probes: Probes, demand: Demand) {
    let stay = Some(Stay { number: 1, phase: Phase::HalfOpen, age: Duration::ZERO, probes });
    tell_of_failures(stand, peer, sequence, (stay, demand));
}

fn tell_of_failures(stand: &mut Stand, peer: usize, sequence: u64, (stay, demand): (Option<Stay>, Demand)) {
    let flags = Flags { wanted: demand == Demand::Some, ..Flags::default() };
    let service = ServiceName::parse(S).expect("a name");
    let spans = [Span { calls: 100, failed: 100 }; 7];
    let digest = FailureDigest { sequence, stay, flags, spans, ..FailureDigest::of(service, StateKind::HalfOpen) };
    let testimony = Testimony { host: id(peer), incarnation: 1, age: Duration::ZERO, digest };
    stand.turn(|registry, turn, _| registry.hear(turn, &testimony, Way::State));
}

fn effective(stand: &Stand) -> StateKind {
    stand.registry.view(S).map_or(StateKind::Closed, |view| view.effective_state())
}

fn ends(stand: &Stand) -> Vec<bool> {
    let good = |notice: &Notice| match notice {
        Notice::Cluster(ClusterNotice::Probed { good, .. }) => Some(*good),
        _ => None,
    };
    stand.notices.iter().filter_map(|(_, notice)| good(notice)).collect()
}

#[test]
fn where_nobody_else_wants_it_the_first_ask_is_the_first_probe_and_the_second_waits_a_second() {
    let mut stand = half_open();
    let permit = stand.permit(S);
    let refusal = stand.refused(S);
    assert_eq!((refusal.state, refusal.reason.code()), (StateKind::HalfOpen, "not_our_probe"));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
    stand.report(permit, Outcome::Failure).expect("out");
    assert_eq!(ends(&stand), [false]);
    stand.at_ms(999).refused(S);
    stand.at_ms(1_000).permit(S);
}

#[test]
fn enough_successes_of_whomever_close_it() {
    let mut stand = half_open();
    assert!(stand.call(S, Outcome::Success));
    assert_eq!(effective(&stand), StateKind::HalfOpen);
    tell(&mut stand, 1, 2, Probes { claimed: 3, highest: 3, good: 2, ..Probes::default() }, Demand::None);
    assert_eq!(effective(&stand), StateKind::Closed);
    assert!(stand.call(S, Outcome::Failure), "its own breaker is awake and empty");
    assert_eq!(stand.counts(S).total, 1);
    let stay = stand.registry.digests(stand.now, 9)[0].stay.expect("said for a while");
    assert_eq!((stay.phase, stay.probes.good), (Phase::Closed, 1));
    stand.at_ms(10_000).advance();
    assert_eq!(stand.registry.digests(stand.now, 9)[0].stay, None);
}

#[test]
fn a_probe_whose_lease_runs_out_has_failed_and_one_by_the_hosts_own_fault_or_cancelled_says_nothing() {
    let mut stand = half_open();
    stand.permit(S);
    stand.at_ms(30_000).advance();
    assert_eq!(ends(&stand), [false]);
    for call in [Call::of(Outcome::Cancelled), Call { origin: Origin::Host, ..Call::of(Outcome::Failure) }] {
        stand.wait_ms(5_000);
        stand.call_of(S, &call);
    }
    assert_eq!(ends(&stand), [false]);
    let digest = &stand.registry.digests(stand.now, 9)[0];
    assert_eq!(digest.stay.expect("in").probes, Probes { claimed: 3, highest: 3, failed: 1, failures: 1, good: 0 });
    assert_eq!(digest.spans[6].calls, 0, "probes are no testimony");
}

#[test]
fn one_that_was_away_probes_nothing_until_it_has_heard_all_anew() {
    let mut stand = half_open();
    // It adopts, and its probe is spent.
    stand.call(S, Outcome::Cancelled);
    stand.turn(|registry, turn, _| registry.hearing_is(turn, Hearing::WasAway(Duration::from_secs(2))));
    for peer in 1..=3 {
        tell(&mut stand, peer, 2, Probes { claimed: 3, highest: 3, good: 3, ..Probes::default() }, Demand::None);
    }
    let refusal = stand.at_ms(2_999).refused(S);
    assert_eq!((refusal.reason.code(), refusal.retry_after), ("not_our_probe", None));
    assert_eq!(effective(&stand), StateKind::HalfOpen);
    stand.at_ms(3_000).advance();
    assert_eq!(effective(&stand), StateKind::Closed, "by the probes of others");
}

#[test]
fn one_that_is_cut_off_ends_what_it_is_in_by_its_own_probes_alone_and_says_nothing_of_it() {
    let mut stand = half_open();
    // It adopts, and its probe is spent.
    stand.call(S, Outcome::Cancelled);
    stand.turn(|registry, turn, _| registry.hearing_is(turn, Hearing::Dead));
    tell(&mut stand, 1, 2, Probes { claimed: 3, highest: 3, good: 2, ..Probes::default() }, Demand::None);
    let mut permits = 0;
    for _ in 0..200 {
        if effective(&stand) == StateKind::Closed {
            break;
        }
        stand.wait_ms(100);
        permits += usize::from(stand.call(S, Outcome::Success));
    }
    assert_eq!(permits, 3);
    assert_eq!(effective(&stand), StateKind::Closed);
    assert_eq!(stand.registry.digests(stand.now, 9).first().and_then(|digest| digest.stay), None);
}

#[test]
fn those_before_it_in_line_go_first_and_after_half_a_second_all_four_may() {
    let mut stand = half_open_with(Policy::default(), Demand::Some);
    let mut granted = None;
    for ms in 0..=500 {
        if let Answer::Granted(_) = stand.at_ms(ms).ask(S) {
            granted = Some(ms);
            break;
        }
    }
    assert!(matches!(granted, Some(0 | 250 | 500)), "{granted:?}");
}

// A probe claimed before those that succeeded may fail after them, and be heard of last where it is closed already.
#[test]
fn successes_of_one_who_closed_it_count_for_those_who_know_of_a_failure_before_them() {
    let mut stand = half_open();
    let settled = Probes { claimed: 2, highest: 2, ..Probes::default() };
    tell(&mut stand, 1, 2, settled, Demand::None);
    for ms in (0..5_000).step_by(200) {
        stand.at_ms(ms).call(S, Outcome::Success);
        if effective(&stand) == StateKind::Closed {
            break;
        }
    }
    let good = |stand: &mut Stand| stand.registry.digests(stand.now, 9)[0].stay.map(|stay| stay.probes);
    let closed = good(&mut stand).expect("said for a while");
    tell(&mut stand, 1, 3, Probes { failed: 2, failures: 1, ..settled }, Demand::None);
    assert_eq!(effective(&stand), StateKind::Closed);
    assert_eq!(good(&mut stand), Some(Probes { failed: 2, failures: 1, ..closed }));
}

/// A host whose next probe is due at a second, and what becomes of its first ask then, where twenty peers whose calls
/// fail tell this beside.
fn ask_beside(told: (Option<Stay>, Demand)) -> Answer {
    let mut stand = half_open();
    // It adopts, and its probe is spent.
    stand.call(S, Outcome::Cancelled);
    for peer in 10..30 {
        tell_of_failures(&mut stand, peer, 1, told);
    }
    stand.at_ms(1_000).ask(S)
}

#[test]
fn who_wants_what_fails_stands_in_line_before_its_place_is_known_and_who_has_closed_it_does_not() {
    let in_phase = |number, phase| Some(Stay { number, phase, age: Duration::ZERO, probes: Probes::default() });
    let waits = |told| !matches!(ask_beside(told), Answer::Granted(_));
    assert!(waits((None, Demand::Some)));
    assert!(waits((in_phase(1, Phase::Open), Demand::Some)), "it half-opens with us, however late that is heard");
    assert!(!waits((None, Demand::None)));
    assert!(!waits((in_phase(1, Phase::Open), Demand::None)));
    assert!(!waits((in_phase(1, Phase::Closed), Demand::Some)));
}

#[test]
fn what_failed_before_an_opening_was_closed_opens_nothing_and_what_fails_after_it_does() {
    let mut stand = half_open();
    stand.call(S, Outcome::Success);
    // They have not been heard to be in it.
    (4..=6).for_each(|peer| tell_of_failures(&mut stand, peer, 1, (None, Demand::None)));
    tell(&mut stand, 1, 2, Probes { claimed: 3, highest: 3, good: 2, ..Probes::default() }, Demand::None);
    for ms in (0..2_000).step_by(100) {
        stand.at_ms(ms).advance();
        assert_eq!(effective(&stand), StateKind::Closed, "after {ms} ms");
    }
    (4..=6).for_each(|peer| tell_of_failures(&mut stand, peer, 2, (None, Demand::None)));
    assert_eq!(effective(&stand), StateKind::Open);
    assert_eq!(stand.registry.cluster_place(stand.now, S).map(|place| place.stay.number), Some(2));
}

#[test]
fn a_policy_enforced_for_nothing_lets_all_through_and_counts_them_nowhere() {
    let mut stand = half_open_with(Policy { enforce: Rate::percent(0), ..Policy::default() }, Demand::None);
    stand.permit(S);
    match stand.ask(S) {
        Answer::Granted(granted) => {
            assert_eq!(granted.how, How::WouldRefuse);
            stand.report(granted.permit, Outcome::Failure).expect("out");
        }
        other => panic!("{other:?}"),
    }
    assert!(ends(&stand).is_empty());
}
