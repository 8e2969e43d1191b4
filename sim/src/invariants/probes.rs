//! S6 and L3: probes are few, and come.
//!
//! The budget is one a second and service in a group of hosts that hear each other, five a second after a first success;
//! over any 60 s no more than a quarter above it, which leaves room for claims that crossed on their way. And where hosts
//! are HalfOpen and calls arrive, a probe goes within a second and a quarter for each doubling of the ranks, after the up
//! to two seconds that failed probes hold all others back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use breaker_agent::core::digest::Phase;
use breaker_agent::core::state::{ClusterNotice, Notice};

use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::Window;

use super::Invariant;

/// The hosts that hear each other, as the ground truth names them.
type Group = Vec<Option<usize>>;

/// S6.
#[derive(Default)]
pub(super) struct Budget {
    /// Probes of the last minute, with the group they came from.
    probes: BTreeMap<PathId, VecDeque<(Duration, Group)>>,
    /// Since when, and until when, a service is probed at the faster pace.
    fast: BTreeMap<PathId, Vec<(Duration, Option<Duration>)>>,
}

impl Invariant for Budget {
    fn name(&self) -> &'static str {
        "S6"
    }

    fn says(&self) -> &'static str {
        "probes per service within a connected group <= 1.25 x budget over any 60 s"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Cluster(notice), .. } = what else { return None };
        let fast = self.fast.entry(*path).or_default();
        match notice {
            ClusterNotice::Probed { good: true, .. } if fast.last().is_none_or(|(_, until)| until.is_some()) => {
                fast.push((at, None));
            }
            ClusterNotice::Probed { good: false, .. } | ClusterNotice::Left { .. } => {
                if let Some((_, until @ None)) = fast.last_mut() {
                    *until = Some(at);
                }
            }
            ClusterNotice::Probe { .. } => {
                let deaf = facts.places.host(*host).is_some_and(|place| place.deaf_since.is_some());
                let alone = vec![Some(*host)];
                let group = if deaf { alone } else { facts.truth.group(*host, Window::moment(at)) };
                return self.probe(facts, at, (*path, group));
            }
            _ => {}
        }
        None
    }
}

impl Budget {
    fn probe(&mut self, facts: &Facts, at: Duration, (path, group): (PathId, Group)) -> Option<String> {
        let window = Window::before(at, MINUTE);
        let probes = self.probes.entry(path).or_default();
        probes.push_back((at, group.clone()));
        while probes.front().is_some_and(|(at, _)| *at <= window.from) && !window.from.is_zero() {
            probes.pop_front();
        }
        let count = probes.iter().filter(|(_, of)| *of == group).count();
        let fast = self.fast.get(&path).into_iter().flatten();
        let overlap = |(from, until): &(Duration, Option<Duration>)| {
            until.unwrap_or(at).min(at).saturating_sub((*from).max(window.from))
        };
        let fast: Duration = fast.map(overlap).sum();
        let budget = (MINUTE - fast.min(MINUTE)).as_secs_f64() * SLOW + fast.as_secs_f64() * FAST;
        let name = facts.roster.name(path);
        (count as f64 > budget * TOLERANCE)
            .then(|| format!("{count} probes of {name} in 60 s from one group, where {budget:.0} are the budget"))
    }
}

/// L3.
#[derive(Default)]
pub(super) struct InTime {
    /// When something last happened to the openings of a path.
    moved: BTreeMap<PathId, Duration>,
}

impl Invariant for InTime {
    fn name(&self) -> &'static str {
        "L3"
    }

    fn says(&self) -> &'static str {
        "HalfOpen and calls arriving: a probe within 1 s + 250 ms x log2 N"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        match what {
            Happening::Notice { path, notice: Notice::Cluster(_), .. } => {
                self.moved.insert(*path, at);
                None
            }
            Happening::Fault | Happening::Lives { .. } => {
                self.moved.values_mut().for_each(|moved| *moved = at);
                None
            }
            Happening::Sweep => self.moved.iter_mut().find_map(|(path, moved)| look(facts, at, (*path, moved))),
            _ => None,
        }
    }
}

fn look(facts: &Facts, at: Duration, (path, moved): (PathId, &mut Duration)) -> Option<String> {
    let fit =
        |host: &usize| facts.places.host(*host).is_some_and(|it| it.deaf_since.is_none() && it.sick_since.is_none());
    let halfway = |host: &usize| facts.places.of(*host, path).stay.is_some_and(|stay| stay.phase == Phase::HalfOpen);
    let callers: Vec<usize> = facts.truth.live().filter(|host| fit(host) && halfway(host)).collect();
    if callers.is_empty() || facts.truth.is_network_troubled(Window::before(at, SETTLING)) {
        *moved = at;
        return None;
    }
    let rate: f64 = callers.iter().map(|host| facts.roster.rate(*host, path)).sum();
    let doublings = (facts.roster.hosts() as f64).log2().ceil();
    let bound = PACE + RANK.mul_f64(doublings) + HOLD + SLACK;
    let with_calls = Duration::try_from_secs_f64(CALLS / rate).ok()?.saturating_add(bound);
    let asked = |host: &usize| {
        facts.roster.covers(path).iter().any(|it| facts.ledger.last(*host, *it).asked > Some(*moved + bound))
    };
    let late = at.saturating_sub(*moved) > with_calls && callers.iter().any(asked);
    late.then(|| {
        let (name, since) = (facts.roster.name(path), at.saturating_sub(*moved).as_secs_f64());
        format!("{} hosts are HalfOpen for {name}, calls arrive, and for {since:.1} s no probe went", callers.len())
    })
}

const MINUTE: Duration = Duration::from_secs(60);

/// Probes a second, before and after a first success.
const SLOW: f64 = 1.0;
const FAST: f64 = 5.0;

/// Claims cross on their way, and the one that rolled lower still goes.
const TOLERANCE: f64 = 1.25;

/// The next probe may go so long after the one before.
const PACE: Duration = Duration::from_secs(1);

/// Twice as many hosts may probe after each of these.
const RANK: Duration = Duration::from_millis(250);

/// Failed probes hold the next one back for so long at most.
const HOLD: Duration = Duration::from_secs(2);

/// Jitter of the hold, and hosts that enter HalfOpen one after another.
const SLACK: Duration = Duration::from_secs(1);

/// So many calls must have been expected: by chance none comes once in 20,000 times.
const CALLS: f64 = 10.0;

/// After trouble of the network hosts may believe for so long that others are there to probe.
const SETTLING: Duration = Duration::from_secs(10);
