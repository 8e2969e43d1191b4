//! Where the agents stand, pieced together from what their observers saw: the state and the stay of each breaker of each
//! host, whether the host calls itself deaf or sick, and what it has heard.
//!
//! Every change of what an agent does with calls has a number here. A caller remembers the number at which it asked; if
//! it is still the same when the answer comes, the agent answered in that very state, whatever the clocks say.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::{Phase, StateKind};
use breaker_agent::core::state::{ClusterNotice, HostNotice, Notice, Transition};

use super::roster::PathId;

/// Where all agents stand.
#[derive(Default)]
pub(crate) struct Places {
    hosts: BTreeMap<usize, HostPlace>,
}

/// Where one agent stands.
#[derive(Default)]
pub(crate) struct HostPlace {
    /// The life that was last seen.
    pub(crate) incarnation: u64,
    /// Since when it says it is deaf.
    pub(crate) deaf_since: Option<Duration>,
    /// Since when it says it is sick.
    pub(crate) sick_since: Option<Duration>,
    paths: BTreeMap<PathId, Place>,
}

/// Where a breaker stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What the agent does with calls.
    pub(crate) state: StateKind,
    /// Since when.
    pub(crate) since: Duration,
    /// The number of that change.
    pub(crate) changes: u64,
    /// The opening it is in.
    pub(crate) stay: Option<Stayed>,
    /// When Open ends at the latest, as it was said.
    pub(crate) open_until: Duration,
    /// How long Open was said to last.
    pub(crate) open_for: Duration,
    /// Until when it was last Open by its own calls.
    pub(crate) stood: Option<Duration>,
    /// Probes it said it granted.
    pub(crate) claimed: u64,
    /// An opening it did not enter because too many services were refused on the word of others.
    pub(crate) capped: bool,
}

/// A stay in an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stayed {
    /// The opening.
    pub(crate) number: u64,
    /// How far it has come.
    pub(crate) phase: Phase,
    /// Since when it is in that phase.
    pub(crate) since: Duration,
    /// When it was entered.
    pub(crate) entered: Duration,
    /// Whether the host's own calls said nothing of the sort.
    pub(crate) on_hearsay: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            state: StateKind::Closed,
            since: Duration::ZERO,
            changes: 0,
            stay: None,
            open_until: Duration::ZERO,
            open_for: Duration::ZERO,
            stood: None,
            claimed: 0,
            capped: false,
        }
    }
}

impl Place {
    /// Whether its host refuses calls, but for probes.
    pub(crate) fn refuses(&self) -> bool {
        match self.state {
            StateKind::Open | StateKind::HalfOpen | StateKind::ForcedOpen => true,
            StateKind::Closed | StateKind::Disabled | StateKind::MetricsOnly => false,
        }
    }

    /// The opening it is in.
    pub(crate) fn number(&self) -> Option<u64> {
        self.stay.map(|stay| stay.number)
    }

    /// Whether its own calls opened it, now or since that time.
    pub(crate) fn stood_since(&self, from: Duration) -> bool {
        self.stands_alone() || self.stood.is_some_and(|stood| stood >= from)
    }

    /// Open by its own calls alone.
    fn stands_alone(&self) -> bool {
        self.stay.is_none() && matches!(self.state, StateKind::Open | StateKind::HalfOpen)
    }

    fn changed(&mut self, at: Duration, transition: &Transition) {
        if self.stands_alone() {
            self.stood = Some(at);
        }
        (self.state, self.since) = (transition.to, at);
        self.changes += 1;
        if let (StateKind::Open, Some(for_)) = (transition.to, transition.retry_after) {
            (self.open_until, self.open_for) = (at + for_, for_);
        }
    }

    fn stepped(&mut self, at: Duration, notice: &ClusterNotice) {
        let stands_alone = self.stands_alone();
        self.capped = false;
        match *notice {
            ClusterNotice::Entered { number, from, on_hearsay, .. } => {
                if stands_alone {
                    self.stood = Some(at);
                }
                if from.is_some() {
                    self.open_until = at + self.open_for;
                }
                self.stay = Some(Stayed { number, phase: Phase::Open, since: at, entered: at, on_hearsay });
            }
            ClusterNotice::HalfOpen { .. } => {
                if let Some(stay) = &mut self.stay {
                    (stay.phase, stay.since) = (Phase::HalfOpen, at);
                }
            }
            ClusterNotice::Probe { .. } => self.claimed += 1,
            ClusterNotice::Left { .. } => self.stay = None,
            ClusterNotice::Capped { .. } => self.capped = true,
            ClusterNotice::Probed { .. } => {}
        }
    }
}

impl Places {
    /// A host's agent begins anew: it is in no opening and knows nothing.
    pub(crate) fn begin(&mut self, host: usize) {
        self.hosts.insert(host, HostPlace::default());
    }

    pub(crate) fn host(&self, host: usize) -> Option<&HostPlace> {
        self.hosts.get(&host)
    }

    pub(crate) fn at(&self, host: usize, path: PathId) -> Option<&Place> {
        self.host(host)?.paths.get(&path)
    }

    /// The place of a breaker that may never have been heard of.
    pub(crate) fn of(&self, host: usize, path: PathId) -> Place {
        self.at(host, path).cloned().unwrap_or_default()
    }

    pub(crate) fn refuses(&self, host: usize, path: PathId) -> bool {
        self.at(host, path).is_some_and(Place::refuses)
    }

    pub(crate) fn number(&self, host: usize, path: PathId) -> Option<u64> {
        self.at(host, path)?.number()
    }

    /// All breakers of a host that were ever heard of.
    pub(crate) fn paths(&self, host: usize) -> impl Iterator<Item = (PathId, &Place)> {
        self.host(host).into_iter().flat_map(|host| &host.paths).map(|(path, place)| (*path, place))
    }

    pub(crate) fn seen(&mut self, host: usize, incarnation: u64) {
        self.hosts.entry(host).or_default().incarnation = incarnation;
    }

    pub(crate) fn notice(&mut self, at: Duration, (host, path): (usize, PathId), notice: &Notice) {
        let place = self.hosts.entry(host).or_default().paths.entry(path).or_default();
        match notice {
            Notice::Changed(transition) => place.changed(at, transition),
            Notice::Cluster(notice) => place.stepped(at, notice),
            Notice::Exceeded(_) => {}
        }
    }

    pub(crate) fn host_notice(&mut self, at: Duration, host: usize, notice: HostNotice) {
        let place = self.hosts.entry(host).or_default();
        match notice {
            HostNotice::Deaf(deaf) => place.deaf_since = deaf.then_some(at),
            HostNotice::Sick(sick) => place.sick_since = sick.then_some(at),
        }
    }
}
