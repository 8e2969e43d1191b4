//! S4 and S13, from what the network counted: a life accepts no more datagrams than genuine ones reached it, and alerts
//! keep to their budget, which at rest is none.
//!
//! The engine delivers recorded datagrams once more after each restart. An agent that took one in would have accepted
//! more than the distinct ones that were meant for that life.

use std::time::Duration;

use crate::cluster::host_name;
use crate::world::facts::{Facts, LifeFacts, NetworkFacts};

use super::Invariant;

/// S4.
pub(super) struct GenuineOnly;

impl Invariant for GenuineOnly {
    fn name(&self) -> &'static str {
        "S4"
    }

    fn says(&self) -> &'static str {
        "recorded datagrams replayed change nothing"
    }

    fn finish(&mut self, _: &Facts, _: Duration, network: &NetworkFacts) -> Option<String> {
        let replayed = network.lives.iter().find(|life| life.accepted > life.delivered_distinct)?;
        let LifeFacts { host, incarnation, accepted, delivered_distinct, .. } = replayed;
        let host = host_name(*host);
        Some(format!("life {incarnation} of {host} accepted {accepted} datagrams of {delivered_distinct} genuine ones"))
    }
}

/// S13.
pub(super) struct AlertBudget;

impl Invariant for AlertBudget {
    fn name(&self) -> &'static str {
        "S13"
    }

    fn says(&self) -> &'static str {
        "alerts stay within 300 datagrams a second and host; none at rest"
    }

    fn finish(&mut self, facts: &Facts, _: Duration, network: &NetworkFacts) -> Option<String> {
        let at_rest = !facts.ledger.has_failures();
        let most = |life: &LifeFacts| if at_rest { 0.0 } else { PER_SECOND * life.lived.as_secs_f64() + BURST };
        let life = network.lives.iter().find(|life| life.alerts_sent as f64 > most(life))?;
        let (host, sent, most) = (host_name(life.host), life.alerts_sent, most(life));
        let rest = if at_rest { "no call ever failed" } else { "the budget" };
        Some(format!("life {} of {host} sent {sent} datagrams of alerts, at most {most:.0} ({rest})", life.incarnation))
    }
}

/// Datagrams of alerts a host may send in a second.
const PER_SECOND: f64 = 300.0;

/// What may be saved up: a second's worth.
const BURST: f64 = 300.0;
