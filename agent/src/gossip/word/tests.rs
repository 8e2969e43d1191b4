//! What is written reads back, and what cannot be is told.

use proptest::prelude::*;

use super::*;

fn service() -> ServiceName {
    ServiceName::parse("payments").unwrap()
}

/// Any digest the core can make.
pub(in crate::gossip) fn digests() -> impl Strategy<Value = FailureDigest> {
    let kinds = [StateKind::Closed, StateKind::Open, StateKind::HalfOpen, StateKind::MetricsOnly];
    let flags = any::<u8>().prop_map(flags_of);
    let spans = prop::array::uniform7((0_u32..10_000, 0_u32..10_000)).prop_map(|more| {
        let nested = more.map(|(calls, failed)| (calls, failed.min(calls)));
        sums(nested).unwrap()
    });
    let probes = prop::array::uniform5(any::<u32>()).prop_map(|[claimed, highest, failed, failures, good]| Probes {
        claimed,
        highest,
        failed,
        failures,
        good,
    });
    let phases = prop::sample::select(vec![Phase::Open, Phase::HalfOpen, Phase::Closed]);
    let stay = (any::<u64>(), phases, any::<u32>(), probes).prop_map(|(number, phase, age, probes)| Stay {
        number,
        phase,
        age: Duration::from_millis(age.into()),
        probes,
    });
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>());
    (numbers, prop::sample::select(kinds.to_vec()), flags, spans, prop::option::of(stay)).prop_map(
        |((sequence, age, total, failed), state, flags, spans, stay)| FailureDigest {
            service: service(),
            sequence,
            state,
            age: Duration::from_millis(age.into()),
            total: total.max(failed).into(),
            failed: failed.into(),
            flags,
            spans,
            stay,
        },
    )
}

proptest! {
    #[test]
    fn a_digest_reads_back_as_written(digest in digests()) {
        let word: Word = decode(&encode(&Word::of(&digest))).unwrap();
        prop_assert_eq!(word.into_digest(service()), Ok(digest));
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_it_reads_is_nested(bytes: Vec<u8>) {
        let read = decode::<Word>(&bytes).and_then(|word| word.into_digest(service()));
        if let Ok(digest) = read {
            prop_assert!(digest.failed <= digest.total);
            prop_assert!(digest.spans.windows(2).all(|w| w[0].calls <= w[1].calls && w[0].failed <= w[1].failed));
            prop_assert!(digest.spans.iter().all(|span| span.failed <= span.calls));
        }
    }
}

#[test]
fn more_failures_than_calls_are_malformed_in_all_and_in_a_span() {
    let well = Word::of(&FailureDigest::of(service(), StateKind::Open));
    assert!(well.clone().into_digest(service()).is_ok());
    let in_all = Word { failed: 1, ..well.clone() };
    assert_eq!(in_all.into_digest(service()), Err(Malformed));
    let mut in_a_span = well.clone();
    in_a_span.more[3] = (1, 2);
    assert_eq!(in_a_span.into_digest(service()), Err(Malformed));
    let mut too_many = well;
    (too_many.more[0], too_many.more[6]) = ((u32::MAX, 0), (1, 0));
    assert_eq!(too_many.into_digest(service()), Err(Malformed));
}

#[test]
fn kinds_and_phases_of_a_later_version_are_malformed_and_its_flags_passed_over() {
    let word = Word { flags: 0xC0, ..Word::of(&FailureDigest::of(service(), StateKind::Open)) };
    let bytes = encode(&word);
    assert_eq!(decode::<Word>(&bytes).unwrap().into_digest(service()).unwrap().flags, Flags::default());
    let mut later = bytes;
    later[1] = 6;
    assert!(decode::<Word>(&later).is_err());
}
