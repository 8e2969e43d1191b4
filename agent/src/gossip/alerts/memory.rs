//! What was heard already: the newest testimony of each host and service, and the places of each service's openings.
//!
//! News is what changes this memory; and since it holds maxima and unions, it ends up the same in whatever order and
//! however often things come. Both parts are bounded and forget what was renewed the longest ago; whoever speaks of it
//! again is heard again, which costs a few datagrams and no truth.

use std::collections::BTreeMap;

use crate::core::digest::{HostId, Phase, Probes, Stay, Testimony};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;

/// The memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    newest: Recent<(HostId, ServiceName), Newest>,
    places: Recent<ServiceName, Places>,
}

/// What the newest testimony of a host and service was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Newest {
    /// Incarnation and sequence.
    life: (u64, u64),
    /// Whether the host's own breaker stood open.
    stands: bool,
}

/// What is new in a testimony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Nothing newer was heard of this host and service.
    pub(super) is_fresh: bool,
    /// Its place was not heard of before, or its host's own breaker has tripped.
    pub(super) is_new_place: bool,
}

/// A map that holds no more than `most`, and forgets what was touched the longest ago.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recent<K, V> {
    most: usize,
    kept: BTreeMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    touched: u64,
}

/// The places of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    openings: BTreeMap<u64, Facts>,
    /// When a place in which calls are refused was news.
    refused_at: Option<MonoTime>,
}

/// What was heard of one opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    /// Bit i: the phase of that number was heard of.
    phases: u8,
    claimed: u32,
    failed: u32,
    failures: u32,
    /// Failed and good probes of each host, as far as they count.
    good: BTreeMap<HostId, (u32, u32)>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { newest: Recent::new(NEWEST_MAX), places: Recent::new(SERVICES_MAX) }
    }

    /// Takes in a testimony; what is new in it.
    pub(super) fn take(&mut self, testimony: &Testimony, now: MonoTime) -> News {
        let Testimony { host, incarnation, digest, .. } = testimony;
        let life = (*incarnation, digest.sequence);
        let key = (host.clone(), digest.service.clone());
        let known = self.newest.find(&key).copied();
        let is_fresh = known.is_none_or(|known| known.life < life);
        let stands = digest.flags.standing;
        if is_fresh {
            *self.newest.touch(key) = Newest { life, stands };
        }
        let has_tripped = is_fresh && stands && !known.is_some_and(|known| known.stands);
        let is_new_place =
            digest.stay.is_some_and(|stay| self.places.touch(digest.service.clone()).take(host, &stay, now));
        News { is_fresh, is_new_place: is_new_place || has_tripped }
    }

    /// When a place in which calls to the service are refused was news.
    pub(super) fn refused_at(&self, service: &ServiceName) -> Option<MonoTime> {
        self.places.find(service)?.refused_at
    }
}

impl Places {
    fn take(&mut self, host: &HostId, stay: &Stay, now: MonoTime) -> bool {
        let is_highest = self.openings.last_key_value().is_none_or(|(highest, _)| *highest <= stay.number);
        let is_old = self.openings.first_key_value().is_some_and(|(lowest, _)| stay.number < *lowest);
        if is_old && self.openings.len() >= OPENINGS_MAX {
            return false;
        }
        let is_new = self.openings.entry(stay.number).or_default().take(host, stay);
        if self.openings.len() > OPENINGS_MAX {
            self.openings.pop_first();
        }
        if is_new && is_highest {
            self.refused_at = stay.is_in().then_some(now);
        }
        is_new
    }
}

impl Facts {
    fn take(&mut self, host: &HostId, stay: &Stay) -> bool {
        let Probes { claimed, highest, failed, failures, good } = stay.probes;
        let phase = match stay.phase {
            Phase::Open => 1,
            Phase::HalfOpen => 2,
            Phase::Closed => 4,
        };
        let is_new_phase = self.phases & phase == 0;
        self.phases |= phase;
        let is_new = is_new_phase
            | raise(&mut self.claimed, claimed.max(highest))
            | raise(&mut self.failed, failed)
            | raise(&mut self.failures, failures);
        is_new | (good > 0 && self.take_good(host, (failed, good)))
    }

    fn take_good(&mut self, host: &HostId, good: (u32, u32)) -> bool {
        if self.good.len() >= PROBERS_MAX && !self.good.contains_key(host) {
            return false;
        }
        raise(self.good.entry(host.clone()).or_default(), good)
    }
}

/// Raises a maximum; whether that changed it.
fn raise<T: Ord>(known: &mut T, heard: T) -> bool {
    let is_new = heard > *known;
    if is_new {
        *known = heard;
    }
    is_new
}

impl<K: Ord + Clone, V: Default> Recent<K, V> {
    fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new(), order: BTreeMap::new(), touched: 0 }
    }

    fn find(&self, key: &K) -> Option<&V> {
        self.kept.get(key).map(|(_, value)| value)
    }

    /// What is kept of a key, now the last to be forgotten.
    fn touch(&mut self, key: K) -> &mut V {
        self.touched += 1;
        if !self.kept.contains_key(&key) && self.kept.len() >= self.most {
            let oldest = self.order.pop_first();
            oldest.and_then(|(_, key)| self.kept.remove(&key));
        }
        let (touched, value) = self.kept.entry(key.clone()).or_default();
        self.order.remove(touched);
        *touched = self.touched;
        self.order.insert(self.touched, key);
        value
    }
}

/// Most hosts and services whose newest testimony is remembered: 160 services failing on each of 100 hosts, 4 MB. At
/// rest none is.
pub(super) const NEWEST_MAX: usize = 16_384;

/// Most services whose openings are remembered: twice as many as an agent publishes.
pub(super) const SERVICES_MAX: usize = 1_024;

/// Most openings of one service: the one that is, one that overtakes it, and what a partition left behind on both sides.
pub(super) const OPENINGS_MAX: usize = 4;

/// Most hosts whose good probes of one opening are told apart: one probe a second goes, and a few good ones end it.
pub(super) const PROBERS_MAX: usize = 64;

#[cfg(test)]
mod tests;
