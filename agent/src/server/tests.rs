//! The server over an in-memory listener in paused time, and once over a real socket.

pub(crate) mod stand_in;

use std::pin::Pin;
use std::task::{Context, Poll};

use breaker_client::wire::{Request, VERSIONS};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::stand_in::{Client, Seen, acquire, bytes, links, query, seen, soon, stand_in};
use super::*;
use crate::listener::{Access, UnixSocket};
use crate::mail::Mail;
use crate::session::WRITE_STALL_MAX;
use crate::socket_path::Place;

type Arrival = io::Result<(Box<dyn Wire>, Option<u32>)>;

/// Any stream at all, so that one listener can hand out good ones and bad ones.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// Connections that the test makes, and failures to accept one.
struct Arrivals(mpsc::UnboundedReceiver<Arrival>);

impl Listener for Arrivals {
    type Stream = Box<dyn Wire>;

    async fn accept(&mut self) -> Arrival {
        match self.0.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

/// A running server and the other end of its listener.
struct Running {
    links: Links,
    arrivals: mpsc::UnboundedSender<Arrival>,
    server: JoinHandle<()>,
}

fn start(links: Links) -> Running {
    let (arrivals, listener) = mpsc::unbounded_channel();
    let server = tokio::spawn(run(Arrivals(listener), links.clone()));
    Running { links, arrivals, server }
}

impl Running {
    fn connect(&self) -> DuplexStream {
        self.connect_with_room(1 << 16)
    }

    fn connect_with_room(&self, room: usize) -> DuplexStream {
        let (theirs, ours) = tokio::io::duplex(room);
        self.arrive(Ok((Box::new(ours), Some(1_000))));
        theirs
    }

    fn arrive(&self, arrival: Arrival) {
        self.arrivals.send(arrival).expect("the server takes connections");
    }
}

async fn greeted(mut stream: DuplexStream) -> Greeting {
    stream.write_all(&VERSIONS.to_hello()).await.ok();
    let mut hello = [0; 8];
    soon(stream.read_exact(&mut hello)).await.unwrap();
    Greeting::from_hello(hello).unwrap()
}

#[tokio::test(start_paused = true)]
async fn connections_are_numbered_in_order_and_no_number_is_used_twice() {
    let (links, mut diary) = stand_in();
    let running = start(links);
    let mut expected = Vec::new();
    for number in 0..3 {
        drop(Client::welcome(running.connect()).await);
        expected.extend([Seen::Connected(number, Some(1_000)), Seen::Gone(number)]);
        seen(&mut diary, &expected).await;
    }
    assert_eq!(running.links.counters.accepted.value(), 3);
}

#[tokio::test(start_paused = true)]
async fn as_many_connections_as_allowed_are_welcome_and_one_more_is_told_that_the_agent_is_full() {
    let (links, _diary) = stand_in();
    let running = start(links);
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        clients.push(Client::welcome(running.connect()).await);
    }
    assert_eq!(greeted(running.connect()).await, Greeting::Full);
    assert_eq!(running.links.counters.refused_full.value(), 1);

    // Whoever is in goes on undisturbed, and whoever leaves makes room.
    clients[CONNECTIONS_MAX / 2].send(1, acquire()).await;
    assert_eq!(clients[CONNECTIONS_MAX / 2].ids(1).await, [1]);
    clients.pop();
    tokio::time::sleep(Duration::from_millis(1)).await;
    clients.push(Client::welcome(running.connect()).await);
    assert_eq!(greeted(running.connect()).await, Greeting::Full);
    assert_eq!(running.links.counters.accepted.value(), CONNECTIONS_MAX as u64 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_tried_again_but_not_in_a_spin() {
    let (links, _diary) = stand_in();
    let running = start(links);
    let begun = Instant::now();
    for _ in 0..10 {
        running.arrive(Err(io::Error::from_raw_os_error(24)));
    }
    let _client = Client::welcome(running.connect()).await;
    assert_eq!(begun.elapsed().as_millis().div_ceil(ACCEPT_PAUSE.as_millis()), 10);
    assert_eq!(running.links.counters.accept_errors.value(), 10);

    // Once it works again it works at once.
    let healed = Instant::now();
    let _another = Client::welcome(running.connect()).await;
    assert_eq!(healed.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_failing_listener_does_not_keep_the_server_from_its_sessions_or_its_end() {
    let (links, mut diary) = stand_in();
    let running = start(links);
    let client = Client::welcome(running.connect()).await;
    running.arrive(Err(io::Error::from_raw_os_error(24)));
    drop(client);
    seen(&mut diary, &[Seen::Connected(0, Some(1_000)), Seen::Gone(0)]).await;
    running.links.shutdown.cancel();
    soon(running.server).await.unwrap();
}

/// A stream with a bug: it panics when it is read for the first time.
struct Trap;

impl AsyncRead for Trap {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("the trap snaps: this panic belongs to the test");
    }
}

impl AsyncWrite for Trap {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_dies_of_a_bug_is_counted_and_disturbs_nobody() {
    let (links, _diary) = stand_in();
    let running = start(links);
    let mut client = Client::welcome(running.connect()).await;
    running.arrive(Ok((Box::new(Trap), None)));
    let _after = Client::welcome(running.connect()).await;
    client.send(1, acquire()).await;
    assert_eq!(client.ids(1).await, [1]);
    assert_eq!(running.links.counters.panicked.value(), 1);
}

/// Under paused time a wait for the stuck client would show as time passed.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answers_slows_no_other() {
    let (links, _diary) = stand_in();
    let running = start(links);
    let mut stuck = Client::welcome(running.connect_with_room(16)).await;
    let mut other = Client::welcome(running.connect()).await;
    for id in 0..4 {
        stuck.send(id, Request::Cancel { permit: 1 }).await;
    }
    for id in 0..100 {
        let asked = Instant::now();
        other.send(id, acquire()).await;
        assert_eq!(other.ids(1).await, [id]);
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }
    tokio::time::sleep(WRITE_STALL_MAX + Duration::from_millis(2)).await;
    assert_eq!(running.links.counters.cut_off_slow.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_takes_nobody_more_and_ends_when_its_sessions_have_answered() {
    let (links, mut diary) = stand_in();
    let running = start(links);
    let mut client = Client::welcome(running.connect()).await;
    let mut watcher = Client::welcome(running.connect()).await;
    watcher.send(1, Request::Watch).await;
    watcher.answer().await;
    client.send(1, acquire()).await;
    seen(
        &mut diary,
        &[Seen::Connected(0, Some(1_000)), Seen::Connected(1, Some(1_000)), Seen::Asked(1, 1), Seen::Asked(0, 1)],
    )
    .await;
    let stopped = Instant::now();
    running.links.shutdown.cancel();
    assert_eq!(client.ids(1).await, [1]);
    client.closed().await;
    watcher.closed().await;
    soon(running.server).await.unwrap();
    assert_eq!(stopped.elapsed(), Duration::ZERO);
    assert!(running.arrivals.is_closed(), "the listener is still there");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_an_answer_in_vain_is_cut_off_and_the_driver_told() {
    let (links, mut diary) = stand_in();
    let running = start(links);
    let mut client = Client::welcome(running.connect()).await;
    client.send(1, query("silent")).await;
    let until_asked = [Seen::Connected(0, Some(1_000)), Seen::Asked(0, 1)];
    seen(&mut diary, &until_asked).await;
    let stopped = Instant::now();
    running.links.shutdown.cancel();
    client.closed().await;
    soon(running.server).await.unwrap();
    let took = stopped.elapsed();
    assert!(took >= DRAIN_MAX && took < DRAIN_MAX + Duration::from_millis(3), "{took:?}");
    seen(&mut diary, &[&until_asked[..], &[Seen::Gone(0)]].concat()).await;
}

/// The driver takes the first mail only.
#[tokio::test(start_paused = true)]
async fn a_driver_that_takes_no_more_mail_cannot_keep_the_server_from_stopping() {
    let (mailbox, mut mails) = mpsc::channel(1);
    let running = start(links(mailbox));
    let stream = running.connect();
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    assert!(matches!(connected, Some(Mail::Connected { .. })));
    client.send(1, acquire()).await;
    soon(async {
        while mails.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let stopped = Instant::now();
    running.links.shutdown.cancel();
    soon(running.server).await.unwrap();
    assert!(stopped.elapsed() <= DRAIN_MAX + CUT_MAX + Duration::from_millis(3), "{:?}", stopped.elapsed());
}

/// Ten thousand connections that send nonsense in three flavours, and one that is served all the while.
#[tokio::test]
async fn a_well_formed_client_is_answered_throughout_ten_thousand_malformed_ones() {
    let (links, mut diary) = stand_in();
    let path = std::env::temp_dir().join(format!("breakerd-server-{}.sock", std::process::id()));
    let socket =
        UnixSocket::bind(&Place::given(path.clone()), Access { mode: 0o600, owner: None, group: None }).unwrap();
    let server = tokio::spawn(run(socket, links.clone()));
    let mut client = Client::welcome(tokio::net::UnixStream::connect(&path).await.unwrap()).await;

    let mut welcomed = 1;
    for round in 0..10_000_u32 {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        let nonsense: &[u8] = match round % 3 {
            0 => &[0xff; 40],
            1 => &[&VERSIONS.to_hello()[..], &[0xff; 40]].concat(),
            _ => &[&VERSIONS.to_hello()[..], &bytes(1, acquire())[..9]].concat(),
        };
        welcomed += u64::from(round % 3 > 0);
        stream.write_all(nonsense).await.unwrap();
        if round % 3 == 1 {
            // Whoever stays to the end is sure to be read to the end; it may be told so by a reset.
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
        drop(stream);
        if round % 100 == 0 {
            client.send(round, acquire()).await;
            assert_eq!(client.ids(1).await, [round]);
        }
    }
    drop(client);
    soon(diary.wait_for(|pages| gone(pages) == welcomed)).await.unwrap();
    assert_eq!(links.counters.accepted.value(), 10_001);
    assert_eq!(links.counters.bad_hello.value(), 3_334);
    assert_eq!(links.counters.malformed.value(), 3_333);
    links.shutdown.cancel();
    soon(server).await.unwrap();
    assert!(!path.exists());
    std::fs::remove_file(path.with_extension("sock.lock")).unwrap();
}

fn gone(pages: &[Seen]) -> u64 {
    pages.iter().filter(|page| matches!(page, Seen::Gone(_))).count() as u64
}
