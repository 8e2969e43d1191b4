//! The one task that owns the state: waits, applies, carries out.
//!
//! All the awaiting is in [`run`]; [`Driver::apply`] and [`Driver::wake`] are synchronous and take the time as an
//! argument. Everything arrives through one bounded mailbox, so that no two things ever happen at once. Answers and
//! events leave through each connection's outbox without waiting; a session that does not take its answers loses its
//! connection, and nobody else notices.
//!
//! The order of selection in [`run`] is fixed: mail, then time. Time may come last because every mail is preceded by
//! what is due; an agent that always has mail never waits for its alarm, and is never late all the same.

pub mod answers;
mod peers;
mod requests;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use breaker_client::wire::{Counter, Event, GossipHealth, Response, ResponseFrame};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::core::digest::{Alert, FailureDigest};
use crate::core::guards::Guards;
use crate::core::permits::Holder;
use crate::core::registry::{Effects, OpenEnds, PERMITS_MAX, Registry, SERVICES_MAX, Settings, Turn};
use crate::core::service::ServiceName;
use crate::core::state::Notice;
use crate::core::time::MonoTime;
use crate::mail::{ConnectionId, IN_FLIGHT_MAX, Mail, Published};
use crate::observe::Observer;
use peers::Peers;

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
    pub alerts: mpsc::Sender<Alert>,
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
    guards: Guards,
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

/// What the driver counts.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    granted: u64,
    rejected: u64,
    reports: u64,
    reports_dropped: u64,
    unknown_permits: u64,
    transitions: u64,
    exceeded: u64,
    events_missed: u64,
    answers_lost: u64,
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
            cluster: None,
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
            guards,
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
        self.advance(now);
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
            Mail::Gossip(news) => self.peers.hear(now, news),
        }
        self.carry_out(now);
    }

    /// Does what is due, and reminds watchers of what they missed.
    pub fn wake(&mut self, now: MonoTime) {
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
        self.tell();
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

    /// Tells watchers what has happened, and has peers told soon.
    fn tell(&mut self) {
        if self.notices.is_empty() {
            return;
        }
        let notices = std::mem::take(&mut self.notices);
        for (service, notice) in &notices {
            match notice {
                Notice::Changed(change) => {
                    self.publish_at = self.publish_at.min(self.published_at + PUBLISH_PAUSE);
                    self.counts.transitions += 1;
                    let (from, to) = (change.from.as_str(), change.to.as_str());
                    tracing::info!(%service, from, to, reason = %change.reason, "transition");
                }
                Notice::Exceeded(reason) => {
                    self.counts.exceeded += 1;
                    tracing::info!(%service, %reason, "would have tripped");
                }
                Notice::Cluster(step) => tracing::info!(%service, ?step, "cluster breaker"),
            }
        }
        let events: Vec<Event> = notices.iter().filter_map(|(service, notice)| event(service, notice)).collect();
        self.tell_watchers(&events);
    }

    fn tell_watchers(&mut self, events: &[Event]) {
        for connection in self.connections.values_mut() {
            self.counts.events_missed += connection.tell(events);
        }
    }

    /// Makes the digests anew. Gossip is woken if they say anything new; their ages grow by themselves.
    fn publish(&mut self, now: MonoTime) {
        self.registry.reclaim(now, RECLAIM_PLACES);
        let digests = self.registry.digests(now, DIGESTS_MAX);
        let digests = digests.into_iter().map(|digest| (digest.service.clone(), digest)).collect();
        let published = Published { digests, host: self.registry.host_word(now) };
        self.outlets.published.send_if_modified(|before| {
            let modified = !says_the_same(before, &published);
            *before = published;
            modified
        });
        self.published_at = now;
        self.publish_at = now + PUBLISH_EVERY;
    }

    fn counters(&self) -> Vec<Counter> {
        let own = self.counts;
        let mut counters: Vec<(&'static str, u64)> = vec![
            ("calls_granted", own.granted),
            ("calls_rejected", own.rejected),
            ("calls_untracked", self.registry.untracked()),
            ("outcomes_reported", own.reports),
            ("outcomes_dropped", own.reports_dropped),
            ("permits_out", self.registry.permits() as u64),
            ("permits_unknown", own.unknown_permits),
            ("transitions", own.transitions),
            ("conditions_exceeded", own.exceeded),
            ("events_missed", own.events_missed),
            ("answers_lost", own.answers_lost),
            ("peer_digests_dropped", self.peers.dropped()),
        ];
        counters.extend(self.sources.iter().flat_map(|source| source()));
        counters.sort_unstable();
        counters.into_iter().map(|(name, count)| Counter { name: name.to_owned(), count }).collect()
    }
}

impl Connection {
    /// Tells a watcher, first of all what it missed; how many events it now misses too.
    fn tell(&mut self, events: &[Event]) -> u64 {
        let Some(watcher) = self.watch.as_mut().filter(|watcher| watcher.missed > 0 || !events.is_empty()) else {
            return 0;
        };
        let frame = |event| ResponseFrame { id: watcher.id, response: Response::Event(event) };
        let missed = (watcher.missed > 0).then_some(Event::Missed { events: watcher.missed });
        let batch = missed.into_iter().chain(events.iter().cloned()).map(frame).collect();
        // The rest of the outbox is for answers.
        if self.outbox.capacity() > IN_FLIGHT_MAX && self.outbox.try_send(batch).is_ok() {
            watcher.missed = 0;
            return 0;
        }
        watcher.missed += events.len() as u64;
        events.len() as u64
    }
}

fn event(service: &ServiceName, notice: &Notice) -> Option<Event> {
    let service = service.to_string();
    Some(match notice {
        Notice::Changed(change) => Event::Transition {
            service,
            from: answers::state(change.from),
            to: answers::state(change.to),
            reason: answers::reason(&change.reason),
            retry_after_ms: change.retry_after.map(answers::millis_up),
        },
        Notice::Exceeded(reason) => Event::Exceeded { service, reason: answers::reason(reason) },
        // What it changes for calls is told as a change of state.
        Notice::Cluster(_) => return None,
    })
}

/// Whether digests differ in nothing but that they are older: the same services, as long in the same states.
fn says_the_same(before: &Published, after: &Published) -> bool {
    let same = |before: &FailureDigest, after: &FailureDigest| {
        before.age <= after.age && *before == FailureDigest { age: before.age, ..after.clone() }
    };
    let (earlier, later) = (&before.digests, &after.digests);
    before.host == after.host
        && earlier.len() == later.len()
        && earlier.values().zip(later.values()).all(|(before, after)| same(before, after))
}

/// Places of permits looked at with each publishing: all of them within ten seconds, a tenth of a millisecond each time.
const RECLAIM_PLACES: usize = 16_384;

/// How often digests are made anew when nothing changes its state: their counts age by so much, and an agent at rest
/// wakes so often.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Least time between two makings: thousands of services that trip within a second are told together, or making their
/// digests, which takes some milliseconds, would be all that is done. A single trip after a quiet moment goes at once.
const PUBLISH_PAUSE: Duration = Duration::from_millis(50);

/// Most services an agent speaks of: those that stopped calls first.
const DIGESTS_MAX: usize = 512;

/// Most mails applied at one reading of the clock: about 10 us of work, or a millisecond of full batches.
const MAILS_A_TURN: usize = 64;

#[cfg(test)]
mod tests;
