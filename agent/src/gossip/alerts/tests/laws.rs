//! What holds whatever is pushed, lost, repeated and mixed up.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::*;
use super::cluster::{Cluster, Links};
use super::{Host, failing, place, told_of};
use crate::core::digest::Phase;

/// Anything a host may say of one of three services.
fn digests() -> impl Strategy<Value = FailureDigest> {
    let phases = prop::sample::select(vec![Phase::Open, Phase::HalfOpen, Phase::Closed]);
    let probes = prop::array::uniform5(0_u32..3).prop_map(|[claimed, highest, failed, failures, good]| {
        crate::core::digest::Probes { claimed, highest, failed, failures, good }
    });
    let name = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        (name.clone(), 0_u64..6).prop_map(|(name, sequence)| failing(name, sequence)),
        (name, 0_u64..6, 0_u64..7, phases, probes)
            .prop_map(|(name, sequence, number, phase, probes)| place(name, sequence, number, phase, probes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In a network that loses and repeats: all is quiet in the end, and no host sends one testimony in two batches.
    #[test]
    fn relaying_ends_and_everything_is_passed_on_once(
        pushed in prop::collection::vec((0_usize..12, digests(), 0_u64..4), 1..40),
        seed in any::<u32>(),
    ) {
        let mut cluster = Cluster::new(12, Links { lost_permille: 100, twice_permille: 100 }, seed.into());
        for (sequence, (host, digest, pause)) in (1..).zip(pushed) {
            let digest = FailureDigest { sequence, ..digest };
            let urgency = if digest.stay.is_some() { Urgency::Place } else { Urgency::Failing };
            cluster.push(host, urgency, digest);
            cluster.run(Duration::from_millis(pause));
        }
        prop_assert!(cluster.run(Duration::from_secs(60)), "it never ends");
        for (told, batches) in &cluster.told {
            prop_assert_eq!(batches.len(), 1, "{:?}", told);
        }
    }

    /// What is remembered does not depend on the order in which it came, nor on how often.
    #[test]
    fn order_and_repetition_do_not_matter(
        said in prop::collection::vec((1_u16..6, digests()), 1..40),
        seed in any::<u64>(),
    ) {
        let once: Vec<_> = said.iter().map(|(host, digest)| told_of(*host, digest.clone())).collect();
        let mut mixed = [once.clone(), once.clone()].concat();
        mixed.shuffle(&mut StdRng::seed_from_u64(seed));
        let [one, other] = [once, mixed].map(|said| {
            let mut me = Host::with_peers(9);
            said.iter().for_each(|told| drop(me.hear(7, std::slice::from_ref(told))));
            me.alerts.memory.known()
        });
        prop_assert_eq!(one, other);
    }

    /// The driver is told of each host and service in rising order, whatever came.
    #[test]
    fn the_driver_never_hears_an_older_word_after_a_newer_one(said in prop::collection::vec((1_u16..4, digests()), 1..60)) {
        let mut me = Host::with_peers(9);
        let mut newest = BTreeMap::new();
        for (host, digest) in said {
            let (key, sequence) = ((host, digest.service.clone()), digest.sequence);
            let is_told = !me.hear(7, &[told_of(host, digest)]).is_empty();
            let is_newer = newest.get(&key).is_none_or(|known| sequence > *known);
            prop_assert_eq!(is_told, is_newer);
            if is_newer {
                newest.insert(key, sequence);
            }
        }
    }

    /// Whatever bytes come: nothing panics, and what is not understood is not passed on.
    #[test]
    fn no_message_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_300), ours in any::<bool>()) {
        let mut me = Host::with_peers(9);
        let mut message = if ours { me.alerts.greeting() } else { Vec::new() };
        message.extend(bytes);
        let came = Came { from: super::address(3), message: &message, waited: Duration::ZERO };
        let news = me.alerts.receive(came, me.now);
        prop_assert!(news.is_empty() || ours);
    }
}
