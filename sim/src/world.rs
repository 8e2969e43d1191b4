//! The world agents live in: services that serve, applications that call, and a judge who knows what is really wrong.
//!
//! The engine moves the network, the hosts and the time; it tells the world what it does, and what agents decide as they
//! decide it. The world keeps the books (`world::ledger`), the ground truth (`world::truth`) and where agents stand
//! (`world::places`); the judge (`invariants`) holds every decision against these at the moment it is made, and the
//! metrics are told from the books in the end. `world::service` and `world::callers` are the software at the two ends of
//! a call; all that goes between them are datagrams of the simulated network, so that whatever ails the network ails them.
//!
//! One lock around everything, on one thread: it is never waited for, and never held across an await.
//!
//! **Invariant:** nothing flows from here to an agent but answers to calls; agents cannot know what the judge knows.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breaker_agent::datagram::Datagrams;
use breaker_agent::observe::Observed;
use breaker_client::Client;
use tokio::time::sleep;

use crate::fabric::Ended;
use crate::plan::Run;
use crate::trace::Recorder;

mod callers;
pub(crate) mod calls;
pub(crate) mod facts;
pub(crate) mod ledger;
mod metrics;
mod oracle;
mod pictures;
pub(crate) mod places;
pub(crate) mod roster;
mod service;
mod state;
mod telling;
pub(crate) mod truth;

pub use facts::{Findings, LifeFacts, NetworkFacts};

use callers::{Applications, Open};
use facts::Happening;
use ledger::bin_of;
use roster::PathId;
use state::State;

/// The world of a run. Clones are the same one.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

/// Tells the simulated time. Agents' observers are sent between threads by their type, so this must be too.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A fault begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is in force from now on.
    Begins,
    /// It is not in force any more.
    Ends,
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lives {
    /// Its agent and its applications start.
    Started,
    /// They die.
    Crashed,
    /// It stops.
    Paused,
    /// It goes on.
    Resumed,
}

impl World {
    /// A world in which nothing has happened. Its clock stands at 0 until it is given one.
    #[must_use]
    pub fn new(run: &Run, recorder: &Recorder) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(run, recorder))) }
    }

    /// Where callers and services take the simulated time from.
    pub fn clock(&self, clock: Clock) {
        self.lock().clock = clock;
    }

    /// The software of a service's place: answers calls until it is dropped.
    pub fn service(&self, name: &str, socket: Arc<dyn Datagrams>) -> impl Future<Output = Ended> + use<> {
        let (world, service) = (self.clone(), self.lock().facts.roster.find(name));
        async move {
            let service = service.ok_or("the scenario has no service of that name")?;
            world.serve(service, &*socket).await
        }
    }

    /// All applications of a host: they call until they are dropped. Without a client, whoever knows everything
    /// decides for them.
    pub fn callers(
        &self,
        host: usize,
        client: Option<Client>,
        socket: Arc<dyn Datagrams>,
        services: Arc<BTreeMap<String, SocketAddr>>,
        seed: u64,
    ) -> impl Future<Output = Ended> + use<> {
        let open = Mutex::new(Open { next: seed, waiting: BTreeMap::new() });
        let applications = Applications { world: self.clone(), host, client, socket, services, open };
        async move { applications.run(seed).await }
    }

    /// A host's agent decided something, or took in what a peer said.
    pub fn observe(&self, host: usize, incarnation: u64, at: Duration, seen: Observed<'_>) {
        let mut state = self.lock();
        state.facts.places.seen(host, incarnation);
        match seen {
            Observed::Service(name, notice) => state.noticed(at, (host, name.as_str()), notice),
            Observed::Host(notice) => {
                state.facts.places.host_notice(at, host, *notice);
                telling::host(&state.recorder, at, host, *notice);
                state.happened(at, &Happening::Host { host, notice: *notice });
            }
            Observed::Heard(testimony) => state.happened(at, &Happening::Heard { host, testimony }),
        }
    }

    /// A fault of the scenario begins or ends. Those of services, sick hosts and liars are done here; of the others the
    /// ground truth is told.
    pub fn fault(&self, at: Duration, index: usize, turn: Turn) {
        let mut state = self.lock();
        telling::fault(&state.recorder, at, (index, turn));
        let struck = state.struck(index);
        match turn {
            Turn::Begins => drop(state.struck_before.insert(index, struck)),
            Turn::Ends => state.count_bites(index),
        }
        state.facts.truth.turn(at, index, turn);
        state.condition(at);
        state.happened(at, &Happening::Fault);
    }

    /// Something happens to a host.
    pub fn host_lives(&self, host: usize, at: Duration, lives: Lives) {
        let mut state = self.lock();
        telling::lives(&state.recorder, at, (host, lives));
        state.facts.truth.host_lives(at, host, lives);
        if lives == Lives::Started {
            state.facts.places.begin(host);
        }
        state.happened(at, &Happening::Lives { host, lives });
    }

    /// A step of the simulation is over.
    pub fn tick(&self, at: Duration) {
        let mut state = self.lock();
        let state = &mut *state;
        while state.swept < bin_of(at) {
            state.sweep(at);
        }
    }

    /// Whether there is nothing more to learn: every fault is over, everything is closed and well, and has been for a
    /// while.
    #[must_use]
    pub fn is_over(&self, at: Duration) -> bool {
        self.lock().watch.is_over(at)
    }

    /// What the run came to.
    #[must_use]
    pub fn finish(&self, at: Duration, network: &NetworkFacts) -> Findings {
        let mut state = self.lock();
        let state = &mut *state;
        let still: Vec<usize> = state.struck_before.keys().copied().collect();
        for fault in still {
            state.count_bites(fault);
        }
        state.judge.finish(&state.facts, at, network);
        Findings {
            metrics: state.watch.finish(&state.facts, at, network),
            invariants: state.judge.verdicts(),
            bit: state.bit.clone(),
            series: state.pictures.series(&state.facts),
        }
    }

    /// The simulated time.
    fn now(&self) -> Duration {
        let clock = self.lock().clock.clone();
        clock()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers calls until it is dropped.
    async fn serve(&self, service: PathId, socket: &dyn Datagrams) -> Ended {
        let mut buffer = [0; CALL_BYTES_MAX];
        loop {
            let now = self.now();
            let (answers, next) = self.lock().answers(now, service);
            for answer in answers {
                socket.send_to(&answer.bytes(), answer.to).await?;
            }
            tokio::select! {
                biased;
                received = socket.recv_from(&mut buffer) => {
                    let (length, from) = received?;
                    if let Some(id) = service::asked(buffer.get(..length).unwrap_or_default()) {
                        let at = self.now();
                        self.lock().arrived(service, service::Call { id, from, at });
                    }
                }
                () = sleep(next.unwrap_or_default().saturating_sub(now)), if next.is_some() => {}
            }
        }
    }
}

/// Bytes of the longest datagram a service reads: one more than a call, so that a longer one is told from it.
const CALL_BYTES_MAX: usize = 9;

#[cfg(test)]
mod tests;
