//! What is pushed, passed on and left unsaid, one host at a time; then whole clusters of them.

mod cluster;
mod laws;
mod settled;
mod spread;
mod waiting;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::core::digest::{Phase, Probes, StateKind, Stay};

/// One host and its clock.
struct Host {
    alerts: Alerts,
    counters: Arc<GossipCounters>,
    rng: StdRng,
    now: MonoTime,
}

impl Host {
    /// Host 0 in its fifth life, with so many live peers.
    fn with_peers(peers: u16) -> Self {
        let counters = Arc::<GossipCounters>::default();
        let mut alerts = Alerts::new(speaker(0), View::new(host(0), 1), Arc::clone(&counters));
        alerts.neighbours_are(&(1..=peers).map(neighbour).collect::<Vec<_>>());
        Self { alerts, counters, rng: StdRng::seed_from_u64(7), now: MonoTime::from_millis(10_000) }
    }

    fn push(&mut self, urgency: Urgency, digest: FailureDigest) {
        self.alerts.push(Alert { urgency, digest, judged_by: Vec::new() }, Duration::ZERO, self.now);
    }

    /// Hears testimonies from a peer; which services were news.
    fn hear(&mut self, from: u16, told: &[Told]) -> Vec<String> {
        let mut message = Message::new(ClusterTag::of("test"));
        told.iter().for_each(|told| message.add(&wire::entry(told, Duration::ZERO).unwrap()));
        let came = Came { from: address(from), message: &message.into_bytes(), waited: Duration::ZERO };
        let news = self.alerts.receive(came, self.now);
        news.iter().map(|testimony| format!("{} {}", testimony.host, testimony.digest.service)).collect()
    }

    /// What is sent from now to the end of so many milliseconds.
    fn sent_within(&mut self, millis: u64) -> Vec<Parcel> {
        let end = self.now + Duration::from_millis(millis);
        let mut sent = Vec::new();
        while let Some(at) = self.alerts.next_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            sent.extend(self.alerts.send(self.now, &mut self.rng));
        }
        self.now = end;
        sent
    }

    fn counted(&self, name: &str) -> u64 {
        let name = format!("gossip_alert{name}");
        self.counters.iter().find(|(known, _)| *known == name).expect("a known counter").1
    }
}

fn speaker(number: u16) -> Speaker {
    Speaker { host: host(number), incarnation: 5, cluster: ClusterTag::of("test") }
}

fn host(number: u16) -> HostId {
    HostId::new(&format!("host-{number}"))
}

fn address(number: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], number + 1))
}

fn neighbour(number: u16) -> Neighbour {
    Neighbour { host: host(number), incarnation: 1, address: address(number) }
}

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

/// A host whose calls fail.
fn failing(name: &str, sequence: u64) -> FailureDigest {
    FailureDigest { sequence, total: 20, failed: 12, ..FailureDigest::of(service(name), StateKind::Closed) }
}

/// A host in an opening, and the probes it knows of.
fn place(name: &str, sequence: u64, number: u64, phase: Phase, probes: Probes) -> FailureDigest {
    let stay = Stay { number, phase, age: Duration::ZERO, probes };
    FailureDigest { sequence, stay: Some(stay), ..FailureDigest::of(service(name), StateKind::Open) }
}

fn open(name: &str, sequence: u64, number: u64) -> FailureDigest {
    place(name, sequence, number, Phase::Open, Probes::default())
}

fn told_of(number: u16, digest: FailureDigest) -> Told {
    let testimony = Testimony { host: host(number), incarnation: 1, age: Duration::from_millis(3), digest };
    Told { role: Role::Testimony, testimony }
}

/// What a message says.
fn read(parcel: &Parcel) -> Vec<Told> {
    wire::read(ClusterTag::of("test"), &parcel.message).map(Result::unwrap).collect()
}

#[test]
fn news_goes_to_six_different_peers_at_once_and_only_once() {
    let mut me = Host::with_peers(20);
    assert_eq!(me.alerts.next_at(), None);
    me.push(Urgency::Place, open("pay", 1, 3));
    let sent = me.sent_within(0);
    let to: BTreeSet<_> = sent.iter().map(|parcel| parcel.to).collect();
    assert_eq!((sent.len(), to.len()), (FAN_OUT, FAN_OUT));
    assert_eq!(
        read(&sent[0]),
        [Told {
            role: Role::Testimony,
            testimony: Testimony { host: host(0), incarnation: 5, age: Duration::ZERO, digest: open("pay", 1, 3) }
        }]
    );
    assert_eq!(me.sent_within(60_000), []);
    assert_eq!((me.counted("s_sent"), me.counted("_datagrams_sent")), (1, 6));
}

#[test]
fn testimony_goes_to_four_peers_and_a_place_that_leaves_with_it_to_six() {
    for urgency in [Urgency::Failing, Urgency::Lone] {
        let mut me = Host::with_peers(20);
        me.push(urgency, failing("a", 1));
        me.push(Urgency::Place, open("b", 2, 3));
        let sent = me.sent_within(0);
        let to: BTreeSet<_> = sent.iter().map(|parcel| parcel.to).collect();
        assert_eq!((sent.len(), to.len()), (6, 6));
        let saying =
            |name| sent.iter().flat_map(read).filter(|told| told.testimony.digest.service == service(name)).count();
        assert_eq!((saying("a"), saying("b")), (4, 6));
    }
}

#[test]
fn what_follows_is_gathered_for_a_millisecond_or_two() {
    let mut me = Host::with_peers(20);
    me.push(Urgency::Failing, failing("a", 1));
    assert_eq!(me.sent_within(0).len(), FAN_OUT_TESTIMONY);
    me.push(Urgency::Failing, failing("b", 2));
    me.push(Urgency::Failing, failing("c", 3));
    assert_eq!(me.sent_within(0), []);
    let sent = me.sent_within(2);
    assert_eq!(sent.len(), FAN_OUT_TESTIMONY);
    assert_eq!(read(&sent[0]).len(), 2);
    me.now = me.now + Duration::from_millis(2);
    me.push(Urgency::Failing, failing("d", 4));
    assert_eq!(me.sent_within(0).len(), FAN_OUT_TESTIMONY, "after a quiet moment it leaves at once");
}

#[test]
fn what_is_heard_is_told_to_the_driver_and_passed_on_once_older_by_its_stay_but_not_back() {
    let mut me = Host::with_peers(20);
    me.push(Urgency::Failing, failing("mine", 1));
    me.sent_within(0);
    let told = told_of(3, failing("pay", 8));
    assert_eq!(me.hear(4, std::slice::from_ref(&told)), ["host-3 pay"]);
    assert_eq!(me.hear(5, std::slice::from_ref(&told)), [""; 0]);
    let sent = me.sent_within(2);
    assert_eq!(sent.len(), FAN_OUT_TESTIMONY);
    assert!(sent.iter().all(|parcel| parcel.to != address(3) && parcel.to != address(4)));
    let [passed_on] = &read(&sent[0])[..] else { panic!("one testimony") };
    assert_eq!(passed_on.testimony.digest, failing("pay", 8));
    let held = passed_on.testimony.age - told.testimony.age;
    assert!(held >= Duration::from_millis(1) && held <= Duration::from_millis(2), "{held:?}");
    assert_eq!(me.hear(6, &[told, told_of(3, failing("pay", 7))]), [""; 0], "known, and older");
    assert_eq!(me.sent_within(60_000), []);
    assert_eq!((me.counted("s_received"), me.counted("s_relayed")), (4, 1));
}

#[test]
fn that_one_more_host_joined_is_told_to_the_driver_and_nobody_else() {
    let mut me = Host::with_peers(20);
    assert_eq!(me.hear(3, &[told_of(3, open("pay", 1, 3))]).len(), 1);
    assert_eq!(me.sent_within(0).len(), FAN_OUT);
    assert_eq!(me.hear(4, &[told_of(4, open("pay", 1, 3))]), ["host-4 pay"]);
    me.push(Urgency::Place, open("pay", 1, 3));
    assert_eq!(me.sent_within(60_000), []);
    assert_eq!(me.counted("s_suppressed"), 2);
}

#[test]
fn each_new_place_is_passed_on_whoever_tells_it() {
    let probes = |highest, failed, failures, good| Probes { claimed: 0, highest, failed, failures, good };
    let at = |phase, probes| place("pay", 1, 3, phase, probes);
    let places = [
        open("pay", 1, 3),
        at(Phase::HalfOpen, probes(0, 0, 0, 0)),
        at(Phase::HalfOpen, probes(1, 0, 0, 0)),
        at(Phase::HalfOpen, probes(1, 1, 1, 0)),
        at(Phase::HalfOpen, probes(2, 1, 1, 0)),
        at(Phase::HalfOpen, probes(2, 1, 1, 1)),
        at(Phase::Closed, probes(2, 1, 1, 1)),
        open("pay", 1, 4),
    ];
    let mut me = Host::with_peers(20);
    for (number, place) in (1..).zip(places) {
        me.hear(number, &[told_of(number, place.clone())]);
        assert_eq!(me.sent_within(10).len(), FAN_OUT, "{:?}", place.stay);
        if place.stay.is_some_and(|stay| stay.phase == Phase::Closed) {
            continue;
        }
        let stay = place.stay.map(|stay| Stay { probes: Probes { good: 0, ..stay.probes }, ..stay });
        me.hear(number + 9, &[told_of(number + 9, FailureDigest { stay, ..place })]);
        assert_eq!(me.sent_within(10), []);
    }
}

#[test]
fn what_a_place_was_judged_by_goes_with_it_and_is_passed_on_although_the_place_is_known() {
    let mut me = Host::with_peers(20);
    let judged_by: Vec<_> = [3, 4, 0].map(|number| told_of(number, failing("pay", 9)).testimony).into();
    me.alerts.push(Alert { urgency: Urgency::Place, digest: open("pay", 1, 3), judged_by }, Duration::ZERO, me.now);
    let sent = me.sent_within(0);
    assert_eq!(sent.len(), FAN_OUT);
    for number in [3, 4] {
        let saying = sent.iter().filter(|parcel| read(parcel).iter().any(|told| told.testimony.host == host(number)));
        let to: BTreeSet<_> = saying.map(|parcel| parcel.to).collect();
        assert_eq!((to.len(), to.contains(&address(number))), (FAN_OUT_TESTIMONY, false), "whose word it is knows it");
    }
    let of_5 = sent.iter().find(|parcel| ![3, 4].map(address).contains(&parcel.to)).unwrap();
    let hosts: Vec<_> = read(of_5).into_iter().map(|told| told.testimony.host).collect();
    assert_eq!(hosts, [0, 3, 4].map(host), "ourselves once");

    let mut you = Host::with_peers(20);
    you.hear(7, &[told_of(7, open("pay", 1, 3))]);
    you.sent_within(PLACE_SETTLES.as_millis().try_into().unwrap());
    assert_eq!(you.hear(8, &read(of_5)[1..]).len(), 2);
    let passed_on: Vec<_> = you.sent_within(10).iter().flat_map(read).map(|told| told.testimony.host).collect();
    for number in [3, 4] {
        assert_eq!(passed_on.iter().filter(|told| **told == host(number)).count(), FAN_OUT_TESTIMONY);
    }
}

#[test]
fn what_speaks_of_ourselves_is_dropped_and_a_higher_number_noted() {
    let mut me = Host::with_peers(20);
    for incarnation in [4, 5] {
        let mut told = told_of(0, open("pay", 99, 3));
        told.testimony.incarnation = incarnation;
        assert_eq!(me.hear(3, &[told]), [""; 0]);
        assert_eq!(me.alerts.outnumbered_by(), None);
    }
    let mut told = told_of(0, open("pay", 99, 3));
    told.testimony.incarnation = 6;
    assert_eq!(me.hear(3, &[told]), [""; 0]);
    assert_eq!((me.alerts.outnumbered_by(), me.sent_within(60_000)), (Some(6), vec![]));
}

#[test]
fn lone_failures_go_as_the_whole_cluster_may() {
    let mut me = Host::with_peers(19);
    for sequence in 0..100 {
        me.push(Urgency::Lone, failing("pay", sequence));
        me.sent_within(1_000);
    }
    assert_eq!((me.counted("s_sent"), me.counted("s_dropped")), (25, 75));
}

#[test]
fn no_datagram_is_longer_than_allowed_and_many_testimonies_take_few() {
    let mut me = Host::with_peers(20);
    for number in 0..40 {
        me.push(Urgency::Failing, failing(&format!("{number:0>30}"), number));
    }
    let sent = me.sent_within(0);
    assert!(sent.iter().all(|parcel| parcel.message.len() + crate::seal::OVERHEAD <= wire::DATAGRAM_MAX));
    assert_eq!((sent.len(), me.counted("s_sent")), (3 * FAN_OUT_TESTIMONY, 40));
}

/// Everything fails at once, for ten seconds.
#[test]
fn the_budget_holds_gathering_grows_and_places_go_all_the_same() {
    let mut me = Host::with_peers(30);
    let (mut sent, mut sequence) = (0, 0);
    let mut places = Vec::new();
    for milli in 0..10_000_u64 {
        for name in 0..3 {
            sequence += 1;
            me.push(Urgency::Failing, failing(&format!("service-{}", (milli * 3 + name) % 400), sequence));
        }
        if milli % 100 == 50 {
            me.push(Urgency::Place, open(&format!("place-{milli}"), sequence, 3));
        }
        for parcel in me.sent_within(1) {
            sent += 1;
            places.extend(read(&parcel).iter().filter_map(|told| told.testimony.digest.stay.map(|_| milli)));
        }
    }
    assert!((2_900..=3_060).contains(&sent), "{sent}");
    assert_eq!(places.len(), 100 * FAN_OUT);
    let waited = places.iter().map(|milli| milli % 100 - 50).max();
    assert!(waited <= Some(21), "a place waited {waited:?} ms");
}

// Whoever told a place is left out of those it is passed on to, so places heard of different hosts go to different peers.
#[test]
fn places_of_hundreds_of_services_go_round_within_a_tenth_of_a_second_all_the_time() {
    let mut me = Host::with_peers(9);
    let (mut went, mut oldest) = (0, Duration::ZERO);
    for turn in 0..2_000_u64 {
        let claimed = Probes { claimed: 1 + turn as u32 / 200, highest: 1 + turn as u32 / 200, ..Probes::default() };
        let from = 1 + (turn % 9) as u16;
        let name = format!("service-{}", turn % 200);
        me.hear(from, &[told_of(from, place(&name, turn, 1, Phase::HalfOpen, claimed))]);
        for told in me.sent_within(2).iter().flat_map(read) {
            went += 1;
            oldest = oldest.max(told.testimony.age);
        }
    }
    assert!(went >= 1_900 * FAN_OUT, "{went}");
    assert!(oldest < Duration::from_millis(100), "{oldest:?}");
}

#[test]
fn of_what_waits_for_the_budget_the_newest_word_of_each_host_and_service_goes() {
    let mut me = Host::with_peers(20);
    me.push(Urgency::Failing, failing("a", 1));
    me.sent_within(0);
    for sequence in 2..10 {
        me.push(Urgency::Failing, failing("pay", sequence));
    }
    let sent = me.sent_within(2);
    assert_eq!(read(&sent[0]).iter().map(|told| told.testimony.digest.sequence).collect::<Vec<_>>(), [9]);
}

#[test]
fn alone_nothing_is_sent_nor_kept() {
    let mut me = Host::with_peers(0);
    me.push(Urgency::Place, open("pay", 1, 3));
    assert_eq!(me.alerts.next_at(), None);
    let mut me = Host::with_peers(2);
    me.push(Urgency::Place, open("pay", 1, 3));
    me.alerts.neighbours_are(&[]);
    assert_eq!((me.alerts.next_at(), me.sent_within(1_000)), (None, vec![]));
}

#[test]
fn a_name_of_the_longest_kind_at_both_ends_is_not_sent_and_counted() {
    let mut me = Host::with_peers(20);
    let long = |len| open(&"s".repeat(len), u64::MAX, u64::MAX);
    me.push(Urgency::Place, long(crate::core::service::NAME_MAX));
    assert_eq!((me.sent_within(0).len(), me.counted("s_dropped")), (FAN_OUT, 0));
    let speaker = Speaker { host: HostId::new(&"h".repeat(64)), ..speaker(0) };
    me.alerts = Alerts::new(speaker, View::new(host(0), 1), Arc::clone(&me.counters));
    me.alerts.neighbours_are(&[neighbour(1)]);
    me.push(Urgency::Place, long(crate::core::service::NAME_MAX));
    assert_eq!((me.sent_within(10), me.counted("s_dropped")), (vec![], 1));
}
