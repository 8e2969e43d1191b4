//! Gossip: what this host has to say goes out, what others say comes in, whatever becomes of chitchat meanwhile.
//!
//! Chitchat (Scuttlebutt reconciliation) runs over the sealed transport in *lives*, each under a higher incarnation
//! than the one before: it may die of its own assertions, and it must speak anew when somebody else claims our name.
//! The transport and its socket outlive the lives. [`run`] is one task: it waits, then takes one synchronous turn over
//! two values, `Publisher` (what to write, at most four times a second) and `Peers` (who is there and what they say),
//! and hands the driver what changed without ever waiting for it. Beside it, for as long as a life lasts, `Courier`
//! carries what cannot wait for chitchat's turns: the alert plane. Where membership is given, that is all there is.
//!
//! `life` and `socket` are the only files that name chitchat.
//!
//! **Invariant:** every task here is noticed when it dies; nothing here decides anything about a breaker.

mod alerts;
mod coarse;
mod compact;
mod counters;
mod courier;
mod entry;
mod given;
mod life;
mod peers;
mod presence;
mod publisher;
mod pulse;
mod restarts;
mod seeds;
mod setup;
mod socket;
mod told;
mod wires;
mod word;

pub use counters::GossipCounters;
pub use setup::{AlertSource, GivenPeer, GossipSetup, Membership};
pub use word::WORD_MAX;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use breaker_client::wire::GossipHealth;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::alerts::ClusterTag;
use self::counters::count;
use self::life::{Beginning, DIGEST_BYTES_MAX, Life, Observed};
use self::peers::{Identity, Peers};
use self::presence::{Belief, Presence};
use self::publisher::{Publisher, Write};
use self::pulse::{Mark, Pulse};
use self::restarts::Restarts;
use self::seeds::Seeds;
use self::told::{Told, Waited};
use self::wires::{Fittings, StatePlane, Wires};
use crate::core::digest::HostId;
use crate::core::time::MonoTime;
use crate::datagram::Datagrams;
use crate::mail::{Mail, Published};
use crate::seal::{Received, Replays, SealedTransport};

/// Gossips until told to shut down, then says goodbye within half a second.
///
/// The socket is bound already and is read by nobody else. Dropped instead, gossip ends without a goodbye.
pub async fn run(
    setup: GossipSetup,
    datagrams: Arc<dyn Datagrams>,
    published: watch::Receiver<Published>,
    news: mpsc::Sender<Mail>,
    shutdown: CancellationToken,
) {
    Gossip::new(setup, datagrams, published, news).run(&shutdown).await;
}

struct Gossip {
    setup: GossipSetup,
    interval: Duration,
    transport: Arc<SealedTransport>,
    seeds: Seeds,
    /// How often a seed was greeted.
    greeted: usize,
    incarnation: u64,
    published: watch::Receiver<Published>,
    publisher: Publisher,
    pulse: Pulse,
    peers: Peers,
    restarts: Restarts,
    told: Told,
    news: mpsc::Sender<Mail>,
    presence: Arc<Presence>,
    rng: StdRng,
    is_near_size_limit: bool,
    /// When it last spoke to peers before its turn.
    spoke_out: Option<MonoTime>,
}

/// Why a life ended.
enum End {
    Shutdown,
    Died { why: String },
    Outnumbered { by: u64 },
}

impl Gossip {
    fn new(
        setup: GossipSetup,
        datagrams: Arc<dyn Datagrams>,
        published: watch::Receiver<Published>,
        news: mpsc::Sender<Mail>,
    ) -> Self {
        let mut rng = StdRng::from_seed(setup.seed);
        let permille = rng.random_range(900..=1_100);
        let mut seal_seed = [0; 32];
        rng.fill_bytes(&mut seal_seed);
        let interval = setup.interval.max(INTERVAL_MIN) * permille / 1_000;
        let counters = Arc::clone(&setup.counters);
        let replays = if setup.guards.replay { Replays::Refused } else { Replays::Taken };
        let transport = SealedTransport::new(datagrams, setup.keyring.clone(), seal_seed, Arc::clone(&counters.seal));
        let seeds = Seeds::of(&setup.seeds);
        let me = Identity { node: setup.node.clone(), incarnation: setup.incarnation, address: setup.advertise };
        Self {
            interval,
            transport: Arc::new(transport.with_replays(replays)),
            seeds,
            greeted: 0,
            incarnation: setup.incarnation,
            published,
            publisher: Publisher::default(),
            pulse: Pulse::begin(MonoTime::START, interval),
            presence: Arc::new(Presence::new(news.clone(), Arc::clone(&counters))),
            peers: Peers::new(me, interval, counters),
            restarts: Restarts::default(),
            told: Told::new(news.clone()),
            news,
            rng,
            is_near_size_limit: false,
            spoke_out: None,
            setup,
        }
    }

    async fn run(mut self, shutdown: &CancellationToken) {
        loop {
            let began = self.transport.now();
            let end = match self.setup.membership.clone() {
                Membership::Gossiped => self.gossiped(shutdown).await,
                Membership::Given(peers) => self.given(&peers, shutdown).await,
            };
            self.presence.rest();
            let pause = match end {
                End::Shutdown => return,
                End::Outnumbered { by } => {
                    self.raise_above(by);
                    Duration::ZERO
                }
                End::Died { why } => {
                    count(&self.setup.counters.deaths);
                    let pause = self.restarts.after_death(self.transport.now().since(began));
                    tracing::error!(%why, again_in = ?pause, "gossip died; the breakers work on without it");
                    self.told.health_is(GossipHealth::Degraded, self.incarnation);
                    self.raise_above(self.incarnation);
                    pause
                }
            };
            if self.told.wait(pause, shutdown).await == Waited::Shutdown {
                return;
            }
        }
    }

    /// A life with chitchat.
    async fn gossiped(&mut self, shutdown: &CancellationToken) -> End {
        let (state, inbox) = StatePlane::open();
        let wires = Wires::lay(self.fittings(), state);
        match Life::begin(self.beginning(inbox)).await {
            Ok(life) => self.live(life, wires, shutdown).await,
            Err(why) => End::Died { why },
        }
    }

    /// One life of chitchat, from its first turn to its end.
    async fn live(&mut self, mut life: Life, mut wires: Wires, shutdown: &CancellationToken) -> End {
        self.peers.begin_anew(self.incarnation);
        let now = self.transport.now();
        self.publisher.begin_anew(now);
        self.pulse = Pulse::begin(now, self.interval);
        self.published.mark_changed();
        self.told.health_is(GossipHealth::Running, self.incarnation);
        let mut turns = tokio::time::interval((self.interval / 2).clamp(TURN_MIN, TURN_MAX));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wakes = life.wakes();
        loop {
            // In this order: the end before all else, then what came, then what may be written by now.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    let peers = self.peers.live().take(GOODBYES_MAX).collect();
                    life.leave(peers).await;
                    return End::Shutdown;
                }
                why = life.death() => return End::Died { why },
                why = wires.death() => return End::Died { why },
                () = wakes.notified() => {}
                // What woke us counts as seen; the turn is to look at it.
                Ok(()) = self.published.changed() => self.published.mark_changed(),
                _ = turns.tick() => self.greet_seed(&life),
            }
            if let Some(end) = self.turn(&life, &wires).await {
                return end;
            }
        }
    }

    /// Writes what may be written, looks at everybody, tells the driver. Awaits chitchat's state and, after a pause,
    /// a moment.
    async fn turn(&mut self, life: &Life, wires: &Wires) -> Option<End> {
        let now = self.transport.now();
        if self.presence.turn(now) == Belief::Stale {
            // What was published waits and would wake us again at once.
            tokio::time::sleep(TURN_MIN).await;
            return None;
        }
        self.publish(life, now).await;
        let Observed { digest_bytes, heartbeat } = life.observe(&mut self.peers, now).await;
        self.pulse.note(Mark { at: now, heartbeat });
        self.watch_size(digest_bytes);
        let members = self.peers.members(now);
        wires.members_are(&members);
        if self.peers.hears_of_an_entry(now) {
            self.speak_out_of_turn(life, now);
        }
        if self.told.tell(members, &mut self.peers, now).is_err() {
            return Some(End::Shutdown);
        }
        self.outnumber(self.peers.outnumbered_by().max(wires.outnumbered_by())?, now)
    }

    /// Ends the life to go above a namesake, unless that was done too often lately.
    fn outnumber(&mut self, by: u64, now: MonoTime) -> Option<End> {
        if !self.restarts.outnumber(now) {
            return None;
        }
        count(&self.setup.counters.name_clashes);
        let (node, ours) = (&self.setup.node, self.incarnation);
        tracing::error!(
            node,
            ours,
            theirs = by,
            "another agent goes by this node's id, or this one lost its file of incarnations; going above it"
        );
        Some(End::Outnumbered { by })
    }

    async fn publish(&mut self, life: &Life, now: MonoTime) {
        if self.published.has_changed().unwrap_or(false) {
            let mut published = self.published.borrow_and_update().clone();
            published.host.zone = published.host.zone.or_else(|| self.setup.zone.as_deref().map(Arc::from));
            let left_out = self.publisher.want(&published, now);
            self.setup.counters.unpublished.fetch_add(left_out as u64, Ordering::Relaxed);
        }
        let writes: Vec<_> = std::iter::from_fn(|| self.publisher.next(now)).collect();
        if !writes.is_empty() {
            writes.iter().for_each(|_| count(&self.setup.counters.writes));
            life.write(&writes, &self.pulse, now).await;
        }
        if writes.iter().any(Write::is_entry) {
            self.speak_out_of_turn(life, now);
        }
    }

    /// Exchanges with some peers at once, but no more often than eight times an interval. Joins are not pushed, but a host
    /// that stays just short of judging goes with the majority, and this is how it learns that there is one.
    fn speak_out_of_turn(&mut self, life: &Life, now: MonoTime) {
        if self.spoke_out.is_some_and(|at| now.since(at) < self.interval / 8) {
            return;
        }
        self.spoke_out = Some(now);
        let live: Vec<_> = self.peers.live().collect();
        live.sample(&mut self.rng, TOLD_AT_ONCE).for_each(|peer| life.gossip_with(*peer));
    }

    /// Speaks with a seed known by name that is no live peer, another one each time: chitchat does so with those known
    /// by address.
    fn greet_seed(&mut self, life: &Life) {
        let known: BTreeSet<_> = self.peers.live().chain([self.setup.advertise]).collect();
        let strangers: Vec<_> = life.resolved_seeds().into_iter().filter(|seed| !known.contains(seed)).collect();
        self.greeted = self.greeted.wrapping_add(1);
        if let Some(seed) = self.greeted.checked_rem(strangers.len()).and_then(|turn| strangers.get(turn)) {
            life.gossip_with(*seed);
        }
    }

    /// Says so once when chitchat's list of incarnations nears the size that kills it.
    fn watch_size(&mut self, digest_bytes: usize) {
        let is_near = digest_bytes * 10 >= DIGEST_BYTES_MAX * 7;
        if is_near && !self.is_near_size_limit {
            count(&self.setup.counters.size_alarms);
            tracing::warn!(digest_bytes, limit = DIGEST_BYTES_MAX, "this cluster is too large for one pool of gossip");
        }
        self.is_near_size_limit = is_near;
    }

    fn raise_above(&mut self, incarnation: u64) {
        // The last number there is cannot be outnumbered; whoever claims it keeps our name.
        self.incarnation = incarnation.saturating_add(1);
        (self.setup.on_incarnation)(self.incarnation);
    }

    fn fittings(&mut self) -> Fittings {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        Fittings {
            host: HostId::new(&self.setup.node),
            incarnation: self.incarnation,
            cluster: ClusterTag::of(&self.setup.cluster),
            transport: Arc::clone(&self.transport),
            source: Arc::clone(&self.setup.alerts),
            clock: self.setup.clock,
            published: self.published.clone(),
            news: self.news.clone(),
            presence: Arc::clone(&self.presence),
            counters: Arc::clone(&self.setup.counters),
            seed,
        }
    }

    fn beginning(&self, inbox: mpsc::Receiver<Received>) -> Beginning {
        Beginning {
            me: Identity {
                node: self.setup.node.clone(),
                incarnation: self.incarnation,
                address: self.setup.advertise,
            },
            cluster: self.setup.cluster.clone(),
            seeds: self.seeds.clone(),
            interval: self.interval,
            transport: Arc::clone(&self.transport),
            inbox,
            counters: Arc::clone(&self.setup.counters),
        }
    }
}

/// Turns are taken twice an interval, but not more often than a slow host bears, nor so seldom that a write waits.
const TURN_MIN: Duration = Duration::from_millis(25);
const TURN_MAX: Duration = Duration::from_millis(250);

/// Gossiping more often than this is asking for trouble: a hundred exchanges a second.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// How many peers a host exchanges with at once that enters an opening or hears of one who does: as all others do so in
/// that moment, each hears of most within two such rounds.
const TOLD_AT_ONCE: usize = 3;

/// How many peers hear a goodbye from us; they tell the others.
const GOODBYES_MAX: usize = 3;

/// How to keep the library's own log to errors: it warns of every lost datagram.
pub const QUIET: &str = "chitchat=error";

#[cfg(test)]
mod tests;
