//! Good files mean what the documentation says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{around, at_size, fault, good, what};
use crate::plan::{Callers, Down, Link, Place, Service, Warmup, What};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn hosts(numbers: impl IntoIterator<Item = usize>) -> Vec<Place> {
    numbers.into_iter().map(Place::Host).collect()
}

/// The file of the documentation, to the letter.
#[test]
fn the_example_reads_as_it_says() {
    let text = "
name: cold-recovery
duration: 200s
hosts: 20                        # or zones: {east: 10, west: 10}
link: {latency: 1ms..3ms, loss: 0%}
agent: {}                        # the agent's own configuration: gossip interval, cluster, defaults, services …
services:
  payments: {capacity: 240/s, latency: 20ms, queue: 200, warmup: {from: 60/s, work: 12000}}
callers:                         # on every host unless `hosts:` names some; Poisson arrivals
  - {service: payments, rate: 10/s, timeout: 500ms, retries: 2}
faults:
  - {at: 30s, for: 60s, service_down: payments, mode: refuse}      # or hang
  - {at: 30s, for: 20s, partition: [[h0..h9], [h10..h19]]}
  - {at: 30s, for: 20s, one_way: {from: [h3], to: [h0..h2]}}
  - {at: 30s, for: 20s, sick_host: h3, fails: 100%}                # its own calls fail; its gossip works
  - {at: 30s, for: 20s, liar: h4, service: payments}               # claims failures it did not see
  - {at: 30s, for: 20s, loss: 30%}
  - {at: 30s, for: 20s, delay: {by: 200ms}}
  - {at: 30s, crash: h5, restart_after: 5s}
  - {at: 30s, for: 5s, pause: [h0..h5]}
  - {at: 30s, rolling_restart: {every: 2s}}
  - {at: 30s, gossip_dead: h6}
  - {at: 30s, for: 20s, service_errors: {service: payments, rate: 20%}}
  - {at: 30s, for: 20s, service_slow: {service: payments, by: 100ms}}
  - {at: 20s, for: 20s, capacity: {service: payments, to: 50%}}
expect: {overshoot: 1.4, collapse_seconds: 0, false_opens: 0, recovered_excess: 25s, converged_within: 5s}
";
    let scenario = good(text);
    assert_eq!((scenario.name.as_str(), scenario.duration, scenario.hosts()), ("cold-recovery", secs(200), 20));
    assert_eq!(scenario.link, Link { latency_min: millis(1), latency_max: millis(3), loss: 0.0 });
    let warmup = Some(Warmup { from: 60.0, work: 12_000.0 });
    let service = Service { capacity: 240.0, latency: millis(20), queue: 200, warmup };
    assert_eq!(scenario.services, BTreeMap::from([("payments".to_owned(), service)]));
    let callers =
        Callers { service: "payments".to_owned(), rate: 10.0, timeout: millis(500), retries: 2, hosts: vec![] };
    assert_eq!(scenario.callers, [callers]);
    assert_eq!(scenario.faults.len(), 14);
    assert_eq!(scenario.faults[0].at, secs(20), "in order of time");
    let bounds = [
        ("collapse_seconds", 0.0),
        ("converged_within", 5.0),
        ("false_opens", 0.0),
        ("overshoot", 1.4),
        ("recovered_excess", 25.0),
    ];
    assert_eq!(scenario.expect, bounds.map(|(key, bound)| (key.to_owned(), bound)).into());
}

#[test]
fn what_is_left_out_has_a_default() {
    let scenario = good("name: a\nduration: 1s\nhosts: 1\nservices: {pay: {capacity: 1/s}}\n");
    assert_eq!(scenario.link, Link { latency_min: millis(1), latency_max: millis(3), loss: 0.0 });
    assert_eq!(scenario.agent, "{}");
    let service = Service { capacity: 1.0, latency: millis(20), queue: 1_000, warmup: None };
    assert_eq!(scenario.services["pay"], service);
    assert!(scenario.callers.is_empty() && scenario.faults.is_empty() && scenario.expect.is_empty());
    assert_eq!(what("service_down: pay"), What::ServiceDown { service: "pay".to_owned(), mode: Down::Refuse });
    assert_eq!(what("sick_host: h1"), What::SickHost { hosts: vec![1], fails: 1.0 });
    assert_eq!(fault("at: 1s, loss: 1%").lasts, None);
}

#[test]
fn rates_are_calls_a_second_whatever_they_are_written_in() {
    let rate = |text: &str| {
        let text = format!(
            "name: a\nduration: 1s\nhosts: 1\nservices: {{pay: {{capacity: 1/s}}}}\ncallers: [{{service: pay, rate: {text}}}]\n"
        );
        good(&text).callers[0].rate
    };
    assert_eq!(rate("10/s"), 10.0);
    assert_eq!(rate("0.5/s"), 0.5);
    assert_eq!(rate("1/m"), 1.0 / 60.0);
    assert_eq!(rate("36/h"), 0.01);
}

/// Demand: 4 hosts at 10/s and two of them at 5/s more are 50/s.
#[test]
fn sizes_relative_to_the_demand_follow_it() {
    let text = "name: a\nduration: 1s\nhosts: 4\nservices:\n  \
                pay: {capacity: 120%, queue: 800ms, warmup: {from: 30%, work: 60s}}\ncallers:\n  \
                - {service: pay, rate: 10/s}\n  - {service: pay, rate: 5/s, hosts: 2}\n";
    let service = good(text).services["pay"];
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(service.capacity, 60.0) && service.queue == 48, "{service:?}");
    let Warmup { from, work } = service.warmup.unwrap();
    assert!(close(from, 15.0) && close(work, 3_000.0), "{service:?}");
    assert!(close(at_size(text, 8).unwrap().services["pay"].capacity, 108.0));
}

#[test]
fn hosts_are_chosen_by_number_zone_count_or_share() {
    let chosen = |text: &str| match what(&format!("crash: {text}")) {
        What::Crash { hosts, .. } => hosts,
        other => panic!("{other:?}"),
    };
    assert_eq!(chosen("h1"), [1]);
    assert_eq!(chosen("h1..h3"), [1, 2, 3]);
    assert_eq!(chosen("[h3, h0..h1, h1]"), [0, 1, 3]);
    assert_eq!(chosen("1"), [3], "from the end");
    assert_eq!(chosen("25%"), [3]);
    assert_eq!(chosen("74%"), [2, 3], "rounded down");
    assert_eq!(chosen("100%"), [0, 1, 2, 3]);
    let zones = "name: a\nduration: 2s\nzones: {east: 2, west: 3}\nfaults: [{at: 1s, crash: west}]\n";
    assert_eq!(good(zones).faults[0].what, What::Crash { hosts: vec![2, 3, 4], restart_after: None });
}

#[test]
fn a_share_of_hosts_is_the_largest_number_not_above_it() {
    let text = "name: a\nduration: 2s\nhosts: 1\nfaults: [{at: 1s, crash: 29%}]\n";
    for (hosts, expected) in [(4, 1), (10, 2), (12, 3), (20, 5), (100, 29), (1_000, 290)] {
        let What::Crash { hosts: chosen, .. } = &at_size(text, hosts).unwrap().faults[0].what else { panic!() };
        assert_eq!(chosen.len(), expected, "{hosts}");
    }
}

#[test]
fn partitions_are_dealt_from_the_start_and_leave_nobody_out() {
    let groups = |text: &str| match what(&format!("partition: {text}")) {
        What::Partition { groups } => groups,
        other => panic!("{other:?}"),
    };
    assert_eq!(groups("[50%, 50%]"), [hosts([0, 1]), hosts([2, 3])]);
    assert_eq!(groups("[34%, 34%, 32%]"), [hosts([0]), hosts([1]), hosts([2, 3])], "rounding goes to the last");
    assert_eq!(groups("[1, rest]"), [hosts([0]), hosts([1, 2, 3])]);
    assert_eq!(groups("[[h2], [50%], rest]"), [hosts([2]), hosts([0, 1]), hosts([3])]);
    let with_service = [vec![Place::Host(0), Place::Service("pay".to_owned())], hosts([1, 2, 3])];
    assert_eq!(groups("[[h0, pay], [h1..h3]]"), with_service);
    let What::OneWay { from, to } = what("one_way: {from: 1, to: rest}") else { panic!() };
    assert_eq!((from, to), (hosts([3]), hosts([0, 1, 2])));
    let What::OneWay { from, to } = what("one_way: {from: 1, to: 1}") else { panic!() };
    assert_eq!((from, to), (hosts([3]), hosts([2])));
}

#[test]
fn a_range_of_names_is_many_services_callers_and_faults() {
    let text = "name: a\nduration: 2s\nhosts: 1\nservices: {b-8..b-11: {capacity: 1/s}}\n\
                callers: [{service: b-8..b-11, rate: 1/s}]\nfaults: [{at: 1s, service_down: b-9..b-10}]\n";
    let scenario = good(text);
    let names: Vec<_> = scenario.services.keys().collect();
    assert_eq!(names, ["b-10", "b-11", "b-8", "b-9"]);
    assert_eq!(scenario.callers.len(), 4);
    let down = |service: &str| What::ServiceDown { service: service.to_owned(), mode: Down::Refuse };
    let faults: Vec<_> = scenario.faults.into_iter().map(|fault| fault.what).collect();
    assert_eq!(faults, [down("b-9"), down("b-10")]);
}

#[test]
fn more_hosts_are_spread_over_the_zones_in_proportion() {
    let text = "name: a\nduration: 1s\nzones: {east: 10, west: 5, north: 5}\n";
    let sizes = |hosts| at_size(text, hosts).unwrap().zones.iter().map(|zone| zone.hosts).collect::<Vec<_>>();
    assert_eq!(sizes(40), [20, 10, 10]);
    assert_eq!(sizes(3), [1, 1, 1]);
    assert_eq!(sizes(1_000).iter().sum::<usize>(), 1_000);
    assert_eq!(at_size(&around(""), 7).unwrap().hosts(), 7);
}

#[test]
fn the_agents_configuration_goes_on_as_it_was_written() {
    let scenario = good(&around("agent:\n  gossip: {interval: 200ms}\n  circuit_breaker: {failure_threshold: off}\n"));
    assert!(scenario.agent.contains("\"interval\": \"200ms\""), "{}", scenario.agent);
    let off = good(&around("agent: {gossip: off}\n"));
    assert_eq!(off.agent, "{\"gossip\": off}");
}
