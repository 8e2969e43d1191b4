//! The books of a run: what became of every call, per service in bins of 100 ms, and per host where a judgement needs it.
//!
//! Bins are as long as the plots' and short enough for sliding seconds. A demand (what an application wants) is told
//! from its attempts (the first call and its retries), and both are told by the bin in which the demand came: so the
//! demand of a bin and the part of it that was served are about the same calls, however long they took.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::series::BIN;

use super::roster::PathId;

/// The books of a run.
#[derive(Default)]
pub(crate) struct Ledger {
    services: BTreeMap<PathId, ServiceBooks>,
    /// What each host last saw of each service.
    last: BTreeMap<(usize, PathId), Last>,
    /// When the newest good calls of each host to each service were reported, the newest last.
    good: BTreeMap<(usize, PathId), VecDeque<Duration>>,
    /// Services each host has asked for.
    used: BTreeMap<usize, BTreeSet<PathId>>,
    /// Calls let through because no agent answered.
    pub(crate) unguarded: u64,
    /// Grants of a breaker that was HalfOpen.
    pub(crate) probes: u64,
}

/// The books of one service.
#[derive(Default)]
pub(crate) struct ServiceBooks {
    bins: Vec<Bin>,
    /// Calls that failed through no fault of their host.
    pub(crate) failed: Vec<FailedCall>,
    /// Calls on their way.
    pub(crate) in_flight: usize,
}

/// A service in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bin {
    /// Demands that came.
    pub(crate) demand: u32,
    /// Those of them that were served in the end.
    pub(crate) served: u32,
    /// Those of them that were lost to errors the scenario injects.
    pub(crate) excused: u32,
    /// Attempts that a breaker refused.
    pub(crate) refused: u32,
    /// Attempts that were let through.
    pub(crate) granted: u32,
    /// Attempts that failed.
    pub(crate) failed: u32,
    /// Calls that reached the service.
    pub(crate) offered: u32,
    /// Calls whose good answer came in time, by the moment it came.
    pub(crate) good: u32,
    /// Calls a second the service could serve.
    pub(crate) capacity: f64,
    /// Longest wait of a call that came.
    pub(crate) delay: Duration,
}

/// A call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailedCall {
    /// When it was made.
    pub(crate) from: Duration,
    /// When it was known to have failed.
    pub(crate) to: Duration,
}

/// What a host last saw of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Last {
    /// When it asked.
    pub(crate) asked: Option<Duration>,
    /// When a call was reported as good.
    pub(crate) good: Option<Duration>,
    /// When a call was reported as failed.
    pub(crate) failed: Option<Duration>,
}

/// How an attempt was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// As good.
    Good,
    /// As failed.
    Failed,
}

impl Ledger {
    /// The bin of a service at a time.
    pub(crate) fn bin(&mut self, service: PathId, at: Duration) -> &mut Bin {
        let index = bin_of(at);
        let bins = &mut self.services.entry(service).or_default().bins;
        if bins.len() <= index {
            bins.resize(index + 1, Bin::default());
        }
        bins.get_mut(index).expect("invariant: the bins reach as far as this one")
    }

    pub(crate) fn books(&mut self, service: PathId) -> &mut ServiceBooks {
        self.services.entry(service).or_default()
    }

    pub(crate) fn bins(&self, service: PathId) -> &[Bin] {
        self.services.get(&service).map_or(&[], |books| &books.bins)
    }

    pub(crate) fn failed(&self, service: PathId) -> &[FailedCall] {
        self.services.get(&service).map_or(&[], |books| &books.failed)
    }

    pub(crate) fn in_flight(&self, service: PathId) -> usize {
        self.services.get(&service).map_or(0, |books| books.in_flight)
    }

    /// A host asks for a service.
    pub(crate) fn asked(&mut self, at: Duration, host: usize, service: PathId) {
        self.used.entry(host).or_default().insert(service);
        self.last.entry((host, service)).or_default().asked = Some(at);
    }

    /// A host reports a call.
    pub(crate) fn reported(&mut self, at: Duration, (host, service): (usize, PathId), how: Reported) {
        let last = self.last.entry((host, service)).or_default();
        match how {
            Reported::Good => {
                last.good = Some(at);
                let good = self.good.entry((host, service)).or_default();
                if good.len() >= GOOD_KEPT {
                    good.pop_front();
                }
                good.push_back(at);
            }
            Reported::Failed => last.failed = Some(at),
        }
    }

    pub(crate) fn last(&self, host: usize, service: PathId) -> Last {
        self.last.get(&(host, service)).copied().unwrap_or_default()
    }

    /// When the newest good calls of a host to a service were reported.
    pub(crate) fn good(&self, host: usize, service: PathId) -> impl Iterator<Item = Duration> {
        self.good.get(&(host, service)).into_iter().flatten().copied()
    }

    /// Services a host has asked for so far.
    pub(crate) fn used(&self, host: usize) -> impl Iterator<Item = PathId> {
        self.used.get(&host).into_iter().flatten().copied()
    }

    /// Whether any call of the run was reported as failed.
    pub(crate) fn has_failures(&self) -> bool {
        self.last.values().any(|last| last.failed.is_some())
    }
}

/// The bin a time is in.
pub(crate) fn bin_of(at: Duration) -> usize {
    usize::try_from(at.as_millis() / BIN.as_millis()).unwrap_or(usize::MAX)
}

/// As many good calls of a host to a service are remembered: more than enough to tell three from none.
const GOOD_KEPT: usize = 16;
