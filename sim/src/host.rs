//! One host: an agent, started through the agent's own `daemon::run`, and the applications beside it.
//!
//! Nothing of the agent is built here but what the daemon takes as arguments: a configuration that went through the
//! same checks as a user's, a socket of the fabric, a listener in memory, who the agent is, and who looks on. The
//! applications speak with it through the real client library.
//!
//! An agent has many lives: after a crash of its host, and after a restart in place, where it is told to stop and its
//! applications find the next one. Each life has the next incarnation, above any that gossip took meanwhile, and a seed
//! of its own; a moment after it began it hears the recordings of the life before. Agent, client and applications are
//! parts of one future, so that none can die, or panic, without the simulation hearing of it.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breaker_agent::config::Config;
use breaker_agent::core::guards::Guards;
use breaker_agent::daemon::{self, GossipSeam, Seams};
use breaker_agent::driver::Identity;
use breaker_agent::gossip::{GivenPeer, Membership};
use breaker_agent::keyring::Keyring;
use breaker_agent::observe::Observer;
use breaker_client::wire::WithPeers;
use breaker_client::{Client, Connector, Options};
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::fabric::{Clock, Ended, Port};
use crate::listener::{self, Dialer};
use crate::news::News;
use crate::world::{LifeFacts, Lives, World};

/// A host, through all lives of its agent.
pub struct Host {
    number: usize,
    port: Arc<Port>,
    setup: Setup,
    around: Around,
    books: Mutex<Books>,
    /// The highest incarnation gossip took.
    highest: Arc<AtomicU64>,
    /// Has the agent stop, to be started again.
    stop: Notify,
    /// Has the agent asked what it has counted.
    ask: Notify,
}

/// What a host is.
#[derive(Clone)]
pub struct Setup {
    /// The agent on it; `None` for applications that know everything themselves.
    pub agent: Option<AgentSetup>,
    /// Where all chance of the host comes from.
    pub chance: u64,
    /// How long after the simulation the host starts: hosts of a cluster do not start in one moment.
    pub starts_after: Duration,
}

/// What an agent needs to know of its cluster.
#[derive(Clone)]
pub struct AgentSetup {
    /// Its configuration.
    pub config: Arc<Config>,
    /// The failure domain it is in.
    pub zone: Option<String>,
    /// The key gossip is sealed with.
    pub keyring: Keyring,
    /// Everybody, itself included, where hosts are given each other; they find each other by gossip otherwise.
    pub given: Option<Arc<[GivenPeer]>>,
    /// Which protections are on.
    pub guards: Guards,
}

/// What all hosts share.
#[derive(Clone)]
pub struct Around {
    /// The time.
    pub clock: Clock,
    /// Who calls, and who judges.
    pub world: World,
    /// Who times how news spread.
    pub news: News,
    /// Where services are.
    pub services: Arc<BTreeMap<String, SocketAddr>>,
}

struct Books {
    rng: StdRng,
    machine_lives: u64,
    life: Option<Life>,
    /// Where clients find the present agent.
    door: Option<Dialer>,
    past: Vec<PastLife>,
}

/// The present life of the agent.
struct Life {
    incarnation: u64,
    began: Duration,
    counters: BTreeMap<String, u64>,
}

/// A life that is over, and all it counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLife {
    /// What it came to.
    pub facts: LifeFacts,
    /// What the agent counted, by name.
    pub counters: BTreeMap<String, u64>,
}

impl Host {
    /// A host that has not started.
    #[must_use]
    pub fn new(number: usize, port: Arc<Port>, setup: Setup, around: Around) -> Self {
        let rng = StdRng::seed_from_u64(setup.chance);
        let books = Books { rng, machine_lives: 0, life: None, door: None, past: Vec::new() };
        Self {
            number,
            port,
            setup,
            around,
            books: Mutex::new(books),
            highest: Arc::new(AtomicU64::new(0)),
            stop: Notify::new(),
            ask: Notify::new(),
        }
    }

    /// Where it is on the network.
    #[must_use]
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Runs agent and applications until one of them fails: the software of a host.
    ///
    /// # Errors
    /// What either failed with.
    pub async fn run(self: Arc<Self>) -> Ended {
        if self.begin_machine_life() == 1 {
            sleep(self.setup.starts_after).await;
        }
        // What was asked of a former life is not for this one.
        let _ = (self.stop.notified().now_or_never(), self.ask.notified().now_or_never());
        let ended = match &self.setup.agent {
            None => {
                self.around.world.host_lives(self.number, self.around.clock.now(), Lives::Started);
                self.applications(None).await
            }
            Some(agent) => self.guarded(agent).await,
        };
        ended.map_err(|error| format!("{}: {error}", self.port.name()).into())
    }

    /// Has the agent asked what it has counted; it answers within the next step.
    pub fn ask_counters(&self) {
        self.ask.notify_one();
    }

    /// Has the agent stop and start again, while applications go on.
    pub fn restart_agent(&self) {
        self.stop.notify_one();
    }

    /// Whether an agent runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.lock().life.is_some()
    }

    /// The life of the agent is over, by a crash or with the simulation.
    pub fn end_life(&self) {
        let mut books = self.lock();
        books.door = None;
        let Some(life) = books.life.take() else { return };
        let count = |name: &str| life.counters.get(name).copied().unwrap_or_default();
        let facts = LifeFacts {
            host: self.number,
            incarnation: life.incarnation,
            lived: self.around.clock.now().saturating_sub(life.began),
            delivered_distinct: self.port.delivered_distinct(),
            accepted: count("seal_accepted"),
            alerts_sent: count(ALERTS_SENT),
        };
        books.past.push(PastLife { facts, counters: life.counters });
    }

    /// All lives that are over, in order.
    #[must_use]
    pub fn past_lives(&self) -> Vec<PastLife> {
        self.lock().past.clone()
    }

    /// Agents, one after the other, and the applications that ask them.
    async fn guarded(self: &Arc<Self>, agent: &AgentSetup) -> Ended {
        let seed = self.lock().rng.random();
        let (client, link) = Client::unspawned(self.connector(), &Options { seed, ..Options::default() });
        // The agent first: it must be there before it is asked.
        tokio::select! {
            biased;
            ended = self.agents(agent) => ended,
            ended = self.applications(Some(client.clone())) => ended,
            ended = self.count(&client) => ended,
            () = link => Err("the client's task has ended".into()),
        }
    }

    /// The applications. Those that are done leave the agent running.
    async fn applications(&self, client: Option<Client>) -> Ended {
        let (calls, seed) = (self.port.bind_calls()?, self.lock().rng.random());
        let services = Arc::clone(&self.around.services);
        self.around.world.callers(self.number, client, calls, services, seed).await?;
        pending().await
    }

    /// One life of the agent after the other.
    async fn agents(&self, agent: &AgentSetup) -> Ended {
        loop {
            self.live(agent).await?;
            self.end_life();
            self.around.world.host_lives(self.number, self.around.clock.now(), Lives::Crashed);
            sleep(RESTART_TAKES).await;
        }
    }

    /// One life of the agent, until it fails or is told to stop.
    async fn live(&self, agent: &AgentSetup) -> Ended {
        let (listener, dialer) = listener::in_memory();
        let identity = self.begin_life(agent, dialer);
        let gossip = agent.config.gossip.on.value.then(|| self.gossip(agent)).transpose()?;
        let observer = Some(self.observer(identity.incarnation));
        self.around.world.host_lives(self.number, self.around.clock.now(), Lives::Started);
        let seams = Seams { listener, gossip, identity, guards: agent.guards, observer };
        let replays = async {
            sleep(REPLAY_AFTER).await;
            self.port.replay();
            pending::<Ended>().await
        };
        tokio::select! {
            biased;
            stopped = daemon::run(Arc::clone(&agent.config), seams, self.stop.notified()) => Ok(stopped?),
            never = replays => never,
        }
    }

    /// Asks the agent what it has counted, whenever somebody wants to know.
    async fn count(&self, client: &Client) -> Ended {
        loop {
            self.ask.notified().await;
            // An agent that is not there keeps what it told before.
            let Ok(page) = client.status_of(ANY_SERVICE, WithPeers::No).await else { continue };
            let counters = page.agent.counters.into_iter().map(|counter| (counter.name, counter.count));
            let unguarded = ("client_unguarded".to_owned(), client.counters().unguarded);
            if let Some(life) = &mut self.lock().life {
                life.counters = counters.chain([unguarded]).collect();
            }
        }
    }

    fn gossip(&self, agent: &AgentSetup) -> io::Result<GossipSeam> {
        let highest = Arc::clone(&self.highest);
        Ok(GossipSeam {
            datagrams: Arc::new(self.port.bind_gossip()?),
            advertise: self.port.gossip_address(),
            keyring: Some(agent.keyring.clone()),
            on_incarnation: Arc::new(move |raised| {
                highest.fetch_max(raised, Ordering::Relaxed);
            }),
            membership: agent.membership(self.port.name()),
        })
    }

    fn observer(&self, incarnation: u64) -> Observer {
        let (number, around) = (self.number, self.around.clone());
        Box::new(move |_, seen| {
            let at = around.clock.now();
            around.news.observe(number, at, seen);
            around.world.observe(number, incarnation, at, seen);
        })
    }

    /// Reaches whatever agent runs at the time.
    fn connector(self: &Arc<Self>) -> Connector {
        let host = Arc::downgrade(self);
        Connector::new(move || {
            let door = host.upgrade().and_then(|host| host.lock().door.clone());
            let opening = door.map(|door| door.dial(Some(APPLICATION_USER)));
            async move { opening.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())) }
        })
    }

    fn begin_machine_life(&self) -> u64 {
        let mut books = self.lock();
        books.machine_lives += 1;
        books.machine_lives
    }

    fn begin_life(&self, agent: &AgentSetup, door: Dialer) -> Identity {
        let incarnation = self.highest.fetch_add(1, Ordering::Relaxed) + 1;
        let mut books = self.lock();
        books.door = Some(door);
        books.life = Some(Life { incarnation, began: self.around.clock.now(), counters: BTreeMap::new() });
        let mut seed = [0; 32];
        books.rng.fill_bytes(&mut seed);
        Identity {
            node: self.port.name().to_owned(),
            zone: agent.zone.clone(),
            seed,
            incarnation,
            gossip_address: agent.config.gossip.on.value.then(|| self.port.gossip_address()),
            uid: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AgentSetup {
    /// How peers of this agent become known.
    fn membership(&self, node: &str) -> Membership {
        let others = |all: &Arc<[GivenPeer]>| all.iter().filter(|peer| peer.node != node).cloned().collect();
        self.given.as_ref().map_or(Membership::Gossiped, |all| Membership::Given(others(all)))
    }
}

/// The user applications run as: not root, and not the agent's, which has none.
const APPLICATION_USER: u32 = 1_000;

/// An agent answers what it has counted beside what it knows of a service; this one nobody calls.
const ANY_SERVICE: &str = "simulator";

/// How an agent counts the datagrams of its alerts.
const ALERTS_SENT: &str = "gossip_alert_datagrams_sent";

/// When recordings are delivered to a new life: it hears by then, and has not made all its contacts.
const REPLAY_AFTER: Duration = Duration::from_millis(100);

/// How long after its end an agent is started again in place, as a service manager does it.
const RESTART_TAKES: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
