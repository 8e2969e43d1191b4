//! The protocol between an application and the agent on its host: hello, frames, and the one codec.
//!
//! A connection opens with eight bytes from the client, `BRKD` and the lowest and highest protocol version it speaks
//! (two u16), and eight from the agent, `BRKD`, the version chosen, and a [`Greeting`] code. After that both sides
//! send frames: a u32 length, then that many bytes of bincode (standard configuration: little endian, variable-length
//! integers). All integers outside bincode are little endian too. Requests carry an id chosen by the client and may be
//! pipelined; every answer carries the id of its request.
//!
//! This module is the only place that names bincode, for the socket and for everything else the agent encodes.
//! It always decodes with a limit, because a length prefix of a few bytes can otherwise ask for gigabytes of memory,
//! and refuses trailing bytes, so that a message means one thing only. Enums are append-only: a variant's number is
//! its place, and places never change; the golden files in `client/tests` hold them still.

mod event;
mod evidence;
mod message;
mod status;

pub use event::*;
pub use evidence::*;
pub use message::*;
pub use status::*;

use bytes::{Buf, BufMut, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::codec::{Decoder, Encoder};

/// First four bytes of both hellos.
pub const MAGIC: [u8; 4] = *b"BRKD";

/// The lowest and highest protocol versions this build speaks. Version 1, without the cluster's evidence, was never
/// released.
pub const VERSIONS: VersionRange = VersionRange { min: 2, max: 2 };

/// Largest frame body in bytes: enough for a page of status, small enough that a thousand hostile connections holding
/// one unfinished frame each stay within the agent's memory target.
pub const FRAME_MAX: usize = 64 * 1024;

/// Bytes of a hello, in both directions.
pub const HELLO_LEN: usize = 8;

/// A range of protocol versions, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// Lowest version spoken.
    pub min: u16,
    /// Highest version spoken.
    pub max: u16,
}

/// How the agent answers a client's hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Frames may follow, in this version.
    Welcome {
        /// The version both sides will speak.
        version: u16,
    },
    /// No version in common; the agent closes the connection. Carries the highest version the agent speaks.
    NoCommonVersion {
        /// Highest version the agent speaks.
        agent_max: u16,
    },
    /// The agent has as many connections as it allows and closes this one.
    Full,
}

/// Why bytes could not be read as a message. The connection state is undefined afterwards: close it.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The first bytes are not a hello of this protocol.
    #[error("not a breakerd hello: expected the magic bytes \"BRKD\"")]
    BadMagic,
    /// A version range whose lowest end is above its highest, or an unknown greeting code.
    #[error("malformed hello")]
    BadHello,
    /// A frame announces a body larger than [`FRAME_MAX`].
    #[error("frame of {announced} bytes, at most {FRAME_MAX} are allowed")]
    FrameTooLarge {
        /// The announced length in bytes.
        announced: usize,
    },
    /// The body is not an encoded message, or is followed by other bytes.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl VersionRange {
    /// The client's eight bytes of hello.
    #[must_use]
    pub fn to_hello(self) -> [u8; HELLO_LEN] {
        hello(self.min, self.max)
    }

    /// Reads a client's hello.
    ///
    /// # Errors
    /// [`WireError::BadMagic`] or [`WireError::BadHello`].
    pub fn from_hello(bytes: [u8; HELLO_LEN]) -> Result<Self, WireError> {
        let (min, max) = halves(bytes)?;
        if min <= max { Ok(Self { min, max }) } else { Err(WireError::BadHello) }
    }

    /// The highest version in both ranges.
    #[must_use]
    pub fn common(self, other: Self) -> Option<u16> {
        let version = self.max.min(other.max);
        (version >= self.min.max(other.min)).then_some(version)
    }
}

impl Greeting {
    /// The agent's eight bytes of hello.
    #[must_use]
    pub fn to_hello(self) -> [u8; HELLO_LEN] {
        match self {
            Self::Welcome { version } => hello(version, 0),
            Self::NoCommonVersion { agent_max } => hello(agent_max, 1),
            Self::Full => hello(0, 2),
        }
    }

    /// Reads the agent's hello.
    ///
    /// # Errors
    /// [`WireError::BadMagic`] or [`WireError::BadHello`].
    pub fn from_hello(bytes: [u8; HELLO_LEN]) -> Result<Self, WireError> {
        match halves(bytes)? {
            (version, 0) => Ok(Self::Welcome { version }),
            (agent_max, 1) => Ok(Self::NoCommonVersion { agent_max }),
            (_, 2) => Ok(Self::Full),
            _ => Err(WireError::BadHello),
        }
    }
}

fn hello(first: u16, second: u16) -> [u8; HELLO_LEN] {
    let mut bytes = [0; HELLO_LEN];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..6].copy_from_slice(&first.to_le_bytes());
    bytes[6..].copy_from_slice(&second.to_le_bytes());
    bytes
}

fn halves(bytes: [u8; HELLO_LEN]) -> Result<(u16, u16), WireError> {
    let [m0, m1, m2, m3, a, b, c, d] = bytes;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(WireError::BadMagic);
    }
    Ok((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

/// Encodes one value.
///
/// # Errors
/// [`WireError::Malformed`] when the value has no encoding (a sequence of unknown length); none of ours is so.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).map_err(|e| WireError::Malformed(e.to_string()))
}

/// Decodes one value that fills `bytes` to the last byte.
///
/// # Errors
/// [`WireError::Malformed`] on anything else, [`WireError::FrameTooLarge`] above [`FRAME_MAX`] bytes.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    if bytes.len() > FRAME_MAX {
        return Err(WireError::FrameTooLarge { announced: bytes.len() });
    }
    let limited = bincode::config::standard().with_limit::<CLAIM_MAX>();
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, limited).map_err(|e| WireError::Malformed(e.to_string()))?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(WireError::Malformed(format!("{} bytes after the end of the message", bytes.len() - used)))
    }
}

/// Frames of `In` coming, frames of `Out` going: [`ClientCodec`] and [`AgentCodec`] are its two uses.
#[derive(Debug)]
pub struct Codec<In, Out> {
    flow: std::marker::PhantomData<fn(Out) -> In>,
}

/// The client's side: answers come, requests go.
pub type ClientCodec = Codec<ResponseFrame, RequestFrame>;
/// The agent's side: requests come, answers go.
pub type AgentCodec = Codec<RequestFrame, ResponseFrame>;

impl<In, Out> Default for Codec<In, Out> {
    fn default() -> Self {
        Self { flow: std::marker::PhantomData }
    }
}

impl<In: DeserializeOwned, Out> Decoder for Codec<In, Out> {
    type Item = In;
    type Error = WireError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<In>, WireError> {
        let Some(prefix) = src.first_chunk::<LENGTH_LEN>() else { return Ok(None) };
        let announced = u32::from_le_bytes(*prefix) as usize;
        if announced > FRAME_MAX {
            return Err(WireError::FrameTooLarge { announced });
        }
        let Some(body) = src.get(LENGTH_LEN..LENGTH_LEN + announced) else {
            src.reserve(LENGTH_LEN + announced - src.len());
            return Ok(None);
        };
        let message = from_bytes(body)?;
        src.advance(LENGTH_LEN + announced);
        Ok(Some(message))
    }
}

impl<In, Out: Serialize> Encoder<&Out> for Codec<In, Out> {
    type Error = WireError;

    /// Appends one frame to `dst`; on an error `dst` is as it was.
    fn encode(&mut self, message: &Out, dst: &mut BytesMut) -> Result<(), WireError> {
        let start = dst.len();
        dst.put_u32_le(0);
        let written = bincode::serde::encode_into_std_write(message, &mut dst.writer(), bincode::config::standard());
        let body_len = dst.len() - start - LENGTH_LEN;
        let failure = match written {
            Err(error) => Some(WireError::Malformed(error.to_string())),
            Ok(_) if body_len > FRAME_MAX => Some(WireError::FrameTooLarge { announced: body_len }),
            Ok(_) => None,
        };
        if let Some(failure) = failure {
            dst.truncate(start);
            return Err(failure);
        }
        let prefix = u32::try_from(body_len).expect("invariant: FRAME_MAX fits in u32").to_le_bytes();
        dst[start..start + LENGTH_LEN].copy_from_slice(&prefix);
        Ok(())
    }
}

/// Most bytes bincode may account for while it reads one body. It charges an integer by its width in memory, not by the
/// bytes it took: at worst eight for one, so with a smaller limit a full page of small numbers could be sent but not read.
const CLAIM_MAX: usize = 8 * FRAME_MAX;

/// Bytes of the length before each frame's body.
const LENGTH_LEN: usize = 4;
