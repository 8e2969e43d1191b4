//! What is kept of what peers say, and what is not.

use super::*;
use crate::core::digest::{FailureDigest, Phase, Probes, Span, Stay};
use crate::core::state::StateKind;

const BY_STATE: (Way, Counts) = (Way::State, Counts::Taken);

fn no_peers() -> Peers {
    Peers::new(Reach::of_gossip_every(Duration::from_millis(500)))
}

fn at(ms: u64) -> MonoTime {
    MonoTime::from_millis(ms)
}

fn name() -> ServiceName {
    ServiceName::parse("payments").unwrap()
}

fn testimony(host: &str, (incarnation, sequence): (u64, u64), failed: u32) -> Testimony {
    let spans = [Span { calls: 9, failed }; super::super::digest::SPANS];
    let digest = FailureDigest { sequence, spans, ..FailureDigest::of(name(), StateKind::Closed) };
    Testimony { host: HostId::new(host), incarnation, age: Duration::ZERO, digest }
}

fn failed(peers: &Peers, now: MonoTime) -> Vec<u32> {
    peers.callers(now, &name()).map(|caller| caller.spans(Past::NONE).0[6].failed).collect()
}

#[test]
fn the_newest_counts_in_whatever_order_they_come() {
    let told = [testimony("a", (1, 1), 1), testimony("a", (1, 2), 2), testimony("a", (2, 1), 3)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let mut peers = no_peers();
        for index in order.into_iter().chain(order) {
            peers.hear(at(5), &told[index], BY_STATE);
        }
        assert_eq!(failed(&peers, at(5)), [3], "{order:?}");
        assert_eq!(peers.testimonies, 1);
    }
}

#[test]
fn the_same_heard_twice_is_as_old_as_its_older_reading() {
    let mut peers = no_peers();
    let old = Testimony { age: Duration::from_secs(2), ..testimony("a", (1, 1), 1) };
    peers.hear(at(5_000), &testimony("a", (1, 1), 1), BY_STATE);
    peers.hear(at(5_000), &old, BY_STATE);
    let age = peers.callers(at(5_000), &name()).next().unwrap().told.unwrap().1;
    assert_eq!(age, Duration::from_secs(2));
}

#[test]
fn what_was_made_before_our_own_start_is_as_old_as_it_says() {
    let mut peers = no_peers();
    let old = Testimony { age: Duration::from_secs(2), ..testimony("a", (1, 1), 1) };
    peers.hear(at(100), &old, BY_STATE);
    assert_eq!(peers.callers(at(200), &name()).next().unwrap().told.unwrap().1, Duration::from_millis(2_100));
}

#[test]
fn what_was_withdrawn_does_not_come_back_late_and_newer_does() {
    let mut peers = no_peers();
    peers.hear(at(0), &testimony("a", (1, 2), 2), BY_STATE);
    peers.withdrawn(at(10), &HostId::new("a"), &name());
    assert!(!peers.hear(at(20), &testimony("a", (1, 1), 1), BY_STATE));
    assert_eq!(failed(&peers, at(20)), [0; 0]);
    assert!(peers.hear(at(20), &testimony("a", (1, 3), 3), BY_STATE));
    assert_eq!(failed(&peers, at(20)), [3]);
}

#[test]
fn what_was_withdrawn_makes_room_in_time() {
    let mut peers = no_peers();
    peers.hear(at(0), &testimony("a", (1, 1), 1), BY_STATE);
    peers.withdrawn(at(10), &HostId::new("a"), &name());
    peers.are(at(10_000), Vec::new());
    assert_eq!(peers.testimonies, 1, "what is older may still come");
    peers.are(at(10_001), Vec::new());
    assert_eq!((peers.testimonies, peers.of(&name()).is_some()), (0, false));
}

#[test]
fn a_peer_counts_for_three_seconds_and_is_known_for_a_minute() {
    let mut peers = no_peers();
    peers.hear(at(0), &testimony("a", (1, 1), 1), BY_STATE);
    let seen = |ms| (peers.company(at(ms)).heard, peers.company(at(ms)).known);
    assert_eq!([seen(3_000), seen(3_001), seen(60_000), seen(60_001)], [(1, 1), (0, 1), (0, 1), (0, 0)]);
    assert_eq!(failed(&peers, at(3_001)), [0; 0]);
    assert_eq!(peers.silent_from(at(10)), Some(at(3_000) + Duration::from_nanos(1)));
    assert_eq!(peers.fewer_from(at(10)), Some(at(60_000) + Duration::from_nanos(1)));
}

#[test]
fn who_said_goodbye_counts_nowhere_until_its_next_life() {
    let mut peers = no_peers();
    let host = HostId::new("a");
    let view = |incarnation, left| HostView { host: host.clone(), incarnation, heard: Duration::ZERO, left };
    peers.are(at(0), vec![view(1, true)]);
    peers.hear(at(1), &testimony("a", (1, 1), 1), BY_STATE);
    assert_eq!((peers.company(at(1)), failed(&peers, at(1))), (Company::default(), vec![]));
    peers.are(at(2), vec![view(2, false)]);
    assert_eq!(peers.company(at(2)), Company { heard: 1, known: 1 });
    assert_eq!(peers.testimonies, 0, "its former life is over");
}

#[test]
fn who_is_listed_no_more_is_forgotten_with_all_it_said_after_a_minute() {
    let mut peers = no_peers();
    peers.hear(at(0), &testimony("a", (1, 1), 1), BY_STATE);
    peers.said(&HostId::new("a"), 1, HostWord { rates: vec![(name(), 7)], ..HostWord::default() });
    peers.are(at(60_000), Vec::new());
    assert_eq!((peers.hosts.len(), peers.testimonies), (1, 1));
    peers.are(at(60_001), Vec::new());
    assert_eq!(peers, no_peers());
}

#[test]
fn rates_are_replaced_by_those_told_next() {
    let mut peers = no_peers();
    let host = HostId::new("a");
    peers.hear(at(0), &testimony("a", (1, 1), 1), BY_STATE);
    peers.said(&host, 1, HostWord { rates: vec![(name(), 7)], ..HostWord::default() });
    assert_eq!(peers.callers(at(0), &name()).next().unwrap().rate, 7);
    peers.said(&host, 0, HostWord::default());
    assert_eq!(peers.callers(at(0), &name()).next().unwrap().rate, 7, "said in a former life");
    peers.said(&host, 1, HostWord::default());
    assert_eq!(peers.callers(at(0), &name()).next().unwrap().rate, 0);
}

#[test]
fn testimonies_are_kept_to_the_limit_and_dropped_beyond_while_known_ones_are_renewed() {
    let mut peers = no_peers();
    let of = |number: usize, sequence| {
        let mut told = testimony("a", (1, sequence), 1);
        told.digest.service = ServiceName::parse(&format!("s{number}")).unwrap();
        told
    };
    for number in 0..TESTIMONIES_MAX {
        assert!(peers.hear(at(0), &of(number, 1), BY_STATE));
    }
    assert_eq!(peers.dropped(), 0);
    assert!(!peers.hear(at(0), &of(TESTIMONIES_MAX, 1), BY_STATE));
    assert_eq!((peers.testimonies, peers.dropped(), peers.services.len()), (TESTIMONIES_MAX, 1, TESTIMONIES_MAX));
    assert!(peers.hear(at(0), &of(7, 2), BY_STATE));
}

#[test]
fn hosts_are_kept_to_the_limit() {
    let mut peers = no_peers();
    for number in 0..HOSTS_MAX {
        assert!(peers.hear(at(0), &testimony(&format!("h{number}"), (1, 1), 1), BY_STATE));
    }
    assert!(!peers.hear(at(0), &testimony("one-more", (1, 1), 1), BY_STATE));
    assert_eq!((peers.hosts.len(), peers.dropped()), (HOSTS_MAX, 1));
}

#[test]
fn numbers_of_openings_stay_known_after_all_is_quiet_and_to_a_limit() {
    let mut peers = no_peers();
    for number in 0..=QUIET_MAX {
        let mut told = testimony("a", (1, 1), 1);
        told.digest.service = ServiceName::parse(&format!("s{number:05}")).unwrap();
        told.digest.stay = Some(Stay { number: 9, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() });
        peers.hear(at(0), &told, BY_STATE);
        peers.withdrawn(at(20_000), &told.host, &told.digest.service);
    }
    let known = |number: usize| peers.of(&ServiceName::parse(&format!("s{number:05}")).unwrap()).is_some();
    assert!(!known(0) && known(1) && known(QUIET_MAX));
    assert_eq!(peers.services.len(), QUIET_MAX);
}

#[test]
fn a_number_no_cluster_comes_to_is_dropped() {
    let mut peers = no_peers();
    for (number, heard) in [(0, false), (1, true), (NUMBER_MAX, true), (NUMBER_MAX + 1, false)] {
        let mut told = testimony("a", (1, 1 + number), 1);
        let stay = Stay { number, phase: Phase::Open, age: Duration::ZERO, probes: Probes::default() };
        told.digest.stay = Some(stay);
        assert_eq!(peers.hear(at(0), &told, BY_STATE), heard, "{number}");
    }
    assert_eq!(peers.dropped(), 2);
}

#[test]
fn what_only_an_alert_told_goes_after_a_minute_and_what_the_state_plane_told_stays() {
    const BY_ALERT: (Way, Counts) = (Way::Alert, Counts::Taken);
    for (ways, kept) in [
        (vec![BY_ALERT], 0),
        (vec![BY_STATE], 1),
        (vec![BY_ALERT, BY_STATE], 1),
        (vec![BY_STATE, BY_ALERT], 1),
        (vec![BY_ALERT, BY_ALERT], 0),
    ] {
        for sequences in [[1, 1], [1, 2], [2, 1]] {
            let mut peers = no_peers();
            for (way, sequence) in ways.iter().zip(sequences) {
                peers.hear(at(0), &testimony("a", (1, sequence), 1), *way);
            }
            peers.sweep(at(60_000));
            assert_eq!(peers.testimonies, 1, "{ways:?}");
            peers.sweep(at(60_001));
            assert_eq!(peers.testimonies, kept, "{ways:?} {sequences:?}");
        }
    }
}

#[test]
fn who_gossips_slowly_is_heard_for_longer() {
    let heard_at_the_end_of = |interval: u64, ms: u64| {
        let mut peers = Peers::new(Reach::of_gossip_every(Duration::from_millis(interval)));
        peers.hear(at(0), &testimony("a", (1, 1), 1), BY_STATE);
        peers.company(at(ms)).heard == 1
    };
    for (interval, until) in [(50, 3_000), (500, 3_000), (501, 3_006), (60_000, 360_000)] {
        assert!(heard_at_the_end_of(interval, until) && !heard_at_the_end_of(interval, until + 1), "{interval}");
    }
}

#[test]
fn one_given_by_name_is_alive_in_whatever_life_it_speaks() {
    let mut peers = no_peers();
    peers.hear(at(0), &testimony("a", (7, 1), 1), BY_STATE);
    let view = HostView { host: HostId::new("a"), incarnation: 0, heard: Duration::ZERO, left: false };
    peers.are(at(9_000), vec![view]);
    assert_eq!(peers.company(at(9_000)).heard, 1);
}
