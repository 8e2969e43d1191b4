//! What the driver is told, and when: at once if there is room in its mailbox, otherwise a turn later.
//!
//! Gossip never waits for the driver. What is to be told is kept as state, not as a queue of messages, so a driver that
//! is slow costs no memory and, when it reads again, hears the present.

use std::time::Duration;

use breaker_client::wire::GossipHealth;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::peers::Peers;
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, Mail, MemberView};

/// What the driver was told last, and what it is to be told.
#[derive(Debug)]
pub(super) struct Told {
    news: mpsc::Sender<Mail>,
    /// Not told yet.
    health: Option<(GossipHealth, u64)>,
    /// Told last, and when.
    members: Vec<MemberView>,
    members_at: MonoTime,
}

/// Why telling stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The mailbox is full.
    Full,
    /// The driver is gone.
    Gone,
}

/// The driver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// Its time is over.
    Out,
    /// Nothing is to go on.
    Shutdown,
}

impl Told {
    pub(super) fn new(news: mpsc::Sender<Mail>) -> Self {
        Self { news, health: None, members: Vec::new(), members_at: MonoTime::START }
    }

    /// Gossip fares so from now on.
    pub(super) fn health_is(&mut self, health: GossipHealth, incarnation: u64) {
        self.health = Some((health, incarnation));
    }

    /// Tells all that is new, as far as there is room; the members are these.
    pub(super) fn tell(&mut self, members: Vec<MemberView>, peers: &mut Peers, now: MonoTime) -> Result<(), Gone> {
        // Also when there is nothing to tell: gossip without a driver is gossip without a purpose.
        if self.news.is_closed() {
            return Err(Gone);
        }
        let told = self
            .tell_health()
            .and_then(|()| self.tell_members(members, now))
            .and_then(|()| self.tell_changes(peers, now));
        if told == Err(Stop::Gone) { Err(Gone) } else { Ok(()) }
    }

    /// Waits, and meanwhile says how gossip fares.
    pub(super) async fn wait(&mut self, pause: Duration, shutdown: &CancellationToken) -> Waited {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            if self.tell_health() == Err(Stop::Gone) {
                return Waited::Shutdown;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Waited::Shutdown,
                () = tokio::time::sleep_until(end.min(Instant::now() + RETRY)) => {}
            }
        }
        if shutdown.is_cancelled() { Waited::Shutdown } else { Waited::Out }
    }

    fn tell_health(&mut self) -> Result<(), Stop> {
        if let Some((health, incarnation)) = self.health {
            self.send(GossipNews::Health { health, incarnation })?;
            self.health = None;
        }
        Ok(())
    }

    fn tell_members(&mut self, members: Vec<MemberView>, now: MonoTime) -> Result<(), Stop> {
        let are_aged = !members.is_empty() && now.since(self.members_at) >= AGES_EVERY;
        if are_aged || !are_alike(&members, &self.members) {
            self.send(GossipNews::Members(members.clone()))?;
            (self.members, self.members_at) = (members, now);
        }
        Ok(())
    }

    fn tell_changes(&self, peers: &mut Peers, now: MonoTime) -> Result<(), Stop> {
        while let Some(change) = peers.next_change(now) {
            self.send(change)?;
            peers.told();
        }
        Ok(())
    }

    fn send(&self, news: GossipNews) -> Result<(), Stop> {
        match self.news.try_send(Mail::Gossip(news)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Stop::Full),
            Err(TrySendError::Closed(_)) => Err(Stop::Gone),
        }
    }
}

/// Whether nothing changed but ages.
fn are_alike(members: &[MemberView], others: &[MemberView]) -> bool {
    let is_alike =
        |(member, other): (&MemberView, &MemberView)| *member == MemberView { heard: member.heard, ..other.clone() };
    members.len() == others.len() && members.iter().zip(others).all(is_alike)
}

/// How often ages are told anew: people read them, and whoever keeps them adds the time since.
const AGES_EVERY: Duration = Duration::from_secs(1);

/// How soon a full mailbox is tried again: a death of gossip is to be told within a second.
const RETRY: Duration = Duration::from_millis(100);
