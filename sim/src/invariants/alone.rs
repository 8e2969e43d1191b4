//! L9: alone, it is the own breaker alone. With gossip off, one host, or one caller of the service there is no cluster to
//! speak of, and no cluster breaker takes a step.
//!
//! That each decision is then that of the lone breaker is a law of the agent's core.

use std::time::Duration;

use breaker_agent::core::state::Notice;

use crate::plan::Mode;
use crate::world::facts::{Facts, Happening};

use super::{Invariant, whose};

/// L9.
pub(super) struct OwnBreakerOnly;

impl Invariant for OwnBreakerOnly {
    fn name(&self) -> &'static str {
        "L9"
    }

    fn says(&self) -> &'static str {
        "one host, one caller or gossip off: the own breaker alone"
    }

    fn see(&mut self, facts: &Facts, _at: Duration, what: &Happening<'_>) -> Option<String> {
        let Happening::Notice { host, path, notice: Notice::Cluster(notice), .. } = what else { return None };
        let callers = facts.roster.callers(*path).len();
        let is_off = match facts.roster.mode {
            Mode::Local | Mode::Oracle => true,
            Mode::Gossip | Mode::Steps => false,
        };
        (is_off || callers <= 1).then(|| {
            let whose = whose(facts, (*host, *path));
            let why = if is_off { "gossip is off".to_owned() } else { format!("{callers} hosts call it") };
            format!("the cluster breaker of {whose} took a step although {why}: {notice:?}")
        })
    }
}
