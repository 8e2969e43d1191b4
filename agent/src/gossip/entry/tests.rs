//! What is written reads back, the encoding stands still, and what is malformed is told.

use proptest::prelude::*;

use super::*;
use crate::gossip::word::WORD_MAX;

fn digest(state: StateKind, age_ms: u64, total: u64, failed: u64) -> FailureDigest {
    let service = ServiceName::parse("payments/10.0.0.5:8080").unwrap();
    FailureDigest { age: Duration::from_millis(age_ms), total, failed, ..FailureDigest::of(service, state) }
}

fn read(sequence: u64, digest: &FailureDigest) -> Result<Entry, Malformed> {
    Entry::read(&digest_key(&digest.service), &digest_value(sequence, digest))
}

#[test]
fn the_encoding_stands_still() {
    let golden = [
        (StateKind::Closed, "BwD7uAsUDA"),
        (StateKind::Open, "BwH7uAsUDA"),
        (StateKind::HalfOpen, "BwL7uAsUDA"),
        (StateKind::ForcedOpen, "BwP7uAsUDA"),
        (StateKind::Disabled, "BwT7uAsUDA"),
        (StateKind::MetricsOnly, "BwX7uAsUDA"),
    ];
    for (state, value) in golden {
        assert_eq!(digest_value(7, &digest(state, 3_000, 20, 12)), value);
    }
    assert_eq!(digest_key(&digest(StateKind::Open, 0, 0, 0).service), "d/payments/10.0.0.5:8080");
    assert_eq!(host_value(Some("eu-1".to_owned())), "AQRldS0x");
}

#[test]
fn the_largest_numbers_fit_the_longest_value() {
    let largest = digest(StateKind::Open, u64::MAX, u64::MAX, u64::MAX);
    assert!(digest_value(u64::MAX, &largest).len() <= DIGEST_VALUE_MAX);
    assert_eq!(read(u64::MAX, &largest), Ok(Entry::Digest { sequence: u64::MAX, digest: largest }));
}

#[test]
fn a_malformed_value_is_told_whatever_is_wrong_with_it() {
    let good = digest_value(7, &digest(StateKind::Open, 3_000, 20, 12));
    let no_state = STANDARD_NO_PAD.encode(to_bytes(&(7_u64, 6_u32, 0_u64, 1_u64, 1_u64)).unwrap());
    let more_failed_than_all = digest_value(7, &digest(StateKind::Open, 0, 1, 2));
    for value in
        ["", "?", &good[1..], &format!("{good}AA"), &"A".repeat(DIGEST_VALUE_MAX + 1), &no_state, &more_failed_than_all]
    {
        assert_eq!(Entry::read("d/payments", value), Err(Malformed), "{value}");
    }
    assert!(Entry::read("d/payments", &good).is_ok());
    for key in ["d/", "d//", "d/a b", "d/a\u{1b}[2J"] {
        assert_eq!(Entry::read(key, &good), Err(Malformed), "{key:?}");
    }
    assert_eq!(Entry::read("later", "whatever"), Ok(Entry::Unknown));
}

#[test]
fn a_zone_as_long_as_allowed_is_taken_and_not_one_byte_more_nor_one_a_terminal_would_obey() {
    let zone = |text: String| Entry::read(HOST, &host_value(Some(text)));
    assert!(zone("z".repeat(WORD_MAX)).is_ok());
    assert_eq!(zone("z".repeat(WORD_MAX + 1)), Err(Malformed));
    assert_eq!(zone("\u{1b}[2J".to_owned()), Err(Malformed));
    assert_eq!(zone(String::new()), Err(Malformed));
    assert_eq!(Entry::read(HOST, &host_value(None)), Ok(Entry::Host { zone: None }));
    assert_eq!(Entry::read(HOST, &"A".repeat(HOST_VALUE_MAX + 1)), Err(Malformed));
}

proptest! {
    #[test]
    fn a_digest_reads_back_as_written(sequence: u64, age_ms: u64, total: u64, failed: u64) {
        let digest = digest(StateKind::HalfOpen, age_ms, total, failed.min(total));
        prop_assert_eq!(read(sequence, &digest), Ok(Entry::Digest { sequence, digest }));
    }

    #[test]
    fn no_key_and_value_make_it_panic(key in "(d/|host|bye|).{0,9}", bytes: Vec<u8>) {
        let _ = Entry::read(&key, &STANDARD_NO_PAD.encode(bytes));
    }
}
