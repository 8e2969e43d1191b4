//! What is written reads back, the encoding stands still, and what is malformed is told.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::core::digest::{Flags, Phase, Probes, Span, StateKind, Stay};
use crate::gossip::word::WORD_MAX;
use crate::gossip::word::tests::digests;

const STAMP: Stamp = Stamp { heartbeat: 900, beat: Duration::from_millis(50), held: Duration::from_millis(7) };

fn service() -> ServiceName {
    ServiceName::parse("payments/10.0.0.5:8080").unwrap()
}

fn digest(state: StateKind) -> FailureDigest {
    let span = |calls, failed| Span { calls, failed };
    FailureDigest {
        sequence: 7,
        age: Duration::from_secs(3),
        total: 20,
        failed: 12,
        flags: Flags { standing: true, wanted: true, ..Flags::default() },
        spans: [span(0, 0), span(1, 1), span(3, 2), span(9, 5), span(20, 12), span(20, 12), span(400, 12)],
        ..FailureDigest::of(service(), state)
    }
}

fn read_back(digest: &FailureDigest) -> Result<Entry, Malformed> {
    Entry::read(&digest_key(&digest.service), &digest_value(digest, STAMP))
}

fn host(zone: Option<&str>) -> Coarse {
    Coarse::of(&HostWord { zone: zone.map(Into::into), ..HostWord::default() })
}

#[test]
fn the_encoding_stands_still() {
    let kinds = [
        StateKind::Closed,
        StateKind::Open,
        StateKind::HalfOpen,
        StateKind::ForcedOpen,
        StateKind::Disabled,
        StateKind::MetricsOnly,
    ];
    for (place, state) in kinds.into_iter().enumerate() {
        let bytes = STANDARD_NO_PAD.decode(digest_value(&digest(state), STAMP)).unwrap();
        let mut expected = vec![7, u8::try_from(place).unwrap(), 251, 184, 11, 20, 12, 0b10_0001];
        expected.extend([0, 0, 1, 1, 2, 1, 6, 3, 11, 7, 0, 0, 251, 124, 1, 0, 0]);
        expected.extend([251, 132, 3, 251, 80, 195, 7]);
        assert_eq!(bytes, expected);
        assert_eq!(value_bytes(&STANDARD_NO_PAD.encode(&bytes)), bytes.len());
    }
    let stay = |phase| Stay { number: 3, phase, age: Duration::from_millis(9), probes: probes() };
    for (place, phase) in [Phase::Open, Phase::HalfOpen, Phase::Closed].into_iter().enumerate() {
        let digest = FailureDigest { stay: Some(stay(phase)), ..FailureDigest::of(service(), StateKind::Open) };
        let bytes = STANDARD_NO_PAD.decode(digest_value(&digest, STAMP)).unwrap();
        assert_eq!(bytes[20..29], [1, 3, u8::try_from(place).unwrap(), 9, 1, 2, 3, 4, 5]);
    }
    assert_eq!(digest_key(&service()), "d/payments/10.0.0.5:8080");
    let rates = vec![(service(), 10_000), (ServiceName::parse("payments/10.0.0.6:8080").unwrap(), 7)];
    let word = HostWord { zone: Some("eu-1".into()), rates, sick: false, deaf: true };
    let bytes = STANDARD_NO_PAD.decode(host_value(&Coarse::of(&word))).unwrap();
    let mut expected = b"\x01\x04eu-1\x02\x02\x00\x16payments/10.0.0.5:8080".to_vec();
    expected.extend([26, 16, 6]);
    expected.extend(b"6:8080\x05");
    assert_eq!(bytes, expected);
}

fn probes() -> Probes {
    Probes { claimed: 1, highest: 2, failed: 3, failures: 4, good: 5 }
}

#[test]
fn the_largest_numbers_fit_the_longest_value() {
    let all = u32::MAX;
    let stay = Stay {
        number: u64::MAX,
        phase: Phase::Closed,
        age: Duration::from_millis(u64::MAX),
        probes: Probes { claimed: all, highest: all, failed: all, failures: all, good: all },
    };
    let largest = FailureDigest {
        sequence: u64::MAX,
        age: Duration::from_millis(u64::MAX),
        total: u64::MAX,
        failed: u64::MAX,
        // Differences of five bytes each, as far as they can add up.
        spans: [1, 2, 3, 4, 5, 6, 7].map(|part| Span { calls: all / 7 * part, failed: all / 7 * part }),
        stay: Some(stay),
        ..FailureDigest::of(service(), StateKind::Open)
    };
    let stamp =
        Stamp { heartbeat: u64::MAX, beat: Duration::from_micros(u64::MAX), held: Duration::from_millis(u64::MAX) };
    let value = digest_value(&largest, stamp);
    assert!(value_bytes(&value) <= 190, "{}", value_bytes(&value));
    assert!(value.len() <= DIGEST_VALUE_MAX);
    assert_eq!(Entry::read(&digest_key(&service()), &value), Ok(Entry::Digest { digest: largest, stamp }));
}

#[test]
fn a_malformed_value_is_told_whatever_is_wrong_with_it() {
    let good = digest_value(&digest(StateKind::Open), STAMP);
    let more_failed_than_all = digest_value(&FailureDigest { failed: 21, ..digest(StateKind::Open) }, STAMP);
    let long = "A".repeat(DIGEST_VALUE_MAX + 1);
    for value in ["", "?", &good[1..], &format!("{good}AA"), &long, &more_failed_than_all] {
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
    let zone = |text: &str| Entry::read(HOST, &host_value(&host(Some(text))));
    assert!(zone(&"z".repeat(WORD_MAX)).is_ok());
    assert_eq!(zone(&"z".repeat(WORD_MAX + 1)), Err(Malformed));
    assert_eq!(zone("\u{1b}[2J"), Err(Malformed));
    assert_eq!(zone(""), Err(Malformed));
    assert_eq!(Entry::read(HOST, &host_value(&host(None))), Ok(Entry::Host(HostWord::default())));
    assert_eq!(Entry::read(HOST, &"A".repeat(HOST_VALUE_MAX + 1)), Err(Malformed));
}

proptest! {
    #[test]
    fn a_digest_reads_back_as_written(digest in digests()) {
        prop_assert_eq!(read_back(&digest), Ok(Entry::Digest { digest, stamp: STAMP }));
    }

    #[test]
    fn no_key_and_value_make_it_panic(key in "(d/|host|bye|).{0,9}", bytes: Vec<u8>) {
        let _ = Entry::read(&key, &STANDARD_NO_PAD.encode(bytes));
    }
}
