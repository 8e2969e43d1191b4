//! Permits of `check`: they outlive their connection, are used once, and run out with their lease.

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, policy, wait_for};

fn check(agent: &Agent) -> String {
    let document = agent.ctl(&["--format", "json", "check", "demo"]).well().json();
    document["permit"].as_str().expect("a permit is a string of digits").to_owned()
}

#[test]
fn a_permit_outlives_its_connection_and_is_used_once() {
    let agent = Agent::alone(&policy("failure_threshold: off"));
    let text = agent.ctl(&["check", "demo"]).well().out;
    assert!(text.starts_with("allowed, permit ") && text.contains("breakerctl report demo OUTCOME --permit"), "{text}");
    let permit = check(&agent);
    assert_eq!(agent.counter("permits_out"), 2, "the processes that asked are gone, their permits are not");
    let report = |permit: &str| agent.ctl(&["report", "demo", "failure", "--kind", "http_503", "--permit", permit]);
    assert_eq!(report(&permit).well().out, "counted\n");
    let again = report(&permit);
    assert_eq!(again.code, 14, "{again:?}");
    let window = agent.service("demo").window;
    assert_eq!((window.total, window.failed), (1, 1), "{window:?}");
}

#[test]
fn a_lease_that_runs_out_counts_nowhere_in_closed_and_its_permit_is_no_more() {
    let agent = Agent::alone(&policy("half_open: {permit_lease: 300ms}"));
    let permit = check(&agent);
    // In Closed nothing waits for it: the places of such permits are looked at as others are granted.
    let mut other = agent.connect();
    wait_for("the end of the lease", || {
        other.call("other");
        (other.counter("permits_out") == 0).then_some(())
    });
    let late = agent.ctl(&["report", "demo", "failure", "--permit", &permit]);
    assert_eq!(late.code, 14, "{late:?}");
    assert!(late.err.contains("lease"), "{late:?}");
    assert_eq!(agent.service("demo").window.total, 0);
}

#[test]
fn a_lease_that_runs_out_in_half_open_is_a_failed_probe() {
    let agent =
        Agent::alone(&policy("failure_threshold: 1, recovery_timeout: 300ms, half_open: {permit_lease: 300ms}"));
    assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    wait_for("the probes", || (agent.service("demo").state == State::HalfOpen).then_some(()));
    check(&agent);
    let reopened = wait_for("the end of the lease", || {
        let service = agent.service("demo");
        (service.state == State::Open).then_some(service)
    });
    let reason = reopened.reason.expect("there is one");
    assert!(reason.text.contains("lease"), "{reason:?}");
}

#[test]
fn a_report_from_an_earlier_state_is_dropped() {
    let agent = Agent::alone(&policy("failure_threshold: 1, recovery_timeout: 1m"));
    let permit = check(&agent);
    assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    agent.ctl(&["reset", "demo"]).well();
    let late = agent.ctl(&["report", "demo", "failure", "--permit", &permit]).well();
    assert!(late.out.starts_with("not counted"), "{late:?}");
    assert_eq!(agent.service("demo").state, State::Closed, "late bad news opens nothing");
}
