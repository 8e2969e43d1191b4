//! The cluster as gossip shows it: who is there, in which life, and what each says of which service.
//!
//! Fed with what chitchat knows, turn by turn; says what changed since it was last asked. Of every node only the newest
//! incarnation counts: the former life disappears, with all it said, as soon as the next is heard of. What bears our
//! own name is not a peer: it is our former life, or, with a number not below ours, somebody who must be outnumbered.
//!
//! A peer is live while its heartbeat moves. The first heartbeat heard proves nothing (it may be the memory of a dead
//! peer, passed on by another), only the second one does.
//!
//! A value: `now` is an argument. What changed is kept as names, not as a queue, so a slow reader costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::counters::{GossipCounters, count};
use super::entry::{Entry, service_of};
use super::publisher::is_entry;
use super::word::{Malformed, is_word};
use crate::core::digest::{FailureDigest, HostId, HostWord, Testimony};
use crate::core::peers::Way;
use crate::core::service::ServiceName;
use crate::core::spans::aged;
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, MemberView, Standing};

/// The cluster without ourselves.
#[derive(Debug)]
pub(super) struct Peers {
    me: Identity,
    interval: Duration,
    peers: BTreeMap<String, Peer>,
    changed: BTreeSet<(String, Change)>,
    outnumbered_by: Option<u64>,
    counters: Arc<GossipCounters>,
}

/// Who somebody is. Compares by life: the newer is greater.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) node: String,
    pub(super) incarnation: u64,
    pub(super) address: SocketAddr,
}

/// How far somebody's state is known; all of it rises within one life, unless the state is sent anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) heartbeat: u64,
    /// Version of the newest value.
    pub(super) newest: u64,
    /// Version up to which deleted values were forgotten.
    pub(super) forgotten: u64,
}

/// One value somebody wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) version: u64,
}

/// What of somebody's words changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// What it says of itself.
    Host,
    /// What it says of a service.
    Digest(ServiceName),
}

#[derive(Debug)]
struct Peer {
    incarnation: u64,
    address: SocketAddr,
    progress: Progress,
    /// When its heartbeat last moved.
    heard: Option<MonoTime>,
    first_seen: MonoTime,
    standing: Standing,
    word: Option<HostWord>,
    digests: BTreeMap<ServiceName, Kept>,
    is_present: bool,
}

#[derive(Debug)]
struct Kept {
    digest: FailureDigest,
    /// How old it was when it was read.
    age: Duration,
    read: MonoTime,
}

/// How somebody's values are read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Values up to this version are known.
    known: u64,
    /// Where its heartbeat is by now.
    heartbeat: u64,
    interval: Duration,
    now: MonoTime,
}

impl Peers {
    pub(super) fn new(me: Identity, interval: Duration, counters: Arc<GossipCounters>) -> Self {
        let (peers, changed) = Default::default();
        Self { me, interval, peers, changed, outnumbered_by: None, counters }
    }

    /// Begins a new life of gossip, in which nobody is known yet.
    pub(super) fn begin_anew(&mut self, incarnation: u64) {
        self.me.incarnation = incarnation;
        self.outnumbered_by = None;
        for (node, peer) in std::mem::take(&mut self.peers) {
            self.changed.extend(peer.digests.into_keys().map(|service| (node.clone(), Change::Digest(service))));
        }
    }

    /// Takes in all of what is known now, somebody after somebody, ourselves included.
    pub(super) fn observe<'a, V>(&mut self, who: &Identity, progress: Progress, values: V, now: MonoTime)
    where
        V: Iterator<Item = Value<'a>>,
    {
        if who.node == self.me.node {
            if *who != self.me && who.incarnation >= self.me.incarnation {
                self.outnumbered_by = self.outnumbered_by.max(Some(who.incarnation));
            }
            return;
        }
        let counters = Arc::clone(&self.counters);
        let interval = self.interval;
        let Some(peer) = self.present(who, now) else { return };
        let before = std::mem::replace(&mut peer.progress, progress);
        // The first value heard is no movement.
        if before.heartbeat > 0 && progress.heartbeat > before.heartbeat {
            peer.heard = Some(now);
        }
        if peer.is_mute(now) {
            // Should it speak again, everything is read again.
            peer.progress.newest = 0;
        } else if (before.newest, before.forgotten) != (progress.newest, progress.forgotten) {
            let resent = progress.forgotten != before.forgotten || progress.newest < before.newest;
            let known = if resent { 0 } else { before.newest };
            let reading = Reading { known, heartbeat: progress.heartbeat, interval, now };
            let changed = peer.read(values, reading, &counters);
            self.changed.extend(changed.into_iter().map(|change| (who.node.clone(), change)));
        }
    }

    /// Ends a turn in which everybody known was observed: forgets the others and judges who is heard.
    pub(super) fn settle(&mut self, now: MonoTime) {
        let silent_after = SILENT_AFTER.max(self.interval * 6);
        for (node, peer) in &mut self.peers {
            peer.judge(now, silent_after);
            if peer.is_mute(now) || !peer.is_present {
                let gone = std::mem::take(&mut peer.digests).into_keys();
                self.changed.extend(gone.map(|service| (node.clone(), Change::Digest(service))));
            }
        }
        self.peers.retain(|_, peer| std::mem::take(&mut peer.is_present));
    }

    /// Everybody, in order of id.
    pub(super) fn members(&self, now: MonoTime) -> Vec<MemberView> {
        let view = |(node, peer): (&String, &Peer)| MemberView {
            node: node.clone(),
            zone: peer.word.as_ref().and_then(|word| word.zone.as_deref()).map(str::to_owned),
            address: peer.address,
            incarnation: peer.incarnation,
            standing: peer.standing,
            heard: peer.silence(now),
            digests: peer.digests.len(),
        };
        self.peers.iter().map(view).collect()
    }

    /// The first of what changed since it was last told, if anything did.
    pub(super) fn next_change(&mut self, now: MonoTime) -> Option<GossipNews> {
        while let Some((node, change)) = self.changed.first() {
            let news = match (change, self.peers.get(node)) {
                (Change::Host, peer) => peer.and_then(|peer| peer.said(node)),
                (Change::Digest(service), peer) => Some(
                    peer.and_then(|peer| peer.heard(node, service, now))
                        .unwrap_or_else(|| GossipNews::Withdrawn { host: HostId::new(node), service: service.clone() }),
                ),
            };
            if news.is_some() {
                return news;
            }
            self.changed.pop_first();
        }
        None
    }

    /// Whether what is to be told next has a host among it that has just entered an opening.
    pub(super) fn hears_of_an_entry(&self, now: MonoTime) -> bool {
        self.changed.iter().any(|(node, change)| match (change, self.peers.get(node)) {
            (Change::Digest(service), Some(peer)) => peer
                .digests
                .get(service)
                .is_some_and(|kept| is_entry(&kept.digest, kept.age.saturating_add(now.since(kept.read)))),
            _ => false,
        })
    }

    /// What [`Peers::next_change`] said was told.
    pub(super) fn told(&mut self) {
        self.changed.pop_first();
    }

    /// Addresses of live peers.
    pub(super) fn live(&self) -> impl Iterator<Item = SocketAddr> {
        self.peers.values().filter(|peer| peer.standing == Standing::Live).map(|peer| peer.address)
    }

    /// The number of somebody else under our name that is not below ours.
    pub(super) fn outnumbered_by(&self) -> Option<u64> {
        self.outnumbered_by
    }

    /// The peer, in this life of it; `None` if a newer one is known, or there is no room.
    fn present(&mut self, who: &Identity, now: MonoTime) -> Option<&mut Peer> {
        let known = self.peers.get(&who.node);
        if known.is_none() && (self.peers.len() >= PEERS_MAX || !is_word(&who.node)) {
            count(&self.counters.beyond_limits);
            return None;
        }
        let life = (who.incarnation, who.address);
        if known.is_some_and(|peer| (peer.incarnation, peer.address) > life) {
            return None;
        }
        if known.is_none_or(|peer| (peer.incarnation, peer.address) < life) {
            let former = self.peers.insert(who.node.clone(), Peer::new(who, now));
            let gone = former.into_iter().flat_map(|peer| peer.digests.into_keys());
            self.changed.extend(gone.map(|service| (who.node.clone(), Change::Digest(service))));
        }
        let peer = self.peers.get_mut(&who.node)?;
        peer.is_present = true;
        Some(peer)
    }
}

impl Peer {
    fn new(who: &Identity, now: MonoTime) -> Self {
        Self {
            incarnation: who.incarnation,
            address: who.address,
            progress: Progress::default(),
            heard: None,
            first_seen: now,
            standing: Standing::Silent,
            word: None,
            digests: BTreeMap::new(),
            is_present: true,
        }
    }

    /// Reads values newer than the known version, and drops the digests of services no longer among them; what that
    /// changed.
    fn read<'a>(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        reading: Reading,
        counters: &GossipCounters,
    ) -> BTreeSet<Change> {
        let mut changed = BTreeSet::new();
        let mut spoken_of = BTreeSet::new();
        for Value { key, value, version } in values {
            spoken_of.extend(service_of(key));
            if version <= reading.known {
                continue;
            }
            match Entry::read(key, value) {
                Ok(Entry::Digest { digest, stamp }) => {
                    let age = stamp.age(reading.heartbeat);
                    // It may have been on its way for two turns more. Counts must not look fresher than they are; a place
                    // is best known as near as can be told.
                    let spans = aged(&digest.spans, reading.interval.saturating_mul(2));
                    let digest = FailureDigest { spans, ..digest };
                    changed.extend(self.keep(Kept { digest, age, read: reading.now }, counters));
                }
                Ok(Entry::Host(word)) => {
                    self.word = Some(word);
                    changed.insert(Change::Host);
                }
                Ok(Entry::Bye) => self.standing = Standing::Left,
                Ok(Entry::Unknown) => {}
                Err(Malformed) => count(&counters.malformed_values),
            }
        }
        let gone: Vec<_> = self.digests.keys().filter(|service| !spoken_of.contains(*service)).cloned().collect();
        gone.iter().for_each(|service| drop(self.digests.remove(service)));
        changed.extend(gone.into_iter().map(Change::Digest));
        changed
    }

    /// Keeps a digest if it is the newest; what that changed. A later version of a value with the same number is the
    /// same digest, written anew.
    fn keep(&mut self, new: Kept, counters: &GossipCounters) -> Option<Change> {
        let kept = self.digests.get(&new.digest.service);
        if kept.is_some_and(|kept| kept.digest.sequence > new.digest.sequence) {
            count(&counters.stale_values);
            return None;
        }
        if kept.is_some_and(|kept| kept.digest == new.digest) {
            return None;
        }
        if kept.is_none() && self.digests.len() >= DIGESTS_MAX {
            count(&counters.beyond_limits);
            return None;
        }
        let service = new.digest.service.clone();
        self.digests.insert(service.clone(), new);
        Some(Change::Digest(service))
    }

    /// What it says of itself.
    fn said(&self, node: &str) -> Option<GossipNews> {
        let word = self.word.clone()?;
        Some(GossipNews::Said { host: HostId::new(node), incarnation: self.incarnation, word })
    }

    /// What it says of a service.
    fn heard(&self, node: &str, service: &ServiceName, now: MonoTime) -> Option<GossipNews> {
        let Kept { digest, age, read } = self.digests.get(service)?;
        let testimony = Testimony {
            host: HostId::new(node),
            incarnation: self.incarnation,
            age: age.saturating_add(now.since(*read)),
            digest: digest.clone(),
        };
        Some(GossipNews::Heard { testimony, way: Way::State })
    }

    /// Whether it is heard. Who said goodbye does not come back in the same life.
    fn judge(&mut self, now: MonoTime, silent_after: Duration) {
        let is_heard = self.heard.is_some_and(|heard| now.since(heard) < silent_after);
        self.standing = match self.standing {
            Standing::Left => Standing::Left,
            Standing::Live | Standing::Silent if is_heard => Standing::Live,
            Standing::Live | Standing::Silent => Standing::Silent,
        };
    }

    /// How long it has not been heard; at most as long as it is known.
    fn silence(&self, now: MonoTime) -> Duration {
        now.since(self.heard.unwrap_or(self.first_seen))
    }

    /// Whether what it says of services no longer counts.
    fn is_mute(&self, now: MonoTime) -> bool {
        self.standing == Standing::Left || self.silence(now) >= FORGOTTEN_AFTER
    }
}

/// How long a peer may not be heard and still be live, at least: longer than a pause nobody would notice. With slow
/// gossip it is six intervals.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(3);

/// Most peers kept: twice the pool the state plane is made for.
pub(super) const PEERS_MAX: usize = 1_024;

/// Most digests kept of one peer: as many as one publishes.
pub(super) const DIGESTS_MAX: usize = super::publisher::PUBLISHED_MAX;

/// What a peer not heard for so long said of services no longer counts as said.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
