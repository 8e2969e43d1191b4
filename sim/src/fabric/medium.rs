//! What all places of a fabric share: their sockets, the network between them, and what is on its way.
//!
//! Every place has two sockets, one for gossip and one for calls. A sent datagram goes through the network model first;
//! what survives it is handed to a carrier: the memory fabric's queue, ordered by the step of arrival and then by the
//! order of sending, or the hands of turmoil, which has delays of its own, so that only what faults add is waited for
//! here. Whatever carried it, it ends in the same bounded queue of the receiving socket.
//!
//! One lock guards it all; it is never held across an await, and there is only one thread.
//!
//! **Invariant:** a datagram is in the queue of a socket only while somebody has it bound: a host that starts again hears
//! nothing of what reached its former life.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Notify;

use super::clock::Clock;
use super::network::{Network, Passage, Plane, Route, Seat};
use super::{FabricKind, STEP};

/// A socket: a place and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ear {
    pub(super) seat: Seat,
    pub(super) plane: Plane,
}

/// What all places share.
pub(super) struct Medium {
    kind: FabricKind,
    clock: Clock,
    addresses: BTreeMap<Ear, SocketAddr>,
    ears: BTreeMap<SocketAddr, Ear>,
    /// Rings when something is in a socket's queue, or its fate has changed.
    arrivals: BTreeMap<Ear, Notify>,
    /// Rings when something waits for turmoil to take it.
    departures: BTreeMap<Ear, Notify>,
    state: Mutex<State>,
}

struct State {
    network: Network,
    queues: BTreeMap<Ear, Queue>,
    chances: Vec<StdRng>,
    /// The memory fabric's datagrams on their way, by the step they arrive in, in order of sending.
    flights: BTreeMap<u64, Vec<Flight>>,
    /// Datagrams that turmoil is to take, by the time and in the order of sending.
    held: BTreeMap<(Ear, Duration, u64), Flight>,
    sent: u64,
}

/// A socket's queue; `None` while nobody has it bound.
#[derive(Default)]
struct Queue {
    waiting: Option<VecDeque<Letter>>,
    overflowed: u64,
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) to: SocketAddr,
    pub(super) letter: Letter,
}

/// A datagram and its sender.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) from: SocketAddr,
    pub(super) bytes: Arc<[u8]>,
    pub(super) origin: Origin,
}

/// Whether a datagram was sent, or is a recording of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Sender,
    Recording,
}

/// What became of a datagram as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    OnItsWay,
    Lost,
}

impl Medium {
    /// Sockets at these addresses, on this network; places draw from these seeds.
    pub(super) fn new(
        kind: FabricKind,
        clock: Clock,
        network: Network,
        addresses: BTreeMap<Ear, SocketAddr>,
        seeds: &[u64],
    ) -> Self {
        let bells = || addresses.keys().map(|ear| (*ear, Notify::new())).collect();
        let state = State {
            network,
            queues: addresses.keys().map(|ear| (*ear, Queue::default())).collect(),
            chances: seeds.iter().map(|seed| StdRng::seed_from_u64(*seed)).collect(),
            flights: BTreeMap::new(),
            held: BTreeMap::new(),
            sent: 0,
        };
        Self {
            kind,
            clock,
            arrivals: bells(),
            departures: bells(),
            ears: addresses.iter().map(|(ear, address)| (*address, *ear)).collect(),
            addresses,
            state: Mutex::new(state),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn address(&self, ear: Ear) -> SocketAddr {
        *self.addresses.get(&ear).expect("invariant: sockets are made with the medium")
    }

    /// Asks the network model, or tells it something.
    pub(super) fn network<R>(&self, ask: impl FnOnce(&mut Network) -> R) -> R {
        ask(&mut self.lock().network)
    }

    /// Has every socket look at its fate again.
    pub(super) fn wake_all(&self) {
        self.arrivals.values().for_each(Notify::notify_one);
    }

    /// Gives a socket an empty queue.
    pub(super) fn bind(&self, ear: Ear) -> io::Result<()> {
        let mut state = self.lock();
        let queue = state.queue(ear);
        if queue.waiting.is_some() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        queue.waiting = Some(VecDeque::new());
        Ok(())
    }

    /// Takes a socket's queue away, with what is in it.
    pub(super) fn unbind(&self, ear: Ear) {
        self.lock().queue(ear).waiting = None;
    }

    /// Sends a datagram through the network.
    pub(super) fn send(&self, from: Ear, to: SocketAddr, bytes: &[u8]) -> io::Result<Sent> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
        }
        let mut state = self.lock();
        if from.plane == Plane::Gossip && state.network.refuses_gossip(from.seat) {
            return Err(dead());
        }
        // Nobody is there, and nobody says so: it is UDP.
        let Some(ear) = self.ears.get(&to).filter(|ear| ear.plane == from.plane) else { return Ok(Sent::Lost) };
        let route = Route { plane: from.plane, from: from.seat, to: ear.seat };
        let (held, copies) = match state.passage(route) {
            Passage::Lost => return Ok(Sent::Lost),
            Passage::Once { held } => (held, 1),
            Passage::Twice { held } => (held, 2),
        };
        let letter = Letter { from: self.address(from), bytes: bytes.into(), origin: Origin::Sender };
        let flight = Flight { to, letter };
        for _ in 0..copies {
            match self.kind {
                FabricKind::Memory => state.launch(self.clock.now(), from.seat, held, flight.clone()),
                FabricKind::Turmoil => state.hold(from, self.clock.now() + held, flight.clone()),
            }
        }
        if let (FabricKind::Turmoil, Some(bell)) = (self.kind, self.departures.get(&from)) {
            bell.notify_one();
        }
        Ok(Sent::OnItsWay)
    }

    /// Delivers what arrives now, and whatever should have before.
    pub(super) fn deliver(&self) {
        let now = step_of(self.clock.now());
        loop {
            let due = {
                let mut state = self.lock();
                let Some(entry) = state.flights.first_entry().filter(|entry| *entry.key() <= now) else { return };
                entry.remove()
            };
            due.into_iter().for_each(|Flight { to, letter }| self.arrive(to, letter));
        }
    }

    /// Puts a datagram into the queue of the socket it is for.
    pub(super) fn arrive(&self, to: SocketAddr, letter: Letter) {
        let Some(ear) = self.ears.get(&to) else { return };
        let mut state = self.lock();
        if ear.plane == Plane::Gossip && state.network.refuses_gossip(ear.seat) {
            return;
        }
        let queue = state.queue(*ear);
        let Some(waiting) = &mut queue.waiting else { return };
        if waiting.len() >= ear.plane.queue_max() {
            queue.overflowed += 1;
            return;
        }
        waiting.push_back(letter);
        if let Some(bell) = self.arrivals.get(ear) {
            bell.notify_one();
        }
    }

    /// Waits for a datagram at a socket. Cancel safe.
    pub(super) async fn receive(&self, at: Ear) -> io::Result<Letter> {
        let bell = self.arrivals.get(&at).expect("invariant: sockets are made with the medium");
        loop {
            {
                let mut state = self.lock();
                if at.plane == Plane::Gossip && state.network.refuses_gossip(at.seat) {
                    state.queue(at).waiting.iter_mut().for_each(VecDeque::clear);
                    return Err(dead());
                }
                let next = state.queue(at).waiting.as_mut().and_then(VecDeque::pop_front);
                if let Some(letter) = next {
                    return Ok(letter);
                }
            }
            bell.notified().await;
        }
    }

    /// Waits for the next datagram that turmoil is to take from a socket. Cancel safe.
    pub(super) async fn departure(&self, from: Ear) -> Flight {
        let bell = self.departures.get(&from).expect("invariant: sockets are made with the medium");
        loop {
            let now = self.clock.now();
            let next = self.lock().next_held(from);
            match next {
                Some((at, _)) if at <= now => {
                    if let Some(flight) = self.lock().take_held(from) {
                        return flight;
                    }
                }
                Some((at, _)) => {
                    tokio::select! {
                        biased;
                        () = bell.notified() => {}
                        () = tokio::time::sleep(at - now) => {}
                    }
                }
                None => bell.notified().await,
            }
        }
    }

    /// Datagrams that found a full queue.
    pub(super) fn overflowed(&self, at: Ear) -> u64 {
        self.lock().queue(at).overflowed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, ear: Ear) -> &mut Queue {
        self.queues.get_mut(&ear).expect("invariant: sockets are made with the medium")
    }

    fn passage(&mut self, route: Route) -> Passage {
        let rng = self.chances.get_mut(route.from.0).expect("invariant: every seat has a generator");
        self.network.passage(route, rng)
    }

    fn launch(&mut self, now: Duration, from: Seat, held: Duration, flight: Flight) {
        let rng = self.chances.get_mut(from.0).expect("invariant: every seat has a generator");
        let arrives = step_of(now) + self.network.steps(held, rng);
        self.flights.entry(arrives).or_default().push(flight);
    }

    fn hold(&mut self, from: Ear, until: Duration, flight: Flight) {
        self.sent += 1;
        self.held.insert((from, until, self.sent), flight);
    }

    fn next_held(&self, from: Ear) -> Option<(Duration, u64)> {
        let first = self.held.range((from, Duration::ZERO, 0)..=(from, Duration::MAX, u64::MAX)).next();
        first.map(|((_, at, number), _)| (*at, *number))
    }

    fn take_held(&mut self, from: Ear) -> Option<Flight> {
        let (at, number) = self.next_held(from)?;
        self.held.remove(&(from, at, number))
    }
}

impl Plane {
    /// Datagrams that wait at a socket. Gossip: what the default buffer of Linux (208 KiB) holds of our largest, 1,200
    /// bytes each with the kernel's overhead. Calls stand for streams, which lose nothing: more than a thousand hosts
    /// with a thousand calls each have under way.
    pub(super) const fn queue_max(self) -> usize {
        match self {
            Self::Gossip => 90,
            Self::Calls => 1 << 20,
        }
    }
}

fn step_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / STEP.as_nanos()).unwrap_or(u64::MAX)
}

fn dead() -> io::Error {
    io::Error::new(io::ErrorKind::NetworkDown, "gossip is dead on this host")
}

/// Longest datagram: what UDP over IPv4 can carry. turmoil has no limit of its own.
pub const DATAGRAM_MAX: usize = 65_507;
