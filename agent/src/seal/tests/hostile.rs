//! What an end does with datagrams that are not what they should be: nothing but count them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::super::*;
use super::wire::{End, address, exchange, key};

/// Opens a datagram that must have no effect and no answer; what it was counted as.
fn refused(end: &mut End, datagram: &[u8]) -> &'static str {
    let before: Vec<_> = end.seal.counters.iter().collect();
    let effects = end.effects();
    assert_eq!(end.open(address(66), datagram), Opened::Nothing);
    assert_eq!(end.effects(), effects);
    let after: Vec<_> = end.seal.counters.iter().collect();
    let moved: Vec<_> = after.iter().zip(&before).filter(|(after, before)| after != before).collect();
    let [((name, now), (_, then))] = moved[..] else { panic!("counted as {moved:?}") };
    assert_eq!(*now, then + 1);
    name
}

#[test]
fn one_flipped_bit_anywhere_is_a_forgery() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    let genuine = a.seal_to(b.address, b"payments are down").remove(0).datagram;
    let mut counted_as = BTreeSet::new();
    for bit in 0..genuine.len() * 8 {
        let mut forged = genuine.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        counted_as.insert(refused(&mut b, &forged));
    }
    // A flipped bit in the key's id names a key that is not there.
    assert_eq!(counted_as, BTreeSet::from(["seal_forged", "seal_wrong_key"]));
    assert_eq!(b.counted("seal_wrong_key"), 32);
    assert!(matches!(b.open(a.address, &genuine), Opened::Message { .. }), "the genuine one is still new");
}

#[test]
fn a_datagram_cut_anywhere_is_refused() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    let genuine = a.seal_to(b.address, b"payments are down").remove(0).datagram;
    for len in 0..genuine.len() {
        let expected = if len < envelope::OVERHEAD { "seal_truncated" } else { "seal_forged" };
        assert_eq!(refused(&mut b, &genuine[..len]), expected, "{len}");
    }
}

#[test]
fn a_datagram_of_another_key_is_counted_as_that() {
    let mut stranger = End::new(3, Some(key(2)));
    let [_, mut b] = End::met(Some(&key(1)));
    let sealed = stranger.seal_to(b.address, b"x").remove(0).datagram;
    assert_eq!(refused(&mut b, &sealed), "seal_wrong_key");
}

#[test]
fn a_datagram_longer_than_the_longest_is_not_even_opened() {
    let [_, mut b] = End::met(Some(&key(1)));
    assert_eq!(refused(&mut b, &[0xB5; DATAGRAM_MAX]), "seal_wrong_key");
    assert_eq!(refused(&mut b, &[0xB5; DATAGRAM_MAX + 1]), "seal_oversized");
}

#[test]
fn a_replay_in_the_same_life_is_refused() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    let sent = a.seal_to(b.address, &[7; 5_000]);
    assert_eq!(b.open_all(&a, &sent).messages.len(), 1);
    for _ in 0..2 {
        for Outgoing { datagram, .. } in &sent {
            assert_eq!(refused(&mut b, datagram), "seal_replayed");
        }
    }
}

/// All that two ends ever said to each other, first contact included, is played again: to the receiver's next life, and
/// from the sender's former one.
#[test]
fn a_replay_after_either_end_restarted_delivers_nothing() {
    for keyring in [Some(key(1)), None] {
        let [mut a, mut b] = End::pair(keyring.as_ref());
        let first = a.seal_to(b.address, b"first");
        let hello = b.open_all(&a, &first).sent;
        let second = a.open_all(&b, &hello).sent;
        let third = a.seal_to(b.address, b"third");
        let delivered = b.open_all(&a, &[second.clone(), third.clone()].concat()).messages;
        assert_eq!(delivered, [b"first".to_vec(), b"third".to_vec()]);
        let recorded = [first, second, third].concat();

        let mut a = a.restarted();
        assert_eq!(exchange(&mut a, &mut b, b"I am back").len(), 1);
        for Outgoing { datagram, .. } in &recorded {
            assert_eq!(refused(&mut b, datagram), "seal_replayed");
        }
        let mut b = b.restarted();
        for round in 0..3 {
            let came = b.open_all(&a, &recorded);
            assert!(came.messages.is_empty());
            // A hello or two in the first round, which a no longer has a use for.
            assert!(came.sent.len() <= if round == 0 { recorded.len() } else { 0 });
            assert!(a.open_all(&b, &came.sent).sent.is_empty());
        }
        assert_eq!(b.counted("seal_accepted"), 0);
        for Outgoing { datagram, .. } in &hello {
            assert_eq!(refused(&mut a, datagram), "seal_stale_boot");
        }
    }
}

#[test]
fn a_datagram_led_to_another_receiver_or_back_to_its_sender_is_refused() {
    let [mut a, b] = End::met(Some(&key(1)));
    let mut c = End::new(3, Some(key(1)));
    exchange(&mut a, &mut c, b"x");
    let sent = a.seal_to(b.address, b"for b").remove(0).datagram;
    assert!(!matches!(c.open(a.address, &sent), Opened::Message { .. }));
    assert_eq!(c.counted("seal_stale_boot"), 2);
    assert_eq!(refused(&mut a, &sent), "seal_replayed");
}

#[test]
fn a_plane_not_known_yet_is_refused_and_counted() {
    let [a, mut b] = End::met(Some(&key(1)));
    let header = Header { sender: a.seal.boot, counter: 1_000, receiver: Some(b.seal.boot) };
    let place = Place { message: 1, index: 0, count: 1 };
    let mut text = header::write(header, Body::Part { plane: Plane::State, place, bytes: b"alert" });
    text[0] = 2;
    let datagram = envelope::close(Some(&key(1)), &text, &mut StdRng::seed_from_u64(1));
    assert_eq!(refused(&mut b, &datagram), "seal_unknown_plane");
}

#[test]
fn a_hundred_thousand_random_datagrams_do_nothing() {
    let mut rng = StdRng::seed_from_u64(3);
    for keyring in [Some(key(1)), None] {
        let [_, mut b] = End::met(keyring.as_ref());
        let effects = b.effects();
        for turn in 0..50_000 {
            let mut datagram = vec![0; rng.random_range(0..=DATAGRAM_MAX + 1)];
            rng.fill_bytes(&mut datagram);
            if let Some(first) = datagram.first_mut() {
                *first = [0xB5, 0xB0, *first][turn % 3];
            }
            b.open(address(66), &datagram);
        }
        let [accepted, _] = b.effects();
        assert_eq!(accepted, effects[0]);
    }
}

proptest! {
    /// Whoever has the key may still be of another version, or mad.
    #[test]
    fn no_text_under_the_right_key_makes_it_panic(
        texts in prop::collection::vec((any::<Option<u8>>(), prop::collection::vec(any::<u8>(), 0..64)), 1..40),
    ) {
        let [a, mut b] = End::met(Some(&key(1)));
        let mut rng = StdRng::seed_from_u64(1);
        for (counter, (plane, rest)) in (100..).zip(texts) {
            let text = match plane {
                None => rest,
                Some(plane) => {
                    let header = Header { sender: a.seal.boot, counter, receiver: Some(b.seal.boot) };
                    let mut text = header::write(header, Body::Hello { answers: 0 });
                    text.truncate(25);
                    text[0] = plane % 3;
                    [text, rest].concat()
                }
            };
            b.open(a.address, &envelope::close(Some(&key(1)), &text, &mut rng));
        }
    }
}
