//! Whom alerts go to: a part of the live peers, chosen once, from which each fan-out draws at random.
//!
//! A first message to somebody never spoken with takes three travels instead of one, because the two ends have to
//! learn each other's life first. In a cluster of a thousand nobody ever speaks with everybody. So each host keeps to
//! [`VIEW_MAX`] peers, and greets them before it has anything to say. Six drawn from 64 that every host chose for itself
//! spread as well as six drawn from all: what counts is that hosts choose independently.
//!
//! Chosen are those with the lowest hash of our seed and their name (rendezvous hashing), so that a peer that comes or
//! goes changes the choice by one.

use std::net::SocketAddr;

use rand::Rng;
use rand::seq::index;

use crate::core::digest::HostId;
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
    seed: u64,
    chosen: Vec<Neighbour>,
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
    pub(in crate::gossip) fn new(seed: u64) -> Self {
        Self { seed, chosen: Vec::new(), live: 0 }
    }

    /// Chooses anew, of everybody live.
    pub(in crate::gossip) fn choose(&mut self, live: &[Neighbour]) {
        self.live = live.len();
        let mut ranked: Vec<_> = live.iter().map(|peer| (self.rank(&peer.host), peer)).collect();
        if ranked.len() > VIEW_MAX {
            ranked.sort_unstable_by_key(|(rank, peer)| (*rank, &peer.host));
            ranked.truncate(VIEW_MAX);
        }
        self.chosen = ranked.into_iter().map(|(_, peer)| peer.clone()).collect();
    }

    /// Those spoken with.
    pub(in crate::gossip) fn chosen(&self) -> &[Neighbour] {
        &self.chosen
    }

    /// Live hosts, ourselves included.
    pub(super) fn hosts(&self) -> usize {
        self.live + 1
    }

    /// So many of them, or all, in random order.
    pub(super) fn draw<R: Rng>(&self, most: usize, rng: &mut R) -> Vec<&Neighbour> {
        let drawn = index::sample(rng, self.chosen.len(), most.min(self.chosen.len()));
        drawn.into_iter().map(|at| &self.chosen[at]).collect()
    }

    fn rank(&self, host: &HostId) -> u64 {
        let mut bytes = self.seed.to_le_bytes().to_vec();
        bytes.extend_from_slice(host.as_str().as_bytes());
        // The low bits of FNV mix well, the high ones less so with short names; a multiplication spreads them.
        fnv(&bytes).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32)
    }
}

/// FNV-1a, 64 bits.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

/// Most peers spoken with: ten fan-outs' worth. Fewer would leave some host in a large cluster chosen by hardly anybody
/// (with 64 the unluckiest of 1,000 is chosen by about 40); more would only cost greetings.
pub(in crate::gossip) const VIEW_MAX: usize = 64;

#[cfg(test)]
mod tests;
