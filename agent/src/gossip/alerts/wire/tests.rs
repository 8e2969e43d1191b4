//! Messages written, read and spoiled.

use proptest::prelude::*;

use super::*;
use crate::core::digest::{FailureDigest, Flags, Phase, Probes, Span, StateKind, Stay};
use crate::gossip::word::tests::digests;

fn tag() -> ClusterTag {
    ClusterTag::of("test")
}

fn told(role: Role, digest: FailureDigest) -> Told {
    let (host, age) = (HostId::new("web-042"), Duration::from_micros(1_234));
    Told { role, testimony: Testimony { host, incarnation: 1_760_000_000, age, digest } }
}

fn message(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut message = Message::new(tag());
    entries.iter().for_each(|entry| message.add(entry));
    message.into_bytes()
}

/// A host that fails at ten calls a second, and has tripped.
fn usual() -> FailureDigest {
    let span = |calls, failed| Span { calls, failed };
    let stay = Stay { number: 3, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() };
    FailureDigest {
        sequence: 1_000,
        age: Duration::ZERO,
        total: 100,
        failed: 4,
        flags: Flags { standing: true, wanted: true, ..Flags::default() },
        spans: [span(0, 0), span(1, 1), span(3, 3), span(10, 4), span(41, 4), span(163, 4), span(650, 5)],
        stay: Some(stay),
        ..FailureDigest::of(ServiceName::parse("payments/eu").unwrap(), StateKind::Open)
    }
}

#[allow(clippy::print_stderr, reason = "a figure for whoever runs the test by itself")]
#[test]
fn a_usual_entry_takes_some_seventy_bytes() {
    let bytes = entry(&told(Role::Testimony, usual()), Duration::ZERO).unwrap().len();
    let testimony = FailureDigest { stay: None, ..usual() };
    let without = entry(&told(Role::Testimony, testimony), Duration::ZERO).unwrap().len();
    eprintln!("an entry takes {bytes} bytes, {without} without a place");
    assert!(bytes <= 75 && without <= 66, "{bytes} {without}");
}

#[test]
fn an_entry_as_long_as_allowed_is_written_and_one_byte_more_is_not() {
    let named = |host: usize| {
        let service = ServiceName::parse(&"s".repeat(200)).unwrap();
        let mut told = told(Role::Testimony, FailureDigest { service, ..usual() });
        told.testimony.host = HostId::new(&"h".repeat(host));
        entry(&told, Duration::ZERO).map(|bytes| bytes.len())
    };
    let longest = (1..=64).filter_map(named).max().unwrap();
    assert_eq!(longest, ENTRY_MAX);
    assert_eq!(named(64), None);
}

#[test]
fn the_cluster_and_the_version_must_be_ours() {
    let good = message(&[entry(&told(Role::Testimony, usual()), Duration::ZERO).unwrap()]);
    assert!(read(tag(), &good).all(|told| told.is_ok()));
    assert_eq!(read(ClusterTag::of("other"), &good).collect::<Vec<_>>(), [Err(Malformed)]);
    let later = [&[VERSION + 1], &good[1..]].concat();
    assert_eq!(read(tag(), &later).collect::<Vec<_>>(), [Err(Malformed)]);
    assert_eq!(read(tag(), &[]).collect::<Vec<_>>(), [Err(Malformed)]);
}

#[test]
fn a_greeting_says_nothing() {
    assert_eq!(read(tag(), &message(&[])).count(), 0);
}

#[test]
fn a_malformed_entry_spoils_no_other_and_a_broken_frame_ends_the_message() {
    let good = entry(&told(Role::Testimony, usual()), Duration::ZERO).unwrap();
    let long = [&good[..], &[0]].concat();
    let results = |entries: &[Vec<u8>]| read(tag(), &message(entries)).map(|told| told.is_ok()).collect::<Vec<_>>();
    assert_eq!(results(&[good.clone(), long, good.clone(), vec![]]), [true, false, true, false]);
    let mut cut = message(&[good.clone(), good.clone()]);
    cut.pop();
    assert_eq!(read(tag(), &cut).map(|told| told.is_ok()).collect::<Vec<_>>(), [true, false]);
    let mut half_a_length = message(std::slice::from_ref(&good));
    half_a_length.push(1);
    assert_eq!(read(tag(), &half_a_length).map(|told| told.is_ok()).collect::<Vec<_>>(), [true, false]);
    for host in [String::new(), "\u{1b}[2J".to_owned(), "h".repeat(65)] {
        let mut told = told(Role::Testimony, usual());
        told.testimony.host = HostId::new(&host);
        assert_eq!(results(&[entry(&told, Duration::ZERO).unwrap()]), [false], "{host:?}");
    }
}

#[test]
fn a_message_as_long_as_allowed_is_read_and_one_byte_more_is_not() {
    let good = entry(&told(Role::Testimony, usual()), Duration::ZERO).unwrap();
    let mut full = Message::new(tag());
    while full.has_room_for(&good) {
        full.add(&good);
    }
    let mut full = full.into_bytes();
    let entries = read(tag(), &full).count();
    assert!(entries >= 14 && read(tag(), &full).all(|told| told.is_ok()));
    let room = MESSAGE_MAX - full.len();
    full.extend(u16::try_from(room - LENGTH_LEN).unwrap().to_le_bytes());
    full.resize(MESSAGE_MAX, 0);
    assert_eq!(read(tag(), &full).count(), entries + 1);
    full.push(0);
    assert_eq!(read(tag(), &full).collect::<Vec<_>>(), [Err(Malformed)]);
}

proptest! {
    #[test]
    fn a_testimony_reads_back_older_by_the_time_it_was_held(digest in digests(), held_us in 0_u64..90_000_000) {
        for role in [Role::Testimony, Role::Evidence] {
            let told = told(role, digest.clone());
            let held = Duration::from_micros(held_us);
            let bytes = message(&[entry(&told, held).unwrap()]);
            let mut read: Vec<_> = read(tag(), &bytes).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read.len(), 1);
            read[0].testimony.age -= held;
            prop_assert_eq!(&read[0], &told);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_300)) {
        read(tag(), &bytes).for_each(drop);
        let ours = [&message(&[])[..], &bytes].concat();
        read(tag(), &ours).for_each(drop);
    }
}
