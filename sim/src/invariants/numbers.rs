//! S8 and S12: numbers only rise, and only calls make them rise.
//!
//! A host's entries rise within a life, so that no number is entered twice; and whoever starts a number starts one above
//! all it has heard of, which is how the highest number heard, invisible from outside, shows that it did not fall. And
//! when nobody has called for longer than the longest span remembers, nobody starts a number: an opening that goes on by
//! hearing itself would.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::state::{ClusterNotice, Entry, Notice};

use crate::world::Lives;
use crate::world::facts::{Facts, Happening};
use crate::world::roster::PathId;

use super::{Invariant, whose};

/// S8.
#[derive(Default)]
pub(super) struct Rising {
    known: BTreeMap<(usize, PathId), Known>,
}

/// What a host knows of the numbers of a path, in this life.
#[derive(Clone, Copy, Default)]
struct Known {
    entered: u64,
    heard: u64,
}

impl Invariant for Rising {
    fn name(&self) -> &'static str {
        "S8"
    }

    fn says(&self) -> &'static str {
        "no host re-enters a number, and whoever starts one starts above all it has heard of"
    }

    fn see(&mut self, facts: &Facts, _at: Duration, what: &Happening<'_>) -> Option<String> {
        match what {
            Happening::Notice {
                host,
                path,
                notice: Notice::Cluster(ClusterNotice::Entered { number, how, .. }),
                ..
            } => {
                let known = self.known.entry((*host, *path)).or_default();
                let before = *known;
                known.entered = known.entered.max(*number);
                let whose = whose(facts, (*host, *path));
                if *number <= before.entered {
                    return Some(format!("{whose} entered opening {number} after {}", before.entered));
                }
                let is_stale = *how == Entry::Started && *number <= before.heard;
                is_stale.then(|| format!("{whose} started opening {number} and had heard of {}", before.heard))
            }
            Happening::Heard { host, testimony } => {
                let stay = testimony.digest.stay?;
                let path = facts.roster.find(testimony.digest.service.as_str())?;
                let known = self.known.entry((*host, path)).or_default();
                known.heard = known.heard.max(stay.number);
                None
            }
            Happening::Lives { host, lives: Lives::Started } => {
                self.known.retain(|(of, _), _| of != host);
                None
            }
            _ => None,
        }
    }
}

/// S12.
#[derive(Default)]
pub(super) struct NoEcho {
    highest: BTreeMap<PathId, u64>,
}

impl Invariant for NoEcho {
    fn name(&self) -> &'static str {
        "S12"
    }

    fn says(&self) -> &'static str {
        "once calls have stopped and the spans have passed no number rises"
    }

    fn see(&mut self, facts: &Facts, at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Cluster(ClusterNotice::Entered { number, .. }), .. } = what
        else {
            return None;
        };
        let highest = self.highest.entry(*path).or_default();
        let rises = *number > *highest;
        *highest = (*highest).max(*number);
        let asked =
            |service: &PathId| (0..facts.roster.hosts()).filter_map(|of| facts.ledger.last(of, *service).asked).max();
        let last = facts.roster.covers(*path).iter().filter_map(asked).max().unwrap_or_default();
        let quiet = at.saturating_sub(last);
        (rises && quiet > REMEMBERED).then(|| {
            let (whose, quiet) = (whose(facts, (*host, *path)), quiet.as_secs_f64());
            format!("{whose} entered opening {number} when nobody had called for {quiet:.1} s")
        })
    }
}

/// The longest span, the 3 s that testimony may be old, and as long for what was still on its way.
const REMEMBERED: Duration = Duration::from_secs(72);
