//! S1, second half: nobody enters an opening against its own good calls.
//!
//! However many others fail: a host that reaches a service goes on using it. Held against the books: a host whose calls of
//! the judged span all went well, three of them at least, starts, joins and adopts nothing. A member that moves to another
//! number has entered before.
//!
//! Where the host's own count may differ from the books nothing is promised. The oldest quarter of a span is counted by a
//! part, so good calls must be in the other three, and failed ones further back than the span and a quarter
//! (`core/spans.rs`); testimony is emptied when an opening is left and with a life; what a breaker in the middle of a
//! path has counted depends on its children; and what a host sees that calls itself sick counts nowhere, not even there.

use std::time::Duration;

use breaker_agent::core::state::{ClusterNotice, Notice};

use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;
use crate::world::truth::Window;

use super::{Invariant, whose};

/// S1, of the host's own calls.
pub(super) struct NotAgainstOwnCalls;

impl Invariant for NotAgainstOwnCalls {
    fn name(&self) -> &'static str {
        "S1"
    }

    fn says(&self) -> &'static str {
        super::trips::WARRANTED
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Cluster(notice), before } = what else { return None };
        let ClusterNotice::Entered { number, from: None, judged, .. } = notice else { return None };
        let remembered = judged.span.mul_f64(FORGOTTEN) + TOLD;
        let known_since = before.since.max(facts.truth.host(*host).since);
        let is_sick = facts.places.host(*host).is_some_and(|place| place.sick_since.is_some());
        if is_sick || known_since + remembered > at || facts.roster.covers(*path) != [*path] {
            return None;
        }
        let good = good_calls(facts, (*host, *path), Window::before(at, judged.span.mul_f64(COUNTED_WHOLE)));
        let failed = facts.ledger.last(*host, *path).failed.is_some_and(|failed| failed + remembered >= at);
        (good >= GOOD_MIN && !failed).then(|| {
            let whose = whose(facts, (*host, *path));
            let span = judged.span.as_millis();
            format!("{whose} entered opening {number}, but its own {good} calls of the last {span} ms all went well")
        })
    }
}

/// Good calls in a window that the agent knows of by its end.
fn good_calls(facts: &Facts, (host, path): (usize, PathId), window: Window) -> usize {
    let told = Window { to: window.to.saturating_sub(TOLD), ..window };
    facts.ledger.good(host, path).filter(|at| told.has(*at)).count()
}

/// Fewest good calls that win: fewer may be luck.
const GOOD_MIN: usize = 3;

/// The part of a span whose calls are counted as they are.
const COUNTED_WHOLE: f64 = 0.75;

/// A call this many spans ago is in none of its buckets.
const FORGOTTEN: f64 = 1.25;

/// A report has reached the agent after so long.
const TOLD: Duration = Duration::from_millis(10);
