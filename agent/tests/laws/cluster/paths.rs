//! Paths where hosts judge together: a child that opens takes its outcomes out of what its ancestors testify.

use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::policy::Policy;
use breaker_agent::core::state::StateKind;

use super::world::{World, registry_settings, settings};
use crate::stand::Stand;

fn failed(stand: &mut Stand, name: &str) -> u32 {
    let digests = stand.registry.digests(stand.now, 99);
    digests.iter().find(|digest| digest.service.as_str() == name).map_or(0, |digest| digest.spans[6].failed)
}

#[test]
fn one_dead_instance_opens_on_all_hosts_and_not_the_service_it_is_of() {
    let mut world = World::new(8);
    let calls = |world: &mut World, to, dead: Option<&str>| {
        world.run_to(to, |world, at| {
            for host in world.ids() {
                for (index, name) in ["p/a", "p/b", "p/c"].into_iter().enumerate() {
                    if (at + 40 * host as u64 + 30 * index as u64).is_multiple_of(100) {
                        let fails = dead == Some(name);
                        world.hosts[host].call(name, if fails { Outcome::Failure } else { Outcome::Success });
                    }
                }
            }
        });
    };
    calls(&mut world, 2_000, None);
    calls(&mut world, 4_000, Some("p/a"));
    assert!(world.ids().all(|host| world.state(host, "p/a") != StateKind::Closed), "{:?}", world.states("p/a"));
    assert!(world.all_are("p", StateKind::Closed) && world.all_are("p/b", StateKind::Closed));
    calls(&mut world, 15_000, None);
    assert!(world.all_are("p/a", StateKind::Closed), "{:?}", world.states("p/a"));
}

#[test]
fn what_a_child_takes_along_leaves_the_testimony_above_it_once() {
    let mut policy = Policy::default();
    policy.conditions.failure_threshold = Some(4);
    policy.conditions.error_rate = None;
    let mut patient = policy.clone();
    patient.conditions.failure_threshold = Some(100);
    let mut stand = Stand::with(patient, registry_settings(Some(settings(0))))
        .policy_for("p/a", policy.clone())
        .policy_for("p/a/x", policy);
    for _ in 0..2 {
        stand.report_unasked("p/b", Outcome::Failure);
    }
    for _ in 0..3 {
        stand.report_unasked("p/a/y", Outcome::Failure);
    }
    assert_eq!([failed(&mut stand, "p"), failed(&mut stand, "p/a")], [5, 3]);
    // The fourth trips p/a: it and the three before leave p.
    stand.report_unasked("p/a/y", Outcome::Failure);
    assert_eq!(stand.state("p/a"), StateKind::Open);
    assert_eq!([failed(&mut stand, "p"), failed(&mut stand, "p/a")], [2, 4]);
    // A child of what has left already takes nothing with it when it trips in turn.
    stand.open("p/a/y");
    assert_eq!(failed(&mut stand, "p"), 2);
}
