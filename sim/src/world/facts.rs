//! What is known of a run by those who judge it, what can happen in it, and what it comes to.
//!
//! What the judge sees are the facts and one happening at a time. It never sees a queue or a generator: a judgement
//! rests on what was, never on what will be.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::digest::Testimony;
use breaker_agent::core::state::{HostNotice, Notice};

use crate::outcome::InvariantOutcome;
use crate::series::Series;

use super::Lives;
use super::ledger::Ledger;
use super::places::{Place, Places};
use super::roster::{PathId, Roster};
use super::truth::Truth;

/// What the network knows of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkFacts {
    /// Bytes of gossip that a host sends in a second, on average.
    pub gossip_bytes_per_host_s: f64,
    /// Datagrams of gossip that a host sends in a second, on average.
    pub datagrams_per_host_s: f64,
    /// Bytes of the largest failure digest; 0 where nobody measured.
    pub digest_bytes_max: u64,
    /// What each life of an agent came to.
    pub lives: Vec<LifeFacts>,
}

/// What a life of an agent came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifeFacts {
    /// The host.
    pub host: usize,
    /// The life.
    pub incarnation: u64,
    /// How long it was.
    pub lived: Duration,
    /// Genuine datagrams of this run that reached it, each counted once.
    pub delivered_distinct: u64,
    /// Datagrams its seal accepted.
    pub accepted: u64,
    /// Datagrams its alert plane sent.
    pub alerts_sent: u64,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// What was measured, by name.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// What must always hold.
    pub invariants: Vec<InvariantOutcome>,
    /// How often each fault struck that is the world's own: those of services, sick hosts and liars. 0 for the others.
    pub bit: Vec<u64>,
    /// What it looked like over time.
    pub series: Series,
}

/// What everybody who judges may look at.
pub(crate) struct Facts {
    pub(crate) roster: Roster,
    pub(crate) truth: Truth,
    pub(crate) places: Places,
    pub(crate) ledger: Ledger,
}

/// Something happened; the facts know it already.
pub(crate) enum Happening<'a> {
    /// A breaker said so.
    Notice {
        host: usize,
        path: PathId,
        notice: &'a Notice,
        /// Where it stood before.
        before: &'a Place,
    },
    /// An agent said so of its host.
    Host { host: usize, notice: HostNotice },
    /// An agent took in a peer's digest.
    Heard { host: usize, testimony: &'a Testimony },
    /// A breaker let a call through, and stands where it stood when the call was asked for.
    Granted { host: usize, path: PathId },
    /// A host starts, dies, stops or goes on.
    Lives { host: usize, lives: Lives },
    /// A fault begins or ends.
    Fault,
    /// A bin is over.
    Sweep,
}
