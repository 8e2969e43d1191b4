//! Turns, urgencies and the end of the queue.

use std::time::Duration;

use super::*;
use crate::core::digest::{FailureDigest, StateKind, Testimony};
use crate::gossip::alerts::wire::Role;

fn waiting(name: &str, sequence: u64) -> Waiting {
    let service = ServiceName::parse(name).unwrap();
    let digest = FailureDigest { sequence, ..FailureDigest::of(service, StateKind::Open) };
    let testimony = Testimony { host: HostId::new("h"), incarnation: 1, age: Duration::ZERO, digest };
    Waiting { told: Told { role: Role::Testimony, testimony }, since: MonoTime::START, from: None }
}

fn order(queue: &Queue) -> Vec<(String, u64)> {
    let digest = |waiting: &Waiting| waiting.told.testimony.digest.clone();
    queue.iter().map(|(_, waiting)| (digest(waiting).service.to_string(), digest(waiting).sequence)).collect()
}

fn named(name: &str, sequence: u64) -> (String, u64) {
    (name.to_owned(), sequence)
}

#[test]
fn places_go_first_and_what_is_alike_in_turn() {
    let mut queue = Queue::default();
    queue.add(Urgency::Lone, waiting("lone", 1));
    queue.add(Urgency::Failing, waiting("failing", 2));
    queue.add(Urgency::Failing, waiting("too", 3));
    queue.add(Urgency::Place, waiting("place", 4));
    assert_eq!(order(&queue), [named("place", 4), named("failing", 2), named("too", 3), named("lone", 1)]);
}

#[test]
fn what_is_overtaken_keeps_its_turn_and_the_more_urgent_urgency() {
    let mut queue = Queue::default();
    queue.add(Urgency::Place, waiting("a", 1));
    queue.add(Urgency::Place, waiting("b", 2));
    queue.add(Urgency::Lone, waiting("a", 3));
    queue.add(Urgency::Lone, waiting("c", 4));
    queue.add(Urgency::Failing, waiting("c", 5));
    assert_eq!(order(&queue), [named("a", 3), named("b", 2), named("c", 5)]);
    let turns: Vec<_> = queue.iter().map(|(turn, _)| turn).collect();
    turns.into_iter().for_each(|turn| queue.remove(turn));
    assert!(queue.waiting.is_empty() && queue.turns.is_empty());
}

#[test]
fn a_full_queue_drops_the_oldest_of_the_least_urgent() {
    let mut queue = Queue::default();
    queue.add(Urgency::Lone, waiting("lone", 0));
    queue.add(Urgency::Lone, waiting("lone-too", 0));
    for number in 2..QUEUE_MAX as u64 {
        assert_eq!(queue.add(Urgency::Failing, waiting(&number.to_string(), number)), None);
    }
    for dropped in ["lone", "lone-too", "2", "3"] {
        assert!(order(&queue).iter().any(|(name, _)| name == dropped));
        assert_eq!(queue.add(Urgency::Place, waiting(&format!("for-{dropped}"), 1)), Some(Dropped));
        assert!(order(&queue).iter().all(|(name, _)| name != dropped));
        assert_eq!(order(&queue).len(), QUEUE_MAX);
    }
    assert_eq!(queue.turns.len(), QUEUE_MAX);
}
