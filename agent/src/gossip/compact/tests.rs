//! Messages made small and whole again, genuine ones and others.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// What a host of a cluster of so many says to another, an hour after the start.
fn syn(hosts: u32, seed: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut message = [&MAGIC[..], &[SYN]].concat();
    message.extend(u16::try_from(hosts).unwrap().to_le_bytes());
    for number in 0..hosts {
        let id = format!("web-{number:03}");
        let forgotten = rng.random_range(0..300);
        Incarnation {
            id: id.as_bytes(),
            generation: 1_790_000_000_000 + rng.random_range(0..100_000_000),
            address: Address::V4([10, 0, u8::try_from(number / 200).unwrap(), u8::try_from(number % 200).unwrap()]),
            port: 7_946,
            heartbeat: 72_000 + rng.random_range(0..2_000),
            forgotten,
            newest: forgotten + rng.random_range(0..200),
        }
        .write(&mut message);
    }
    message.extend(4_u16.to_le_bytes());
    message.extend(b"test");
    message
}

#[allow(clippy::print_stderr, reason = "a figure for whoever runs the test by itself")]
#[test]
fn a_list_of_a_hundred_hosts_shrinks_to_less_than_a_third() {
    let whole = syn(100, 1);
    let small = shrink(&whole);
    eprintln!("{} bytes become {}", whole.len(), small.len());
    assert!(small.len() * 3 < whole.len(), "{} of {}", small.len(), whole.len());
    assert_eq!(grow(&small), Ok(whole));
}

#[test]
fn what_claims_to_grow_beyond_the_longest_message_is_refused() {
    let fits = [&[WHOLE], &vec![7; MESSAGE_MAX][..]].concat();
    assert!(grow(&fits).is_ok());
    assert_eq!(grow(&[&fits[..], &[7]].concat()), Err(Malformed));
    // One long name, and then the same again and again: six bytes stand for sixty thousand.
    let mut bomb = vec![COMPACT, SYN];
    put(&mut bomb, 2_000);
    put(&mut bomb, 0);
    put(&mut bomb, 60_000);
    bomb.extend(vec![b'n'; 60_000]);
    bomb.extend([0; 6]);
    for _ in 1..2_000 {
        put(&mut bomb, 60_000);
        bomb.extend([0; 7]);
    }
    assert_eq!(grow(&bomb), Err(Malformed));
}

fn incarnations() -> impl Strategy<Value = Vec<u8>> {
    let address = prop_oneof![any::<[u8; 4]>().prop_map(Address::V4), any::<[u8; 16]>().prop_map(Address::V6)];
    let one = ("[a-c]{0,9}", any::<[u64; 4]>(), address, any::<u16>());
    (prop::collection::vec(one, 0..20), 0_u8..5, prop::collection::vec(any::<u8>(), 0..30)).prop_map(
        |(all, kind, rest)| {
            let mut message = [&MAGIC[..], &[kind]].concat();
            message.extend(u16::try_from(all.len()).unwrap().to_le_bytes());
            for (id, [generation, heartbeat, forgotten, newest], address, port) in all {
                Incarnation { id: id.as_bytes(), generation, address, port, heartbeat, forgotten, newest }
                    .write(&mut message);
            }
            message.extend(rest);
            message
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_made_small_becomes_what_it_was(message in prop_oneof![incarnations(), prop::collection::vec(any::<u8>(), 0..200)]) {
        let small = shrink(&message);
        prop_assert!(small.len() <= message.len() + 1);
        prop_assert_eq!(grow(&small), Ok(message));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), begins in any::<bool>()) {
        let small = if begins { [&[COMPACT, SYN][..], &bytes].concat() } else { bytes };
        let _ = grow(&small);
    }

    #[test]
    fn a_message_cut_anywhere_is_refused_or_another_message(cut in any::<prop::sample::Index>()) {
        let small = shrink(&syn(5, 1));
        let cut = &small[..cut.index(small.len())];
        prop_assert_ne!(grow(cut), Ok(syn(5, 1)));
    }
}
