//! What the registry is told of others, and what it has to tell them.

use std::time::Duration;

use rand_core::Rng;

use super::{Registry, Turn};
use crate::core::digest::{HostId, HostView, HostWord, Testimony};
use crate::core::evidence::Judgement;
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;

/// How well the agent hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Gossip runs, or is off on purpose.
    Works,
    /// Gossip is dead.
    Dead,
    /// The agent itself was away for so long: what arrived meanwhile is of unknown age.
    WasAway(Duration),
}

impl Registry {
    /// A digest of a peer reached us, by whichever way. Idempotent, in any order.
    pub fn hear<R: Rng>(&mut self, turn: &mut Turn<'_, R>, testimony: &Testimony) {
        let _ = (turn, testimony);
    }

    /// A peer no longer speaks of a service: it is plainly healthy there, or the peer is gone.
    pub fn withdrawn<R: Rng>(&mut self, turn: &mut Turn<'_, R>, host: &HostId, service: &ServiceName) {
        let _ = (turn, host, service);
    }

    /// What a peer says of itself; replaces what it said before, unless that was in a later life.
    pub fn host_said<R: Rng>(&mut self, turn: &mut Turn<'_, R>, host: &HostId, incarnation: u64, word: HostWord) {
        let _ = (turn, host, incarnation, word);
    }

    /// Everybody known but ourselves; replaces what was said before.
    pub fn hosts_are<R: Rng>(&mut self, turn: &mut Turn<'_, R>, hosts: Vec<HostView>) {
        let _ = (turn, hosts);
    }

    /// How well we hear, whenever that changes.
    pub fn hearing_is<R: Rng>(&mut self, turn: &mut Turn<'_, R>, hearing: Hearing) {
        let _ = (turn, hearing);
    }

    /// What this host says of itself.
    #[must_use]
    pub fn host_word(&self, now: MonoTime) -> HostWord {
        let _ = now;
        HostWord::default()
    }

    /// Whether this host is deaf, or sick.
    #[must_use]
    pub fn host_state(&self) -> HostState {
        HostState::default()
    }

    /// The opening a service is in here, which refuses or probes; `None` if its own breaker decides. Cheap enough for
    /// every refusal. Changes nothing.
    #[must_use]
    pub fn cluster_place(&self, now: MonoTime, service: &str) -> Option<ClusterPlace> {
        let _ = (now, service);
        None
    }

    /// Services that peers speak of whose name sorts after `after`, in order, whether they are tracked here or not.
    pub fn services_heard_after(&self, after: Option<&ServiceName>) -> impl Iterator<Item = &ServiceName> + use<'_> {
        let _ = after;
        std::iter::empty()
    }

    /// How many testimonies found no room.
    #[must_use]
    pub fn testimonies_dropped(&self) -> u64 {
        0
    }

    /// What is judged of a service at present, and its stay in an opening; `None` if it is neither tracked here nor
    /// spoken of by a peer. Changes nothing.
    #[must_use]
    pub fn cluster_view(&self, now: MonoTime, service: &str) -> Option<ClusterView> {
        let _ = (now, service);
        None
    }
}

/// Whether a host is fit to judge for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// It hears too little.
    pub deaf: bool,
    /// It fails where others do not.
    pub sick: bool,
}

/// A host's place in an opening that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPlace {
    /// The opening, and how long it has been in its phase.
    pub stay: crate::core::digest::Stay,
    /// Whether the host's own calls said nothing of the sort when it was entered.
    pub on_hearsay: bool,
    /// What was judged when it was entered; `None` if it was adopted.
    pub entered_by: Option<Judgement>,
}

/// A service as the cluster sees it from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// What would be judged now.
    pub judgement: Judgement,
    /// The opening it is in, and how long it has been in its phase.
    pub stay: Option<crate::core::digest::Stay>,
    /// What that rests on.
    pub entered_by: Option<Judgement>,
    /// How long until its phase ends, where that is a matter of time.
    pub ends_in: Option<Duration>,
    /// The newest digest of each peer, with its age now.
    pub peers: Vec<Testimony>,
}
