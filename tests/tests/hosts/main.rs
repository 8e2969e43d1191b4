//! Several hosts, each with an address and an agent of its own, a real service between them, and a network that breaks.
//!
//! What one host learns is refused on all: that is tested here as its users have it, with real processes on real
//! addresses (or on loopback, where namespaces are not to be had). Figures and odd cases belong to the simulator.

mod ground;
mod outage;
mod restart;

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, Hosts, Web, policy, wait_for};

/// Failures in a row that trip a host's own breaker, in these tests.
const ROW: usize = 4;

/// Agents whose own breakers trip after [`ROW`] failures, and whose openings last so long (less the jitter, a half at
/// most) before a probe goes.
fn config(recovery_timeout: &str) -> String {
    let policy = policy(&format!("failure_threshold: {ROW}, recovery_timeout: 60s, success_threshold: 2"));
    format!("cluster: {{recovery_timeout: {recovery_timeout}}}\n{policy}")
}

/// The first two hosts call the service; it dies, and they find out by failed calls until they are refused.
fn callers_trip(hosts: &Hosts, web: &mut Web) {
    for host in [0, 1] {
        assert_eq!(hosts.call(host, "shop", web).well().out, "well\n");
    }
    web.stop();
    for host in [0, 1] {
        // One host that fails opens nothing elsewhere: the second's calls are its own until it has failed as often.
        let codes: Vec<i32> = (0..ROW).map(|_| hosts.call(host, "shop", web).code).collect();
        assert!(codes.iter().all(|code| *code == 7), "curl's status for a refused connection: {codes:?}");
        assert_eq!(hosts.call(host, "shop", web).code, 75, "refused");
    }
}

/// Every host calls until the service is closed on all of them; then calls go through everywhere.
fn recover(hosts: &Hosts, web: &Web) {
    wait_for("all hosts to be closed", || {
        (0..hosts.agents.len()).for_each(|host| drop(hosts.call(host, "shop", web)));
        hosts.all("shop").iter().all(|service| service.state == State::Closed).then_some(())
    });
    for host in 0..hosts.agents.len() {
        assert_eq!(hosts.call(host, "shop", web).well().out, "well\n");
    }
}

/// Peers that say of a service that it is not closed for them.
fn peers(agent: &Agent, service: &str) -> Vec<String> {
    let told = agent.service(service).peers.into_iter().filter(|digest| digest.state != State::Closed);
    let mut nodes: Vec<String> = told.map(|digest| digest.node).collect();
    nodes.sort();
    nodes
}
