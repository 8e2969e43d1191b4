//! Opens that nothing justified: the service was well, the host could reach it, and nobody made its calls fail, all three
//! for the three seconds before; and it refused for longer than a second.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::StateKind;
use breaker_agent::core::state::Notice;

use super::super::facts::{Facts, Happening};
use super::super::places::Place;
use super::super::roster::PathId;
use super::super::truth::{By, Seen, Window};

/// Opens that nothing justified.
#[derive(Default)]
pub(super) struct FalseOpens {
    counted: u32,
    /// Those that have not refused for long enough yet.
    pending: BTreeMap<(usize, PathId), Duration>,
}

impl FalseOpens {
    pub(super) fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) {
        match what {
            Happening::Notice { host, path, notice: Notice::Changed(changed), before } => {
                let place = facts.places.of(*host, *path);
                if !place.refuses() {
                    self.end(at, (*host, *path));
                } else if !before.refuses()
                    && changed.to != StateKind::ForcedOpen
                    && is_innocent(facts, at, (*host, *path, &place))
                {
                    self.pending.insert((*host, *path), at);
                }
            }
            Happening::Lives { host, .. } => {
                let of_host: Vec<_> = self.pending.keys().filter(|(of, _)| of == host).copied().collect();
                of_host.into_iter().for_each(|place| self.end(at, place));
            }
            Happening::Notice { .. }
            | Happening::Host { .. }
            | Happening::Heard { .. }
            | Happening::Granted { .. }
            | Happening::Fault
            | Happening::Sweep => {}
        }
    }

    pub(super) fn count(&self, now: Duration) -> f64 {
        let long = self.pending.values().filter(|since| is_long(now, **since)).count();
        f64::from(self.counted) + long as f64
    }

    fn end(&mut self, at: Duration, place: (usize, PathId)) {
        if self.pending.remove(&place).is_some_and(|since| is_long(at, since)) {
            self.counted += 1;
        }
    }
}

fn is_long(now: Duration, since: Duration) -> bool {
    now.saturating_sub(since) > REFUSED_MIN
}

fn is_innocent(facts: &Facts, at: Duration, (host, path, place): (usize, PathId, &Place)) -> bool {
    let window = Window::before(at, BEFORE);
    let by = if place.stay.is_some() { By::Pooled } else { By::Itself };
    let truth = &facts.truth;
    !truth.is_unwell(&facts.roster, path, Seen { by, window })
        && !truth.is_cut(&facts.roster, (host, path), window)
        && !truth.is_made_to_fail(&facts.roster, (host, path), window)
}

/// For so long all must have been well.
const BEFORE: Duration = Duration::from_secs(3);

/// Who refuses for no longer than this has done little harm.
const REFUSED_MIN: Duration = Duration::from_secs(1);
