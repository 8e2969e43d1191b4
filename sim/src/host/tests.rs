//! Lives of an agent: their numbers, seeds, and what is kept of them.

use super::*;
use crate::fabric::{Fabric, FabricKind, Plan};
use crate::plan::{Link, Mode, Place, Run, Scenario};
use crate::trace::Recorder;

fn host(chance: u64) -> Host {
    let link = Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, loss: 0.0 };
    let plan = Plan {
        kind: FabricKind::Memory,
        seed: 1,
        link,
        hosts: 1,
        services: Vec::new(),
        longest: Duration::from_secs(1),
    };
    let fabric = Fabric::new(&plan, &Recorder::hashing());
    let scenario = Scenario {
        name: "made-up".to_owned(),
        duration: Duration::from_secs(1),
        zones: Vec::new(),
        link,
        agent: String::new(),
        services: BTreeMap::new(),
        callers: Vec::new(),
        faults: Vec::new(),
        expect: BTreeMap::new(),
    };
    let run = Run { scenario, mode: Mode::Gossip, fabric: FabricKind::Memory, seed: 1, guards: Guards::ON };
    let around = Around {
        clock: fabric.clock().clone(),
        world: World::new(&run, &Recorder::hashing()),
        news: News::default(),
        services: Arc::default(),
    };
    let setup = Setup { agent: None, chance, starts_after: Duration::ZERO };
    Host::new(0, Arc::clone(fabric.port(&Place::Host(0))), setup, around)
}

fn agent() -> AgentSetup {
    AgentSetup {
        config: Arc::default(),
        zone: Some("east".to_owned()),
        keyring: Keyring::generate(&mut StdRng::seed_from_u64(1)),
        given: None,
        guards: Guards::ON,
    }
}

fn next_life(host: &Host) -> Identity {
    host.begin_life(&agent(), listener::in_memory().1)
}

#[test]
fn each_life_has_the_next_incarnation_and_draws_anew() {
    let (first_host, same, other) = (host(1), host(1), host(2));
    let (first, second) = (next_life(&first_host), next_life(&first_host));
    assert_eq!((first.incarnation, second.incarnation), (1, 2));
    assert_eq!((first.node.as_str(), first.zone.as_deref()), ("h0", Some("east")));
    assert_ne!(first.seed, second.seed);
    assert_eq!(first.seed, next_life(&same).seed);
    assert_ne!(first.seed, next_life(&other).seed);
}

#[test]
fn a_life_begins_above_what_gossip_took_in_the_one_before() {
    let host = host(1);
    next_life(&host);
    (host.gossip(&agent()).unwrap().on_incarnation)(7);
    assert_eq!(next_life(&host).incarnation, 8);
}

#[test]
fn a_life_that_ends_is_kept_with_what_it_counted_and_ends_once() {
    let host = host(1);
    host.end_life();
    assert!(!host.is_alive() && host.past_lives().is_empty());
    next_life(&host);
    assert!(host.is_alive());
    host.lock().life.as_mut().unwrap().counters =
        BTreeMap::from([("seal_accepted".to_owned(), 5), (ALERTS_SENT.to_owned(), 3)]);
    host.end_life();
    host.end_life();
    let lives = host.past_lives();
    assert_eq!(lives.len(), 1);
    let facts = &lives[0].facts;
    assert_eq!((facts.host, facts.incarnation, facts.accepted, facts.alerts_sent), (0, 1, 5, 3));
    assert!(!host.is_alive());
}

#[test]
fn an_agent_is_given_all_others_or_nobody() {
    let peer =
        |node: &str| GivenPeer { node: node.to_owned(), zone: None, address: "192.168.0.1:7373".parse().unwrap() };
    assert_eq!(agent().membership("h1"), Membership::Gossiped);
    let given = AgentSetup { given: Some(["h0", "h1", "h2"].map(peer).into()), ..agent() };
    assert_eq!(given.membership("h1"), Membership::Given(vec![peer("h0"), peer("h2")]));
}
