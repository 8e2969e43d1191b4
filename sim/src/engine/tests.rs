//! Whole runs of small clusters, on both fabrics: agents live, die and are asked, faults strike, the cost of gossip is
//! told. Two runs in one process may differ (tokio counts its runtimes), so nothing here compares traces.

use breaker_agent::core::guards::Guards;

use super::*;
use crate::plan::{Callers, FabricKind, Fault, Link, Mode, Place, Scenario, Service, What, Zone};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn plan(fabric: FabricKind, hosts: usize, faults: Vec<Fault>) -> Run {
    let service = Service { capacity: 1_000.0, latency: millis(2), queue: 100, warmup: None };
    let callers = Callers { service: "db".to_owned(), rate: 5.0, timeout: millis(500), retries: 0, hosts: Vec::new() };
    let scenario = Scenario {
        name: "made-up".to_owned(),
        duration: secs(6),
        zones: vec![Zone { name: Some("east".to_owned()), hosts }],
        link: Link { latency_min: millis(1), latency_max: millis(3), loss: 0.0 },
        agent: "gossip: {interval: 200ms}".to_owned(),
        services: BTreeMap::from([("db".to_owned(), service)]),
        callers: vec![callers],
        faults,
        expect: BTreeMap::new(),
    };
    Run { scenario, mode: Mode::Gossip, fabric, seed: 1, guards: Guards::ON }
}

fn done(plan: &Run) -> Outcome {
    run(plan, &Recorder::hashing(), &mut |_| {}).unwrap()
}

fn count(outcome: &Outcome, name: &str) -> u64 {
    outcome.counters.get(name).copied().unwrap_or_default()
}

const KINDS: [FabricKind; 2] = [FabricKind::Turmoil, FabricKind::Memory];

#[test]
fn agents_gossip_and_are_asked_in_the_end() {
    for fabric in KINDS {
        let outcome = done(&plan(fabric, 3, Vec::new()));
        assert_eq!((outcome.hosts, outcome.mode.as_str(), outcome.sim_seconds), (3, "gossip", 6.0));
        assert!(count(&outcome, "calls_granted") > 30, "{:?}", outcome.counters);
        // What agents count and what the network counts is the same, but for the last step.
        assert!(count(&outcome, "seal_sent").abs_diff(count(&outcome, "network_sent")) <= 10);
        assert!(count(&outcome, "seal_received").abs_diff(count(&outcome, "network_received")) <= 10);
        assert!(outcome.metrics["datagrams_per_host_s"] > Some(1.0), "{:?}", outcome.metrics);
        assert!(outcome.invariants.iter().all(|invariant| invariant.held), "{:?}", outcome.invariants);
        assert_eq!(outcome.metrics["spread_p99_ms"], None, "nothing happened that could spread");
    }
}

#[test]
fn a_local_cluster_has_no_gossip_and_an_oracle_no_agents() {
    for fabric in KINDS {
        let local = done(&Run { mode: Mode::Local, ..plan(fabric, 2, Vec::new()) });
        assert_eq!((count(&local, "network_sent"), local.mode.as_str()), (0, "local"));
        assert!(count(&local, "calls_granted") > 10);
        let oracle = done(&Run { mode: Mode::Oracle, ..plan(fabric, 2, Vec::new()) });
        assert_eq!((count(&oracle, "network_sent"), count(&oracle, "calls_granted")), (0, 0));
    }
}

#[test]
fn every_fault_of_hosts_and_network_strikes() {
    let hosts = |numbers: &[usize]| numbers.iter().map(|host| Place::Host(*host)).collect::<Vec<_>>();
    let share = 0.3;
    for fabric in KINDS {
        let mut faults = vec![
            What::Partition { groups: vec![hosts(&[0]), hosts(&[1, 2])] },
            What::OneWay { from: hosts(&[2]), to: hosts(&[1]) },
            What::Loss { share },
            What::Duplicate { share },
            What::Reorder { share },
            What::Delay { by: millis(20) },
            What::GossipDead { hosts: vec![2] },
            What::RollingRestart { every: millis(100) },
            What::Crash { hosts: vec![1], restart_after: Some(secs(1)) },
        ];
        if fabric == FabricKind::Memory {
            faults.push(What::Pause { hosts: vec![0] });
        }
        let faults = faults.into_iter().zip(1..).map(|(what, turn)| {
            let lasts = (!matches!(what, What::RollingRestart { .. } | What::Crash { .. })).then_some(millis(1_500));
            Fault { at: millis(1_000 + 200 * turn), lasts, what }
        });
        let plan = plan(fabric, 3, faults.collect());
        let (recorder, mut progress) = (Recorder::hashing(), |_| {});
        let mut engine = Engine::new(&plan, &recorder, &mut progress).unwrap();
        engine.go_on().unwrap();
        let of_network = (0..plan.scenario.faults.len()).map(|index| engine.cluster.fabric.struck(index));
        let struck: Vec<_> = of_network.zip(&engine.struck).map(|(network, host)| network + host).collect();
        assert!(struck.iter().all(|struck| *struck > 0), "{fabric:?}: {struck:?}");
    }
}

#[test]
fn every_life_is_told_with_no_more_accepted_than_delivered() {
    for fabric in KINDS {
        let crash = What::Crash { hosts: vec![1], restart_after: Some(millis(700)) };
        let rolling = What::RollingRestart { every: millis(300) };
        let faults = [(2_000, crash), (3_500, rolling)].map(|(at, what)| Fault { at: millis(at), lasts: None, what });
        let plan = plan(fabric, 3, faults.to_vec());
        let (recorder, mut progress) = (Recorder::hashing(), |_| {});
        let mut engine = Engine::new(&plan, &recorder, &mut progress).unwrap();
        engine.go_on().unwrap();
        engine.ask_all().unwrap();
        let (facts, _) = engine.facts();
        let lives: Vec<_> = facts.lives.iter().map(|life| (life.host, life.incarnation)).collect();
        assert_eq!(lives, [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)], "{fabric:?}");
        for life in &facts.lives {
            assert!(life.accepted > 0 && life.accepted <= life.delivered_distinct, "{fabric:?}: {life:?}");
            assert!(life.lived > millis(500), "{fabric:?}: {life:?}");
        }
        let replayed = engine.cluster.traffic().replayed;
        assert!(replayed > 50, "{fabric:?}: {replayed}");
    }
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is() {
    let pause = Fault { at: secs(1), lasts: Some(secs(1)), what: What::Pause { hosts: vec![0] } };
    let said = |plan: &Run| run(plan, &Recorder::hashing(), &mut |_| {}).unwrap_err().to_string();
    assert!(said(&plan(FabricKind::Turmoil, 2, vec![pause])).contains("memory fabric"));
    let mut wrong = plan(FabricKind::Memory, 2, Vec::new());
    wrong.scenario.agent = "gossip: {interval: never}".to_owned();
    assert!(said(&wrong).contains("gossip.interval"), "{}", said(&wrong));
}

#[test]
fn what_only_a_bug_can_cause_is_a_violation() {
    assert!(no_bugs(&BTreeMap::from([("seal_sent".to_owned(), 7)])).held);
    let broken = no_bugs(&BTreeMap::from([("seal_forged".to_owned(), 7)]));
    assert_eq!((broken.held, broken.first_violation.as_deref()), (false, Some("seal_forged: 7")));
}

#[test]
fn the_cost_of_rest_is_that_of_rest_or_of_the_whole_run() {
    let sent = |sent| Traffic { sent, ..Traffic::default() };
    let meter = Meter { settled: Some((secs(5), sent(100))), rested: Some((secs(15), sent(300))), ..Meter::default() };
    assert_eq!(meter.rest(secs(60), sent(9_000)), (sent(200), 10.0));
    let short = Meter { rested: Some((secs(6), sent(120))), ..meter };
    assert_eq!(short.rest(secs(60), sent(9_000)), (sent(9_000), 60.0));
    assert_eq!(Meter::default().rest(Duration::ZERO, sent(1)), (sent(1), 0.001));
}
