//! Each invariant catches a made-up violation, and lets its honest neighbour be.

use breaker_agent::core::digest::StateKind;
use breaker_agent::core::state::{ClusterNotice, HostNotice, Notice};

use crate::plan::{Callers, Down, Fault, Mode, Place, Run, What, Zone};
use crate::world::calls::Fate;
use crate::world::tests::{Stand, adopted, fault, run, started};
use crate::world::{LifeFacts, Lives, Turn};

mod first_hand;
mod liveness;
mod safety;

fn stand(hosts: usize, faults: Vec<Fault>) -> Stand {
    Stand::of(&run(hosts, &["a", "b", "c", "d"], faults))
}

fn down() -> What {
    What::ServiceDown { service: "a".to_owned(), mode: Down::Refuse }
}

/// Two groups of hosts, the services with the first.
fn partition(first: std::ops::Range<usize>, second: std::ops::Range<usize>) -> What {
    What::Partition { groups: vec![first.map(Place::Host).collect(), second.map(Place::Host).collect()] }
}

fn breaks(stand: &Stand, invariant: &str) -> bool {
    stand.broken().iter().any(|name| name == invariant)
}

/// So many hosts in the first opening of `a`, with reason.
fn opened(hosts: usize, faults: Vec<Fault>) -> Stand {
    let stand = stand(hosts, faults);
    stand.until(10_000).strains("a");
    for host in 0..hosts {
        stand.call(host, "a", Fate::Failed);
    }
    for host in 0..hosts {
        stand.enters(host, "a", started(1));
    }
    stand
}

#[test]
fn a_run_in_which_nothing_happens_breaks_nothing() {
    let stand = stand(5, vec![]);
    assert_eq!(stand.until(100_000).broken(), [""; 0]);
}

#[test]
fn every_invariant_is_in_the_result_once_and_says_what_it_is() {
    let names: Vec<String> = stand(2, vec![]).finish().invariants.into_iter().map(|it| it.name).collect();
    let expected =
        ["S1", "S2", "S4", "S5", "S6", "S8", "S9", "S10", "S12", "S13", "L1", "L2", "L3", "L5", "L6", "L7", "L8", "L9"];
    assert_eq!(names, expected);
}

#[test]
fn only_the_first_violation_is_kept() {
    let stand = opened(3, vec![]);
    stand.until(20_000).call(0, "a", Fate::Good).until(30_000).call(1, "a", Fate::Good);
    let broken = stand.finish().invariants.into_iter().find(|it| it.name == "S5").unwrap();
    assert_eq!(broken.first_violation.unwrap(), "at 20.000 s: h0 (a) let a call through while open");
}

#[test]
fn an_honest_outage_breaks_nothing() {
    let stand = stand(10, vec![fault(10, 20, down())]);
    stand.until(10_000).fault(0, Turn::Begins);
    for host in 0..10 {
        stand.call(host, "a", Fate::Failed);
    }
    stand.until(10_200);
    for host in 0..10 {
        stand.enters(host, "a", started(1));
    }
    stand.until(12_000);
    for host in 0..10 {
        stand.half_opens(host, "a");
    }
    for probe in 1..10 {
        stand.until(12_000 + 1_000 * u64::from(probe)).probes(0, "a", probe).call(0, "a", Fate::Failed);
    }
    stand.fault(0, Turn::Ends);
    for probe in 10..13 {
        stand.until(12_000 + 1_000 * u64::from(probe)).probes(1, "a", probe).call(1, "a", Fate::Good);
    }
    for host in 0..10 {
        stand.closes(host, "a");
    }
    assert_eq!(stand.until(60_000).broken(), [""; 0]);
}
