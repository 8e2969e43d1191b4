//! F21 and F22: too much is refused at once.
//!
//! Both were reported of proxies that eject hosts from a set. How much of what a host uses may be refused on the word of
//! its peers is a matter of the cluster's judgement and is capped there; by its own calls a host may find everything
//! failing, and then refuses everything. What the registry owes is that one refusal is never the cause of another.

use breaker_agent::core::outcome::Outcome::{Failure, Success};
use breaker_agent::core::policy::Policy;
use breaker_agent::core::registry::{Answer, Settings};
use breaker_agent::core::state::{Action, StateKind};

use crate::stand::{SETTINGS, Stand, half_of, three_in_a_row};

const INSTANCES: [&str; 3] = ["payments/a", "payments/b", "payments/c"];

// The limit on ejections was checked before the action and overshot: envoy#3263, #26877, #27066.
#[test]
fn f21_an_instance_that_opens_takes_neither_its_siblings_nor_its_service_along() {
    let mut stand = Stand::new(half_of(10, 4)).policy_for("payments/a", three_in_a_row());
    stand.calls("payments/b", Success, 4).calls("payments/a", Failure, 3);
    assert_eq!(stand.state("payments/a"), StateKind::Open);
    stand.refused("payments/a");
    for service in ["payments/b", "payments/c", "payments"] {
        assert!(stand.call(service, Success));
        assert_eq!(stand.state(service), StateKind::Closed);
    }
    assert_eq!(stand.counts("payments").failed, 0, "its failures have left with it");
}

// Everything was ejected and every call answered 503: istio#20135, envoy#2671, linkerd2#11493, finagle#529.
#[test]
fn f22_with_every_known_instance_open_the_service_and_new_instances_are_still_called() {
    let mut stand = Stand::new(three_in_a_row());
    for instance in INSTANCES {
        stand.calls(instance, Failure, 3);
        assert_eq!(stand.state(instance), StateKind::Open);
    }
    assert_eq!(stand.state("payments"), StateKind::Closed);
    assert!(stand.call("payments/d", Success) && stand.call("payments", Success));
}

#[test]
fn f22_a_full_registry_lets_calls_through_and_forgets_nothing_that_is_held_shut() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 4, ..SETTINGS });
    for instance in INSTANCES {
        stand.calls(instance, Failure, 3);
    }
    for flood in 0..1_000 {
        assert_eq!(stand.ask(&format!("flood-{flood}")), Answer::Untracked);
    }
    assert_eq!((stand.registry.services(), stand.registry.untracked()), (4, 1_000));
    for instance in INSTANCES {
        assert_eq!(stand.refused(instance).state, StateKind::Open);
    }
}

#[test]
fn f22_a_full_registry_still_refuses_what_an_ancestor_refuses() {
    let mut stand = Stand::with(Policy::default(), Settings { services_max: 1, ..SETTINGS });
    stand.operate("payments", Action::ForceOpen(crate::stand::hold(None)));
    assert_eq!(stand.refused("payments/a").state, StateKind::ForcedOpen);
    assert!(!stand.would_allow("payments/a"));
    assert_eq!(stand.registry.services(), 1);
}

#[test]
fn f04_a_full_registry_lets_no_herd_through_a_half_open_ancestor() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 1, ..SETTINGS });
    stand.open("payments").half_open("payments");
    for _ in 0..100 {
        stand.refused("payments/a");
    }
    stand.permit("payments");
}
