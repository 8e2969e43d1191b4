//! `--set`: other values by their path.

use std::time::Duration;

use super::{around, with};
use crate::plan::What;

fn zoned() -> &'static str {
    "name: a\nduration: 9s\nzones: {east: 1, west: 1}\nservices:\n  a/10.0.0.5:80: {capacity: 1/s}\n"
}

#[test]
fn any_key_can_be_set() {
    let text = around("faults:\n  - {at: 1s, loss: 5%}\n");
    let sets = [
        "services.pay.capacity=7/s",
        "services.mail={capacity: 3/s, queue: 4}",
        "callers.0.rate=2/s",
        "faults.0.loss=50%",
        "faults.0.for=3s",
        "link.loss=1%",
        "expect.overshoot=1.5",
        "duration=90s",
    ];
    let scenario = with(&text, &sets).unwrap();
    assert_eq!(scenario.services["pay"].capacity, 7.0);
    assert_eq!((scenario.services["mail"].capacity, scenario.services["mail"].queue), (3.0, 4));
    assert_eq!(scenario.callers[0].rate, 2.0);
    assert_eq!(scenario.faults[0].what, What::Loss { share: 0.5 });
    assert_eq!(scenario.faults[0].lasts, Some(Duration::from_secs(3)));
    assert_eq!((scenario.link.loss, scenario.expect["overshoot"]), (0.01, 1.5));
    assert_eq!(scenario.duration, Duration::from_secs(90));
}

#[test]
fn keys_of_the_agents_configuration_can_be_set_where_nothing_was_written() {
    let scenario = with(&around(""), &["agent.gossip.interval=200ms", "agent.circuit_breaker.error_rate=off"]);
    let said = scenario.unwrap_err();
    assert!(said.contains("--set agent.circuit_breaker.error_rate: unknown key"), "{said}");
    let scenario = with(&around(""), &["agent.gossip.interval=200ms"]).unwrap();
    assert_eq!(scenario.agent, "{\"gossip\": {\"interval\": \"200ms\"}}");
    let scenario = with(&around("agent: {gossip: {interval: 1s, cluster: c}}\n"), &["agent.gossip=off"]).unwrap();
    assert_eq!(scenario.agent, "{\"gossip\": off}");
}

#[test]
fn names_with_dots_are_found() {
    assert!(with(zoned(), &["services.a/10.0.0.5:80.capacity=2/s"]).is_ok());
}

#[test]
fn of_two_that_set_the_same_the_last_counts() {
    let scenario = with(&around(""), &["duration=5s", "duration=7s"]).unwrap();
    assert_eq!(scenario.duration, Duration::from_secs(7));
}

#[test]
fn wrong_paths_and_values_are_said_with_the_path() {
    let text = around("faults:\n  - {at: 1s, loss: 5%}\n");
    for (set, expected) in [
        ("services.pey.capacity=7/s", "--set services.pey.capacity: expected one of pay, mail"),
        ("services.pey={capacity: 7/s}", "--set services.pey: expected one of pay, mail"),
        ("services.pay.capcity=7/s", "--set services.pay.capcity: unknown key, did you mean capacity?"),
        ("callers.1.rate=7/s", "--set callers.1.rate: callers has 1 items, counted from 0"),
        ("faults.first.at=7s", "--set faults.first.at: faults has 1 items, counted from 0"),
        ("duration.min=7s", "--set duration.min: duration is '60s', it has no keys"),
        ("duraton=7s", "--set duraton: unknown key, did you mean duration?"),
        ("duration=", "--set duration: expected a duration such as 30s, up to 24h, got nothing"),
        ("duration=[", "--set duration: expected YAML"),
        ("faults.0.loss=most", "--set faults.0.loss: expected a percentage from 0% to 100% such as 30%, got 'most'"),
        ("agent.gossip.intervall=1s", "--set agent.gossip.intervall: unknown key, did you mean interval?"),
        ("agent.node.id=a", "--set agent.node: is set by the simulator itself"),
    ] {
        let said = with(&text, &[set]).unwrap_err();
        assert!(said.starts_with(expected), "{set}: {said}");
    }
    let said = with(zoned(), &["zones.north=4"]).unwrap_err();
    assert_eq!(said, "--set zones.north: expected one of east, west");
}

#[test]
fn what_is_no_assignment_is_told_what_one_is() {
    for wrong in ["", "=", "=3", "duration"] {
        let said = wrong.parse::<super::Set>().unwrap_err();
        assert!(said.contains("expected path=value such as services.payments.capacity=100/s"), "{said}");
    }
}
