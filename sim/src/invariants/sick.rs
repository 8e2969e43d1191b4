//! L8, first half: a sick host is told within 10 s.
//!
//! Expected of a host that fails nearly all its calls of at least three services it calls often enough to fail in every
//! span, while so few others are sick that their peers' word stands, and nothing else is wrong. The second half, that it
//! is Closed again after its cure, is `closing`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::state::HostNotice;

use crate::cluster::host_name;
use crate::plan::{Mode, What};
use crate::world::facts::{Facts, Happening};
use crate::world::truth::Window;

use super::Invariant;

/// L8.
#[derive(Default)]
pub(super) struct Told {
    /// Since when a host is plainly sick.
    sick: BTreeMap<usize, Duration>,
}

impl Invariant for Told {
    fn name(&self) -> &'static str {
        "L8"
    }

    fn says(&self) -> &'static str {
        "a sick host is told within 10 s and Closed again one Open time after its cure"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        match what {
            Happening::Host { host, notice: HostNotice::Sick(true) } => drop(self.sick.remove(host)),
            Happening::Lives { host, .. } => drop(self.sick.remove(host)),
            Happening::Fault => {
                self.sick.clear();
                if is_plain(facts, at) {
                    self.sick.extend(sick(facts, at).filter(|host| is_told(facts, *host)).map(|host| (host, at)));
                }
            }
            Happening::Sweep => {
                let (host, since) = self.sick.iter().find(|(_, since)| at.saturating_sub(**since) > WITHIN)?;
                let since = since.as_secs_f64();
                return Some(format!("{} is sick since {since:.3} s and was not told", host_name(*host)));
            }
            _ => {}
        }
        None
    }
}

/// The hosts that fail nearly all their calls now.
fn sick(facts: &Facts, at: Duration) -> impl Iterator<Item = usize> {
    let in_force = facts.truth.in_force(Window::moment(at));
    let plainly = in_force.filter_map(|what| match what {
        What::SickHost { hosts, fails } if *fails >= FAILS_MIN => Some(hosts),
        _ => None,
    });
    plainly.flatten().copied()
}

/// Whether nothing is wrong, and was lately, but for a few sick hosts.
fn is_plain(facts: &Facts, at: Duration) -> bool {
    let gossips = match facts.roster.mode {
        Mode::Gossip | Mode::Steps => true,
        Mode::Local | Mode::Oracle => false,
    };
    let mut others = facts.truth.in_force(Window::before(at, REMEMBERED));
    gossips
        && others.all(|what| matches!(what, What::SickHost { .. }))
        && sick(facts, at).count() * FEW <= facts.roster.hosts()
        && at >= ACQUAINTED
}

/// Whether a host that is sick now can be expected to be told: not told already, and calling enough.
fn is_told(facts: &Facts, host: usize) -> bool {
    let often =
        |path: &crate::world::roster::PathId| facts.roster.rate(host, *path) >= RATE_MIN && facts.roster.is_top(*path);
    let calls = facts.roster.paths().filter(often).count();
    let knows = facts.places.host(host).is_some_and(|place| place.sick_since.is_some());
    facts.truth.is_live(host) && !knows && calls >= SERVICES_MIN
}

/// The ten seconds, and half of one for the looking.
const WITHIN: Duration = Duration::from_millis(10_500);

/// A host that fails less is not plainly sick.
const FAILS_MIN: f64 = 0.9;

/// One in so many hosts at most.
const FEW: usize = 10;

/// So many services must fail it.
const SERVICES_MIN: usize = 3;

/// With so many calls a second a span of four seconds holds failures without doubt, and the own breaker its minimum.
const RATE_MIN: f64 = 5.0;

/// What the longest span remembers of another fault.
const REMEMBERED: Duration = Duration::from_secs(70);

/// Hosts know each other after so long.
const ACQUAINTED: Duration = Duration::from_secs(5);
