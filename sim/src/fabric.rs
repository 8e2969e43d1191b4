//! The network hosts are joined by: simulated by turmoil, one thread, time in steps of a millisecond.
//!
//! Links take 1 to 3 ms and lose nothing; loss is the business of a [`Port`], because turmoil's own breaks links instead
//! of losing datagrams. Everything turmoil would take from the real world or guess is set here: its generator's seed, the
//! wall clock it begins at, how long it may run, how many datagrams wait at a socket.
//!
//! This file and `port` are the only ones that name turmoil. What a host runs is its software here, and none of the
//! network's business.

mod port;

pub use port::{DATAGRAM_MAX, Loss, LossError, Port, Traffic, Wire};

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

/// What software of a host ends with.
pub type Ended = Result<(), Box<dyn Error>>;

/// A network of hosts.
pub struct Fabric<'a> {
    simulation: turmoil::Sim<'a>,
}

impl<'a> Fabric<'a> {
    /// A network without hosts that can run for `longest`.
    #[must_use]
    pub fn new(seed: u64, longest: Duration) -> Self {
        let simulation = turmoil::Builder::new()
            .rng_seed(seed)
            .epoch(UNIX_EPOCH + EPOCH)
            .simulation_duration(longest)
            .tick_duration(STEP)
            .udp_capacity(QUEUE_MAX)
            .min_message_latency(LATENCY_MIN)
            .max_message_latency(LATENCY_MAX)
            .build();
        simulation.set_message_latency_curve(LATENCY_CURVE);
        Self { simulation }
    }

    /// Where agents of a host of that name are reached.
    #[must_use]
    pub fn address(&self, name: &str) -> SocketAddr {
        SocketAddr::new(self.simulation.lookup(name), GOSSIP_PORT)
    }

    /// Adds a host; `software` starts what runs on it.
    pub fn host<F, Fut>(&mut self, name: &str, software: F)
    where
        F: Fn() -> Fut + 'a,
        Fut: Future<Output = Ended> + 'static,
    {
        self.simulation.host(name, software);
    }

    /// Lets every host run for one step.
    ///
    /// # Errors
    /// What the software of a host failed with, panics included.
    pub fn step(&mut self) -> Ended {
        self.simulation.step().map(drop)
    }

    /// Simulated time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.simulation.elapsed()
    }
}

/// Simulated time since the beginning, on the host that asks. To be called from the software of a host.
#[must_use]
pub fn now() -> Duration {
    turmoil::sim_elapsed().expect("invariant: only software of simulated hosts asks for their time")
}

/// Simulated time goes on in steps of this: what tokio's timers can tell apart, and the links' shortest delay.
pub const STEP: Duration = Duration::from_millis(1);

/// Links of one data centre.
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(3);

/// turmoil draws delays from an exponential distribution and cuts off milliseconds; with this rate 1, 2 and 3 ms come
/// out at 39, 24 and 37 %, where its default would give 1 ms to nearly all.
const LATENCY_CURVE: f64 = 1.0;

/// What the wall clock says at the beginning: any time will do, as long as it is always the same.
const EPOCH: Duration = Duration::from_secs(1_750_000_000);

/// Datagrams that wait at a socket: what the default buffer of Linux (208 KiB) holds of our largest, 1,200 bytes each
/// with the kernel's overhead.
const QUEUE_MAX: usize = 90;

/// Where agents gossip unless told otherwise.
const GOSSIP_PORT: u16 = 7373;

#[cfg(test)]
mod tests {
    use super::*;

    /// turmoil runs a host's software as a task, and a panic of a task is easily lost.
    #[test]
    fn software_that_fails_or_panics_fails_the_step() {
        let said = |software: fn() -> Ended| {
            let mut fabric = Fabric::new(1, Duration::from_secs(1));
            fabric.host("h0", move || async move { software() });
            fabric.step().unwrap_err().to_string()
        };
        assert_eq!(said(|| Err("out of luck".into())), "out of luck");
        assert!(said(|| panic!("asked to")).contains("panicked"));
    }

    #[test]
    fn names_have_addresses_of_their_own_that_stay() {
        let fabric = Fabric::new(1, Duration::from_secs(1));
        let addresses = ["h0", "h1"].map(|name| fabric.address(name).to_string());
        assert_eq!(addresses, ["192.168.0.1:7373", "192.168.0.2:7373"]);
        assert_eq!(fabric.address("h0").to_string(), addresses[0]);
    }
}
