//! The fabric of turmoil: hosts of its simulation, and datagrams that cross its network.
//!
//! Links have turmoil's own delays, and nothing is lost there: what is to be lost, doubled or held has been so before
//! turmoil sees it, because turmoil's own faults break links instead of losing datagrams. Everything turmoil would take
//! from the real world or guess is set here: its generator's seed, the wall clock it begins at, how long it may run, how
//! many datagrams wait at a socket.
//!
//! Each machine runs a relay beside its software, which carries datagrams between turmoil's sockets and the queues of
//! the medium. All services share one machine: turmoil looks at every pair of machines in every step.

use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::try_join_all;
use turmoil::net::UdpSocket;

use super::medium::{DATAGRAM_MAX, Ear, Flight, Letter, Medium, Origin};
use super::{Ended, STEP, Software};
use crate::plan::Link;

/// turmoil's simulation.
pub(super) struct Turmoil {
    simulation: turmoil::Sim<'static>,
    medium: Arc<Medium>,
}

/// An empty simulation that can run for `longest`; it gives names their addresses.
pub(super) fn simulation(seed: u64, link: Link, longest: Duration) -> turmoil::Sim<'static> {
    let simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(UNIX_EPOCH + EPOCH)
        .simulation_duration(longest)
        .tick_duration(STEP)
        .udp_capacity(SOCKET_MAX)
        .min_message_latency(link.latency_min)
        .max_message_latency(link.latency_max)
        .build();
    simulation.set_message_latency_curve(LATENCY_CURVE);
    simulation
}

impl Turmoil {
    pub(super) fn new(simulation: turmoil::Sim<'static>, medium: Arc<Medium>) -> Self {
        Self { simulation, medium }
    }

    /// Adds a machine with these sockets.
    pub(super) fn add(&mut self, name: &str, ears: Vec<Ear>, software: Software) {
        let (medium, software) = (Arc::clone(&self.medium), Rc::new(software));
        self.simulation.host(name, move || {
            let relays = relays(Arc::clone(&medium), ears.clone());
            let software = Rc::clone(&software);
            async move {
                // The relay first: its sockets must be there before anything arrives.
                tokio::select! {
                    biased;
                    failed = relays => failed,
                    ended = software() => ended.and(Err("the software has ended".into())),
                }
            }
        });
    }

    pub(super) fn crash(&mut self, name: &str) {
        self.simulation.crash(name);
    }

    pub(super) fn restart(&mut self, name: &str) {
        self.simulation.bounce(name);
    }

    pub(super) fn step(&mut self) -> Ended {
        self.simulation.step().map(drop)?;
        self.medium.clock().set(self.simulation.elapsed());
        Ok(())
    }
}

/// Carries datagrams of some sockets until one fails.
fn relays(medium: Arc<Medium>, ears: Vec<Ear>) -> Pin<Box<dyn Future<Output = Ended>>> {
    Box::pin(async move {
        try_join_all(ears.into_iter().map(|ear| relay(Arc::clone(&medium), ear))).await?;
        pending().await
    })
}

async fn relay(medium: Arc<Medium>, ear: Ear) -> Ended {
    let address = medium.address(ear);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, address.port())).await?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        tokio::select! {
            biased;
            Flight { to, letter } = medium.departure(ear) => {
                socket.send_to(&letter.bytes, to).await?;
            }
            received = socket.recv_from(&mut buffer) => {
                let (len, from) = received?;
                let bytes = buffer.get(..len).unwrap_or_default().into();
                medium.arrive(address, Letter { from, bytes, origin: Origin::Sender });
            }
        }
    }
}

/// turmoil draws delays from an exponential distribution and cuts off milliseconds; with this rate, links of 1 to 3 ms
/// come out at 1, 2 and 3 ms for 39, 24 and 37 %, where its default would give 1 ms to nearly all.
const LATENCY_CURVE: f64 = 1.0;

/// What the wall clock says at the beginning: any time will do, as long as it is always the same.
const EPOCH: Duration = Duration::from_secs(1_750_000_000);

/// Datagrams that wait at a socket of turmoil's: those of one step, because relays empty them in each. The queues that
/// stand for real ones are the medium's.
const SOCKET_MAX: usize = 1 << 16;
