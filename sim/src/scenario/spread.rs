//! A service fails for one host. When do the others show that host's digest of it?
//!
//! Agents start and get to know each other; then they rest, so that the cost of gossip at rest can be told; then calls
//! of one host, drawn from the seed, to a service that only it calls, fail until its breaker opens. From then on
//! the time is taken until each other agent says so when asked, through the real client, for the status with peers. In
//! the end each agent is asked what it has counted: that it worked is its own word.
//!
//! The conductor moves the phases between two steps, applications look at the phase once a millisecond.
//!
//! **Invariant:** the conductor learns of the agents only what applications were answered.

mod application;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Broken, Failure, Voice};
use crate::cluster::{Cluster, Plan, host_name};
use crate::fabric::Traffic;
use crate::report::{Percentiles, Report, SpreadMetrics};
use crate::trace::Recorder;

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Agents get to know each other.
    Joining,
    /// Nothing happens.
    Resting,
    /// Calls of one host fail.
    Failing,
    /// Agents are asked what they have counted.
    Ending,
}

/// What conductor and applications tell each other.
#[derive(Clone)]
struct Board(Arc<Mutex<Notes>>);

struct Notes {
    phase: Phase,
    failing: usize,
    joined: BTreeMap<usize, Duration>,
    failed_calls: u64,
    tripped: Option<Duration>,
    shown: BTreeMap<usize, Duration>,
    counters: BTreeMap<usize, BTreeMap<String, u64>>,
}

/// The cluster and everything that is known of it.
struct Conductor<'a> {
    plan: Plan,
    cluster: Cluster<'a>,
    board: Board,
    progress: &'a mut dyn FnMut(Duration),
}

/// Runs the scenario.
pub(super) fn simulate(
    plan: Plan,
    voice: Voice,
    recorder: &Recorder,
    progress: &mut dyn FnMut(Duration),
) -> Result<Report, Failure> {
    // Another stream than the cluster's, which begins with the seed itself.
    let mut rng = StdRng::seed_from_u64(plan.seed ^ SCENARIO_STREAM);
    let failing = rng.random_range(0..plan.hosts);
    let rest = REST_MIN + Duration::from_millis(rng.random_range(0..REST_SPREAD_MS));
    let board = Board::new(failing);
    let hosts = plan.hosts;
    let cluster = Cluster::new(plan, RUN_MAX, recorder, {
        let board = board.clone();
        move |seat| application::run(seat, hosts, board.clone())
    });
    let mut conductor = Conductor { plan, cluster, board, progress };
    let conducted = conductor.conduct(voice, rest);
    let summary = recorder.summary().map_err(Failure::Trace)?;
    let metrics = conducted?;
    Ok(Report {
        scenario: "spread",
        hosts,
        seed: plan.seed,
        trace_hash: format!("{:016x}", summary.hash),
        trace_events: summary.events,
        sim_seconds: millis(conductor.cluster.elapsed()) as f64 / 1_000.0,
        metrics,
        agent_counters: conductor.board.summed_counters(),
    })
}

impl Conductor<'_> {
    fn conduct(&mut self, voice: Voice, rest: Duration) -> Result<SpreadMetrics, Failure> {
        let hosts = self.plan.hosts;
        self.until(JOIN_MAX, |notes, _| missing("do not know all others", hosts, None, &notes.joined))?;
        let before = self.begin(Phase::Resting);
        let end = self.cluster.elapsed() + rest;
        self.until(rest * 2, |_, now| (now < end).then(|| "still resting".to_owned()))?;
        let at_rest = self.begin(Phase::Failing).since(before);
        let failing = self.board.lock().failing;
        if voice == Voice::Mute {
            self.cluster.port(failing).mute();
        }
        let name = host_name(failing);
        self.until(TRIP_MAX, |notes, _| {
            notes.tripped.is_none().then(|| format!("the breaker of {name} did not open"))
        })?;
        let unshown = format!("do not show the digest of {name}");
        self.until(SPREAD_MAX, |notes, _| missing(&unshown, hosts, Some(failing), &notes.shown))?;
        self.begin(Phase::Ending);
        self.until(END_MAX, |notes, _| missing("did not tell their counters", hosts, None, &notes.counters))?;
        self.judge()?;
        Ok(self.metrics(at_rest, rest))
    }

    /// Begins a phase; what has passed until then.
    fn begin(&mut self, phase: Phase) -> Traffic {
        self.board.lock().phase = phase;
        self.cluster.traffic()
    }

    /// Steps until nothing is missing, for `longest` at most.
    fn until(
        &mut self,
        longest: Duration,
        missing: impl Fn(&Notes, Duration) -> Option<String>,
    ) -> Result<(), Failure> {
        let deadline = self.cluster.elapsed() + longest;
        loop {
            let at = self.cluster.elapsed();
            // The applications need the board in every step.
            let still = missing(&self.board.lock(), at);
            let Some(what) = still else { return Ok(()) };
            if at >= deadline {
                return Err(Failure::Broken(Broken { what: format!("within {} ms: {what}", longest.as_millis()), at }));
            }
            self.cluster.step().map_err(|error| Failure::Broken(Broken { what: error.to_string(), at }))?;
            (self.progress)(self.cluster.elapsed());
        }
    }

    /// What must not have happened, and the faults that must have.
    fn judge(&self) -> Result<(), Failure> {
        let at = self.cluster.elapsed();
        let counters = self.board.summed_counters();
        let broken = NEVER.iter().find(|name| counters.get(**name) != Some(&0));
        if let Some(name) = broken {
            let what = format!("agents count {name}: {}", counters.get(*name).copied().unwrap_or_default());
            return Err(Failure::Broken(Broken { what, at }));
        }
        if !self.plan.loss.is_none() && self.cluster.traffic().lost == 0 {
            let what = format!("a loss of {} was asked for and nothing was lost", self.plan.loss);
            return Err(Failure::Broken(Broken { what, at }));
        }
        Ok(())
    }

    fn metrics(&self, at_rest: Traffic, rest: Duration) -> SpreadMetrics {
        let notes = self.board.lock();
        let tripped = notes.tripped.unwrap_or_default();
        let shown = notes.shown.iter().map(|(host, at)| (host_name(*host), millis(at.saturating_sub(tripped))));
        let shown_after_ms: BTreeMap<_, _> = shown.collect();
        let total = self.cluster.traffic();
        let host_ms = self.plan.hosts as u64 * millis(rest);
        SpreadMetrics {
            failing_host: host_name(notes.failing),
            failed_calls: notes.failed_calls,
            joined_ms: notes.joined.values().max().copied().map(millis).unwrap_or_default(),
            tripped_ms: millis(tripped),
            spread_ms: Percentiles::of(shown_after_ms.values().copied()),
            shown_after_ms,
            gossip_bytes_per_host_s: at_rest.sent_bytes * 1_000 / host_ms,
            datagrams_per_host_s: (at_rest.sent * 10_000 / host_ms) as f64 / 10.0,
            datagrams_sent: total.sent,
            datagrams_received: total.received,
            datagrams_lost: total.lost,
        }
    }
}

impl Board {
    fn new(failing: usize) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            phase: Phase::Joining,
            failing,
            joined: BTreeMap::new(),
            failed_calls: 0,
            tripped: None,
            shown: BTreeMap::new(),
            counters: BTreeMap::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn summed_counters(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (name, count) in self.lock().counters.values().flatten() {
            *sums.entry(name.clone()).or_default() += count;
        }
        sums
    }
}

/// Which hosts, but one, have not done something.
fn missing<T>(what: &str, hosts: usize, but: Option<usize>, done: &BTreeMap<usize, T>) -> Option<String> {
    let missing: Vec<_> = (0..hosts).filter(|host| Some(*host) != but && !done.contains_key(host)).collect();
    let names: Vec<_> = missing.into_iter().map(host_name).collect();
    (!names.is_empty()).then(|| format!("hosts that {what}: {}", names.join(", ")))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What no agent may count in a cluster that is well but for one service.
const NEVER: &[&str] = &[
    "answers_lost",
    "client_unguarded",
    "gossip_deaths",
    "gossip_name_clashes",
    "gossip_unreadable",
    "seal_forged",
    "seal_malformed",
    "seal_send_errors",
    "seal_wrong_key",
    "server_sessions_panicked",
];

/// Longest time until all know all: more than twice the slowest join seen, of 50 hosts losing 30 % of their datagrams.
const JOIN_MAX: Duration = Duration::from_secs(30);

/// Long enough for ten turns of everybody's gossip, so that its cost at rest is no matter of luck.
const REST_MIN: Duration = Duration::from_secs(5);

/// The failure comes anywhere in an interval of gossip.
const REST_SPREAD_MS: u64 = 500;

/// Ten failed calls trip the default policy.
const TRIP_MAX: Duration = Duration::from_secs(1);

/// Thirty intervals of gossip, three times the slowest spread seen, of 50 hosts losing 30 % of their datagrams.
const SPREAD_MAX: Duration = Duration::from_secs(15);

/// An answer takes no simulated time.
const END_MAX: Duration = Duration::from_secs(1);

/// More than all phases together.
const RUN_MAX: Duration = Duration::from_secs(120);

/// Sets the scenario's own draws apart from the cluster's; any number but zero does.
const SCENARIO_STREAM: u64 = 0x5CE2_A210;
