//! L2, L5 and the second half of L8: what is well closes, and hosts that were apart agree again.
//!
//! A breaker may stay as long as it said its Open would last, then as long as its probes may take. The bound is taken
//! from the later of two moments: when the last thing that could keep it open was over, and the end of the Open it was in
//! then; a reopening moves that end only if a call had failed for it, also when it had closed in between. In no hurry
//! are breakers that nobody asks: probes are calls, and the time until enough of them must have come is part of the
//! bound.
//!
//! L5 has the same bound: hosts in different openings that no majority pulls end theirs by their own probes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use breaker_agent::core::digest::StateKind;
use breaker_agent::core::state::{ClusterNotice, Notice};

use crate::plan::What;
use crate::world::Lives;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::{Life, Window};

use super::{Invariant, whose};

/// L2, and L8 for hosts that were sick.
pub(super) struct Closing {
    of: Of,
    ends: Ends,
}

/// Which hosts are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Those that never were sick.
    Well,
    /// Those that were.
    Cured,
}

/// When the Open of each breaker ends at the latest.
#[derive(Default)]
struct Ends(BTreeMap<(usize, PathId), End>);

/// When an Open ends at the latest, as it was said when it last had a reason.
#[derive(Clone, Copy)]
struct End {
    until: Duration,
    /// When the breaker closed, if it has.
    closed: Option<Duration>,
}

impl Closing {
    pub(super) fn of_the_well() -> Self {
        Self { of: Of::Well, ends: Ends::default() }
    }

    pub(super) fn of_the_cured() -> Self {
        Self { of: Of::Cured, ends: Ends::default() }
    }

    fn judges(&self, facts: &Facts, host: usize) -> bool {
        let was_sick = facts.truth.faults().any(|(fault, begun, _)| {
            begun.is_some() && matches!(&fault.what, What::SickHost { hosts, .. } if hosts.contains(&host))
        });
        was_sick == (self.of == Of::Cured)
    }
}

impl Invariant for Closing {
    fn name(&self) -> &'static str {
        match self.of {
            Of::Well => "L2",
            Of::Cured => "L8",
        }
    }

    fn says(&self) -> &'static str {
        match self.of {
            Of::Well => {
                "well and connected: every breaker Closed within the Open time left, a probe wait and its probes"
            }
            Of::Cured => "a sick host is told within 10 s and Closed again one Open time after its cure",
        }
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        self.ends.see(facts, at, what);
        let Happening::Sweep = what else { return None };
        let late = self.ends.0.keys().find(|(host, path)| {
            self.judges(facts, *host) && self.ends.bound(facts, (*host, *path)).is_some_and(|bound| at > bound)
        });
        late.map(|(host, path)| {
            let (place, whose) = (facts.places.of(*host, *path), whose(facts, (*host, *path)));
            let since = place.since.as_secs_f64();
            format!(
                "{whose} is {} since {since:.3} s, although all has been well for long enough",
                place.state.as_str()
            )
        })
    }
}

impl Ends {
    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        match what {
            Happening::Notice { host, path, notice: Notice::Changed(changed), .. } => {
                let who = (*host, *path);
                match changed.to {
                    StateKind::Open => self.opens(facts, at, (who, facts.places.of(*host, *path).open_until)),
                    StateKind::HalfOpen => self.opens(facts, at, (who, at)),
                    StateKind::Closed => {
                        if let Some(end) = self.0.get_mut(&who) {
                            end.closed = Some(at);
                        }
                    }
                    // An operator's business.
                    StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => drop(self.0.remove(&who)),
                }
            }
            Happening::Notice { host, path, notice: Notice::Cluster(ClusterNotice::Entered { .. }), before }
                if before.refuses() =>
            {
                let until = facts.places.of(*host, *path).open_until;
                self.opens(facts, at, ((*host, *path), until));
            }
            Happening::Lives { host, lives: Lives::Started } => self.0.retain(|(of, _), _| of != host),
            _ => {}
        }
    }

    /// A breaker refuses until then. A reopening without a reason is as if it had never closed.
    fn opens(&mut self, facts: &Facts, at: Duration, (who, until): ((usize, PathId), Duration)) {
        let again = self.0.get(&who).filter(|end| end.closed.is_none_or(|closed| closed + APART > at)).copied();
        let warranted = facts.truth.calm_since(&facts.roster, who).is_none() || has_failed(facts, at, who);
        let until = again.filter(|_| !warranted).map_or(until, |end| end.until);
        self.0.insert(who, End { until, closed: None });
    }

    /// When a breaker must have closed; `None` while something may keep it.
    fn bound(&self, facts: &Facts, (host, path): (usize, PathId)) -> Option<Duration> {
        let end = self.0.get(&(host, path)).filter(|end| end.closed.is_none())?;
        let calm = facts.truth.calm_since(&facts.roster, (host, path))?;
        let life = facts.truth.host(host);
        if life.is != Life::Up {
            return None;
        }
        let in_opening = facts.places.number(host, path).is_some();
        let callers = facts.roster.callers(path).iter().filter(|(of, _)| in_opening || **of == host);
        let rate: f64 = callers.filter(|(of, _)| facts.truth.is_live(**of)).map(|(_, rate)| rate).sum();
        let calls = Duration::try_from_secs_f64(PROBES * CALLS / rate).ok()?;
        let doublings = (facts.roster.hosts() as f64).log2().ceil();
        let probes = PROBE_WAIT + RANK.mul_f64(doublings) + SPACED + facts.roster.timeout(path);
        Some(end.until.max(calm).max(life.since) + HEARING + probes + calls)
    }
}

/// Whether calls failed lately that a breaker may rest on: those of its host, or in an opening those of all whose calls
/// nobody makes fail.
fn has_failed(facts: &Facts, at: Duration, (host, path): (usize, PathId)) -> bool {
    let window = Window::before(at, HEARING);
    let failed = |of: usize, service: PathId| facts.ledger.last(of, service).failed.is_some_and(|at| window.has(at));
    let is_pooled = facts.places.number(host, path).is_some();
    let rests_on =
        |of: &usize| *of == host || (is_pooled && !facts.truth.is_made_to_fail(&facts.roster, (*of, path), window));
    let hosts = (0..facts.roster.hosts()).filter(rests_on);
    hosts.into_iter().any(|of| facts.roster.covers(path).iter().any(|service| failed(of, *service)))
}

/// L5.
#[derive(Default)]
pub(super) struct OneNumber {
    ends: Ends,
    /// Since when hosts are in different openings.
    divided: BTreeMap<PathId, Duration>,
}

impl Invariant for OneNumber {
    fn name(&self) -> &'static str {
        "L5"
    }

    fn says(&self) -> &'static str {
        "after a heal: one number, or each Closed within the bound of L2"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        self.ends.see(facts, at, what);
        if let Happening::Notice { path, notice: Notice::Cluster(_), .. } = what {
            let divided = numbers(facts, *path).len() > 1;
            if divided {
                self.divided.entry(*path).or_insert(at);
            } else {
                self.divided.remove(path);
            }
        }
        let Happening::Sweep = what else { return None };
        self.divided.iter().find_map(|(path, since)| {
            let numbers = numbers(facts, *path);
            let bounds = facts.truth.live().filter(|host| facts.places.number(*host, *path).is_some());
            let bounds: Option<Vec<_>> = bounds.map(|host| self.ends.bound(facts, (host, *path))).collect();
            let bound = bounds?.into_iter().max()?.max(*since + AGREED);
            (numbers.len() > 1 && at > bound).then(|| {
                let (name, since) = (facts.roster.name(*path), since.as_secs_f64());
                format!("hosts are in openings {numbers:?} of {name} since {since:.3} s")
            })
        })
    }
}

fn numbers(facts: &Facts, path: PathId) -> BTreeSet<u64> {
    facts.truth.live().filter_map(|host| facts.places.number(host, path)).collect()
}

/// A host that was away or alone hears and is heard again after so long.
const HEARING: Duration = Duration::from_secs(4);

/// The first probe waits so long at most, and a failed one before it holds it back for two seconds more.
const PROBE_WAIT: Duration = Duration::from_secs(3);

/// Twice as many hosts may probe after each of these.
const RANK: Duration = Duration::from_millis(250);

/// Three probes at the slow pace.
const SPACED: Duration = Duration::from_secs(3);

/// Calls that must have been expected for each of three probes: by chance none comes once in 3,000 times.
const PROBES: f64 = 3.0;
const CALLS: f64 = 8.0;

/// A breaker that closed so long ago opens for the first time.
const APART: Duration = Duration::from_secs(10);

/// Hosts that hear each other are in one opening after so long: 3 s of hearing, two intervals of gossip.
const AGREED: Duration = Duration::from_secs(5);
