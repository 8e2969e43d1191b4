//! An agent is killed in the middle of things and started again: everybody knows within ten gossip intervals, and what
//! it said in its former life is forgotten.

use std::time::Duration;

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, Cluster, INTERVAL, policy, wait_for, wait_until};

/// Ten intervals are what is promised; each may be a tenth longer by chance.
const TEN_INTERVALS: Duration = INTERVAL.saturating_mul(11);

/// What starting the process and asking three agents time and again, a process each time, may add on a busy machine
/// with two cores.
const MACHINE: Duration = Duration::from_secs(2);

/// Opens the breaker of a service.
fn trip(agent: &Agent, service: &str) {
    assert_eq!(agent.ctl(&["run", service, "--", "false"]).code, 1);
    assert_eq!(agent.service(service).state, State::Open);
}

/// Which agents speak of a service, as one shows it.
fn speakers(agent: &Agent, service: &str) -> Vec<String> {
    let mut speakers: Vec<String> = agent.service(service).peers.into_iter().map(|digest| digest.node).collect();
    speakers.sort();
    speakers
}

#[test]
fn an_agent_killed_and_started_again_is_known_anew_and_its_old_state_stays_dead() {
    let mut cluster = Cluster::start(3, &policy("failure_threshold: 1, recovery_timeout: 10m"));
    trip(&cluster.agents[0], "shop");
    trip(&cluster.agents[1], "cart");
    let knows_both = |agent: &Agent| speakers(agent, "shop") == ["a"] && speakers(agent, "cart") == ["b"];
    wait_for("the third to hear of both", || knows_both(&cluster.agents[2]).then_some(()));
    let former = cluster.agents[1].status().agent.incarnation;

    cluster.agents[1].kill();
    assert_eq!(speakers(&cluster.agents[2], "cart"), ["b"], "one that was just heard is not forgotten at once");
    cluster.agents[1].start_again();
    let is_right = || {
        let [a, b, c] = &cluster.agents[..] else { panic!("there are three") };
        let old_is_gone = [a, c].iter().all(|agent| speakers(agent, "cart").is_empty());
        cluster.is_whole() && old_is_gone && speakers(b, "shop") == ["a"] && speakers(c, "shop") == ["a"]
    };
    wait_until("membership and digests to be right", TEN_INTERVALS + MACHINE, || is_right().then_some(()));

    let [a, b, c] = &cluster.agents[..] else { panic!("there are three") };
    let own = b.status().agent.incarnation;
    assert!(own > former, "{own} after {former}");
    for agent in [a, c] {
        let members = agent.members();
        let seen: Vec<_> =
            members.iter().filter(|member| member.node == "b").map(|member| member.incarnation).collect();
        assert_eq!(seen, [own], "one life of it is known: {members:?}");
    }
    assert_eq!((b.service("cart").state, b.service("cart").window.total), (State::Closed, 0), "it begins anew");

    // Ten more exchanges with each of the others bring nothing back.
    let heard = |agent: &Agent| agent.counter("seal_accepted");
    let before = [heard(a), heard(c)];
    wait_for("more gossip", || {
        assert!(is_right(), "it was right, and is no longer");
        (heard(a) >= before[0] + 40 && heard(c) >= before[1] + 40).then_some(())
    });
    assert_eq!(b.status().agent.incarnation, own, "nobody claimed its name, so it did not have to rise");
    assert_eq!(a.counter("gossip_deaths") + b.counter("gossip_deaths") + c.counter("gossip_deaths"), 0);
}

#[test]
fn an_agent_whose_peers_are_all_gone_is_a_circuit_breaker_still() {
    let mut cluster = Cluster::start(3, &policy("failure_threshold: 2, recovery_timeout: 1s, success_threshold: 1"));
    for lost in &mut cluster.agents[1..] {
        lost.kill();
    }
    let agent = &cluster.agents[0];
    let mut client = agent.connect();
    let slowest = wait_for("the loss to be noticed", || {
        let slowest = (0..50).map(|_| client.call("well")).max();
        let silent =
            agent.members().iter().filter(|member| member.presence == breaker_client::wire::Presence::Silent).count();
        if silent == 2 { slowest } else { None }
    });
    assert!(slowest < Duration::from_millis(500), "a well-formed client waited {slowest:?}");
    for _ in 0..2 {
        assert_eq!(agent.ctl(&["run", "shop", "--", "false"]).code, 1);
    }
    assert_eq!(agent.ctl(&["run", "shop", "--", "true"]).code, 75);
    wait_for("a probe", || (agent.ctl(&["run", "shop", "--", "true"]).code == 0).then_some(()));
    assert_eq!(agent.service("shop").state, State::Closed);
    assert!(agent.ctl(&["status"]).well().out.contains("gossip running"));
}
