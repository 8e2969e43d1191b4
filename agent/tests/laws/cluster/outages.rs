//! Whole outages on several hosts: who opens, who does not, and how all come back.

use std::time::Duration;

use breaker_agent::core::policy::Policy;
use breaker_agent::core::state::{HostNotice, StateKind};
use breaker_agent::core::time::MonoTime;

use super::world::World;
use crate::stand::S;

/// Every host calls ten times a second; after two seconds all fail until `up`, then none.
fn outage(world: &mut World, up: u64, end: u64) {
    let from = world.now.as_nanos() / 1_000_000;
    world.calls_to(from + 2_000, S, 100, |_| false);
    world.calls_to(up, S, 100, |_| true);
    world.calls_to(end, S, 100, |_| false);
}

#[test]
fn an_outage_opens_on_all_hosts_within_half_a_second_in_one_number() {
    let mut world = World::new(10);
    outage(&mut world, 2_500, 2_500);
    assert!(world.all_are(S, StateKind::Open), "{:?}", world.states(S));
    assert!(world.ids().all(|host| world.number(host, S) == Some(1)), "{:?}", world.entered);
}

#[test]
fn a_short_blip_of_less_than_half_the_shortest_span_opens_nothing() {
    let mut policy = Policy::default();
    // Or ten failures in a row would trip own breakers, which stand for themselves.
    policy.conditions.failure_threshold = None;
    let mut world = World::with(10, &policy, |_| {});
    world.calls_to(5_000, S, 10, |_| false);
    world.calls_to(5_100, S, 10, |_| true);
    world.calls_to(8_000, S, 10, |_| false);
    assert_eq!(world.entered, []);
}

#[test]
fn the_cluster_closes_again_after_three_good_probes_and_keeps_the_pace_while_they_fail() {
    let mut world = World::new(10);
    outage(&mut world, 12_000, 17_000);
    assert!(world.all_are(S, StateKind::Closed), "{:?}", world.states(S));
    assert_eq!(world.entered.iter().filter(|(_, _, _, number)| *number > 1).count(), 0, "{:?}", world.entered);
    let failed: Vec<MonoTime> =
        world.probes.iter().map(|(at, _)| *at).filter(|at| *at < MonoTime::from_millis(12_000)).collect();
    assert!((4..=11).contains(&failed.len()), "{:?}", world.probes);
    for pair in failed.windows(2) {
        assert!(pair[1].since(pair[0]) >= Duration::from_millis(990), "{:?}", world.probes);
    }
    assert!(world.probes.len() - failed.len() <= 6, "{:?}", world.probes);
}

#[test]
fn one_failing_host_opens_nothing_elsewhere_and_its_own_breaker_does() {
    let mut world = World::new(10);
    world.calls_to(2_000, S, 100, |_| false);
    world.calls_to(20_000, S, 100, |host| host == 3);
    assert_eq!(world.entered, []);
    let open = world.ids().filter(|host| world.state(*host, S) != StateKind::Closed).collect::<Vec<_>>();
    assert_eq!(open, [3]);
}

#[test]
fn services_called_once_a_minute_still_pool() {
    let mut world = World::new(30);
    world.step_ms = 10;
    world.calls_to(70_000, S, 60_000, |_| false);
    world.calls_to(140_000, S, 60_000, |_| true);
    assert!(world.all_are(S, StateKind::Open) || world.all_are(S, StateKind::HalfOpen), "{:?}", world.states(S));
}

#[test]
fn a_host_that_fails_everywhere_alone_says_within_ten_seconds_that_it_is_sick_and_is_well_after() {
    let mut world = World::new(8);
    let services = ["a", "b", "c", "d"];
    let run = |world: &mut World, to, sick: Option<usize>| {
        world.run_to(to, |world, at| {
            for host in world.ids() {
                for (index, service) in services.into_iter().enumerate() {
                    if (at + 40 * host as u64 + 20 * index as u64).is_multiple_of(100) {
                        let fails = sick == Some(host);
                        world.hosts[host].call(service, outcome(fails));
                    }
                }
            }
        });
    };
    run(&mut world, 2_000, None);
    run(&mut world, 11_900, Some(5));
    assert!(world.is_sick(5), "it is not told");
    run(&mut world, 30_000, Some(5));
    assert!(world.is_sick(5), "it is well too early");
    run(&mut world, 110_000, None);
    assert!(!world.is_sick(5) && world.was_told(5, HostNotice::Sick(false)));
    assert!(services.into_iter().all(|service| world.all_are(service, StateKind::Closed)));
    assert_eq!(world.entered, []);
}

#[test]
fn a_sick_host_stays_sick_while_its_own_breakers_try_again_in_turn() {
    let mut world = World::new(4);
    let services = ["a", "b", "c"];
    let each_calls = |world: &mut World, to, sick: Option<usize>| {
        world.run_to(to, |world, at| {
            for host in world.ids() {
                for service in services.iter().filter(|_| (at + 40 * host as u64).is_multiple_of(100)) {
                    // A probe of the sick host is asked for so seldom that it is on probation for seconds.
                    if sick != Some(host) || at < 12_000 || at.is_multiple_of(4_000) {
                        world.hosts[host].call(service, outcome(sick == Some(host)));
                    }
                }
            }
        });
    };
    each_calls(&mut world, 2_000, None);
    each_calls(&mut world, 12_000, Some(3));
    assert!(world.is_sick(3), "it is not told");
    each_calls(&mut world, 100_000, Some(3));
    assert!(!world.was_told(3, HostNotice::Sick(false)), "it was told that it is well");
}

#[test]
fn a_newcomer_adopts_what_most_are_in_on_its_first_ask() {
    let mut world = World::new(6);
    world.still = vec![5];
    outage(&mut world, 3_200, 3_200);
    world.still.clear();
    world.run_to(3_900, |_, _| {});
    assert_eq!(world.number(5, S), None);
    assert!(matches!(world.hosts[5].refused(S).state, StateKind::Open | StateKind::HalfOpen));
    assert_eq!(world.number(5, S), Some(1));
}

#[test]
fn hosts_whose_calls_go_well_stay_out_of_it() {
    let mut world = World::new(10);
    world.calls_to(2_000, S, 50, |_| false);
    world.calls_to(6_000, S, 50, |host| host < 5);
    let out: Vec<_> = world.ids().filter(|host| world.state(*host, S) == StateKind::Closed).collect();
    assert_eq!(out, [5, 6, 7, 8, 9], "{:?}", world.states(S));
}

#[test]
fn a_lone_host_in_an_opening_ends_it_by_its_own_probes() {
    let mut world = World::new(4);
    outage(&mut world, 3_200, 3_200);
    assert!(world.all_are(S, StateKind::Open));
    world.still = vec![1, 2, 3];
    world.calls_to(80_000, S, 100, |_| false);
    assert_eq!(world.state(0, S), StateKind::Closed);
}

#[test]
fn a_healed_partition_ends_closed_everywhere() {
    let mut world = World::with(12, &Policy::default(), |_| {});
    world.calls_to(2_000, S, 100, |_| false);
    let sides = |host: usize| host < 6;
    world.cut = (0..12).flat_map(|a| (0..12).map(move |b| (a, b))).filter(|(a, b)| sides(*a) != sides(*b)).collect();
    world.calls_to(20_000, S, 100, |_| true);
    assert!(world.ids().all(|host| world.state(host, S) != StateKind::Closed), "{:?}", world.states(S));
    world.cut.clear();
    world.calls_to(35_000, S, 100, |_| false);
    assert!(world.all_are(S, StateKind::Closed), "{:?}", world.states(S));
}

fn outcome(fails: bool) -> breaker_agent::core::outcome::Outcome {
    use breaker_agent::core::outcome::Outcome;
    if fails { Outcome::Failure } else { Outcome::Success }
}
