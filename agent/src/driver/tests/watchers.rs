//! Watchers: told of all that happens from now on, or of how much they missed; and never at the cost of an answer.

use super::*;
use crate::mail::{EVENTS_MAX, IN_FLIGHT_MAX};

/// Another transition of the service.
fn flip(stand: &mut Stand, operator: &mut Client) {
    let action = match stand.service(operator, S).state {
        State::ForcedOpen => WireAction::ForceClose,
        _ => WireAction::ForceOpen,
    };
    assert_eq!(stand.ask(operator, operate(S, action)), Response::Done);
}

fn states(events: &[(u32, Event)]) -> Vec<(State, State)> {
    let states = |event: &Event| match event {
        Event::Transition { from, to, .. } => (*from, *to),
        other => panic!("{other:?}"),
    };
    events.iter().map(|(_, event)| states(event)).collect()
}

#[test]
fn a_watcher_is_told_what_happens_to_any_service_and_why() {
    let mut stand = Stand::new();
    let (mut client, mut watcher) = (stand.connect(None), stand.connect(None));
    stand.ask(&mut watcher, Request::Query { service: S.into() });
    assert_eq!(stand.ask(&mut watcher, Request::Watch), Response::Watching);
    stand.trip(&mut client, "a/b");
    let events = watcher.events();
    let [(1, Event::Transition { service, from, to, reason, retry_after_ms })] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((service.as_str(), *from, *to), ("a/b", State::Closed, State::Open));
    assert_eq!(reason.code, "consecutive_failures");
    assert!((15_000..=30_000).contains(&retry_after_ms.unwrap()));
    assert!(client.read().is_empty(), "who does not watch is told nothing");
}

#[test]
fn a_breaker_that_only_measures_tells_what_it_would_have_done() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    stand.ask(&mut root, operate(S, WireAction::MetricsOnly));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    let entries = vec![entry(S, CallReport::failure("connect"), 30)];
    stand.ask(&mut root, Request::ReportBatch { entries });
    let events = watcher.events();
    assert!(matches!(&events[..], [(0, Event::Exceeded { service, .. })] if service == S), "{events:?}");
    assert_eq!(stand.counter(&mut root, "conditions_exceeded"), 1);
}

#[test]
fn what_happened_before_the_watch_is_not_told_though_it_came_with_the_same_mail() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let [close, open] = [WireAction::ForceClose, WireAction::ForceOpen].map(|action| operate(S, action));
    stand.send(&mut root, [open, Request::Watch, close]);
    let frames = root.read();
    let kinds: Vec<bool> = frames.iter().map(|frame| matches!(frame.response, Response::Event(_))).collect();
    assert_eq!(kinds, [false, false, false, true], "answers first, then the event: {frames:?}");
    let Response::Event(Event::Transition { to: State::Closed, .. }) = frames[3].response else { panic!("{frames:?}") };
}

#[test]
fn a_second_watch_of_a_connection_replaces_the_first() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    stand.ask(&mut watcher, Request::Watch);
    flip(&mut stand, &mut root);
    assert_eq!(watcher.events().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_watcher_that_does_not_read_misses_events_and_is_told_how_many() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    for _ in 0..EVENTS_MAX + 3 {
        flip(&mut stand, &mut root);
    }
    assert_eq!(stand.counter(&mut root, "events_missed"), 3);
    assert_eq!(states(&watcher.events()).len(), EVENTS_MAX);
    // Also if nothing else happens that it could be told of.
    stand.pass(SECOND);
    assert_eq!(watcher.events(), [(0, Event::Missed { events: 3 })]);
    stand.pass(SECOND);
    assert_eq!(watcher.events(), [], "it is told once");
}

#[test]
fn what_was_missed_is_told_before_what_comes_next() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    for _ in 0..EVENTS_MAX + 1 {
        flip(&mut stand, &mut root);
    }
    watcher.read();
    flip(&mut stand, &mut root);
    let events = watcher.events();
    assert_eq!(events[0], (0, Event::Missed { events: 1 }));
    assert_eq!(states(&events[1..]), [(State::ForcedOpen, State::Closed)]);
}

#[test]
fn events_never_crowd_out_the_answers_of_a_client_within_its_limits() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let mut watcher = stand.connect(None);
    stand.ask(&mut watcher, Request::Watch);
    for _ in 0..EVENTS_MAX * 2 {
        flip(&mut stand, &mut root);
    }
    // As many requests as may wait for an answer, each in a mail of its own.
    for _ in 0..IN_FLIGHT_MAX {
        stand.send(&mut watcher, [Request::Query { service: S.into() }]);
    }
    assert_eq!(stand.counter(&mut root, "answers_lost"), 0);
    let frames = watcher.read();
    let answers = frames.iter().filter(|frame| matches!(frame.response, Response::Verdict(_)));
    assert_eq!(answers.count(), IN_FLIGHT_MAX);
    stand.send(&mut watcher, [Request::Query { service: S.into() }]);
    assert_eq!(watcher.read().len(), 1);
}

#[test]
fn a_connection_whose_answers_find_no_room_is_given_up_and_nobody_else_notices() {
    let mut stand = Stand::new();
    let (mut full, mut other) = (stand.connect(None), stand.connect(None));
    for _ in 0..OUTBOX_MAX {
        stand.send(&mut full, [Request::Query { service: S.into() }]);
    }
    assert_eq!(stand.counter(&mut other, "answers_lost"), 0);
    stand.send(&mut full, [Request::Query { service: S.into() }]);
    assert_eq!(stand.counter(&mut other, "answers_lost"), 1);
    assert_eq!(stand.page(&mut other, None, 1, WithPeers::No).agent.connections, 1);
    assert_eq!(full.read().len(), OUTBOX_MAX);
    assert_eq!(full.outbox.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    // Its session tells of its end as any other does.
    stand.disconnect(&full);
}
