//! The sealed transport as chitchat sees it, and chitchat's messages as bytes.
//!
//! Chitchat opens its transport once per life and owns what it gets; the sealed transport outlives it. Messages come
//! through a bounded inbox filled by [`Pump`], because the transport is read for the alert plane, too.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chitchat::transport::{Socket, Transport};
use chitchat::{ChitchatMessage, Deserializable, Serializable};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::compact::{grow, shrink};
use super::counters::{GossipCounters, count};
use super::presence::{Belief, Presence};
use crate::core::time::MonoTime;
use crate::seal::{Plane, Received, SealedTransport};

/// Hands one socket to chitchat, once.
pub(super) struct Doorway {
    socket: Mutex<Option<SealedSocket>>,
}

/// The state plane's end of the sealed transport.
pub(super) struct SealedSocket {
    pub(super) transport: Arc<SealedTransport>,
    pub(super) inbox: mpsc::Receiver<Received>,
    /// How many exchanges we ended: the peer then has what we have.
    pub(super) exchanges: watch::Sender<u64>,
    pub(super) counters: Arc<GossipCounters>,
}

/// A message of the alert plane, and when it came.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) received: Received,
    pub(super) at: MonoTime,
}

/// Reads the transport, for both planes.
pub(super) struct Pump {
    pub(super) transport: Arc<SealedTransport>,
    /// `None` where there is no state plane.
    pub(super) state: Option<mpsc::Sender<Received>>,
    pub(super) alert: mpsc::Sender<Inbound>,
    pub(super) presence: Arc<Presence>,
    pub(super) counters: Arc<GossipCounters>,
}

impl Pump {
    /// Reads for as long as somebody takes the messages.
    pub(super) async fn run(self) {
        loop {
            let received = self.transport.receive().await;
            let now = self.transport.now();
            if self.presence.look(now) == Belief::Stale {
                count(&self.counters.away_dropped);
            } else if self.hand_on(received, now).is_err() {
                return;
            }
        }
    }

    fn hand_on(&self, received: Received, at: MonoTime) -> Result<(), Unread> {
        match (received.plane, &self.state) {
            (Plane::Alert, _) => self.handed(&self.alert.try_send(Inbound { received, at })),
            (Plane::State, Some(state)) => self.handed(&state.try_send(received)),
            (Plane::State, None) => {
                count(&self.counters.unreadable);
                Ok(())
            }
        }
    }

    fn handed<T>(&self, result: &Result<(), TrySendError<T>>) -> Result<(), Unread> {
        match result {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                count(&self.counters.inbox_full);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(Unread),
        }
    }
}

/// Nobody takes the messages any more.
struct Unread;

impl Doorway {
    pub(super) fn new(socket: SealedSocket) -> Self {
        Self { socket: Mutex::new(Some(socket)) }
    }
}

#[async_trait]
impl Transport for Doorway {
    /// The address is the transport's own business: it is bound already.
    async fn open(&self, _listen: SocketAddr) -> anyhow::Result<Box<dyn Socket>> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        socket.map(|socket| Box::new(socket) as Box<dyn Socket>).ok_or_else(|| anyhow::anyhow!("already open"))
    }
}

#[async_trait]
impl Socket for SealedSocket {
    /// Never an error: a message not sent is a message lost, and gossip repeats itself.
    async fn send(&mut self, to: SocketAddr, message: ChitchatMessage) -> anyhow::Result<()> {
        let ends_exchange = matches!(message, ChitchatMessage::Ack { .. });
        let refused = self.transport.send(Plane::State, to, &shrink(&message.serialize_to_vec())).await.is_err();
        if ends_exchange && !refused {
            self.exchanges.send_modify(|ended| *ended += 1);
        }
        Ok(())
    }

    async fn recv(&mut self) -> anyhow::Result<(SocketAddr, ChitchatMessage)> {
        loop {
            let received = self.inbox.recv().await.ok_or_else(|| anyhow::anyhow!("the transport is no longer read"))?;
            match read(&received.message) {
                Some(message) => return Ok((received.from, message)),
                None => count(&self.counters.unreadable),
            }
        }
    }
}

/// A message that fills its bytes.
fn read(small: &[u8]) -> Option<ChitchatMessage> {
    let message = grow(small).ok()?;
    let mut bytes = message.as_slice();
    ChitchatMessage::deserialize(&mut bytes).ok().filter(|_| bytes.is_empty())
}

/// Most messages waiting for chitchat: two intervals' worth in a pool of 500 hosts, 4 MB if all are of the largest size.
pub(super) const INBOX_MAX: usize = 64;

/// Most messages of alerts waiting to be read: what all others push in the few milliseconds in which an outage is told,
/// in a pool of 500 hosts; 1.2 MB.
pub(super) const ALERT_INBOX_MAX: usize = 1_024;
