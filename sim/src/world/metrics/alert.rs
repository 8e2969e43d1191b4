//! How fast news travels: from the first trip of the run until 99 % of the other live hosts have heard of it.
//!
//! A trip is the start of an opening, or of a lone breaker's Open; heard of it has who took in the digest of the very
//! host that says so. One trip only: later ones are often judged by hosts that had heard already, and tell less.

use std::collections::BTreeSet;
use std::time::Duration;

use breaker_agent::core::digest::{StateKind, Testimony};
use breaker_agent::core::state::{ClusterNotice, Entry, Notice};

use crate::cluster::host_name;

use super::super::facts::{Facts, Happening};
use super::{Part, nearly_all};

/// How fast news travels.
#[derive(Default)]
pub(super) struct Alert {
    trip: Option<Trip>,
}

/// A trip and who knows of it.
struct Trip {
    at: Duration,
    host: usize,
    node: String,
    service: String,
    /// The opening it started, if it did.
    number: Option<u64>,
    heard: BTreeSet<usize>,
    known: Option<Duration>,
}

impl Alert {
    pub(super) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        match what {
            Happening::Notice { host, path, notice, .. } if self.trip.is_none() => {
                let is_alone = facts.places.number(*host, *path).is_none();
                let number = match notice {
                    Notice::Cluster(ClusterNotice::Entered { number, how: Entry::Started, .. }) => Some(*number),
                    Notice::Changed(changed) if changed.to == StateKind::Open && is_alone => None,
                    _ => return,
                };
                let (node, service) = (host_name(*host), facts.roster.name(*path).to_owned());
                let heard = BTreeSet::new();
                self.trip = Some(Trip { at, host: *host, node, service, number, heard, known: None });
            }
            Happening::Heard { host, testimony } => {
                if let Some(trip) = self.trip.as_mut().filter(|trip| trip.known.is_none() && trip.is_told_by(testimony))
                {
                    trip.hear(facts, at, *host);
                }
            }
            Happening::Notice { .. }
            | Happening::Host { .. }
            | Happening::Granted { .. }
            | Happening::Lives { .. }
            | Happening::Fault
            | Happening::Sweep => {}
        }
    }

    pub(super) fn p99(&self) -> Option<Duration> {
        let trip = self.trip.as_ref()?;
        Some(trip.known?.saturating_sub(trip.at))
    }
}

impl Trip {
    fn is_told_by(&self, testimony: &Testimony) -> bool {
        let digest = &testimony.digest;
        let tells = match self.number {
            Some(number) => digest.stay.is_some_and(|stay| stay.number == number),
            None => digest.flags.standing || digest.state == StateKind::Open,
        };
        tells && testimony.host.as_str() == self.node && digest.service.as_str() == self.service
    }

    fn hear(&mut self, facts: &Facts, at: Duration, host: usize) {
        self.heard.insert(host);
        let others: Vec<usize> = facts.truth.live().filter(|other| *other != self.host).collect();
        let of_them = others.iter().filter(|other| self.heard.contains(other)).count();
        if nearly_all(Part { of_them, all: others.len() }) {
            self.known = Some(at);
        }
    }
}
