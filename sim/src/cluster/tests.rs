//! What agents are configured with, and who is given whom.

use std::collections::BTreeMap;

use breaker_agent::core::guards::Guards;

use super::*;
use crate::plan::{FabricKind, Link, Zone};

fn run(hosts: usize, agent: &str) -> Run {
    let zone = |name: &str, hosts| Zone { name: Some(name.to_owned()), hosts };
    let scenario = Scenario {
        name: "made-up".to_owned(),
        duration: Duration::from_secs(1),
        zones: vec![zone("east", 1), zone("west", hosts - 1)],
        link: Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, loss: 0.0 },
        agent: agent.to_owned(),
        services: BTreeMap::new(),
        callers: Vec::new(),
        faults: Vec::new(),
        expect: BTreeMap::new(),
    };
    Run { scenario, mode: Mode::Gossip, fabric: FabricKind::Memory, seed: 1, guards: Guards::ON }
}

fn fabric(run: &Run) -> Fabric {
    let plan = fabric::Plan {
        kind: run.fabric,
        seed: 1,
        link: run.scenario.link,
        hosts: run.scenario.hosts(),
        services: Vec::new(),
        longest: Duration::from_secs(1),
    };
    Fabric::new(&plan, &Recorder::hashing())
}

fn config(agent: &str, hosts: usize, mode: Mode) -> Config {
    let config = Config::load(agent, AGENT_KEY).unwrap();
    config_of(1, &config, mode, &fabric(&run(hosts, agent))).unwrap()
}

#[test]
fn a_scenarios_configuration_gets_what_differs_from_host_to_host() {
    let config = config("gossip: {interval: 200ms, cluster: blue}", 5, Mode::Gossip);
    assert_eq!(config.node.id.value.as_ref().unwrap().as_str(), "h1");
    assert_eq!(config.gossip.listen.value.to_string(), "192.168.0.2:7373");
    assert_eq!(
        (config.gossip.interval.value, config.gossip.cluster.value.as_str()),
        (Duration::from_millis(200), "blue")
    );
    let seeds: Vec<_> = config.gossip.seeds.value.iter().map(|seed| seed.as_str().to_owned()).collect();
    assert_eq!(seeds, ["192.168.0.1:7373", "192.168.0.2:7373", "192.168.0.3:7373"]);
    assert_eq!(self::config("", 2, Mode::Gossip).gossip.seeds.value.len(), 2);
}

#[test]
fn gossip_is_off_in_a_local_cluster_and_where_the_scenario_says_so() {
    assert!(config("", 3, Mode::Gossip).gossip.on.value);
    assert!(!config("", 3, Mode::Local).gossip.on.value);
    assert!(!config("gossip: off", 3, Mode::Gossip).gossip.on.value);
}

#[test]
fn what_is_wrong_with_the_configuration_is_said() {
    let run = run(2, "circuit_braker: {}");
    let recorder = Recorder::hashing();
    let refused = Cluster::new(&run, &recorder, &World::new(&run, &recorder)).err().unwrap();
    assert!(refused.to_string().contains("circuit_braker"), "{refused}");
}

#[test]
fn a_pool_finds_itself_and_one_host_more_is_given_everybody() {
    let of = |hosts| {
        let run = run(hosts, "");
        given(&run.scenario, &fabric(&run))
    };
    assert!(of(POOL_MAX).is_none());
    let all = of(POOL_MAX + 1).unwrap();
    assert_eq!(all.len(), POOL_MAX + 1);
    assert_eq!((all[0].node.as_str(), all[0].zone.as_deref()), ("h0", Some("east")));
    assert_eq!((all[500].node.as_str(), all[500].zone.as_deref()), ("h500", Some("west")));
    assert_eq!(all[500].address.to_string(), "192.168.1.245:7373");
}
