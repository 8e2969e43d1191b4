//! The scenarios that come with the program: files of the same kind as users write, and one drawn from the seed.
//!
//! Each opens with a comment whose first line is what `list` shows. Hosts are named by shares, and sizes relative to the
//! demand, so that all of them work with 10 to 100 hosts.

use super::swarm;
use crate::plan::FabricKind;

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    File(&'static str),
    /// The seed draws it.
    Swarm,
}

/// What a drawn scenario depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many hosts.
    pub hosts: usize,
    /// On which network: not all do everything.
    pub fabric: FabricKind,
}

impl BuiltIn {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|built_in| built_in.name == name)
    }

    /// Its text, the same for the same draw.
    #[must_use]
    pub fn text(&self, draw: Draw) -> String {
        match self.content {
            Content::File(text) => text.to_owned(),
            Content::Swarm => swarm::text(draw),
        }
    }

    /// Whether it is another with each seed.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.content == Content::Swarm
    }

    /// What it shows, in a line.
    #[must_use]
    pub fn about(&self) -> &'static str {
        match self.content {
            Content::File(text) => text.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']),
            Content::Swarm => swarm::ABOUT,
        }
    }
}

macro_rules! files {
    ($($name:literal)+) => {
        &[
            $(BuiltIn { name: $name, content: Content::File(include_str!(concat!("../../scenarios/", $name, ".yaml"))) },)+
            BuiltIn { name: "swarm", content: Content::Swarm },
        ]
    };
}

/// All of them.
pub const BUILT_IN: &[BuiltIn] = files! {
    "spread" "outage" "outage-hang" "brownout" "errors" "sick-host" "liars" "cold-recovery" "warm-recovery" "flapping"
    "partition" "partition-during-recovery" "one-way" "zone-outage" "mass-outage" "rolling-restart" "gossip-dead"
    "slow-callers" "two-hosts" "lone-host" "pause" "sick-in-outage" "quiet-caller"
};
