//! The task of the alert plane: carries what [`Alerts`] decides.
//!
//! It stands beside chitchat, not behind it: an alert waits for no lock and no turn of the state plane. The driver is
//! never waited for; news that finds its mailbox full is lost and counted, and the state plane brings it again.
//!
//! Peers it may speak to are greeted once in each of their lives, a few at a time, unless they are known already: a
//! first message to a stranger takes three travels.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::AlertSource;
use super::alerts::{Alerts, Came, Neighbour};
use super::counters::{GossipCounters, count};
use super::presence::{Belief, Presence};
use super::socket::Inbound;
use crate::clock::Clock;
use crate::core::peers::Way;
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, Mail, Published, RaisedAlert};
use crate::seal::{Plane, SealedTransport};

/// What the task works with.
pub(super) struct Courier {
    pub(super) alerts: Alerts,
    pub(super) transport: Arc<SealedTransport>,
    pub(super) source: AlertSource,
    pub(super) clock: Clock,
    pub(super) inbox: mpsc::Receiver<Inbound>,
    pub(super) published: watch::Receiver<Published>,
    pub(super) live: watch::Receiver<Vec<Neighbour>>,
    pub(super) outnumbered: watch::Sender<Option<u64>>,
    pub(super) news: mpsc::Sender<Mail>,
    pub(super) presence: Arc<Presence>,
    pub(super) counters: Arc<GossipCounters>,
    pub(super) seed: [u8; 32],
}

impl Courier {
    /// Pushes, hears and passes on until nobody can tell it anything any more.
    pub(super) async fn run(mut self) {
        let source = Arc::clone(&self.source);
        let mut source = source.lock().await;
        let mut rng = StdRng::from_seed(self.seed);
        let mut greeted = BTreeMap::new();
        let mut greetings = tokio::time::interval(GREET_EVERY);
        greetings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_greeting = false;
        loop {
            let due = self.due();
            // What the rest is judged by first; then our own news, because it is the newest there is; then what came;
            // then time, which is looked at after each of them.
            tokio::select! {
                biased;
                Ok(()) = self.live.changed() => {
                    self.alerts.neighbours_are(&self.live.borrow_and_update());
                    is_greeting = true;
                }
                Ok(()) = self.published.changed() => self.alerts.published(&self.published.borrow_and_update()),
                Some(alert) = source.recv() => self.push_all(alert, &mut source),
                Some(inbound) = self.inbox.recv() => self.hear_all(inbound),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = greetings.tick(), if is_greeting => is_greeting = self.greet_next(&mut greeted).await,
                else => return,
            }
            for parcel in self.alerts.send(self.transport.now(), &mut rng) {
                // Refused only where nothing may be sent at all, which the seal counts.
                let _ = self.transport.send(Plane::Alert, parcel.to, &parcel.message).await;
            }
        }
    }

    /// When to send, on tokio's clock.
    fn due(&self) -> Option<Instant> {
        let wait = self.alerts.next_at()?.since(self.transport.now());
        Some(Instant::now() + wait)
    }

    fn push_all(&mut self, first: RaisedAlert, source: &mut mpsc::Receiver<RaisedAlert>) {
        let (now, clock) = (self.transport.now(), self.clock.now());
        let waiting = std::iter::from_fn(|| source.try_recv().ok());
        for RaisedAlert { alert, at } in std::iter::once(first).chain(waiting).take(AT_ONCE_MAX) {
            self.alerts.push(alert, clock.since(at), now);
        }
    }

    fn hear_all(&mut self, first: Inbound) {
        let now = self.transport.now();
        self.hear(first, now);
        for _ in 1..AT_ONCE_MAX {
            let Ok(inbound) = self.inbox.try_recv() else { break };
            self.hear(inbound, now);
        }
    }

    fn hear(&mut self, inbound: Inbound, now: MonoTime) {
        if self.presence.look(now) == Belief::Stale {
            return count(&self.counters.away_dropped);
        }
        let Inbound { received, at } = inbound;
        let came = Came { from: received.from, message: &received.message, waited: now.since(at) };
        for testimony in self.alerts.receive(came, now) {
            if self.news.try_send(Mail::Gossip(GossipNews::Heard { testimony, way: Way::Alert })).is_err() {
                count(&self.counters.alerts_dropped);
            }
        }
        let by = self.alerts.outnumbered_by();
        self.outnumbered.send_if_modified(|known| std::mem::replace(known, by) != by);
    }

    /// Greets one that is not known; whether there may be more.
    async fn greet_next(&self, greeted: &mut BTreeMap<SocketAddr, u64>) -> bool {
        let lives: BTreeMap<_, _> =
            self.alerts.neighbours().iter().map(|peer| (peer.address, peer.incarnation)).collect();
        greeted.retain(|address, _| lives.contains_key(address));
        for (address, incarnation) in lives {
            let former = greeted.insert(address, incarnation);
            // Who is known at an address may be the former life of who is there now.
            let is_met = if former.is_some() { former == Some(incarnation) } else { self.transport.knows(address) };
            if !is_met {
                count(&self.counters.greetings);
                let _ = self.transport.send(Plane::Alert, address, &self.alerts.greeting()).await;
                return true;
            }
        }
        false
    }
}

/// Most alerts, or messages, taken in before something is sent: a millisecond of work.
const AT_ONCE_MAX: usize = 64;

/// How often a peer is greeted: everybody in a view within 1.3 s, and a host that comes into a cluster of a thousand is
/// not met by all at once.
const GREET_EVERY: Duration = Duration::from_millis(20);
