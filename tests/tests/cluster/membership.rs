//! Who sees whom: goodbyes, keys, clusters, gossip off.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use breaker_client::wire::{Member, Presence, State};
use breaker_tests::stage::{Agent, Cluster, Folder, Plan, keyring, member, policy, wait_for};
use rustix::process::Signal;

fn presence(agent: &Agent, node: &str) -> Option<Presence> {
    let members = agent.members();
    members.iter().find(|member| member.node == node).map(|member| member.presence)
}

/// Datagrams one must have got from the other before it may be said that they do not understand each other.
const ENOUGH: u64 = 20;

/// Two agents that greet each other, and what each knows after enough of it.
fn strangers(first: Plan, second: impl FnOnce(SocketAddr) -> Plan) -> (Agent, Agent) {
    let first = first.start();
    let second = second(first.gossip_address()).start();
    wait_for("enough greetings", || (first.counter("seal_received") >= ENOUGH).then_some(()));
    for agent in [&first, &second] {
        let members = agent.members();
        assert!(matches!(members[..], [Member { presence: Presence::Myself, .. }]), "{members:?}");
        assert!(agent.ctl(&["status"]).well().out.contains("gossip running"));
    }
    (first, second)
}

fn acquaintances(first: Plan, second: impl FnOnce(SocketAddr) -> Plan) {
    let first = first.start();
    let second = second(first.gossip_address()).start();
    wait_for("them to see each other", || {
        let both = [presence(&first, "b"), presence(&second, "a")];
        (both == [Some(Presence::Live); 2]).then_some(())
    });
}

fn of(node: &str, ring: Option<&Path>, seeds: &[SocketAddr]) -> Plan {
    member(node, ring, seeds, "")
}

/// Signals end an agent as they should while it gossips, too.
#[test]
fn peers_see_a_stopped_agent_as_left_and_forget_what_it_said() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut cluster = Cluster::start(3, &policy("failure_threshold: 1, recovery_timeout: 10m"));
        assert_eq!(cluster.agents[1].ctl(&["run", "cart", "--", "false"]).code, 1);
        for number in [0, 2] {
            wait_for("the others to hear of it", || {
                cluster.agents[number]
                    .service("cart")
                    .peers
                    .first()
                    .filter(|heard| heard.state == State::Open)
                    .map(drop)
            });
        }
        cluster.agents[1].signal(signal);
        assert_eq!(cluster.agents[1].wait_end(Duration::from_secs(5)).code(), Some(0), "{}", cluster.agents[1].log());
        assert!(!cluster.agents[1].socket().exists(), "the socket is removed");
        for number in [0, 2] {
            let agent = &cluster.agents[number];
            wait_for("the others to see it as left", || (presence(agent, "b") == Some(Presence::Left)).then_some(()));
            wait_for("what it said to be forgotten", || agent.service("cart").peers.is_empty().then_some(()));
            let shown = agent.ctl(&["members"]).well().out;
            assert!(shown.lines().any(|line| line.starts_with("b ") && line.contains("left")), "{shown}");
        }
        cluster.agents[1].start_again();
        wait_for("it to be seen again", || cluster.is_whole().then_some(()));
    }
}

#[test]
fn without_a_key_agents_on_loopback_see_each_other() {
    acquaintances(of("a", None, &[]), |seed| of("b", None, &[seed]));
}

#[test]
fn rings_that_share_keys_see_each_other_whichever_key_seals() {
    let folder = Folder::new();
    let [old, new] =
        ["old", "new"].map(|name| std::fs::read_to_string(keyring(&folder, name)).expect("it was written"));
    let installed = folder.write("installed", format!("{old}{new}"));
    let used = folder.write("used", format!("{new}{old}"));
    acquaintances(of("a", Some(&installed), &[]), |seed| of("b", Some(&used), &[seed]));
}

#[test]
fn agents_of_other_clusters_do_not_see_each_other() {
    let folder = Folder::new();
    let ring = keyring(&folder, "ring");
    let other = |seed| {
        let config = format!(
            "gossip: {{listen: \"127.0.0.1:0\", interval: 100ms, cluster: other, keyring: {}, seeds: [\"{seed}\"]}}\n",
            ring.display()
        );
        Plan::new("b", &config)
    };
    strangers(of("a", Some(&ring), &[]), other);
}

#[test]
fn agents_with_other_keys_do_not_hear_each_other() {
    let folder = Folder::new();
    let [ring, other] = ["ring", "other"].map(|name| keyring(&folder, name));
    let (first, _second) = strangers(of("a", Some(&ring), &[]), |seed| of("b", Some(&other), &[seed]));
    assert!(first.counter("seal_wrong_key") >= ENOUGH);
    assert_eq!((first.counter("seal_accepted"), first.counter("seal_sent")), (0, 0), "not a word in return");

    // The same name for another secret.
    let id = std::fs::read_to_string(&ring).expect("it was written");
    let id = id.split_whitespace().next().expect("a key has an id");
    let same_id = folder.write("same-id", format!("{id} {}\n", "5a".repeat(32)));
    let (first, _second) = strangers(of("a", Some(&ring), &[]), |seed| of("b", Some(&same_id), &[seed]));
    assert!(first.counter("seal_forged") >= ENOUGH);
    assert_eq!((first.counter("seal_accepted"), first.counter("seal_sent")), (0, 0), "not a word in return");

    let (first, _second) = strangers(of("a", Some(&ring), &[]), |seed| of("b", None, &[seed]));
    assert!(first.counter("seal_forged") >= ENOUGH, "who has a key hears nothing plain");
    assert_eq!(first.counter("seal_sent"), 0);
}

#[test]
fn gossip_off_is_a_circuit_breaker_all_the_same() {
    let agent = Agent::alone(&policy("failure_threshold: 1"));
    assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    assert_eq!(agent.ctl(&["check", "demo"]).code, 10);
    let members = agent.members();
    assert!(matches!(&members[..], [own] if own.presence == Presence::Myself && own.address == "-"), "{members:?}");
    assert!(agent.ctl(&["status"]).well().out.contains("gossip off"));
    assert_eq!(agent.ctl(&["status", "demo", "--peers"]).code, 0);
}

/// Somebody else under the same name: both go on, and it is said.
#[test]
fn two_agents_of_one_name_both_go_on_and_say_so() {
    let first = of("a", None, &[]).start();
    let second = of("a", None, &[first.gossip_address()]).start();
    wait_for("the clash to be noticed", || {
        [&first, &second].iter().find(|agent| agent.counter("gossip_name_clashes") > 0).map(|agent| {
            assert!(agent.log().contains("another agent goes by this node's id"), "{}", agent.log());
        })
    });
    for agent in [&first, &second] {
        agent.connect().call("demo");
    }
}
