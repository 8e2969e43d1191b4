//! What happens by itself: at its own moment, whether the driver is woken or finds it done late, with its mail.

use super::*;

/// How long the default policy's first Open lasts at most.
const OPEN_MAX: Duration = Duration::from_secs(30);

#[test]
fn a_service_that_is_called_half_opens_by_time() {
    let mut stand = Stand::new();
    let (mut client, mut watcher) = (stand.connect(None), stand.connect(None));
    stand.trip(&mut client, S);
    stand.ask(&mut watcher, Request::Watch);
    let Response::Rejected(rejection) = stand.acquire(&mut client, S) else { panic!() };
    let open_for = Duration::from_millis(rejection.retry_after_ms.unwrap());
    // Somebody still wants it a moment before its time is over.
    stand.pass(open_for - SECOND);
    assert!(matches!(stand.acquire(&mut client, S), Response::Rejected(_)));
    assert!(watcher.events().is_empty());
    stand.pass(SECOND);
    let events = watcher.events();
    assert!(matches!(&events[..], [(_, Event::Transition { to: State::HalfOpen, .. })]), "{events:?}");
    assert_eq!(stand.service(&mut client, S).state, State::HalfOpen);
}

#[test]
fn a_service_that_nobody_calls_stays_open_until_somebody_does() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    stand.pass(OPEN_MAX * 2);
    let status = stand.service(&mut client, S);
    assert_eq!((status.state, status.retry_after_ms), (State::Open, Some(0)));
    stand.granted(&mut client, S);
    assert_eq!(stand.service(&mut client, S).state, State::HalfOpen);
}

/// Nobody reports the probe: its lease runs out, that is a failed probe, and the service opens again.
#[test]
fn the_lease_of_a_probe_ends_at_its_time() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    stand.pass(OPEN_MAX);
    let probe = stand.granted(&mut client, S);
    stand.pass(Duration::from_millis(29_999));
    assert_eq!(stand.service(&mut client, S).state, State::HalfOpen);
    stand.pass(Duration::from_millis(1));
    let status = stand.service(&mut client, S);
    assert_eq!((status.state, status.reason.unwrap().code.as_str()), (State::Open, "probe_lease_over"));
    let late = stand.report(&mut client, probe, CallReport::success());
    assert_eq!(refused(&late), FailureCode::UnknownPermit);
}

#[test]
fn mail_is_answered_after_what_is_due_though_nobody_woke_the_driver() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    let (service, action) = (S.to_owned(), WireAction::Disable);
    stand.ask(&mut root, Request::Operate { service, action, for_ms: Some(500), reason: None });
    watcher.read();
    stand.now = stand.now + SECOND;
    assert_eq!(stand.service(&mut root, S).state, State::Closed);
    assert_eq!(watcher.events().len(), 1);
    assert_eq!(stand.service(&mut root, S).since_ms, 500, "it happened at its own time");
}

/// An agent whose mailbox is never empty is never woken.
#[test]
fn peers_are_told_by_an_agent_that_always_has_mail() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    stand.published.borrow_and_update();
    for _ in 0..300 {
        stand.now = stand.now + Duration::from_millis(10);
        stand.ask(&mut client, Request::Query { service: "other".into() });
    }
    let age = stand.published.borrow().digests.values().next().unwrap().age;
    assert!(age >= SECOND * 2, "{age:?}");
}

#[test]
fn waking_too_early_or_twice_is_harmless() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    stand.granted(&mut client, "other");
    stand.pass(SECOND / 2);
    let (registry, wake) = (stand.driver.registry.clone(), stand.driver.next_wake());
    stand.driver.wake(stand.now);
    stand.driver.wake(stand.now);
    assert_eq!((&stand.driver.registry, stand.driver.next_wake()), (&registry, wake));
    assert!(client.read().is_empty());
}
