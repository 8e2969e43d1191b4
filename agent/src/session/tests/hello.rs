//! How connections begin.

use std::time::Duration;

use breaker_client::wire::MAGIC;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::*;
use crate::server::tests::stand_in::{acquire, bytes, links};

async fn rest(stream: &mut End) -> Vec<u8> {
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
    rest
}

#[tokio::test(start_paused = true)]
async fn a_client_of_our_version_is_welcome_and_the_driver_hears_of_it_and_of_its_end() {
    let (client, served) = welcomed().await;
    drop(client);
    served.ended(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn hello_and_requests_may_come_in_one_write() {
    let (mut stream, served) = serve_with_room(ROOM);
    let all = [&VERSIONS.to_hello()[..], &bytes(1, acquire()), &bytes(2, acquire())].concat();
    stream.write_all(&all).await.unwrap();
    stream.shutdown().await.unwrap();
    let answers = rest(&mut stream).await;
    assert_eq!(answers[..HELLO_LEN], Greeting::Welcome { version: VERSIONS.max }.to_hello());
    assert!(answers.len() > HELLO_LEN);
    served.ended(&[Seen::Asked(1, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_range_that_reaches_beyond_ours_is_welcome_in_our_highest_version() {
    let (mut stream, _served) = serve_with_room(ROOM);
    stream.write_all(&VersionRange { min: VERSIONS.min, max: u16::MAX }.to_hello()).await.unwrap();
    let mut hello = [0; HELLO_LEN];
    soon(stream.read_exact(&mut hello)).await.unwrap();
    assert_eq!(Greeting::from_hello(hello).unwrap(), Greeting::Welcome { version: VERSIONS.max });
}

#[tokio::test(start_paused = true)]
async fn a_client_of_only_newer_versions_is_told_ours_and_closed() {
    let (mut stream, served) = serve_with_room(ROOM);
    let newer = VERSIONS.max + 1;
    stream.write_all(&VersionRange { min: newer, max: newer + 3 }.to_hello()).await.unwrap();
    let regret = Greeting::NoCommonVersion { agent_max: VERSIONS.max }.to_hello();
    assert_eq!(rest(&mut stream).await, regret);
    assert_eq!(served.counters().no_common_version.value(), 1);
    served.ended_unheard_of().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_not_a_hello_is_closed_without_a_word() {
    let upside_down = [&MAGIC[..], &9u16.to_le_bytes(), &1u16.to_le_bytes()].concat();
    for odd in [b"GET / HT".to_vec(), vec![0; HELLO_LEN], vec![0xff; HELLO_LEN], upside_down] {
        let (mut stream, served) = serve_with_room(ROOM);
        stream.write_all(&odd).await.unwrap();
        assert_eq!(rest(&mut stream).await, [0; 0], "{odd:?}");
        assert_eq!(served.counters().bad_hello.value(), 1);
        served.ended_unheard_of().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_before_the_end_of_its_hello_is_not_counted_as_odd() {
    for length in 0..HELLO_LEN {
        let (mut stream, served) = serve_with_room(ROOM);
        stream.write_all(&VERSIONS.to_hello()[..length]).await.unwrap();
        drop(stream);
        assert!(served.counters().iter().all(|(_, count)| count == 0));
        served.ended_unheard_of().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hello_may_dribble_in_up_to_its_deadline() {
    let (mut stream, _served) = serve_with_room(ROOM);
    let hello = VERSIONS.to_hello();
    for byte in &hello[..HELLO_LEN - 1] {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    sleep(HELLO_MAX - Duration::from_millis(1)).await;
    stream.write_all(&hello[HELLO_LEN - 1..]).await.unwrap();
    let mut hello = [0; HELLO_LEN];
    soon(stream.read_exact(&mut hello)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_is_not_finished_at_its_deadline_ends_the_connection() {
    let begun = Instant::now();
    let (mut stream, served) = serve_with_room(ROOM);
    stream.write_all(&VERSIONS.to_hello()[..HELLO_LEN - 1]).await.unwrap();
    assert_eq!(rest(&mut stream).await, [0; 0]);
    let took = begun.elapsed();
    assert!(took >= HELLO_MAX && took < HELLO_MAX + Duration::from_millis(3), "{took:?}");
    assert_eq!(served.counters().hello_timeouts.value(), 1);
    served.ended_unheard_of().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_driver_nobody_is_welcome() {
    let (mailbox, mails) = mpsc::channel(1);
    drop(mails);
    let (mut stream, served) = serve_with_links(ROOM, links(mailbox));
    stream.write_all(&VERSIONS.to_hello()).await.unwrap();
    assert_eq!(rest(&mut stream).await, [0; 0]);
    soon(served.session).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_stops_waits_for_no_hello() {
    let (mut stream, served) = serve_with_room(ROOM);
    stream.write_all(&VERSIONS.to_hello()[..3]).await.unwrap();
    let begun = Instant::now();
    served.links.shutdown.cancel();
    assert_eq!(rest(&mut stream).await, [0; 0]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    served.ended_unheard_of().await;
}
