//! Whole agents' gossip on an in-memory fabric under paused time, and once on real loopback sockets.

mod alerts;
mod cluster;
mod fabric;
mod hostile;
mod rest;

use std::time::Duration;

use breaker_client::wire::GossipHealth;

use self::cluster::{Agent, INTERVAL, digest, key};
use self::fabric::Fabric;
use crate::core::digest::StateKind;
use crate::mail::Standing;

#[tokio::test(start_paused = true)]
async fn three_agents_see_each_others_digests_zones_and_withdrawals() {
    let fabric = Fabric::default();
    let [a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    a.publish([digest("payments", StateKind::Open, 20, 12)]);
    for peer in [&mut b, &mut c] {
        let heard = peer.until(|seen| seen.heard("a", "payments")).await;
        assert_eq!(heard.incarnation, 1);
        let told = &heard.digest;
        assert_eq!((told.state, told.total, told.failed), (StateKind::Open, 20, 12));
        assert!(told.age >= Duration::from_secs(3) && told.age < Duration::from_secs(13), "{:?}", told.age);
    }
    let member = b.until(|seen| seen.member("a").filter(|a| a.standing == Standing::Live && a.digests == 1)).await;
    assert_eq!((member.zone.as_deref(), member.address), (Some("zone-a"), a.address));
    a.publish([]);
    for peer in [&mut b, &mut c] {
        peer.until(|seen| seen.heard("a", "payments").is_none().then_some(())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_and_a_restart_all_is_right_within_ten_intervals_and_the_old_state_is_gone() {
    let fabric = Fabric::default();
    let [a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    a.publish([digest("old", StateKind::Open, 20, 12)]);
    c.publish([digest("other", StateKind::Open, 9, 9)]);
    b.until(|seen| seen.heard("a", "old")).await;
    c.until(|seen| seen.heard("a", "old")).await;
    a.kill().await;
    let mut a = Agent::start(&fabric, "a", 2, Some(key(1)));
    a.publish([digest("new", StateKind::HalfOpen, 3, 1)]);
    let restarted = tokio::time::Instant::now();
    for peer in [&mut b, &mut c] {
        peer.until(|seen| seen.heard("a", "new").filter(|heard| heard.incarnation == 2)).await;
        peer.until(|seen| seen.heard("a", "old").is_none().then_some(())).await;
        let is_new = |seen: &cluster::Seen| {
            seen.member("a").filter(|a| a.standing == Standing::Live && a.incarnation == 2 && a.digests == 1)
        };
        peer.until(is_new).await;
    }
    a.until(|seen| seen.heard("c", "other")).await;
    a.until(|seen| seen.live(["b", "c"])).await;
    assert!(restarted.elapsed() <= INTERVAL * 10, "{:?}", restarted.elapsed());
    // The former life is remembered by chitchat for minutes; it must not come back in any of them.
    for _ in 0..60 {
        tokio::time::sleep(INTERVAL).await;
        for agent in [&mut a, &mut b, &mut c] {
            let seen = agent.now();
            assert!(seen.heard("a", "old").is_none());
            assert!(seen.member("a").is_none_or(|a| a.incarnation == 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_shuts_down_is_seen_to_leave_and_one_that_is_killed_to_fall_silent() {
    let fabric = Fabric::default();
    let [mut a, b, mut c] = Agent::three(&fabric, Some(&key(1)));
    b.publish([digest("payments", StateKind::Open, 20, 12)]);
    a.until(|seen| seen.heard("b", "payments")).await;
    a.until(|seen| seen.live(["b", "c"])).await;
    c.until(|seen| seen.live(["a", "b"])).await;
    let asked = tokio::time::Instant::now();
    b.shut_down().await;
    assert!(asked.elapsed() <= Duration::from_millis(500), "{:?}", asked.elapsed());
    a.until(|seen| seen.member("b").filter(|b| b.standing == Standing::Left)).await;
    a.until(|seen| seen.heard("b", "payments").is_none().then_some(())).await;
    assert!(asked.elapsed() <= INTERVAL * 2, "a goodbye is told at once: {:?}", asked.elapsed());
    c.kill().await;
    assert!(a.until(|seen| seen.member("c")).await.heard < Duration::from_secs(2), "ages are told every second");
    let silent = a.until(|seen| seen.member("c").filter(|c| c.standing == Standing::Silent)).await;
    assert_eq!(silent.incarnation, 1);
    assert!(silent.heard >= Duration::from_secs(3), "{:?}", silent.heard);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_gossip_task_is_told_within_a_second_and_started_again_above_itself() {
    let fabric = Fabric::default();
    let [mut a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    a.publish([digest("payments", StateKind::Open, 20, 12)]);
    b.until(|seen| seen.heard("a", "payments")).await;
    let killed = tokio::time::Instant::now();
    fabric.panic_once_in_send_of(a.address);
    a.until(|seen| (seen.health == Some((GossipHealth::Degraded, 1))).then_some(())).await;
    assert!(killed.elapsed() < Duration::from_secs(1) + INTERVAL, "{:?}", killed.elapsed());
    a.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    assert_eq!((a.counted("gossip_deaths"), a.raised()), (1, vec![2]));
    b.until(|seen| seen.heard("a", "payments").filter(|heard| heard.incarnation == 2)).await;
    a.until(|seen| seen.live(["b", "c"])).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_receiving_is_survived_too() {
    let fabric = Fabric::default();
    let [mut a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    b.until(|seen| seen.live(["a", "c"])).await;
    fabric.panic_once_in_receive_of(a.address);
    a.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    b.until(|seen| seen.member("a").filter(|a| a.incarnation == 2 && a.standing == Standing::Live)).await;
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_socket_are_counted_and_gossip_goes_on() {
    let fabric = Fabric::default();
    let [a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    b.until(|seen| seen.live(["a", "c"])).await;
    fabric.fail_receives_of(a.address, 5);
    a.publish([digest("payments", StateKind::Open, 20, 12)]);
    b.until(|seen| seen.heard("a", "payments")).await;
    assert_eq!((a.counted("seal_receive_errors"), a.counted("gossip_deaths")), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn of_two_agents_with_one_name_each_goes_above_the_other_at_most_three_times_a_minute() {
    let fabric = Fabric::default();
    let [mut a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    b.until(|seen| seen.live(["a", "c"])).await;
    let mut namesake = Agent::start_at(&fabric, "a", 9, 5, Some(key(1)), &["127.0.0.1:1"]);
    c.until(|seen| seen.member("a").filter(|a| a.incarnation > 5)).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(a.counted("gossip_name_clashes") + namesake.counted("gossip_name_clashes") <= 6);
    assert!(a.counted("gossip_name_clashes") >= 1);
    assert_eq!(a.counted("gossip_deaths"), 0);
    for agent in [&mut a, &mut namesake] {
        assert!(agent.now().member("a").is_none(), "nobody is a peer of itself");
    }
}

#[tokio::test(start_paused = true)]
async fn agents_with_different_keys_or_clusters_do_not_meet() {
    let fabric = Fabric::default();
    let [mut a, _b, _c] = Agent::three(&fabric, Some(&key(1)));
    let mut stranger = Agent::start_at(&fabric, "d", 4, 1, Some(key(2)), &["127.0.0.1:1"]);
    a.until(|seen| seen.live(["b", "c"])).await;
    tokio::time::sleep(INTERVAL * 10).await;
    assert_eq!(stranger.now().members.len(), 0);
    assert!(a.now().member("d").is_none());
    assert!(a.counted("seal_wrong_key") > 0);
    assert_eq!(stranger.counted("seal_received"), 0, "an unauthenticated datagram gets no reply");
}

#[tokio::test(start_paused = true)]
async fn without_a_key_agents_on_loopback_meet() {
    let fabric = Fabric::default();
    let [a, mut b, mut c] = Agent::three(&fabric, None);
    a.publish([digest("payments", StateKind::Open, 20, 12)]);
    b.until(|seen| seen.heard("a", "payments")).await;
    c.until(|seen| seen.heard("a", "payments")).await;
}

/// A newcomer has to be sent everything at once: more than any datagram holds, in parts.
#[tokio::test(start_paused = true)]
async fn a_newcomer_catches_up_with_hundreds_of_digests_over_a_network_that_loses_some() {
    let fabric = Fabric::default();
    let [a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    let names = fabric::random_names(400, 7);
    a.publish(names.iter().map(|name| digest(name, StateKind::Open, 20, 12)));
    b.until_late(|seen| (seen.digests_of("a") == names.len()).then_some(())).await;
    fabric.lose_one_in(50);
    let mut d = Agent::start_at(&fabric, "d", 4, 1, Some(key(1)), &["127.0.0.1:2"]);
    d.until_late(|seen| (seen.digests_of("a") == names.len()).then_some(())).await;
    assert!(d.counted("seal_received") > 40 && fabric.lost() > 0, "it came in parts, and some were lost");
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_changes_nothing_when_it_is_played_again_in_the_same_life_or_later_ones() {
    let fabric = Fabric::default();
    fabric.record();
    let [a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    a.publish([digest("old", StateKind::Open, 20, 12)]);
    b.until(|seen| seen.heard("a", "old")).await;
    c.until(|seen| seen.live(["a", "b"])).await;
    a.publish([]);
    b.until(|seen| seen.heard("a", "old").is_none().then_some(())).await;
    let recorded = fabric.recorded_to(b.address);
    let thief = fabric.bind("127.0.0.1:66".parse().unwrap());

    let before = b.counted("seal_accepted");
    let replay = || async {
        for datagram in &recorded {
            thief.send_to(datagram, "127.0.0.1:2".parse().unwrap()).await.unwrap();
        }
    };
    fabric.freeze(true);
    replay().await;
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(b.counted("seal_accepted"), before, "nothing of it was used");
    assert_eq!(b.counted("seal_replayed"), recorded.len() as u64);
    assert_eq!(fabric.recorded_to("127.0.0.1:66".parse().unwrap()).len(), 0, "and nothing answered");

    b.kill().await;
    let mut b = Agent::start(&fabric, "b", 2, Some(key(1)));
    b.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    replay().await;
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(b.counted("seal_accepted"), 0);
    assert_eq!(b.counted("seal_stale_boot"), recorded.len() as u64);
    assert!(b.now().members.is_empty() && b.now().heard("a", "old").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_malformed_datagrams_leave_gossip_as_it_was() {
    let fabric = Fabric::default();
    for keyring in [Some(key(1)), None] {
        let [mut a, b, c] = Agent::three(&fabric, keyring.as_ref());
        a.until(|seen| seen.live(["b", "c"])).await;
        let thief = fabric.bind("127.0.0.1:66".parse().unwrap());
        for datagram in fabric::garbage(100_000, 7) {
            thief.send_to(&datagram, a.address).await.unwrap();
            // The fabric's queues are bounded, as a socket's are.
            tokio::task::yield_now().await;
        }
        assert!(a.counted("seal_received") >= 100_000);
        b.publish([digest("payments", StateKind::Open, 20, 12)]);
        a.until(|seen| seen.heard("b", "payments")).await;
        assert_eq!(a.counted("gossip_deaths"), 0);
        assert_eq!(a.now().members.len(), 2);
        for agent in [a, b, c] {
            agent.shut_down().await;
        }
    }
}

/// Chitchat's own limit, reached by whoever has a key and names enough incarnations: said beforehand, survived after.
#[tokio::test(start_paused = true)]
async fn a_list_of_incarnations_too_long_for_chitchat_is_told_before_and_survived_after() {
    let fabric = Fabric::default();
    let [mut a, _b, _c] = Agent::three(&fabric, Some(&key(1)));
    a.until(|seen| seen.live(["b", "c"])).await;
    // No exchange with others, who would pass the list on and back.
    fabric.freeze(true);
    let insider = hostile::Insider::new(&fabric, key(1));
    insider.send(&a, &hostile::syn(0..740)).await;
    assert_eq!(a.counted("gossip_size_alarms"), 0);
    insider.send(&a, &hostile::syn(740..760)).await;
    assert_eq!(a.counted("gossip_size_alarms"), 1);
    insider.send(&a, &hostile::syn(760..1_080)).await;
    a.until(|seen| (seen.health == Some((GossipHealth::Running, 2))).then_some(())).await;
    assert_eq!((a.counted("gossip_deaths"), a.raised()), (1, vec![2]));
    fabric.freeze(false);
    a.until(|seen| seen.live(["b", "c"])).await;
}

#[tokio::test(start_paused = true)]
async fn what_chitchat_does_not_understand_is_counted_and_hurts_nothing() {
    let fabric = Fabric::default();
    let [mut a, _b, _c] = Agent::three(&fabric, Some(&key(1)));
    let insider = hostile::Insider::new(&fabric, key(1));
    for message in [&b"nonsense"[..], &[], &hostile::syn(0..1)[..20], &[hostile::syn(0..1), vec![0]].concat()] {
        insider.send(&a, message).await;
    }
    assert_eq!(a.counted("gossip_unreadable"), 4);
    a.until(|seen| seen.live(["b", "c"])).await;
    assert_eq!(a.counted("gossip_deaths"), 0);
}

/// Gossip never waits for the driver: one that does not read is told the present when it reads again.
#[tokio::test(start_paused = true)]
async fn a_driver_that_does_not_read_holds_nothing_up_and_misses_nothing_that_still_is_so() {
    let fabric = Fabric::default();
    let names = fabric::random_names(cluster::MAIL_MAX + 8, 3);
    let [a, mut b, mut c] = Agent::three(&fabric, Some(&key(1)));
    for name in &names {
        a.publish([digest(name, StateKind::Open, 20, 12)]);
        tokio::time::sleep(INTERVAL).await;
    }
    c.until(|seen| seen.heard("a", names.last().unwrap())).await;
    b.until(|seen| (seen.digests_of("a") == 1).then(|| seen.heard("a", names.last().unwrap())).flatten()).await;
    b.until(|seen| seen.live(["a", "c"])).await;
}

#[tokio::test(start_paused = true)]
async fn gossip_ends_with_its_driver() {
    let fabric = Fabric::default();
    let [a, mut b, _c] = Agent::three(&fabric, Some(&key(1)));
    b.until(|seen| seen.live(["a", "c"])).await;
    a.lose_driver().await;
    b.until(|seen| seen.member("a").filter(|a| a.standing == Standing::Silent)).await;
}

#[tokio::test]
async fn two_agents_meet_over_real_loopback_sockets() {
    let mut agents = Agent::two_on_loopback(Some(key(1))).await;
    agents[0].publish([digest("payments", StateKind::Open, 20, 12)]);
    agents[1].until(|seen| seen.heard("a", "payments")).await;
    let [a, b] = agents;
    a.shut_down().await;
    b.shut_down().await;
}
