//! What the network does to a datagram: one model, whichever fabric carries it.
//!
//! A pure value: it is told which faults hold, is asked about one datagram at a time, and counts for each fault how often
//! it struck, because a fault that did not bite says nothing. Gossip's datagrams can be lost, doubled, held back; calls
//! stand for streams, which lose nothing, so of all faults only partitions concern them.
//!
//! A delay is uniform between the link's bounds plus what faults add, and is rounded to the fabric's step by chance (up
//! with the probability of the fraction), so that the mean stays right; it is one step at least.
//!
//! **Invariant:** it draws only for faults that hold, in order of their index, from the sender's own generator: what
//! happens to one host's datagrams does not depend on how many another one sends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::STEP;
use crate::plan::{Link, Place, What};

/// A place by number: hosts first, then services in order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat(pub(super) usize);

/// What a datagram is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Plane {
    /// Between agents.
    Gossip,
    /// Between callers and services.
    Calls,
}

/// Where a datagram goes, and what about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) plane: Plane,
    pub(super) from: Seat,
    pub(super) to: Seat,
}

/// What becomes of a datagram; if it arrives, how much later than the link makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Lost,
    Once { held: Duration },
    Twice { held: Duration },
}

/// The network and what is wrong with it at present.
#[derive(Clone, Debug)]
pub(super) struct Network {
    link: Link,
    seats: BTreeMap<Place, Seat>,
    faults: BTreeMap<usize, Fault>,
    struck: BTreeMap<usize, u64>,
}

/// A fault that holds.
#[derive(Clone, Debug)]
enum Fault {
    /// The group of each seat; who is named in none is in the first.
    Partition(Vec<usize>),
    OneWay {
        from: BTreeSet<Seat>,
        to: BTreeSet<Seat>,
    },
    Loss(f64),
    Duplicate(f64),
    Reorder(f64),
    Delay(Duration),
    GossipDead(BTreeSet<Seat>),
}

/// What a fault does to one datagram.
enum Effect {
    Lose,
    Double,
    Hold(Duration),
}

impl Network {
    /// A network where nothing is wrong.
    pub(super) fn new(link: Link, seats: BTreeMap<Place, Seat>) -> Self {
        Self { link, seats, faults: BTreeMap::new(), struck: BTreeMap::new() }
    }

    /// From now on this holds; whether it is a fault of the network at all.
    pub(super) fn begin(&mut self, index: usize, what: &What) -> bool {
        let fault = match what {
            What::Partition { groups } => Fault::Partition(self.group_of_each(groups)),
            What::OneWay { from, to } => Fault::OneWay { from: self.seats_of(from), to: self.seats_of(to) },
            What::Loss { share } => Fault::Loss(*share),
            What::Duplicate { share } => Fault::Duplicate(*share),
            What::Reorder { share } => Fault::Reorder(*share),
            What::Delay { by } => Fault::Delay(*by),
            What::GossipDead { hosts } => Fault::GossipDead(hosts.iter().map(|host| Seat(*host)).collect()),
            What::ServiceDown { .. }
            | What::ServiceErrors { .. }
            | What::ServiceSlow { .. }
            | What::Capacity { .. }
            | What::SickHost { .. }
            | What::Liar { .. }
            | What::Crash { .. }
            | What::Pause { .. }
            | What::RollingRestart { .. } => return false,
        };
        self.faults.insert(index, fault);
        true
    }

    /// It holds no longer.
    pub(super) fn end(&mut self, index: usize) {
        self.faults.remove(&index);
    }

    /// How often a fault struck so far.
    pub(super) fn struck(&self, index: usize) -> u64 {
        self.struck.get(&index).copied().unwrap_or_default()
    }

    /// What becomes of a datagram.
    pub(super) fn passage(&mut self, route: Route, rng: &mut StdRng) -> Passage {
        let mut is_lost = route.plane == Plane::Gossip && strikes(self.link.loss, rng);
        let (mut held, mut is_doubled) = (Duration::ZERO, false);
        for (index, fault) in &self.faults {
            let Some(effect) = fault.effect(route, rng) else { continue };
            *self.struck.entry(*index).or_default() += 1;
            match effect {
                Effect::Lose => is_lost = true,
                Effect::Double => is_doubled = true,
                Effect::Hold(by) => held += by,
            }
        }
        match (is_lost, is_doubled) {
            (true, _) => Passage::Lost,
            (false, false) => Passage::Once { held },
            (false, true) => Passage::Twice { held },
        }
    }

    /// Whether a host's gossip is dead; if so, that struck.
    pub(super) fn refuses_gossip(&mut self, of: Seat) -> bool {
        let is_dead = |fault: &Fault| matches!(fault, Fault::GossipDead(hosts) if hosts.contains(&of));
        let dead: Vec<_> = self.faults.iter().filter(|(_, fault)| is_dead(fault)).map(|(index, _)| *index).collect();
        for index in &dead {
            *self.struck.entry(*index).or_default() += 1;
        }
        !dead.is_empty()
    }

    /// How many steps a datagram is on its way that is held for so long.
    pub(super) fn steps(&self, held: Duration, rng: &mut StdRng) -> u64 {
        let Link { latency_min, latency_max, .. } = self.link;
        let spread = latency_max.saturating_sub(latency_min);
        let delay = held + latency_min + spread.mul_f64(rng.random());
        let step = STEP.as_nanos();
        let (whole, rest) = (delay.as_nanos() / step, delay.as_nanos() % step);
        #[expect(clippy::cast_precision_loss, reason = "a step has a million nanoseconds")]
        let up = rng.random::<f64>() < rest as f64 / step as f64;
        u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(u64::from(up)).max(1)
    }

    fn seats_of(&self, places: &[Place]) -> BTreeSet<Seat> {
        places.iter().filter_map(|place| self.seats.get(place)).copied().collect()
    }

    fn group_of_each(&self, groups: &[Vec<Place>]) -> Vec<usize> {
        let mut group_of = vec![0; self.seats.len()];
        for (group, places) in groups.iter().enumerate() {
            for Seat(seat) in self.seats_of(places) {
                group_of[seat] = group;
            }
        }
        group_of
    }
}

impl Fault {
    /// What it does to a datagram on this route, if it strikes.
    fn effect(&self, route: Route, rng: &mut StdRng) -> Option<Effect> {
        let is_gossip = route.plane == Plane::Gossip;
        match self {
            Self::Partition(group_of) => {
                (group_of.get(route.from.0) != group_of.get(route.to.0)).then_some(Effect::Lose)
            }
            Self::OneWay { from, to } => (from.contains(&route.from) && to.contains(&route.to)).then_some(Effect::Lose),
            Self::Loss(share) => (is_gossip && strikes(*share, rng)).then_some(Effect::Lose),
            Self::Duplicate(share) => (is_gossip && strikes(*share, rng)).then_some(Effect::Double),
            Self::Reorder(share) => {
                (is_gossip && strikes(*share, rng)).then(|| Effect::Hold(REORDER_MAX.mul_f64(rng.random())))
            }
            Self::Delay(by) => is_gossip.then_some(Effect::Hold(*by)),
            // It strikes at the sockets.
            Self::GossipDead(_) => None,
        }
    }
}

fn strikes(share: f64, rng: &mut StdRng) -> bool {
    share > 0.0 && rng.random::<f64>() < share
}

/// How long a datagram that is to be overtaken is held, at most: so many others overtake it, and it is still far from
/// the 3 s after which its sender counts as silent.
const REORDER_MAX: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
