//! Alerts as bytes: one message is one datagram.
//!
//! ```text
//! version, 1 | tag of the cluster, 4 | entries, each: length, 2 | bincode
//! ```
//! All integers outside bincode are little endian. The tag keeps clusters apart that share a key and an address. An
//! entry is testimony: whose, how old in microseconds (a relay holds it for one or two milliseconds), of which service,
//! and whether it is what a place was judged by. Entries have their length before them, so that one that is not
//! understood spoils no other. A message without entries is a greeting: it says nothing and makes two ends known to
//! each other before there is something to say.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::digest::{HostId, Testimony};
use crate::core::fnv::Fnv;
use crate::core::service::ServiceName;
use crate::gossip::word::{Malformed, Word, decode, encode, is_word};

/// Marks the messages of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gossip) struct ClusterTag([u8; 4]);

/// What an entry is told for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// For itself.
    Testimony,
    /// Because a place was judged by it: others need it even when the place is known to them.
    Evidence,
}

/// One testimony on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) role: Role,
    pub(super) testimony: Testimony,
}

/// A message in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    role: Role,
    host: Cow<'a, str>,
    incarnation: u64,
    age_us: u64,
    service: Cow<'a, str>,
    word: Word,
}

impl ClusterTag {
    /// A hash of its name (FNV-1a: no secret, only a difference).
    pub(in crate::gossip) fn of(cluster: &str) -> Self {
        Self(Fnv::of(cluster.as_bytes()).value().to_le_bytes()[..4].try_into().expect("invariant: four of eight"))
    }
}

impl Message {
    pub(super) fn new(tag: ClusterTag) -> Self {
        let mut bytes = Vec::with_capacity(MESSAGE_MAX);
        bytes.push(VERSION);
        bytes.extend_from_slice(&tag.0);
        Self(bytes)
    }

    /// Whether an entry still fits.
    pub(super) fn has_room_for(&self, entry: &[u8]) -> bool {
        self.0.len() + LENGTH_LEN + entry.len() <= MESSAGE_MAX
    }

    /// Adds an entry that fits.
    pub(super) fn add(&mut self, entry: &[u8]) {
        let len = u16::try_from(entry.len()).expect("invariant: an entry is at most ENTRY_MAX long");
        self.0.extend_from_slice(&len.to_le_bytes());
        self.0.extend_from_slice(entry);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The bytes of an entry; `None` if they are more than [`ENTRY_MAX`].
pub(super) fn entry(told: &Told, held: Duration) -> Option<Vec<u8>> {
    let Told { role, testimony: Testimony { host, incarnation, age, digest } } = told;
    let age = age.saturating_add(held);
    let bytes = encode(&Entry {
        role: *role,
        host: Cow::Borrowed(host.as_str()),
        incarnation: *incarnation,
        age_us: u64::try_from(age.as_micros()).unwrap_or(u64::MAX),
        service: Cow::Borrowed(digest.service.as_str()),
        word: Word::of(digest),
    });
    (bytes.len() <= ENTRY_MAX).then_some(bytes)
}

/// What a message says, entry by entry. What is malformed is told as such and ends nothing but itself, unless it is the
/// frame.
pub(super) fn read(tag: ClusterTag, message: &[u8]) -> impl Iterator<Item = Result<Told, Malformed>> + use<'_> {
    let begins = message.strip_prefix(&[VERSION]).and_then(|rest| rest.strip_prefix(&tag.0));
    let mut rest = begins.filter(|_| message.len() <= MESSAGE_MAX).ok_or(Malformed);
    std::iter::from_fn(move || {
        let unread = match rest {
            Ok([]) => return None,
            Ok(unread) => unread,
            Err(malformed) => {
                rest = Ok(&[]);
                return Some(Err(malformed));
            }
        };
        let framed = unread.split_first_chunk().and_then(|(len, after)| {
            let len = usize::from(u16::from_le_bytes(*len));
            (len <= ENTRY_MAX).then(|| after.split_at_checked(len)).flatten()
        });
        let Some((entry, after)) = framed else {
            rest = Ok(&[]);
            return Some(Err(Malformed));
        };
        rest = Ok(after);
        Some(decode(entry).and_then(Entry::into_told))
    })
}

impl Entry<'static> {
    fn into_told(self) -> Result<Told, Malformed> {
        let Self { role, host, incarnation, age_us, service, word } = self;
        if !is_word(&host) {
            return Err(Malformed);
        }
        let service = ServiceName::parse(&service).or(Err(Malformed))?;
        let digest = word.into_digest(service)?;
        let (host, age) = (HostId::new(&host), Duration::from_micros(age_us));
        Ok(Told { role, testimony: Testimony { host, incarnation, age, digest } })
    }
}

/// Longest message: with the seal's bytes a datagram of 1,200, which crosses every network without fragments.
pub(super) const MESSAGE_MAX: usize = DATAGRAM_MAX - crate::seal::OVERHEAD;

/// Longest datagram of alerts in bytes.
pub(in crate::gossip) const DATAGRAM_MAX: usize = 1_200;

/// Longest entry: a usual one has about 70 bytes; a service with a name of 200 fits if the host's is not of the longest
/// kind as well.
pub(super) const ENTRY_MAX: usize = 300;

const LENGTH_LEN: usize = 2;

const VERSION: u8 = 0;

#[cfg(test)]
mod tests;
