//! A cluster of hosts on one fabric, everything drawn from one seed.
//!
//! What each host draws is derived from the seed in the order of hosts, one generator per purpose and host, so that a
//! draw more in one place changes nothing elsewhere.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::keyring::Keyring;
use breaker_client::Client;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fabric::{Ended, Fabric, Loss, Port, Traffic};
use crate::host::{Host, Setup};
use crate::trace::Recorder;

/// What a cluster is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many hosts.
    pub hosts: usize,
    /// Where all chance comes from.
    pub seed: u64,
    /// How many datagrams are lost.
    pub loss: Loss,
}

/// What an application has to work with.
pub struct Seat {
    /// The number of its host, from 0.
    pub host: usize,
    /// Its host's place on the network.
    pub port: Arc<Port>,
    /// Its way to the agent.
    pub client: Client,
}

/// A running cluster.
pub struct Cluster<'a> {
    fabric: Fabric<'a>,
    ports: Vec<Arc<Port>>,
}

impl Cluster<'_> {
    /// A cluster whose hosts all run an agent and this application.
    pub fn new<A, Fut>(plan: Plan, longest: Duration, recorder: &Recorder, application: A) -> Self
    where
        A: Fn(Seat) -> Fut + Clone + 'static,
        Fut: Future<Output = Ended> + 'static,
    {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let mut fabric = Fabric::new(rng.random(), longest);
        let keyring = Keyring::generate(&mut rng);
        let names: Vec<_> = (0..plan.hosts).map(host_name).collect();
        let seeds: Vec<_> = names.iter().take(SEEDS).map(|name| fabric.address(name)).collect();
        let mut ports = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let port = Port::new(name, fabric.address(name), rng.random(), plan.loss, recorder.clone());
            let port = Arc::new(port);
            let setup = Setup {
                seeds: seeds.clone(),
                keyring: keyring.clone(),
                chance: rng.random(),
                starts_after: Duration::from_millis(rng.random_range(0..START_SPREAD_MS)),
            };
            let host = Arc::new(Host::new(Arc::clone(&port), setup));
            let application = application.clone();
            fabric.host(name, move || {
                let (application, port) = (application.clone(), Arc::clone(host.port()));
                Arc::clone(&host).live(move |client| application(Seat { host: number, port, client }))
            });
            ports.push(port);
        }
        Self { fabric, ports }
    }

    /// Lets every host run for one step.
    ///
    /// # Errors
    /// What a host failed with.
    pub fn step(&mut self) -> Result<(), Box<dyn Error>> {
        self.fabric.step()
    }

    /// Simulated time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.fabric.elapsed()
    }

    /// The place of a host on the network.
    #[must_use]
    pub fn port(&self, host: usize) -> &Port {
        self.ports.get(host).expect("invariant: hosts are numbered from 0")
    }

    /// What has passed all ports so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.ports.iter().map(|port| port.traffic()).fold(Traffic::default(), Traffic::plus)
    }
}

/// The name of a host, which is its agent's id too.
#[must_use]
pub fn host_name(number: usize) -> String {
    format!("h{number}")
}

/// Hosts every agent knows of when it starts, as the first few are written into everybody's configuration.
const SEEDS: usize = 3;

/// Hosts start within one gossip interval: those of a cluster are not in step.
const START_SPREAD_MS: u64 = 500;
