//! The keys gossip is sealed with, as a text file people edit.
//!
//! One key a line, `ID KEY`: the id is one to eight hex digits and travels in clear, the key is 32 bytes as 64 hex
//! digits or as base64. `#` begins a comment. The first key seals, every key opens, so keys change without a silence:
//! install (add the new key below, everywhere), use (move it to the top, everywhere), remove (delete the old one).
//!
//! **Invariant:** a key's secret is never printed but by [`Keyring`]'s `Display`, which is what `breakerd keygen`
//! writes; errors name the line and what was expected there, never what was found.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand_core::CryptoRng;

/// The keys of one file, at least one, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    keys: Vec<Key>,
}

/// One key with its id.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: KeyId,
    secret: [u8; SECRET_LEN],
}

/// The id of a key: tells the receiver which key to try, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// A keyring read from a file, and who else can read that file.
#[derive(Debug)]
pub struct KeyringFile {
    /// The keys.
    pub keyring: Keyring,
    /// Whether the file's mode keeps others out. The caller says so in its log; a shared directory of secrets mounted
    /// by an orchestrator often cannot do better, so it is no error.
    pub exposure: Exposure,
}

/// Who can read a file, by its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Its owner only.
    Private,
    /// Its group or everybody.
    Exposed,
}

/// Why a text is not a keyring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No line holds a key.
    #[error("no key in it: expected lines of the form 'ID KEY' (`breakerd keygen` prints one)")]
    Empty,
    /// More than [`FILE_MAX`] bytes.
    #[error("longer than {FILE_MAX} bytes: expected at most {KEYS_MAX} lines of the form 'ID KEY'")]
    TooLong,
    /// More than [`KEYS_MAX`] keys.
    #[error("line {line}: expected at most {KEYS_MAX} keys")]
    TooMany {
        /// The line of the first key too many, from 1.
        line: usize,
    },
    /// A line that is not an id and a key.
    #[error("line {line}: expected 'ID KEY', two words")]
    NotTwoWords {
        /// Which, from 1.
        line: usize,
    },
    /// An id that is not a hexadecimal number.
    #[error("line {line}: expected an id of one to eight hex digits")]
    BadId {
        /// Which, from 1.
        line: usize,
    },
    /// A key that is not 32 bytes.
    #[error("line {line}: expected a key of 32 bytes, as 64 hex digits or as base64")]
    BadKey {
        /// Which, from 1.
        line: usize,
    },
    /// An id used before.
    #[error("line {line}: expected an id of its own, this one is used above")]
    SameId {
        /// Which, from 1.
        line: usize,
    },
}

/// Why a file holds no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringFileError {
    /// It could not be read, or is no text.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What it holds is no keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl Keyring {
    /// Reads a keyring from its text.
    ///
    /// # Errors
    /// [`KeyringError`] names the line and what was expected there.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        if text.len() > FILE_MAX {
            return Err(KeyringError::TooLong);
        }
        let mut keys: Vec<Key> = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let Some(key) = Key::parse(content, line)? else { continue };
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyringError::SameId { line });
            }
            if keys.len() == KEYS_MAX {
                return Err(KeyringError::TooMany { line });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { keys }) }
    }

    /// Reads a keyring from a file.
    ///
    /// # Errors
    /// [`KeyringFileError`] when the file cannot be read or does not hold a keyring.
    pub fn read(path: &Path) -> Result<KeyringFile, KeyringFileError> {
        let file = std::fs::File::open(path)?;
        let exposure = Exposure::of(&file.metadata()?);
        let mut text = String::new();
        // One byte past the limit tells a file that is too long from one that just fits.
        file.take(FILE_MAX as u64 + 1).read_to_string(&mut text)?;
        Ok(KeyringFile { keyring: Self::parse(&text)?, exposure })
    }

    /// A keyring of one new key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut secret = [0; SECRET_LEN];
        rng.fill_bytes(&mut secret);
        Self { keys: vec![Key { id: KeyId(rng.next_u32()), secret }] }
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing(&self) -> &Key {
        self.keys.first().expect("invariant: a keyring has a key")
    }

    /// The key of that id.
    #[must_use]
    pub fn find(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Display for Keyring {
    /// As the file is written, secrets included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Key { id, secret } in &self.keys {
            write!(f, "{:08x} ", id.0)?;
            secret.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Key {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// Reads one line; `None` if it holds nothing but blanks and a comment.
    fn parse(content: &str, line: usize) -> Result<Option<Self>, KeyringError> {
        let mut words = content.split('#').next().unwrap_or_default().split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (None, ..) => Ok(None),
            (Some(id), Some(secret), None) => {
                let id = KeyId::parse(id).ok_or(KeyringError::BadId { line })?;
                let secret = parse_secret(secret).ok_or(KeyringError::BadKey { line })?;
                Ok(Some(Self { id, secret }))
            }
            _ => Err(KeyringError::NotTwoWords { line }),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeyId {
    fn parse(word: &str) -> Option<Self> {
        // `from_str_radix` alone would take a sign, too.
        let digits = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits { u32::from_str_radix(word, 16).ok().map(Self) } else { None }
    }
}

impl Exposure {
    fn of(metadata: &std::fs::Metadata) -> Self {
        if metadata.mode() & READABLE_BY_OTHERS == 0 { Self::Private } else { Self::Exposed }
    }
}

fn parse_secret(word: &str) -> Option<[u8; SECRET_LEN]> {
    let is_hex = word.len() == 2 * SECRET_LEN && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return STANDARD.decode(word).ok()?.try_into().ok();
    }
    let mut secret = [0; SECRET_LEN];
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(word.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(secret)
}

/// Most keys in a ring: a change of keys needs two, a cluster being merged with another a few more.
pub const KEYS_MAX: usize = 8;

/// Longest file in bytes: the most keys with a long comment each.
pub const FILE_MAX: usize = 16 * 1024;

/// Bytes of a key of XChaCha20-Poly1305.
pub(crate) const SECRET_LEN: usize = 32;

const READABLE_BY_OTHERS: u32 = 0o044;

#[cfg(test)]
mod tests;
