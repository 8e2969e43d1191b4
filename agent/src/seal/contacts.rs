//! Who is at which address, as far as heard, and first messages that wait for an answer.
//!
//! Everything here may be forgotten at any time: it costs a round trip, no safety.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::Plane;
use super::header::BootId;
use crate::core::time::MonoTime;

/// What is known of other ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contacts {
    known: BTreeMap<SocketAddr, Known>,
    unanswered: VecDeque<Unanswered>,
    unanswered_bytes: usize,
    greeted: Greeted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    boot: BootId,
    heard: MonoTime,
}

/// Messages sent lately, by the number of their first datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unanswered {
    number: u64,
    at: MonoTime,
    contact: Contact,
}

/// A message that got an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact {
    /// Where it went.
    pub(super) to: SocketAddr,
    /// The message, if nobody was known there when it left.
    pub(super) first: Option<(Plane, Vec<u8>)>,
}

/// Hellos of the present second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Greeted {
    since: MonoTime,
    hellos: u32,
}

impl Contacts {
    /// Who is at that address.
    pub(super) fn at(&self, address: SocketAddr) -> Option<BootId> {
        self.known.get(&address).map(|known| known.boot)
    }

    /// Notes who is at that address.
    pub(super) fn heard(&mut self, address: SocketAddr, boot: BootId, now: MonoTime) {
        if self.known.len() >= ADDRESSES_MAX && !self.known.contains_key(&address) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.heard).map(|(address, _)| *address);
            oldest.and_then(|address| self.known.remove(&address));
        }
        self.known.insert(address, Known { boot, heard: now });
    }

    /// Notes a message on its way whose first datagram has that number.
    pub(super) fn sent(&mut self, to: SocketAddr, number: u64, plane: Plane, message: &[u8], now: MonoTime) {
        let first = self.at(to).is_none().then(|| (plane, message.to_vec()));
        self.unanswered_bytes += first.as_ref().map_or(0, |(_, message)| message.len());
        self.unanswered.push_back(Unanswered { number, at: now, contact: Contact { to, first } });
        while self.has_too_many(now) {
            self.forget_first();
        }
    }

    /// The message whose first datagram has that number; each is answered once.
    pub(super) fn answered(&mut self, number: u64) -> Option<Contact> {
        let at = self.unanswered.iter().position(|message| message.number == number)?;
        let contact = self.unanswered.remove(at)?.contact;
        self.unanswered_bytes -= contact.len();
        Some(contact)
    }

    /// Whether one more hello may be said now.
    pub(super) fn may_greet(&mut self, now: MonoTime) -> bool {
        if now.since(self.greeted.since) >= Duration::from_secs(1) {
            self.greeted = Greeted { since: now, hellos: 0 };
        }
        self.greeted.hellos += 1;
        self.greeted.hellos <= HELLOS_PER_SECOND_MAX
    }

    fn has_too_many(&self, now: MonoTime) -> bool {
        let is_late = self.unanswered.front().is_some_and(|first| now.since(first.at) >= ANSWER_LIFE);
        is_late || self.unanswered.len() > UNANSWERED_MAX || self.unanswered_bytes > UNANSWERED_BYTES_MAX
    }

    fn forget_first(&mut self) {
        let gone = self.unanswered.pop_front();
        self.unanswered_bytes -= gone.map_or(0, |message| message.contact.len());
    }
}

impl Contact {
    fn len(&self) -> usize {
        self.first.as_ref().map_or(0, |(_, message)| message.len())
    }
}

/// Most addresses with a known life: as many as senders.
pub(super) const ADDRESSES_MAX: usize = super::SENDERS_MAX;

/// Most messages that can still be answered by a hello: what an agent sends within [`ANSWER_LIFE`] when its alerts are
/// at their limit, and a busy state plane beside them.
pub(super) const UNANSWERED_MAX: usize = 1_024;

/// Most bytes of first messages kept to be sent again. First messages are small unless the cluster is large.
pub(super) const UNANSWERED_BYTES_MAX: usize = 512 * 1024;

/// How long a message can still be answered: the slowest round trip worth waiting for.
const ANSWER_LIFE: Duration = Duration::from_secs(2);

/// Most hellos a second: a pool of 500 hosts finds a restarted one within two seconds, and a flood of recordings from
/// a former life is answered with at most 25 KB a second.
pub(super) const HELLOS_PER_SECOND_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn boot() -> BootId {
        BootId::draw(&mut StdRng::seed_from_u64(1))
    }

    fn address(number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], u16::try_from(number).unwrap()))
    }

    #[test]
    fn as_many_addresses_are_known_as_allowed_and_the_longest_unheard_makes_room() {
        let mut contacts = Contacts::default();
        for number in 0..=ADDRESSES_MAX {
            contacts.heard(address(number), boot(), MonoTime::from_millis(number as u64));
            assert_eq!(contacts.at(address(0)).is_some(), number < ADDRESSES_MAX);
        }
        assert_eq!(contacts.known.len(), ADDRESSES_MAX);
        assert_eq!(contacts.at(address(ADDRESSES_MAX)), Some(boot()));
    }

    #[test]
    fn as_many_messages_wait_for_an_answer_as_allowed_in_number_bytes_and_time() {
        let send = |contacts: &mut Contacts, number: u64, len: usize, now| {
            contacts.sent(address(1), number, Plane::State, &vec![0; len], now);
        };
        let mut many = Contacts::default();
        (0..=UNANSWERED_MAX as u64).for_each(|number| send(&mut many, number, 1, MonoTime::START));
        assert_eq!((many.answered(0), many.answered(1).is_some()), (None, true));
        assert_eq!(many.answered(1), None, "each is answered once");

        let mut large = Contacts::default();
        let half = UNANSWERED_BYTES_MAX / 2;
        (0..2).for_each(|number| send(&mut large, number, half, MonoTime::START));
        assert_eq!(large.unanswered.len(), 2);
        send(&mut large, 2, 1, MonoTime::START);
        assert_eq!((large.unanswered.len(), large.unanswered_bytes), (2, half + 1));

        let mut late = Contacts::default();
        send(&mut late, 0, 1, MonoTime::START);
        send(&mut late, 1, 1, MonoTime::START + ANSWER_LIFE);
        assert_eq!((late.answered(0), late.answered(1).is_some()), (None, true));
        assert_eq!(late.unanswered_bytes, 0);
    }

    #[test]
    fn only_a_first_message_is_kept_to_be_sent_again() {
        let mut contacts = Contacts::default();
        contacts.sent(address(1), 1, Plane::State, b"first", MonoTime::START);
        contacts.heard(address(1), boot(), MonoTime::START);
        contacts.sent(address(1), 2, Plane::State, b"later", MonoTime::START);
        assert_eq!(contacts.answered(1).unwrap().first, Some((Plane::State, b"first".to_vec())));
        assert_eq!(contacts.answered(2).unwrap().first, None);
    }
}
