//! The alert plane of whole agents: heard at once, known without chitchat, dead and back with it.

use std::time::Duration;

use breaker_client::wire::GossipHealth;
use tokio::time::Instant;

use super::cluster::{Agent, digest, key, service};
use super::fabric::Fabric;
use crate::core::digest::{FailureDigest, Phase, Probes, StateKind, Stay, Urgency};
use crate::mail::{GossipNews, Standing};

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
    assert_eq!(agents[0].counted("gossip_alerts_dropped"), 1, "what waited while gossip was dead is of unknown age");
    agents[0].alert(Urgency::Failing, failing(3));
    let heard = agents[1].until(|seen| seen.heard("h0", "payments").filter(|heard| heard.incarnation == 2)).await;
    assert_eq!(heard.digest.sequence, 3);
}
