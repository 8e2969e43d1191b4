//! Each limit: on it, and one step past.

use super::{around, at_size, faults_of, good, read};
use crate::scenario::file::faults::FAULTS_MAX;
use crate::scenario::file::services::{CALLERS_MAX, SERVICES_MAX};
use crate::scenario::file::top::ZONES_MAX;
use crate::scenario::file::{FILE_BYTES_MAX, HOSTS_MAX};

fn top(lines: &str) -> String {
    format!("name: a\n{lines}\n")
}

#[test]
fn a_file_has_a_largest_size() {
    let mut text = top("duration: 1s\nhosts: 1");
    text.push_str(&"#".repeat(FILE_BYTES_MAX - text.len()));
    good(&text);
    text.push('#');
    assert_eq!(faults_of(&text), ["expected a file of at most 1048576 bytes, got 1048577"]);
}

#[test]
fn there_are_1_to_1000_hosts() {
    for (hosts, fits) in [(0, false), (1, true), (HOSTS_MAX, true), (HOSTS_MAX + 1, false)] {
        assert_eq!(read(&top(&format!("duration: 1s\nhosts: {hosts}"))).is_ok(), fits, "{hosts}");
        assert_eq!(read(&top(&format!("duration: 1s\nzones: {{east: {hosts}}}"))).is_ok(), fits, "{hosts}");
    }
    assert!(read(&top("duration: 1s\nzones: {east: 500, west: 500}")).is_ok());
    assert!(read(&top("duration: 1s\nzones: {east: 500, west: 501}")).is_err());
    assert_eq!(at_size(&top("duration: 1s\nhosts: 1"), HOSTS_MAX).unwrap().hosts(), HOSTS_MAX);
}

#[test]
fn there_are_1_to_16_zones() {
    let zones = |count: usize| {
        let names: Vec<_> = (0..count).map(|zone| format!("z{zone}: 1")).collect();
        read(&top(&format!("duration: 1s\nzones: {{{}}}", names.join(", "))))
    };
    assert!(zones(0).is_err() && zones(1).is_ok() && zones(ZONES_MAX).is_ok() && zones(ZONES_MAX + 1).is_err());
}

#[test]
fn a_scenario_takes_more_than_nothing_and_a_day_at_most() {
    for (duration, fits) in [("0s", false), ("1ns", true), ("24h", true), ("24h 1ns", false)] {
        assert_eq!(read(&top(&format!("duration: {duration}\nhosts: 1"))).is_ok(), fits, "{duration}");
    }
}

#[test]
fn services_callers_and_faults_are_limited() {
    let of = |services: usize, callers: usize, faults: usize| {
        let mut text = top("duration: 9s\nhosts: 1");
        text.push_str(&format!("services: {{s-1..s-{services}: {{capacity: 1/s}}}}\ncallers:\n"));
        text.push_str(&"  - {service: s-1, rate: 1/s}\n".repeat(callers));
        text.push_str("faults:\n");
        text.push_str(&"  - {at: 1s, service_down: s-1}\n".repeat(faults));
        read(&text)
    };
    assert!(of(SERVICES_MAX, CALLERS_MAX, FAULTS_MAX).is_ok());
    assert!(of(SERVICES_MAX + 1, 1, 1).unwrap_err().contains("expected at most 1000 services, got 1001"));
    assert!(of(1, CALLERS_MAX + 1, 1).unwrap_err().contains("expected at most 1000 callers"));
    assert!(of(1, 1, FAULTS_MAX + 1).unwrap_err().contains("expected at most 1000 faults"));
    assert!(of(4_000_000_000, 1, 1).unwrap_err().contains("expected at most 1000 services"));
}

#[test]
fn retries_queues_rates_latencies_and_shares_are_limited() {
    let caller = |words: &str| {
        let text = top("duration: 1s\nhosts: 1\nservices: {p: {capacity: 1/s}}\ncallers:");
        read(&format!("{text}  - {{service: p, {words}}}\n")).is_ok()
    };
    assert!(caller("rate: 1/s, retries: 10") && !caller("rate: 1/s, retries: 11"));
    assert!(caller("rate: 100000/s") && !caller("rate: 100000.1/s"));
    let queue =
        |calls| read(&top(&format!("duration: 1s\nhosts: 1\nservices: {{p: {{capacity: 1/s, queue: {calls}}}}}")));
    assert!(queue(0).is_ok() && queue(1_000_000).is_ok() && queue(1_000_001).is_err());
    let work = |calls: &str| {
        let warmup = format!("warmup: {{from: 1/s, work: {calls}}}");
        read(&top(&format!("duration: 1s\nhosts: 1\nservices: {{p: {{capacity: 1/s, {warmup}}}}}"))).is_ok()
    };
    assert!(work("1") && work("1000000000") && !work("0.9") && !work("1000000001"));
    let link = |latency: &str| read(&around(&format!("link: {{latency: {latency}}}\n"))).is_ok();
    assert!(link("0s") && link("2ms") && link("1ms..10s") && !link("1ms..10001ms") && !link("3ms..2ms"));
    let loss = |share: &str| read(&around(&format!("link: {{loss: {share}}}\n"))).is_ok();
    assert!(loss("0%") && loss("100%") && !loss("100.1%") && !loss("-1%"));
    let capacity = |share: &str| {
        let text = "duration: 1s\nhosts: 1\ncallers: [{service: p, rate: 1/s}]";
        read(&top(&format!("{text}\nservices: {{p: {{capacity: {share}}}}}"))).is_ok()
    };
    assert!(capacity("10000%") && !capacity("10001%") && !capacity("0%"));
}
