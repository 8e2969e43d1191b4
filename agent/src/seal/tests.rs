//! Two or more ends of the sealed transport, and somebody between them who records, changes, repeats and redirects.

mod hostile;
mod wire;

use std::time::Duration;

use proptest::prelude::*;

use self::wire::{End, address, key, ring};
use super::*;

#[test]
fn a_first_message_arrives_once_after_one_hello_and_later_ones_at_once() {
    let [mut a, mut b] = End::pair(Some(&key(1)));
    assert_eq!(wire::exchange(&mut a, &mut b, b"first"), [b"first".to_vec()]);
    assert_eq!((b.counted("seal_stale_boot"), b.counted("seal_hellos_sent")), (1, 1));
    assert_eq!(wire::exchange(&mut a, &mut b, b"second"), [b"second".to_vec()]);
    assert_eq!(wire::exchange(&mut b, &mut a, b"answer"), [b"answer".to_vec()]);
    assert_eq!((b.counted("seal_hellos_sent"), a.counted("seal_hellos_sent")), (1, 0));
}

#[test]
fn an_end_that_answers_from_another_address_is_learned_where_it_is_reached() {
    let [mut a, mut b] = End::pair(Some(&key(1)));
    let reached_at = address(77);
    for (message, hellos) in [(b"one", 1), (b"two", 1)] {
        let sent = a.seal_to(reached_at, message);
        // It goes to 77, and what comes back says it is from b's own address.
        let answers = b.open_all(&a, &sent);
        let again = a.open_all(&b, &answers.sent);
        assert!(again.sent.iter().all(|outgoing| outgoing.to == reached_at));
        let delivered = [answers.messages, b.open_all(&a, &again.sent).messages].concat();
        assert_eq!(delivered, [message.to_vec()]);
        assert_eq!(b.counted("seal_hellos_sent"), hellos);
    }
}

#[test]
fn a_restarted_end_is_found_again_by_the_next_message() {
    let [mut a, b] = End::met(Some(&key(1)));
    let mut b = b.restarted();
    // The first one only teaches the sender who is there now: its message is old news by then.
    assert!(wire::exchange(&mut a, &mut b, b"lost").is_empty());
    assert_eq!(wire::exchange(&mut a, &mut b, b"heard"), [b"heard".to_vec()]);
    assert_eq!(wire::exchange(&mut b, &mut a, b"so am I"), [b"so am I".to_vec()]);
}

#[test]
fn a_message_as_long_as_allowed_arrives_and_one_byte_more_is_refused() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    for len in [0, 1, parts::PART_MAX, parts::PART_MAX + 1, MESSAGE_MAX] {
        let message = vec![7; len];
        assert_eq!(wire::exchange(&mut a, &mut b, &message), [message]);
    }
    let long = vec![7; MESSAGE_MAX + 1];
    let refused = a.seal.seal(Plane::State, b.address, &long, a.now, &mut a.rng);
    assert_eq!(refused, Err(SealError::Oversized { bytes: MESSAGE_MAX + 1 }));
    assert_eq!(a.counted("seal_oversized_messages"), 1);
}

#[test]
fn each_plane_gets_its_own_messages() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    for plane in [Plane::State, Plane::Alert] {
        let sent = a.seal.seal(plane, b.address, b"x", a.now, &mut a.rng).unwrap();
        assert_eq!(sent[0].datagram.len(), OVERHEAD + 1);
        let opened = b.open(a.address, &sent[0].datagram);
        assert_eq!(opened, Opened::Message { plane, message: b"x".to_vec() });
    }
}

#[test]
fn somebody_is_known_at_an_address_once_heard_there() {
    let [mut a, mut b] = End::pair(Some(&key(1)));
    assert!(!a.seal.knows(b.address));
    wire::exchange(&mut a, &mut b, b"x");
    assert!(a.seal.knows(b.address) && b.seal.knows(a.address));
}

/// For a simulation that shows what the refusal is good for; forgeries stay forgeries.
#[test]
fn with_replays_taken_a_datagram_is_used_again_and_in_the_next_life() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    let sent = a.seal_to(b.address, b"x").remove(0).datagram;
    for mut end in [b.restarted(), b.restarted()] {
        end.seal = end.seal.with_replays(Replays::Taken);
        for _ in 0..2 {
            assert!(matches!(end.open(address(66), &sent), Opened::Message { .. }));
        }
        let mut forged = sent.clone();
        forged[50] ^= 1;
        assert_eq!(end.open(address(66), &forged), Opened::Nothing);
    }
    assert!(matches!(b.open(a.address, &sent), Opened::Message { .. }));
    assert_eq!(b.open(a.address, &sent), Opened::Nothing);
}

#[test]
fn the_longest_datagram_is_as_long_as_stated() {
    let [mut a, b] = End::met(Some(&key(1)));
    let longest = a.seal_to(b.address, &vec![7; MESSAGE_MAX]).iter().map(|sent| sent.datagram.len()).max();
    assert_eq!(longest, Some(DATAGRAM_MAX));
}

/// Install, use, remove: at every step each side opens what the other seals.
#[test]
fn keys_change_without_a_silence() {
    let (old, new) = (key(1), key(2));
    let steps = [
        (ring(&[&old]), ring(&[&old, &new])),
        (ring(&[&old, &new]), ring(&[&new, &old])),
        (ring(&[&new, &old]), ring(&[&new])),
    ];
    for (left, right) in steps {
        let (mut a, mut b) = (End::new(1, Some(left)), End::new(2, Some(right)));
        assert_eq!(wire::exchange(&mut a, &mut b, b"there"), [b"there".to_vec()]);
        assert_eq!(wire::exchange(&mut b, &mut a, b"back"), [b"back".to_vec()]);
    }
}

#[test]
fn without_a_key_loopback_addresses_are_spoken_with_and_no_others() {
    let [mut a, mut b] = End::pair(None);
    assert_eq!(wire::exchange(&mut a, &mut b, b"hello"), [b"hello".to_vec()]);
    for loopback in ["127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(a.seal.seal(Plane::State, loopback.parse().unwrap(), b"x", a.now, &mut a.rng).is_ok(), "{loopback}");
    }
    for beyond in ["10.0.0.1:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1", "0.0.0.0:1"] {
        let beyond = beyond.parse().unwrap();
        let before = a.counted("seal_non_loopback");
        let refused = a.seal.seal(Plane::State, beyond, b"x", a.now, &mut a.rng);
        assert_eq!(refused, Err(SealError::NonLoopback { to: beyond }));
        let genuine = b.seal_to(a.address, b"x").remove(0).datagram;
        assert_eq!(a.seal.open(beyond, &genuine, a.now, &mut a.rng), Opened::Nothing);
        assert_eq!(a.counted("seal_non_loopback"), before + 2);
    }
}

#[test]
fn one_with_a_key_and_one_without_do_not_understand_each_other() {
    let (mut a, mut b) = (End::new(1, Some(key(1))), End::new(2, None));
    assert!(wire::exchange(&mut a, &mut b, b"x").is_empty());
    assert!(wire::exchange(&mut b, &mut a, b"x").is_empty());
    assert_eq!((a.counted("seal_forged"), b.counted("seal_forged")), (1, 1));
    assert_eq!((a.counted("seal_hellos_sent"), b.counted("seal_hellos_sent")), (0, 0));
}

/// The table of senders is what keeps recordings out; it must not be emptied without making them stale.
#[test]
fn a_full_table_of_senders_renews_the_boot_id_and_recordings_stay_without_effect() {
    let [mut a, mut b] = End::met(Some(&key(1)));
    let recorded = a.seal_to(b.address, b"recorded");
    assert_eq!(b.open_all(&a, &recorded).messages.len(), 1);
    for port in 0..u16::try_from(SENDERS_MAX).unwrap() - 1 {
        // Slowly, because hellos are rationed.
        b.now = b.now + Duration::from_millis(10);
        let mut other = End::new(1_000 + port, Some(key(1)));
        assert_eq!(wire::exchange(&mut other, &mut b, b"x").len(), 1);
    }
    assert_eq!((b.seal.senders.len(), b.counted("seal_renewals")), (SENDERS_MAX, 0));
    let mut last = End::new(999, Some(key(1)));
    assert!(wire::exchange(&mut last, &mut b, b"renews").is_empty());
    assert_eq!((b.seal.senders.len(), b.counted("seal_renewals")), (0, 1));
    assert!(b.open_all(&a, &recorded).messages.is_empty());
    assert!(wire::exchange(&mut a, &mut b, b"teaches").is_empty());
    assert_eq!(wire::exchange(&mut a, &mut b, b"goes on"), [b"goes on".to_vec()]);
}

#[test]
fn hellos_are_said_as_often_a_second_as_allowed_and_not_once_more() {
    let [mut a, mut b] = End::pair(Some(&key(1)));
    let allowed = contacts::HELLOS_PER_SECOND_MAX;
    for _ in 0..=allowed {
        let sent = a.seal_to(b.address, b"who are you");
        b.open_all(&a, &sent);
    }
    assert_eq!((b.counted("seal_hellos_sent"), b.counted("seal_hellos_withheld")), (u64::from(allowed), 1));
    let sent = a.seal_to(b.address, b"who are you");
    let later = MonoTime::from_millis(1_001);
    assert!(matches!(b.seal.open(a.address, &sent[0].datagram, later, &mut b.rng), Opened::Send(_)));
}

#[test]
fn a_large_message_is_answered_by_one_hello() {
    let [mut a, mut b] = End::pair(Some(&key(1)));
    let sent = a.seal_to(b.address, &[7; 60_000]);
    assert_eq!(b.open_all(&a, &sent).sent.len(), 1);
    assert_eq!(b.counted("seal_stale_boot"), sent.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However parts are mixed up and repeated, each message arrives once and as it was.
    #[test]
    fn messages_arrive_once_through_reordering_and_duplication(
        lens in prop::collection::vec(0..=MESSAGE_MAX, 1..4),
        shuffle in any::<u64>(),
    ) {
        let [mut a, mut b] = End::met(Some(&key(1)));
        let messages: Vec<Vec<u8>> = (1..).zip(&lens).map(|(byte, len)| vec![byte; *len]).collect();
        let sent: Vec<_> = messages.iter().flat_map(|message| a.seal_to(b.address, message)).collect();
        let mut mixed = [sent.clone(), sent.clone()].concat();
        wire::shuffle(&mut mixed, shuffle);
        let mut arrived = b.open_all(&a, &mixed).messages;
        arrived.sort_by_key(|message| message.first().copied());
        let mut expected = messages;
        expected.sort_by_key(|message| message.first().copied());
        prop_assert_eq!(arrived, expected);
        prop_assert_eq!(b.counted("seal_replayed"), sent.len() as u64);
    }

    /// A lost part loses its message, is counted when it is given up, and hurts no other message.
    #[test]
    fn a_lost_part_loses_its_message_only(lost in any::<prop::sample::Index>(), shuffle in any::<u64>()) {
        let [mut a, mut b] = End::met(Some(&key(1)));
        let mut broken = a.seal_to(b.address, &[1; 60_000]);
        broken.remove(lost.index(broken.len()));
        let mut mixed = [broken, a.seal_to(b.address, &[2; 60_000])].concat();
        wire::shuffle(&mut mixed, shuffle);
        prop_assert_eq!(b.open_all(&a, &mixed).messages, vec![vec![2; 60_000]]);
        let late = b.now + parts::PARTIAL_LIFE;
        b.seal.open(a.address, b"anything", late, &mut b.rng);
        prop_assert_eq!(b.counted("seal_parts_lost"), 1);
        prop_assert_eq!(b.seal.partials.clone(), Partials::default());
    }
}
