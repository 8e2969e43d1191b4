//! One datagram, closed and opened: the only place that touches the cipher.
//!
//! ```text
//! sealed   0xB5 | key id, 4 | nonce, 24 | sealed text | tag, 16       the first five bytes are associated data
//! plain    0xB0 | text                                                 without a key, between loopback addresses
//! ```
//!
//! XChaCha20-Poly1305 because its nonce is long enough to be drawn at random: no counter to persist, no coordination
//! between hosts that share a key. An agent with a key opens nothing plain, and one without opens nothing sealed.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;

use crate::keyring::{Key, KeyId, Keyring};

/// Why a datagram does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is shorter than an empty text would make it.
    Truncated,
    /// It names a key that is not in the ring.
    WrongKey,
    /// It is not what it claims to be.
    Forged,
}

/// Closes a text into a datagram.
pub(super) fn close(keyring: Option<&Keyring>, text: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    match keyring {
        Some(ring) => seal(ring.sealing(), text, rng),
        None => [&[PLAIN], text].concat(),
    }
}

/// Opens a datagram into its text.
pub(super) fn open(keyring: Option<&Keyring>, datagram: &[u8]) -> Result<Vec<u8>, Unopened> {
    match (keyring, datagram.first()) {
        (_, None) => Err(Unopened::Truncated),
        (None, Some(&PLAIN)) => Ok(datagram[1..].to_vec()),
        (Some(ring), Some(&SEALED)) => unseal(ring, datagram),
        _ => Err(Unopened::Forged),
    }
}

fn seal(key: &Key, text: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let mut datagram = Vec::with_capacity(text.len() + OVERHEAD);
    datagram.push(SEALED);
    datagram.extend_from_slice(&key.id().0.to_le_bytes());
    datagram.extend_from_slice(&nonce);
    datagram.extend_from_slice(text);
    let (clear, sealed) = datagram.split_at_mut(CLEAR_LEN + NONCE_LEN);
    let tag = cipher(key)
        .encrypt_inout_detached(&XNonce::from(nonce), &clear[..CLEAR_LEN], sealed.into())
        .expect("invariant: a datagram is shorter than the cipher's limit of 256 GiB");
    datagram.extend_from_slice(&tag);
    datagram
}

fn unseal(ring: &Keyring, datagram: &[u8]) -> Result<Vec<u8>, Unopened> {
    if datagram.len() < OVERHEAD {
        return Err(Unopened::Truncated);
    }
    let (clear, rest) = datagram.split_first_chunk::<CLEAR_LEN>().ok_or(Unopened::Truncated)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unopened::Truncated)?;
    let [_, id @ ..] = *clear;
    let key = ring.find(KeyId(u32::from_le_bytes(id))).ok_or(Unopened::WrongKey)?;
    let mut text = sealed.to_vec();
    match cipher(key).decrypt_in_place(&XNonce::from(*nonce), clear, &mut text) {
        Ok(()) => Ok(text),
        // The cipher's error says nothing on purpose.
        Err(_) => Err(Unopened::Forged),
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.secret().into())
}

/// Bytes a sealed datagram is longer than its text.
pub(super) const OVERHEAD: usize = CLEAR_LEN + NONCE_LEN + TAG_LEN;

// Far apart, and neither is the first byte of a bare chitchat message.
const SEALED: u8 = 0xB5;
const PLAIN: u8 = 0xB0;

const CLEAR_LEN: usize = 5;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
