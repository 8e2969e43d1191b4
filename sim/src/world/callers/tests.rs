//! Applications against services, in paused time, over datagrams that take a millisecond; in oracle mode, since no agent
//! is needed to see what callers do with answers.

use std::collections::VecDeque;
use std::io;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::super::{Turn, World};
use super::*;
use crate::plan::{Down, FabricKind, Fault, Link, Mode, Run, Scenario, Service, What, Zone};
use crate::trace::Recorder;

/// A wire with two ends; what enters one comes out at the other.
#[derive(Default)]
struct Wire {
    lanes: [Mutex<Lane>; 2],
    news: [Notify; 2],
}

/// Datagrams, and when each comes out.
type Lane = VecDeque<(Instant, Vec<u8>)>;

struct WireEnd {
    wire: Arc<Wire>,
    end: usize,
}

#[async_trait]
impl Datagrams for WireEnd {
    async fn send_to(&self, datagram: &[u8], _: SocketAddr) -> io::Result<()> {
        let due = Instant::now() + Duration::from_millis(1);
        self.wire.lanes[1 - self.end].lock().unwrap().push_back((due, datagram.to_vec()));
        self.wire.news[1 - self.end].notify_one();
        Ok(())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let next = self.wire.lanes[self.end].lock().unwrap().front().map(|(due, _)| *due);
            match next {
                None => self.wire.news[self.end].notified().await,
                Some(due) => {
                    sleep_until(due).await;
                    let (_, datagram) = self.wire.lanes[self.end].lock().unwrap().pop_front().unwrap();
                    let length = datagram.len().min(buffer.len());
                    buffer[..length].copy_from_slice(&datagram[..length]);
                    return Ok((length, self.local_addr()?));
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok("192.168.0.9:9000".parse().unwrap())
    }
}

fn run(rate: f64, retries: u32, faults: Vec<What>) -> Run {
    let service = Service { capacity: 1_000.0, latency: Duration::from_millis(5), queue: 100, warmup: None };
    let callers = Callers {
        service: "payments".to_owned(),
        rate,
        timeout: Duration::from_millis(200),
        retries,
        hosts: Vec::new(),
    };
    let fault = |what| Fault { at: Duration::ZERO, lasts: None, what };
    let scenario = Scenario {
        name: "calls".to_owned(),
        duration: Duration::from_secs(100),
        zones: vec![Zone { name: None, hosts: 1 }],
        link: Link { latency_min: Duration::ZERO, latency_max: Duration::ZERO, loss: 0.0 },
        agent: String::new(),
        services: BTreeMap::from([("payments".to_owned(), service)]),
        callers: vec![callers],
        faults: faults.into_iter().map(fault).collect(),
        expect: BTreeMap::new(),
    };
    let guards = breaker_agent::core::guards::Guards::ON;
    Run { scenario, mode: Mode::Oracle, fabric: FabricKind::Memory, seed: 1, guards }
}

/// What became of the calls of 100 s: the sums of all bins, how often each fault bit, and the hosts' services as last seen.
async fn lived(run: &Run) -> (super::super::ledger::Bin, Vec<u64>, World) {
    let world = World::new(run, &Recorder::hashing());
    let start = Instant::now();
    world.clock(Arc::new(move || start.elapsed()));
    (0..run.scenario.faults.len()).for_each(|index| world.fault(Duration::ZERO, index, Turn::Begins));
    let wire = Arc::new(Wire::default());
    let end = |end| Arc::new(WireEnd { wire: Arc::clone(&wire), end });
    let services = Arc::new(BTreeMap::from([("payments".to_owned(), end(1).local_addr().unwrap())]));
    let software =
        async { tokio::join!(world.service("payments", end(1)), world.callers(0, None, end(0), services, 7)).0 };
    assert!(timeout(Duration::from_secs(100), software).await.is_err(), "nobody stops by himself");
    let findings = world.finish(Duration::from_secs(100), &Default::default());
    let mut sum = super::super::ledger::Bin::default();
    let state = world.lock();
    let service = state.facts.roster.find("payments").unwrap();
    for bin in state.facts.ledger.bins(service) {
        sum.demand += bin.demand;
        sum.served += bin.served;
        sum.excused += bin.excused;
        sum.refused += bin.refused;
        sum.granted += bin.granted;
        sum.failed += bin.failed;
        sum.offered += bin.offered;
        sum.good += bin.good;
    }
    drop(state);
    (sum, findings.bit, world)
}

fn last_reports(world: &World) -> super::super::ledger::Last {
    let state = world.lock();
    state.facts.ledger.last(0, state.facts.roster.find("payments").unwrap())
}

#[tokio::test(start_paused = true)]
async fn arrivals_come_at_their_rate_and_are_served() {
    let (sum, ..) = lived(&run(50.0, 2, vec![])).await;
    assert!((4_700..5_300).contains(&sum.demand), "{sum:?}");
    assert!(sum.served + 30 > sum.demand && sum.failed == 0, "{sum:?}");
}

/// Poisson: the variance of a count is its mean.
#[tokio::test(start_paused = true)]
async fn arrivals_are_poisson() {
    let (_, _, world) = lived(&run(50.0, 0, vec![])).await;
    let state = world.lock();
    let bins = state.facts.ledger.bins(state.facts.roster.find("payments").unwrap());
    let counts: Vec<f64> = bins.iter().map(|bin| f64::from(bin.demand)).collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
    assert!((0.8..1.2).contains(&(variance / mean)), "mean {mean}, variance {variance}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_tried_again_as_often_as_it_may() {
    let (sum, bit, _) =
        lived(&run(10.0, 2, vec![What::ServiceErrors { service: "payments".to_owned(), rate: 1.0 }])).await;
    assert_eq!(sum.served, 0);
    assert!(sum.granted.abs_diff(3 * sum.demand) < 10, "{sum:?}");
    assert!(sum.excused.abs_diff(sum.demand) < 10, "the scenario wanted it: {sum:?}");
    assert!(bit[0].abs_diff(u64::from(sum.failed)) < 10);
}

#[tokio::test(start_paused = true)]
async fn whoever_knows_everything_calls_nothing_that_is_down() {
    let (sum, bit, _) =
        lived(&run(10.0, 2, vec![What::ServiceDown { service: "payments".to_owned(), mode: Down::Hang }])).await;
    assert_eq!((sum.granted, sum.served, bit[0]), (0, 0, 0));
    assert_eq!(sum.refused, sum.demand, "a refusal is honoured, not tried again");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up_and_still_served() {
    let by = Duration::from_millis(400);
    let (sum, bit, world) = lived(&run(10.0, 0, vec![What::ServiceSlow { service: "payments".to_owned(), by }])).await;
    assert_eq!((sum.served, sum.good), (0, 0));
    assert!(sum.failed > 900 && bit[0] > 900, "{sum:?}");
    assert!(last_reports(&world).failed.is_some());
    assert!(world.lock().facts.ledger.in_flight(PathId(0)) <= 20, "the rest have left the books");
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_sick_host_never_leave_it() {
    let (sum, bit, _) = lived(&run(10.0, 0, vec![What::SickHost { hosts: vec![0], fails: 0.5 }])).await;
    let share = f64::from(sum.failed) / f64::from(sum.demand);
    assert!((0.45..0.55).contains(&share), "{share}");
    assert_eq!(sum.offered + sum.failed, sum.granted);
    assert_eq!((sum.excused, bit[0]), (sum.failed, u64::from(sum.failed)));
}

#[tokio::test(start_paused = true)]
async fn a_liar_is_served_and_reports_failures() {
    let (sum, bit, world) =
        lived(&run(10.0, 0, vec![What::Liar { hosts: vec![0], service: "payments".to_owned() }])).await;
    assert!(sum.served > 900 && sum.failed == 0, "{sum:?}");
    assert_eq!(bit[0], u64::from(sum.good));
    let last = last_reports(&world);
    assert!(last.failed.is_some() && last.good.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_stopped_host_would_have_called_is_not_made_up_for() {
    let callers = run(10.0, 0, vec![]).scenario.callers.remove(0);
    let mut line = Line { service: PathId(0), callers, rng: StdRng::seed_from_u64(1), next: Instant::now() };
    let woken = Instant::now() + Duration::from_secs(60);
    assert!(line.due(woken).is_empty());
    assert!(line.next > woken && line.next < woken + Duration::from_secs(3));
    // A timer that is late by the limit is only late.
    let just_late = line.next + STOPPED_MIN;
    assert!(!line.due(just_late).is_empty());
}
