//! Chitchat's messages made small: every exchange names every host, at some fifty bytes each, and most of these are
//! zeros or the same as in the entry before.
//!
//! The list of known incarnations (chitchat's own "digest") is written as differences from one entry to the next:
//! names by the letters they do not share, numbers by how far they are apart, all in as few bytes as they need. A list
//! of a hundred hosts shrinks to less than a third, in a few microseconds. A general compressor would do no better on
//! the list alone and would cost ten times as much; what comes after the list chitchat has compressed already.
//!
//! ```text
//! whole      0 | the message
//! compact    1 | kind, 1 | count | entries | what follows the list
//! entry      shared, rest of the id | generation | family and port | address | heartbeat | forgotten, newest version
//! ```
//! Numbers are LEB128; signed ones zigzag. Any message reads back to the byte, or it is sent whole.
//!
//! **Invariant:** nothing that is read grows beyond [`MESSAGE_MAX`], however small it was.

use super::word::Malformed;
use crate::seal::MESSAGE_MAX;

/// Makes a message small.
pub(super) fn shrink(message: &[u8]) -> Vec<u8> {
    shrink_list(message).filter(|small| small.len() <= message.len()).unwrap_or_else(|| [&[WHOLE], message].concat())
}

/// The message that was made small.
pub(super) fn grow(small: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (form, rest) = small.split_first().ok_or(Malformed)?;
    let message = match *form {
        WHOLE => rest.to_vec(),
        COMPACT => grow_list(rest)?,
        _ => return Err(Malformed),
    };
    if message.len() <= MESSAGE_MAX { Ok(message) } else { Err(Malformed) }
}

/// One known incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Incarnation<'a> {
    id: &'a [u8],
    generation: u64,
    address: Address,
    port: u16,
    heartbeat: u64,
    forgotten: u64,
    newest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    V4([u8; 4]),
    V6([u8; 16]),
}

/// Reads bytes off a slice.
struct Reader<'a>(&'a [u8]);

fn shrink_list(message: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(message.strip_prefix(&MAGIC)?);
    let kind = reader.byte()?;
    let count = if matches!(kind, SYN | SYN_ACK) { reader.u16()? } else { return None };
    let mut small = vec![COMPACT, kind];
    put(&mut small, count.into());
    let mut before = Incarnation::default();
    for _ in 0..count {
        let incarnation = reader.incarnation()?;
        incarnation.put_after(&before, &mut small);
        before = incarnation;
    }
    small.extend_from_slice(reader.0);
    Some(small)
}

fn grow_list(small: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader(small);
    let mut message = MAGIC.to_vec();
    message.push(reader.byte().ok_or(Malformed)?);
    let count = reader.number().and_then(|count| u16::try_from(count).ok()).ok_or(Malformed)?;
    message.extend_from_slice(&count.to_le_bytes());
    let (mut before, mut id) = (Incarnation::default(), Vec::new());
    for _ in 0..count {
        let numbers = reader.incarnation_after(&before, &mut id).ok_or(Malformed)?;
        Incarnation { id: &id, ..numbers }.write(&mut message);
        if message.len() > MESSAGE_MAX {
            return Err(Malformed);
        }
        before = numbers;
    }
    message.extend_from_slice(reader.0);
    Ok(message)
}

impl Incarnation<'_> {
    /// As chitchat writes it.
    fn write(&self, message: &mut Vec<u8>) {
        let len = u16::try_from(self.id.len()).unwrap_or(u16::MAX);
        message.extend_from_slice(&len.to_le_bytes());
        message.extend_from_slice(self.id);
        message.extend_from_slice(&self.generation.to_le_bytes());
        match self.address {
            Address::V4(octets) => {
                message.push(4);
                message.extend_from_slice(&octets);
            }
            Address::V6(octets) => {
                message.push(6);
                message.extend_from_slice(&octets);
            }
        }
        message.extend_from_slice(&self.port.to_le_bytes());
        for number in [self.heartbeat, self.forgotten, self.newest] {
            message.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// As we write it.
    fn put_after(&self, before: &Incarnation<'_>, small: &mut Vec<u8>) {
        let shared = before.id.iter().zip(self.id).take_while(|(a, b)| a == b).count();
        put(small, shared as u64);
        put(small, (self.id.len() - shared) as u64);
        small.extend_from_slice(&self.id[shared..]);
        put(small, zigzag(self.generation.wrapping_sub(before.generation)));
        let port = zigzag(u64::from(self.port).wrapping_sub(before.port.into()));
        match self.address {
            Address::V4(octets) => {
                put(small, port << 1);
                let apart = u64::from(u32::from_be_bytes(octets)).wrapping_sub(before.address.as_v4().into());
                put(small, zigzag(apart));
            }
            Address::V6(octets) => {
                put(small, port << 1 | 1);
                small.extend_from_slice(&octets);
            }
        }
        put(small, zigzag(self.heartbeat.wrapping_sub(before.heartbeat)));
        put(small, self.forgotten);
        put(small, self.newest.wrapping_sub(self.forgotten));
    }
}

impl Address {
    fn as_v4(self) -> u32 {
        match self {
            Self::V4(octets) => u32::from_be_bytes(octets),
            Self::V6(_) => 0,
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::V4([0; 4])
    }
}

impl<'a> Reader<'a> {
    fn incarnation(&mut self) -> Option<Incarnation<'a>> {
        let len = self.u16()?;
        let id = self.take(len.into())?;
        let generation = self.u64()?;
        let address = match self.byte()? {
            4 => Address::V4(self.array()?),
            6 => Address::V6(self.array()?),
            _ => return None,
        };
        let port = self.u16()?;
        let (heartbeat, forgotten, newest) = (self.u64()?, self.u64()?, self.u64()?);
        Some(Incarnation { id, generation, address, port, heartbeat, forgotten, newest })
    }

    /// The next one; `id` is that of the one before, and becomes its own.
    fn incarnation_after(&mut self, before: &Incarnation<'_>, id: &mut Vec<u8>) -> Option<Incarnation<'static>> {
        let shared = usize::try_from(self.number()?).ok().filter(|shared| *shared <= id.len())?;
        let rest = usize::try_from(self.number()?).ok()?;
        id.truncate(shared);
        id.extend_from_slice(self.take(rest)?);
        u16::try_from(id.len()).ok()?;
        let generation = self.number_apart(before.generation)?;
        let port_and_family = self.number()?;
        let port = u16::try_from(unzigzag(port_and_family >> 1).wrapping_add(before.port.into())).ok()?;
        let address = if port_and_family & 1 == 0 {
            let address = u32::try_from(self.number_apart(before.address.as_v4().into())?).ok()?;
            Address::V4(address.to_be_bytes())
        } else {
            Address::V6(self.array()?)
        };
        let heartbeat = self.number_apart(before.heartbeat)?;
        let forgotten = self.number()?;
        let newest = self.number()?.wrapping_add(forgotten);
        Some(Incarnation { id: &[], generation, address, port, heartbeat, forgotten, newest })
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn number_apart(&mut self, before: u64) -> Option<u64> {
        self.number().map(|apart| unzigzag(apart).wrapping_add(before))
    }
}

fn put(small: &mut Vec<u8>, mut number: u64) {
    while number > 0x7F {
        small.push(number as u8 & 0x7F | 0x80);
        number >>= 7;
    }
    small.push(number as u8);
}

/// Small differences to either side become small numbers.
fn zigzag(apart: u64) -> u64 {
    apart << 1 ^ (apart.cast_signed() >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> u64 {
    number >> 1 ^ (number & 1).wrapping_neg()
}

const WHOLE: u8 = 0;
const COMPACT: u8 = 1;

/// What each message of chitchat 0.11 begins with, its version included.
const MAGIC: [u8; 3] = [0x53, 0xB0, 0];

/// The kinds that begin with a list.
const SYN: u8 = 0;
const SYN_ACK: u8 = 1;

#[cfg(test)]
mod tests;
