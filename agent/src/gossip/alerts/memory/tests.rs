//! Maxima and unions, within limits.

use std::time::Duration;

use super::*;
use crate::core::digest::{FailureDigest, StateKind};

type Known = (Vec<((HostId, ServiceName), Newest)>, Vec<(ServiceName, Vec<(u64, Facts)>)>);

impl Memory {
    /// All that is remembered, but when.
    pub(in crate::gossip::alerts) fn known(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let newest = self.newest.kept.iter().map(|(key, (_, newest))| (key.clone(), *newest)).collect();
        let facts = |places: &Places| places.openings.iter().map(|(number, facts)| (*number, facts.clone())).collect();
        let places = self.places.kept.iter().map(|(service, (_, places))| (service.clone(), facts(places))).collect();
        let known: Known = (newest, places);
        known
    }
}

fn testimony(host: &str, service: &str, sequence: u64, stay: Option<Stay>) -> Testimony {
    let service = ServiceName::parse(service).unwrap();
    let digest = FailureDigest { sequence, stay, ..FailureDigest::of(service, StateKind::Open) };
    Testimony { host: HostId::new(host), incarnation: 1, age: Duration::ZERO, digest }
}

fn stay(number: u64, probes: Probes) -> Option<Stay> {
    Some(Stay { number, phase: Phase::Open, age: Duration::ZERO, probes })
}

fn is_fresh(memory: &mut Memory, host: &str, service: &str) -> bool {
    memory.take(&testimony(host, service, 1, None), MonoTime::START).is_fresh
}

fn is_new_place(memory: &mut Memory, host: &str, stay: Option<Stay>) -> bool {
    memory.take(&testimony(host, "pay", 1, stay), MonoTime::START).is_new_place
}

/// A testimony that says whether its host's own breaker stands open.
fn standing(sequence: u64, stands: bool) -> Testimony {
    let mut testimony = testimony("h", "pay", sequence, None);
    testimony.digest.flags.standing = stands;
    testimony
}

#[test]
fn a_hosts_own_trip_is_news_like_a_place_once_each_time_it_trips_and_not_when_told_late() {
    let mut memory = Memory::new();
    let mut is_news = |sequence, stands| memory.take(&standing(sequence, stands), MonoTime::START).is_new_place;
    let told = [(1, false), (2, true), (3, true), (2, true), (4, false), (3, true), (5, true)];
    let news = told.map(|(sequence, stands)| is_news(sequence, stands));
    assert_eq!(news, [false, true, false, false, false, false, true]);
}

#[test]
fn as_many_hosts_and_services_are_remembered_as_allowed_and_the_longest_untouched_is_forgotten() {
    let mut memory = Memory::new();
    for number in 0..NEWEST_MAX {
        assert!(is_fresh(&mut memory, &number.to_string(), "pay"));
    }
    assert!(!is_fresh(&mut memory, "0", "pay"));
    assert!(is_fresh(&mut memory, "another", "pay"));
    assert_eq!((memory.newest.kept.len(), memory.newest.order.len()), (NEWEST_MAX, NEWEST_MAX));
    assert!(!is_fresh(&mut memory, "1", "pay"), "what is looked at is not what is renewed");
    assert!(is_fresh(&mut memory, "0", "pay"), "the oldest was forgotten");
}

#[test]
fn as_many_services_openings_and_probers_are_remembered_as_allowed() {
    let mut memory = Memory::new();
    for number in 0..=SERVICES_MAX {
        memory.take(&testimony("h", &number.to_string(), 1, stay(1, Probes::default())), MonoTime::START);
    }
    assert_eq!(memory.places.kept.len(), SERVICES_MAX);

    let mut memory = Memory::new();
    for number in 0..=OPENINGS_MAX as u64 {
        assert!(is_new_place(&mut memory, "h", stay(number, Probes::default())));
    }
    assert!(!is_new_place(&mut memory, "h", stay(0, Probes::default())), "long past");
    assert!(!is_new_place(&mut memory, "h", stay(1, Probes::default())), "known");

    let mut memory = Memory::new();
    let good = stay(1, Probes { good: 1, ..Probes::default() });
    for number in 0..PROBERS_MAX {
        assert!(is_new_place(&mut memory, &number.to_string(), good));
    }
    assert!(!is_new_place(&mut memory, "one more", good));
}

#[test]
fn a_newer_life_is_newer_whatever_its_numbers() {
    let mut memory = Memory::new();
    assert!(memory.take(&testimony("h", "pay", 99, None), MonoTime::START).is_fresh);
    let reborn = Testimony { incarnation: 2, ..testimony("h", "pay", 1, None) };
    assert!(memory.take(&reborn, MonoTime::START).is_fresh);
    assert!(!memory.take(&testimony("h", "pay", 100, None), MonoTime::START).is_fresh);
}
