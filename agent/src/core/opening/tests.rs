//! The phases of one stay.

use super::*;
use crate::core::service::ServiceName;

const WHOLE: Duration = Duration::from_secs(2);

fn lots() -> Lots {
    Lots::of(1, &ServiceName::parse("payments").unwrap(), 3)
}

fn entered(ahead: Ahead) -> Opening {
    let judged = Judgement::default();
    let entering = Entering { number: 3, how: Entry::Joined, hosts: 2, judged, rests_on: RestsOn::Hearsay, ahead };
    Opening::enter(at(10_000), entering, lots(), WHOLE)
}

fn at(ms: u64) -> MonoTime {
    MonoTime::from_millis(ms)
}

#[test]
fn it_is_open_until_the_lot_says_inclusive() {
    let mut opening = entered(Ahead::Open(Duration::ZERO));
    let until = at(10_000) + lots().open_for(WHOLE);
    assert_eq!(opening.open_until(), Some(until));
    assert!(!opening.half_open(MonoTime::from_nanos(until.as_nanos() - 1)));
    assert!(opening.half_open(until) && !opening.half_open(until));
    assert_eq!((opening.state(), opening.since(), opening.open_until()), (StateKind::HalfOpen, until, None));
}

#[test]
fn who_comes_later_is_open_for_as_much_less() {
    let whole = lots().open_for(WHOLE);
    let later = entered(Ahead::Open(Duration::from_millis(300)));
    assert_eq!(later.open_until(), Some(at(9_700) + whole));
    assert_eq!(later.since(), at(9_700));
    assert_eq!(entered(Ahead::OpenIsOver).open_until(), Some(at(10_000)));
    assert_eq!(entered(Ahead::Open(Duration::MAX)).open_until(), Some(at(10_000)));
}

#[test]
fn closed_it_is_told_for_ten_seconds_and_is_no_longer_in() {
    let mut opening = entered(Ahead::OpenIsOver);
    assert_eq!((opening.is_in(), opening.told_until()), (true, None));
    opening.close(at(11_000), Reason::ProbesSucceeded { probes: 3 });
    assert_eq!((opening.is_in(), opening.told_until()), (false, Some(at(21_000))));
    assert_eq!(opening.told(at(12_000)).phase, Phase::Closed);
    assert_eq!(opening.told(at(12_000)).age, Duration::from_secs(1));
}
