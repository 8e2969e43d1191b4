//! S1 and S2: who trips has reason to.
//!
//! S1 holds an opening against the books: as many hosts as are needed had calls fail, or stood Open by themselves, in the
//! judged span, the three seconds before, which is as long as a digest may have been on its way, and three quarters of
//! the span, for so long a span is heard as it was told (`core/spans.rs`). S2 says the same from
//! the other side: while too few hosts are sick or lie for a quorum and the service is well, nobody else trips at all. It
//! looks back for as long as the longest span remembers, so that no earlier trouble explains a trip.

use std::collections::BTreeSet;
use std::time::Duration;

use breaker_agent::core::digest::StateKind;
use breaker_agent::core::state::{ClusterNotice, Entry, Notice};

use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::{By, Seen, Window};

use super::{Invariant, whose};

/// S1.
pub(super) struct Warranted;

impl Invariant for Warranted {
    fn name(&self) -> &'static str {
        "S1"
    }

    fn says(&self) -> &'static str {
        WARRANTED
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Cluster(notice), .. } = what else { return None };
        let ClusterNotice::Entered { number, how: Entry::Started | Entry::Joined, judged, .. } = notice else {
            return None;
        };
        let window = Window::before(at, judged.span + judged.span.mul_f64(HEARD_LATE) + ON_ITS_WAY);
        let failing = (0..facts.roster.hosts()).filter(|caller| may_fail(facts, (*caller, *path), window)).count();
        let needed = usize::try_from(judged.hosts_needed).unwrap_or(usize::MAX).max(FAILING_MIN);
        (failing < needed).then(|| {
            let whose = whose(facts, (*host, *path));
            format!("{whose} entered opening {number}, but calls had failed on {failing} hosts of the {needed} needed")
        })
    }
}

/// Whether a host can have looked failing in the window. One that began its life in it may have stood Open before.
fn may_fail(facts: &Facts, (host, path): (usize, PathId), window: Window) -> bool {
    let failed = |service: &PathId| facts.ledger.last(host, *service).failed.is_some_and(|at| window.has(at));
    facts.roster.covers(path).iter().any(failed)
        || facts.places.at(host, path).is_some_and(|place| place.stood_since(window.from))
        || (facts.truth.host(host).lives > 1 && window.has(facts.truth.host(host).since))
}

/// S2.
pub(super) struct OthersStayClosed;

impl Invariant for OthersStayClosed {
    fn name(&self) -> &'static str {
        "S2"
    }

    fn says(&self) -> &'static str {
        "with under 30 % sick or lying hosts and a well service no other host leaves Closed"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Changed(changed), .. } = what else { return None };
        let leaves = changed.from == StateKind::Closed && matches!(changed.to, StateKind::Open | StateKind::HalfOpen);
        let window = Window::before(at, REMEMBERED);
        let by = if facts.places.number(*host, *path).is_some() { By::Pooled } else { By::Itself };
        let (truth, roster) = (&facts.truth, &facts.roster);
        if !leaves
            || truth.is_unwell(roster, *path, Seen { by, window })
            || truth.is_network_troubled(window)
            || truth.is_made_to_fail(roster, (*host, *path), window)
        {
            return None;
        }
        let (_, bad) = truth.callers(roster, *path, window);
        let callers: BTreeSet<usize> = roster.callers(*path).keys().copied().filter(|at| truth.is_live(*at)).collect();
        let zone = |of: &&usize| roster.zone(**of) == roster.zone(*host);
        let is_quorum = |bad: usize, callers: usize| bad as f64 >= (QUORUM * callers as f64).max(FAILING_MIN as f64);
        let in_zone = is_quorum(bad.iter().filter(zone).count(), callers.iter().filter(zone).count());
        if in_zone || is_quorum(bad.len(), callers.len()) {
            return None;
        }
        let (whose, bad, callers) = (whose(facts, (*host, *path)), bad.len(), callers.len());
        let reason = changed.reason.code();
        Some(format!("{whose} left Closed ({reason}) while {bad} of {callers} callers were sick, lying or stopped"))
    }
}

/// What S1 says: this, and what `first_hand` holds.
pub(super) const WARRANTED: &str =
    "no start or join unless that many callers had calls fail or stood Open, none against own good calls";

/// For what part of its length a span is heard as it was told.
const HEARD_LATE: f64 = 0.75;

/// How old testimony may be and still count.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// Two hosts at least must find a service failing.
const FAILING_MIN: usize = 2;

/// And this part of its callers.
const QUORUM: f64 = 0.3;

/// The longest span is 65.5 s, and what it tells may be 3 s old.
const REMEMBERED: Duration = Duration::from_secs(70);
