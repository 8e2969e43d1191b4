//! Where a setting of the host comes from, and what may replace what the file says: flags and variables.
//!
//! A flag beats its variable, which beats the file, which beats the default; which of the first two it was is the
//! caller's to say, because only the command line knows.
//! What the host itself says (its name, a directory that can be written) comes last: only where nobody said anything.

use std::fmt;

use super::error::{Findings, Place};
use super::section::Section;
use super::setting::{Setting, Word, parse_outside};

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The file.
    File(Place),
    /// The command line.
    CommandLine(Flag),
    /// The environment.
    Environment(Flag),
}

/// A setting that can be given outside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `--socket`, `BREAKERD_SOCKET`.
    Socket,
    /// `--node-id`, `BREAKERD_NODE_ID`.
    NodeId,
    /// `--gossip-listen`, `BREAKERD_GOSSIP_LISTEN`.
    GossipListen,
    /// `--seed`, `BREAKERD_SEED`.
    Seed,
}

/// What was given outside the file, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The path of the socket.
    pub socket: Option<Given>,
    /// The id of this agent.
    pub node_id: Option<Given>,
    /// An address, or `off`.
    pub gossip_listen: Option<Given>,
    /// Hosts with ports; replace the file's.
    pub seeds: Vec<Given>,
}

/// One value given outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// As given.
    pub text: String,
    /// How.
    pub by: GivenBy,
}

/// How a value is given outside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy {
    /// By a flag.
    CommandLine,
    /// By a variable.
    Environment,
    /// By the host itself (its name, a directory that can be written): only where the file says nothing.
    Default,
}

impl<T> Sourced<T> {
    pub(super) fn default(value: T) -> Self {
        Self { value, source: Source::Default }
    }

    /// What a section says under a key, or the default.
    pub(super) fn read<S: Setting>(
        section: &Section<'_>,
        key: &str,
        default: T,
        findings: &mut Findings,
        into: impl FnOnce(S) -> T,
    ) -> Self {
        match section.read(key, findings) {
            Some((value, place)) => Self { value: into(value), source: Source::File(place) },
            None => Self::default(default),
        }
    }

    /// Lets what was given replace this; what is wrong with it is said.
    pub(super) fn replace<S: Word>(
        &mut self,
        flag: Flag,
        given: Option<&Given>,
        findings: &mut Findings,
        into: impl FnOnce(S) -> T,
    ) {
        let Some(given) = given else { return };
        let source = given.source(flag);
        if source == Source::Default && self.source != Source::Default {
            return;
        }
        match parse_outside(&given.text) {
            Ok(value) => *self = Self { value: into(value), source },
            Err(wrong) => findings.add_outside(flag.named(source), wrong),
        }
    }
}

impl Given {
    /// Where a value of this flag given so comes from.
    pub(super) fn source(&self, flag: Flag) -> Source {
        match self.by {
            GivenBy::CommandLine => Source::CommandLine(flag),
            GivenBy::Environment => Source::Environment(flag),
            GivenBy::Default => Source::Default,
        }
    }
}

impl Flag {
    /// As the user meets it.
    pub(super) fn named(self, source: Source) -> &'static str {
        let (flag, variable, key) = match self {
            Self::Socket => ("--socket", "BREAKERD_SOCKET", "socket"),
            Self::NodeId => ("--node-id", "BREAKERD_NODE_ID", "node.id"),
            Self::GossipListen => ("--gossip-listen", "BREAKERD_GOSSIP_LISTEN", "gossip.listen"),
            Self::Seed => ("--seed", "BREAKERD_SEED", "gossip.seeds"),
        };
        match source {
            Source::CommandLine(_) => flag,
            Source::Environment(_) => variable,
            Source::File(_) | Source::Default => key,
        }
    }
}

impl Source {
    /// Adds a fault of a setting of this source.
    pub(super) fn complain(self, findings: &mut Findings, key: &str, what: impl fmt::Display) {
        match self {
            Self::File(place) => findings.add(place, key, what),
            Self::CommandLine(flag) | Self::Environment(flag) => findings.add_outside(flag.named(self), what),
            Self::Default => findings.add_outside(key, what),
        }
    }

    /// `default`, `breakerd.yaml:12`, `flag --socket` or `environment BREAKERD_SOCKET`.
    pub(super) fn described(self, file: &str) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File(place) => format!("{file}:{}", place.line),
            Self::CommandLine(flag) => format!("flag {}", flag.named(self)),
            Self::Environment(flag) => format!("environment {}", flag.named(self)),
        }
    }
}
