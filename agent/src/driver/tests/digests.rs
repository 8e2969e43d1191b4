//! Our failure digests: published when there is news, and nobody woken for less.

use super::*;
use crate::core::digest::{FailureDigest, HostWord, Phase, Probes, Stay};
use crate::core::service::ServiceName;
use crate::core::state::StateKind;
use crate::driver::publish::{PUBLISH_PAUSE, says_the_same};

/// What was published since the last look, if anything was.
fn news(stand: &mut Stand) -> Option<Published> {
    stand.published.has_changed().unwrap().then(|| stand.published.borrow_and_update().clone())
}

fn digest(service: &str, total: u64) -> FailureDigest {
    let service = ServiceName::parse(service).unwrap();
    FailureDigest { age: SECOND, total, failed: total, ..FailureDigest::of(service, StateKind::Open) }
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

/// A hundred calls a second, promised; then all fail, and under a quarter of a second's are good after 0.8 s.
#[test]
fn a_promise_that_is_not_kept_is_taken_back_at_once_and_not_with_the_counts_of_the_second() {
    let tripless = "defaults: {circuit_breaker: {failure_threshold: 1000}}";
    let mut stand = Stand::start(tripless, GossipHealth::Running);
    let mut client = stand.connect(None);
    let call = |stand: &mut Stand, client: &mut Client, call| {
        stand.pass(Duration::from_millis(10));
        let permit = stand.granted(client, S);
        stand.report(client, permit, call);
    };
    let rates = |stand: &Stand| stand.published.borrow().host.rates.len();
    (0..470).for_each(|_| call(&mut stand, &mut client, CallReport::success()));
    let failing_since = stand.now;
    while stand.driver.registry.host_word(stand.now).rates.len() == 1 {
        call(&mut stand, &mut client, CallReport::failure("http_503"));
        assert!(stand.now.since(failing_since) < SECOND);
    }
    let withdrawn = stand.now;
    assert!(stand.driver.published_at > failing_since, "it was promised once more meanwhile");
    stand.pass(PUBLISH_PAUSE);
    assert_eq!(rates(&stand), 0);
    assert!(withdrawn.since(failing_since) > SECOND / 2 && stand.now < failing_since + SECOND * 5 / 4);
}

#[test]
fn a_second_stay_in_the_same_state_is_news() {
    let before = Published::from_iter([digest(S, 5)]);
    let with_age = |age| before.digests.values().map(move |digest| FailureDigest { age, ..digest.clone() });
    assert!(says_the_same(&before, &with_age(SECOND * 2).collect()));
    assert!(!says_the_same(&before, &with_age(SECOND / 2).collect()));
    assert!(!says_the_same(&before, &Published::default()));
}

#[test]
fn what_is_only_older_or_numbered_anew_is_no_news() {
    let stay = |number, age| Stay { number, phase: Phase::Open, age, probes: Probes::default() };
    let of = |stay, sequence| Published::from_iter([FailureDigest { stay, sequence, ..digest(S, 5) }]);
    let before = of(Some(stay(3, SECOND)), 1);
    assert!(says_the_same(&before, &of(Some(stay(3, SECOND * 2)), 2)));
    for other in [Some(stay(4, SECOND * 2)), Some(stay(3, SECOND / 2)), None] {
        assert!(!says_the_same(&before, &of(other, 2)), "{other:?}");
    }
    assert!(!says_the_same(&of(None, 1), &before));
    let probed = Stay { probes: Probes { claimed: 1, ..Probes::default() }, ..stay(3, SECOND) };
    assert!(!says_the_same(&before, &of(Some(probed), 2)));
    let of_host = Published { host: HostWord { sick: true, ..HostWord::default() }, ..before.clone() };
    assert!(!says_the_same(&before, &of_host));
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
