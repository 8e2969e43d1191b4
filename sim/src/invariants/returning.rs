//! L6 and L7: a host that comes back, restarted or after a stop, takes the place most of the others are in.
//!
//! Expected is the opening that more than half of the live callers are in, for as long as it stays the same one; if they
//! leave it first there is nothing to adopt. A restarted host knows no service until it is asked for it, has the right
//! to its own good calls, and refuses on the word of others only so many services.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::state::Notice;

use crate::world::Lives;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::Window;

use super::{Invariant, whose};

/// L6 and L7.
pub(super) struct Returning {
    from: From,
    awaited: BTreeMap<(usize, PathId), Awaited>,
    stopped: BTreeMap<usize, Duration>,
}

/// What a host comes back from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Restart,
    Stop,
}

/// A host that is to take a place.
#[derive(Clone, Copy)]
struct Awaited {
    /// When it came back.
    back: Duration,
    /// Since when there is that place to take, and it knows the service.
    since: Duration,
    /// The opening most are in.
    number: Option<u64>,
}

impl Returning {
    pub(super) fn restarted() -> Self {
        Self { from: From::Restart, awaited: BTreeMap::new(), stopped: BTreeMap::new() }
    }

    pub(super) fn resumed() -> Self {
        Self { from: From::Stop, ..Self::restarted() }
    }

    fn host_lives(&mut self, facts: &Facts, at: Duration, (host, lives): (usize, Lives)) {
        let stop = self.stopped.remove(&host).map(|since| at.saturating_sub(since));
        self.awaited.retain(|(of, _), _| *of != host);
        let returns = match (lives, self.from) {
            (Lives::Paused, _) => {
                self.stopped.insert(host, at);
                false
            }
            (Lives::Started, From::Restart) => facts.truth.host(host).lives > 1,
            (Lives::Resumed, From::Stop) => stop.is_some_and(|stop| stop >= STOP_MIN),
            (Lives::Started | Lives::Resumed | Lives::Crashed, _) => false,
        };
        if returns {
            let called = facts.roster.paths().filter(|path| facts.roster.callers(*path).contains_key(&host));
            self.awaited.extend(called.map(|path| ((host, path), Awaited { back: at, since: at, number: None })));
        }
    }
}

impl Invariant for Returning {
    fn name(&self) -> &'static str {
        match self.from {
            From::Restart => "L6",
            From::Stop => "L7",
        }
    }

    fn says(&self) -> &'static str {
        match self.from {
            From::Restart => "restarted while most are in an opening: adopted within 3 s + 2 intervals",
            From::Stop => "stopped for long: on the cluster's place within 3 s + 2 intervals",
        }
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        match what {
            Happening::Lives { host, lives } => self.host_lives(facts, at, (*host, *lives)),
            Happening::Notice { host, path, notice: Notice::Cluster(_), .. } if is_placed(facts, (*host, *path)) => {
                self.awaited.remove(&(*host, *path));
            }
            Happening::Sweep => {
                let bound = HEARING + facts.roster.interval * 2 + SLACK;
                let from = self.from;
                self.awaited.retain(|who, awaited| is_awaited(facts, at, (from, *who, awaited)));
                let late = self.awaited.iter().find(|(_, awaited)| at.saturating_sub(awaited.since) > bound)?;
                let ((host, path), awaited) = late;
                let (whose, since) = (whose(facts, (*host, *path)), at.saturating_sub(awaited.since).as_secs_f64());
                let number = awaited.number?;
                return Some(format!(
                    "{whose} is not in opening {number}, where most are, {since:.1} s after it came back"
                ));
            }
            _ => {}
        }
        None
    }
}

/// Whether a host is still to take a place; brings up to date which.
fn is_awaited(
    facts: &Facts,
    at: Duration,
    (from, (host, path), awaited): (From, (usize, PathId), &mut Awaited),
) -> bool {
    let window = Window::before(at, SETTLING);
    let place = facts.places.of(host, path);
    let last = facts.roster.covers(path).iter().map(|service| facts.ledger.last(host, *service));
    let (asked, good) = last.fold((None, None), |(asked, good), last| (asked.max(last.asked), good.max(last.good)));
    let sick = facts.truth.in_force(window).any(|what| {
        matches!(what, crate::plan::What::SickHost { hosts, .. } | crate::plan::What::Liar { hosts, .. } if hosts.contains(&host))
    });
    let knows_better = good.is_some_and(|good| good >= awaited.back) || place.capped;
    if facts.truth.is_network_troubled(window) || sick || knows_better {
        return false;
    }
    let Some(number) = most(facts, path) else { return at.saturating_sub(awaited.back) < SETTLING };
    if place.number() == Some(number) {
        return false;
    }
    let not_asked = from == From::Restart && asked.is_none_or(|asked| asked < awaited.back);
    if awaited.number != Some(number) || not_asked {
        (awaited.since, awaited.number) = (at, Some(number));
    }
    true
}

/// Whether a host is in the opening that most are in.
fn is_placed(facts: &Facts, (host, path): (usize, PathId)) -> bool {
    facts.places.number(host, path).is_some_and(|number| Some(number) == most(facts, path))
}

/// The opening that more than half of the live callers are in.
fn most(facts: &Facts, path: PathId) -> Option<u64> {
    let callers: Vec<usize> =
        facts.roster.callers(path).keys().copied().filter(|host| facts.truth.is_live(*host)).collect();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for number in callers.iter().filter_map(|host| facts.places.number(*host, path)) {
        *counts.entry(number).or_default() += 1;
    }
    counts.into_iter().find(|(_, count)| count * 2 > callers.len()).map(|(number, _)| number)
}

/// Others count as heard, and a stopped host as hearing, after so long.
const HEARING: Duration = Duration::from_secs(3);

/// Places are looked at once a bin, and an adoption waits for the next judgement.
const SLACK: Duration = Duration::from_secs(1);

/// A shorter stop leaves a host where it was.
const STOP_MIN: Duration = Duration::from_secs(5);

/// After trouble of the network nothing is promised for so long; and who has come back so long ago is back.
const SETTLING: Duration = Duration::from_secs(10);
