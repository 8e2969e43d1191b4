//! Time saturates at both ends instead of wrapping.

use std::time::Duration;

use super::MonoTime;

#[test]
fn nothing_leads_past_the_end_or_before_the_start() {
    let end = MonoTime::from_nanos(u64::MAX);
    assert_eq!(MonoTime::from_millis(u64::MAX), end);
    assert_eq!(MonoTime::from_millis(1) + Duration::MAX, end);
    assert_eq!(end + Duration::from_nanos(1), end);
    assert_eq!(MonoTime::START.since(end), Duration::ZERO);
    assert_eq!(end.since(MonoTime::START), Duration::from_nanos(u64::MAX));
}

#[test]
fn a_millisecond_is_a_million_nanoseconds() {
    assert_eq!(MonoTime::from_millis(1_500).as_nanos(), 1_500_000_000);
    assert_eq!(MonoTime::from_millis(3).since(MonoTime::from_millis(1)), Duration::from_millis(2));
}
