//! Stands where the simulated world goes: services, callers, and the judge of a run.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::datagram::Datagrams;
use breaker_agent::observe::Observed;
use breaker_client::Client;
use breaker_client::wire::CallReport;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fabric::Ended;
use crate::outcome::InvariantOutcome;
use crate::plan::{Run, What};
use crate::trace::Recorder;

/// Services and callers.
#[derive(Clone)]
pub struct World {
    run: Run,
}

/// A fault begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It begins.
    Begins,
    /// It ends.
    Ends,
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lives {
    /// Its agent starts.
    Started,
    /// It stops.
    Crashed,
    /// It stops and will go on.
    Paused,
    /// It goes on.
    Resumed,
}

/// What the network knows of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkFacts {
    /// Bytes of gossip that a host sends in a second, on average.
    pub gossip_bytes_per_host_s: f64,
    /// Datagrams of gossip that a host sends in a second, on average.
    pub datagrams_per_host_s: f64,
    /// Bytes of the largest failure digest; 0 where nobody measured.
    pub digest_bytes_max: u64,
    /// What each life of an agent came to.
    pub lives: Vec<LifeFacts>,
}

/// What a life of an agent came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifeFacts {
    /// The host.
    pub host: usize,
    /// The life.
    pub incarnation: u64,
    /// How long it was.
    pub lived: Duration,
    /// Genuine datagrams of this run that reached it, each counted once.
    pub delivered_distinct: u64,
    /// Datagrams its seal accepted.
    pub accepted: u64,
    /// Datagrams its alert plane sent.
    pub alerts_sent: u64,
}

/// What the world found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Metrics by name.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Invariants.
    pub invariants: Vec<InvariantOutcome>,
    /// How often each fault of its struck.
    pub bit: Vec<u64>,
}

impl World {
    /// A world.
    #[must_use]
    pub fn new(run: &Run, _recorder: &Recorder) -> Self {
        Self { run: run.clone() }
    }

    /// What time it is.
    pub fn clock(&self, _clock: Arc<dyn Fn() -> Duration + Send + Sync>) {}

    /// A service: says yes.
    pub async fn service(&self, _name: &str, socket: Arc<dyn Datagrams>) -> Ended {
        let mut buffer = [0; 64];
        loop {
            let (len, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..len], from).await?;
        }
    }

    /// The callers of a host.
    pub async fn callers(
        &self,
        host: usize,
        client: Option<Client>,
        socket: Arc<dyn Datagrams>,
        services: Arc<BTreeMap<String, SocketAddr>>,
        seed: u64,
    ) -> Ended {
        let Some(client) = client else { return pending().await };
        let mut rng = StdRng::seed_from_u64(seed);
        let sick = self
            .run
            .scenario
            .faults
            .iter()
            .find(|fault| matches!(&fault.what, What::SickHost { hosts, .. } if hosts.contains(&host)));
        let began = tokio::time::Instant::now();
        let mut buffer = [0; 64];
        loop {
            let Some(callers) = self.run.scenario.callers.first() else { return pending().await };
            let pause = -rng.random::<f64>().max(1e-9).ln() / callers.rate;
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            let Ok(permit) = client.acquire(&callers.service).await else { continue };
            let Some(address) = services.get(&callers.service) else { continue };
            socket.send_to(b"call", *address).await?;
            let answered = tokio::time::timeout(callers.timeout, socket.recv_from(&mut buffer)).await;
            let fails = sick.is_some_and(|fault| began.elapsed() > fault.at) || answered.is_err();
            permit.report(if fails { CallReport::failure("connect") } else { CallReport::success() });
        }
    }

    /// What an agent decided.
    pub fn observe(&self, _host: usize, _incarnation: u64, _at: Duration, _seen: Observed<'_>) {}

    /// A fault begins or ends.
    pub fn fault(&self, _at: Duration, _index: usize, _turn: Turn) {}

    /// A host starts or stops.
    pub fn host_lives(&self, _host: usize, _at: Duration, _lives: Lives) {}

    /// A step is over.
    pub fn tick(&self, _at: Duration) {}

    /// Whether nothing more can be learnt.
    #[must_use]
    pub fn is_over(&self, _at: Duration) -> bool {
        false
    }

    /// What came of it.
    #[must_use]
    pub fn finish(&self, _at: Duration, _network: &NetworkFacts) -> Findings {
        Findings { bit: vec![1; self.run.scenario.faults.len()], ..Findings::default() }
    }
}
