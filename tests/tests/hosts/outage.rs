//! A service dies for everybody: the host that never called it refuses too, and all let calls through when it is back.

use std::time::Duration;

use breaker_client::wire::State;
use breaker_tests::stage::{Hosts, Weather, wait_for, wait_until};

use super::{callers_trip, config, peers, recover};

/// Nobody need call a service to know that it is dead, and knowing takes moments. The time is what a command line on a
/// busy machine with two cores takes to see it; the agents need a few milliseconds.
const SECONDS: Duration = Duration::from_secs(5);

#[test]
fn a_host_that_never_called_a_dead_service_refuses_it_and_all_let_calls_through_when_it_is_back() {
    // Open for 3 s at least: time to look at it before the first probe.
    let hosts = Hosts::start(&config("6s"));
    hosts.suffer(Weather { delay_ms: 2, loss_percent: 5 });
    let (mut web, third) = (hosts.web(), &hosts.agents[2]);
    callers_trip(&hosts, &mut web);
    let told = wait_until("the third host to hear of both callers", SECONDS, || {
        let told = peers(third, "shop");
        (told.len() == 2).then_some(told)
    });
    assert_eq!(told, ["a", "b"]);
    let refused = wait_until("the third host to refuse", SECONDS, || {
        let asked = third.ctl(&["--format", "json", "check", "shop"]);
        (asked.code == 10).then_some(asked)
    });
    assert_eq!(refused.json()["rejection"]["evidence"], "hearsay", "peers are all it knows of it: {refused:?}");
    assert_eq!(third.service("shop").state, State::Open);
    let shown = third.ctl(&["status", "shop", "--peers"]).well().out;
    for node in ["a ", "b "] {
        assert!(shown.lines().any(|line| line.starts_with(node) && line.contains("open")), "{shown}");
    }
    assert_eq!(hosts.call(2, "shop", &web).code, 75, "not one failed call of its own");
    assert_eq!(third.service("shop").window.failed, 0);

    web.start_again();
    recover(&hosts, &web);
}

/// The stage's partition, in the middle of an outage.
#[test]
fn a_host_cut_off_goes_on_by_itself_and_takes_the_clusters_place_once_it_is_back() {
    // Long: whatever it learns after the cut it learns from the others' place, not from a new opening.
    let hosts = Hosts::start(&config("60s"));
    let (mut web, third) = (hosts.web(), &hosts.agents[2]);
    assert_eq!(hosts.call(2, "shop", &web).well().out, "well\n");
    hosts.isolate(2);
    wait_for("the third to hear nobody", || hosts.hears_nobody(2).then_some(()));
    let json = third.ctl(&["--format", "json", "status"]).well().json();
    assert_eq!(json["agent"]["gossip"], "running", "a partition is not the death of gossip");
    wait_for("the third to know that it is deaf", || {
        let json = third.ctl(&["--format", "json", "status"]).well().json();
        (json["agent"]["deaf"] == true).then_some(())
    });

    callers_trip(&hosts, &mut web);
    for host in [0, 1] {
        assert_eq!(hosts.agents[host].service("shop").state, State::Open);
    }
    // It knows nothing of that, and its own breaker is a whole one.
    assert_eq!(third.service("shop").state, State::Closed);
    for _ in 0..4 {
        assert_eq!(third.ctl(&["run", "local", "--", "false"]).code, 1);
    }
    assert_eq!(third.ctl(&["run", "local", "--", "true"]).code, 75);

    hosts.heal(2);
    wait_for("the third to take the place of the others", || {
        (third.service("shop").state == State::Open).then_some(())
    });
    assert_eq!(hosts.call(2, "shop", &web).code, 75, "not one failed call of its own");
    // What it alone has failed at stays its own.
    wait_for("the others to hear of it", || (peers(&hosts.agents[0], "local") == ["c"]).then_some(()));
    assert_eq!(hosts.agents[0].ctl(&["check", "local"]).code, 0);
}

/// An outage that is over when the network is whole again leaves nobody behind.
#[test]
fn after_a_partition_and_an_outage_all_hosts_are_closed() {
    let hosts = Hosts::start(&config("1s"));
    let mut web = hosts.web();
    callers_trip(&hosts, &mut web);
    wait_for("the third to refuse, too", || (hosts.call(2, "shop", &web).code == 75).then_some(()));
    hosts.isolate(2);
    wait_for("the third to hear nobody", || hosts.hears_nobody(2).then_some(()));
    web.start_again();
    hosts.heal(2);
    recover(&hosts, &web);
    wait_for("all to hear each other", || hosts.is_whole().then_some(()));
    for agent in &hosts.agents {
        assert_eq!(agent.service("shop").state, State::Closed);
    }
}
