//! Three hosts with an agent each, a real service beside them, and what can happen to the network between them.
//!
//! Where the machine allows it the hosts are network namespaces on a bridge, and the service has one of its own. Where
//! it does not, everything is on loopback and the agents hear each other through a relay: the same tests, in which a
//! partition cuts hosts from each other but not from the service. Which of the two it was is said on standard error.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use breaker_client::wire::{Presence, ServiceStatus};

use super::agent::{Agent, Plan};
use super::cluster::{INTERVAL, free_address, is_whole, keyring};
use super::ctl::Ended;
use super::folder::Folder;
use super::namespaces::Network;
use super::relay::Relay;
use super::wait::wait_for;
use super::web::{Web, curl};

/// Three hosts with an agent each.
#[derive(Debug)]
pub struct Hosts {
    /// The agents, named `a`, `b` and `c`; ended before their hosts go.
    pub agents: Vec<Agent>,
    between: Between,
    _folder: Folder,
}

/// What the hosts are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Network namespaces.
    Namespaces,
    /// Processes side by side.
    Loopback,
}

/// What becomes of datagrams on their way.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How long each is on its way, in milliseconds.
    pub delay_ms: u32,
    /// How many of a hundred are lost.
    pub loss_percent: u32,
}

#[derive(Debug)]
enum Between {
    Namespaces(Network),
    Loopback(Relay),
}

impl Hosts {
    /// Three hosts whose agents have this in their configuration, beside gossip, and all see each other; on namespaces
    /// where there are any.
    ///
    /// # Panics
    /// If an agent does not start, or they do not find each other in time.
    #[must_use]
    pub fn start(config: &str) -> Self {
        let between = Between::any();
        Self::on(between, config)
    }

    /// The same on this ground; `None` where it is not to be had.
    ///
    /// # Panics
    /// As [`Hosts::start`].
    #[must_use]
    pub fn start_on(ground: Ground, config: &str) -> Option<Self> {
        let between = match ground {
            Ground::Loopback => Between::loopback(),
            Ground::Namespaces => Between::namespaces()?,
        };
        Some(Self::on(between, config))
    }

    fn on(between: Between, config: &str) -> Self {
        let folder = Folder::new();
        let ring = keyring(&folder, "ring");
        let agents = NODES.iter().enumerate().map(|(number, node)| between.plan(number, node, &ring, config).start());
        let hosts = Self { agents: agents.collect(), between, _folder: folder };
        wait_for("all hosts to see each other", || hosts.is_whole().then_some(()));
        hosts
    }

    /// What they are made of.
    #[must_use]
    pub fn ground(&self) -> Ground {
        match self.between {
            Between::Namespaces(_) => Ground::Namespaces,
            Between::Loopback(_) => Ground::Loopback,
        }
    }

    /// A service all of them reach, on a host of its own where there are any. One for each test.
    ///
    /// # Panics
    /// If there is no port for it.
    #[must_use]
    pub fn web(&self) -> Web {
        match &self.between {
            Between::Namespaces(network) => Web::start_in(network.host(NODES.len())),
            Between::Loopback(_) => Web::start(),
        }
    }

    /// A call from one host to the service under this name, guarded by its agent.
    ///
    /// # Panics
    /// If there is no curl, or it ends by a signal.
    #[must_use]
    pub fn call(&self, host: usize, name: &str, web: &Web) -> Ended {
        let words = curl(&web.url());
        let mut all = vec!["run", name, "--"];
        all.extend(words.iter().map(String::as_str));
        self.agents[host].ctl(&all)
    }

    /// Every host's word on a service.
    ///
    /// # Panics
    /// If an agent does not know it.
    #[must_use]
    pub fn all(&self, service: &str) -> Vec<ServiceStatus> {
        self.agents.iter().map(|agent| agent.service(service)).collect()
    }

    /// Cuts one host off from the others.
    pub fn isolate(&self, host: usize) {
        match &self.between {
            Between::Namespaces(network) => network.unplug(host),
            Between::Loopback(relay) => relay.isolate(host),
        }
    }

    /// Joins it to them again.
    pub fn heal(&self, host: usize) {
        match &self.between {
            Between::Namespaces(network) => network.plug(host),
            Between::Loopback(relay) => relay.heal(host),
        }
    }

    /// From now on the network is so, where it can be; where it cannot, the hosts go on without, and it is said.
    pub fn suffer(&self, weather: Weather) {
        let Weather { delay_ms, loss_percent } = weather;
        let (delay, jitter, loss) =
            (format!("{delay_ms}ms"), format!("{}ms", delay_ms / 2), format!("{loss_percent}%"));
        let done = match &self.between {
            Between::Namespaces(network) => network.netem(&["delay", &delay, &jitter, "loss", &loss]),
            Between::Loopback(_) => Err("loopback has no weather".to_owned()),
        };
        say(&match done {
            Ok(()) => format!("links: {delay} +- {jitter}, {loss} lost"),
            Err(why) => format!("links: as they are ({why})"),
        });
    }

    /// Whether all of them hear each other.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        is_whole(&self.agents)
    }

    /// Whether one host hears none of the others.
    #[must_use]
    pub fn hears_nobody(&self, host: usize) -> bool {
        !self.agents[host].members().iter().any(|member| member.presence == Presence::Live)
    }
}

impl Between {
    fn any() -> Self {
        Self::namespaces().unwrap_or_else(Self::loopback)
    }

    fn namespaces() -> Option<Self> {
        match Network::new(SPACES) {
            Ok(network) => {
                say("hosts: network namespaces");
                Some(Self::Namespaces(network))
            }
            Err(why) => {
                say(&format!("hosts: no network namespaces here ({why})"));
                None
            }
        }
    }

    fn loopback() -> Self {
        say("hosts: loopback, through a relay");
        Self::Loopback(Relay::between(NODES.len()))
    }

    /// Where one host's gossip is reached.
    fn address(&self, host: usize) -> SocketAddr {
        match self {
            Self::Namespaces(network) => SocketAddr::new(network.host(host).address(), PORT),
            Self::Loopback(relay) => relay.address(host),
        }
    }

    fn plan(&self, host: usize, node: &str, ring: &Path, config: &str) -> Plan {
        let (advertise, interval, ring) = (self.address(host), INTERVAL.as_millis(), ring.display());
        let seeds: Vec<String> = (0..NODES.len())
            .filter(|other| *other != host)
            .map(|other| format!("\"{}\"", self.address(other)))
            .collect();
        let (listen, seeds) = (self.listen(host), seeds.join(", "));
        let gossip = format!(
            "gossip: {{listen: \"{listen}\", advertise: \"{advertise}\", interval: {interval}ms, keyring: {ring}, seeds: [{seeds}]}}"
        );
        let plan = Plan::new(node, &format!("{gossip}\n{config}\n"));
        match self {
            Self::Namespaces(network) => plan.within(network.host(host)),
            Self::Loopback(_) => plan,
        }
    }

    /// Where one host's agent really listens.
    fn listen(&self, host: usize) -> SocketAddr {
        match self {
            Self::Namespaces(_) => self.address(host),
            Self::Loopback(relay) => {
                let listen = free_address();
                relay.lead(host, listen);
                listen
            }
        }
    }
}

fn say(line: &str) {
    // Not through the macros: whoever reads the tests' output is to see it, and nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

const NODES: [&str; 3] = ["a", "b", "c"];

/// The hosts, and one for the service.
const SPACES: u8 = 4;

/// Where agents in namespaces gossip: the default.
const PORT: u16 = 7_373;
