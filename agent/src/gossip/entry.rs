//! The keys and values agents publish to each other.
//!
//! ```text
//! d/SERVICE   a failure digest        base64 of bincode, at most DIGEST_VALUE_MAX characters
//! host        what a host says of itself      base64 of bincode, at most HOST_VALUE_MAX characters
//! bye         the agent is leaving    whatever
//! ```
//! The encoded types are private mirrors of the core's: the core may change, what is on the wire may only be joined by
//! new keys. What a peer wrote is decoded once, here, into values that cannot be wrong. A digest has its [`Stamp`]
//! beside it, because nobody can tell from a value how long it was on its way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::coarse::{Coarse, WireHost};
use super::pulse::{Stamp, WireStamp};
use super::word::{Malformed, Word, decode, encode};
use crate::core::digest::{FailureDigest, HostWord};
use crate::core::service::ServiceName;

/// What a key and its value say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A failure digest, and when it was written.
    Digest { digest: FailureDigest, stamp: Stamp },
    /// What the host says of itself.
    Host(HostWord),
    /// The agent is leaving.
    Bye,
    /// A key of a later version.
    Unknown,
}

impl Entry {
    pub(super) fn read(key: &str, value: &str) -> Result<Self, Malformed> {
        match key {
            HOST => Ok(Self::Host(read::<WireHost>(value, HOST_VALUE_MAX)?.into_word()?)),
            BYE => Ok(Self::Bye),
            _ if key.starts_with(DIGEST_PREFIX) => {
                let service = service_of(key).ok_or(Malformed)?;
                let DigestValue { word, stamp } = read(value, DIGEST_VALUE_MAX)?;
                Ok(Self::Digest { digest: word.into_digest(service)?, stamp: stamp.into() })
            }
            _ => Ok(Self::Unknown),
        }
    }
}

/// The service a key speaks of, if it is a digest's.
pub(super) fn service_of(key: &str) -> Option<ServiceName> {
    ServiceName::parse(key.strip_prefix(DIGEST_PREFIX)?).ok()
}

/// The key of a service's digest.
pub(super) fn digest_key(service: &ServiceName) -> String {
    format!("{DIGEST_PREFIX}{service}")
}

/// The value of a service's digest.
pub(super) fn digest_value(digest: &FailureDigest, stamp: Stamp) -> String {
    write(&DigestValue { word: Word::of(digest), stamp: stamp.into() })
}

/// How long a value is without its base64.
pub(super) fn value_bytes(value: &str) -> usize {
    value.len() * 3 / 4
}

/// The value of the host: as many rates as there is room for.
pub(super) fn host_value(host: &Coarse) -> String {
    STANDARD_NO_PAD.encode(host.fit(HOST_VALUE_MAX / 4 * 3))
}

#[derive(Serialize, Deserialize)]
struct DigestValue {
    word: Word,
    stamp: WireStamp,
}

fn write(value: &impl Serialize) -> String {
    STANDARD_NO_PAD.encode(encode(value))
}

fn read<T: DeserializeOwned>(value: &str, chars_max: usize) -> Result<T, Malformed> {
    if value.len() > chars_max {
        return Err(Malformed);
    }
    decode(&STANDARD_NO_PAD.decode(value).or(Err(Malformed))?)
}

/// The key of the host's own value.
pub(super) const HOST: &str = "host";

/// The key that says goodbye.
pub(super) const BYE: &str = "bye";

const DIGEST_PREFIX: &str = "d/";

/// Longest digest in base64: 300 bytes; with the largest numbers there are it takes 190.
pub(super) const DIGEST_VALUE_MAX: usize = 400;

/// Longest host value in base64: the 1.5 KB the design allows it.
pub(super) const HOST_VALUE_MAX: usize = 2_000;

#[cfg(test)]
mod tests;
