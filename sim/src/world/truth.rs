//! The ground truth: what is really wrong, and since when. Agents never see it; their decisions are judged by it.
//!
//! Kept as the turns of faults and of hosts' lives, and asked about windows of time: whoever decides now rests on what
//! happened in the seconds before. Where the truth is in doubt (a host that no group of a partition names, a service
//! that is short of capacity but may just cope) it is told as trouble, so that nobody is blamed for a guess of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::{Fault, Place, What};

use super::roster::{PathId, Roster};
use super::{Lives, Turn};

/// What is really wrong, and since when.
pub(crate) struct Truth {
    faults: Vec<Told>,
    hosts: Vec<HostTruth>,
    /// When a service last had more calls than it could serve.
    strained: BTreeMap<PathId, Duration>,
}

/// A fault and when it was in force.
struct Told {
    fault: Fault,
    begun: Option<Duration>,
    ended: Option<Duration>,
}

/// One host as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostTruth {
    /// What it does.
    pub(crate) is: Life,
    /// Since when.
    pub(crate) since: Duration,
    /// How often its agent has started.
    pub(crate) lives: u64,
    /// When it was last stopped, or went on.
    pub(crate) last_pause: Option<Duration>,
}

/// What a host does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Life {
    /// Its agent does not run.
    #[default]
    Down,
    /// Its agent runs.
    Up,
    /// It is stopped.
    Paused,
}

/// A span of time, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its beginning.
    pub(crate) from: Duration,
    /// Its end.
    pub(crate) to: Duration,
}

impl Window {
    /// The time that ends now and is so long.
    pub(crate) fn before(at: Duration, length: Duration) -> Self {
        Self { from: at.saturating_sub(length), to: at }
    }

    /// A moment.
    pub(crate) fn moment(at: Duration) -> Self {
        Self { from: at, to: at }
    }

    pub(crate) fn has(self, at: Duration) -> bool {
        self.from <= at && at <= self.to
    }
}

impl Truth {
    pub(crate) fn new(hosts: usize, faults: &[Fault]) -> Self {
        let told = |fault: &Fault| Told { fault: fault.clone(), begun: None, ended: None };
        Self {
            faults: faults.iter().map(told).collect(),
            hosts: vec![HostTruth::default(); hosts],
            strained: BTreeMap::new(),
        }
    }

    /// A fault begins or ends.
    pub(crate) fn turn(&mut self, at: Duration, index: usize, turn: Turn) {
        let Some(told) = self.faults.get_mut(index) else { return };
        match turn {
            Turn::Begins => told.begun = Some(at),
            Turn::Ends => told.ended = Some(at),
        }
    }

    pub(crate) fn host_lives(&mut self, at: Duration, host: usize, lives: Lives) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        host.since = at;
        match lives {
            Lives::Started => (host.is, host.lives) = (Life::Up, host.lives + 1),
            Lives::Crashed => host.is = Life::Down,
            Lives::Paused => (host.is, host.last_pause) = (Life::Paused, Some(at)),
            Lives::Resumed => (host.is, host.last_pause) = (Life::Up, Some(at)),
        }
    }

    /// A service has more calls than it can serve.
    pub(crate) fn strain(&mut self, at: Duration, service: PathId) {
        self.strained.insert(service, at);
    }

    pub(crate) fn host(&self, host: usize) -> HostTruth {
        self.hosts.get(host).copied().unwrap_or_default()
    }

    pub(crate) fn is_live(&self, host: usize) -> bool {
        self.host(host).is == Life::Up
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = usize> {
        (0..self.hosts.len()).filter(|host| self.is_live(*host))
    }

    /// The faults that were in force at some time of the window. At the moment of its end a fault is not.
    pub(crate) fn in_force(&self, window: Window) -> impl Iterator<Item = &What> {
        let told = self.faults.iter();
        told.filter(move |told| {
            told.begun.is_some_and(|begun| begun <= window.to) && told.ended.is_none_or(|ended| ended > window.from)
        })
        .map(|told| &told.fault.what)
    }

    /// Faults with the time each began and ended.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (&Fault, Option<Duration>, Option<Duration>)> {
        self.faults.iter().map(|told| (&told.fault, told.begun, told.ended))
    }

    /// Whether every fault that ever begins has begun, and every fault that ends has ended.
    pub(crate) fn is_all_over(&self) -> bool {
        self.faults.iter().all(|told| told.begun.is_some() && (told.ended.is_some() || told.fault.lasts.is_none()))
    }

    /// When the last turn of a fault was.
    pub(crate) fn last_turn(&self) -> Option<Duration> {
        self.faults.iter().filter_map(|told| told.ended.max(told.begun)).max()
    }

    /// Whether calls that reach a path could fail by the path's own fault at some time of the window.
    pub(crate) fn is_unwell(&self, roster: &Roster, path: PathId, seen: Seen) -> bool {
        let Seen { by, window } = seen;
        let strained = |service: &PathId| self.strained.get(service).is_some_and(|at| window.has(*at));
        self.in_force(window).any(|what| harms(roster, path, what, by)) || roster.covers(path).iter().any(strained)
    }

    /// Whether the network kept a host from a path, or might have, at some time of the window.
    pub(crate) fn is_cut(&self, roster: &Roster, (host, path): (usize, PathId), window: Window) -> bool {
        let services = roster.covers(path).iter().map(|service| Place::Service(roster.name(*service).to_owned()));
        let services: Vec<Place> = services.collect();
        let here = Place::Host(host);
        self.in_force(window).any(|what| services.iter().any(|there| separates(what, &here, there)))
    }

    /// Whether a host's calls to a path were made to fail, or to look so, at some time of the window: it was sick, its
    /// clients lied, or it was stopped while calls were on their way.
    pub(crate) fn is_made_to_fail(&self, roster: &Roster, (host, path): (usize, PathId), window: Window) -> bool {
        let lies = |service: &str| roster.find(service).is_some_and(|service| roster.covers(path).contains(&service));
        let stopped = self.host(host).last_pause.is_some_and(|pause| window.has(pause));
        let harmed = self.in_force(window).any(|what| match what {
            What::SickHost { hosts, .. } => hosts.contains(&host),
            What::Liar { hosts, service } => hosts.contains(&host) && lies(service),
            _ => false,
        });
        harmed || stopped || self.host(host).is == Life::Paused
    }

    /// Whether some network fault was in force at some time of the window: gossip may have come late, or not at all.
    pub(crate) fn is_network_troubled(&self, window: Window) -> bool {
        self.in_force(window).any(is_of_network)
    }

    /// Whether `to` hears what `from` sends, at some one time of the window.
    pub(crate) fn is_heard(&self, hosts: Heard, window: Window) -> bool {
        let (from, to) = (Place::Host(hosts.from), Place::Host(hosts.to));
        let dead = |what: &What| matches!(what, What::GossipDead { hosts: dead } if dead.contains(&hosts.from) || dead.contains(&hosts.to));
        !self.in_force(window).any(|what| dead(what) || one_sided(what, &from, &to))
    }

    /// Which hosts a host shares its gossip with, as a key: equal for hosts that hear each other.
    pub(crate) fn group(&self, host: usize, window: Window) -> Vec<Option<usize>> {
        let alone = Some(host);
        let here = Place::Host(host);
        let of = |what: &What| match what {
            What::Partition { groups } => Some(
                groups
                    .iter()
                    .position(|group| group.contains(&here))
                    .map_or(alone, |group| Some(group + self.hosts.len())),
            ),
            What::GossipDead { hosts } => Some(hosts.contains(&host).then_some(host)),
            What::OneWay { from, to } => Some((from.contains(&here) || to.contains(&here)).then_some(host)),
            _ => None,
        };
        self.in_force(window).filter_map(of).collect()
    }

    /// Since when nothing is wrong with a path as a host sees it, and gossip works; `None` if something is.
    pub(crate) fn calm_since(&self, roster: &Roster, (host, path): (usize, PathId)) -> Option<Duration> {
        let mut calm = Duration::ZERO;
        for told in &self.faults {
            let Some(begun) = told.begun else { continue };
            let bad = match &told.fault.what {
                What::SickHost { hosts, .. } => hosts.contains(&host) || hosts.len() > 1,
                What::Liar { hosts, .. } => hosts.contains(&host) || hosts.len() > 1,
                // Hosts that do not run are seen by their lives.
                What::Crash { .. } | What::Pause { .. } | What::RollingRestart { .. } => continue,
                what => is_of_network(what) || harms(roster, path, what, By::Itself),
            };
            if bad {
                calm = calm.max(begun).max(told.ended?);
            }
        }
        let strained = roster.covers(path).iter().filter_map(|service| self.strained.get(service));
        Some(strained.fold(calm, |calm, at| calm.max(*at)))
    }

    /// The callers of a path that run at the end of the window and whose word can be trusted, and those whose cannot.
    pub(crate) fn callers(&self, roster: &Roster, path: PathId, window: Window) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let live = roster.callers(path).keys().copied().filter(|host| self.is_live(*host));
        live.partition(|host| !self.is_made_to_fail(roster, (*host, path), window))
    }
}

/// Who looks at a service, and at what time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Who.
    pub(crate) by: By,
    /// When.
    pub(crate) window: Window,
}

/// Who looks at a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// One host: its breaker decides on 20 calls.
    Itself,
    /// All together: with a margin that grows with the calls.
    Pooled,
}

impl By {
    /// The largest share of injected errors a service counts as well with. A lone breaker with the default threshold of
    /// 50 % trips on ten failures of its first twenty calls: at 10 % errors once in 140,000 hosts, at 20 % already once in
    /// 400. Pooled evidence needs 50 % and 1.5 roots of the calls beside: at 25 % never.
    fn errors_well_max(self) -> f64 {
        match self {
            Self::Itself => 0.10,
            Self::Pooled => 0.25,
        }
    }
}

/// One direction between two hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// Who sends.
    pub(crate) from: usize,
    /// Who should hear it.
    pub(crate) to: usize,
}

/// Whether a fault is one of the service's own.
fn harms(roster: &Roster, path: PathId, what: &What, by: By) -> bool {
    let service = match what {
        What::ServiceDown { service, .. } | What::ServiceSlow { service, .. } | What::Capacity { service, .. } => {
            service
        }
        What::ServiceErrors { service, rate } if *rate > by.errors_well_max() => service,
        _ => return false,
    };
    roster.find(service).is_some_and(|service| roster.covers(path).contains(&service))
}

fn is_of_network(what: &What) -> bool {
    match what {
        What::Partition { .. }
        | What::OneWay { .. }
        | What::Loss { .. }
        | What::Duplicate { .. }
        | What::Reorder { .. }
        | What::Delay { .. }
        | What::GossipDead { .. } => true,
        What::ServiceDown { .. }
        | What::ServiceErrors { .. }
        | What::ServiceSlow { .. }
        | What::Capacity { .. }
        | What::SickHost { .. }
        | What::Liar { .. }
        | What::Crash { .. }
        | What::Pause { .. }
        | What::RollingRestart { .. } => false,
    }
}

/// Whether a question or its answer between two places is lost.
fn separates(what: &What, a: &Place, b: &Place) -> bool {
    one_sided(what, a, b) || one_sided(what, b, a)
}

fn one_sided(what: &What, from: &Place, to: &Place) -> bool {
    let group = |groups: &[Vec<Place>], place: &Place| {
        let named = groups.iter().position(|group| group.contains(place));
        // A service named in none is reached by the first group; of such a host nothing is promised.
        named.or(matches!(place, Place::Service(_)).then_some(0))
    };
    match what {
        What::Partition { groups } => group(groups, from).is_none_or(|of| group(groups, to) != Some(of)),
        What::OneWay { from: senders, to: receivers } => senders.contains(from) && receivers.contains(to),
        _ => false,
    }
}
