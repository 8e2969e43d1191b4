//! The whole agent, wired: driver, server and gossip as tasks of one parent.
//!
//! [`run`] is the one wiring there is. The daemon calls it with a Unix socket and a UDP socket, the simulator with
//! simulated ones; what differs between worlds comes in as an argument ([`Seams`]) and nothing else does.
//!
//! Every task here is noticed when it dies. Driver and server are the agent: if one dies the agent stops with an error,
//! and whoever supervises it starts a new one. Gossip is not: breakers work on without it, and it is started again.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use breaker_client::wire::GossipHealth;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::core::guards::Guards;
use crate::datagram::Datagrams;
use crate::driver::{self, Driver, Identity, Outlets};
use crate::gossip::{self, AlertSource, GossipCounters, GossipSetup, Membership};
use crate::keyring::Keyring;
use crate::listener::Listener;
use crate::mail::{ALERTS_MAX, GossipNews, MAILBOX_MAX, Mail, Published};
use crate::observe::Observer;
use crate::server;
use crate::server_counters::ServerCounters;
use crate::session::Links;

/// What differs between the worlds an agent can run in.
pub struct Seams<L> {
    /// Where clients connect.
    pub listener: L,
    /// Where gossip goes; `None` for an agent on its own.
    pub gossip: Option<GossipSeam>,
    /// Who the agent is in this life.
    pub identity: Identity,
    /// Which protections of the cluster's judgement are on; all, but in a simulation that proves them needed.
    pub guards: Guards,
    /// Who looks on, if anybody does.
    pub observer: Option<Observer>,
}

/// What gossip needs from the world.
pub struct GossipSeam {
    /// The bound socket.
    pub datagrams: Arc<dyn Datagrams>,
    /// Where peers reach it.
    pub advertise: std::net::SocketAddr,
    /// The keys; without any, only loopback addresses are spoken with.
    pub keyring: Option<Keyring>,
    /// Told of every incarnation gossip takes beyond the first, before it is used.
    pub on_incarnation: Arc<dyn Fn(u64) + Send + Sync>,
    /// How peers become known.
    pub membership: Membership,
}

/// Why an agent stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A part the agent cannot be without has died: a bug.
    #[error("the {part} has died: {why}")]
    Died {
        /// Which.
        part: &'static str,
        /// What it left behind.
        why: String,
    },
}

/// Runs an agent until `shutdown` is ready: then clients get the answers to what they have asked, peers are told, and
/// all is over within [`STOP_MAX`].
///
/// # Errors
/// [`DaemonError`] if it stopped by itself.
pub async fn run<L: Listener>(
    config: Arc<Config>,
    seams: Seams<L>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), DaemonError> {
    let Seams { listener, gossip, identity, guards, observer } = seams;
    let clock = Clock::start();
    let stop = CancellationToken::new();
    let (mailbox, received) = mpsc::channel(MAILBOX_MAX);
    let (published_to, published) = watch::channel(Published::default());
    let (alerts_to, alerts) = mpsc::channel(ALERTS_MAX);
    let outlets = Outlets { published: published_to, alerts: alerts_to, observer };
    let server_counters = Arc::new(ServerCounters::default());
    let gossip_counters = Arc::new(GossipCounters::default());

    let health = if gossip.is_some() { GossipHealth::Running } else { GossipHealth::Off };
    let state = Driver::new(config.clone(), identity.clone(), health, guards, outlets)
        .with_counters({
            let counters = server_counters.clone();
            Box::new(move || counters.iter().collect())
        })
        .with_counters({
            let counters = gossip_counters.clone();
            Box::new(move || counters.iter().collect())
        });
    let mut driver = alone(driver::run(state, clock, received));
    let links = Links { mailbox: mailbox.clone(), counters: server_counters, shutdown: stop.clone() };
    let mut server = alone(server::run(listener, links));
    let mut talk = JoinSet::new();
    if let Some(seam) = gossip {
        let gossip = Gossip {
            config,
            seam,
            identity,
            counters: gossip_counters,
            published,
            alerts: Arc::new(Mutex::new(alerts)),
            clock,
            guards,
            mailbox: mailbox.clone(),
        };
        talk.spawn(gossip.keep_running(stop.clone()));
    }
    drop(mailbox);

    let died = tokio::select! {
        biased;
        () = shutdown => None,
        ended = driver.join_next() => Some(DaemonError::died("driver", ended)),
        ended = server.join_next() => Some(DaemonError::died("server", ended)),
    };
    stop.cancel();
    let ended = timeout(STOP_MAX, async {
        tokio::join!(server.join_next(), talk.join_next());
        // The mailbox is closed once its last writers are gone; what they left in it is still applied.
        driver.join_next().await
    });
    if ended.await.is_err() {
        tracing::warn!(within = ?STOP_MAX, "not everything came to its end in time");
    }
    died.map_or(Ok(()), Err)
}

/// What it takes to start gossip, again and again.
struct Gossip {
    config: Arc<Config>,
    seam: GossipSeam,
    identity: Identity,
    counters: Arc<GossipCounters>,
    published: watch::Receiver<Published>,
    alerts: AlertSource,
    clock: Clock,
    guards: Guards,
    mailbox: mpsc::Sender<Mail>,
}

impl Gossip {
    /// Gossips until told to stop. Gossip looks after itself; should it die all the same, it is started again under a
    /// higher incarnation.
    async fn keep_running(self, stop: CancellationToken) {
        let incarnation = Arc::new(AtomicU64::new(self.identity.incarnation));
        // Not the driver's stream of chance, which begins with the seed itself.
        let mut rng = StdRng::from_seed(self.identity.seed.map(|byte| !byte));
        loop {
            let setup = self.setup(&incarnation, &mut rng);
            let datagrams = self.seam.datagrams.clone();
            let mut life =
                alone(gossip::run(setup, datagrams, self.published.clone(), self.mailbox.clone(), stop.clone()));
            match life.join_next().await {
                Some(Err(death)) if !stop.is_cancelled() => {
                    tracing::error!(%death, "gossip died and is started again; breakers work on");
                }
                _ => return,
            }
            let raised = incarnation.fetch_add(1, Ordering::Relaxed) + 1;
            (self.seam.on_incarnation)(raised);
            let news = GossipNews::Health { health: GossipHealth::Degraded, incarnation: raised };
            if self.mailbox.send(Mail::Gossip(news)).await.is_err() {
                return;
            }
            stop.run_until_cancelled(sleep(RESTART_PAUSE)).await;
        }
    }

    fn setup(&self, incarnation: &Arc<AtomicU64>, rng: &mut StdRng) -> GossipSetup {
        let gossip = &self.config.gossip;
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let (highest, keep) = (incarnation.clone(), self.seam.on_incarnation.clone());
        GossipSetup {
            node: self.identity.node.clone(),
            zone: self.identity.zone.clone(),
            cluster: gossip.cluster.value.as_str().to_owned(),
            advertise: self.seam.advertise,
            seeds: gossip.seeds.value.iter().map(|seed| seed.as_str().to_owned()).collect(),
            interval: gossip.interval.value,
            keyring: self.seam.keyring.clone(),
            incarnation: incarnation.load(Ordering::Relaxed),
            seed,
            on_incarnation: Box::new(move |raised| {
                highest.store(raised, Ordering::Relaxed);
                keep(raised);
            }),
            counters: self.counters.clone(),
            alerts: self.alerts.clone(),
            clock: self.clock,
            membership: self.seam.membership.clone(),
            guards: self.guards,
        }
    }
}

impl DaemonError {
    fn died(part: &'static str, ended: Option<Result<(), tokio::task::JoinError>>) -> Self {
        let why = match ended {
            Some(Err(death)) => death.to_string(),
            Some(Ok(())) | None => "it returned".to_owned(),
        };
        Self::Died { part, why }
    }
}

/// A task whose end can be waited for, and that ends with whoever waits.
fn alone(task: impl Future<Output = ()> + Send + 'static) -> JoinSet<()> {
    let mut set = JoinSet::new();
    set.spawn(task);
    set
}

/// Longest time a stop may take: sessions drain for 2 s, goodbyes take half a second, and a service manager waits for
/// five.
pub const STOP_MAX: Duration = Duration::from_secs(4);

/// How long to wait before gossip is started again after it died altogether.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
