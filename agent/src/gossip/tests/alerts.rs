//! The alert plane of whole agents: heard at once, known without chitchat, dead and back with it.

use std::time::Duration;

use breaker_client::wire::GossipHealth;
use tokio::time::Instant;

use super::cluster::{Agent, INTERVAL, digest, key, service};
use super::fabric::Fabric;
use super::hostile::Insider;
use crate::core::digest::{FailureDigest, HostWord, Phase, Probes, StateKind, Stay, Urgency};
use crate::core::guards::Guards;
use crate::mail::{GossipNews, Standing};
use crate::seal::Plane;

fn failing(sequence: u64) -> FailureDigest {
    FailureDigest { sequence, ..digest("payments", StateKind::Closed, 20, 12) }
}

fn opening(sequence: u64, number: u64) -> FailureDigest {
    let stay = Stay { number, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() };
    FailureDigest { sequence, stay: Some(stay), ..FailureDigest::of(service("payments"), StateKind::Open) }
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_heard_at_once_and_an_agent_at_rest_sends_none() {
    let fabric = Fabric::default();
    let [mut a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    a.until(|seen| seen.live(["b", "c"])).await;
    b.until(|seen| seen.live(["a", "c"])).await;
    c.until(|seen| seen.live(["a", "b"])).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    for agent in [&mut a, &mut b, &mut c] {
        assert_eq!(agent.counted("gossip_alert_datagrams_sent"), 0);
        agent.now();
    }
    let pushed = Instant::now();
    a.alert(Urgency::Place, opening(7, 3));
    for peer in [&mut b, &mut c] {
        let heard = peer.until(|seen| seen.heard("a", "payments")).await;
        assert_eq!((heard.incarnation, heard.digest), (1, opening(7, 3)));
    }
    assert!(pushed.elapsed() <= Duration::from_millis(5), "{:?}", pushed.elapsed());
    assert_eq!(a.counted("gossip_alerts_sent"), 1);
    assert_eq!(a.counted("gossip_alert_datagrams_sent"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_largest_digest_told_is_measured_on_both_planes() {
    let fabric = Fabric::default();
    let [a, mut b, c] = Agent::three(&fabric, Some(&key(1)));
    b.until(|seen| seen.live(["a", "c"])).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    a.alert(Urgency::Place, opening(7, 3));
    b.until(|seen| seen.heard("a", "payments")).await;
    // Role, host of one letter, incarnation and age; a name of eight letters; the digest with its stay.
    assert_eq!(a.counted("gossip_digest_bytes_max"), 1 + 2 + 1 + 1 + 9 + 29);
    let name = "s".repeat(100);
    a.publish([digest(&name, StateKind::Open, 20, 12)]);
    b.until(|seen| seen.heard("a", &name)).await;
    let largest = a.counted("gossip_digest_bytes_max");
    // A digest without a stay has 23 bytes, and when it was made has three to fifteen.
    assert!((100 + 23 + 3..=100 + 23 + 15).contains(&largest), "{largest}");
    assert_eq!(c.counted("gossip_digest_bytes_max"), 1 + 2 + 1 + 1 + 9 + 29, "it passed on what it heard");
}

#[tokio::test(start_paused = true)]
async fn where_membership_is_given_alerts_go_and_nothing_else_does() {
    let fabric = Fabric::default();
    let mut agents = Agent::given(&fabric, 9, Some(&key(1)));
    for agent in &mut agents {
        let members = agent.until(|seen| (seen.members.len() == 8).then(|| seen.members.clone())).await;
        assert!(members.iter().all(|peer| peer.standing == Standing::Live && peer.heard == Duration::ZERO));
        assert_eq!(members[0].zone.as_deref(), Some("eu"));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let told = |mails: &[GossipNews]| mails.iter().filter(|mail| matches!(mail, GossipNews::Members(_))).count();
    assert!((5..=7).contains(&told(&agents[0].now().mails)), "once, and every second again");
    let pushed = Instant::now();
    agents[0].alert(Urgency::Failing, failing(1));
    for agent in &mut agents[1..] {
        agent.until(|seen| seen.heard("h0", "payments")).await;
    }
    assert!(pushed.elapsed() <= Duration::from_millis(5), "{:?}", pushed.elapsed());
    let writes: u64 = agents.iter().map(|agent| agent.counted("gossip_writes")).sum();
    assert_eq!(writes, 0);
}

/// Everything counted of the alert plane that says that something was done.
fn effects(agent: &Agent) -> [u64; 4] {
    ["alerts_received", "alerts_relayed", "alerts_malformed", "alert_datagrams_sent"]
        .map(|name| agent.counted(&format!("gossip_{name}")))
}

#[tokio::test(start_paused = true)]
async fn recorded_alerts_do_nothing_when_they_are_played_again_now_or_to_the_next_life() {
    let fabric = Fabric::default();
    fabric.record();
    let [mut a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    a.until(|seen| seen.live(["b", "c"])).await;
    b.until(|seen| seen.live(["a", "c"])).await;
    c.until(|seen| seen.live(["a", "b"])).await;
    let before = fabric.recorded_to(b.address).len();
    a.alert(Urgency::Place, opening(7, 3));
    b.until(|seen| seen.heard("a", "payments")).await;
    let recorded = fabric.recorded_to(b.address).split_off(before);
    assert!(!recorded.is_empty());
    fabric.freeze(true);
    tokio::time::sleep(INTERVAL).await;
    let thief = fabric.bind("127.0.0.1:66".parse().unwrap());
    let played = effects(&b);
    for datagram in &recorded {
        thief.send_to(datagram, b.address).await.unwrap();
    }
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(effects(&b), played);
    assert!(fabric.recorded_to("127.0.0.1:66".parse().unwrap()).is_empty(), "nothing answered");
    b.kill().await;
    let mut b = Agent::start(&fabric, "b", 2, Some(key(1)));
    b.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    for datagram in &recorded {
        thief.send_to(datagram, b.address).await.unwrap();
    }
    tokio::time::sleep(INTERVAL).await;
    assert_eq!((effects(&b), b.counted("seal_stale_boot")), ([0; 4], recorded.len() as u64));
    assert!(b.now().heard("a", "payments").is_none());
}

/// What the guard is there for: without it a recording from before a restart is believed.
#[tokio::test(start_paused = true)]
async fn without_the_guard_against_replays_a_recording_is_used_in_the_next_life() {
    let fabric = Fabric::default();
    fabric.record();
    let guards = Guards { replay: false, ..Guards::ON };
    let [mut a, mut b] = ["a", "b"].map(|node| Agent::guarded(&fabric, node, 1, guards));
    a.until(|seen| seen.live(["b"])).await;
    b.until(|seen| seen.live(["a"])).await;
    a.alert(Urgency::Place, opening(7, 3));
    b.until(|seen| seen.heard("a", "payments")).await;
    let recorded = fabric.recorded_to(b.address);
    for agent in [a, b] {
        agent.kill().await;
    }
    let mut b = Agent::guarded(&fabric, "b", 2, guards);
    b.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    let thief = fabric.bind("127.0.0.1:66".parse().unwrap());
    for datagram in &recorded {
        thief.send_to(datagram, b.address).await.unwrap();
    }
    b.until(|seen| seen.heard("a", "payments")).await;
}

#[tokio::test(start_paused = true)]
async fn forged_cut_long_and_random_datagrams_do_nothing_and_get_no_answer() {
    let fabric = Fabric::default();
    fabric.record();
    let mut agents = Agent::given(&fabric, 2, Some(&key(1)));
    agents[0].alert(Urgency::Place, opening(7, 3));
    agents[1].until(|seen| seen.heard("h0", "payments")).await;
    let to = agents[1].address;
    let genuine = fabric.recorded_to(to).pop().unwrap();
    let before = effects(&agents[1]);
    let thief = fabric.bind("127.0.0.1:66".parse().unwrap());
    let mut datagrams: Vec<_> = super::fabric::garbage(10_000, 7).collect();
    datagrams.extend((0..genuine.len()).map(|len| genuine[..len].to_vec()));
    datagrams.extend((0..genuine.len()).map(|at| {
        let mut forged = genuine.clone();
        forged[at] ^= 1;
        forged
    }));
    datagrams.push([&genuine[..], &[0; 2_000]].concat());
    for datagram in &datagrams {
        thief.send_to(datagram, to).await.unwrap();
        tokio::task::yield_now().await;
    }
    // Somebody with another key, who knows the format.
    let stranger = Insider::new(&fabric, key(2));
    stranger.send_on(Plane::Alert, &agents[1], b"\0").await;
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(effects(&agents[1]), before);
    assert!(agents[1].counted("seal_received") >= 10_000);
    assert!(fabric.recorded_to("127.0.0.1:66".parse().unwrap()).is_empty(), "nothing answered");
    agents[0].alert(Urgency::Place, opening(8, 4));
    agents[1].until(|seen| seen.heard("h0", "payments").filter(|heard| heard.digest.sequence == 8)).await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_with_the_key_sends_that_is_no_alert_is_counted_and_nothing_else() {
    let fabric = Fabric::default();
    let mut agents = Agent::given(&fabric, 2, Some(&key(1)));
    let insider = Insider::new(&fabric, key(1));
    for (malformed, message) in [(1, &b"nonsense"[..]), (2, &[]), (3, &[0; 5]), (4, &[0; 60_000])] {
        insider.send_on(Plane::Alert, &agents[1], message).await;
        assert_eq!(agents[1].counted("gossip_alerts_malformed"), malformed);
    }
    agents[0].alert(Urgency::Place, opening(8, 4));
    agents[1].until(|seen| seen.heard("h0", "payments")).await;
}

/// A paused host: the clock goes on and nothing here runs.
#[tokio::test(start_paused = true)]
async fn a_host_that_was_away_says_so_first_and_drops_what_came_meanwhile() {
    let fabric = Fabric::default();
    let mut agents = Agent::given(&fabric, 2, Some(&key(1)));
    let to = agents[1].address;
    agents[1].until(|seen| (seen.members.len() == 1).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fabric.hold(to);
    agents[0].alert(Urgency::Place, opening(7, 3));
    tokio::time::sleep(Duration::from_millis(10)).await;
    agents[1].now();
    let before = agents[1].now().mails.len();
    assert!(fabric.release(to) > 0);
    tokio::time::advance(Duration::from_secs(30)).await;
    let late = agents[1].until(|seen| seen.away.first().copied()).await;
    assert!(late > Duration::from_secs(29) && late <= Duration::from_secs(30), "{late:?}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let seen = agents[1].now();
    assert_eq!(seen.mails[before], GossipNews::Away(late), "before anything else");
    assert!(seen.heard("h0", "payments").is_none());
    assert_eq!(agents[1].counted("gossip_away_dropped"), 1);
    agents[0].alert(Urgency::Place, opening(8, 4));
    agents[1].until(|seen| seen.heard("h0", "payments").filter(|heard| heard.digest.sequence == 8)).await;
}

/// As above, and it had something to tell when it was paused. Here all are paused, so nobody believes it.
#[tokio::test(start_paused = true)]
async fn what_a_host_had_to_tell_when_it_was_away_for_three_seconds_is_told_and_after_more_it_is_not() {
    for (away, sent, late) in [(3_000, 1, 0), (3_001, 0, 1)] {
        let fabric = Fabric::default();
        let mut agents = Agent::given(&fabric, 2, Some(&key(1)));
        agents[0].until(|seen| (seen.members.len() == 1).then_some(())).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        agents[0].alert(Urgency::Place, opening(7, 3));
        tokio::time::advance(Duration::from_millis(away)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(["sent", "late"].map(|what| agents[0].counted(&format!("gossip_alerts_{what}"))), [sent, late]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_alert_task_is_noticed_and_comes_back_with_gossip() {
    let fabric = Fabric::default();
    let mut agents = Agent::given(&fabric, 3, Some(&key(1)));
    agents[0].until(|seen| (seen.members.len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fabric.panic_once_in_send_of(agents[0].address);
    agents[0].alert(Urgency::Failing, failing(1));
    agents[0].until(|seen| (seen.health == Some((GossipHealth::Degraded, 1))).then_some(())).await;
    agents[0].alert(Urgency::Failing, failing(2));
    agents[0].until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    let heard = agents[1].until(|seen| seen.heard("h0", "payments").filter(|heard| heard.incarnation == 2)).await;
    assert_eq!(heard.digest.sequence, 2);
    assert!(heard.age >= Duration::from_millis(100), "as old as gossip was dead for: {:?}", heard.age);
}

#[tokio::test(start_paused = true)]
async fn a_host_says_of_itself_where_it_is_how_often_it_calls_and_when_it_is_sick() {
    let fabric = Fabric::default();
    let [a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    let zone = b.until(|seen| seen.words.get("a").cloned()).await;
    assert_eq!(zone, (1, HostWord { zone: Some("zone-a".into()), ..HostWord::default() }));
    tokio::time::sleep(Duration::from_secs(40)).await;
    let word = HostWord { rates: vec![(service("payments"), 10_000)], ..HostWord::default() };
    a.publish_host(word.clone());
    b.until(|seen| seen.words.get("a").filter(|(_, word)| word.rates.len() == 1).cloned()).await;
    let fell_sick = Instant::now();
    a.publish_host(HostWord { sick: true, ..word });
    b.until(|seen| seen.words.get("a").filter(|(_, word)| word.sick).cloned()).await;
    assert!(fell_sick.elapsed() <= Duration::from_secs(2) + INTERVAL * 2, "{:?}", fell_sick.elapsed());
}
