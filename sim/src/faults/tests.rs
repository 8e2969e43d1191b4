//! What a fault becomes, in order of time, and what cannot be done.

use breaker_agent::core::guards::Guards;
use std::collections::BTreeMap;

use super::*;
use crate::plan::{Link, Mode, Scenario, Zone};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn fault(at: u64, lasts: Option<u64>, what: What) -> Fault {
    Fault { at: secs(at), lasts: lasts.map(secs), what }
}

/// Every act with its time in milliseconds.
fn acts(faults: &[Fault], hosts: usize) -> Vec<(u128, Act)> {
    let mut timeline = Timeline::of(faults, hosts);
    let mut acts = Vec::new();
    while let Some(at) = timeline.begins() {
        assert_eq!(timeline.next(at.saturating_sub(Duration::from_nanos(1))), None, "nothing comes early");
        acts.push((at.as_millis(), timeline.next(at).unwrap()));
    }
    acts
}

fn host(fault: usize, host: usize, act: HostAct) -> Act {
    Act::Host { fault, host, act }
}

#[test]
fn a_fault_begins_and_ends_on_time_and_one_without_length_never_ends() {
    let loss = |lasts| fault(30, lasts, What::Loss { share: 0.1 });
    assert_eq!(
        acts(&[loss(Some(20)), loss(None)], 3),
        [(30_000, Act::Begin(0)), (30_000, Act::Begin(1)), (50_000, Act::End(0))]
    );
}

#[test]
fn who_crashes_is_asked_a_step_before_and_starts_again_when_said() {
    let crash = |restart_after: Option<u64>| {
        fault(30, None, What::Crash { hosts: vec![1, 2], restart_after: restart_after.map(secs) })
    };
    let dies = [
        (30_000, Act::Begin(0)),
        (30_000, Act::Ask(1)),
        (30_000, Act::Ask(2)),
        (30_001, host(0, 1, HostAct::Crash)),
        (30_001, host(0, 2, HostAct::Crash)),
    ];
    let starts = [(35_000, host(0, 1, HostAct::Start)), (35_000, host(0, 2, HostAct::Start)), (35_000, Act::End(0))];
    assert_eq!(acts(&[crash(None)], 3), dies);
    assert_eq!(acts(&[crash(Some(5))], 3), [&dies[..], &starts[..]].concat());
    let at_once = acts(&[crash(Some(0))], 3);
    assert_eq!(at_once.last(), Some(&(30_002, Act::End(0))), "who starts at once has died before");
}

#[test]
fn a_pause_ends_with_the_fault() {
    let pause = fault(1, Some(2), What::Pause { hosts: vec![0] });
    assert_eq!(
        acts(&[pause], 1),
        [
            (1_000, Act::Begin(0)),
            (1_000, host(0, 0, HostAct::Pause)),
            (3_000, host(0, 0, HostAct::Resume)),
            (3_000, Act::End(0)),
        ]
    );
}

#[test]
fn a_rolling_restart_takes_every_host_in_turn_and_then_is_over() {
    let rolling = fault(10, None, What::RollingRestart { every: secs(2) });
    assert_eq!(
        acts(&[rolling], 2),
        [
            (10_000, Act::Begin(0)),
            (10_000, Act::Ask(0)),
            (10_001, host(0, 0, HostAct::Restart)),
            (12_000, Act::Ask(1)),
            (12_001, host(0, 1, HostAct::Restart)),
            (13_000, Act::End(0)),
        ]
    );
}

fn run(hosts: usize, fabric: FabricKind, faults: Vec<Fault>) -> Run {
    let scenario = Scenario {
        name: "made-up".to_owned(),
        duration: secs(1),
        zones: vec![Zone { name: None, hosts }],
        link: Link { latency_min: secs(0), latency_max: secs(0), loss: 0.0 },
        agent: String::new(),
        services: BTreeMap::new(),
        callers: Vec::new(),
        faults,
        expect: BTreeMap::new(),
    };
    Run { scenario, mode: Mode::Gossip, fabric, seed: 1, guards: Guards::ON }
}

#[test]
fn a_fabric_bears_so_many_hosts_and_not_one_more() {
    for fabric in [FabricKind::Turmoil, FabricKind::Memory] {
        let most = hosts_max(fabric);
        assert_eq!(check(&run(most, fabric, Vec::new())), Ok(()));
        let refused = check(&run(most + 1, fabric, Vec::new())).unwrap_err();
        assert_eq!(refused, Impossible::TooManyHosts { hosts: most + 1, most });
        assert!(refused.to_string().contains(&most.to_string()));
    }
}

#[test]
fn a_pause_is_refused_under_turmoil_before_anything_begins() {
    let pause = || vec![fault(1, Some(1), What::Pause { hosts: vec![0] })];
    assert_eq!(check(&run(2, FabricKind::Memory, pause())), Ok(()));
    let refused = check(&run(2, FabricKind::Turmoil, pause())).unwrap_err();
    assert!(refused.to_string().contains("memory fabric"), "{refused}");
}

#[test]
fn faults_are_said_in_words() {
    let said = [
        fault(30, Some(20), What::Partition { groups: Vec::new() }),
        fault(1, None, What::Crash { hosts: vec![0], restart_after: None }),
        Fault {
            at: Duration::from_millis(1_500),
            lasts: None,
            what: What::ServiceSlow { service: "db".to_owned(), by: secs(1) },
        },
    ]
    .map(|fault| in_words(&fault));
    assert_eq!(said, ["partition at 30 s for 20 s", "crash at 1 s", "service_slow db at 1.5 s"]);
}
