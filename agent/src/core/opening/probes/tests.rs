//! What is pooled of probes, and when the next one may go.

use super::*;
use crate::core::service::ServiceName;

fn at(ms: u64) -> MonoTime {
    MonoTime::from_millis(ms)
}

fn lots() -> Lots {
    Lots::of(1, &ServiceName::parse("payments").unwrap(), 1)
}

fn told(highest: u32, failed: u32, good: u32) -> Probes {
    Probes { claimed: 0, highest, failed, failures: failed, good }
}

#[test]
fn what_is_learned_twice_or_late_changes_nothing() {
    let mut book = Book::default();
    book.learn(at(10), &told(5, 3, 1));
    let once = book.clone();
    book.learn(at(20), &told(5, 3, 1));
    book.learn(at(30), &told(2, 1, 2));
    assert_eq!(book, once);
}

#[test]
fn the_first_probe_is_due_at_once_and_the_next_a_second_after_it_was_heard_of() {
    let mut book = Book::default();
    assert_eq!(book.due(at(7), lots()), at(7));
    book.learn(at(100), &told(1, 0, 0));
    assert_eq!(book.due(at(7), lots()), at(1_100));
}

#[test]
fn after_a_success_the_pace_is_faster_and_after_a_failure_slow_again() {
    let mut book = Book::default();
    assert_eq!(book.claim(at(0), 9), 1);
    assert_eq!(book.returned(9), Some(1));
    assert_eq!(book.returned(9), None);
    book.succeeded(1);
    assert_eq!(book.pool([].iter()), 1);
    assert_eq!(book.due(at(0), lots()), at(200));
    assert_eq!(book.claim(at(200), 10), 2);
    book.failed(at(210), 2);
    assert_eq!(book.pool([].iter()), 0);
    assert!(book.due(at(0), lots()) >= at(1_200));
}

#[test]
fn a_success_counts_only_above_the_last_failure_anybody_has_heard_of() {
    let mut book = Book::default();
    book.learn(at(0), &told(4, 0, 0));
    book.claim(at(1), 1);
    book.succeeded(5);
    assert_eq!(book.pool([told(4, 0, 2), told(4, 3, 2)].iter()), 3, "two of one that knows as much, and the own one");
    book.learn(at(2), &told(4, 3, 2));
    assert_eq!(book.pool([told(4, 0, 2), told(4, 3, 2)].iter()), 3, "two of one that knows as much, and the own one");
    book.learn(at(3), &told(6, 6, 0));
    assert_eq!(book.pool([told(4, 3, 2)].iter()), 0);
    book.succeeded(5);
    assert_eq!(book.told().good, 0);
}

#[test]
fn a_failed_probe_holds_back_longer_each_time_and_two_seconds_at_most() {
    let held: Vec<u64> = (1..9).map(|failures| held_back(failures).as_millis() as u64).collect();
    assert_eq!(held, [500, 750, 1_125, 1_687, 2_000, 2_000, 2_000, 2_000]);
}

#[test]
fn numbers_no_cluster_comes_to_are_not_believed() {
    let mut book = Book::default();
    book.learn(at(0), &told(PROBES_MAX + 1, 0, 0));
    book.learn(at(0), &told(0, PROBES_MAX + 1, 0));
    assert_eq!(book, Book::default());
    book.learn(at(0), &told(PROBES_MAX, 0, 0));
    assert_eq!(book.next(), PROBES_MAX + 1);
}

#[test]
fn every_quarter_of_a_second_twice_as_many_hosts_may_probe() {
    let waits: Vec<u128> = (0..9).map(|rank| wait_of(rank).as_millis()).collect();
    assert_eq!(waits, [0, 250, 500, 500, 750, 750, 750, 750, 1_000]);
}
