//! What waits to be pushed: of each host and service the newest testimony, the most urgent first, a bounded number.
//!
//! Testimony that is overtaken while it waits is replaced, keeping its turn and the more urgent of both urgencies.
//! Where there is no room, the least urgent goes, and of these the oldest.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::wire::Told;
use crate::core::digest::{HostId, Urgency};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    waiting: BTreeMap<Turn, Waiting>,
    turns: BTreeMap<(HostId, ServiceName), Turn>,
    taken: u64,
}

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) told: Told,
    /// Since when.
    pub(super) since: MonoTime,
    /// Who told us; `None` for our own word.
    pub(super) from: Option<SocketAddr>,
}

/// Whose turn it is: the smallest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) urgency: Urgency,
    number: u64,
}

impl Queue {
    /// Adds something; whether something was dropped for it.
    pub(super) fn add(&mut self, urgency: Urgency, waiting: Waiting) -> Option<Dropped> {
        let testimony = &waiting.told.testimony;
        let key = (testimony.host.clone(), testimony.digest.service.clone());
        self.taken += 1;
        let mut turn = Turn { urgency, number: self.taken };
        if let Some(overtaken) = self.turns.remove(&key) {
            self.waiting.remove(&overtaken);
            turn = turn.min(overtaken);
        }
        self.turns.insert(key, turn);
        self.waiting.insert(turn, waiting);
        (self.waiting.len() > QUEUE_MAX).then(|| self.drop_least())
    }

    /// In the order of their turns.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Turn, &Waiting)> {
        self.waiting.iter().map(|(turn, waiting)| (*turn, waiting))
    }

    /// Ends the waiting of one.
    pub(super) fn remove(&mut self, turn: Turn) {
        if let Some(gone) = self.waiting.remove(&turn) {
            let testimony = gone.told.testimony;
            self.turns.remove(&(testimony.host, testimony.digest.service));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self { taken: self.taken, ..Self::default() };
    }

    fn drop_least(&mut self) -> Dropped {
        let least = self.waiting.last_key_value().map(|(turn, _)| turn.urgency);
        let first = least.map(|urgency| Turn { urgency, number: 0 });
        let oldest = first.and_then(|first| self.waiting.range(first..).next()).map(|(turn, _)| *turn);
        oldest.into_iter().for_each(|turn| self.remove(turn));
        Dropped
    }
}

/// Something found no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped;

/// Most testimonies that wait: what goes in about half a second when everything fails at once, sixteen to a datagram
/// and fifty fan-outs a second. What waited longer would be of little use.
pub(super) const QUEUE_MAX: usize = 512;

#[cfg(test)]
mod tests;
