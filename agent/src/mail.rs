//! The mailbox of the driver: everything the edges tell it, and what it tells gossip.
//!
//! Server and gossip never import each other; both import this. The mailbox is bounded: a session that finds it full
//! answers its clients `busy`, and waits before it reads on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use breaker_client::wire::{GossipHealth, RequestFrame, ResponseFrame};
use tokio::sync::mpsc;

use crate::core::digest::{Alert, FailureDigest, HostId, HostWord, Testimony};
use crate::core::peers::Way;
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;

/// One connection of a client, numbered by the server in order of arrival, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What reaches the driver.
#[derive(Debug)]
pub enum Mail {
    /// A client said hello. Precedes everything else of its connection.
    Connected {
        /// Its number.
        connection: ConnectionId,
        /// The user at the other end; `None` for nobody, who may do no operator's action.
        uid: Option<u32>,
        /// Where its answers go, a batch at a time. The driver never waits for it: an answer that finds it full is
        /// lost, and the session closes the connection.
        outbox: mpsc::Sender<Vec<ResponseFrame>>,
    },
    /// Requests of one connection, in order.
    Asked {
        /// Whose.
        connection: ConnectionId,
        /// What.
        frames: Vec<RequestFrame>,
    },
    /// A connection ended. Its permits are cancelled. Follows everything else of its connection.
    Gone {
        /// Which.
        connection: ConnectionId,
    },
    /// News from the cluster.
    Gossip(GossipNews),
}

/// What gossip tells the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GossipNews {
    /// Gossip runs (again), died, or is off; with the incarnation it now speaks under.
    Health {
        /// How it fares.
        health: GossipHealth,
        /// The present incarnation of this agent.
        incarnation: u64,
    },
    /// Everybody known, without ourselves, in order of id; replaces what was said before. Said when something changed,
    /// and every second for as long as somebody is known, because ages do.
    Members(Vec<MemberView>),
    /// A peer's digest of one service.
    Heard {
        /// What it says.
        testimony: Testimony,
        /// By which plane.
        way: Way,
    },
    /// What a peer says of itself.
    Said {
        /// The peer's id.
        host: HostId,
        /// The incarnation it spoke in.
        incarnation: u64,
        /// What it said.
        word: HostWord,
    },
    /// The gossip task itself was away for so long: what it hands on may be as old.
    Away(Duration),
    /// A peer no longer speaks of a service: it is plainly healthy there, or the peer is gone.
    Withdrawn {
        /// The peer's id.
        host: HostId,
        /// The service.
        service: ServiceName,
    },
}

/// One peer as gossip knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Its id.
    pub node: String,
    /// Its zone, where it says.
    pub zone: Option<String>,
    /// Where it hears gossip.
    pub address: SocketAddr,
    /// The incarnation last heard.
    pub incarnation: u64,
    /// Whether it is heard.
    pub standing: Standing,
    /// How long ago, when this was told, something from it was last processed; if nothing ever was, how long it has
    /// been known of.
    pub heard: Duration,
    /// Services it speaks of.
    pub digests: usize,
}

/// Whether a peer is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Something from it was processed lately.
    Live,
    /// Nothing was, for a while.
    Silent,
    /// It said goodbye.
    Left,
}

/// What this host publishes. The newest replaces all before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Its digests of services that are not plainly healthy.
    pub digests: BTreeMap<ServiceName, FailureDigest>,
    /// What it says of itself.
    pub host: HostWord,
}

impl FromIterator<FailureDigest> for Published {
    /// These digests, and nothing of the host.
    fn from_iter<I: IntoIterator<Item = FailureDigest>>(digests: I) -> Self {
        let digests = digests.into_iter().map(|digest| (digest.service.clone(), digest)).collect();
        Self { digests, host: HostWord::default() }
    }
}

/// News for peers on its way to gossip. It may wait there, while gossip is started again or this process does not run;
/// whoever takes it adds the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedAlert {
    /// What is to be told.
    pub alert: Alert,
    /// When it was raised, on the agent's clock.
    pub at: MonoTime,
}

/// Most alerts that wait for gossip to take them; what finds no room is lost and counted, and the state plane repairs it.
pub const ALERTS_MAX: usize = 1_024;

/// Most mails waiting for the driver. Each holds at most one connection's batch; a thousand connections can each have
/// one waiting.
pub const MAILBOX_MAX: usize = 2_048;

/// Most requests of one connection that wait for an answer; the session reads no further before. Enough for a client
/// that pipelines generously, and a batch of so many keeps the driver busy for well under a millisecond.
pub const IN_FLIGHT_MAX: usize = 1_024;

/// Most batches of events that wait for one watcher. While its outbox has no more than [`IN_FLIGHT_MAX`] places left
/// the driver drops events for it, and counts them for `Event::Missed`.
pub const EVENTS_MAX: usize = 256;

/// Batches an outbox holds: room for every answer in a batch of its own, beside the events. Each request has one
/// answer and no more than [`IN_FLIGHT_MAX`] requests wait, so as long as events keep to their share an answer always
/// finds a place. A driver that finds none all the same drops the outbox, and the session closes the connection.
pub const OUTBOX_MAX: usize = IN_FLIGHT_MAX + EVENTS_MAX;
