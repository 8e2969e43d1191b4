//! Rates, the defaults, and what an outcome counts as.

use std::time::Duration;

use proptest::prelude::*;

use super::{AfterMaxWait, Jitter, Policy, Rate, Verdict, WindowShape};
use crate::core::outcome::{Call, Kind, Outcome};

// Ruling 0, figure by figure.
#[test]
fn the_defaults_are_those_that_are_promised() {
    let policy = Policy::default();
    let seconds = Duration::from_secs;
    assert_eq!(policy.window, WindowShape::Time { bucket: seconds(1), buckets: 10 });
    assert_eq!(policy.minimum_throughput, 20);
    assert_eq!(policy.conditions.error_rate, Some(Rate::percent(50)));
    assert_eq!(policy.conditions.failure_threshold, Some(10));
    assert_eq!(policy.conditions.slow_call_rate, None);
    assert_eq!(policy.recovery_timeout, seconds(30));
    assert_eq!((policy.backoff.multiplier_milli, policy.backoff.max), (2_000, seconds(120)));
    assert_eq!(policy.backoff.jitter, Jitter::Equal);
    assert_eq!(policy.half_open.verdict, Verdict::Successes(3));
    assert_eq!((policy.half_open.permit_lease, policy.half_open.max_wait), (seconds(30), seconds(60)));
    assert_eq!(policy.half_open.after_max_wait, AfterMaxWait::Open);
    assert_eq!((policy.timeout, policy.enforce), (None, Rate::ALL));
}

proptest! {
    #[test]
    fn a_rate_is_reached_by_itself_and_not_by_one_call_less(part in 1_u64..1_000_000, more in 0_u64..1_000_000) {
        let whole = part + more;
        let rate = Rate::of(part, whole).unwrap();
        prop_assert!(rate.is_reached_by(part, whole));
        prop_assert!(rate <= Rate::ALL);
        let ceiling = Rate::from_ppm(rate.ppm() + 1).unwrap_or(Rate::ALL);
        prop_assert!(rate == Rate::ALL || !ceiling.is_reached_by(part, whole));
    }

    #[test]
    fn no_number_of_calls_is_too_large_for_a_rate(part in any::<u64>(), whole in any::<u64>()) {
        let rate = Rate::of(part, whole);
        prop_assert_eq!(rate.is_none(), whole == 0);
        prop_assert!(part <= whole / 2 || Rate::percent(50).is_reached_by(part, whole));
    }
}

#[test]
fn a_rate_is_at_most_all_and_reads_as_people_write_it() {
    assert_eq!((Rate::from_ppm(1_000_000), Rate::from_ppm(1_000_001)), (Some(Rate::ALL), None));
    let read = |ppm| Rate::from_ppm(ppm).unwrap().to_string();
    assert_eq!([0, 500_000, 125_000, 1, 1_000_000].map(read), ["0 %", "50 %", "12.5 %", "0.0001 %", "100 %"]);
}

#[test]
fn ignore_beats_exceptions_and_what_has_no_kind_is_a_failure() {
    let kind = |word: &str| Kind::parse(word).unwrap();
    let policy = Policy { exceptions: vec![kind("a"), kind("b")], ignore: vec![kind("b")], ..Policy::default() };
    let classify = |outcome, word: Option<&str>| policy.classify(&Call { kind: word.map(kind), ..Call::of(outcome) });
    for outcome in [Outcome::Failure, Outcome::Throttled] {
        assert_eq!(classify(outcome, Some("a")), outcome);
        assert_eq!(classify(outcome, Some("b")), Outcome::Ignored);
        assert_eq!(classify(outcome, Some("c")), Outcome::Success);
        assert_eq!(classify(outcome, None), outcome);
    }
    assert_eq!(classify(Outcome::Timeout, Some("a")), Outcome::Success, "its kind is timeout, and that is not named");
    assert_eq!(classify(Outcome::Success, Some("b")), Outcome::Success, "only failures have a kind that matters");
}
