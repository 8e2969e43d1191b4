//! The library with an agent that is absent, slow, full or confused: calls go ahead, in time, and it is counted.
//!
//! Every test states what the call got, how long that took where time matters (tokio's paused time, so to the
//! millisecond), and which counter moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use breaker_client::wire::{Failure, FailureCode, Greeting, Request, Response, VERSIONS};
use breaker_client::{AskError, Client, Connector, Options, Permit, Standing};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::fake::{Deed, Hello, OnSocket, PATIENCE, WELCOME, friendly, granted, in_memory, unused_path};

fn why(permit: &Permit) -> AskError {
    match permit.standing() {
        Standing::Unguarded(why) => why.clone(),
        other => panic!("the agent had its say: {other:?}"),
    }
}

fn deadline(ms: u64) -> Options {
    Options { deadline: Duration::from_millis(ms), queue_max: 1_024, seed: 7 }
}

#[tokio::test]
async fn without_an_agent_calls_go_ahead_and_are_counted() {
    let client = Client::connect_with(Connector::path(&unused_path()), &deadline(5_000));
    for _ in 0..3 {
        let permit = client.acquire("payments").await.unwrap();
        assert!(matches!(why(&permit), AskError::NoAgent(_)));
        permit.success();
    }
    let counters = client.counters();
    assert_eq!((counters.unguarded, counters.connections, counters.reports_lost), (3, 0, 0));
    assert_eq!(counters.connects_failed, 1, "the pause after a failed attempt is kept");
}

#[tokio::test(start_paused = true)]
async fn a_slow_agent_costs_a_call_exactly_the_deadline() {
    let (client, _ear) = in_memory(&deadline(5), WELCOME, |_: &Request| Deed::Nothing);
    let asked = Instant::now();
    let permit = client.acquire("payments").await.unwrap();
    assert_eq!(why(&permit), AskError::Late(Duration::from_millis(5)));
    assert!(asked.elapsed() >= Duration::from_millis(5) && asked.elapsed() <= Duration::from_millis(7));
    assert_eq!(client.counters().late, 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_connecting_and_the_hello() {
    let (mute, _ear) = in_memory(&deadline(5), Hello::Nothing, friendly);
    let never = Connector::new(std::future::pending::<std::io::Result<tokio::io::DuplexStream>>);
    for client in [mute, Client::connect_with(never, &deadline(5))] {
        let asked = Instant::now();
        assert!(matches!(why(&client.acquire("a").await.unwrap()), AskError::Late(_)));
        assert!(asked.elapsed() <= Duration::from_millis(7));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let asked = Instant::now();
        drop(client.acquire("a").await.unwrap());
        assert!(asked.elapsed() <= Duration::from_millis(7));
        assert!(client.counters().connects_failed >= 1, "a hello that never comes is given up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_too_late_is_given_back() {
    let (client, mut ear) = in_memory(&deadline(5), WELCOME, |request: &Request| match request {
        Request::Acquire { .. } => Deed::Later(Duration::from_millis(50), granted(9)),
        other => friendly(other),
    });
    assert!(matches!(why(&client.acquire("a").await.unwrap()), AskError::Late(_)));
    ear.next().await;
    assert_eq!(ear.next().await, Request::Cancel { permit: 9 });
    assert_eq!(client.counters().given_back, 1);
}

/// The grant is already in the asker's hands, not yet looked at, when the asker is dropped.
#[tokio::test]
async fn a_grant_handed_to_an_asker_who_has_just_gone_is_given_back() {
    let (client, mut ear) = in_memory(&deadline(5_000), WELCOME, friendly);
    let mut asking = Box::pin(client.acquire("a"));
    assert!(futures_util::poll!(asking.as_mut()).is_pending());
    assert!(matches!(ear.next().await, Request::Acquire { .. }));
    // A second question's answer comes after the first one's.
    client.acquire("b").await.unwrap().success();
    ear.next().await;
    drop(asking);
    assert!(matches!(ear.next().await, Request::Report { .. }));
    assert_eq!(ear.next().await, Request::Cancel { permit: 7 });
    assert_eq!(client.counters().given_back, 1);
}

#[tokio::test]
async fn an_agent_that_vanishes_in_mid_call_fails_open_and_loses_the_report() {
    let (client, mut ear) = in_memory(&deadline(5_000), WELCOME, |request: &Request| match request {
        Request::Acquire { service, .. } if service == "deadly" => Deed::HangUp,
        other => friendly(other),
    });
    let held = client.acquire("payments").await.unwrap();
    assert!(matches!(why(&client.acquire("deadly").await.unwrap()), AskError::NoAgent(_)));
    held.success();
    client.acquire("payments").await.unwrap().failure("connect");
    let heard = [ear.next().await, ear.next().await, ear.next().await, ear.next().await];
    assert!(matches!(heard[2], Request::Acquire { .. }), "the old report is not sent on the new connection");
    assert!(matches!(&heard[3], Request::Report { call, .. } if call.kind.as_deref() == Some("connect")));
    let counters = client.counters();
    assert_eq!((counters.connections, counters.reports_lost, counters.unguarded), (2, 1, 1));
}

#[tokio::test]
async fn a_full_agent_is_told_apart_from_none() {
    let (client, _ear) = in_memory(&deadline(5_000), Hello::Greeting(Greeting::Full), friendly);
    assert_eq!(why(&client.acquire("a").await.unwrap()), AskError::AgentFull);
}

/// Whether its hello got through or not, the client reads what the agent said before it closed.
#[tokio::test]
async fn an_agent_that_is_full_may_close_without_listening() {
    let path = unused_path();
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let agent = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(&Greeting::Full.to_hello()).await.unwrap();
        }
    });
    for _ in 0..50 {
        let client = Client::connect_with(Connector::path(&path), &deadline(5_000));
        assert_eq!(why(&client.acquire("a").await.unwrap()), AskError::AgentFull);
    }
    agent.abort();
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn an_agent_of_another_version_or_none_at_all_fails_open() {
    let strange = [
        Hello::Greeting(Greeting::NoCommonVersion { agent_max: 9 }),
        Hello::Greeting(Greeting::Welcome { version: VERSIONS.min - 1 }),
        Hello::Greeting(Greeting::Welcome { version: VERSIONS.max + 1 }),
        Hello::Bytes(b"BRKD\x01\x00\x09\x00"),
        Hello::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ];
    for hello in strange {
        let (client, _ear) = in_memory(&deadline(5_000), hello, friendly);
        assert!(matches!(why(&client.acquire("a").await.unwrap()), AskError::Protocol(_)));
        assert_eq!(client.counters().protocol_errors, 1);
    }
}

#[tokio::test]
async fn garbage_for_an_answer_fails_open_and_ends_the_connection() {
    let garbage: [&'static [u8]; 4] = [
        b"\xff\xff\xff\xff",
        b"\x01\x00\x01\x00",
        b"\x03\x00\x00\x00\xff\xff\xff",
        // A well-formed `Done`, to a question with id 200 that nobody asked.
        b"\x02\x00\x00\x00\xc8\x08",
    ];
    for bytes in garbage {
        let (client, _ear) = in_memory(&deadline(5_000), WELCOME, move |_: &Request| Deed::Bytes(bytes));
        assert!(matches!(why(&client.acquire("a").await.unwrap()), AskError::Protocol(_)), "{bytes:x?}");
        assert_eq!(client.counters().protocol_errors, 1);
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_or_a_failure_fails_open() {
    let failure = Failure { code: FailureCode::Busy, text: "busy".into() };
    for response in [Response::Done, Response::Failed(failure.clone())] {
        let (client, _ear) = in_memory(&deadline(5_000), WELCOME, move |_: &Request| Deed::Answer(response.clone()));
        let permit = client.acquire("a").await.unwrap();
        assert!(matches!(why(&permit), AskError::Protocol(_) | AskError::Failed(_)));
        assert_eq!(client.counters().unguarded, 1);
    }
}

#[tokio::test]
async fn a_client_finds_its_agent_again() {
    let path = unused_path();
    let client = Client::connect_with(Connector::path(&path), &deadline(5_000));
    for life in 1..=3 {
        let agent = OnSocket::start_at(path.clone(), WELCOME, friendly);
        let found = async {
            while client.acquire("a").await.unwrap().standing() != &Standing::Allowed {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap();
        assert_eq!(client.counters().connections, life);
        agent.die().await;
    }
}

/// Eight places in the queue, no task that empties it: the ninth question is answered at once.
#[tokio::test(start_paused = true)]
async fn a_full_queue_fails_open_at_once_and_drops_reports() {
    let connector = Connector::new(|| async { Ok(tokio::io::duplex(64).0) });
    let (client, _never_run) = Client::unspawned(connector, &Options { queue_max: 8, ..deadline(50) });
    let asked = Instant::now();
    let mut answers = join_all((0..9).map(|_| client.acquire("a"))).await;
    assert_eq!(why(&answers.pop().unwrap().unwrap()), AskError::QueueFull);
    for late in answers {
        assert!(matches!(why(&late.unwrap()), AskError::Late(_)));
    }
    assert!(asked.elapsed() <= Duration::from_millis(52));
    client.report_unasked("a", breaker_client::wire::CallReport::success());
    assert_eq!(client.counters().reports_lost, 1);
}

/// An agent that takes connections and never answers: at some point it is asked on a new connection.
#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_given_up_and_tried_again() {
    let (client, _ear) = in_memory(&deadline(5), WELCOME, |_: &Request| Deed::Nothing);
    for _ in 0..400 {
        drop(client.acquire("a").await.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let counters = client.counters();
    assert!(counters.connections >= 2, "{counters:?}");
    assert_eq!(counters.unguarded, 400);
}

#[tokio::test]
async fn a_question_too_large_for_a_frame_harms_nobody_else() {
    let (client, _ear) = in_memory(&deadline(5_000), WELCOME, friendly);
    let huge = "x".repeat(breaker_client::wire::FRAME_MAX);
    assert!(matches!(why(&client.acquire(&huge).await.unwrap()), AskError::TooLarge(_)));
    assert_eq!(client.acquire("a").await.unwrap().standing(), &Standing::Allowed);
    assert_eq!(client.counters().connections, 1);
}

#[tokio::test]
async fn reports_the_agent_does_not_take_are_counted() {
    let (client, mut ear) = in_memory(&deadline(5_000), WELCOME, |request: &Request| match request {
        Request::Acquire { .. } => Deed::Answer(granted(1)),
        _ => Deed::Answer(Response::Failed(Failure { code: FailureCode::UnknownPermit, text: String::new() })),
    });
    client.acquire("a").await.unwrap().success();
    ear.next().await;
    ear.next().await;
    client.acquire("a").await.unwrap().success();
    assert!(client.counters().reports_failed >= 1);
}

#[tokio::test]
async fn connecting_is_tried_once_for_all_who_wait() {
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&attempts);
    let connector = Connector::new(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::task::yield_now().await;
            Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into())
        }
    });
    let client = Client::connect_with(connector, &deadline(5_000));
    for permit in join_all((0..100).map(|_| client.acquire("a"))).await {
        assert!(matches!(why(&permit.unwrap()), AskError::NoAgent(_)));
    }
    assert_eq!(attempts.load(Ordering::Relaxed), 1);
}

/// 1,024 questions open on the connection and eight in the queue: one more finds no place.
#[tokio::test(start_paused = true)]
async fn at_the_limit_of_open_questions_the_queue_fills_and_the_next_goes_unguarded_at_once() {
    const OPEN_MAX: usize = 1_024;
    let options = Options { queue_max: 8, ..deadline(50) };
    let (client, mut ear) = in_memory(&options, WELCOME, |_: &Request| Deed::Nothing);
    let mut asking = Vec::new();
    for number in 0..OPEN_MAX {
        let mut one = Box::pin(client.acquire("a"));
        assert!(futures_util::poll!(one.as_mut()).is_pending(), "question {number}");
        asking.push(one);
        ear.next().await;
    }
    for _ in 0..8 {
        let mut one = Box::pin(client.acquire("a"));
        assert!(futures_util::poll!(one.as_mut()).is_pending());
        asking.push(one);
    }
    tokio::task::yield_now().await;
    assert_eq!(why(&client.acquire("a").await.unwrap()), AskError::QueueFull);
    for late in join_all(asking).await {
        assert!(matches!(why(&late.unwrap()), AskError::Late(_)));
    }
}

/// An agent that says hello and then never reads again.
#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_read_costs_each_call_its_deadline_at_most() {
    let connector = Connector::new(|| {
        let (ours, mut theirs) = tokio::io::duplex(64);
        tokio::spawn(async move {
            let mut offered = [0; 8];
            theirs.read_exact(&mut offered).await.unwrap();
            theirs.write_all(&Greeting::Welcome { version: VERSIONS.max }.to_hello()).await.unwrap();
            std::future::pending::<()>().await;
        });
        async { Ok(ours) }
    });
    let client = Client::connect_with(connector, &Options { queue_max: 8, ..deadline(5) });
    let long_name = "x".repeat(30_000);
    for _ in 0..50 {
        let asked = Instant::now();
        why(&client.acquire(&long_name).await.unwrap());
        assert!(asked.elapsed() <= Duration::from_millis(7));
    }
    assert_eq!(client.counters().unguarded, 50);
}

/// Any deadline is accepted; one that would pass the end of the clock counts as an hour.
#[tokio::test(start_paused = true)]
async fn the_longest_deadline_ends() {
    let options = Options { deadline: Duration::MAX, ..deadline(0) };
    let (client, _ear) = in_memory(&options, WELCOME, |_: &Request| Deed::Nothing);
    assert!(matches!(why(&client.acquire("a").await.unwrap()), AskError::Late(_) | AskError::NoAgent(_)));
}
