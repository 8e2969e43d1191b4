//! An address for each of several agents, so that what they say to each other can be recorded, cut, and said again.
//!
//! Each agent is told that the others are at these addresses (`gossip.advertise`). What arrives at the address that
//! stands for one agent is passed on to it, from the address that stands for whoever said it: so none of them can tell,
//! and answers come back the same way. Who said it is told by where the agent really is; strangers are not passed on.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The addresses, and a thread for each.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What one agent said to another; both by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Who said it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// What.
    pub datagram: Vec<u8>,
}

#[derive(Debug)]
struct Shared {
    ports: Vec<Port>,
    stops: AtomicBool,
}

/// What there is for one agent.
#[derive(Debug)]
struct Port {
    /// Stands for it.
    socket: UdpSocket,
    /// Where it really is.
    agent: Mutex<Option<SocketAddr>>,
    /// What was passed on to it.
    recorded: Mutex<Vec<Spoken>>,
    is_cut_off: AtomicBool,
}

impl Relay {
    /// So many addresses, which lead nowhere yet.
    ///
    /// # Panics
    /// If there are no ports for them.
    #[must_use]
    pub fn between(agents: usize) -> Self {
        let ports = (0..agents).map(|_| Port::open()).collect();
        let shared = Arc::new(Shared { ports, stops: AtomicBool::new(false) });
        let pass_on = |to| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.pass_on(to))
        };
        let threads = (0..agents).map(pass_on).collect();
        Self { shared, threads }
    }

    /// The address that stands for an agent.
    ///
    /// # Panics
    /// Never: it is bound.
    #[must_use]
    pub fn address(&self, agent: usize) -> SocketAddr {
        self.shared.ports[agent].socket.local_addr().expect("it is bound")
    }

    /// From now on the agent's address leads there.
    pub fn lead(&self, agent: usize, there: SocketAddr) {
        *locked(&self.shared.ports[agent].agent) = Some(there);
    }

    /// From now on nothing is passed on to this agent, nor from it.
    pub fn isolate(&self, agent: usize) {
        self.shared.ports[agent].is_cut_off.store(true, Ordering::SeqCst);
    }

    /// From now on it is again.
    pub fn heal(&self, agent: usize) {
        self.shared.ports[agent].is_cut_off.store(false, Ordering::SeqCst);
    }

    /// What was passed on to an agent.
    #[must_use]
    pub fn recorded(&self, to: usize) -> Vec<Spoken> {
        locked(&self.shared.ports[to].recorded).clone()
    }

    /// Says something in an agent's name.
    pub fn say(&self, spoken: &Spoken) {
        self.shared.send(spoken);
    }
}

impl Port {
    fn open() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        socket.set_read_timeout(Some(LOOK_UP)).expect("a socket takes a timeout");
        Self { socket, agent: Mutex::default(), recorded: Mutex::default(), is_cut_off: AtomicBool::new(false) }
    }
}

impl Shared {
    fn pass_on(&self, to: usize) {
        let mut buffer = [0; 65_536];
        while !self.stops.load(Ordering::SeqCst) {
            // Nothing came yet, or the other end is gone for now.
            let Ok((length, source)) = self.ports[to].socket.recv_from(&mut buffer) else { continue };
            let from = self.ports.iter().position(|port| *locked(&port.agent) == Some(source));
            let Some(from) = from.filter(|from| !self.is_cut(*from) && !self.is_cut(to)) else { continue };
            let spoken = Spoken { from, to, datagram: buffer[..length].to_vec() };
            locked(&self.ports[to].recorded).push(spoken.clone());
            self.send(&spoken);
        }
    }

    fn is_cut(&self, agent: usize) -> bool {
        self.ports[agent].is_cut_off.load(Ordering::SeqCst)
    }

    fn send(&self, spoken: &Spoken) {
        let agent = *locked(&self.ports[spoken.to].agent);
        if let Some(agent) = agent {
            // A datagram may be lost, here as anywhere.
            let _ = self.ports[spoken.from].socket.send_to(&spoken.datagram, agent);
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

/// What a thread that panicked has left is whole: each lock holds one value that is replaced or grows.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a thread looks up from its socket to see whether it should end.
const LOOK_UP: Duration = Duration::from_millis(20);
