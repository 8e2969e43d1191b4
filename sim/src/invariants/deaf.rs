//! S9: a deaf host starts and joins nothing, and one that was away probes nothing either.
//!
//! Deaf is who says so, and who must be: cut off from more than half of the others for longer than it takes to notice
//! and shorter than it takes to forget them, or just back from a stop of seconds. What counts is whether any way leads
//! from the others: gossip is passed on.

use std::collections::BTreeSet;
use std::time::Duration;

use breaker_agent::core::state::{ClusterNotice, HostNotice, Notice};

use crate::world::Lives;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::{Heard, Window};

use super::{Invariant, whose};

/// S9.
#[derive(Default)]
pub(super) struct Silent {
    /// Hosts that must be deaf, as long as no fault turns.
    cut_off: BTreeSet<usize>,
    since: Duration,
    /// Hosts that are stopped, or went on after a stop of seconds.
    stopped: std::collections::BTreeMap<usize, (Duration, Option<Duration>)>,
    /// What a host did that said it was deaf. Within one turn it may say afterwards that it hears again.
    suspect: Option<(Duration, usize, String)>,
}

impl Invariant for Silent {
    fn name(&self) -> &'static str {
        "S9"
    }

    fn says(&self) -> &'static str {
        "a deaf host starts and joins nothing, and probes nothing after a stop"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        if let Some((_, _, how)) = self.suspect.take_if(|(then, ..)| *then < at) {
            return Some(how);
        }
        match what {
            Happening::Fault => {
                self.since = at;
                self.cut_off = cut_off(facts, at);
            }
            Happening::Host { host, notice: HostNotice::Deaf(false) } => {
                self.suspect.take_if(|(_, of, _)| of == host);
            }
            Happening::Lives { host, lives } => self.host_lives(at, (*host, *lives)),
            Happening::Notice { host, path, notice: Notice::Cluster(notice), .. } => {
                let who = (*host, *path);
                return match notice {
                    ClusterNotice::Entered { number, .. } => {
                        self.acted(facts, at, (who, format!("entered opening {number}")))
                    }
                    // One that is cut off ends by its own probes what it is in.
                    ClusterNotice::Probe { probe, .. } => {
                        self.was_stopped(facts, at, (who, &format!("claimed probe {probe}")))
                    }
                    _ => None,
                };
            }
            _ => {}
        }
        None
    }
}

impl Silent {
    fn host_lives(&mut self, at: Duration, (host, lives): (usize, Lives)) {
        match lives {
            Lives::Paused => drop(self.stopped.insert(host, (at, None))),
            Lives::Resumed => {
                if let Some((_, resumed)) = self.stopped.get_mut(&host) {
                    *resumed = Some(at);
                }
            }
            Lives::Started | Lives::Crashed => drop(self.stopped.remove(&host)),
        }
    }

    fn acted(&mut self, facts: &Facts, at: Duration, (who, did): ((usize, PathId), String)) -> Option<String> {
        let (host, _) = who;
        let name = whose(facts, who);
        let for_ = at.saturating_sub(self.since);
        if self.cut_off.contains(&host) && for_ > NOTICED && for_ < FORGOTTEN {
            return Some(format!("{name} {did}, cut off from more than half of the others for {for_:.1?}"));
        }
        if let Some(violation) = self.was_stopped(facts, at, (who, &did)) {
            return Some(violation);
        }
        let deaf = facts.places.host(host)?.deaf_since.filter(|since| *since < at)?;
        let since = at.saturating_sub(deaf);
        self.suspect = Some((at, host, format!("{name} {did}, having said that it is deaf {since:.1?} before")));
        None
    }

    /// Did something too soon after a stop.
    fn was_stopped(&self, facts: &Facts, at: Duration, (who, did): ((usize, PathId), &str)) -> Option<String> {
        let (from, resumed) = self.stopped.get(&who.0)?;
        let resumed = (*resumed)?;
        let since = at.saturating_sub(resumed);
        (resumed.saturating_sub(*from) > STOP_MIN && since < CAUTIOUS)
            .then(|| format!("{} {did} {since:.1?} after it went on", whose(facts, who)))
    }
}

/// Hosts that fewer than half of the others can reach, on whatever way.
fn cut_off(facts: &Facts, at: Duration) -> BTreeSet<usize> {
    let now = Window::moment(at);
    if !facts.truth.is_network_troubled(now) {
        return BTreeSet::new();
    }
    let hosts = facts.roster.hosts();
    let heard_by = |to: usize| {
        let (mut known, mut next) = (BTreeSet::from([to]), vec![to]);
        while let Some(to) = next.pop() {
            for from in (0..hosts).filter(|from| facts.truth.is_heard(Heard { from: *from, to }, now)) {
                if known.insert(from) {
                    next.push(from);
                }
            }
        }
        known.len() - 1
    };
    (0..hosts).filter(|host| heard_by(*host) * 2 < hosts - 1).collect()
}

/// Others count as heard for 3 s, and a host looks at most once a second.
const NOTICED: Duration = Duration::from_secs(5);

/// After a minute others are forgotten, and a host that hears nobody is not deaf but alone.
const FORGOTTEN: Duration = Duration::from_secs(55);

/// A turn so much late makes a host doubt what it hears; the agent's limit is a second.
const STOP_MIN: Duration = Duration::from_millis(1_500);

/// For so long it then does nothing for others: 3 s, less the milliseconds until it noticed.
const CAUTIOUS: Duration = Duration::from_millis(2_900);
