//! The words at the beginning of every sealed text, and what follows them.
//!
//! ```text
//! plane, 1 | sender's boot id, 8 | counter, 8 | receiver's boot id as last heard, 8 | body
//! part     message, 4 | index, 1 | count, 1 | bytes of the message            plane 0 or 1
//! hello    counter of the datagram it answers, 8                              plane 255, the transport's own
//! ```
//! All integers are little endian. A boot id of zero stands for "not heard yet". The first four fields stay in their
//! places in every later version, so that replays are told before anything else is looked at.

use std::num::NonZeroU64;

use rand_core::CryptoRng;

use super::Plane;

/// The number of one life of a transport, drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BootId(NonZeroU64);

/// Who speaks to whom, the how manyeth time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sender: BootId,
    pub(super) counter: u64,
    /// Who the sender believes to be at the other end.
    pub(super) receiver: Option<BootId>,
}

/// What a datagram is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// A part of a message.
    Part { plane: Plane, place: Place, bytes: &'a [u8] },
    /// An answer to a datagram that named a stale boot id.
    Hello { answers: u64 },
}

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) message: u32,
    pub(super) index: u8,
    pub(super) count: u8,
}

/// Why a body is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    UnknownPlane,
    Malformed,
}

impl BootId {
    pub(super) fn draw(rng: &mut impl CryptoRng) -> Self {
        loop {
            if let Some(id) = NonZeroU64::new(rng.next_u64()) {
                return Self(id);
            }
        }
    }
}

/// The text of one datagram.
pub(super) fn write(header: Header, body: Body<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(TEXT_MAX);
    text.push(match body {
        Body::Part { plane, .. } => plane.number(),
        Body::Hello { .. } => HELLO,
    });
    text.extend_from_slice(&header.sender.0.get().to_le_bytes());
    text.extend_from_slice(&header.counter.to_le_bytes());
    text.extend_from_slice(&header.receiver.map_or(0, |boot| boot.0.get()).to_le_bytes());
    match body {
        Body::Part { place: Place { message, index, count }, bytes, .. } => {
            text.extend_from_slice(&message.to_le_bytes());
            text.extend_from_slice(&[index, count]);
            text.extend_from_slice(bytes);
        }
        Body::Hello { answers } => text.extend_from_slice(&answers.to_le_bytes()),
    }
    text
}

/// Reads who speaks; `None` if the text is too short or names no sender.
pub(super) fn read(text: &[u8]) -> Option<(Header, Unread<'_>)> {
    let (&plane, rest) = text.split_first()?;
    let (sender, rest) = take_u64(rest)?;
    let (counter, rest) = take_u64(rest)?;
    let (receiver, body) = take_u64(rest)?;
    let sender = BootId(NonZeroU64::new(sender)?);
    let receiver = NonZeroU64::new(receiver).map(BootId);
    Some((Header { sender, counter, receiver }, Unread { plane, body }))
}

/// A body not looked at yet.
pub(super) struct Unread<'a> {
    plane: u8,
    body: &'a [u8],
}

impl<'a> Unread<'a> {
    /// Whether it begins a message. Only that is answered by a hello: one answer per message, and none to an answer.
    pub(super) fn begins(&self) -> bool {
        matches!(self.read(), Ok(Body::Part { place, .. }) if place.index == 0)
    }

    pub(super) fn read(&self) -> Result<Body<'a>, BodyError> {
        if self.plane == HELLO {
            return match take_u64(self.body) {
                Some((answers, [])) => Ok(Body::Hello { answers }),
                _ => Err(BodyError::Malformed),
            };
        }
        let plane = Plane::of(self.plane).ok_or(BodyError::UnknownPlane)?;
        let (message, rest) = self.body.split_first_chunk().ok_or(BodyError::Malformed)?;
        let (&[index, count], bytes) = rest.split_first_chunk().ok_or(BodyError::Malformed)?;
        let place = Place { message: u32::from_le_bytes(*message), index, count };
        Ok(Body::Part { plane, place, bytes })
    }
}

fn take_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

/// Bytes before those of the message, in a part.
pub(super) const PART_HEADER_LEN: usize = 1 + 3 * 8 + 4 + 2;

const TEXT_MAX: usize = PART_HEADER_LEN + super::parts::PART_MAX;

const HELLO: u8 = 255;
