//! The sealed transport: messages between agents, encrypted, authenticated, never twice, never from another life.
//!
//! Every datagram says, under the seal, who sent it (a boot id drawn anew in each life), its number in that life, and
//! the boot id of the receiver as last heard there. It is used only if it names *this* life of the receiver and its
//! number is new for its sender. So a recording does nothing: in the same life the number is known, in a later one the
//! receiver's boot id is. A recording of a sender's former life fails by that life's numbers, which are kept.
//!
//! First contact: a datagram that names no or another life of the receiver is not used, however genuine. It is answered
//! by a *hello*, which is no longer than what it answers, names the asker's life (so it is no recording itself) and the
//! datagram it answers; the asker learns the boot id and sends its message once more. Who knows whom is kept by
//! address and forgotten freely; the numbers of senders must not be forgotten, so when their table is full, the
//! transport takes a new boot id, which makes all recordings stale at once, and begins with an empty table.
//!
//! Without a key the same framing and the same checks hold, but only between loopback addresses.
//!
//! [`Seal`] is a value: `now` and the generator are arguments, and it does no I/O; [`SealedTransport`] is the thin shell
//! around it. That recordings do nothing is a protection the simulator can switch off ([`Replays`]), in one place.
//!
//! **Invariant:** bytes that do not open are counted and nothing else: no reply, no parser, no memory of them.

mod contacts;
mod counters;
mod envelope;
mod header;
mod parts;
mod replay;
mod transport;

pub use counters::SealCounters;
pub use parts::MESSAGE_MAX;
pub use transport::{Received, SealedTransport};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_core::CryptoRng;

use self::contacts::Contacts;
use self::envelope::Unopened;
use self::header::{Body, BodyError, BootId, Header, Place, Unread};
use self::parts::{Partials, Rejoined};
use self::replay::Window;
use crate::core::time::MonoTime;
use crate::keyring::Keyring;

/// What a message is about: it decides who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Chitchat's messages.
    State,
    /// News that cannot wait for chitchat's turn.
    Alert,
}

/// What becomes of datagrams that were seen before, or name another life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replays {
    /// They are refused.
    #[default]
    Refused,
    /// They are used like any other: only for a simulation that shows the damage.
    Taken,
}

/// The state of one life of the sealed transport.
#[derive(Clone, Debug)]
pub struct Seal {
    keyring: Option<Keyring>,
    replays: Replays,
    boot: BootId,
    /// The number of the last datagram sealed.
    counter: u64,
    /// The number of the last message sealed.
    message: u32,
    /// Numbers of those who named this life.
    senders: BTreeMap<BootId, Window>,
    /// Numbers of those who have not.
    strangers: BTreeMap<BootId, Window>,
    contacts: Contacts,
    partials: Partials,
    counters: Arc<SealCounters>,
}

/// A datagram and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where.
    pub to: SocketAddr,
    /// What.
    pub datagram: Vec<u8>,
}

/// What opening a datagram came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: refused and counted, or a part of a message whose rest is missing.
    Nothing,
    /// A whole message.
    Message {
        /// Who reads it.
        plane: Plane,
        /// Its bytes.
        message: Vec<u8>,
    },
    /// The transport's own business: these are to be sent.
    Send(Vec<Outgoing>),
}

/// Why a message is not sealed. Nothing changed, and it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is longer than [`MESSAGE_MAX`].
    #[error("message of {bytes} bytes, at most {MESSAGE_MAX} are allowed")]
    Oversized {
        /// Its length.
        bytes: usize,
    },
    /// Without a key nothing is sent beyond loopback.
    #[error("{to} is beyond loopback, and there is no key")]
    NonLoopback {
        /// Where it was to go.
        to: SocketAddr,
    },
}

impl Plane {
    fn number(self) -> u8 {
        match self {
            Self::State => 0,
            Self::Alert => 1,
        }
    }

    fn of(number: u8) -> Option<Self> {
        [Self::State, Self::Alert].into_iter().find(|plane| plane.number() == number)
    }
}

impl Seal {
    /// A new life. Without a keyring it speaks with loopback addresses only.
    #[must_use]
    pub fn new(keyring: Option<Keyring>, counters: Arc<SealCounters>, rng: &mut impl CryptoRng) -> Self {
        Self {
            keyring,
            replays: Replays::default(),
            boot: BootId::draw(rng),
            counter: 0,
            message: 0,
            senders: BTreeMap::new(),
            strangers: BTreeMap::new(),
            contacts: Contacts::default(),
            partials: Partials::default(),
            counters,
        }
    }

    /// The same, and what becomes of recordings.
    #[must_use]
    pub fn with_replays(self, replays: Replays) -> Self {
        Self { replays, ..self }
    }

    /// Whether somebody was heard at that address, so that a message there is used when it arrives.
    #[must_use]
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.contacts.at(address).is_some()
    }

    /// Seals a message into the datagrams that carry it.
    ///
    /// # Errors
    /// [`SealError`] when it is too long, or without a key goes beyond loopback.
    pub fn seal(
        &mut self,
        plane: Plane,
        to: SocketAddr,
        message: &[u8],
        now: MonoTime,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Outgoing>, SealError> {
        if message.len() > MESSAGE_MAX {
            count(&self.counters.oversized_messages);
            return Err(SealError::Oversized { bytes: message.len() });
        }
        if self.is_beyond(to) {
            count(&self.counters.non_loopback);
            return Err(SealError::NonLoopback { to });
        }
        let sent = self.seal_parts(plane, to, message, rng);
        self.contacts.sent(to, self.counter - sent.len() as u64 + 1, plane, message, now);
        Ok(sent)
    }

    /// Opens a datagram.
    pub fn open(&mut self, from: SocketAddr, datagram: &[u8], now: MonoTime, rng: &mut impl CryptoRng) -> Opened {
        add(&self.counters.parts_lost, self.partials.give_up(now));
        let Some(text) = self.text_of(from, datagram) else { return Opened::Nothing };
        let Some((header, unread)) = header::read(&text) else { return self.refused(|c| &c.malformed) };
        if self.replays == Replays::Taken {
            return self.take(header, &unread, now, rng);
        }
        if header.sender == self.boot {
            return self.refused(|c| &c.replayed);
        }
        if header.receiver == Some(self.boot) && !self.senders.contains_key(&header.sender) && self.is_full() {
            self.renew(rng);
        }
        let is_meant = header.receiver == Some(self.boot);
        if !self.is_new(header, is_meant) {
            return self.refused(|c| &c.replayed);
        }
        if !is_meant {
            count(&self.counters.stale_boot);
            return if unread.begins() { self.hello(from, header, now, rng) } else { Opened::Nothing };
        }
        self.contacts.heard(from, header.sender, now);
        self.take(header, &unread, now, rng)
    }

    /// Whether the number is new for its sender; it is taken. Numbers of strangers, who have not named this life yet,
    /// may be forgotten: all they can bring about is a hello.
    fn is_new(&mut self, header: Header, is_meant: bool) -> bool {
        let sender = header.sender;
        if is_meant && !self.senders.contains_key(&sender) {
            self.senders.insert(sender, self.strangers.remove(&sender).unwrap_or_else(Window::new));
        }
        if let Some(window) = self.senders.get_mut(&sender) {
            return window.take(header.counter);
        }
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(&sender) {
            self.strangers.clear();
        }
        self.strangers.entry(sender).or_insert_with(Window::new).take(header.counter)
    }

    /// The opened text, or what kept it closed, counted.
    fn text_of(&self, from: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let counters = &self.counters;
        let refusal = if self.is_beyond(from) {
            &counters.non_loopback
        } else if datagram.len() > DATAGRAM_MAX {
            &counters.oversized
        } else {
            match envelope::open(self.keyring.as_ref(), datagram) {
                Ok(text) => return Some(text),
                Err(Unopened::Truncated) => &counters.truncated,
                Err(Unopened::WrongKey) => &counters.wrong_key,
                Err(Unopened::Forged) => &counters.forged,
            }
        };
        count(refusal);
        None
    }

    /// Uses a datagram that is genuine, new, and meant for this life.
    fn take(&mut self, header: Header, unread: &Unread<'_>, now: MonoTime, rng: &mut impl CryptoRng) -> Opened {
        match unread.read() {
            Err(BodyError::Malformed) => self.refused(|c| &c.malformed),
            Err(BodyError::UnknownPlane) => self.refused(|c| &c.unknown_plane),
            Ok(Body::Hello { answers }) => {
                count(&self.counters.accepted);
                self.greeted(header.sender, answers, now, rng)
            }
            Ok(Body::Part { plane, place, bytes }) => match self.partials.add(header.sender, place, bytes, now) {
                Rejoined::Malformed => self.refused(|c| &c.malformed),
                Rejoined::Waiting => self.refused(|c| &c.accepted),
                Rejoined::Whole(message) => {
                    count(&self.counters.accepted);
                    Opened::Message { plane, message }
                }
            },
        }
    }

    /// Tells a sender that names another life which one this is.
    fn hello(&mut self, to: SocketAddr, header: Header, now: MonoTime, rng: &mut impl CryptoRng) -> Opened {
        if !self.contacts.may_greet(now) {
            return self.refused(|c| &c.hellos_withheld);
        }
        count(&self.counters.hellos_sent);
        let body = Body::Hello { answers: header.counter };
        Opened::Send(vec![self.close(to, Some(header.sender), body, rng)])
    }

    /// Learns who is at an address a message was sent to, and sends the message again if it was the first one.
    fn greeted(&mut self, sender: BootId, answers: u64, now: MonoTime, rng: &mut impl CryptoRng) -> Opened {
        let Some(contact) = self.contacts.answered(answers) else { return Opened::Nothing };
        // An agent may answer from another address than the one it is reached at; both lead to it.
        self.contacts.heard(contact.to, sender, now);
        let again = contact.first.map(|(plane, message)| self.seal_parts(plane, contact.to, &message, rng));
        again.map_or(Opened::Nothing, Opened::Send)
    }

    fn seal_parts(&mut self, plane: Plane, to: SocketAddr, message: &[u8], rng: &mut impl CryptoRng) -> Vec<Outgoing> {
        let receiver = self.contacts.at(to);
        let parts = parts::split(message);
        let number = self.message.wrapping_add(1);
        self.message = number;
        let count = u8::try_from(parts.len()).expect("invariant: MESSAGE_MAX is at most 64 parts");
        let places = (0..count).map(|index| Place { message: number, index, count });
        places
            .zip(parts)
            .map(|(place, bytes)| self.close(to, receiver, Body::Part { plane, place, bytes }, rng))
            .collect()
    }

    fn close(
        &mut self,
        to: SocketAddr,
        receiver: Option<BootId>,
        body: Body<'_>,
        rng: &mut impl CryptoRng,
    ) -> Outgoing {
        self.counter += 1;
        let header = Header { sender: self.boot, counter: self.counter, receiver };
        let datagram = envelope::close(self.keyring.as_ref(), &header::write(header, body), rng);
        Outgoing { to, datagram }
    }

    /// Takes a new boot id: what named the old one is stale from now on, so the senders' numbers are no longer needed.
    fn renew(&mut self, rng: &mut impl CryptoRng) {
        count(&self.counters.renewals);
        self.boot = BootId::draw(rng);
        self.senders.clear();
        self.partials = Partials::default();
    }

    fn is_full(&self) -> bool {
        self.senders.len() >= SENDERS_MAX
    }

    fn is_beyond(&self, address: SocketAddr) -> bool {
        self.keyring.is_none() && !address.ip().to_canonical().is_loopback()
    }

    fn refused(&self, counter: impl Fn(&SealCounters) -> &AtomicU64) -> Opened {
        count(counter(&self.counters));
        Opened::Nothing
    }
}

fn count(counter: &AtomicU64) {
    add(counter, 1);
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Bytes a datagram is longer than the message it carries whole.
pub const OVERHEAD: usize = envelope::OVERHEAD + header::PART_HEADER_LEN;

/// Longest datagram of ours in bytes.
pub const DATAGRAM_MAX: usize = OVERHEAD + parts::PART_MAX;

/// Most lives of senders whose numbers are kept: four lives each of the 500 hosts of a pool, 330 KB. Full, it costs
/// every peer one more round trip, once.
pub const SENDERS_MAX: usize = 2_048;

/// Most strangers whose numbers are kept: half a pool making its first contact at once.
const STRANGERS_MAX: usize = 256;

#[cfg(test)]
mod tests;
