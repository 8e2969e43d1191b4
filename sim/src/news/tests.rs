//! Whose news it is, who counts as knowing, and when it is told.

use breaker_agent::core::digest::{FailureDigest, HostId};
use breaker_agent::core::reason::Reason;
use breaker_agent::core::state::Transition;
use breaker_agent::core::time::MonoTime;

use super::*;

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

/// A breaker of this host changes its state.
fn changes(news: &News, host: usize, at: u64, to: StateKind) {
    let change =
        Transition { at: MonoTime::START, from: StateKind::Closed, to, reason: Reason::ProbeFailed, retry_after: None };
    news.observe(host, millis(at), Observed::Service(&service("db"), &Notice::Changed(change)));
}

/// An agent takes in a digest.
fn hears(news: &News, host: usize, at: u64, from: &str, digest: FailureDigest) {
    let testimony = Testimony { host: HostId::new(from), incarnation: 1, age: Duration::ZERO, digest };
    news.observe(host, millis(at), Observed::Heard(&testimony));
}

fn open() -> FailureDigest {
    FailureDigest::of(service("db"), StateKind::Open)
}

#[test]
fn who_takes_in_the_digest_of_the_host_that_tripped_first_knows() {
    let news = News::default();
    assert!(!news.is_out());
    hears(&news, 1, 5, "h0", open());
    changes(&news, 0, 10, StateKind::Open);
    changes(&news, 2, 11, StateKind::Open);
    assert!(news.is_out());
    assert_eq!(news.spread(2), None, "what was heard before is not this news");
    hears(&news, 1, 13, "h0", open());
    hears(&news, 1, 500, "h0", open());
    assert_eq!(news.spread(2), None);
    hears(&news, 2, 18, "h0", open());
    let Spread { known_ms, hosts } = news.spread(2).unwrap();
    assert_eq!((known_ms.p50, known_ms.p99, known_ms.max, hosts), (3, 8, 8, 2));
}

#[test]
fn other_states_hosts_and_services_are_other_news() {
    let news = News::default();
    changes(&news, 0, 1, StateKind::HalfOpen);
    assert!(!news.is_out());
    changes(&news, 0, 10, StateKind::Open);
    hears(&news, 1, 11, "h2", open());
    hears(&news, 1, 12, "h0", FailureDigest::of(service("db"), StateKind::Closed));
    hears(&news, 1, 13, "h0", FailureDigest::of(service("web"), StateKind::Open));
    assert_eq!(news.spread(1), None);
    let mut standing = FailureDigest::of(service("db"), StateKind::HalfOpen);
    standing.flags.standing = true;
    hears(&news, 1, 14, "h0", standing);
    assert_eq!(news.spread(1).unwrap().known_ms.max, 4);
}

#[test]
fn ninety_nine_of_a_hundred_are_enough_and_one_less_is_not() {
    let news = News::default();
    changes(&news, 0, 0, StateKind::Open);
    (1..=98).for_each(|host| hears(&news, host, 5, "h0", open()));
    assert_eq!(news.spread(100), None);
    hears(&news, 99, 7, "h0", open());
    assert_eq!(news.spread(100).unwrap().hosts, 99);
    assert_eq!(news.spread(0), None, "alone there is nobody to know");
}
