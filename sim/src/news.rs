//! How news spread: from the moment the first breaker opens until the other agents have taken in its host's digest.
//!
//! It looks on as agents decide, through the same window as the judge, and takes times only: "known" is a digest of that
//! service from that host, which says that its own breaker stands open, taken in by an agent, whichever way it came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breaker_agent::core::digest::Testimony;
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{Notice, StateKind};
use breaker_agent::observe::Observed;

use crate::fabric::host_name;

/// How the first news of a run spread. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct News(Arc<Mutex<Option<Story>>>);

#[derive(Debug)]
struct Story {
    host: usize,
    service: ServiceName,
    tripped: Duration,
    known: BTreeMap<usize, Duration>,
}

/// What news came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// From the trip until agents knew.
    pub known_ms: Percentiles,
    /// How many agents knew.
    pub hosts: usize,
}

impl News {
    /// Looks at what an agent did.
    pub fn observe(&self, host: usize, at: Duration, seen: Observed<'_>) {
        match seen {
            Observed::Service(service, Notice::Changed(change)) if change.to == StateKind::Open => {
                self.lock().get_or_insert_with(|| Story {
                    host,
                    service: service.clone(),
                    tripped: at,
                    known: BTreeMap::new(),
                });
            }
            Observed::Heard(testimony) => {
                if let Some(story) = self.lock().as_mut().filter(|story| story.is_told_by(testimony)) {
                    story.known.entry(host).or_insert(at);
                }
            }
            Observed::Service(..) | Observed::Host(_) => {}
        }
    }

    /// How it spread among so many other hosts; `None` if it did not reach 99 % of them.
    #[must_use]
    pub fn spread(&self, others: usize) -> Option<Spread> {
        let story = self.lock();
        let story = story.as_ref().filter(|story| story.known.len() * 100 >= others * 99 && others > 0)?;
        let after = story.known.values().map(|at| at.saturating_sub(story.tripped).as_millis());
        let known_ms = Percentiles::of(after.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)));
        Some(Spread { known_ms, hosts: story.known.len() })
    }

    /// Whether there is news at all.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Story>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A distribution in three numbers. Percentiles are by nearest rank, so each is a value that occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half are not above it.
    pub p50: u64,
    /// 99 of a hundred are not above it.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Percentiles {
    /// Of some values; all zero of none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<_> = values.into_iter().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or_default()
        };
        Self { p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

impl Story {
    fn is_told_by(&self, testimony: &Testimony) -> bool {
        let digest = &testimony.digest;
        let is_open = digest.flags.standing || digest.state == StateKind::Open;
        is_open && digest.service == self.service && testimony.host.as_str() == host_name(self.host)
    }
}

#[cfg(test)]
mod tests;
