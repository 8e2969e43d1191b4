//! Failure digests: ours, published when there is news; and those of peers, shown for as long as they stand.

use super::*;
use crate::core::digest::{HostId, Testimony};
use crate::core::state::StateKind;
use crate::driver::peers::DIGESTS_MAX;
use crate::mail::GossipNews;

/// What was published since the last look, if anything was.
fn news(stand: &mut Stand) -> Option<Published> {
    stand.published.has_changed().unwrap().then(|| stand.published.borrow_and_update().clone())
}

fn digest(service: &str, total: u64) -> FailureDigest {
    let service = ServiceName::parse(service).unwrap();
    FailureDigest { age: SECOND, total, failed: total, ..FailureDigest::of(service, StateKind::Open) }
}

fn heard(node: &str, incarnation: u64, digest: FailureDigest) -> GossipNews {
    GossipNews::Heard(Testimony { host: HostId::new(node), incarnation, age: Duration::ZERO, digest })
}

#[test]
fn an_agent_whose_services_are_well_has_nothing_to_say() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    for _ in 0..100 {
        let permit = stand.granted(&mut client, S);
        stand.report(&mut client, permit, CallReport::success());
        stand.pass(SECOND / 10);
    }
    assert_eq!(news(&mut stand), None);
}

#[test]
fn a_trip_is_published_at_once() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.pass(SECOND / 2);
    stand.trip(&mut client, S);
    let published = news(&mut stand).expect("it was published with the mail that brought it");
    let digest = published.digests.values().next().unwrap();
    assert_eq!((digest.service.as_str(), digest.state), (S, StateKind::Open));
    assert_eq!((digest.total, digest.failed, digest.age), (10, 10, Duration::ZERO));
}

/// The counts leave the window within ten seconds, and then nothing is new but the age.
#[test]
fn at_rest_digests_grow_older_and_wake_nobody() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.pass(SECOND);
    stand.trip(&mut client, S);
    let tripped = stand.now;
    stand.pass(SECOND * 11);
    stand.published.borrow_and_update();
    stand.pass(SECOND * 60);
    assert_eq!(news(&mut stand), None);
    let age = stand.published.borrow().digests.values().next().unwrap().age;
    assert!(
        age > stand.now.since(tripped) - SECOND - PUBLISH_PAUSE,
        "who looks all the same sees the present: {age:?}"
    );
}

#[test]
fn new_counts_are_published_within_a_second() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    for failures in 1..4 {
        let permit = stand.granted(&mut client, S);
        stand.report(&mut client, permit, CallReport::failure("connect"));
        assert_eq!(news(&mut stand), None);
        stand.pass(PUBLISH_EVERY);
        let published = news(&mut stand).expect("a count has changed");
        assert_eq!(published.digests.values().next().unwrap().failed, failures);
    }
    stand.pass(SECOND * 11);
    assert_eq!(news(&mut stand), Some(Published::default()), "and that it is well again is news too");
}

#[test]
fn a_second_stay_in_the_same_state_is_news() {
    let before = Published::from_iter([digest(S, 5)]);
    let with_age = |age| before.digests.values().map(move |digest| FailureDigest { age, ..digest.clone() });
    assert!(says_the_same(&before, &with_age(SECOND * 2).collect()));
    assert!(!says_the_same(&before, &with_age(SECOND / 2).collect()));
    assert!(!says_the_same(&before, &Published::default()));
}

/// Making the digests of thousands of services for each of thousands of trips would be all an agent does.
#[test]
fn many_trips_in_a_moment_are_published_together() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.pass(SECOND * 3 / 2);
    let mut published = 0;
    for number in 0..500 {
        stand.trip(&mut client, &format!("s{number}"));
        published += usize::from(news(&mut stand).is_some());
        stand.pass(Duration::from_micros(50));
    }
    assert_eq!(published, 1);
    stand.pass(PUBLISH_PAUSE);
    assert_eq!(news(&mut stand).unwrap().digests.len(), 500, "and none of them waits longer than the pause");
}

#[test]
fn a_peers_digest_is_shown_until_it_is_withdrawn() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.hear(heard("b", 1, digest(S, 7)));
    stand.pass(SECOND * 2);
    stand.hear(heard("c", 1, digest(S, 8)));
    stand.pass(SECOND);
    let shown = stand.service(&mut client, S).peers;
    let facts: Vec<_> = shown.iter().map(|d| (d.node.as_str(), d.total, d.heard_ms, d.since_ms)).collect();
    assert_eq!(facts, [("c", 8, 1_000, 2_000), ("b", 7, 3_000, 4_000)]);
    for node in ["b", "never-heard", "c", "c"] {
        let service = ServiceName::parse(S).unwrap();
        stand.hear(GossipNews::Withdrawn { host: HostId::new(node), service });
    }
    assert!(stand.page(&mut client, None, 10, WithPeers::Yes).services.is_empty());
}

#[test]
fn a_peers_newest_word_replaces_its_older_one_and_an_earlier_life_says_nothing() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    for (incarnation, total, shown) in [(5, 1, 1), (5, 2, 2), (4, 3, 2), (6, 4, 4)] {
        stand.hear(heard("b", incarnation, digest(S, total)));
        let peers = stand.service(&mut client, S).peers;
        assert_eq!(peers.iter().map(|digest| digest.total).collect::<Vec<_>>(), [shown]);
    }
}

#[test]
fn past_the_limit_a_new_digest_is_dropped_without_a_trace_and_known_ones_are_renewed() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let nodes = DIGESTS_MAX / 100;
    for number in 0..DIGESTS_MAX {
        stand.hear(heard(&format!("n{}", number % nodes), 1, digest(&format!("s{}", number / nodes), 1)));
    }
    assert_eq!(stand.counter(&mut client, "peer_digests_dropped"), 0);
    stand.hear(heard("n0", 1, digest("one-more", 1)));
    assert_eq!(stand.counter(&mut client, "peer_digests_dropped"), 1);
    assert_eq!(stand.driver.peers.services_after(None).count(), 100);
    stand.hear(heard("n0", 1, digest("s0", 2)));
    assert_eq!(stand.service(&mut client, "s0").peers[0].total, 2);
    stand.hear(GossipNews::Withdrawn { host: HostId::new("n1"), service: ServiceName::parse("s0").unwrap() });
    stand.hear(heard("n0", 1, digest("one-more", 1)));
    assert_eq!(stand.service(&mut client, "one-more").peers.len(), 1, "what is withdrawn makes room");
}
