//! What passes between the registry and its peers: news comes in, alerts and notices go out, and lateness is noticed.
//!
//! What follows from news is the registry's to decide and is tested in the core. Effects and notices are put where the
//! registry leaves them, so that each is tried whether anything brings it about today or not.

use breaker_client::wire::{Entry as WireEntry, Evidence, OpeningStep};

use super::*;
use crate::core::digest::{Alert, FailureDigest, HostId, HostWord, Testimony, Urgency};
use crate::core::evidence::Judgement;
use crate::core::peers::Way;
use crate::core::reason::Reason;
use crate::core::registry::Authority;
use crate::core::service::ServiceName;
use crate::core::state::{ClusterNotice, Entry, HostNotice, Notice, StateKind};
use crate::driver::cluster::{LATE_MAX, settings};
use crate::driver::evidence::judgement;
use crate::driver::publish::PUBLISH_PAUSE;
use crate::mail::{ALERTS_MAX, GossipNews};

fn digest(service: &str) -> FailureDigest {
    FailureDigest::of(ServiceName::parse(service).unwrap(), StateKind::Closed)
}

fn heard(node: &str) -> GossipNews {
    let (host, age) = (HostId::new(node), Duration::ZERO);
    let testimony = Testimony { host, incarnation: 1, age, digest: digest(S) };
    GossipNews::Heard { testimony, way: Way::Alert }
}

fn alert() -> Alert {
    Alert { urgency: Urgency::Place, digest: digest(S), judged_by: Vec::new() }
}

fn entered(number: u64, how: Entry) -> ClusterNotice {
    ClusterNotice::Entered { number, from: None, how, on_hearsay: true, judged: Judgement::default() }
}

/// Leaves a notice where the registry does, and lets the driver take a turn.
fn notice(stand: &mut Stand, notice: ClusterNotice) {
    stand.driver.notices.push((ServiceName::parse(S).unwrap(), Notice::Cluster(notice)));
    stand.driver.wake(stand.now);
}

#[test]
fn an_agent_judges_with_others_as_its_configuration_says_and_alone_not_at_all() {
    let stand = Stand::new();
    let identity = &stand.driver.identity;
    let with = |yaml: &str, gossip| {
        let config = Config::load(yaml, "test.yaml").unwrap();
        settings(&config, identity, gossip, Guards { margin: false, ..Guards::ON })
    };
    assert_eq!(with("cluster: {sustained: 64ms}", GossipHealth::Off), None);
    let default = with("", GossipHealth::Running).unwrap();
    assert_eq!((default.authority, default.shortest_span), (Authority::Authoritative, 2));
    assert_eq!((default.me.as_str(), default.zone.as_deref(), default.guards.margin), ("me", Some("here"), false));
    let written = "{authority: accelerate, sustained: 64ms, recovery_timeout: 3s}";
    let other = with(&format!("cluster: {written}\ngossip: {{cluster: green}}"), GossipHealth::Degraded).unwrap();
    assert_eq!((other.authority, other.shortest_span), (Authority::Accelerate, 1));
    assert_eq!(other.recovery_timeout, SECOND * 3);
    assert_ne!(default.seed, other.seed);
    assert_eq!(Some(default), with("gossip: {cluster: breakerd}", GossipHealth::Running));
}

#[test]
fn alone_or_in_a_cluster_an_agent_at_rest_wakes_once_a_second() {
    for gossip in [GossipHealth::Off, GossipHealth::Running, GossipHealth::Degraded] {
        let mut stand = Stand::start("", gossip);
        for second in 1..=5 {
            assert_eq!(stand.driver.next_wake(), MonoTime::START + SECOND * second);
            stand.pass(SECOND);
        }
        assert_eq!(stand.seen(), []);
    }
}

#[test]
fn every_testimony_is_observed_and_counted_whatever_it_says() {
    let mut stand = Stand::start("", GossipHealth::Running);
    let mut client = stand.connect(None);
    stand.pass(SECOND / 2);
    for node in ["b", "c", "b"] {
        stand.hear(heard(node));
    }
    stand.hear(GossipNews::Said { host: HostId::new("b"), incarnation: 1, word: HostWord::default() });
    let service = ServiceName::parse(S).unwrap();
    stand.hear(GossipNews::Withdrawn { host: HostId::new("b"), service });
    let seen = stand.seen();
    assert!(seen.iter().all(|(at, what)| *at == stand.now && what.starts_with("Heard(")), "{seen:?}");
    assert_eq!((seen.len(), stand.counter(&mut client, "testimonies_heard")), (3, 3));
}

/// The hold ends half a second before the word of the peer comes in, and nobody woke the driver in between.
#[test]
fn what_was_due_is_observed_before_what_the_mail_brings() {
    let mut stand = Stand::start("", GossipHealth::Running);
    let mut root = stand.connect(Some(0));
    let (service, action) = (S.to_owned(), WireAction::Disable);
    stand.ask(&mut root, Request::Operate { service, action, for_ms: Some(500), reason: None });
    stand.seen();
    stand.now = stand.now + SECOND;
    stand.hear(heard("b"));
    let seen = stand.seen();
    assert!(seen[0].1.contains("OperatorHoldOver") && seen[1].1.starts_with("Heard("), "{seen:?}");
    assert_eq!(seen.len(), 2);
}

#[test]
fn alerts_go_out_with_the_turn_that_raised_them_and_its_time() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.now = stand.now + SECOND;
    stand.driver.effects.alerts.push(alert());
    stand.driver.wake(stand.now);
    assert_eq!(stand.alerts.try_recv(), Ok(RaisedAlert { alert: alert(), at: stand.now }));
    assert_eq!(stand.counter(&mut client, "alerts_raised"), 1);
}

#[test]
fn alerts_that_find_no_room_are_lost_and_counted() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.driver.effects.alerts.extend(std::iter::repeat_n(alert(), ALERTS_MAX));
    stand.driver.wake(stand.now);
    assert_eq!(stand.counter(&mut client, "alerts_lost"), 0);
    stand.driver.effects.alerts.push(alert());
    stand.driver.wake(stand.now);
    assert_eq!(stand.counter(&mut client, "alerts_lost"), 1);
    assert_eq!(std::iter::from_fn(|| stand.alerts.try_recv().ok()).count(), ALERTS_MAX);
}

#[test]
fn what_happens_to_the_host_is_observed_counted_and_published_soon() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.pass(SECOND / 2);
    let all = [HostNotice::Deaf(true), HostNotice::Sick(true), HostNotice::Deaf(false), HostNotice::Sick(false)];
    stand.driver.effects.host.extend(all);
    stand.driver.wake(stand.now);
    let seen: Vec<String> = stand.seen().into_iter().map(|(_, what)| what).collect();
    assert_eq!(seen, ["Host(Deaf(true))", "Host(Sick(true))", "Host(Deaf(false))", "Host(Sick(false))"]);
    assert_eq!(stand.counter(&mut client, "became_deaf"), 1);
    assert_eq!(stand.counter(&mut client, "became_sick"), 1);
    assert_eq!(stand.driver.published_at, stand.now, "at once, half a second after the last time");
}

#[test]
fn the_steps_of_openings_are_observed_and_counted_by_what_they_are() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    for how in [Entry::Started, Entry::Joined, Entry::Adopted, Entry::Adopted] {
        notice(&mut stand, entered(3, how));
    }
    notice(&mut stand, ClusterNotice::HalfOpen { number: 3 });
    notice(&mut stand, ClusterNotice::Probe { number: 3, probe: 1 });
    notice(&mut stand, ClusterNotice::Probed { number: 3, probe: 1, good: true });
    notice(&mut stand, ClusterNotice::Left { number: 3, reason: Reason::ProbesSucceeded { probes: 1 } });
    notice(&mut stand, ClusterNotice::Capped { number: 4, refused: 3, used: 6 });
    assert_eq!(stand.seen().len(), 9);
    let counted = ["openings_started", "openings_joined", "openings_adopted", "probes_claimed", "joins_capped"];
    assert_eq!(counted.map(|name| stand.counter(&mut client, name)), [1, 1, 2, 1, 1]);
}

#[test]
fn watchers_are_told_every_step_of_an_opening_with_its_number_and_evidence() {
    let mut stand = Stand::new();
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    notice(&mut stand, entered(3, Entry::Joined));
    notice(&mut stand, ClusterNotice::HalfOpen { number: 3 });
    notice(&mut stand, ClusterNotice::Probe { number: 3, probe: 1 });
    notice(&mut stand, ClusterNotice::Probed { number: 3, probe: 1, good: false });
    notice(&mut stand, ClusterNotice::Left { number: 3, reason: Reason::ProbesSucceeded { probes: 1 } });
    notice(&mut stand, ClusterNotice::Capped { number: 3, refused: 4, used: 8 });
    let reason = answers::reason(&Reason::ProbesSucceeded { probes: 1 });
    let judged = judgement(&Judgement::default());
    let steps = [
        OpeningStep::Entered { how: WireEntry::Joined, from: None, evidence: Evidence::Hearsay, judged },
        OpeningStep::HalfOpen,
        OpeningStep::ProbeClaimed { probe: 1 },
        OpeningStep::ProbeOver { probe: 1, good: false },
        OpeningStep::Left { reason },
        OpeningStep::Capped { refused: 4, used: 8 },
    ];
    let expected = steps.map(|step| (0, Event::Opening { service: S.to_owned(), number: 3, step }));
    assert_eq!(watcher.events(), expected);
}

/// Also where what the agent does with calls stays the same, as for a host that moves on to a higher number.
#[test]
fn a_change_of_place_is_published_at_once_and_a_join_that_is_none_is_not() {
    let mut stand = Stand::new();
    stand.pass(SECOND / 2);
    notice(&mut stand, ClusterNotice::Capped { number: 4, refused: 3, used: 6 });
    assert_eq!(stand.driver.published_at, MonoTime::START);
    notice(&mut stand, entered(3, Entry::Adopted));
    assert_eq!(stand.driver.published_at, stand.now);
    notice(&mut stand, entered(4, Entry::Adopted));
    assert_eq!(stand.driver.next_wake(), stand.now + PUBLISH_PAUSE);
}

#[test]
fn a_turn_is_in_time_up_to_a_second_after_it_was_due_and_late_a_moment_after_that() {
    let turns: [fn(&mut Stand); 2] = [|stand| stand.driver.wake(stand.now), |stand| stand.hear(heard("b"))];
    for turn in turns {
        for (beyond, late) in [(Duration::ZERO, 0), (Duration::from_nanos(1), 1)] {
            let mut stand = Stand::start("", GossipHealth::Running);
            let mut client = stand.connect(None);
            stand.now = stand.driver.next_wake() + LATE_MAX + beyond;
            turn(&mut stand);
            turn(&mut stand);
            assert_eq!(stand.counter(&mut client, "turns_late"), late, "it was late once at the most");
        }
    }
}

/// The mail has waited while the agent was stopped; it is taken in by an agent that knows so.
#[tokio::test(start_paused = true)]
async fn mail_that_waited_for_a_stopped_agent_finds_that_it_was_late() {
    let stand = Stand::start("", GossipHealth::Running);
    let (clock, (mailbox, received)) = (Clock::start(), mpsc::channel(8));
    let (outbox, mut answers) = mpsc::channel(8);
    let connection = ConnectionId(1);
    let status = Request::Status { service: None, after: None, limit: 1, peers: WithPeers::No };
    let frames = vec![RequestFrame { id: 1, request: status }];
    for mail in [Mail::Connected { connection, uid: None, outbox }, Mail::Asked { connection, frames }] {
        mailbox.send(mail).await.unwrap();
    }
    drop(mailbox);
    tokio::time::advance(PUBLISH_EVERY + LATE_MAX + Duration::from_millis(1)).await;
    run(stand.driver, clock, received).await;
    let Response::Status(page) = answers.recv().await.unwrap().remove(0).response else { panic!("a status") };
    let late = page.agent.counters.iter().find(|counter| counter.name == "turns_late").unwrap();
    assert_eq!(late.count, 1);
}

/// An agent that always has mail is never woken, and never late: each mail is a turn.
#[test]
fn mail_keeps_an_agent_in_time() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    for _ in 0..50 {
        stand.now = stand.now + SECOND;
        stand.acquire(&mut client, S);
    }
    assert_eq!(stand.counter(&mut client, "turns_late"), 0);
}

#[test]
fn that_gossip_was_away_or_is_degraded_is_counted_and_shown() {
    let mut stand = Stand::start("cluster: {authority: advisory}", GossipHealth::Running);
    let mut client = stand.connect(None);
    stand.hear(GossipNews::Away(SECOND * 30));
    stand.hear(GossipNews::Health { health: GossipHealth::Degraded, incarnation: 4 });
    assert_eq!(stand.counter(&mut client, "absences_told"), 1);
    let agent = stand.page(&mut client, None, 1, WithPeers::No).agent;
    assert_eq!((agent.gossip, agent.incarnation), (GossipHealth::Degraded, 4));
    assert_eq!(agent.authority, breaker_client::wire::Authority::Advisory);
}
