//! Whether this host fails where its peers do not: what it looks at, once a second while own calls fail.
//!
//! Instances of a service count for the service they are of, or one dead instance with a breaker on three levels would
//! be three services. What nobody else calls says nothing: perhaps it is down for all.

use std::collections::BTreeSet;

use rand_core::Rng;

use super::cluster::Cluster;
use super::{Registry, Turn};
use crate::core::cluster::Standing;
use crate::core::digest::{Span, span};
use crate::core::peers::Past;
use crate::core::policy::{DEFAULT_ERROR_RATE, Rate};
use crate::core::sick::{Health, LOOK_EVERY, SERVICES_MIN, Symptoms};
use crate::core::spans::aged;
use crate::core::store::Slot;
use crate::core::time::MonoTime;

impl Registry {
    /// Own calls fail: it is time to look at oneself.
    pub(super) fn examine_soon(&mut self, now: MonoTime) {
        if let Some(cluster) = self.cluster.as_deref_mut() {
            cluster.examine_at = cluster.examine_at.or(Some(now + LOOK_EVERY));
        }
    }

    /// Looks at oneself.
    pub(super) fn examine<R: Rng>(&mut self, turn: &mut Turn<'_, R>) {
        let symptoms = self.symptoms(turn.now);
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        turn.effects.host.extend(cluster.health.look(turn.now, symptoms));
        cluster.told.sick = cluster.health.is_sick();
        let go_on = symptoms.alone > 0 || cluster.health != Health::Well;
        cluster.examine_at = go_on.then(|| turn.now + LOOK_EVERY);
    }

    fn symptoms(&self, now: MonoTime) -> Symptoms {
        let Some(cluster) = self.cluster.as_deref() else { return Symptoms::default() };
        let ill = self.unwell.iter().filter(|place| {
            self.store.get(**place).is_some_and(|slot| fails(now, slot) && cluster.others_are_well(now, slot))
        });
        let alone: BTreeSet<u32> = ill.map(|place| self.top(*place)).collect();
        if alone.len() < SERVICES_MIN {
            return Symptoms { alone: alone.len(), called: alone.len() };
        }
        let called = self.store.taken().filter(|(_, slot)| is_called(now, slot)).map(|(place, _)| self.top(place));
        Symptoms { alone: alone.len(), called: called.collect::<BTreeSet<u32>>().len() }
    }

    fn top(&self, place: u32) -> u32 {
        self.store.path(place).places().last().copied().unwrap_or(place)
    }
}

impl Cluster {
    /// Whether others call a service, and at most a quarter of them find it failing.
    fn others_are_well(&self, now: MonoTime, slot: &Slot) -> bool {
        let callers = || self.peers.callers(now, &slot.name).filter(|caller| self.is_fit(*caller));
        let failing = callers().filter(|caller| {
            let (spans, age) = caller.spans(Past::NONE);
            let seen = aged(&spans, age)[SEEN_IN];
            caller.is_standing(Past::NONE) || caller.stay().is_some() || too_many(slot, seen)
        });
        let (failing, all) = (failing.count(), callers().count());
        all > 0 && failing * 4 <= all
    }
}

/// Whether the service fails here, and is in no opening. On probation after failing, it has shown nothing better yet: a
/// sick host whose own breakers half-open in turn would seem well each time.
fn fails(now: MonoTime, slot: &Slot) -> bool {
    let Some(part) = slot.cluster.as_deref().filter(|part| part.inside().is_none()) else { return false };
    let seen = || part.spans.counted(now)[SEEN_IN];
    part.standing == Standing::Yes || seen().failed >= FAILURES_MIN && too_many(slot, seen())
}

fn too_many(slot: &Slot, seen: Span) -> bool {
    let threshold: Rate = slot.breaker.policy().conditions.error_rate.unwrap_or(DEFAULT_ERROR_RATE);
    seen.failed > 0 && threshold.is_reached_by(seen.failed.into(), seen.calls.into())
}

fn is_called(now: MonoTime, slot: &Slot) -> bool {
    let Some(part) = slot.cluster.as_deref() else { return false };
    let asked = slot.last_asked.is_some_and(|at| now.since(at) < span(CALLED_IN));
    asked || part.spans.counted(now)[CALLED_IN].calls > 0
}

/// The span of 4 s: what is seen now, and yet some calls of a service called once a second.
const SEEN_IN: usize = 4;

/// The span of 16 s: a service called in it is one the host calls.
const CALLED_IN: usize = 5;

/// Fewest own failures by which a service fails here.
const FAILURES_MIN: u32 = 2;
