//! One run, from its plan to what it came to.
//!
//! The engine builds the cluster, moves the time, and does to hosts and network what the scenario says, when it says so;
//! services, callers and everything that judges are the world's, which is told of every step and every fault. It asks
//! agents what they have counted before they die and in the end, and adds up what the network saw.
//!
//! The order within a step is fixed: what is due, then all machines, then the world.
//!
//! **Invariant:** the engine decides nothing about a breaker and reads nothing from an agent but its counters.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::fabric::{STEP, Traffic};
use crate::faults::{self, Act, HostAct, Timeline};
use crate::host::PastLife;
use crate::outcome::{FaultOutcome, InvariantOutcome, Outcome};
use crate::plan::Run;
use crate::scenario::{Broken, Failure};
use crate::trace::Recorder;
use crate::world::{Findings, Lives, NetworkFacts, Turn, World};

/// Makes a run. `progress` is told the simulated time after every step.
///
/// It repeats exactly only on a thread whose entropy is seeded (as the program does it), one run a process: tokio counts
/// its runtimes.
///
/// # Errors
/// [`Failure`] if it cannot be made, or if something ended that must not.
pub fn run(run: &Run, recorder: &Recorder, progress: &mut dyn FnMut(Duration)) -> Result<Outcome, Failure> {
    let mut engine = Engine::new(run, recorder, progress)?;
    engine.go_on()?;
    engine.ask_all()?;
    let (facts, counters) = engine.facts();
    let findings = engine.world.finish(engine.ended, &facts);
    let trace_hash = recorder.summary().map_err(Failure::Trace)?.hash;
    Ok(engine.outcome(findings, &facts, counters, trace_hash))
}

/// A run that is being made.
struct Engine<'a> {
    run: &'a Run,
    cluster: Cluster,
    world: World,
    timeline: Timeline,
    /// How often each fault of hosts struck.
    struck: Vec<u64>,
    meter: Meter,
    /// When the run was over; asking agents what they counted is no part of it.
    ended: Duration,
    progress: &'a mut dyn FnMut(Duration),
}

/// What gossip has cost, read at some moments.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    rest_ends: Duration,
    /// When all had settled, and what had passed by then.
    settled: Option<(Duration, Traffic)>,
    /// The same when the first fault was about to begin.
    rested: Option<(Duration, Traffic)>,
    /// What had passed when news broke, and when it was known.
    told: Option<Traffic>,
    known: Option<Traffic>,
}

impl<'a> Engine<'a> {
    fn new(run: &'a Run, recorder: &Recorder, progress: &'a mut dyn FnMut(Duration)) -> Result<Self, Failure> {
        let impossible = |what: String| Failure::Broken(Broken { what, at: Duration::ZERO });
        faults::check(run).map_err(|error| impossible(error.to_string()))?;
        let world = World::new(run, recorder);
        let cluster = Cluster::new(run, recorder, &world).map_err(|error| impossible(error.to_string()))?;
        let timeline = Timeline::of(&run.scenario.faults, run.scenario.hosts());
        let rest_ends = timeline.begins().unwrap_or(run.scenario.duration);
        Ok(Self {
            run,
            cluster,
            world,
            timeline,
            struck: vec![0; run.scenario.faults.len()],
            meter: Meter { rest_ends, ..Meter::default() },
            ended: Duration::ZERO,
            progress,
        })
    }

    /// Step by step, until it is over.
    fn go_on(&mut self) -> Result<(), Failure> {
        while self.cluster.fabric.elapsed() < self.run.scenario.duration {
            let now = self.cluster.fabric.elapsed();
            self.read_meter(now);
            while let Some(act) = self.timeline.next(now) {
                self.act(now, act);
            }
            self.step()?;
            if self.world.is_over(self.cluster.fabric.elapsed()) {
                break;
            }
        }
        self.ended = self.cluster.fabric.elapsed();
        Ok(())
    }

    fn step(&mut self) -> Result<(), Failure> {
        let at = self.cluster.fabric.elapsed();
        self.cluster.fabric.step().map_err(|error| Failure::Broken(Broken { what: error.to_string(), at }))?;
        let now = self.cluster.fabric.elapsed();
        self.world.tick(now);
        (self.progress)(now);
        Ok(())
    }

    fn act(&mut self, now: Duration, act: Act) {
        match act {
            Act::Begin(index) => {
                if let Some(fault) = self.run.scenario.faults.get(index) {
                    self.cluster.fabric.begin_fault(index, &fault.what);
                }
                self.world.fault(now, index, Turn::Begins);
            }
            Act::End(index) => {
                self.cluster.fabric.end_fault(index);
                self.world.fault(now, index, Turn::Ends);
            }
            Act::Ask(host) => {
                if let Some(host) = self.cluster.hosts.get(host) {
                    host.ask_counters();
                }
            }
            Act::Host { fault, host, act } => {
                if self.act_on_host(now, host, act)
                    && let Some(struck) = self.struck.get_mut(fault)
                {
                    *struck += 1;
                }
            }
        }
    }

    /// Whether it is a stroke: what makes good again is none, nor what finds nobody.
    fn act_on_host(&mut self, now: Duration, number: usize, act: HostAct) -> bool {
        let Some(host) = self.cluster.hosts.get(number) else { return false };
        let (fabric, world) = (&mut self.cluster.fabric, &self.world);
        match act {
            HostAct::Crash => {
                let was_up = fabric.is_up(number);
                fabric.crash(number);
                host.end_life();
                world.host_lives(number, now, Lives::Crashed);
                was_up
            }
            HostAct::Start => {
                if !fabric.is_up(number) {
                    fabric.restart(number);
                }
                false
            }
            HostAct::Pause => {
                // That it can be paused was looked at before anything began.
                let is_paused = fabric.is_up(number) && fabric.pause(number).is_ok();
                if is_paused {
                    world.host_lives(number, now, Lives::Paused);
                }
                is_paused
            }
            HostAct::Resume => {
                if fabric.resume(number) {
                    world.host_lives(number, now, Lives::Resumed);
                }
                false
            }
            HostAct::Restart => {
                let was_alive = host.is_alive();
                if was_alive {
                    host.restart_agent();
                }
                was_alive
            }
        }
    }

    fn read_meter(&mut self, now: Duration) {
        let others = self.run.scenario.hosts().saturating_sub(1);
        let Self { meter, cluster, .. } = self;
        if meter.settled.is_none() && now >= SETTLES {
            meter.settled = Some((now, cluster.traffic()));
        }
        if meter.rested.is_none() && now >= meter.rest_ends {
            meter.rested = Some((now, cluster.traffic()));
        }
        if meter.told.is_none() && cluster.news.is_out() {
            meter.told = Some(cluster.traffic());
        }
        if meter.told.is_some() && meter.known.is_none() && cluster.news.spread(others).is_some() {
            meter.known = Some(cluster.traffic());
        }
    }

    /// Has all agents tell what they have counted; that takes a step, and no time of theirs.
    fn ask_all(&mut self) -> Result<(), Failure> {
        self.cluster.hosts.iter().for_each(|host| host.ask_counters());
        self.step()?;
        self.cluster.hosts.iter().for_each(|host| host.end_life());
        Ok(())
    }

    /// What the network saw, and what all agents counted, summed.
    fn facts(&self) -> (NetworkFacts, BTreeMap<String, u64>) {
        let hosts = self.run.scenario.hosts().max(1);
        let (cost, seconds) = self.meter.rest(self.cluster.fabric.elapsed(), self.cluster.traffic());
        let per_host_s = |count: u64| count as f64 / hosts as f64 / seconds;
        let lives: Vec<PastLife> = self.cluster.hosts.iter().flat_map(|host| host.past_lives()).collect();
        let mut counters: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in lives.iter().flat_map(|life| &life.counters) {
            let sum = counters.entry(name.clone()).or_default();
            *sum = if name == DIGEST_BYTES_MAX { (*sum).max(*count) } else { *sum + count };
        }
        let facts = NetworkFacts {
            gossip_bytes_per_host_s: per_host_s(cost.sent_bytes),
            datagrams_per_host_s: per_host_s(cost.sent),
            digest_bytes_max: counters.get(DIGEST_BYTES_MAX).copied().unwrap_or_default(),
            lives: lives.into_iter().map(|life| life.facts).collect(),
        };
        (facts, counters)
    }

    fn outcome(
        &self,
        findings: Findings,
        facts: &NetworkFacts,
        mut counters: BTreeMap<String, u64>,
        trace_hash: u64,
    ) -> Outcome {
        let scenario = &self.run.scenario;
        let bit = |index: usize| {
            let of_world = findings.bit.get(index).copied().unwrap_or_default();
            let of_hosts = self.struck.get(index).copied().unwrap_or_default();
            of_world + of_hosts + self.cluster.fabric.struck(index)
        };
        let faults = scenario.faults.iter().enumerate();
        let faults = faults.map(|(index, fault)| FaultOutcome { fault: faults::in_words(fault), bit: bit(index) });
        let faults = faults.collect();
        let mut invariants = findings.invariants;
        invariants.push(no_bugs(&counters));
        let mut metrics = self.spread();
        metrics.insert("datagrams_per_host_s".to_owned(), Some(facts.datagrams_per_host_s));
        metrics.extend(findings.metrics);
        counters.extend(self.network_counters());
        Outcome {
            scenario: scenario.name.clone(),
            mode: self.run.mode.as_str().to_owned(),
            hosts: scenario.hosts(),
            seed: self.run.seed,
            trace_hash: format!("{trace_hash:016x}"),
            sim_seconds: self.ended.as_secs_f64(),
            faults,
            invariants,
            metrics,
            unexpected: Vec::new(),
            counters,
            series: findings.series,
        }
    }

    /// How the first news of the run spread, if it did.
    fn spread(&self) -> BTreeMap<String, Option<f64>> {
        let hosts = self.run.scenario.hosts();
        let spread = self.cluster.news.spread(hosts.saturating_sub(1));
        let cost = self.meter.told.zip(self.meter.known).map(|(told, known)| known.since(told));
        let per_host = |count: u64| count as f64 / hosts.max(1) as f64;
        [
            ("spread_p50_ms", spread.map(|spread| spread.known_ms.p50 as f64)),
            ("spread_p99_ms", spread.map(|spread| spread.known_ms.p99 as f64)),
            ("spread_max_ms", spread.map(|spread| spread.known_ms.max as f64)),
            ("spread_datagrams_per_host", cost.map(|cost| per_host(cost.sent))),
            ("spread_bytes_per_host", cost.map(|cost| per_host(cost.sent_bytes))),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn network_counters(&self) -> impl Iterator<Item = (String, u64)> {
        let Traffic { sent, sent_bytes, lost, received, replayed, overflowed } = self.cluster.traffic();
        [
            ("network_sent", sent),
            ("network_sent_bytes", sent_bytes),
            ("network_lost", lost),
            ("network_received", received),
            ("network_replayed", replayed),
            ("network_overflowed", overflowed),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
    }
}

impl Meter {
    /// What gossip cost at rest, and in how many seconds: from when all had settled until the first fault, or if that was
    /// too short to tell, in the whole run.
    fn rest(&self, now: Duration, total: Traffic) -> (Traffic, f64) {
        let settled = self.settled.unwrap_or((now, total));
        let rested = self.rested.unwrap_or((now, total));
        let rest = rested.0.saturating_sub(settled.0);
        if rest >= REST_MIN {
            return (rested.1.since(settled.1), rest.as_secs_f64());
        }
        (total, now.max(STEP).as_secs_f64())
    }
}

/// Whether no agent counted what only a bug can cause, whatever goes wrong around it.
fn no_bugs(counters: &BTreeMap<String, u64>) -> InvariantOutcome {
    let count = |name: &&str| counters.get(*name).copied().unwrap_or_default();
    let counted = NEVER.iter().find(|name| count(name) > 0);
    InvariantOutcome {
        name: "counters".to_owned(),
        says: "no agent counts what only a bug can cause".to_owned(),
        held: counted.is_none(),
        first_violation: counted.map(|name| format!("{name}: {}", count(name))),
    }
}

/// What no agent may count whatever happens: nobody forges datagrams here, and nobody asks what cannot be answered.
const NEVER: &[&str] = &[
    "answers_lost",
    "gossip_alerts_malformed",
    "gossip_malformed_values",
    "gossip_unreadable",
    "seal_forged",
    "seal_malformed",
    "seal_wrong_key",
    "server_sessions_panicked",
];

/// How an agent counts the longest failure digest it wrote: a maximum, not a sum.
const DIGEST_BYTES_MAX: &str = "gossip_digest_bytes_max";

/// When agents have got to know each other, and the cost of gossip is that of rest.
const SETTLES: Duration = Duration::from_secs(5);

/// Some turns of everybody's gossip, so that its cost is no matter of luck.
const REST_MIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
