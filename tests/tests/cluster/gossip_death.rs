//! Gossip is made to die, by bytes that do nothing without the key: it is said within a second, the breakers work on,
//! and gossip comes back.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use breaker_agent::keyring::Keyring;
use breaker_client::wire::{GossipHealth, Member, Presence, State};
use breaker_tests::abuse::{Insider, deadly_acknowledgement, forgeries, refused};
use breaker_tests::stage::{Agent, Cluster, policy, wait_for, wait_until};

const SEED: u64 = 7;

/// From the bytes to the word, an observer's looks included.
const A_SECOND: Duration = Duration::from_secs(1);

fn own(agent: &Agent) -> Member {
    let members = agent.members();
    members.into_iter().find(|member| member.presence == Presence::Myself).expect("an agent is its own member")
}

#[test]
fn an_acknowledgement_that_kills_gossip_does_nothing_without_the_key() {
    let cluster = Cluster::start(2, &policy("failure_threshold: 1, recovery_timeout: 10m"));
    let [victim, other] = &cluster.agents[..] else { panic!("there are two") };
    assert_eq!(other.ctl(&["run", "cart", "--", "false"]).code, 1);
    wait_for("the victim to hear of it", || (!victim.service("cart").peers.is_empty()).then_some(()));
    let ring = Keyring::read(&cluster.ring).expect("a keyring").keyring;
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    stranger.set_nonblocking(true).expect("a socket can be so");
    let forged = forgeries(&deadly_acknowledgement(&own(victim)), &ring, SEED);
    let before = refused(&victim.status());
    for datagram in &forged {
        stranger.send_to(datagram, victim.gossip_address()).expect("loopback takes every datagram");
    }
    let all = forged.len() as u64;
    wait_for("all of them to be refused", || (refused(&victim.status()) >= before + all).then_some(()));
    let reply = stranger.recv(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(reply, Err(ErrorKind::WouldBlock), "a stranger got a reply");
    assert_eq!(refused(&victim.status()), before + all);
    assert_eq!(victim.counter("gossip_deaths"), 0);
    assert_eq!(victim.status().agent.gossip, GossipHealth::Running);
    assert_eq!(victim.service("cart").peers.len(), 1);
    assert!(cluster.is_whole());
}

#[test]
fn gossip_that_dies_is_missed_within_a_second_and_comes_back_while_breakers_work_on() {
    let cluster = Cluster::start(2, &policy("failure_threshold: 1, recovery_timeout: 10m"));
    let victim = &cluster.agents[0];
    assert_eq!(victim.ctl(&["run", "shop", "--", "false"]).code, 1);
    let former = own(victim);
    let ring = Keyring::read(&cluster.ring).expect("a keyring").keyring;
    let insider = Insider::new(ring, [66; 32]);
    let address = victim.gossip_address();
    let deadly = deadly_acknowledgement(&former);
    let mut client = victim.connect();
    std::thread::scope(|scope| {
        scope.spawn(|| insider.say(address, &deadly));
        wait_until("the word that gossip is degraded", A_SECOND, || {
            client.call("well");
            (client.status().agent.gossip == GossipHealth::Degraded).then_some(())
        });
    });
    assert_eq!(victim.ctl(&["run", "shop", "--", "true"]).code, 75, "the breaker is as it was");
    wait_for("gossip to come back", || {
        client.call("well");
        (client.status().agent.gossip == GossipHealth::Running && cluster.is_whole()).then_some(())
    });
    assert_eq!(victim.counter("gossip_deaths"), 1);
    assert!(own(victim).incarnation > former.incarnation, "a life of its own");
    wait_for("the other to hear what it says", || {
        let told = cluster.agents[1].service("shop").peers;
        told.iter().any(|digest| digest.node == "a" && digest.state == State::Open).then_some(())
    });
}
