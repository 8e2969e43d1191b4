//! The one task that owns the state: waits, applies, carries out.
//!
//! All the awaiting is in [`run`]; [`Driver::apply`] and [`Driver::wake`] are synchronous and take the time as an
//! argument. Everything arrives through one bounded mailbox, so that no two things ever happen at once. Answers and
//! events leave through each connection's outbox without waiting; a session that does not take its answers loses its
//! connection, and nobody else notices.
//!
//! Each turn first asks whether it comes too late (`cluster`), then does what is due, then what it came for, and then
//! carries out what follows from that (`tell`, `publish`).
//!
//! The order of selection in [`run`] is fixed: mail, then time. Time may come last because every mail is preceded by
//! what is due; an agent that always has mail never waits for its alarm, and is never late all the same.

pub mod answers;
mod cluster;
mod counts;
mod evidence;
mod peers;
mod publish;
mod requests;
mod status;
mod tell;

use std::collections::BTreeMap;
use std::sync::Arc;

use breaker_client::wire::{GossipHealth, ResponseFrame};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::core::guards::Guards;
use crate::core::permits::Holder;
use crate::core::registry::{Effects, OpenEnds, PERMITS_MAX, Registry, SERVICES_MAX, Settings, Turn};
use crate::core::service::ServiceName;
use crate::core::state::Notice;
use crate::core::time::MonoTime;
use crate::mail::{ConnectionId, Mail, Published, RaisedAlert};
use crate::observe::Observer;
use counts::Counts;
use peers::Peers;
use publish::PUBLISH_EVERY;

/// Who this agent is, in one life.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id in the cluster.
    pub node: String,
    /// The failure domain it is in.
    pub zone: Option<String>,
    /// Where all chance of this life comes from.
    pub seed: [u8; 32],
    /// The number of this life, higher than that of any before.
    pub incarnation: u64,
    /// Where peers reach it, if it gossips.
    pub gossip_address: Option<std::net::SocketAddr>,
    /// The user the agent runs as, who may do what an operator may, as root may; `None` for nobody.
    pub uid: Option<u32>,
}

/// Where the driver tells others what it does, without ever waiting for them.
pub struct Outlets {
    /// What gossip publishes.
    pub published: watch::Sender<Published>,
    /// What gossip pushes.
    pub alerts: mpsc::Sender<RaisedAlert>,
    /// Who looks on.
    pub observer: Option<Observer>,
}

/// Reads counters that something else keeps.
pub type CounterSource = Box<dyn Fn() -> Vec<(&'static str, u64)> + Send>;

/// The agent's state and everything that happens to it.
pub struct Driver {
    config: Arc<Config>,
    identity: Identity,
    registry: Registry,
    rng: StdRng,
    connections: BTreeMap<ConnectionId, Connection>,
    peers: Peers,
    notices: Vec<(ServiceName, Notice)>,
    effects: Effects,
    outlets: Outlets,
    published_at: MonoTime,
    publish_at: MonoTime,
    counts: Counts,
    sources: Vec<CounterSource>,
}

struct Connection {
    uid: Option<u32>,
    outbox: mpsc::Sender<Vec<ResponseFrame>>,
    /// The request whose answers are events, if it watches, and events it was not told.
    watch: Option<Watcher>,
}

struct Watcher {
    id: u32,
    missed: u64,
}

/// Does what arrives and what is due, until the mailbox is closed.
pub async fn run(mut driver: Driver, clock: Clock, mut mailbox: mpsc::Receiver<Mail>) {
    let mut mails = Vec::with_capacity(MAILS_A_TURN);
    loop {
        let wake = clock.instant(driver.next_wake());
        tokio::select! {
            biased;
            received = mailbox.recv_many(&mut mails, MAILS_A_TURN) => {
                if received == 0 {
                    return;
                }
                let now = clock.now();
                mails.drain(..).for_each(|mail| driver.apply(now, mail));
            }
            () = tokio::time::sleep_until(wake) => driver.wake(clock.now()),
        }
    }
}

impl Driver {
    /// An agent that has just started.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        identity: Identity,
        gossip: GossipHealth,
        guards: Guards,
        outlets: Outlets,
    ) -> Self {
        let mut rng = StdRng::from_seed(identity.seed);
        let settings = Settings {
            services_max: SERVICES_MAX,
            permits_max: PERMITS_MAX,
            open_ends: OpenEnds::InTime,
            index_seed: rng.next_u64(),
            cluster: cluster::settings(&config, &identity, gossip, guards),
        };
        Self {
            registry: Registry::new(settings),
            peers: Peers::new(gossip, identity.incarnation),
            connections: BTreeMap::new(),
            notices: Vec::new(),
            effects: Effects::default(),
            published_at: MonoTime::START,
            publish_at: MonoTime::START + PUBLISH_EVERY,
            counts: Counts::default(),
            sources: Vec::new(),
            config,
            identity,
            rng,
            outlets,
        }
    }

    /// Adds counters that status shows.
    #[must_use]
    pub fn with_counters(mut self, source: CounterSource) -> Self {
        self.sources.push(source);
        self
    }

    /// Takes in one mail, after what is due.
    pub fn apply(&mut self, now: MonoTime, mail: Mail) {
        self.notice_lateness(now);
        self.advance(now);
        // In the order in which it happened: what was due before what the mail brings.
        self.tell(now);
        match mail {
            Mail::Connected { connection, uid, outbox } => {
                self.connections.insert(connection, Connection { uid, outbox, watch: None });
            }
            Mail::Asked { connection, frames } => {
                let answers = frames.into_iter().map(|frame| self.answer(now, connection, frame)).collect();
                self.send(connection, answers);
            }
            Mail::Gone { connection } => {
                self.connections.remove(&connection);
                let (registry, mut turn, _) = self.turn(now);
                registry.lose(&mut turn, Holder::Connection(connection.0));
            }
            Mail::Gossip(news) => self.hear(now, news),
        }
        self.carry_out(now);
    }

    /// Does what is due, and reminds watchers of what they missed.
    pub fn wake(&mut self, now: MonoTime) {
        self.notice_lateness(now);
        self.advance(now);
        self.carry_out(now);
        self.tell_watchers(&[]);
    }

    /// When to be woken, if nothing arrives before.
    #[must_use]
    pub fn next_wake(&self) -> MonoTime {
        self.registry.deadline().map_or(self.publish_at, |deadline| deadline.min(self.publish_at))
    }

    fn advance(&mut self, now: MonoTime) {
        let (registry, mut turn, _) = self.turn(now);
        registry.advance(&mut turn);
    }

    fn carry_out(&mut self, now: MonoTime) {
        self.tell(now);
        if now >= self.publish_at {
            self.publish(now);
        }
    }

    /// What an operation of the registry needs.
    fn turn(&mut self, now: MonoTime) -> (&mut Registry, Turn<'_, StdRng>, &Config) {
        (
            &mut self.registry,
            Turn { now, rng: &mut self.rng, notices: &mut self.notices, effects: &mut self.effects },
            &self.config,
        )
    }

    /// Hands answers to a connection. The outbox has room for every request a session lets through; should it be full
    /// all the same, the connection loses it, and its session ends.
    fn send(&mut self, to: ConnectionId, answers: Vec<ResponseFrame>) {
        let Some(connection) = self.connections.get(&to) else { return };
        if connection.outbox.try_send(answers).is_err() {
            self.counts.answers_lost += 1;
            self.connections.remove(&to);
        }
    }
}

/// Most mails applied at one reading of the clock: about 10 us of work, or a millisecond of full batches.
const MAILS_A_TURN: usize = 64;

#[cfg(test)]
mod tests;
