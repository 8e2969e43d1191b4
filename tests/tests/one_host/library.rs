//! The client library against a real agent: calls guarded, the agent lost and found again.

use std::time::{Duration, Instant};

use breaker_client::wire::{CallReport, State};
use breaker_client::{AcquireOptions, AskError, CallError, Client, Connector, Options, Standing};
use breaker_tests::stage::{Agent, eventually, policy};
use rustix::process::Signal;

/// The library's own 5 ms are about a machine that does something else than these tests; they are tried in one of them.
const DEADLINE: Duration = Duration::from_millis(500);

/// What a busy machine with two cores may add to a deadline.
const SLACK: Duration = Duration::from_millis(500);

fn client(agent: &Agent) -> Client {
    let options = Options { seed: 7, ..Options::with_deadline(DEADLINE) };
    Client::connect_with(Connector::path(&agent.socket()), &options)
}

fn classify(ended: &Result<u32, &'static str>) -> CallReport {
    match ended {
        Ok(_) => CallReport::success(),
        Err(kind) => CallReport::failure(*kind),
    }
}

async fn call(client: &Client, ends: Result<u32, &'static str>) -> Result<u32, CallError<&'static str>> {
    client.call("demo", async move { ends }, classify).await
}

#[tokio::test]
async fn calls_are_counted_as_they_end_and_refused_when_open() {
    let agent = Agent::alone(&policy("failure_threshold: 3, recovery_timeout: 1m, timeout: 50ms"));
    let client = client(&agent);
    assert_eq!(call(&client, Ok(42)).await, Ok(42));
    assert_eq!(call(&client, Err("connect")).await, Err(CallError::Failed("connect")));
    let never = client.call("demo", std::future::pending::<Result<u32, &str>>(), classify).await;
    assert_eq!(never, Err(CallError::Timeout(Duration::from_millis(50))), "the policy's own timeout");
    let window = eventually("the reports to arrive", || async {
        let window = agent.service("demo").window;
        (window.total == 3).then_some(window)
    });
    let window = window.await;
    assert_eq!((window.failed, window.timeouts, window.consecutive_failures), (2, 1, 2), "{window:?}");

    assert!(call(&client, Err("http_503")).await.is_err());
    let refused = eventually("the breaker to open", || async {
        match call(&client, Ok(1)).await {
            Err(CallError::Rejected(rejected)) => Some(rejected),
            _ => None,
        }
    });
    let refused = refused.await;
    assert_eq!((refused.0.state, refused.0.reason.code.as_str()), (State::Open, "consecutive_failures"));
    assert!(refused.retry_after().is_some_and(|wait| wait <= Duration::from_secs(60)));
    assert!(client.counters().rejected >= 1 && client.counters().unguarded == 0, "{:?}", client.counters());
}

#[tokio::test]
async fn a_permit_dropped_or_lost_with_its_process_counts_nowhere() {
    let agent = Agent::alone(&policy("failure_threshold: 1"));
    let client = client(&agent);
    let permit = client.acquire("demo").await.expect("allowed");
    assert_eq!(permit.standing(), &Standing::Allowed);
    drop(permit);
    let kept = client.acquire("demo").await.expect("allowed");
    let mut other = agent.connect();
    other
        .send(breaker_client::wire::Request::Acquire {
            service: "demo".to_owned(),
            timeout_us: None,
            hold: breaker_client::wire::Hold::Connection,
        })
        .expect("it is sent");
    other.receive().expect("it is answered");
    drop(other);
    eventually("all but one permit to be back", || async { (agent.service("demo").in_flight == 1).then_some(()) })
        .await;
    kept.success();
    eventually("the report", || async { (agent.service("demo").window.total == 1).then_some(()) }).await;
    assert_eq!(agent.counter("permits_out"), 0);
}

/// The agent is killed in the middle of calls and comes back; the application sees neither an error nor a delay.
#[tokio::test]
async fn an_agent_killed_and_back_again_costs_no_call() {
    let mut agent = Agent::alone("");
    let client = client(&agent);
    for _ in 0..20 {
        assert_eq!(call(&client, Ok(1)).await, Ok(1));
    }
    assert_eq!(client.counters().unguarded, 0);
    let held = client.acquire("demo").await.expect("allowed");
    agent.kill();
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        assert_eq!(call(&client, Ok(1)).await, Ok(1), "a call needs no agent");
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < SLACK, "nobody listens, which is known at once: {slowest:?}");
    let counters = client.counters();
    assert_eq!((counters.granted, counters.unguarded), (21, 200), "{counters:?}");
    assert!(counters.connects_failed < 50, "not every call tries to connect: {counters:?}");
    held.success();
    let unguarded = client.acquire("demo").await.expect("fails open");
    assert!(matches!(unguarded.standing(), Standing::Unguarded(AskError::NoAgent(_))), "{unguarded:?}");

    agent.start_again();
    eventually("calls to be guarded again", || async {
        assert_eq!(call(&client, Ok(1)).await, Ok(1));
        (client.counters().granted > 21).then_some(())
    })
    .await;
    assert!(client.counters().reports_lost >= 1, "what was known of the old life is lost, and counted");
}

#[tokio::test]
async fn an_agent_that_does_not_answer_costs_the_deadline_and_no_more() {
    let agent = Agent::alone("");
    let client = client(&agent);
    assert_eq!(call(&client, Ok(1)).await, Ok(1));
    agent.signal(Signal::STOP);
    for deadline in [Duration::from_millis(5), Duration::from_millis(100)] {
        let options = AcquireOptions { deadline: Some(deadline), ..AcquireOptions::default() };
        let began = Instant::now();
        let permit = client.acquire_with("demo", options).await.expect("fails open");
        let took = began.elapsed();
        assert!(took >= deadline && took < deadline + SLACK, "{took:?} of {deadline:?}");
        assert_eq!(permit.standing(), &Standing::Unguarded(AskError::Late(deadline)));
    }
    assert_eq!(client.counters().late, 2);
    agent.signal(Signal::CONT);
    eventually("calls to be guarded again", || async {
        client.acquire("demo").await.is_ok_and(|permit| permit.standing() == &Standing::Allowed).then_some(())
    })
    .await;
    eventually("late grants to be given back", || async { (agent.counter("permits_out") == 0).then_some(()) }).await;
}
