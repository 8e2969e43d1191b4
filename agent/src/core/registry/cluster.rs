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

    /// What is judged of a service at present, and its stay in an opening; `None` if it is not tracked. Changes nothing.
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
