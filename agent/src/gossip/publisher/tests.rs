//! Four writes in any second, the most telling first, and everything told in the end.

use proptest::prelude::*;

use super::*;

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

fn digest(name: &str, state: StateKind, failed: u64) -> FailureDigest {
    FailureDigest { total: 100, failed, ..FailureDigest::of(service(name), state) }
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
        Write::Set { key, .. } => key,
        Write::Delete { key } => format!("-{key}"),
    };
    std::iter::from_fn(|| publisher.next(now)).map(key).collect()
}

#[test]
fn a_change_is_written_at_once_and_only_once() {
    let mut publisher = Publisher::default();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["d/a"]);
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(1));
    assert_eq!(writes(&mut publisher, at(9_000)), [""; 0]);
    publisher.want(&published([]), at(9_000));
    assert_eq!(writes(&mut publisher, at(9_000)), ["-d/a"]);
    assert_eq!(writes(&mut publisher, at(99_000)), [""; 0]);
}

#[test]
fn four_writes_are_made_in_a_second_and_the_fifth_at_its_end() {
    let mut publisher = Publisher::default();
    publisher.want(&published(["a", "b", "c", "d", "e"].map(|name| digest(name, StateKind::Open, 1))), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["d/a", "d/b", "d/c", "d/d"]);
    assert_eq!(writes(&mut publisher, at(999)), [""; 0]);
    assert_eq!(writes(&mut publisher, at(1_000)), ["d/e"]);
}

#[test]
fn withdrawals_and_states_go_before_counts_and_counts_in_turn() {
    let mut publisher = Publisher::default();
    publisher.want(&published(["a", "b", "c"].map(|name| digest(name, StateKind::Open, 1))), at(0));
    assert_eq!(writes(&mut publisher, at(0)).len(), 3);
    let changed =
        [digest("a", StateKind::Open, 2), digest("c", StateKind::HalfOpen, 1), digest("d", StateKind::Open, 1)];
    let later = at(5_000);
    publisher.want(&published(changed.map(|digest| FailureDigest { age: Duration::from_secs(5), ..digest })), later);
    assert_eq!(writes(&mut publisher, later), ["-d/b", "d/c", "d/d", "d/a"]);
}

#[test]
fn counts_alone_are_written_once_a_second_at_most() {
    let mut publisher = Publisher::default();
    let mut written = 0;
    for millis in (0..10_000).step_by(100) {
        let told = FailureDigest { age: Duration::from_millis(millis), ..digest("a", StateKind::Open, millis) };
        publisher.want(&published([told]), at(millis));
        written += writes(&mut publisher, at(millis)).len();
    }
    assert_eq!(written, 10);
}

#[test]
fn the_same_state_entered_anew_is_a_change_of_state() {
    let mut publisher = Publisher::default();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)).len(), 1);
    let reentered = FailureDigest { age: Duration::from_millis(100), ..digest("a", StateKind::Open, 1) };
    publisher.want(&published([reentered]), at(500));
    assert_eq!(writes(&mut publisher, at(500)), ["d/a"]);
}

#[test]
fn a_digest_that_waited_is_told_as_old_as_it_is_by_then() {
    let mut publisher = Publisher::default();
    publisher.want(&published(["a", "b", "c", "d", "e"].map(|name| digest(name, StateKind::Open, 1))), at(1_000));
    assert_eq!(writes(&mut publisher, at(1_000)).len(), 4);
    let waited = FailureDigest { age: Duration::from_secs(7), ..digest("e", StateKind::Open, 1) };
    let value = digest_value(5, &waited);
    assert_eq!(publisher.next(at(8_000)), Some(Write::Set { key: "d/e".to_owned(), value }));
}

#[test]
fn as_many_services_are_published_as_allowed_and_those_that_refuse_are_not_left_out() {
    let names = (0..=PUBLISHED_MAX).map(|number| format!("{number:04}"));
    let closed: Vec<_> = names.map(|name| digest(&name, StateKind::Closed, 1)).collect();
    let mut publisher = Publisher::default();
    assert_eq!(publisher.want(&published(closed[1..].iter().cloned()), at(0)), 0);
    assert_eq!(publisher.want(&published(closed.iter().cloned()), at(0)), 1);
    let open = digest("zzz", StateKind::Open, 1);
    assert_eq!(publisher.want(&published(closed.into_iter().chain([open])), at(0)), 2);
    assert!(publisher.wanted.contains_key(&service("zzz")));
    assert_eq!(publisher.wanted.len(), PUBLISHED_MAX);
}

#[test]
fn a_new_life_is_told_everything_again_under_higher_numbers() {
    let mut publisher = Publisher::default();
    publisher.want(&published([digest("a", StateKind::Open, 1)]), at(0));
    assert_eq!(writes(&mut publisher, at(0)), ["d/a"]);
    publisher.begin_anew();
    assert_eq!(writes(&mut publisher, at(1)), ["d/a"]);
    assert_eq!(publisher.sequence, 2);
}

proptest! {
    /// Whatever changes when: never more than four writes in a second, and in the end peers know what is so.
    #[test]
    fn the_budget_holds_and_the_truth_comes_out(
        changes in prop::collection::vec((0_u64..700, prop::collection::btree_map(0_u8..12, 0_u64..4, 0..12)), 1..40),
    ) {
        let (mut publisher, mut now) = (Publisher::default(), 0);
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
        for second in 1..30 {
            writes(&mut publisher, at(now + second * 1_000));
        }
        let told: Vec<_> = publisher.written.iter().map(|(name, told)| (name.clone(), told.state, told.failed)).collect();
        let truth: Vec<_> = last.digests.values().map(|digest| (digest.service.clone(), digest.state, digest.failed)).collect();
        prop_assert_eq!(told, truth);
    }
}
