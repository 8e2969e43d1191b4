//! The keys and values agents publish to each other.
//!
//! ```text
//! d/SERVICE   a failure digest        base64 of bincode, at most DIGEST_VALUE_MAX characters
//! host        the host's zone         base64 of bincode, at most HOST_VALUE_MAX characters
//! bye         the agent is leaving    whatever
//! ```
//! The encoded types are private mirrors of the core's: the core may change, what is on the wire may only be joined by
//! new keys. What a peer wrote is decoded once, here, into values that cannot be wrong.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use breaker_client::wire::{from_bytes, to_bytes};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::word::is_word;
use crate::core::digest::{FailureDigest, StateKind};
use crate::core::service::ServiceName;

/// What a key and its value say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A failure digest, with its number among those of the host's present life.
    Digest { sequence: u64, digest: FailureDigest },
    /// The host's zone.
    Host { zone: Option<String> },
    /// The agent is leaving.
    Bye,
    /// A key of a later version.
    Unknown,
}

/// A value is not what its key promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Entry {
    pub(super) fn read(key: &str, value: &str) -> Result<Self, Malformed> {
        match key {
            HOST => {
                let host: Host = decode(value, HOST_VALUE_MAX)?;
                host.zone.as_deref().is_none_or(is_word).then_some(Self::Host { zone: host.zone }).ok_or(Malformed)
            }
            BYE => Ok(Self::Bye),
            _ if key.starts_with(DIGEST_PREFIX) => {
                let service = service_of(key).ok_or(Malformed)?;
                decode::<Word>(value, DIGEST_VALUE_MAX)?.into_entry(service)
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
pub(super) fn digest_value(sequence: u64, digest: &FailureDigest) -> String {
    let age_ms = u64::try_from(digest.age.as_millis()).unwrap_or(u64::MAX);
    let FailureDigest { total, failed, state, .. } = *digest;
    encode(&Word { sequence, state: state.into(), age_ms, total, failed })
}

/// The value of the host.
pub(super) fn host_value(zone: Option<String>) -> String {
    encode(&Host { zone })
}

#[derive(Serialize, Deserialize)]
struct Word {
    sequence: u64,
    state: State,
    age_ms: u64,
    total: u64,
    failed: u64,
}

#[derive(Serialize, Deserialize)]
struct Host {
    zone: Option<String>,
}

/// Append-only: a state's number is its place.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
    MetricsOnly,
}

impl Word {
    fn into_entry(self, service: ServiceName) -> Result<Entry, Malformed> {
        let Self { sequence, state, age_ms, total, failed } = self;
        if failed > total {
            return Err(Malformed);
        }
        let age = Duration::from_millis(age_ms);
        Ok(Entry::Digest {
            sequence,
            digest: FailureDigest { age, total, failed, ..FailureDigest::of(service, state.into()) },
        })
    }
}

impl From<StateKind> for State {
    fn from(kind: StateKind) -> Self {
        match kind {
            StateKind::Closed => Self::Closed,
            StateKind::Open => Self::Open,
            StateKind::HalfOpen => Self::HalfOpen,
            StateKind::ForcedOpen => Self::ForcedOpen,
            StateKind::Disabled => Self::Disabled,
            StateKind::MetricsOnly => Self::MetricsOnly,
        }
    }
}

impl From<State> for StateKind {
    fn from(state: State) -> Self {
        match state {
            State::Closed => Self::Closed,
            State::Open => Self::Open,
            State::HalfOpen => Self::HalfOpen,
            State::ForcedOpen => Self::ForcedOpen,
            State::Disabled => Self::Disabled,
            State::MetricsOnly => Self::MetricsOnly,
        }
    }
}

fn encode(value: &impl Serialize) -> String {
    STANDARD_NO_PAD.encode(to_bytes(value).expect("invariant: plain structs have an encoding"))
}

fn decode<T: DeserializeOwned>(value: &str, chars_max: usize) -> Result<T, Malformed> {
    if value.len() > chars_max {
        return Err(Malformed);
    }
    let bytes = STANDARD_NO_PAD.decode(value).or(Err(Malformed))?;
    from_bytes(&bytes).or(Err(Malformed))
}

/// The key of the host's own value.
pub(super) const HOST: &str = "host";

/// The key that says goodbye.
pub(super) const BYE: &str = "bye";

const DIGEST_PREFIX: &str = "d/";

/// Longest digest in base64: four numbers of at most nine bytes and a state of at most five, and room to grow.
pub(super) const DIGEST_VALUE_MAX: usize = 64;

/// Longest host value in base64: the 1.5 KB the design allows it.
pub(super) const HOST_VALUE_MAX: usize = 2_000;

#[cfg(test)]
mod tests;
