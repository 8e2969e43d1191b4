//! A world without a network, told by hand what agents and callers do: the stand on which metrics and invariants are
//! tried, and what the world itself promises.

use std::sync::atomic::{AtomicU64, Ordering};

use breaker_agent::core::digest::{FailureDigest, HostId, Phase, Probes, StateKind, Stay, Testimony};
use breaker_agent::core::evidence::Judgement;
use breaker_agent::core::guards::Guards;
use breaker_agent::core::reason::Reason;
use breaker_agent::core::service::ServiceName;
use breaker_agent::core::state::{ClusterNotice, Entry, HostNotice, Notice, Transition};
use breaker_agent::core::time::MonoTime;
use breaker_client::Standing;

use super::calls::{Close, Fate};
use super::ledger::Reported;
use super::*;
use crate::cluster::host_name;
use crate::plan::{Callers, FabricKind, Fault, Link, Mode, Scenario, Service, What, Zone};

/// A world and its hands.
pub(crate) struct Stand {
    pub(crate) world: World,
    now: Arc<AtomicU64>,
}

/// A scenario of so many hosts that all call each of these services ten times a second.
pub(crate) fn run(hosts: usize, services: &[&str], faults: Vec<Fault>) -> Run {
    let service = Service { capacity: 10_000.0, latency: Duration::from_millis(5), queue: 100, warmup: None };
    let callers = |name: &&str| Callers {
        service: (*name).to_owned(),
        rate: 10.0,
        timeout: Duration::from_millis(500),
        retries: 0,
        hosts: Vec::new(),
    };
    let scenario = Scenario {
        name: "stand".to_owned(),
        duration: Duration::from_secs(600),
        zones: vec![Zone { name: None, hosts }],
        link: Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, loss: 0.0 },
        agent: String::new(),
        services: services.iter().map(|name| ((*name).to_owned(), service)).collect(),
        callers: services.iter().map(callers).collect(),
        faults,
        expect: BTreeMap::new(),
    };
    Run { scenario, mode: Mode::Gossip, fabric: FabricKind::Memory, seed: 1, guards: Guards::ON }
}

/// A fault between two times.
pub(crate) fn fault(from_s: u64, to_s: u64, what: What) -> Fault {
    let (from, to) = (Duration::from_secs(from_s), Duration::from_secs(to_s));
    Fault { at: from, lasts: Some(to - from), what }
}

impl Stand {
    /// A world whose hosts have all started.
    pub(crate) fn of(run: &Run) -> Self {
        let (world, now) = (World::new(run, &Recorder::hashing()), Arc::new(AtomicU64::new(0)));
        let clock = Arc::clone(&now);
        world.clock(Arc::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))));
        (0..run.scenario.hosts()).for_each(|host| world.host_lives(host, Duration::ZERO, Lives::Started));
        Self { world, now }
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_millis(self.now.load(Ordering::Relaxed))
    }

    /// Lets time pass until then, in steps of a bin.
    pub(crate) fn until(&self, ms: u64) -> &Self {
        while self.now() < Duration::from_millis(ms) {
            self.now.fetch_add(100.min(ms - self.now.load(Ordering::Relaxed)), Ordering::Relaxed);
            self.world.tick(self.now());
        }
        self
    }

    pub(crate) fn fault(&self, index: usize, turn: Turn) -> &Self {
        self.world.fault(self.now(), index, turn);
        self
    }

    pub(crate) fn lives(&self, host: usize, lives: Lives) -> &Self {
        self.world.host_lives(host, self.now(), lives);
        self
    }

    pub(crate) fn say(&self, host: usize, notice: HostNotice) -> &Self {
        self.world.observe(host, 1, self.now(), Observed::Host(&notice));
        self
    }

    pub(crate) fn notice(&self, host: usize, service: &str, notice: &Notice) -> &Self {
        let name = ServiceName::parse(service).unwrap();
        self.world.observe(host, 1, self.now(), Observed::Service(&name, notice));
        self
    }

    /// The agent of a host does something else with calls from now on.
    pub(crate) fn changes(&self, host: usize, service: &str, to: StateKind) -> &Self {
        let from = self.place(host, service).state;
        let retry_after = (to == StateKind::Open).then_some(OPEN);
        let at = MonoTime::START;
        self.notice(
            host,
            service,
            &Notice::Changed(Transition { at, from, to, reason: Reason::ProbeFailed, retry_after }),
        )
    }

    /// A host enters an opening; two failing hosts were needed.
    pub(crate) fn enters(&self, host: usize, service: &str, entered: Entered) -> &Self {
        let Entered { number, how, on_hearsay } = entered;
        let from = self.place(host, service).number();
        let judged = Judgement { span: Duration::from_millis(256), hosts_needed: 2, ..Judgement::default() };
        let step = ClusterNotice::Entered { number, from, how, on_hearsay, judged };
        self.notice(host, service, &Notice::Cluster(step));
        if !self.place(host, service).refuses() {
            self.changes(host, service, StateKind::Open);
        }
        self
    }

    pub(crate) fn half_opens(&self, host: usize, service: &str) -> &Self {
        let number = self.place(host, service).number().unwrap();
        self.notice(host, service, &Notice::Cluster(ClusterNotice::HalfOpen { number }));
        self.changes(host, service, StateKind::HalfOpen)
    }

    pub(crate) fn probes(&self, host: usize, service: &str, probe: u32) -> &Self {
        let number = self.place(host, service).number().unwrap_or(1);
        self.notice(host, service, &Notice::Cluster(ClusterNotice::Probe { number, probe }))
    }

    pub(crate) fn closes(&self, host: usize, service: &str) -> &Self {
        let number = self.place(host, service).number().unwrap();
        let reason = Reason::ProbesSucceeded { probes: 3 };
        self.notice(host, service, &Notice::Cluster(ClusterNotice::Left { number, reason }));
        self.changes(host, service, StateKind::Closed)
    }

    /// A host takes in that another is in an opening.
    pub(crate) fn hears(&self, host: usize, of: usize, (service, number): (&str, u64)) -> &Self {
        let stay = Stay { number, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() };
        let mut digest = FailureDigest::of(ServiceName::parse(service).unwrap(), StateKind::Open);
        digest.stay = Some(stay);
        let host_id = HostId::new(&host_name(of));
        let testimony = Testimony { host: host_id, incarnation: 1, age: Duration::ZERO, digest };
        self.world.observe(host, 1, self.now(), Observed::Heard(&testimony));
        self
    }

    /// A call that is let through, and ends in this moment.
    pub(crate) fn call(&self, host: usize, service: &str, fate: Fate) -> &Self {
        let (world, path) = (&self.world, self.path(service));
        let demand = world.demand(path);
        let attempt = world.grant(&world.ask(host, path), Some(&Standing::Allowed));
        let (reported, close) = match fate {
            Fate::Good => (Reported::Good, Close::Served),
            Fate::Made => (Reported::Failed, Close::Excused),
            Fate::Failed => (Reported::Failed, Close::Lost),
        };
        world.settle(attempt, reported, fate);
        world.close(demand, close);
        self
    }

    /// A service has more calls than it can serve.
    pub(crate) fn strains(&self, service: &str) -> &Self {
        let path = self.path(service);
        self.world.lock().facts.truth.strain(self.now(), path);
        self
    }

    /// A host asks and is refused.
    pub(crate) fn asks(&self, host: usize, service: &str) -> &Self {
        self.world.refused(&self.world.ask(host, self.path(service)));
        self
    }

    pub(crate) fn finish(&self) -> Findings {
        self.world.finish(self.now(), &NetworkFacts::default())
    }

    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        *self.finish().metrics.get(name).unwrap()
    }

    /// The names of the invariants that were broken.
    pub(crate) fn broken(&self) -> Vec<String> {
        let broken = self.finish().invariants.into_iter().filter(|invariant| !invariant.held);
        broken.map(|invariant| invariant.name).collect()
    }

    fn place(&self, host: usize, service: &str) -> places::Place {
        let path = self.path(service);
        self.world.lock().facts.places.of(host, path)
    }

    pub(crate) fn path(&self, service: &str) -> PathId {
        self.world.lock().facts.roster.find(service).unwrap()
    }
}

/// How a host enters an opening.
#[derive(Clone, Copy)]
pub(crate) struct Entered {
    pub(crate) number: u64,
    pub(crate) how: Entry,
    pub(crate) on_hearsay: bool,
}

/// A host judges for itself.
pub(crate) fn started(number: u64) -> Entered {
    Entered { number, how: Entry::Started, on_hearsay: false }
}

/// A host follows the others.
pub(crate) fn adopted(number: u64) -> Entered {
    Entered { number, how: Entry::Adopted, on_hearsay: true }
}

/// How long Open lasts on the stand.
const OPEN: Duration = Duration::from_secs(2);

#[test]
fn everything_that_is_noticed_is_in_the_trace() {
    let hashes: Vec<u64> = (0..7)
        .map(|until| {
            let recorder = Recorder::hashing();
            let run = run(2, &["a"], vec![fault(1, 2, What::Delay { by: Duration::ZERO })]);
            let world = World::new(&run, &recorder);
            let stand = Stand { world, now: Arc::default() };
            let steps: [&dyn Fn(); 6] = [
                &|| {
                    stand.lives(0, Lives::Started);
                },
                &|| {
                    stand.fault(0, Turn::Begins);
                },
                &|| {
                    stand.changes(0, "a", StateKind::Open);
                },
                &|| {
                    stand.enters(0, "a", started(1));
                },
                &|| {
                    stand.notice(0, "a", &Notice::Exceeded(Reason::ProbeFailed));
                },
                &|| {
                    stand.say(0, HostNotice::Deaf(true));
                },
            ];
            steps[..until].iter().for_each(|step| step());
            assert_eq!(recorder.summary().unwrap().events, until as u64);
            recorder.summary().unwrap().hash
        })
        .collect();
    assert_eq!(hashes.iter().collect::<std::collections::BTreeSet<_>>().len(), 7);
}

#[test]
fn the_picture_of_a_host_is_the_state_furthest_from_closed() {
    let stand = Stand::of(&run(1, &["a", "b"], vec![]));
    stand.until(100).changes(0, "a", StateKind::HalfOpen).until(200).changes(0, "b", StateKind::Open);
    stand
        .until(300)
        .say(0, HostNotice::Deaf(true))
        .until(400)
        .lives(0, Lives::Paused)
        .until(500)
        .lives(0, Lives::Crashed);
    stand.until(600).lives(0, Lives::Started);
    let letters: Vec<(u64, char)> =
        stand.finish().series.hosts[0].iter().map(|(at, letter)| (at.as_millis() as u64, *letter)).collect();
    assert_eq!(letters, [(0, 'C'), (100, 'H'), (200, 'O'), (300, 'D'), (400, 'P'), (500, 'X'), (600, 'C')]);
}

#[test]
fn all_series_have_a_value_for_each_bin() {
    let stand = Stand::of(&run(1, &["a", "b"], vec![]));
    stand.until(1_000).call(0, "a", Fate::Good).until(2_000);
    let series = stand.finish().series;
    assert_eq!(series.times.len(), 20);
    let lengths = series.services.values().flat_map(|it| [&it.offered, &it.capacity, &it.goodput, &it.queue_delay]);
    assert!(lengths.into_iter().all(|values| values.len() == 20));
    assert_eq!(series.services["a"].goodput[10], 10.0);
    assert_eq!(series.services["b"].capacity[5], 10_000.0);
}

#[test]
fn a_call_dropped_without_a_word_has_left_the_books() {
    let stand = Stand::of(&run(1, &["a"], vec![]));
    let path = stand.path("a");
    let attempt = stand.world.grant(&stand.world.ask(0, path), None);
    assert_eq!(stand.world.lock().facts.ledger.in_flight(path), 1);
    drop(attempt);
    assert_eq!(stand.world.lock().facts.ledger.in_flight(path), 0);
}

#[test]
fn a_run_is_over_when_all_faults_are_and_all_was_closed_for_long() {
    let stand = Stand::of(&run(2, &["a"], vec![fault(1, 2, What::Partition { groups: vec![] })]));
    stand.until(1_000).fault(0, Turn::Begins).until(60_000);
    assert!(!stand.world.is_over(stand.now()), "the fault goes on");
    stand.fault(0, Turn::Ends).changes(0, "a", StateKind::Open).until(120_000);
    assert!(!stand.world.is_over(stand.now()), "a host refuses");
    stand.changes(0, "a", StateKind::Closed).until(150_000);
    assert!(!stand.world.is_over(stand.now()), "not yet for long");
    stand.until(150_300);
    assert!(stand.world.is_over(stand.now()));
}

#[test]
fn a_run_without_faults_goes_on_to_its_end() {
    let stand = Stand::of(&run(2, &["a"], vec![]));
    assert!(!stand.until(200_000).world.is_over(stand.now()));
}
