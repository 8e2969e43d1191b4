//! A host is killed during an outage and comes back: it takes the cluster's place without a failed call of its own.

use std::time::Duration;

use breaker_tests::stage::{Hosts, INTERVAL, wait_for, wait_until};

use super::{callers_trip, config};

/// Promised are 3 s and two intervals, each a tenth longer by chance, from when the agent is ready; a process for each
/// look at it may add to that on a busy machine.
const PROMISED: Duration = Duration::from_millis(3_000 + INTERVAL.as_millis() as u64 * 22 / 10);
const MACHINE: Duration = Duration::from_secs(1);

#[test]
fn a_host_killed_in_an_outage_refuses_again_without_failing_calls_of_its_own() {
    let mut hosts = Hosts::start(&config("60s"));
    let mut web = hosts.web();
    // A caller, too, so that most of the callers are in the opening when one of them comes back.
    assert_eq!(hosts.call(2, "shop", &web).well().out, "well\n");
    callers_trip(&hosts, &mut web);
    for agent in &hosts.agents {
        wait_for("the opening", || (agent.ctl(&["check", "shop"]).code == 10).then_some(()));
    }
    let former = hosts.agents[0].status().agent.incarnation;
    hosts.agents[0].kill();
    hosts.agents[0].start_again();
    let agent = &hosts.agents[0];
    wait_until("it to refuse again", PROMISED + MACHINE, || (agent.ctl(&["check", "shop"]).code == 10).then_some(()));
    assert!(agent.status().agent.incarnation > former);
    let refused = agent.ctl(&["--format", "json", "check", "shop"]);
    assert_eq!(refused.json()["rejection"]["evidence"], "hearsay", "{refused:?}");
    assert_eq!(agent.service("shop").window.total, 0, "no call of its own in this life");
    assert_eq!(hosts.call(0, "shop", &web).code, 75);
}
