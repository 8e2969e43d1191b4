//! A real service dies and comes back: one agent's breaker follows it, and the others show what they hear of that.

use breaker_client::wire::{PeerDigest, State};
use breaker_tests::stage::{Agent, Cluster, Ended, Web, curl, policy, wait_for};

/// What an agent shows of the words of its peers on the service.
fn peers(agent: &Agent) -> Vec<PeerDigest> {
    agent.service("shop").peers
}

fn call(agent: &Agent, web: &Web) -> Ended {
    let words = curl(&web.url());
    let mut all = vec!["run", "shop", "--"];
    all.extend(words.iter().map(String::as_str));
    agent.ctl(&all)
}

#[test]
fn what_one_agent_learns_of_an_outage_the_others_show_until_it_is_over() {
    let cluster = Cluster::start(3, &policy("failure_threshold: 4, recovery_timeout: 3s, success_threshold: 2"));
    let (caller, others) = cluster.agents.split_first().expect("there are three");
    let mut web = Web::start();
    assert_eq!(call(caller, &web).well().out, "well\n");

    web.stop();
    for _ in 0..4 {
        assert_eq!(call(caller, &web).code, 7, "curl's status for a refused connection");
    }
    assert_eq!(call(caller, &web).code, 75, "the breaker refuses");
    for other in others {
        let heard =
            wait_for("the others to show it", || peers(other).into_iter().find(|digest| digest.state == State::Open));
        assert_eq!((heard.node.as_str(), heard.total, heard.failed), ("a", 5, 4), "{heard:?}");
        let shown = other.ctl(&["status", "shop", "--peers"]).well().out;
        assert!(
            shown.contains("PEER") && shown.lines().any(|line| line.starts_with("a ") && line.contains("open")),
            "{shown}"
        );
        assert_eq!(other.ctl(&["check", "shop"]).code, 0, "one host alone decides for nobody else");
        wait_for("the members to say that one speaks of a service", || {
            other.members().iter().any(|member| member.node == "a" && member.digests == 1).then_some(())
        });
    }

    web.start_again();
    wait_for("the end of Open", || (caller.service("shop").state == State::HalfOpen).then_some(()));
    for other in others {
        wait_for("the others to show the probes", || {
            peers(other).iter().any(|digest| digest.state == State::HalfOpen).then_some(())
        });
    }
    for _ in 0..2 {
        assert_eq!(call(caller, &web).well().out, "well\n");
    }
    assert_eq!(caller.service("shop").state, State::Closed);
    for other in others {
        wait_for("the others to show it no longer", || peers(other).is_empty().then_some(()));
    }
    assert_eq!(web.requests(), 3);
}

#[test]
fn failures_short_of_a_trip_are_shown_too() {
    let cluster = Cluster::start(2, &policy("failure_threshold: off"));
    for _ in 0..3 {
        assert_eq!(cluster.agents[1].ctl(&["run", "shop", "--", "false"]).code, 1);
    }
    let heard =
        wait_for("the failures to be told", || peers(&cluster.agents[0]).into_iter().find(|heard| heard.failed == 3));
    assert_eq!((heard.node.as_str(), heard.state, heard.total), ("b", State::Closed, 3), "{heard:?}");
}

/// A service nobody has asked for here is shown with what peers say of it, in the list as well.
#[test]
fn services_only_peers_speak_of_are_listed_with_peers() {
    let cluster = Cluster::start(2, &policy("failure_threshold: 1, recovery_timeout: 1m"));
    assert_eq!(cluster.agents[1].ctl(&["run", "shop", "--", "false"]).code, 1);
    let listed = wait_for("the trip to be told", || {
        let shown = cluster.agents[0].ctl(&["status", "--peers"]).well().out;
        shown.contains("shop by its peers").then_some(shown)
    });
    assert!(listed.contains("open"), "{listed}");
    assert!(!cluster.agents[0].ctl(&["status"]).well().out.contains("shop"));
}
