//! The applications of a host: Poisson arrivals, each a demand that is asked for, called, reported and perhaps tried
//! again.
//!
//! They do what an application does: ask the host's agent through the real client, call over the network, give up after
//! the timeout, report. A sick host's calls fail before they leave it, and its clients report that as failures of the
//! service, because they cannot tell; a liar's clients report failures of calls that succeeded. In oracle mode there is
//! no agent, and whoever knows everything decides.
//!
//! All calls of a host are futures of one parent, not tasks: whoever stops or drops the parent stops them all.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breaker_agent::datagram::Datagrams;
use breaker_client::{Client, Permit};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::fabric::Ended;
use crate::plan::Callers;

use super::World;
use super::calls::{Attempt, Close, Fate};
use super::ledger::Reported;
use super::roster::PathId;
use super::service::{ANSWER_BYTES, Answer, Verdict, question};

/// The applications of one host.
pub(super) struct Applications {
    /// Where the books are.
    pub(super) world: World,
    /// The host.
    pub(super) host: usize,
    /// Its way to the agent; none in oracle mode.
    pub(super) client: Option<Client>,
    /// Where calls leave.
    pub(super) socket: Arc<dyn Datagrams>,
    /// Where services are.
    pub(super) services: Arc<BTreeMap<String, SocketAddr>>,
    /// Calls that wait for their answer.
    pub(super) open: Mutex<Open>,
}

/// Calls that wait for their answer.
pub(super) struct Open {
    /// The next call's number. Begins anywhere, so that an answer to a former life finds nobody.
    pub(super) next: u64,
    /// Who waits, by number.
    pub(super) waiting: BTreeMap<u64, oneshot::Sender<Verdict>>,
}

/// A stream of calls of one host.
struct Line {
    service: PathId,
    callers: Callers,
    rng: StdRng,
    next: Instant,
}

/// What one call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Well,
    /// To nothing, by the service or the network.
    Failed,
    /// To nothing, as the scenario wants it.
    Made,
    /// It took too long.
    Late,
    /// It was not allowed.
    Refused,
}

impl Applications {
    /// Runs them for as long as the host lives.
    pub(super) async fn run(self, seed: u64) -> Ended {
        let mut lines = self.lines(&mut StdRng::seed_from_u64(seed));
        let mut calls = FuturesUnordered::new();
        let mut buffer = [0; ANSWER_BYTES + 1];
        loop {
            let due = lines.iter().map(|line| line.next).min();
            tokio::select! {
                biased;
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, _) = received?;
                    self.answered(buffer.get(..length).unwrap_or_default());
                }
                Some(ended) = calls.next(), if !calls.is_empty() => { let ended: io::Result<()> = ended; ended?; }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    for line in &mut lines {
                        for seed in line.due(Instant::now()) {
                            calls.push(self.demand(line.service, line.callers.clone(), StdRng::seed_from_u64(seed)));
                        }
                    }
                }
            }
        }
    }

    fn lines(&self, rng: &mut StdRng) -> Vec<Line> {
        let now = Instant::now();
        let lines = self.world.lines(self.host).into_iter().filter(|(_, callers)| callers.rate > 0.0);
        let line = |(service, callers): (PathId, Callers)| {
            let mut rng = StdRng::seed_from_u64(rng.random());
            let next = now + gap(&mut rng, callers.rate);
            Line { service, callers, rng, next }
        };
        lines.map(line).collect()
    }

    /// What an application wants done, with as many attempts as it makes.
    async fn demand(&self, service: PathId, callers: Callers, mut rng: StdRng) -> io::Result<()> {
        let demand = self.world.demand(service);
        let mut came = self.attempt(service, &callers, &mut rng).await?;
        for _ in 0..callers.retries {
            match came {
                Came::Well | Came::Refused => break,
                Came::Failed | Came::Made | Came::Late => {}
            }
            sleep(RETRY_JITTER_MAX.mul_f64(rng.random())).await;
            came = self.attempt(service, &callers, &mut rng).await?;
        }
        self.world.close(
            demand,
            match came {
                Came::Well => Close::Served,
                Came::Made => Close::Excused,
                Came::Failed | Came::Late | Came::Refused => Close::Lost,
            },
        );
        Ok(())
    }

    async fn attempt(&self, service: PathId, callers: &Callers, rng: &mut StdRng) -> io::Result<Came> {
        let asked = self.world.ask(self.host, service);
        let permit = match &self.client {
            None if self.world.oracle_admits(service) => None,
            None => return Ok(self.refused(&asked)),
            Some(client) => match client.acquire(&callers.service).await {
                Ok(permit) => Some(permit),
                Err(_) => return Ok(self.refused(&asked)),
            },
        };
        let attempt = self.world.grant(&asked, permit.as_ref().map(Permit::standing));
        let came =
            if self.world.falls_sick((self.host, service), rng) { Came::Made } else { self.call(callers).await? };
        self.report(attempt, permit, came);
        Ok(came)
    }

    fn refused(&self, asked: &super::calls::Asked) -> Came {
        self.world.refused(asked);
        Came::Refused
    }

    /// One call over the network.
    async fn call(&self, callers: &Callers) -> io::Result<Came> {
        let Some(address) = self.services.get(&callers.service) else { return Ok(Came::Failed) };
        let (waiter, answer) = oneshot::channel();
        let id = self.lock().wait(waiter);
        self.socket.send_to(&question(id), *address).await?;
        let answered = timeout(callers.timeout, answer).await;
        self.lock().waiting.remove(&id);
        Ok(match answered {
            Ok(Ok(Verdict::Good)) => Came::Well,
            Ok(Ok(Verdict::Error)) => Came::Made,
            Ok(Ok(Verdict::Refused) | Err(_)) => Came::Failed,
            Err(_) => Came::Late,
        })
    }

    fn report(&self, attempt: Attempt, permit: Option<Permit>, came: Came) {
        let lies = came == Came::Well && self.world.lies(self.host, attempt.service());
        let reported = if came == Came::Well && !lies { Reported::Good } else { Reported::Failed };
        self.world.settle(
            attempt,
            reported,
            match came {
                Came::Well => Fate::Good,
                Came::Made => Fate::Made,
                Came::Failed | Came::Late | Came::Refused => Fate::Failed,
            },
        );
        match (permit, reported) {
            (None, _) => {}
            (Some(permit), Reported::Good) => permit.success(),
            (Some(permit), Reported::Failed) if came == Came::Late => permit.timeout(),
            (Some(permit), Reported::Failed) => permit.failure(FAILURE),
        }
    }

    fn answered(&self, datagram: &[u8]) {
        let Some((id, verdict)) = Answer::read(datagram) else { return };
        if let Some(waiter) = self.lock().waiting.remove(&id) {
            // Whoever has given up in this very moment needs no answer.
            waiter.send(verdict).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn wait(&mut self, waiter: oneshot::Sender<Verdict>) -> u64 {
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.waiting.insert(id, waiter);
        id
    }
}

impl Line {
    /// A seed for each call that is due. What a stopped host would have called meanwhile is not made up for.
    fn due(&mut self, now: Instant) -> Vec<u64> {
        let mut due = Vec::new();
        if now.saturating_duration_since(self.next) > STOPPED_MIN {
            self.next = now + gap(&mut self.rng, self.callers.rate);
        }
        while self.next <= now {
            due.push(self.rng.random());
            self.next += gap(&mut self.rng, self.callers.rate);
        }
        due
    }
}

/// Until the next arrival of a Poisson stream.
fn gap(rng: &mut StdRng, rate: f64) -> Duration {
    let seconds = -(1.0 - rng.random::<f64>()).ln() / rate;
    Duration::try_from_secs_f64(seconds).unwrap_or(GAP_MAX).min(GAP_MAX)
}

/// Longest time between two calls: longer than any run.
const GAP_MAX: Duration = Duration::from_secs(48 * 3_600);

/// A timer that comes so late does so because the host was stopped: one that runs is late by a millisecond.
const STOPPED_MIN: Duration = Duration::from_millis(100);

/// Retries follow at once, but not all in one moment.
const RETRY_JITTER_MAX: Duration = Duration::from_millis(20);

/// The kind of failure that is reported.
const FAILURE: &str = "simulated";

#[cfg(test)]
mod tests;
