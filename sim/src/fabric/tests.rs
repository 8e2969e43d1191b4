//! Laws that hold on both fabrics, and what only the one in memory can do: machines run, fail, stop and start, and
//! datagrams between them take their time.

use std::future::pending;
use std::sync::Mutex;

use breaker_agent::datagram::Datagrams;
use tokio::time::{Instant, sleep};

use super::*;

const KINDS: [FabricKind; 2] = [FabricKind::Turmoil, FabricKind::Memory];

fn fabric(kind: FabricKind, link_ms: (u64, u64)) -> Fabric {
    let link = Link {
        latency_min: Duration::from_millis(link_ms.0),
        latency_max: Duration::from_millis(link_ms.1),
        loss: 0.0,
    };
    let plan = Plan { kind, seed: 1, link, hosts: 3, services: vec!["db", "web"], longest: Duration::from_secs(100) };
    Fabric::new(&plan, &Recorder::hashing())
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn steps(fabric: &mut Fabric, count: usize) {
    for _ in 0..count {
        fabric.step().unwrap();
    }
}

/// Notes that many hosts write into.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(Duration, String)>>>);

impl Notes {
    fn add(&self, at: Duration, what: impl Into<String>) {
        self.0.lock().unwrap().push((at, what.into()));
    }

    fn all(&self) -> Vec<(u128, String)> {
        self.0.lock().unwrap().iter().map(|(at, what)| (at.as_millis(), what.clone())).collect()
    }
}

/// Everything that reaches a socket, noted.
async fn listen(socket: &dyn Datagrams, clock: &Clock, notes: &Notes) -> Ended {
    let mut buffer = [0; 64];
    loop {
        let (len, _) = socket.recv_from(&mut buffer).await?;
        notes.add(clock.now(), String::from_utf8_lossy(&buffer[..len]));
    }
}

/// Has a host note the gossip that reaches it.
fn run_listener(fabric: &mut Fabric, host: usize) -> Notes {
    let (notes, clock) = (Notes::default(), fabric.clock().clone());
    let port = Arc::clone(fabric.port(&Place::Host(host)));
    let heard = notes.clone();
    fabric.run_on(Machine::Host(host), move || {
        let (port, clock, heard) = (Arc::clone(&port), clock.clone(), heard.clone());
        async move { listen(&port.bind_gossip()?, &clock, &heard).await }
    });
    notes
}

/// Has a host gossip its time to another one every so often.
fn run_speaker(fabric: &mut Fabric, host: usize, to: usize, every: Duration) {
    let clock = fabric.clock().clone();
    let port = Arc::clone(fabric.port(&Place::Host(host)));
    let to = fabric.port(&Place::Host(to)).gossip_address();
    fabric.run_on(Machine::Host(host), move || {
        let (port, clock) = (Arc::clone(&port), clock.clone());
        async move {
            let wire = port.bind_gossip()?;
            loop {
                sleep(every).await;
                // It may be refused while its gossip is dead.
                let _ = wire.send_to(format!("{}", clock.now().as_millis()).as_bytes(), to).await;
            }
        }
    });
}

#[test]
fn software_that_fails_ends_or_panics_fails_the_step() {
    for kind in KINDS {
        let said = |software: fn() -> Ended| {
            let mut fabric = fabric(kind, (1, 3));
            fabric.run_on(Machine::Host(0), move || async move { software() });
            (0..2).find_map(|_| fabric.step().err()).unwrap().to_string()
        };
        assert_eq!(said(|| Err("out of luck".into())), "out of luck");
        assert!(said(|| Ok(())).contains("has ended"), "{kind:?}");
        assert!(said(|| panic!("asked to")).contains("panicked"), "{kind:?}");
    }
}

#[test]
fn places_have_addresses_of_their_own_that_are_the_same_on_both_fabrics() {
    let addresses = KINDS.map(|kind| {
        let fabric = fabric(kind, (1, 3));
        let of_hosts = (0..3).map(|host| fabric.port(&Place::Host(host)).gossip_address().to_string());
        let of_services =
            ["db", "web"].map(|name| fabric.port(&Place::Service(name.to_owned())).calls_address().to_string());
        of_hosts.chain(of_services).collect::<Vec<_>>()
    });
    assert_eq!(addresses[0], addresses[1]);
    let expected =
        ["192.168.0.1:7373", "192.168.0.2:7373", "192.168.0.3:7373", "192.168.0.4:10000", "192.168.0.4:10001"];
    assert_eq!(addresses[0], expected);
}

#[test]
fn timers_ring_on_time_and_the_clock_shows_it() {
    for kind in KINDS {
        let mut fabric = fabric(kind, (1, 3));
        let (notes, clock) = (Notes::default(), fabric.clock().clone());
        let rung = notes.clone();
        fabric.run_on(Machine::Host(0), move || {
            let (rung, clock) = (rung.clone(), clock.clone());
            async move {
                let began = Instant::now();
                for ms in [1, 10, 250] {
                    sleep(millis(ms)).await;
                    rung.add(clock.now(), began.elapsed().as_millis().to_string());
                }
                pending().await
            }
        });
        steps(&mut fabric, 300);
        assert_eq!(fabric.elapsed(), millis(300));
        let expected = [(1, "1"), (11, "11"), (261, "261")].map(|(at, shown)| (at, shown.to_owned()));
        assert_eq!(notes.all(), expected, "{kind:?}");
    }
}

#[test]
fn datagrams_take_as_long_as_the_link_and_none_is_lost() {
    for kind in KINDS {
        let mut fabric = fabric(kind, (1, 3));
        run_speaker(&mut fabric, 0, 1, millis(5));
        let notes = run_listener(&mut fabric, 1);
        steps(&mut fabric, 1_000);
        let delays: Vec<_> = notes.all().iter().map(|(at, sent)| at - sent.parse::<u128>().unwrap()).collect();
        assert!(delays.len() >= 198, "{kind:?}: {}", delays.len());
        // turmoil looks at its network once more in the step in which something arrives.
        assert!(delays.iter().all(|delay| (1..=4).contains(delay)), "{kind:?}: {delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]), "{kind:?}: {delays:?}");
    }
}

#[test]
fn in_memory_datagrams_of_one_step_arrive_in_the_order_in_which_they_were_sent() {
    let mut fabric = fabric(FabricKind::Memory, (2, 2));
    run_speaker(&mut fabric, 0, 2, millis(3));
    run_speaker(&mut fabric, 1, 2, millis(3));
    let notes = run_listener(&mut fabric, 2);
    steps(&mut fabric, 300);
    let heard = notes.all();
    assert!(heard.len() >= 190 && heard.iter().all(|(at, sent)| *at == sent.parse::<u128>().unwrap() + 2));
    assert!(heard.is_sorted());
}

#[test]
fn calls_and_their_answers_cross_the_network() {
    for kind in KINDS {
        let mut fabric = fabric(kind, (2, 2));
        let (notes, clock) = (Notes::default(), fabric.clock().clone());
        let (port, service) =
            (Arc::clone(fabric.port(&Place::Host(0))), Arc::clone(fabric.port(&Place::Service("web".to_owned()))));
        let (to, answered) = (service.calls_address(), notes.clone());
        fabric.run_on(Machine::Host(0), move || {
            let (port, clock, answered) = (Arc::clone(&port), clock.clone(), answered.clone());
            async move {
                let socket = port.bind_calls()?;
                socket.send_to(b"call", to).await?;
                listen(&*socket, &clock, &answered).await
            }
        });
        fabric.run_on(Machine::Services, move || {
            let service = Arc::clone(&service);
            async move {
                let (socket, mut buffer) = (service.bind_calls()?, [0; 64]);
                loop {
                    let (len, from) = socket.recv_from(&mut buffer).await?;
                    socket.send_to(&buffer[..len], from).await?;
                }
            }
        });
        steps(&mut fabric, 20);
        let heard = notes.all();
        assert_eq!(heard.len(), 1, "{kind:?}");
        assert!((4..=6).contains(&heard[0].0) && heard[0].1 == "call", "{kind:?}: {heard:?}");
    }
}

#[test]
fn a_crashed_host_is_silent_and_deaf_until_it_starts_anew() {
    for kind in KINDS {
        let mut fabric = fabric(kind, (1, 1));
        run_speaker(&mut fabric, 0, 1, millis(10));
        let notes = run_listener(&mut fabric, 1);
        steps(&mut fabric, 100);
        let before = notes.all().len();
        fabric.crash(1);
        assert!(!fabric.is_up(1) && fabric.is_up(0));
        steps(&mut fabric, 100);
        assert_eq!(notes.all().len(), before, "{kind:?}");
        fabric.restart(1);
        assert!(fabric.is_up(1));
        steps(&mut fabric, 100);
        let after = &notes.all()[before..];
        assert!((9..=11).contains(&after.len()), "{kind:?}: {after:?}");
        assert!(after.iter().all(|(_, sent)| sent.parse::<u128>().unwrap() >= 198), "{kind:?}: {after:?}");

        fabric.crash(0);
        steps(&mut fabric, 10);
        let silent = notes.all().len();
        steps(&mut fabric, 100);
        assert_eq!(notes.all().len(), silent, "{kind:?}");
        fabric.restart(0);
        steps(&mut fabric, 100);
        assert!(notes.all().len() > silent + 8, "{kind:?}");
    }
}

#[test]
fn a_paused_host_goes_on_with_late_timers_and_what_waited_at_its_socket() {
    let mut fabric = fabric(FabricKind::Memory, (1, 1));
    run_speaker(&mut fabric, 0, 1, millis(100));
    let heard = run_listener(&mut fabric, 1);
    let (ticks, clock) = (Notes::default(), fabric.clock().clone());
    let ticked = ticks.clone();
    fabric.run_on(Machine::Host(2), move || {
        let (ticked, clock) = (ticked.clone(), clock.clone());
        async move {
            let began = Instant::now();
            loop {
                sleep(millis(100)).await;
                ticked.add(clock.now(), began.elapsed().as_millis().to_string());
            }
        }
    });
    steps(&mut fabric, 250);
    fabric.pause(1).unwrap();
    fabric.pause(2).unwrap();
    fabric.pause(2).unwrap();
    steps(&mut fabric, 500);
    assert_eq!((ticks.all().len(), heard.all().len()), (2, 2));
    assert!(fabric.resume(1) && fabric.resume(2) && !fabric.resume(2));
    steps(&mut fabric, 150);
    // The timer of 300 ms rings at 750, on a clock that shows 750; the next comes 100 ms later.
    let expected = [(100, "100"), (200, "200"), (750, "750"), (850, "850")].map(|(at, shown)| (at, shown.to_owned()));
    assert_eq!(ticks.all(), expected);
    let times: Vec<_> = heard.all().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [101, 201, 750, 750, 750, 750, 750, 801]);
}

#[test]
fn under_turmoil_nobody_can_be_paused_and_it_says_so() {
    let mut fabric = fabric(FabricKind::Turmoil, (1, 3));
    run_listener(&mut fabric, 0);
    let said = fabric.pause(0).unwrap_err().to_string();
    assert!(said.contains("turmoil") && said.contains("memory fabric"), "{said}");
    assert!(!fabric.resume(0));
}

#[test]
fn a_crash_ends_a_pause() {
    let mut fabric = fabric(FabricKind::Memory, (1, 1));
    run_speaker(&mut fabric, 0, 1, millis(10));
    let notes = run_listener(&mut fabric, 1);
    steps(&mut fabric, 50);
    fabric.pause(1).unwrap();
    steps(&mut fabric, 50);
    fabric.crash(1);
    fabric.restart(1);
    let before = notes.all().len();
    steps(&mut fabric, 50);
    assert!(notes.all()[before..].iter().all(|(_, sent)| sent.parse::<u128>().unwrap() >= 99));
    assert!(notes.all().len() > before && !fabric.resume(1));
}

#[test]
fn faults_of_the_network_strike_on_both_fabrics_and_are_counted() {
    for kind in KINDS {
        let mut fabric = fabric(kind, (1, 1));
        run_speaker(&mut fabric, 0, 1, millis(10));
        let notes = run_listener(&mut fabric, 1);
        let groups = vec![vec![Place::Host(0)], vec![Place::Host(1)]];
        assert!(fabric.begin_fault(0, &What::Partition { groups }));
        steps(&mut fabric, 100);
        assert!(notes.all().is_empty() && fabric.struck(0) >= 9, "{kind:?}");
        fabric.end_fault(0);

        assert!(fabric.begin_fault(1, &What::Delay { by: millis(200) }));
        steps(&mut fabric, 195);
        assert!(notes.all().is_empty(), "{kind:?}: {:?}", notes.all());
        steps(&mut fabric, 100);
        let delays: Vec<_> = notes.all().iter().map(|(at, sent)| at - sent.parse::<u128>().unwrap()).collect();
        assert!(delays.len() >= 8 && delays.iter().all(|delay| (201..=203).contains(delay)), "{kind:?}: {delays:?}");
        fabric.end_fault(1);

        assert!(fabric.begin_fault(2, &What::Duplicate { share: 1.0 }));
        steps(&mut fabric, 300);
        let mut heard: Vec<_> = notes.all().into_iter().map(|(_, sent)| sent).collect();
        let all = heard.len();
        heard.sort();
        heard.dedup();
        assert!(all - heard.len() >= 28, "{kind:?}: {all} of {}", heard.len());
        assert!(!fabric.begin_fault(3, &What::RollingRestart { every: millis(1) }), "{kind:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_delays_and_losses() {
    for kind in KINDS {
        let heard = |seed: u64| {
            let link = Link { latency_min: millis(1), latency_max: millis(30), loss: 0.3 };
            let plan = Plan { kind, seed, link, hosts: 2, services: Vec::new(), longest: Duration::from_secs(10) };
            let mut fabric = Fabric::new(&plan, &Recorder::hashing());
            run_speaker(&mut fabric, 0, 1, millis(3));
            let notes = run_listener(&mut fabric, 1);
            steps(&mut fabric, 500);
            notes.all()
        };
        assert_eq!(heard(1), heard(1), "{kind:?}");
        assert_ne!(heard(1), heard(2), "{kind:?}");
    }
}
