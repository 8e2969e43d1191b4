//! What the world keeps, and how what happens gets into it: notices of agents, calls at services, turns of faults, the
//! end of each bin.
//!
//! The facts are brought up to date first; then everybody who judges is told, and sees them as they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::core::state::Notice;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::cluster::host_name;
use crate::invariants::Judge;
use crate::plan::{Run, What};
use crate::series::BIN;
use crate::trace::Recorder;

use super::facts::{Facts, Happening};
use super::ledger::Ledger;
use super::metrics::Watch;
use super::oracle::Oracle;
use super::pictures::Pictures;
use super::places::Places;
use super::roster::{PathId, Roster};
use super::service::{Answer, Call, Condition, Note, Queue};
use super::truth::{Truth, Window};
use super::{Clock, telling};

/// Everything the world keeps.
pub(super) struct State {
    pub(super) facts: Facts,
    pub(super) queues: BTreeMap<PathId, Queue>,
    pub(super) oracle: Oracle,
    /// Calls of each host that failed because it was sick.
    pub(super) sick_calls: BTreeMap<usize, u64>,
    /// Good calls that were called failed.
    pub(super) lies: BTreeMap<(usize, PathId), u64>,
    /// How often what a fault does had happened when it began.
    pub(super) struck_before: BTreeMap<usize, u64>,
    pub(super) bit: Vec<u64>,
    pub(super) judge: Judge,
    pub(super) watch: Watch,
    pub(super) pictures: Pictures,
    pub(super) recorder: Recorder,
    pub(super) clock: Clock,
    pub(super) swept: usize,
}

impl State {
    /// Nothing has happened.
    pub(super) fn new(run: &Run, recorder: &Recorder) -> Self {
        let mut rng = StdRng::seed_from_u64(run.seed ^ WORLD_STREAM);
        let roster = Roster::of(run);
        let hosts = roster.hosts();
        Self {
            queues: roster.services().map(|(path, service)| (path, Queue::new(service, rng.random()))).collect(),
            oracle: Oracle::default(),
            sick_calls: BTreeMap::new(),
            lies: BTreeMap::new(),
            struck_before: BTreeMap::new(),
            bit: vec![0; run.scenario.faults.len()],
            judge: Judge::new(),
            watch: Watch::new(&run.scenario.faults, &roster),
            pictures: Pictures::new(hosts),
            recorder: recorder.clone(),
            clock: Arc::new(|| Duration::ZERO),
            swept: 0,
            facts: Facts {
                truth: Truth::new(hosts, &run.scenario.faults),
                roster,
                places: Places::default(),
                ledger: Ledger::default(),
            },
        }
    }

    /// Tells everybody who judges.
    pub(super) fn happened(&mut self, at: Duration, what: &Happening<'_>) {
        self.watch.see(&self.facts, at, what);
        self.judge.see(&self.facts, at, what);
        self.pictures.see(&self.facts, at, what);
    }

    pub(super) fn noticed(&mut self, at: Duration, (host, name): (usize, &str), notice: &Notice) {
        telling::notice(&self.recorder, at, (&host_name(host), name), notice);
        let Some(path) = self.facts.roster.find(name) else { return };
        let before = self.facts.places.of(host, path);
        self.facts.places.notice(at, (host, path), notice);
        self.happened(at, &Happening::Notice { host, path, notice, before: &before });
    }

    /// The answers that are due, and when to look again.
    pub(super) fn answers(&mut self, now: Duration, service: PathId) -> (Vec<Answer>, Option<Duration>) {
        let Some(queue) = self.queues.get_mut(&service) else { return (Vec::new(), None) };
        let notes = queue.advance(now);
        let (answers, next) = (queue.due(now), queue.next());
        self.enter(now, service, &notes);
        (answers, next)
    }

    pub(super) fn arrived(&mut self, service: PathId, call: Call) {
        self.facts.ledger.bin(service, call.at).offered += 1;
        let Some(queue) = self.queues.get_mut(&service) else { return };
        let notes = queue.arrive(call);
        self.enter(call.at, service, &notes);
    }

    /// Enters what a queue has to say into the books.
    fn enter(&mut self, at: Duration, service: PathId, notes: &[Note]) {
        let long = self.facts.roster.timeout(service).mul_f64(STRAINED);
        for note in notes {
            if let Note::Waited { came, wait } = note {
                let delay = &mut self.facts.ledger.bin(service, *came).delay;
                *delay = (*delay).max(*wait);
            }
            match note {
                Note::Waited { wait, .. } if *wait < long => {}
                Note::Waited { .. } | Note::Full => self.facts.truth.strain(at, service),
            }
        }
    }

    /// What is wrong with each service now.
    pub(super) fn condition(&mut self, at: Duration) {
        let mut said = Vec::new();
        for (path, queue) in &mut self.queues {
            let name = self.facts.roster.name(*path);
            let condition =
                self.facts.truth.in_force(Window::moment(at)).fold(Condition::WELL, |mut condition, what| {
                    match what {
                        What::ServiceDown { service, mode } if service == name => condition.down = Some(*mode),
                        What::ServiceErrors { service, rate } if service == name => {
                            condition.errors = 1.0 - (1.0 - condition.errors) * (1.0 - rate);
                        }
                        What::ServiceSlow { service, by } if service == name => condition.slow += *by,
                        What::Capacity { service, to } if service == name => condition.capacity *= to,
                        _ => {}
                    }
                    condition
                });
            said.push((*path, queue.set(at, condition)));
        }
        for (path, notes) in said {
            self.enter(at, path, &notes);
        }
    }

    /// How often what a fault does has happened so far.
    pub(super) fn struck(&self, index: usize) -> u64 {
        let queue = |service: &String| self.facts.roster.find(service).and_then(|path| self.queues.get(&path));
        let bites = |service| queue(service).map(|queue| queue.bites).unwrap_or_default();
        let Some((fault, ..)) = self.facts.truth.faults().nth(index) else { return 0 };
        match &fault.what {
            What::ServiceDown { service, .. } => bites(service).down,
            What::ServiceErrors { service, .. } => bites(service).errors,
            What::ServiceSlow { service, .. } => bites(service).slow,
            What::Capacity { service, .. } => bites(service).capacity,
            What::SickHost { hosts, .. } => hosts.iter().filter_map(|host| self.sick_calls.get(host)).sum(),
            What::Liar { hosts, service } => {
                let service = self.facts.roster.find(service);
                let lies = |host: &usize| self.lies.get(&(*host, service?)).copied();
                hosts.iter().filter_map(lies).sum()
            }
            _ => 0,
        }
    }

    pub(super) fn count_bites(&mut self, index: usize) {
        let Some(before) = self.struck_before.remove(&index) else { return };
        let struck = self.struck(index).saturating_sub(before);
        if let Some(bit) = self.bit.get_mut(index) {
            *bit += struck;
        }
    }

    /// Closes a bin.
    pub(super) fn sweep(&mut self, at: Duration) {
        let begins = BIN * u32::try_from(self.swept).unwrap_or(u32::MAX);
        for (path, queue) in &self.queues {
            self.facts.ledger.bin(*path, begins).capacity = queue.capacity();
        }
        self.swept += 1;
        self.happened(at, &Happening::Sweep);
    }
}

/// The world's chance is another stream than the cluster's, which begins with the seed itself.
const WORLD_STREAM: u64 = 0x7765_6c74_0000_0001;

/// A queue in which calls wait for this part of their callers' patience is too full to be called well: together with the
/// service's own latency some will time out.
const STRAINED: f64 = 0.4;
