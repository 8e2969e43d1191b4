//! S10: services refused on hearsay alone are at most three, or half of those the host uses.
//!
//! Refused on hearsay is a service whose opening the host entered without evidence of its own and of which no call of its
//! own has failed since as long as the longest span remembers. Counted after each entry, over services at the top.

use std::time::Duration;

use breaker_agent::core::state::{ClusterNotice, Notice};

use crate::cluster::host_name;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;

use super::Invariant;

/// S10.
pub(super) struct Capped;

impl Invariant for Capped {
    fn name(&self) -> &'static str {
        "S10"
    }

    fn says(&self) -> &'static str {
        "services refused on hearsay alone <= max(3, half of those used)"
    }

    fn see(&mut self, facts: &Facts, _at: Duration, what: &Happening<'_>) -> Option<String> {
        let entered =
            |notice: &Notice| matches!(notice, Notice::Cluster(ClusterNotice::Entered { on_hearsay: true, .. }));
        let Happening::Notice { host, notice, .. } = what else { return None };
        if !entered(notice) {
            return None;
        }
        let on_hearsay = facts.places.paths(*host).filter(|(path, place)| {
            let heard_only = place.stay.filter(|stay| stay.on_hearsay);
            facts.roster.is_top(*path)
                && heard_only.is_some_and(|stay| !has_failed(facts, (*host, *path), stay.entered))
        });
        let refused = on_hearsay.count();
        let top = |service: PathId| facts.roster.levels(service).first().copied();
        let used = facts.ledger.used(*host).filter_map(top).collect::<std::collections::BTreeSet<_>>().len();
        let most = (used / 2).max(ALWAYS);
        (refused > most).then(|| {
            format!(
                "{} refuses {refused} of the {used} services it uses on hearsay alone, at most {most}",
                host_name(*host)
            )
        })
    }
}

/// Whether calls of the host failed, so that what it does is no hearsay.
fn has_failed(facts: &Facts, (host, path): (usize, PathId), entered: Duration) -> bool {
    let from = entered.saturating_sub(REMEMBERED);
    let failed = |service: &PathId| facts.ledger.last(host, *service).failed.is_some_and(|at| at >= from);
    facts.roster.covers(path).iter().any(failed)
}

/// So many always may be.
const ALWAYS: usize = 3;

/// As long as the longest span, and the age testimony may have.
const REMEMBERED: Duration = Duration::from_secs(70);
