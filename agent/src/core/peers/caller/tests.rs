//! What of a peer's word is still evidence after an opening was closed here.

use super::*;
use crate::core::digest::{FailureDigest, Flags, Phase, Probes, SPANS};
use crate::core::service::ServiceName;

/// One more failed call in each longer span.
fn told(stay: Option<(u64, Phase)>) -> Testimony {
    let mut spans = Spans::default();
    for (index, span) in (1..).zip(&mut spans) {
        *span = Span { calls: index, failed: index };
    }
    let stay = stay.map(|(number, phase)| Stay { number, phase, age: Duration::ZERO, probes: Probes::default() });
    let flags = Flags { standing: true, ..Flags::default() };
    let service = ServiceName::parse("payments").unwrap();
    let digest = FailureDigest { spans, stay, flags, ..FailureDigest::of(service, StateKind::Closed) };
    Testimony { host: HostId::new("a"), incarnation: 1, age: Duration::ZERO, digest }
}

fn seen(testimony: &Testimony, age: Duration, past: Past) -> ([u32; SPANS], bool) {
    let word = HostWord::default();
    let caller = Caller { host: &testimony.host, word: &word, rate: 0, told: Some((testimony, age)) };
    (caller.spans(past).0.map(|span| span.failed), caller.is_standing(past))
}

const ALL: [u32; SPANS] = [1, 2, 3, 4, 5, 6, 7];
const NOTHING: [u32; SPANS] = [0; SPANS];

/// We closed opening 3 that long ago.
fn closed(millis: u64) -> Past {
    Past { left: 3, closed: Duration::from_millis(millis) }
}

#[test]
fn of_one_not_known_to_have_been_there_only_calls_since_the_close_count() {
    let none = told(None);
    assert_eq!(seen(&none, Duration::ZERO, Past::NONE), (ALL, true));
    assert_eq!(seen(&none, Duration::ZERO, closed(1_024)).0, [1, 2, 3, 4, 4, 4, 4]);
    assert_eq!(seen(&none, Duration::ZERO, closed(1_023)).0, [1, 2, 3, 3, 3, 3, 3]);
    assert_eq!(seen(&none, Duration::from_millis(1), closed(1_024)).0, [1, 2, 3, 3, 3, 3, 3]);
    assert_eq!(seen(&none, Duration::ZERO, closed(15)).0, NOTHING);
    let before = told(Some((2, Phase::Closed)));
    assert_eq!(seen(&before, Duration::ZERO, closed(15)).0, NOTHING, "it closed an earlier one");
}

#[test]
fn one_in_what_we_closed_counts_nowhere_and_one_who_closed_it_or_is_in_a_later_one_does() {
    assert_eq!(seen(&told(Some((3, Phase::HalfOpen))), Duration::ZERO, closed(60_000)), (NOTHING, false));
    for stay in [(3, Phase::Closed), (4, Phase::Open)] {
        assert_eq!(seen(&told(Some(stay)), Duration::ZERO, closed(0)).0, ALL, "{stay:?}");
    }
}

#[test]
fn a_breaker_that_opened_before_the_close_does_not_stand_any_more() {
    let mut none = told(None);
    none.digest.age = Duration::from_millis(400);
    assert!(seen(&none, Duration::from_millis(100), closed(500)).1);
    assert!(!seen(&none, Duration::from_millis(100), closed(499)).1);
}
