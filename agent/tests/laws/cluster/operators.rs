//! What beats a cluster's judgement, what limits it, and what it may do where it has no authority.

use std::time::Duration;

use breaker_agent::core::digest::{FailureDigest, Flags, Phase, Probes, Span, StateKind, Stay, Testimony};
use breaker_agent::core::guards::Guards;
use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::peers::Way;
use breaker_agent::core::policy::Policy;
use breaker_agent::core::registry::{Authority, ClusterSettings, Told};
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{Action, ClusterNotice, Notice};

use super::world::{id, registry_settings, settings};
use crate::stand::{S, Stand, hold};

fn host(change: impl Fn(&mut ClusterSettings)) -> Stand {
    let mut cluster = settings(50);
    change(&mut cluster);
    Stand::with(Policy::default(), registry_settings(Some(cluster)))
}

fn told(service: &str, peer: usize, stay: Option<(u64, Phase)>) -> Testimony {
    let stay = stay.map(|(number, phase)| Stay { number, phase, age: Duration::ZERO, probes: Probes::default() });
    let spans = [Span { calls: 100, failed: 100 }; 7];
    let name = ServiceName::parse(service).expect("a name");
    let flags = Flags { wanted: true, ..Flags::default() };
    let digest = FailureDigest { sequence: 1, spans, stay, flags, ..FailureDigest::of(name, StateKind::Closed) };
    Testimony { host: id(peer), incarnation: 1, age: Duration::ZERO, digest }
}

/// Three peers find the service failing.
fn fail_elsewhere(stand: &mut Stand, service: &str, stay: Option<(u64, Phase)>) {
    for peer in 1..=3 {
        let testimony = told(service, peer, stay);
        stand.turn(|registry, turn, _| registry.hear(turn, &testimony, Way::State));
    }
}

fn effective(stand: &Stand, service: &str) -> StateKind {
    stand.registry.view(service).map_or(StateKind::Closed, |view| view.effective_state())
}

fn entered(stand: &Stand) -> usize {
    stand.notices.iter().filter(|(_, notice)| matches!(notice, Notice::Cluster(ClusterNotice::Entered { .. }))).count()
}

#[test]
fn an_operators_word_beats_an_opening_and_when_it_ends_the_opening_decides_again() {
    let mut stand = host(|_| {});
    fail_elsewhere(&mut stand, S, None);
    stand.refused(S);
    let until = stand.now + Duration::from_millis(500);
    stand.operate(S, Action::Disable(hold(Some(until))));
    assert!(stand.call(S, Outcome::Failure));
    assert_eq!(effective(&stand, S), StateKind::Disabled);
    stand.at_ms(500).advance();
    assert_eq!(effective(&stand, S), StateKind::Open);
    let path = [
        (StateKind::Closed, StateKind::Open),
        (StateKind::Open, StateKind::Disabled),
        (StateKind::Disabled, StateKind::Open),
    ];
    assert_eq!(stand.path_of_states(), path);
}

#[test]
fn closing_by_hand_leaves_the_opening_for_good() {
    for action in [Action::ForceClose(None), Action::Reset(None)] {
        let mut stand = host(|_| {});
        fail_elsewhere(&mut stand, S, Some((4, Phase::Open)));
        stand.refused(S);
        assert_eq!(stand.registry.cluster_place(stand.now, S).expect("in").stay.number, 4);
        stand.operate(S, action);
        assert_eq!(effective(&stand, S), StateKind::Closed);
        stand.wait_ms(300).advance();
        assert!(stand.call(S, Outcome::Success), "number 4 is not entered again");
        assert_eq!(entered(&stand), 1);
    }
}

#[test]
fn where_an_operator_decides_nothing_is_entered() {
    for action in [Action::Disable(hold(None)), Action::MetricsOnly(hold(None))] {
        let mut stand = host(|_| {});
        stand.operate(S, action);
        fail_elsewhere(&mut stand, S, Some((4, Phase::Open)));
        assert!(stand.call(S, Outcome::Failure));
        assert_eq!(entered(&stand), 0);
    }
}

#[test]
fn outcomes_of_calls_permitted_before_an_opening_are_dropped_in_it() {
    let mut stand = host(|_| {});
    let permit = stand.permit(S);
    fail_elsewhere(&mut stand, S, None);
    assert_eq!(effective(&stand, S), StateKind::Open);
    assert_eq!(stand.report(permit, Outcome::Failure), Ok(Told::Dropped));
    assert_eq!(stand.report_unasked(S, Outcome::Failure), Told::Dropped);
    assert_eq!(stand.counts(S).total, 0);
}

#[test]
fn advisory_testifies_and_enters_nothing() {
    let mut stand = host(|cluster| cluster.authority = Authority::Advisory);
    fail_elsewhere(&mut stand, S, Some((4, Phase::Open)));
    assert!(stand.call(S, Outcome::Failure));
    assert_eq!(entered(&stand), 0);
    let digests = stand.registry.digests(stand.now, 9);
    assert!(digests[0].flags.advisory && digests[0].spans[6].failed == 1);
    assert!(stand.registry.cluster_view(stand.now, S).expect("tracked").judgement.trips);
}

#[test]
fn accelerate_trips_the_own_breaker_at_the_second_own_failure_and_enters_nothing() {
    let mut stand = host(|cluster| cluster.authority = Authority::Accelerate);
    fail_elsewhere(&mut stand, S, Some((4, Phase::Open)));
    stand.call(S, Outcome::Failure);
    assert_eq!(effective(&stand, S), StateKind::Closed);
    stand.call(S, Outcome::Failure);
    assert_eq!(stand.refused(S).reason.code(), "cluster_hastened");
    assert_eq!(entered(&stand), 0);
}

#[test]
fn three_services_may_be_refused_on_hearsay_alone_and_the_fourth_only_if_that_is_half_of_those_used() {
    let mut stand = host(|_| {});
    for name in ["a", "b", "c", "d", "e/f"] {
        fail_elsewhere(&mut stand, name, None);
    }
    for name in ["a", "b", "c"] {
        stand.refused(name);
    }
    assert!(stand.call("d", Outcome::Success));
    let capped = |stand: &Stand| {
        stand
            .notices
            .iter()
            .filter(|(_, notice)| matches!(notice, Notice::Cluster(ClusterNotice::Capped { .. })))
            .count()
    };
    assert_eq!((entered(&stand), capped(&stand)), (3, 1));
    // Told once, however often it is judged again.
    stand.wait_ms(500).advance();
    assert_eq!(capped(&stand), 1);
    for name in ["s1", "s2", "s3", "s4", "s5"] {
        stand.call(name, Outcome::Success);
    }
    stand.wait_ms(1_000).advance();
    assert_eq!(entered(&stand), 4, "of eight used, four");
    // The instance and then its service, which may be refused only together with the four.
    assert!(stand.call("e/f", Outcome::Success));
    assert_eq!(entered(&stand), 4);
}

#[test]
fn own_failures_know_no_cap() {
    let mut stand = host(|_| {});
    for name in ["a", "b", "c", "d", "e"] {
        stand.call(name, Outcome::Failure);
        fail_elsewhere(&mut stand, name, None);
        stand.refused(name);
    }
    assert_eq!(entered(&stand), 5);
}

#[test]
fn with_their_guards_off_a_number_is_entered_again_and_the_cap_is_gone() {
    let off = |cluster: &mut ClusterSettings| {
        cluster.guards = Guards { reentry: false, join_cap: false, ..Guards::ON };
    };
    let mut stand = host(off);
    for name in ["a", "b", "c", "d"] {
        fail_elsewhere(&mut stand, name, Some((4, Phase::Open)));
        stand.refused(name);
    }
    stand.operate("a", Action::ForceClose(None));
    stand.wait_ms(200).advance();
    assert_eq!(stand.registry.cluster_place(stand.now, "a").map(|place| place.stay.number), Some(4));
}
