//! The library with an agent that does what it should.
//!
//! What is told to the agent is compared request by request: a permit's verbs, durations, timeouts, batches.

use std::time::Duration;

use breaker_client::wire::{
    BatchEntry, CallReport, Origin, Outcome, Permit, Request, Response, Standing as WireStanding,
};
use breaker_client::{AcquireOptions, CallError, Client, Options, Standing};
use futures_util::future::join_all;

use crate::fake::{Deed, OnSocket, WELCOME, friendly, granted, in_memory, rejected};

fn patient() -> Options {
    Options { deadline: Duration::from_secs(5), ..Options::default() }
}

fn reported(request: Request) -> (u64, CallReport) {
    let Request::Report { permit, call } = request else { panic!("{request:?} is no report") };
    (permit, call)
}

#[tokio::test]
async fn a_permit_says_how_the_call_went() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    let payments = client.service("payments");
    let expect = [
        (Outcome::Success, None),
        (Outcome::Failure, Some("http_503".to_owned())),
        (Outcome::Timeout, None),
        (Outcome::Throttled, None),
        (Outcome::Ignored, None),
    ];
    for (outcome, kind) in expect {
        let permit = payments.acquire().await.unwrap();
        assert_eq!(permit.standing(), &Standing::Allowed);
        match outcome {
            Outcome::Success => permit.success(),
            Outcome::Failure => permit.failure("http_503"),
            Outcome::Timeout => permit.timeout(),
            Outcome::Throttled => permit.throttled(),
            _ => permit.ignored(),
        }
        assert!(matches!(ear.next().await, Request::Acquire { service, .. } if service == "payments"));
        let (id, call) = reported(ear.next().await);
        assert_eq!((id, call.outcome, call.kind), (7, outcome, kind));
        assert!(call.duration_us.is_some());
    }
    assert_eq!(client.counters().granted, 5);
    assert_eq!(client.counters().unguarded, 0);
}

#[tokio::test]
async fn a_permit_dropped_without_a_word_is_given_back() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    drop(client.acquire("payments").await.unwrap());
    client.acquire("payments").await.unwrap().cancel();
    for _ in 0..2 {
        assert!(matches!(ear.next().await, Request::Acquire { .. }));
        assert_eq!(ear.next().await, Request::Cancel { permit: 7 });
    }
}

#[tokio::test]
async fn a_rejection_reaches_the_caller_with_its_reason() {
    let (client, _ear) = in_memory(&patient(), WELCOME, |_| Deed::Answer(rejected("payments")));
    let refused = client.acquire("payments").await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_millis(12_500)));
    assert_eq!(refused.to_string(), "calls to payments are refused: failure rate 60 % >= 50 % (12 of 20 calls)");
    assert_eq!(client.counters().rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn the_duration_is_measured_unless_it_is_given() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    let permit = client.acquire("a").await.unwrap();
    tokio::time::advance(Duration::from_millis(250)).await;
    permit.report(CallReport::failure("connect").own_fault());
    let permit = client.acquire("a").await.unwrap();
    permit.report(CallReport::success().took(Duration::from_micros(42)));
    ear.next().await;
    let (_, measured) = reported(ear.next().await);
    assert_eq!((measured.duration_us, measured.origin), (Some(250_000), Origin::Host));
    ear.next().await;
    assert_eq!(reported(ear.next().await).1.duration_us, Some(42));
}

/// 500 questions at once over one connection, answered by permits that say for which service they are.
#[tokio::test]
async fn many_questions_at_once_each_get_their_own_answer() {
    let (client, _ear) = in_memory(&patient(), WELCOME, |request: &Request| match request {
        Request::Acquire { service, .. } => Deed::Answer(Response::Granted(Permit {
            id: None,
            standing: WireStanding::WouldRefuse,
            lease_ms: service.parse().unwrap(),
            timeout_us: None,
        })),
        other => panic!("{other:?}"),
    });
    let asked = (0..500_u64).map(|n| {
        let client = client.clone();
        async move { (n, client.acquire(&n.to_string()).await.unwrap()) }
    });
    for (n, permit) in join_all(asked).await {
        assert_eq!(permit.standing(), &Standing::WouldRefuse);
        assert_eq!(permit.lease(), Some(Duration::from_millis(n)));
    }
    assert_eq!(client.counters().connections, 1);
}

#[tokio::test]
async fn a_guarded_call_reports_what_classify_makes_of_it() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    let classify = |ended: &Result<u8, &'static str>| match ended {
        Ok(_) => CallReport::success(),
        Err("not mine") => CallReport::of(Outcome::Cancelled),
        Err(_) => CallReport::failure("http_500"),
    };
    assert_eq!(client.call("a", async { Ok(1) }, classify).await, Ok(1));
    assert_eq!(client.call("a", async { Err("oops") }, classify).await, Err(CallError::Failed("oops")));
    assert_eq!(client.call("a", async { Err("not mine") }, classify).await, Err(CallError::Failed("not mine")));
    ear.next().await;
    assert_eq!(reported(ear.next().await).1.outcome, Outcome::Success);
    ear.next().await;
    assert_eq!(reported(ear.next().await).1.kind.as_deref(), Some("http_500"));
    ear.next().await;
    assert_eq!(ear.next().await, Request::Cancel { permit: 7 });
}

#[tokio::test]
async fn a_refused_call_does_not_run() {
    let (client, _ear) = in_memory(&patient(), WELCOME, |_| Deed::Answer(rejected("a")));
    let never = async { panic!("it ran") };
    let ended: Result<(), CallError<()>> = client.call("a", never, |_| CallReport::success()).await;
    assert!(matches!(ended, Err(CallError::Rejected(_))));
}

/// The policy's time, then a shorter and a longer one of the application's own, which both go before it.
#[tokio::test(start_paused = true)]
async fn a_call_ends_after_the_time_it_is_given_and_counts_as_a_timeout() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, |request: &Request| match request {
        Request::Acquire { .. } => Deed::Answer(Response::Granted(Permit {
            id: Some(1),
            standing: WireStanding::Allowed,
            lease_ms: 30_000,
            timeout_us: Some(500_000),
        })),
        other => friendly(other),
    });
    for (own_ms, limit_ms) in [(None, 500), (Some(20), 20), (Some(900), 900)] {
        let own = own_ms.map(Duration::from_millis);
        let options = AcquireOptions { timeout: own, deadline: None };
        let never = std::future::pending::<Result<(), ()>>();
        let ended = client.service("a").call_with(options, never, |_| CallReport::success()).await;
        let limit = Duration::from_millis(limit_ms);
        assert_eq!(ended, Err(CallError::Timeout(limit)));
        let Request::Acquire { timeout_us, .. } = ear.next().await else { panic!("not an acquire") };
        assert_eq!(timeout_us, own_ms.map(|ms| ms * 1_000));
        let (_, call) = reported(ear.next().await);
        assert_eq!(call.outcome, Outcome::Timeout);
        assert!(call.duration_us >= Some(limit_ms * 1_000), "{call:?}");
    }
}

#[tokio::test]
async fn calls_made_without_asking_can_be_reported() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    client.report_unasked("a", CallReport::success());
    let entry = BatchEntry { service: "b".into(), call: CallReport::failure("connect"), repeat: 3 };
    client.report_batch(vec![entry.clone(); 2]);
    assert!(matches!(ear.next().await, Request::ReportBatch { entries } if entries[0].service == "a"));
    assert_eq!(ear.next().await, Request::ReportBatch { entries: vec![entry; 2] });
}

#[tokio::test]
async fn a_client_over_one_stream_works_as_long_as_the_stream() {
    let mut agent = OnSocket::start(friendly);
    let stream = tokio::net::UnixStream::connect(&agent.path).await.unwrap();
    let client = Client::over(stream);
    let long = AcquireOptions { deadline: Some(Duration::from_secs(5)), timeout: None };
    client.acquire_with("a", long).await.unwrap().success();
    agent.ear.next().await;
    agent.ear.next().await;
    agent.die().await;
    loop {
        let permit = client.acquire_with("a", long).await.unwrap();
        if matches!(permit.standing(), Standing::Unguarded(_)) {
            break;
        }
    }
}

/// The last client is dropped with a report still in the queue.
#[tokio::test]
async fn what_was_reported_before_the_end_still_reaches_the_agent() {
    let (client, mut ear) = in_memory(&patient(), WELCOME, friendly);
    let permit = client.acquire("a").await.unwrap();
    drop(client);
    permit.success();
    ear.next().await;
    assert_eq!(reported(ear.next().await).1.outcome, Outcome::Success);
}

#[tokio::test]
async fn a_report_can_wait_for_its_receipt() {
    let (client, _ear) = in_memory(&patient(), WELCOME, friendly);
    let permit = client.acquire("a").await.unwrap();
    assert_eq!(permit.report_and_wait(CallReport::success()).await.unwrap().unwrap().counted, 1);
    let (silent, _ear) = in_memory(&patient(), WELCOME, |_: &Request| Deed::Answer(granted(1)));
    let permit = silent.acquire("a").await.unwrap();
    assert!(permit.report_and_wait(CallReport::success()).await.is_err());
}
