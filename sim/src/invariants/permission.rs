//! S5: Open permits nothing, HalfOpen only claimed probes.
//!
//! Told from the callers' side: a grant counts if the breaker stands where it stood when the call was asked for, so the
//! agent cannot have decided in any other state, whatever time the answer took.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::{Phase, StateKind};

use crate::world::Lives;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;

use super::{Invariant, whose};

/// S5.
#[derive(Default)]
pub(super) struct OnlyClaimedProbes {
    /// Calls let through in HalfOpen, in this life of the host.
    granted: BTreeMap<(usize, PathId), u64>,
}

impl Invariant for OnlyClaimedProbes {
    fn name(&self) -> &'static str {
        "S5"
    }

    fn says(&self) -> &'static str {
        "Open permits nothing, HalfOpen only claimed probes"
    }

    fn see(&mut self, facts: &Facts, _at: Duration, what: &Happening<'_>) -> Option<String> {
        let (host, path) = match what {
            Happening::Granted { host, path } => (*host, *path),
            Happening::Lives { host, lives: Lives::Started } => {
                self.granted.retain(|(of, _), _| of != host);
                return None;
            }
            _ => return None,
        };
        let place = facts.places.of(host, path);
        let halfway = place.stay.is_some_and(|stay| stay.phase == Phase::HalfOpen);
        match place.state {
            StateKind::Open | StateKind::ForcedOpen => {
                Some(format!("{} let a call through while {}", whose(facts, (host, path)), place.state.as_str()))
            }
            StateKind::HalfOpen if halfway => {
                let granted = self.granted.entry((host, path)).or_default();
                *granted += 1;
                let (granted, claimed) = (*granted, place.claimed);
                let whose = whose(facts, (host, path));
                (granted > claimed).then(|| format!("{whose} let {granted} calls through and claimed {claimed} probes"))
            }
            StateKind::HalfOpen | StateKind::Closed | StateKind::Disabled | StateKind::MetricsOnly => None,
        }
    }
}
