//! The peers as gossip knows them, to be shown: who is there, where, in which zone, and how gossip itself fares.
//!
//! What they say of services is evidence and lives in the registry; nothing here decides anything. Replaced as a whole
//! with each word of gossip, which bounds how many there are.

use breaker_client::wire::{GossipHealth, Member, Presence};

use super::answers;
use crate::core::time::MonoTime;
use crate::mail::{MemberView, Standing};

/// Everybody known, and how hearing fares.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peers {
    health: GossipHealth,
    incarnation: u64,
    /// In order of id.
    members: Vec<MemberView>,
    told_at: MonoTime,
}

impl Peers {
    /// Nobody known yet.
    #[must_use]
    pub(super) fn new(health: GossipHealth, incarnation: u64) -> Self {
        Self { health, incarnation, members: Vec::new(), told_at: MonoTime::START }
    }

    /// How gossip fares from now on, and the incarnation this agent speaks under.
    pub(super) fn fares(&mut self, health: GossipHealth, incarnation: u64) {
        (self.health, self.incarnation) = (health, incarnation);
    }

    /// Everybody known but ourselves.
    pub(super) fn are(&mut self, now: MonoTime, mut members: Vec<MemberView>) {
        members.sort_by(|a, b| a.node.cmp(&b.node));
        (self.members, self.told_at) = (members, now);
    }

    /// How gossip fares.
    #[must_use]
    pub(super) fn health(&self) -> GossipHealth {
        self.health
    }

    /// The incarnation this agent speaks under.
    #[must_use]
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Everybody but ourselves, in order of id.
    pub(super) fn members(&self, now: MonoTime) -> impl Iterator<Item = Member> + '_ {
        let since = now.since(self.told_at);
        self.members.iter().map(move |member| Member {
            node: member.node.clone(),
            zone: member.zone.clone(),
            address: member.address.to_string(),
            incarnation: member.incarnation,
            presence: match member.standing {
                Standing::Live => Presence::Live,
                Standing::Silent => Presence::Silent,
                Standing::Left => Presence::Left,
            },
            heard_ms: Some(answers::millis(member.heard + since)),
            digests: member.digests as u64,
        })
    }

    /// The zone of a peer, where known.
    #[must_use]
    pub(super) fn zone_of(&self, node: &str) -> Option<&str> {
        let place = self.members.binary_search_by(|member| member.node.as_str().cmp(node)).ok()?;
        self.members.get(place)?.zone.as_deref()
    }
}
