//! Acquire, report and cancel: answers, whose permit is whose, and arguments at the ends of their ranges.

use breaker_client::wire::{Outcome, Receipt, Standing, Verdict};

use super::*;

const COUNTED: Response = Response::Reported(Receipt { counted: 1, dropped: 0, untracked: 0 });

fn detached(service: &str) -> Request {
    acquire(service, WireHold::Detached)
}

#[test]
fn a_call_is_granted_reported_and_its_permit_used_up() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let granted = stand.acquire(&mut client, S);
    let Response::Granted(Permit { standing: Standing::Allowed, lease_ms: 30_000, timeout_us: None, .. }) = granted
    else {
        panic!("{granted:?}");
    };
    let permit = permit(granted);
    assert_eq!(stand.service(&mut client, S).in_flight, 1);
    assert_eq!(stand.report(&mut client, permit, CallReport::success()), COUNTED);
    assert_eq!(refused(&stand.report(&mut client, permit, CallReport::success())), FailureCode::UnknownPermit);
    let status = stand.service(&mut client, S);
    assert_eq!((status.window.total, status.granted, status.in_flight), (1, 1, 0));
    assert_eq!(stand.counter(&mut client, "outcomes_reported"), 1);
    assert_eq!(stand.counter(&mut client, "permits_unknown"), 1);
}

#[test]
fn a_cancelled_call_gives_its_permit_back_and_counts_nowhere() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let permit = stand.granted(&mut client, S);
    assert_eq!(stand.ask(&mut client, Request::Cancel { permit }), COUNTED);
    assert_eq!(refused(&stand.ask(&mut client, Request::Cancel { permit })), FailureCode::UnknownPermit);
    let status = stand.service(&mut client, S);
    assert_eq!((status.window.total, status.in_flight), (0, 0));
}

#[test]
fn a_refusal_says_who_refuses_why_and_for_how_long() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    let Response::Rejected(rejection) = stand.acquire(&mut client, "payments/10.0.0.5:8080") else { panic!() };
    assert_eq!((rejection.service.as_str(), rejection.state), (S, State::Open));
    assert_eq!(rejection.reason.code, "consecutive_failures");
    assert!((15_000..=30_000).contains(&rejection.retry_after_ms.unwrap()), "{rejection:?}");
    let query = stand.ask(&mut client, Request::Query { service: "payments/other".into() });
    assert_eq!(query, Response::Verdict(Verdict::Refused(rejection)));
    assert_eq!(stand.counter(&mut client, "calls_rejected"), 1, "a query is no call");
}

#[test]
fn a_permit_of_another_connection_is_unknown_and_stays_good() {
    let mut stand = Stand::new();
    let (mut owner, mut thief) = (stand.connect(Some(USER)), stand.connect(Some(USER)));
    let permit = stand.granted(&mut owner, S);
    assert_eq!(refused(&stand.report(&mut thief, permit, CallReport::success())), FailureCode::UnknownPermit);
    assert_eq!(refused(&stand.ask(&mut thief, Request::Cancel { permit })), FailureCode::UnknownPermit);
    assert_eq!(stand.report(&mut owner, permit, CallReport::success()), COUNTED);
}

#[test]
fn numbers_that_were_never_given_out_are_unknown() {
    let mut stand = Stand::new();
    let mut client = stand.connect(Some(0));
    let permit = stand.granted(&mut client, S);
    for number in [0, 1, permit ^ 1, permit + (1 << 32), u64::from(u32::MAX), u64::MAX] {
        assert_eq!(refused(&stand.ask(&mut client, Request::Cancel { permit: number })), FailureCode::UnknownPermit);
    }
    assert_eq!(stand.report(&mut client, permit, CallReport::success()), COUNTED);
}

#[test]
fn a_detached_permit_outlives_its_connection_and_is_its_users_and_roots() {
    let mut stand = Stand::new();
    let mut asker = stand.connect(Some(USER));
    let permits: Vec<u64> = (0..2).map(|_| permit(stand.ask(&mut asker, detached(S)))).collect();
    stand.disconnect(&asker);
    let mut same = stand.connect(Some(USER));
    assert_eq!(stand.service(&mut same, S).in_flight, 2);
    for uid in [Some(USER + 1), Some(AGENT), None] {
        let mut other = stand.connect(uid);
        let answer = stand.report(&mut other, permits[0], CallReport::success());
        assert_eq!(refused(&answer), FailureCode::UnknownPermit, "{uid:?}");
    }
    assert_eq!(stand.report(&mut same, permits[0], CallReport::success()), COUNTED);
    let mut root = stand.connect(Some(0));
    assert_eq!(stand.report(&mut root, permits[1], CallReport::success()), COUNTED);
}

#[test]
fn nobody_can_have_a_detached_permit() {
    let mut stand = Stand::new();
    let mut nobody = stand.connect(None);
    assert_eq!(refused(&stand.ask(&mut nobody, detached(S))), FailureCode::NotPermitted);
    assert_eq!(stand.counter(&mut nobody, "permits_out"), 0);
}

#[test]
fn a_lost_connection_cancels_its_own_permits_and_no_others() {
    let mut stand = Stand::new();
    let (mut lost, mut other) = (stand.connect(Some(USER)), stand.connect(Some(USER)));
    for _ in 0..3 {
        stand.granted(&mut lost, S);
    }
    let kept = stand.granted(&mut other, S);
    stand.disconnect(&lost);
    let status = stand.service(&mut other, S);
    assert_eq!((status.in_flight, status.window.total), (1, 0));
    assert_eq!(stand.report(&mut other, kept, CallReport::success()), COUNTED);
}

/// Its session may have handed over a last batch before it saw that it was given up.
#[test]
fn what_a_connection_asks_after_it_was_given_up_ends_with_it() {
    let mut stand = Stand::new();
    let mut watcher = stand.connect(None);
    let mut given_up = stand.connect(None);
    stand.driver.connections.remove(&given_up.id);
    stand.send(&mut given_up, [acquire(S, WireHold::Connection), Request::Watch]);
    assert!(given_up.read().is_empty());
    stand.disconnect(&given_up);
    assert_eq!(stand.service(&mut watcher, S).in_flight, 0);
}

#[test]
fn a_batch_of_requests_is_answered_in_order() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let query = |service: &str| Request::Query { service: service.into() };
    stand.send(&mut client, [query("a"), query(""), acquire("b", WireHold::Connection)]);
    let answers = client.read();
    assert_eq!(answers.iter().map(|answer| answer.id).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(refused(&answers[1].response), FailureCode::InvalidName);
    permit(answers[2].response.clone());
}

#[test]
fn the_time_a_call_may_take_is_from_a_microsecond_to_an_hour() {
    const HOUR_US: u64 = 3_600_000_000;
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let mut ask = |timeout_us| {
        let request = Request::Acquire { service: S.into(), timeout_us, hold: WireHold::Connection };
        stand.ask(&mut client, request)
    };
    for us in [0, HOUR_US + 1, u64::MAX] {
        assert_eq!(refused(&ask(Some(us))), FailureCode::InvalidArgument, "{us}");
    }
    for (us, lease) in [(1, 30_000), (HOUR_US, 3_600_000)] {
        let Response::Granted(granted) = ask(Some(us)) else { panic!("{us}") };
        assert_eq!((granted.timeout_us, granted.lease_ms), (Some(us), lease));
    }
}

#[test]
fn a_report_with_an_argument_out_of_range_changes_nothing() {
    const DAY_US: u64 = 86_400_000_000;
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let lasting = |us| CallReport { duration_us: Some(us), ..CallReport::success() };
    let of_kind = |bytes: usize| CallReport::failure("k".repeat(bytes));
    let permit = stand.granted(&mut client, S);
    for call in [lasting(DAY_US + 1), lasting(u64::MAX), of_kind(0), of_kind(65), CallReport::failure("a\nb")] {
        let answer = stand.report(&mut client, permit, call.clone());
        assert_eq!(refused(&answer), FailureCode::InvalidArgument, "{call:?}");
    }
    assert_eq!(stand.service(&mut client, S).in_flight, 1);
    assert_eq!(stand.report(&mut client, permit, lasting(DAY_US)), COUNTED);
    let permit = stand.granted(&mut client, S);
    assert_eq!(stand.report(&mut client, permit, of_kind(64)), COUNTED);
}

#[test]
fn services_the_configuration_does_not_admit_are_unknown_to_every_request() {
    let mut stand = Stand::with("unknown_services: refuse\nservices: {known: {}}\n");
    let mut root = stand.connect(Some(0));
    let service = || "stranger".to_owned();
    let batch = vec![entry("stranger", CallReport::success(), 1)];
    for request in [
        acquire("stranger", WireHold::Connection),
        Request::ReportBatch { entries: batch },
        Request::Query { service: service() },
        Request::Status { service: Some(service()), after: None, limit: 1, peers: WithPeers::No },
        operate("stranger", WireAction::ForceOpen),
    ] {
        assert_eq!(refused(&stand.ask(&mut root, request.clone())), FailureCode::UnknownService, "{request:?}");
    }
    stand.granted(&mut root, "known");
    assert_eq!(stand.page(&mut root, None, 1, WithPeers::No).agent.services, 1);
}

#[test]
fn a_late_outcome_is_dropped_and_said_to_be() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let late = stand.granted(&mut client, S);
    stand.trip(&mut client, S);
    let dropped = Response::Reported(Receipt { dropped: 1, ..Receipt::default() });
    assert_eq!(stand.report(&mut client, late, CallReport::of(Outcome::Timeout)), dropped);
    assert_eq!(stand.counter(&mut client, "outcomes_dropped"), 1);
}

/// Only `payments/eu` is named. `payments` has a breaker above it, under the defaults of the file, but is no service
/// that may be asked for: neither before it is tracked nor after.
#[test]
fn what_is_only_above_a_named_service_has_the_defaults_and_cannot_be_asked_for() {
    let mut stand = Stand::with(
        "unknown_services: refuse\n\
         defaults: {circuit_breaker: {failure_threshold: 2}}\n\
         services: {payments/eu: {circuit_breaker: {failure_threshold: 3}}}\n",
    );
    let mut client = stand.connect(None);
    assert_eq!(refused(&stand.acquire(&mut client, "payments")), FailureCode::UnknownService);
    for _ in 0..2 {
        let permit = stand.granted(&mut client, "payments/eu");
        stand.report(&mut client, permit, CallReport::failure("connect"));
    }
    assert_eq!(refused(&stand.acquire(&mut client, "payments")), FailureCode::UnknownService);
    let query = Request::Query { service: "payments".to_owned() };
    assert_eq!(refused(&stand.ask(&mut client, query)), FailureCode::UnknownService);
    match stand.acquire(&mut client, "payments/eu") {
        Response::Rejected(rejection) => assert_eq!(rejection.service, "payments"),
        other => panic!("{other:?}"),
    }
}
