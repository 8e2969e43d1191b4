//! Limits of sockets, what ports count, recordings, and dead gossip, without anything that runs.

use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::fabric::{Fabric, FabricKind, Plan};
use crate::plan::{Link, Place, What};

fn fabric() -> Fabric {
    let link = Link { latency_min: Duration::from_millis(1), latency_max: Duration::from_millis(1), loss: 0.0 };
    let plan = Plan {
        kind: FabricKind::Memory,
        seed: 1,
        link,
        hosts: 2,
        services: vec!["db"],
        longest: Duration::from_secs(10),
    };
    Fabric::new(&plan, &Recorder::hashing())
}

fn ports(fabric: &Fabric) -> (Arc<Port>, Arc<Port>) {
    let port = |host| Arc::clone(fabric.port(&Place::Host(host)));
    (port(0), port(1))
}

fn send(from: &dyn Datagrams, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    from.send_to(bytes, to).now_or_never().unwrap()
}

/// What waits at a socket, one after the other.
fn heard(at: &dyn Datagrams) -> Vec<usize> {
    let mut buffer = vec![0; 2 * DATAGRAM_MAX];
    std::iter::from_fn(|| at.recv_from(&mut buffer).now_or_never().map(|got| got.unwrap().0)).collect()
}

/// Two steps: what was sent is delivered.
fn deliver(fabric: &mut Fabric) {
    fabric.step().unwrap();
    fabric.step().unwrap();
}

use crate::fabric::DATAGRAM_MAX;

#[test]
fn the_longest_datagram_passes_and_one_byte_more_is_refused() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    send(&from, &vec![1; DATAGRAM_MAX], right.gossip_address()).unwrap();
    send(&from, &[], right.gossip_address()).unwrap();
    let refused = send(&from, &vec![1; DATAGRAM_MAX + 1], right.gossip_address()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    deliver(&mut fabric);
    assert_eq!(heard(&to), [DATAGRAM_MAX, 0]);
    assert_eq!(left.traffic(), Traffic { sent: 2, sent_bytes: DATAGRAM_MAX as u64, ..Traffic::default() });
    assert_eq!(right.traffic(), Traffic { received: 2, ..Traffic::default() });
}

#[test]
fn a_queue_takes_as_many_as_it_holds_and_one_more_is_lost_and_counted() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    let most = Plane::Gossip.queue_max();
    for _ in 0..=most {
        send(&from, b"x", right.gossip_address()).unwrap();
    }
    deliver(&mut fabric);
    assert_eq!(heard(&to).len(), most);
    assert_eq!(right.traffic().overflowed, 1);
}

#[test]
fn calls_do_not_overflow_where_gossip_would() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_calls().unwrap(), right.bind_calls().unwrap());
    for _ in 0..10_000 {
        send(&*from, b"x", right.calls_address()).unwrap();
    }
    deliver(&mut fabric);
    assert_eq!(heard(&*to).len(), 10_000);
}

#[test]
fn a_socket_is_bound_once_at_a_time_and_hears_nothing_from_before() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let from = left.bind_gossip().unwrap();
    let first = right.bind_gossip().unwrap();
    assert_eq!(right.bind_gossip().err().map(|error| error.kind()), Some(io::ErrorKind::AddrInUse));
    assert!(right.bind_calls().is_ok());
    send(&from, b"former", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    drop(first);
    send(&from, b"to nobody", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    let second = right.bind_gossip().unwrap();
    assert!(heard(&second).is_empty());
    send(&from, b"later", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    assert_eq!(heard(&second), [5]);
}

#[test]
fn nobody_is_reached_at_a_strange_address_or_on_the_other_plane() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, gossip, calls) =
        (left.bind_gossip().unwrap(), right.bind_gossip().unwrap(), right.bind_calls().unwrap());
    send(&from, b"x", "192.168.7.7:7373".parse().unwrap()).unwrap();
    send(&from, b"x", right.calls_address()).unwrap();
    deliver(&mut fabric);
    assert!(heard(&gossip).is_empty() && heard(&*calls).is_empty());
    assert_eq!(left.traffic().lost, 2);
}

#[test]
fn the_last_datagrams_of_a_life_are_replayed_to_the_next_and_are_not_genuine_there() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, first) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    let sizes: Vec<_> = (1..=RECORDINGS_MAX + 1).collect();
    for size in &sizes {
        send(&from, &vec![7; *size], right.gossip_address()).unwrap();
        deliver(&mut fabric);
        assert_eq!(heard(&first), [*size]);
    }
    assert_eq!(right.delivered_distinct(), sizes.len() as u64);
    drop(first);
    let second = right.bind_gossip().unwrap();
    assert_eq!(right.delivered_distinct(), 0);
    send(&from, b"new", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    assert_eq!(heard(&second), [3]);
    right.replay();
    assert_eq!(heard(&second), sizes[1..], "the oldest is forgotten, the new one is no recording");
    assert_eq!((right.delivered_distinct(), right.traffic().replayed), (1, RECORDINGS_MAX as u64));
    right.replay();
    assert!(heard(&second).is_empty(), "once is enough");
}

#[test]
fn a_datagram_that_comes_twice_is_one() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    fabric.begin_fault(0, &What::Duplicate { share: 1.0 });
    send(&from, b"x", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    assert_eq!(heard(&to), [1, 1]);
    assert_eq!((right.delivered_distinct(), right.traffic().received), (1, 2));
}

#[test]
fn dead_gossip_fails_to_send_and_to_receive_also_for_who_waits_and_calls_go_on() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    send(&from, b"before", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    let mut buffer = [0; 8];
    let mut other = [0; 8];
    let mut waiting = from.recv_from(&mut other);
    assert!(waiting.as_mut().now_or_never().is_none());
    fabric.begin_fault(4, &What::GossipDead { hosts: vec![0, 1] });
    assert!(waiting.now_or_never().unwrap().is_err(), "who waits is told");
    assert!(send(&from, b"x", right.gossip_address()).is_err());
    assert!(to.recv_from(&mut buffer).now_or_never().unwrap().is_err());
    assert!(fabric.struck(4) >= 3);
    assert_eq!(left.traffic().sent, 1);
    let (calls, answers) = (left.bind_calls().unwrap(), right.bind_calls().unwrap());
    send(&*calls, b"call", right.calls_address()).unwrap();
    deliver(&mut fabric);
    assert_eq!(heard(&*answers), [4]);
    fabric.end_fault(4);
    assert!(heard(&to).is_empty(), "what waited at a dead socket is gone");
    send(&from, b"after it", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    assert_eq!(heard(&to), [8]);
}

#[test]
fn what_does_not_fit_into_the_buffer_is_cut_off() {
    let mut fabric = fabric();
    let (left, right) = ports(&fabric);
    let (from, to) = (left.bind_gossip().unwrap(), right.bind_gossip().unwrap());
    send(&from, b"longer", right.gossip_address()).unwrap();
    deliver(&mut fabric);
    let mut buffer = [0; 4];
    let (len, sender) = to.recv_from(&mut buffer).now_or_never().unwrap().unwrap();
    assert_eq!((len, &buffer, sender), (4, b"long", left.gossip_address()));
}

#[test]
fn what_passed_is_added_and_taken_off_by_kind() {
    let earlier = Traffic { sent: 1, sent_bytes: 20, lost: 3, received: 4, replayed: 5, overflowed: 6 };
    let later = Traffic { sent: 10, sent_bytes: 200, lost: 30, received: 40, replayed: 50, overflowed: 60 };
    assert_eq!(later.since(earlier).plus(earlier), later);
}
