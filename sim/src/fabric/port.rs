//! A place on the network, and the sockets that are bound there: one for gossip, one for calls.
//!
//! The port outlives the lives of the agent at it. It counts gossip's datagrams, writes them into the trace, and keeps
//! what replay protection is tested with: recordings of the last datagrams that reached a life, to be delivered again to
//! the next one, and how many different genuine ones reached this life, which is the most the agent may accept. Both
//! sockets are the agent's [`Datagrams`]; gossip's carries the real bytes of the wire.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use breaker_agent::datagram::Datagrams;

use super::medium::{Ear, Letter, Medium, Origin, Sent};
use super::network::{Plane, Seat};
use crate::trace::{Datagram, Event, Recorder};

/// A place on the network.
pub struct Port {
    name: String,
    seat: Seat,
    medium: Arc<Medium>,
    recorder: Recorder,
    books: Mutex<Books>,
}

/// What a port knows of gossip.
#[derive(Default)]
struct Books {
    traffic: Traffic,
    /// The last datagrams that reached this life, oldest first.
    recent: VecDeque<Letter>,
    /// Those of the life before.
    recorded: VecDeque<Letter>,
    /// Hashes of the datagrams that reached this life, recordings aside.
    distinct: BTreeSet<u64>,
}

/// What has passed a port, of gossip. Only ever growing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams that agents sent, lost ones included.
    pub sent: u64,
    /// Bytes of these.
    pub sent_bytes: u64,
    /// Of the datagrams sent, those the network lost.
    pub lost: u64,
    /// Datagrams that reached agents, recordings included.
    pub received: u64,
    /// Recordings delivered again.
    pub replayed: u64,
    /// Datagrams that found a full queue.
    pub overflowed: u64,
}

/// The socket of an agent's gossip.
pub struct Wire {
    port: Arc<Port>,
}

/// The socket of calls, of a service or of the callers on a host.
struct Line {
    medium: Arc<Medium>,
    ear: Ear,
}

impl Port {
    pub(super) fn new(name: &str, seat: Seat, medium: Arc<Medium>, recorder: Recorder) -> Self {
        Self { name: name.to_owned(), seat, medium, recorder, books: Mutex::new(Books::default()) }
    }

    /// The place's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where gossip reaches it.
    #[must_use]
    pub fn gossip_address(&self) -> SocketAddr {
        self.medium.address(self.ear(Plane::Gossip))
    }

    /// Where calls, and answers to calls, reach it.
    #[must_use]
    pub fn calls_address(&self) -> SocketAddr {
        self.medium.address(self.ear(Plane::Calls))
    }

    /// Binds the gossip socket for a new life of the agent. What reached the life before are recordings now.
    ///
    /// # Errors
    /// If it is bound already.
    pub fn bind_gossip(self: &Arc<Self>) -> io::Result<Wire> {
        self.medium.bind(self.ear(Plane::Gossip))?;
        let mut books = self.lock();
        books.recorded = std::mem::take(&mut books.recent);
        books.distinct.clear();
        Ok(Wire { port: Arc::clone(self) })
    }

    /// Binds the socket of calls.
    ///
    /// # Errors
    /// If it is bound already.
    pub fn bind_calls(&self) -> io::Result<Arc<dyn Datagrams>> {
        let ear = self.ear(Plane::Calls);
        self.medium.bind(ear)?;
        Ok(Arc::new(Line { medium: Arc::clone(&self.medium), ear }))
    }

    /// Delivers the recordings of the former life again.
    pub fn replay(&self) {
        let recordings = std::mem::take(&mut self.lock().recorded);
        self.lock().traffic.replayed += recordings.len() as u64;
        for recording in recordings {
            self.medium.arrive(self.gossip_address(), Letter { origin: Origin::Recording, ..recording });
        }
    }

    /// What has passed so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let overflowed = self.medium.overflowed(self.ear(Plane::Gossip));
        Traffic { overflowed, ..self.lock().traffic }
    }

    /// How many different datagrams reached this life of the agent, recordings aside: the most it may accept.
    #[must_use]
    pub fn delivered_distinct(&self) -> u64 {
        self.lock().distinct.len() as u64
    }

    pub(super) fn ear(&self, plane: Plane) -> Ear {
        Ear { seat: self.seat, plane }
    }

    fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let sent = self.medium.send(self.ear(Plane::Gossip), to, bytes)?;
        {
            let traffic = &mut self.lock().traffic;
            traffic.sent += 1;
            traffic.sent_bytes += bytes.len() as u64;
            traffic.lost += u64::from(sent == Sent::Lost);
        }
        let datagram = Datagram { peer: to, bytes };
        self.record(match sent {
            Sent::OnItsWay => Event::Sent(datagram),
            Sent::Lost => Event::Lost(datagram),
        });
        Ok(())
    }

    fn take_in(&self, letter: &Letter) {
        self.record(Event::Received(Datagram { peer: letter.from, bytes: &letter.bytes }));
        let mut books = self.lock();
        books.traffic.received += 1;
        if letter.origin == Origin::Recording {
            return;
        }
        books.distinct.insert(hash(&letter.bytes));
        if books.recent.len() == RECORDINGS_MAX {
            books.recent.pop_front();
        }
        books.recent.push_back(letter.clone());
    }

    fn record(&self, event: Event<'_>) {
        self.recorder.record(self.medium.clock().now(), &self.name, event);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Datagrams for Wire {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.port.send(to, datagram)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let letter = self.port.medium.receive(self.port.ear(Plane::Gossip)).await?;
        self.port.take_in(&letter);
        Ok((fill(buffer, &letter.bytes), letter.from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.port.gossip_address())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.port.medium.unbind(self.port.ear(Plane::Gossip));
    }
}

#[async_trait]
impl Datagrams for Line {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.medium.send(self.ear, to, datagram).map(drop)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let letter = self.medium.receive(self.ear).await?;
        Ok((fill(buffer, &letter.bytes), letter.from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.medium.address(self.ear))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.medium.unbind(self.ear);
    }
}

impl Traffic {
    /// What passed since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        self.each(earlier, u64::saturating_sub)
    }

    /// What passed two ports together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    fn each(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            sent: with(self.sent, other.sent),
            sent_bytes: with(self.sent_bytes, other.sent_bytes),
            lost: with(self.lost, other.lost),
            received: with(self.received, other.received),
            replayed: with(self.replayed, other.replayed),
            overflowed: with(self.overflowed, other.overflowed),
        }
    }
}

/// As much of a datagram as fits; how much that was.
fn fill(buffer: &mut [u8], bytes: &[u8]) -> usize {
    let len = bytes.len().min(buffer.len());
    buffer[..len].copy_from_slice(&bytes[..len]);
    len
}

/// Tells datagrams of one life apart; their nonces make them all different.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Recordings kept of each life: some seconds of gossip, and fewer than a socket's queue holds.
pub const RECORDINGS_MAX: usize = 64;

#[cfg(test)]
mod tests;
