//! The network hosts and services are joined by: one thread, time in steps of a millisecond, one of two carriers.
//!
//! Under turmoil datagrams cross the network of an independent library, for up to 50 hosts; in memory they cross a queue
//! of our own, for a thousand. Everything else is the same: `network` is the one model of what goes wrong on the way,
//! `medium` holds the sockets and what is between them, `port` is what a host or a service sees of it. What a machine runs
//! is its software here and none of the network's business. There is a machine for each host and one more that all
//! services share; every host and every service is a *place* with sockets of its own.
//!
//! `under_turmoil` is the only file that names turmoil, `memory` the only one that makes runtimes.

mod clock;
mod medium;
mod memory;
mod network;
mod port;
mod under_turmoil;

pub use clock::Clock;
pub use medium::DATAGRAM_MAX;
pub use port::{Port, RECORDINGS_MAX, Traffic, Wire};

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::medium::{Ear, Medium};
use self::memory::Memory;
use self::network::{Network, Plane, Seat};
use self::under_turmoil::Turmoil;
pub use crate::plan::FabricKind;
use crate::plan::{Link, Place, What};
use crate::trace::Recorder;

/// What software of a machine ends with.
pub type Ended = Result<(), Box<dyn Error>>;

/// Starts what runs on a machine, once for each of its lives.
pub type Software = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Ended>>>>;

/// What a fabric is made of.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Who carries datagrams.
    pub kind: FabricKind,
    /// Where all chance of the network comes from.
    pub seed: u64,
    /// The links.
    pub link: Link,
    /// How many hosts there are.
    pub hosts: usize,
    /// The names of the services, each once.
    pub services: Vec<&'a str>,
    /// How long it can run.
    pub longest: Duration,
}

/// Something that runs software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// A host's, by number.
    Host(usize),
    /// That of all services.
    Services,
}

/// Why something cannot be done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpausable;

/// A network of hosts and services.
pub struct Fabric {
    carrier: Carrier,
    medium: Arc<Medium>,
    ports: BTreeMap<Place, Arc<Port>>,
    machines: BTreeMap<Machine, usize>,
    hosts: usize,
    /// Hosts that crashed and have not started again.
    down: BTreeSet<usize>,
}

enum Carrier {
    Turmoil(Box<Turmoil>),
    Memory(Memory),
}

impl Fabric {
    /// A network on which nothing runs yet.
    #[must_use]
    pub fn new(plan: &Plan<'_>, recorder: &Recorder) -> Self {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let simulation = (plan.kind == FabricKind::Turmoil)
            .then(|| under_turmoil::simulation(rng.random(), plan.link, plan.longest));
        let ip = |machine: usize, name: &str| match &simulation {
            Some(simulation) => simulation.lookup(name),
            None => IpAddr::V4(Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + u32::try_from(machine).unwrap_or(0))),
        };
        let host_ips: Vec<_> = (0..plan.hosts).map(|host| ip(host, &host_name(host))).collect();
        let services_ip = ip(plan.hosts, SERVICES);

        let (mut seats, mut addresses, mut names) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (host, ip) in host_ips.into_iter().enumerate() {
            let seat = Seat(seats.len());
            seats.insert(Place::Host(host), seat);
            addresses.insert(Ear { seat, plane: Plane::Gossip }, SocketAddr::new(ip, GOSSIP_PORT));
            addresses.insert(Ear { seat, plane: Plane::Calls }, SocketAddr::new(ip, CALLS_PORT));
            names.push((Place::Host(host), host_name(host)));
        }
        for (port, service) in (CALLS_PORT..).zip(&plan.services) {
            let seat = Seat(seats.len());
            seats.insert(Place::Service((*service).to_owned()), seat);
            addresses.insert(Ear { seat, plane: Plane::Calls }, SocketAddr::new(services_ip, port));
            names.push((Place::Service((*service).to_owned()), (*service).to_owned()));
        }
        let seeds: Vec<_> = names.iter().map(|_| rng.random()).collect();
        let network = Network::new(plan.link, seats.clone());
        let medium = Arc::new(Medium::new(plan.kind, Clock::default(), network, addresses, &seeds));
        let port = |(place, name): (Place, String)| {
            let port = Port::new(&name, seats[&place], Arc::clone(&medium), recorder.clone());
            (place, Arc::new(port))
        };
        let ports = names.into_iter().map(port).collect();
        let carrier = match simulation {
            Some(simulation) => Carrier::Turmoil(Box::new(Turmoil::new(simulation, Arc::clone(&medium)))),
            None => Carrier::Memory(Memory::new(Arc::clone(&medium))),
        };
        Self { carrier, medium, ports, machines: BTreeMap::new(), hosts: plan.hosts, down: BTreeSet::new() }
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.medium.clock()
    }

    /// Simulated time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock().now()
    }

    /// A place of this network.
    #[must_use]
    pub fn port(&self, place: &Place) -> &Arc<Port> {
        self.ports.get(place).expect("invariant: places are named when the fabric is made")
    }

    /// How many hosts there are.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts
    }

    /// Has a machine run software from the next step on. Each machine once; hosts in order of number.
    pub fn run_on<F, Fut>(&mut self, machine: Machine, software: F)
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output = Ended> + 'static,
    {
        let software: Software = Box::new(move || Box::pin(software()));
        self.machines.insert(machine, self.machines.len());
        match &mut self.carrier {
            Carrier::Memory(memory) => memory.add(&machine.name(), software),
            Carrier::Turmoil(turmoil) => {
                let here = |place: &Place| match (machine, place) {
                    (Machine::Host(host), Place::Host(other)) => host == *other,
                    (Machine::Services, Place::Service(_)) => true,
                    (Machine::Host(_), Place::Service(_)) | (Machine::Services, Place::Host(_)) => false,
                };
                let ears = self.ports.iter().filter(|(place, _)| here(place)).flat_map(|(place, port)| {
                    let planes: &[Plane] = match place {
                        Place::Host(_) => &[Plane::Gossip, Plane::Calls],
                        Place::Service(_) => &[Plane::Calls],
                    };
                    planes.iter().map(|plane| port.ear(*plane))
                });
                turmoil.add(&machine.name(), ears.collect(), software);
            }
        }
    }

    /// Stops everything on a host, without a word.
    pub fn crash(&mut self, host: usize) {
        let number = self.number(host);
        self.down.insert(host);
        match &mut self.carrier {
            Carrier::Turmoil(turmoil) => turmoil.crash(&host_name(host)),
            Carrier::Memory(memory) => memory.crash(number),
        }
    }

    /// Starts a host's software anew.
    pub fn restart(&mut self, host: usize) {
        let number = self.number(host);
        self.down.remove(&host);
        match &mut self.carrier {
            Carrier::Turmoil(turmoil) => turmoil.restart(&host_name(host)),
            Carrier::Memory(memory) => memory.restart(number),
        }
    }

    /// Stops a host so that it can go on.
    ///
    /// # Errors
    /// [`Unpausable`] under turmoil, whose hosts all have the same time.
    pub fn pause(&mut self, host: usize) -> Result<(), Unpausable> {
        let number = self.number(host);
        match &mut self.carrier {
            Carrier::Turmoil(_) => Err(Unpausable),
            Carrier::Memory(memory) => {
                memory.pause(number);
                Ok(())
            }
        }
    }

    /// Has a paused host go on: for its clock no time has passed, and then all of it at once. Whether it was paused.
    pub fn resume(&mut self, host: usize) -> bool {
        let number = self.number(host);
        match &mut self.carrier {
            Carrier::Turmoil(_) => false,
            Carrier::Memory(memory) => memory.resume(number),
        }
    }

    /// Whether anything runs on a host, or would if it were not paused.
    #[must_use]
    pub fn is_up(&self, host: usize) -> bool {
        !self.down.contains(&host)
    }

    /// A fault of the network begins, under a number of its own; whether it is one of the network.
    pub fn begin_fault(&self, index: usize, what: &What) -> bool {
        let is_ours = self.medium.network(|network| network.begin(index, what));
        // Sockets that wait are to fail.
        self.medium.wake_all();
        is_ours
    }

    /// A fault of the network ends.
    pub fn end_fault(&self, index: usize) {
        self.medium.network(|network| network.end(index));
    }

    /// How often a fault of the network struck.
    #[must_use]
    pub fn struck(&self, index: usize) -> u64 {
        self.medium.network(|network| network.struck(index))
    }

    /// Lets every machine run for one step.
    ///
    /// # Errors
    /// What the software of a machine failed with, panics included.
    pub fn step(&mut self) -> Ended {
        match &mut self.carrier {
            Carrier::Turmoil(turmoil) => turmoil.step(),
            Carrier::Memory(memory) => memory.step(),
        }
    }

    fn number(&self, host: usize) -> usize {
        *self.machines.get(&Machine::Host(host)).expect("invariant: hosts run from the beginning")
    }
}

impl Machine {
    fn name(self) -> String {
        match self {
            Self::Host(host) => host_name(host),
            Self::Services => SERVICES.to_owned(),
        }
    }
}

impl std::fmt::Display for Unpausable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("under turmoil all hosts have the same time, and none can be paused; use the memory fabric")
    }
}

impl Error for Unpausable {}

/// The name of a host, which is its agent's id too.
#[must_use]
pub fn host_name(number: usize) -> String {
    format!("h{number}")
}

/// Simulated time goes on in steps of this: what tokio's timers can tell apart, and the links' shortest delay.
pub const STEP: Duration = Duration::from_millis(1);

/// The machine of all services. No host has this name.
const SERVICES: &str = "services";

/// Where hosts begin in memory, as turmoil has them.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);

/// Where agents gossip unless told otherwise.
const GOSSIP_PORT: u16 = 7373;

/// Where answers to calls arrive at hosts, and from where on calls arrive at services, one port each. Thousands of ports
/// follow.
const CALLS_PORT: u16 = 10_000;

#[cfg(test)]
mod tests;
