//! Settings of the host: who this agent is, and the socket it answers on.
//!
//! Names of users and groups are only checked for their form here: whether they exist is known when the socket is
//! made. A socket's mode is octal however it is written (`"0660"`, `0660`, `660`): nobody means another base, and YAML
//! 1.2 would take the middle one for six hundred and sixty.

use std::path::PathBuf;

use super::error::Findings;
use super::section::Found;
use super::setting::{Shown, Word, Wrong};
use super::source::{Flag, Overrides, Sourced};
use super::tree::{Scalar, ScalarKind, Value};

/// Who this agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its id in gossip; the caller gives the host's name where nothing is written.
    pub id: Sourced<Option<PlainName>>,
    /// The failure domain it is in.
    pub zone: Sourced<Option<PlainName>>,
}

/// The socket it answers on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    /// Where; the caller finds a place where nothing is written.
    pub path: Sourced<Option<PathBuf>>,
    /// Its permissions; default 0660: its owner's and its group's applications may ask.
    pub mode: Sourced<SocketMode>,
    /// Whose it is; the agent's own user and group where nothing is written.
    pub owner: Sourced<Option<Owner>>,
}

/// A short name: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainName(String);

/// The permission bits of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(u32);

/// Whose a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Principal,
    /// The group; unchanged where left out.
    pub group: Option<Principal>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// By number.
    Id(u32),
    /// By name.
    Name(String),
}

impl NodeSettings {
    pub(super) fn read(found: Option<&Found<'_>>, findings: &mut Findings) -> Self {
        let Some(found) = found else { return Self::default() };
        let section = found.section(&["id", "zone"], findings);
        Self {
            id: Sourced::read(&section, "id", None, findings, Some),
            zone: Sourced::read(&section, "zone", None, findings, Some),
        }
    }

    pub(super) fn apply(&mut self, overrides: &Overrides, findings: &mut Findings) {
        self.id.replace(Flag::NodeId, overrides.node_id.as_ref(), findings, Some);
    }
}

impl SocketSettings {
    pub(super) fn read(found: Option<&Found<'_>>, findings: &mut Findings) -> Self {
        let mut settings = Self::default();
        let Some(found) = found else { return settings };
        if let Value::Scalar(_) | Value::List(_) = &found.node.value {
            if let Some(SocketPath(path)) = super::setting::Setting::read(found, findings) {
                settings.path = Sourced { value: Some(path), source: super::source::Source::File(found.place()) };
            }
            return settings;
        }
        let section = found.section(&["path", "mode", "owner"], findings);
        settings.path = Sourced::read(&section, "path", None, findings, |SocketPath(path)| Some(path));
        settings.mode = Sourced::read(&section, "mode", settings.mode.value, findings, |mode| mode);
        settings.owner = Sourced::read(&section, "owner", None, findings, Some);
        settings
    }

    pub(super) fn apply(&mut self, overrides: &Overrides, findings: &mut Findings) {
        self.path.replace(Flag::Socket, overrides.socket.as_ref(), findings, |SocketPath(path)| Some(path));
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self { id: Sourced::default(None), zone: Sourced::default(None) }
    }
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self { path: Sourced::default(None), mode: Sourced::default(SocketMode(0o660)), owner: Sourced::default(None) }
    }
}

impl PlainName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name of ours.
    pub(super) fn constant(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

impl Word for PlainName {
    fn expected() -> String {
        format!("1 to {PLAIN_NAME_MAX} of A-Z a-z 0-9 . _ -")
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = &scalar.text;
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if plain && (1..=PLAIN_NAME_MAX).contains(&text.len()) { Ok(Self(text.clone())) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.0.clone())
    }
}

impl SocketMode {
    /// The nine bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl Word for SocketMode {
    fn expected() -> String {
        "an octal mode such as \"0660\"".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let digits = scalar.text.strip_prefix("0o").unwrap_or(&scalar.text);
        let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let mode = u32::from_str_radix(digits, 8).ok().filter(|&mode| octal && mode <= 0o777).ok_or(Wrong::Else)?;
        if mode & 0o222 == 0 {
            return Err(Wrong::Because("nobody could connect: that takes the right to write".to_owned()));
        }
        Ok(Self(mode))
    }

    fn shown(&self) -> Shown {
        Shown::Text(format!("{:04o}", self.0))
    }
}

impl Word for Owner {
    fn expected() -> String {
        "user, user:group or numbers such as 1000:1000".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.split_once(':') {
            None => Ok(Self { user: Principal::parse(&scalar.text)?, group: None }),
            Some((user, group)) => Ok(Self { user: Principal::parse(user)?, group: Some(Principal::parse(group)?) }),
        }
    }

    fn shown(&self) -> Shown {
        let group = self.group.as_ref().map_or(String::new(), |group| format!(":{}", group.text()));
        Shown::Text(self.user.text() + &group)
    }
}

impl Principal {
    fn parse(text: &str) -> Result<Self, Wrong> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        match text.parse() {
            Ok(id) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self::Id(id)),
            _ if text.bytes().all(|b| b.is_ascii_digit()) => Err(Wrong::Else),
            _ if plain && text.len() <= PLAIN_NAME_MAX => Ok(Self::Name(text.to_owned())),
            _ => Err(Wrong::Else),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// The path of a Unix socket.
pub(super) struct SocketPath(pub(super) PathBuf);

impl Word for SocketPath {
    fn expected() -> String {
        format!("a path of at most {SOCKET_PATH_MAX} bytes")
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let fits = (1..=SOCKET_PATH_MAX).contains(&scalar.text.len()) && !scalar.text.contains('\0');
        if fits && scalar.kind == ScalarKind::Text { Ok(Self(PathBuf::from(&scalar.text))) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Shown::Text(self.0.display().to_string())
    }
}

/// Longest id, zone, cluster, user or group: ids travel in every gossip message.
pub(super) const PLAIN_NAME_MAX: usize = 64;

/// Longest path of a Unix socket: what Linux's `sockaddr_un` holds beside its closing zero.
pub(super) const SOCKET_PATH_MAX: usize = 107;
