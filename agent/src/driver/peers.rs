//! What the agent has heard from others. For now it is shown and decides nothing.
//!
//! Bounded: an agent of a cluster of 500 with 200 services in trouble hears 100,000 digests at the most; past the limit
//! a new one is dropped and counted, and the newest of those known still replace their older ones.

use std::collections::BTreeMap;

use breaker_client::wire::{GossipHealth, Member, PeerDigest, Presence};

use super::answers;
use crate::core::digest::{FailureDigest, Testimony};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, MemberView, Standing};

/// Everything heard, and how hearing fares.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peers {
    health: GossipHealth,
    incarnation: u64,
    members: Vec<(MonoTime, MemberView)>,
    heard: BTreeMap<ServiceName, BTreeMap<String, Heard>>,
    digests: usize,
    dropped: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Heard {
    at: MonoTime,
    incarnation: u64,
    digest: FailureDigest,
}

impl Peers {
    /// Nobody heard yet.
    #[must_use]
    pub(super) fn new(health: GossipHealth, incarnation: u64) -> Self {
        Self { health, incarnation, members: Vec::new(), heard: BTreeMap::new(), digests: 0, dropped: 0 }
    }

    /// Takes in what gossip says.
    pub(super) fn hear(&mut self, now: MonoTime, news: GossipNews) {
        match news {
            GossipNews::Health { health, incarnation } => {
                self.health = health;
                self.incarnation = incarnation;
            }
            GossipNews::Members(members) => self.members = members.into_iter().map(|member| (now, member)).collect(),
            GossipNews::Heard(Testimony { host, incarnation, age: _, digest }) => {
                self.keep(host.as_str().to_owned(), Heard { at: now, incarnation, digest });
            }
            GossipNews::Withdrawn { host, service } => self.forget(host.as_str(), &service),
            GossipNews::Said { .. } | GossipNews::Away(_) => {}
        }
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

    /// Digests that found no room.
    #[must_use]
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Everybody but ourselves.
    pub(super) fn members(&self, now: MonoTime) -> impl Iterator<Item = Member> + '_ {
        self.members.iter().map(move |(at, member)| Member {
            node: member.node.clone(),
            zone: member.zone.clone(),
            address: member.address.to_string(),
            incarnation: member.incarnation,
            presence: match member.standing {
                Standing::Live => Presence::Live,
                Standing::Silent => Presence::Silent,
                Standing::Left => Presence::Left,
            },
            heard_ms: Some(answers::millis(member.heard + now.since(*at))),
            digests: member.digests as u64,
        })
    }

    /// What peers say of a service, the newest first.
    #[must_use]
    pub(super) fn digests_of(&self, now: MonoTime, service: &ServiceName) -> Vec<PeerDigest> {
        let Some(heard) = self.heard.get(service) else { return Vec::new() };
        let mut digests: Vec<PeerDigest> = heard
            .iter()
            .map(|(node, heard)| PeerDigest {
                node: node.clone(),
                state: answers::state(heard.digest.state),
                since_ms: answers::millis(heard.digest.age + now.since(heard.at)),
                total: heard.digest.total,
                failed: heard.digest.failed,
                heard_ms: answers::millis(now.since(heard.at)),
            })
            .collect();
        digests.sort_by_key(|digest| digest.heard_ms);
        digests
    }

    /// Services that peers speak of whose name sorts after `after`, in order.
    pub(super) fn services_after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = &ServiceName> + use<'_> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.clone()));
        self.heard.range((from, Bound::Unbounded)).map(|(name, _)| name)
    }

    fn keep(&mut self, node: String, heard: Heard) {
        let service = heard.digest.service.clone();
        match self.heard.get(&service).and_then(|of_service| of_service.get(&node)) {
            Some(known) if known.incarnation > heard.incarnation => return,
            Some(_) => {}
            None if self.digests >= DIGESTS_MAX => {
                self.dropped += 1;
                return;
            }
            None => self.digests += 1,
        }
        self.heard.entry(service).or_default().insert(node, heard);
    }

    fn forget(&mut self, node: &str, service: &ServiceName) {
        let Some(of_service) = self.heard.get_mut(service) else { return };
        if of_service.remove(node).is_some() {
            self.digests -= 1;
        }
        if of_service.is_empty() {
            self.heard.remove(service);
        }
    }
}

/// Most digests kept: about 200 bytes each, 20 MB.
pub(super) const DIGESTS_MAX: usize = 100_000;
