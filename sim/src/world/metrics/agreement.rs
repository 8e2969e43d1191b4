//! When all live hosts agree after the last fault, and when there is nothing more to learn from a run.
//!
//! Hosts agree about a service when all its callers are in the same opening, or all in none and closed. It is looked at
//! once a bin.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plan::What;

use super::super::facts::Facts;
use super::super::roster::PathId;
use super::recovery::Recovery;

/// When all live hosts agree.
#[derive(Default)]
pub(super) struct Agreement {
    within: Option<Duration>,
}

/// Where a host stands as to a path.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    Closed,
    Alone,
    Opening(u64),
}

impl Agreement {
    pub(super) fn look(&mut self, facts: &Facts, at: Duration) {
        let Some(last) = facts.truth.last_turn() else { return };
        if !facts.truth.is_all_over() {
            self.within = None;
        } else if self.within.is_none() && facts.roster.paths().all(|path| agree(facts, path)) {
            self.within = Some(at.saturating_sub(last));
        }
    }

    pub(super) fn within(&self) -> Option<Duration> {
        self.within
    }
}

fn agree(facts: &Facts, path: PathId) -> bool {
    let callers = facts.roster.callers(path).keys().copied().filter(|host| facts.truth.is_live(*host));
    let stands = callers.map(|host| match facts.places.number(host, path) {
        Some(number) => Stand::Opening(number),
        None if facts.places.refuses(host, path) => Stand::Alone,
        None => Stand::Closed,
    });
    stands.collect::<BTreeSet<_>>().len() <= 1
}

/// Since when nothing happens any more.
#[derive(Default)]
pub(super) struct Rest {
    since: Option<Duration>,
    has_recovered: bool,
}

impl Rest {
    pub(super) fn look(&mut self, facts: &Facts, at: Duration) {
        let refuses = |host: usize| facts.places.paths(host).any(|(_, place)| place.refuses());
        if !is_done(facts) || facts.truth.live().any(refuses) {
            *self = Self::default();
            return;
        }
        let since = *self.since.get_or_insert(at);
        // Looked up only when it decides: it goes through all the books.
        if !self.has_recovered && at.saturating_sub(since) >= REST {
            let recovery = Recovery::of(facts);
            self.has_recovered = !recovery.is_awaited() || recovery.recovered().is_some();
        }
    }

    pub(super) fn is_over(&self, at: Duration) -> bool {
        self.has_recovered && self.since.is_some_and(|since| at.saturating_sub(since) >= REST)
    }
}

/// Whether all faults are over for good. A run without any, or with one that goes on to the end, is as long as it is
/// meant to be: it shows that nothing happens.
fn is_done(facts: &Facts) -> bool {
    let mut faults = facts.truth.faults().peekable();
    let no_faults = faults.peek().is_none();
    !no_faults
        && faults.all(|(fault, begun, ended)| match fault.what {
            What::Crash { .. } | What::RollingRestart { .. } => begun.is_some(),
            _ => ended.is_some(),
        })
}

/// For so long all must have been closed: longer than the first interval of a backoff.
const REST: Duration = Duration::from_secs(30);
