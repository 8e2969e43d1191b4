//! The configuration: a YAML file, or nothing at all, turned into values that cannot be wrong.
//!
//! The file is read once into a tree (`config::tree`), walked by key (`section`, `setting`), and its policies are
//! layers (`layer`) that cover one another (`services`) and are checked against themselves (`contradiction`) before
//! any becomes a policy of the core (`effective`). All of it is pure: reading the file, finding the host's name and
//! printing are the caller's. Everything wrong is listed at once, each fault with file, line, column and key.
//!
//! **Invariant:** nothing but [`Config::load_tree`] makes a policy from text, so that what the core is given was checked.
//!
//! `tree`, `section` and `error` know nothing of the agent: the simulator reads its scenarios with them too.

use std::sync::Arc;

use crate::core::policy::{Admission, Policy, Ruling};
use crate::core::service::ServiceName;

use self::error::Findings;
use self::section::{Found, one_of};
use self::services::{Listed, Services};
use self::setting::{Shown, Word, Wrong, one_word_of};
use self::tree::{Node, Scalar};

pub use self::cluster::{ClusterSettings, RECOVERY_MAX, RECOVERY_MIN, Sustained};
pub use self::error::{ConfigError, ConfigErrors, Place};
pub use self::fallback::{Fallback, Monitoring};
pub use self::gossip::{GossipSettings, INTERVAL_MAX, INTERVAL_MIN, SEEDS_MAX, Seed};
pub use self::host::{NodeSettings, Owner, PlainName, Principal, SocketMode, SocketSettings};
pub use self::show::Page;
pub use self::source::{Flag, Given, GivenBy, Overrides, Source, Sourced};

mod cluster;
mod contradiction;
mod effective;
pub mod error;
mod fallback;
mod gossip;
mod host;
mod layer;
mod policy_word;
pub mod section;
mod services;
mod setting;
mod show;
mod source;
pub mod tree;
mod unit;

#[cfg(test)]
mod tests;

/// All settings of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who this agent is.
    pub node: NodeSettings,
    /// The socket it answers on.
    pub socket: SocketSettings,
    /// How it gossips.
    pub gossip: GossipSettings,
    /// How it judges together with others.
    pub cluster: ClusterSettings,
    /// What happens to services that are not listed.
    pub unknown_services: Sourced<UnknownServices>,
    file: String,
    services: Services,
}

/// What happens to services that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownServices {
    /// They have the defaults.
    Admit,
    /// They are refused, but for those that match a pattern or are below a listed one.
    Refuse,
}

impl Config {
    /// Reads a file; `file` is its name as messages give it.
    ///
    /// # Errors
    /// [`ConfigErrors`] lists everything that is wrong.
    pub fn load(text: &str, file: &str) -> Result<Self, ConfigErrors> {
        if text.len() > FILE_BYTES_MAX {
            let start = Place { line: 1, column: 1 };
            let what = format!("expected a file of at most {FILE_BYTES_MAX} bytes, got {}", text.len());
            return Err(ConfigErrors::only(file, ConfigError::at(start, what)));
        }
        let node = Node::parse(text).map_err(|error| ConfigErrors::only(file, error))?;
        Self::load_tree(&node, file)
    }

    /// Reads what is part of another file.
    ///
    /// # Errors
    /// [`ConfigErrors`] lists everything that is wrong.
    pub fn load_tree(node: &Node, file: &str) -> Result<Self, ConfigErrors> {
        let mut findings = Findings::default();
        let config = Self::read(node, file, &mut findings);
        config.gossip.check(&mut findings);
        findings.finish(file).map(|()| config)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`Config::load`], and if they are no UTF-8.
    pub fn load_bytes(bytes: &[u8], file: &str) -> Result<Self, ConfigErrors> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let place = Place::after(&String::from_utf8_lossy(before));
            ConfigErrors::only(file, ConfigError::at(place, "expected UTF-8".to_owned()))
        })?;
        Self::load(text, file)
    }

    /// Lets flags and variables replace what the file says, and checks again.
    ///
    /// # Errors
    /// [`ConfigErrors`] lists everything that is wrong with what was given, or with what came of it.
    pub fn apply(mut self, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let mut findings = Findings::default();
        self.node.apply(overrides, &mut findings);
        self.socket.apply(overrides, &mut findings);
        self.gossip.apply(overrides, &mut findings);
        if findings.count() == 0 {
            self.gossip.check(&mut findings);
        }
        findings.finish(&self.file).map(|()| self)
    }

    /// Whether a service may be asked for, and its policy.
    #[must_use]
    pub fn ruling(&self, service: &ServiceName) -> Ruling {
        let admission = if self.admits(service) { Admission::Admitted } else { Admission::OnlyAbove };
        Ruling { policy: self.policy_of(service), admission }
    }

    /// The policy of a service, admitted or not: the breakers of an admitted service's ancestors need one.
    #[must_use]
    pub fn policy_of(&self, service: &ServiceName) -> Arc<Policy> {
        Arc::clone(&self.services.effective(service).policy)
    }

    /// Whether calls to a service are judged at all.
    #[must_use]
    pub fn admits(&self, service: &ServiceName) -> bool {
        match self.unknown_services.value {
            UnknownServices::Admit => true,
            UnknownServices::Refuse => self.services.lists(service),
        }
    }

    /// What to do instead of a refused call of a service.
    #[must_use]
    pub fn fallback_for(&self, service: &ServiceName) -> Option<&Fallback> {
        self.services.effective(service).fallback.as_ref()
    }

    /// What is told about a service's breaker.
    #[must_use]
    pub fn monitoring_for(&self, service: &ServiceName) -> Monitoring {
        self.services.effective(service).monitoring
    }

    fn read(node: &Node, file: &str, findings: &mut Findings) -> Self {
        let top = Found::top(node).section(KEYS, findings);
        let defaults = top.found("defaults");
        let section = defaults.as_ref().map(|found| found.section(&["circuit_breaker"], findings));
        let inner = section.and_then(|section| section.found("circuit_breaker"));
        let outer = top.found("circuit_breaker");
        if let (Some(outer), Some(inner)) = (&outer, &inner) {
            let line = inner.place().line;
            outer.complain(
                findings,
                format!("means the same as defaults.circuit_breaker (line {line}); write only one of them"),
            );
        }
        let listed = top.found("services").map(|found| Listed::read(&found, findings)).unwrap_or_default();
        Self {
            node: NodeSettings::read(top.found("node").as_ref(), findings),
            socket: SocketSettings::read(top.found("socket").as_ref(), findings),
            gossip: GossipSettings::read(top.found("gossip").as_ref(), findings),
            cluster: ClusterSettings::read(top.found("cluster").as_ref(), findings),
            unknown_services: Sourced::read(&top, "unknown_services", UnknownServices::Admit, findings, |word| word),
            file: file.to_owned(),
            services: Services::build(outer.or(inner).as_ref(), listed, findings),
        }
    }
}

impl Default for Config {
    /// What an agent without a file does.
    fn default() -> Self {
        Self::read(&Node::nothing(), "configuration", &mut Findings::default())
    }
}

one_word_of! {
    UnknownServices { "admit" => UnknownServices::Admit, "refuse" => UnknownServices::Refuse }
}

const KEYS: &[&str] =
    &["node", "socket", "gossip", "cluster", "circuit_breaker", "defaults", "services", "unknown_services"];

/// Largest file: ten thousand services of a hundred bytes each.
pub const FILE_BYTES_MAX: usize = 1 << 20;
