//! Two addresses between two agents, so that what they say to each other can be recorded, cut, and said again.
//!
//! Each agent is told that the other is at one of the addresses (`gossip.advertise`). What arrives at the address that
//! stands for one agent is passed on to it, from the address that stands for the other: so neither can tell, and answers
//! come back the same way.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which of the two agents something goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The first.
    ToFirst,
    /// The second.
    ToSecond,
}

/// The addresses, and a thread for each.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// Stand for the first and the second agent.
    sockets: [UdpSocket; 2],
    /// Where the agents really are.
    agents: [Mutex<Option<SocketAddr>>; 2],
    recorded: [Mutex<Vec<Vec<u8>>>; 2],
    is_cut: AtomicBool,
    stops: AtomicBool,
}

impl Way {
    fn index(self) -> usize {
        match self {
            Self::ToFirst => 0,
            Self::ToSecond => 1,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::ToFirst => Self::ToSecond,
            Self::ToSecond => Self::ToFirst,
        }
    }
}

impl Relay {
    /// Two addresses that lead nowhere yet.
    ///
    /// # Panics
    /// If there are no ports for them.
    #[must_use]
    pub fn start() -> Self {
        let socket = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
            socket.set_read_timeout(Some(LOOK_UP)).expect("a socket takes a timeout");
            socket
        };
        let shared = Arc::new(Shared {
            sockets: [socket(), socket()],
            agents: Default::default(),
            recorded: Default::default(),
            is_cut: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        });
        let threads = [Way::ToFirst, Way::ToSecond].map(|way| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.pass_on(way))
        });
        Self { shared, threads: threads.into() }
    }

    /// The address that stands for an agent.
    ///
    /// # Panics
    /// Never: it is bound.
    #[must_use]
    pub fn address(&self, way: Way) -> SocketAddr {
        self.shared.sockets[way.index()].local_addr().expect("it is bound")
    }

    /// From now on the address leads there.
    pub fn lead(&self, way: Way, agent: SocketAddr) {
        *self.shared.agents[way.index()].lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
    }

    /// From now on nothing is passed on.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
    }

    /// What was passed on, that way.
    #[must_use]
    pub fn recorded(&self, way: Way) -> Vec<Vec<u8>> {
        self.shared.recorded[way.index()].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says something to an agent in the other's name.
    pub fn say(&self, way: Way, datagram: &[u8]) {
        self.shared.send(way, datagram);
    }
}

impl Shared {
    fn pass_on(&self, way: Way) {
        let mut buffer = [0; 65_536];
        while !self.stops.load(Ordering::SeqCst) {
            let received = match self.sockets[way.index()].recv(&mut buffer) {
                Ok(length) => &buffer[..length],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                // The other end is gone for now.
                Err(_) => continue,
            };
            if self.is_cut.load(Ordering::SeqCst) {
                continue;
            }
            self.recorded[way.index()].lock().unwrap_or_else(PoisonError::into_inner).push(received.to_vec());
            self.send(way, received);
        }
    }

    fn send(&self, way: Way, datagram: &[u8]) {
        let agent = *self.agents[way.index()].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agent {
            // A datagram may be lost, here as anywhere.
            let _ = self.sockets[way.other().index()].send_to(datagram, agent);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// How often a thread looks up from its socket to see whether it should end.
const LOOK_UP: Duration = Duration::from_millis(20);
