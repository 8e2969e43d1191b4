//! Four writes in any second, the most telling first, and everything told in the end.

use proptest::prelude::*;

use super::*;

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

fn digest(name: &str, state: StateKind, failed: u64) -> FailureDigest {
    FailureDigest { total: 100, failed, ..FailureDigest::of(service(name), state) }
}

/// A publisher that has said what the host says of itself already.
fn publisher() -> Publisher {
    let mut publisher = Publisher::default();
    publisher.host.write(MonoTime::START);
    publisher
}

fn published(digests: impl IntoIterator<Item = FailureDigest>) -> Published {
    digests.into_iter().collect()
}

fn at(millis: u64) -> MonoTime {
    MonoTime::from_millis(millis)
}

/// The keys of all writes that may be made now; a deletion's begins with a minus.
fn writes(publisher: &mut Publisher, now: MonoTime) -> Vec<String> {
    let key = |write| match write {
        Write::Digest { digest, .. } => digest.service.to_string(),
        Write::Delete(service) => format!("-{service}"),
        Write::Host(_) => "host".to_owned(),
    };
    std::iter::from_fn(|| publisher.next(now)).map(key).collect()
}

#[test]
fn a_change_is_written_at_once_and_only_once() {
    let mut publisher = publisher();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["a"]);
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(1));
    assert_eq!(writes(&mut publisher, at(9_000)), [""; 0]);
    publisher.want(&published([]), at(9_000));
    assert_eq!(writes(&mut publisher, at(9_000)), ["-a"]);
    assert_eq!(writes(&mut publisher, at(99_000)), [""; 0]);
}

#[test]
fn four_writes_are_made_in_a_second_and_the_fifth_at_its_end() {
    let mut publisher = publisher();
    publisher.want(&published(["a", "b", "c", "d", "e"].map(|name| digest(name, StateKind::Open, 1))), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["a", "b", "c", "d"]);
    assert_eq!(writes(&mut publisher, at(999)), [""; 0]);
    assert_eq!(writes(&mut publisher, at(1_000)), ["e"]);
}

#[test]
fn withdrawals_and_states_go_before_counts_and_counts_in_turn() {
    let mut publisher = publisher();
    publisher.want(&published(["a", "b", "c"].map(|name| digest(name, StateKind::Open, 1))), at(0));
    assert_eq!(writes(&mut publisher, at(0)).len(), 3);
    let changed =
        [digest("a", StateKind::Open, 2), digest("c", StateKind::HalfOpen, 1), digest("d", StateKind::Open, 1)];
    let later = at(5_000);
    publisher.want(&published(changed.map(|digest| FailureDigest { age: Duration::from_secs(5), ..digest })), later);
    assert_eq!(writes(&mut publisher, later), ["-b", "d", "c", "a"]);
}

/// A service that is probed changes its place every second.
#[test]
fn places_that_change_all_the_time_leave_room_for_others() {
    let mut publisher = publisher();
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut last = BTreeMap::<String, u64>::new();
    for second in 0..12 {
        let state = if second % 2 == 0 { StateKind::Open } else { StateKind::HalfOpen };
        publisher.want(&published(names.map(|name| digest(name, state, 1))), at(second * 1_000));
        for written in writes(&mut publisher, at(second * 1_000)) {
            last.insert(written, second);
        }
    }
    assert!(last.len() == 6 && last.values().all(|second| *second >= 10), "{last:?}");
}

#[test]
fn counts_alone_are_written_every_other_second_and_of_one_service_a_second() {
    let mut publisher = publisher();
    let mut written = 0;
    for millis in (0..10_000).step_by(100) {
        let told = FailureDigest { age: Duration::from_millis(millis), ..digest("a", StateKind::Open, millis) };
        publisher.want(&published([told]), at(millis));
        written += writes(&mut publisher, at(millis)).len();
    }
    assert_eq!(written, 5);
    let names = ["a", "b", "c", "d"];
    publisher.want(&published(names.map(|name| digest(name, StateKind::Closed, 1))), at(20_000));
    assert_eq!(writes(&mut publisher, at(20_000)).len(), 4);
    let later = |name| FailureDigest { age: Duration::from_secs(10), ..digest(name, StateKind::Closed, 2) };
    publisher.want(&published(names.map(later)), at(30_000));
    let told: Vec<_> = (0..4).map(|second| writes(&mut publisher, at(30_000 + second * 1_000))).collect();
    assert_eq!(told, names.map(|name| [name]));
}

#[test]
fn another_place_in_an_opening_is_no_mere_count() {
    let mut publisher = publisher();
    let place = |phase, highest| {
        let probes = Probes { highest, ..Probes::default() };
        FailureDigest {
            stay: Some(Stay { number: 3, phase, age: Duration::ZERO, probes }),
            ..digest("a", StateKind::Open, 1)
        }
    };
    let overdue =
        FailureDigest { flags: Flags { overdue: true, ..Flags::default() }, ..digest("a", StateKind::Open, 1) };
    let places =
        [digest("a", StateKind::Open, 1), place(Phase::Open, 0), place(Phase::HalfOpen, 0), place(Phase::HalfOpen, 1)];
    for told in places.into_iter().chain([overdue]) {
        publisher.recent.clear();
        publisher.want(&published([told]), at(10));
        assert_eq!(writes(&mut publisher, at(10)), ["a"]);
    }
}

#[test]
fn the_host_goes_first_when_it_takes_something_back_and_last_when_not() {
    let mut publisher = Publisher::default();
    let says = |rates: &[(&str, u32)], failed| {
        let rates = rates.iter().map(|(name, rate)| (service(name), *rate)).collect();
        let host = crate::core::digest::HostWord { rates, ..Default::default() };
        Published { host, ..published([digest("a", StateKind::Open, failed)]) }
    };
    publisher.begin_anew(at(0));
    publisher.want(&says(&[("a", 9)], 1), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["host", "a"]);
    publisher.want(&says(&[("a", 9), ("b", 9)], 2), at(60_000));
    assert_eq!(writes(&mut publisher, at(60_000)), ["a", "host"]);
    publisher.want(&says(&[("b", 9)], 3), at(70_000));
    assert_eq!(writes(&mut publisher, at(70_000)), ["host", "a"]);
}

#[test]
fn the_same_state_entered_anew_is_a_change_of_state() {
    let mut publisher = publisher();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)).len(), 1);
    let reentered = FailureDigest { age: Duration::from_millis(100), ..digest("a", StateKind::Open, 1) };
    publisher.want(&published([reentered]), at(500));
    assert_eq!(writes(&mut publisher, at(500)), ["a"]);
}

#[test]
fn a_digest_that_waited_is_told_as_old_as_it_is_by_then() {
    let mut publisher = publisher();
    publisher.want(&published(["a", "b", "c", "d", "e"].map(|name| digest(name, StateKind::Open, 1))), at(1_000));
    assert_eq!(writes(&mut publisher, at(1_000)).len(), 4);
    let Some(Write::Digest { digest, held }) = publisher.next(at(8_000)) else { panic!("a digest waits") };
    assert_eq!((digest.service.as_str(), held), ("e", Duration::from_secs(7)));
}

#[test]
fn as_many_services_are_published_as_allowed_and_those_that_refuse_are_not_left_out() {
    let names = (0..=PUBLISHED_MAX).map(|number| format!("{number:04}"));
    let closed: Vec<_> = names.map(|name| digest(&name, StateKind::Closed, 1)).collect();
    let mut publisher = publisher();
    assert_eq!(publisher.want(&published(closed[1..].iter().cloned()), at(0)), 0);
    assert_eq!(publisher.want(&published(closed.iter().cloned()), at(0)), 1);
    let open = digest("zzz", StateKind::Open, 1);
    assert_eq!(publisher.want(&published(closed.into_iter().chain([open])), at(0)), 2);
    assert!(publisher.wanted.contains_key(&service("zzz")));
    assert_eq!(publisher.wanted.len(), PUBLISHED_MAX);
}

#[test]
fn a_new_life_is_told_everything_again() {
    let mut publisher = publisher();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["a"]);
    publisher.begin_anew(at(1));
    assert_eq!(writes(&mut publisher, at(1)), ["host", "a"]);
}

proptest! {
    /// Whatever changes when: never more than four writes in a second, and in the end peers know what is so.
    #[test]
    fn the_budget_holds_and_the_truth_comes_out(
        changes in prop::collection::vec((0_u64..700, prop::collection::btree_map(0_u8..12, 0_u64..4, 0..12)), 1..40),
    ) {
        let (mut publisher, mut now) = (publisher(), 0);
        let mut made = Vec::new();
        let mut last = Published::default();
        for (pause, failing) in changes {
            now += pause;
            last = published(failing.into_iter().map(|(name, failed)| {
                let state = if failed > 1 { StateKind::Open } else { StateKind::Closed };
                digest(&name.to_string(), state, failed)
            }));
            publisher.want(&last, at(now));
            made.extend(writes(&mut publisher, at(now)).into_iter().map(|_| now));
        }
        prop_assert!(made.windows(WRITES_PER_SECOND + 1).all(|five| five[WRITES_PER_SECOND] - five[0] >= 1_000));
        for second in 1..60 {
            writes(&mut publisher, at(now + second * 1_000));
        }
        let told: Vec<_> = publisher.written.iter().map(|(name, told)| (name.clone(), told.place.state, told.counts.failed)).collect();
        let truth: Vec<_> = last.digests.values().map(|digest| (digest.service.clone(), digest.state, digest.failed)).collect();
        prop_assert_eq!(told, truth);
    }
}
