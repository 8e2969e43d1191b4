//! The hosts and services of a run on one fabric, everything drawn from one seed.
//!
//! What each host draws is derived from the seed in the order of hosts, one generator per purpose and host, so that a
//! draw more in one place changes nothing elsewhere.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::config::{Config, Given, GivenBy, Overrides};
use breaker_agent::gossip::GivenPeer;
use breaker_agent::keyring::Keyring;
use futures_util::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use crate::fabric::host_name;
use crate::fabric::{self, Ended, Fabric, Machine, Traffic};
use crate::host::{AgentSetup, Around, Host, Setup};
use crate::news::News;
use crate::plan::{Mode, Place, Run, Scenario};
use crate::trace::Recorder;
use crate::world::World;

/// A running cluster.
pub struct Cluster {
    /// The network, which also stops and starts hosts.
    pub fabric: Fabric,
    /// The hosts, in order of number.
    pub hosts: Vec<Arc<Host>>,
    /// Who times how news spread.
    pub news: News,
}

impl Cluster {
    /// Everything a run asks for, started from the first step on.
    ///
    /// # Errors
    /// What is wrong with the agents' configuration.
    pub fn new(run: &Run, recorder: &Recorder, world: &World) -> Result<Self, Box<dyn Error>> {
        let scenario = &run.scenario;
        let mut rng = StdRng::seed_from_u64(run.seed);
        let plan = fabric::Plan {
            kind: run.fabric,
            seed: rng.random(),
            link: scenario.link,
            hosts: scenario.hosts(),
            services: scenario.services.keys().map(String::as_str).collect(),
            longest: scenario.duration + LONGER,
        };
        let mut fabric = Fabric::new(&plan, recorder);
        let keyring = Keyring::generate(&mut rng);
        let services = scenario.services.keys().cloned();
        let addresses = services.map(|name| (name.clone(), fabric.port(&Place::Service(name)).calls_address()));
        let news = News::default();
        let around = Around {
            clock: fabric.clock().clone(),
            world: world.clone(),
            news: news.clone(),
            services: Arc::new(addresses.collect()),
        };
        world.clock(around.clock.reader());
        let config = Config::load(&scenario.agent, AGENT_KEY)?;
        let given = given(scenario, &fabric);
        let mut hosts = Vec::new();
        for number in 0..plan.hosts {
            let agent = match run.mode {
                Mode::Oracle => None,
                Mode::Gossip | Mode::Local | Mode::Steps => Some(AgentSetup {
                    config: Arc::new(config_of(number, &config, run.mode, &fabric)?),
                    zone: scenario.zone_of(number).map(str::to_owned),
                    keyring: keyring.clone(),
                    given: given.clone(),
                    guards: run.guards,
                }),
            };
            let setup = Setup {
                agent,
                chance: rng.random(),
                starts_after: Duration::from_millis(rng.random_range(0..START_SPREAD_MS)),
            };
            let port = Arc::clone(fabric.port(&Place::Host(number)));
            let host = Arc::new(Host::new(number, port, setup, around.clone()));
            hosts.push(Arc::clone(&host));
            fabric.run_on(Machine::Host(number), move || Arc::clone(&host).run());
        }
        run_services(scenario, &mut fabric, world);
        Ok(Self { fabric, hosts, news })
    }

    /// What gossip has passed all ports so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.hosts.iter().map(|host| host.port().traffic()).fold(Traffic::default(), Traffic::plus)
    }
}

/// What a user would write and give for this host.
fn config_of(host: usize, config: &Config, mode: Mode, fabric: &Fabric) -> Result<Config, Box<dyn Error>> {
    let given = |text: String| Given { text, by: GivenBy::CommandLine };
    let address = |host| fabric.port(&Place::Host(host)).gossip_address().to_string();
    let mut config = config.clone();
    let is_on = config.gossip.on.value && mode != Mode::Local;
    // Its file is not read here: the agent is given the keys.
    config.gossip.keyring.value = Some(PathBuf::from("in-memory"));
    let seeds = if is_on { SEEDS.min(fabric.hosts()) } else { 0 };
    Ok(config.apply(&Overrides {
        socket: None,
        node_id: Some(given(host_name(host))),
        gossip_listen: Some(given(if is_on { address(host) } else { "off".to_owned() })),
        seeds: (0..seeds).map(|host| given(address(host))).collect(),
    })?)
}

/// All hosts, where they are too many to find each other.
fn given(scenario: &Scenario, fabric: &Fabric) -> Option<Arc<[GivenPeer]>> {
    let peer = |host| GivenPeer {
        node: host_name(host),
        zone: scenario.zone_of(host).map(str::to_owned),
        address: fabric.port(&Place::Host(host)).gossip_address(),
    };
    (scenario.hosts() > POOL_MAX).then(|| (0..scenario.hosts()).map(peer).collect())
}

/// All services on one machine.
fn run_services(scenario: &Scenario, fabric: &mut Fabric, world: &World) {
    if scenario.services.is_empty() {
        return;
    }
    let names = scenario.services.keys().cloned();
    let ports: Vec<_> = names.map(|name| (name.clone(), Arc::clone(fabric.port(&Place::Service(name))))).collect();
    let world = world.clone();
    fabric.run_on(Machine::Services, move || {
        let (ports, world) = (ports.clone(), world.clone());
        async move {
            let serve = |(name, port): (String, Arc<fabric::Port>)| {
                let world = world.clone();
                async move { world.service(&name, port.bind_calls()?).await }
            };
            let ended: Ended = try_join_all(ports.into_iter().map(serve)).await.map(drop);
            ended
        }
    });
}

/// How messages name the agents' configuration.
const AGENT_KEY: &str = "agent";

/// Hosts every agent knows of when it starts, as the first few are written into everybody's configuration.
const SEEDS: usize = 3;

/// Hosts start within one gossip interval: those of a cluster are not in step.
const START_SPREAD_MS: u64 = 500;

/// Most hosts that get to know each other by gossip: the size of one pool. Beyond it they are given each other, and only
/// alerts travel.
const POOL_MAX: usize = 500;

/// A run may ask its agents what they counted after its end.
const LONGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
