//! How callers and services enter calls into the books: asked, granted or refused, on its way, settled; and the demand
//! behind the attempts.
//!
//! An attempt that is dropped without a word belonged to an application that died: it leaves the calls on their way and
//! is in no other count.

use std::time::Duration;

use breaker_client::Standing;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::plan::{Callers, What};

use super::World;
use super::facts::Happening;
use super::ledger::{FailedCall, Reported};
use super::roster::PathId;
use super::truth::Window;

/// Something an application wants done.
#[derive(Clone, Copy)]
#[must_use]
pub(crate) struct Demand {
    service: PathId,
    came: Duration,
}

/// What became of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// It was served.
    Served,
    /// It was lost to an error the scenario injects.
    Excused,
    /// It was lost.
    Lost,
}

/// A host has asked whether a call may go ahead.
pub(crate) struct Asked {
    host: usize,
    service: PathId,
    at: Duration,
    /// Each level of the path, with the number of the last change of its breaker.
    levels: Vec<(PathId, u64)>,
}

/// A call on its way.
#[must_use]
pub(crate) struct Attempt {
    world: World,
    host: usize,
    service: PathId,
    from: Duration,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its good answer came in time.
    Good,
    /// It failed, or took too long.
    Failed,
    /// It failed because the scenario wants it.
    Made,
}

impl World {
    /// The streams of calls of a host.
    pub(super) fn lines(&self, host: usize) -> Vec<(PathId, Callers)> {
        self.lock().facts.roster.lines(host).cloned().collect()
    }

    pub(crate) fn demand(&self, service: PathId) -> Demand {
        let came = self.now();
        self.lock().facts.ledger.bin(service, came).demand += 1;
        Demand { service, came }
    }

    pub(crate) fn close(&self, demand: Demand, how: Close) {
        let mut state = self.lock();
        let bin = state.facts.ledger.bin(demand.service, demand.came);
        match how {
            Close::Served => bin.served += 1,
            Close::Excused => bin.excused += 1,
            Close::Lost => {}
        }
    }

    pub(crate) fn ask(&self, host: usize, service: PathId) -> Asked {
        let at = self.now();
        let mut state = self.lock();
        let facts = &mut state.facts;
        facts.ledger.asked(at, host, service);
        let changes = |path: &PathId| (*path, facts.places.at(host, *path).map_or(0, |place| place.changes));
        let levels = facts.roster.levels(service).iter().map(changes).collect();
        Asked { host, service, at, levels }
    }

    pub(crate) fn refused(&self, asked: &Asked) {
        self.lock().facts.ledger.bin(asked.service, asked.at).refused += 1;
    }

    /// The call goes ahead; `standing` is none where no agent was asked.
    pub(crate) fn grant(&self, asked: &Asked, standing: Option<&Standing>) -> Attempt {
        let at = self.now();
        let Asked { host, service, .. } = *asked;
        let mut state = self.lock();
        state.facts.ledger.bin(service, at).granted += 1;
        state.facts.ledger.books(service).in_flight += 1;
        match standing {
            Some(Standing::Allowed) => {
                for (path, changes) in &asked.levels {
                    let place = state.facts.places.of(host, *path);
                    if place.changes == *changes {
                        state.happened(at, &Happening::Granted { host, path: *path });
                    }
                }
                let place = state.facts.places.of(host, service);
                state.facts.ledger.probes += u64::from(place.state == breaker_agent::core::digest::StateKind::HalfOpen);
            }
            Some(Standing::Unguarded(_)) => state.facts.ledger.unguarded += 1,
            Some(Standing::WouldRefuse | Standing::Untracked) | None => {}
        }
        Attempt { world: self.clone(), host, service, from: at }
    }

    /// Whether a call of this host fails before it leaves.
    pub(crate) fn falls_sick(&self, (host, _): (usize, PathId), rng: &mut StdRng) -> bool {
        let at = self.now();
        let mut state = self.lock();
        let share = state.facts.truth.in_force(Window::moment(at)).filter_map(|what| match what {
            What::SickHost { hosts, fails } if hosts.contains(&host) => Some(*fails),
            _ => None,
        });
        let share = share.fold(0.0, f64::max);
        let falls = share > 0.0 && rng.random::<f64>() < share;
        if falls {
            *state.sick_calls.entry(host).or_default() += 1;
        }
        falls
    }

    /// Whether this host's clients say that a good call failed.
    pub(crate) fn lies(&self, host: usize, service: PathId) -> bool {
        let at = self.now();
        let mut state = self.lock();
        let name = state.facts.roster.name(service);
        let lies = state
            .facts
            .truth
            .in_force(Window::moment(at))
            .any(|what| matches!(what, What::Liar { hosts, service } if hosts.contains(&host) && service == name));
        if lies {
            *state.lies.entry((host, service)).or_default() += 1;
        }
        lies
    }

    /// The call has ended, and so the agent is told.
    pub(crate) fn settle(&self, attempt: Attempt, reported: Reported, fate: Fate) {
        let at = self.now();
        let (host, service, from) = (attempt.host, attempt.service, attempt.from);
        let mut state = self.lock();
        let ledger = &mut state.facts.ledger;
        ledger.reported(at, (host, service), reported);
        match fate {
            Fate::Good => ledger.bin(service, at).good += 1,
            Fate::Made => ledger.bin(service, at).failed += 1,
            Fate::Failed => {
                ledger.bin(service, at).failed += 1;
                ledger.books(service).failed.push(FailedCall { from, to: at });
            }
        }
        // Dropping the attempt takes the lock itself.
        drop(state);
        drop(attempt);
    }

    /// Whether whoever knows everything lets a call go ahead.
    pub(crate) fn oracle_admits(&self, service: PathId) -> bool {
        let at = self.now();
        let state = &mut *self.lock();
        let capacity = state.queues.get(&service).map_or(0.0, super::service::Queue::capacity);
        state.oracle.admits(service, super::oracle::Able { at, capacity })
    }
}

impl Attempt {
    pub(crate) fn service(&self) -> PathId {
        self.service
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = self.world.lock();
        let in_flight = &mut state.facts.ledger.books(self.service).in_flight;
        *in_flight = in_flight.saturating_sub(1);
    }
}
