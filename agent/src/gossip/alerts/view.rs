//! Whom alerts go to: a part of the live peers, chosen once, from which each fan-out is drawn.
//!
//! A first message to somebody never spoken with takes three travels instead of one, because the two ends have to
//! learn each other's life first. In a cluster of a thousand nobody ever speaks with everybody. So each host keeps to
//! [`VIEW_MAX`] peers, and greets them before it has anything to say. Six drawn from 64 that every host chose for itself
//! spread as well as six drawn from all: what counts is that hosts choose independently. Chosen are those with the
//! lowest hash of our seed and their name (rendezvous hashing), so that one who comes or goes changes the choice by one.
//!
//! Of the six, [`RINGS`] are no roll of dice: the next host on a ring of all, ordered by a hash alike everywhere. Where
//! all six are random each round leaves out one host in 300 that nobody happened to draw, and more as datagrams are
//! lost; with two rings everybody is in the fan-out of two others at least, and 1 in 20,000 is left out.

use std::net::SocketAddr;

use rand::Rng;
use rand::seq::index;

use crate::core::digest::HostId;
use crate::core::fnv::Fnv;
use crate::mail::MemberView;

/// A live peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gossip) struct Neighbour {
    pub(in crate::gossip) host: HostId,
    pub(in crate::gossip) incarnation: u64,
    pub(in crate::gossip) address: SocketAddr,
}

/// The live peers spoken with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gossip) struct View {
    me: HostId,
    seed: u64,
    /// The next on each ring first.
    chosen: Vec<Neighbour>,
    /// How many of these are next on a ring.
    next: usize,
    /// Live peers, spoken with or not.
    live: usize,
}

impl Neighbour {
    pub(in crate::gossip) fn of(member: &MemberView) -> Self {
        Self { host: HostId::new(&member.node), incarnation: member.incarnation, address: member.address }
    }

    /// Whether it is that member, in the same life.
    pub(in crate::gossip) fn is(&self, member: &MemberView) -> bool {
        self.host.as_str() == member.node && (self.incarnation, self.address) == (member.incarnation, member.address)
    }
}

impl View {
    pub(in crate::gossip) fn new(me: HostId, seed: u64) -> Self {
        Self { me, seed, chosen: Vec::new(), next: 0, live: 0 }
    }

    /// Chooses anew, of everybody live.
    pub(in crate::gossip) fn choose(&mut self, live: &[Neighbour]) {
        self.live = live.len();
        self.chosen = (0..RINGS).filter_map(|ring| self.next_on(ring, live)).cloned().collect();
        self.chosen.dedup();
        self.next = self.chosen.len();
        let mut others: Vec<_> = live.iter().filter(|peer| !self.chosen.contains(peer)).collect();
        others.sort_by_cached_key(|peer| (rank(self.seed, &peer.host), peer.host.clone()));
        self.chosen.extend(others.into_iter().take(VIEW_MAX - self.next).cloned());
    }

    /// Those spoken with.
    pub(in crate::gossip) fn chosen(&self) -> &[Neighbour] {
        &self.chosen
    }

    /// Live hosts, ourselves included.
    pub(super) fn hosts(&self) -> usize {
        self.live + 1
    }

    /// So many of them, or all: the next on each ring, then others in random order.
    pub(super) fn draw<R: Rng>(&self, most: usize, rng: &mut R) -> Vec<&Neighbour> {
        let (next, others) = self.chosen.split_at(self.next);
        let drawn = index::sample(rng, others.len(), most.saturating_sub(next.len()).min(others.len()));
        next.iter().take(most).chain(drawn.into_iter().map(|at| &others[at])).collect()
    }

    /// Who comes after us on a ring, or first of all.
    fn next_on<'a>(&self, ring: u64, live: &'a [Neighbour]) -> Option<&'a Neighbour> {
        let at = |host: &HostId| (rank(ring, host), host.clone());
        let here = at(&self.me);
        live.iter().min_by_key(|peer| {
            let there = at(&peer.host);
            (there < here, there)
        })
    }
}

/// A place that nobody chooses.
fn rank(salt: u64, host: &HostId) -> u64 {
    Fnv::of(&salt.to_le_bytes()).with(host.as_str().as_bytes()).mixed()
}

/// Most peers spoken with: ten fan-outs' worth. Fewer would leave some host in a large cluster chosen by hardly anybody
/// (with 64 the unluckiest of 1,000 is chosen by about 40); more would only cost greetings.
pub(in crate::gossip) const VIEW_MAX: usize = 64;

/// How many of a fan-out are next on a ring. The others must be drawn, or what fails between two neighbours fails each
/// time.
const RINGS: u64 = 2;

#[cfg(test)]
mod tests;
