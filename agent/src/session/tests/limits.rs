//! Time limits, slow clients, and what becomes of a session that dies.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use breaker_client::wire::{Event, Request, Response, ResponseFrame};
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

use super::*;
use crate::mail::{EVENTS_MAX, IN_FLIGHT_MAX};
use crate::server::tests::stand_in::{acquire, bytes, granted, links, query};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_just_within_the_idle_limit_stays() {
    let (mut client, served) = welcomed().await;
    for id in 0..3 {
        sleep(IDLE_MAX - MS).await;
        client.send(id, acquire()).await;
        assert_eq!(client.ids(1).await, [id]);
    }
    assert_eq!(served.counters().closed_idle.value(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_for_too_long_is_closed() {
    let (mut client, served) = welcomed().await;
    sleep(IDLE_MAX / 2).await;
    client.send(1, acquire()).await;
    assert_eq!(client.ids(1).await, [1]);
    let asked = Instant::now();
    assert_eq!(client.next_frame().await, None);
    let took = asked.elapsed();
    assert!(took >= IDLE_MAX && took <= IDLE_MAX + 2 * MS, "{took:?}");
    assert_eq!(served.counters().closed_idle.value(), 1);
    served.ended(&[Seen::Asked(1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_never_make_a_request_do_not_keep_a_connection_alive() {
    let (mut client, served) = welcomed().await;
    let mut closed = false;
    for byte in [250, 0, 0, 0].into_iter().chain([0; 240]) {
        closed = closed || client.stream.write_all(&[byte]).await.is_err();
        sleep(IDLE_MAX / 100).await;
    }
    assert!(closed);
    assert_eq!(served.counters().closed_idle.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_never_idle() {
    let (mut client, served) = welcomed().await;
    client.send(1, Request::Watch).await;
    assert_eq!(client.answer().await, ResponseFrame { id: 1, response: Response::Watching });
    sleep(IDLE_MAX * 5).await;
    client.send(2, acquire()).await;
    assert_eq!(client.ids(1).await, [2]);
    assert_eq!(served.counters().closed_idle.value(), 0);
}

/// The stream holds 16 bytes, so that the answers do not fit.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answers_is_cut_off() {
    let (stream, served) = serve_with_room(16);
    let mut client = Client::welcome(stream).await;
    client.write(&[bytes(1, acquire()), bytes(2, acquire())].concat()).await;
    let asked = Instant::now();
    let counters = served.counters();
    served.ended(&[Seen::Asked(1, 2)]).await;
    let took = asked.elapsed();
    assert!(took >= WRITE_STALL_MAX && took <= WRITE_STALL_MAX + 2 * MS, "{took:?}");
    assert_eq!(counters.cut_off_slow.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_its_answers_just_in_time_stays() {
    let (stream, served) = serve_with_room(16);
    let mut client = Client::welcome(stream).await;
    for id in 0..3 {
        client.write(&[bytes(id, acquire()), bytes(id, acquire())].concat()).await;
        sleep(WRITE_STALL_MAX - 2 * MS).await;
        assert_eq!(client.ids(2).await, [id, id]);
    }
    assert_eq!(served.counters().cut_off_slow.value(), 0);
}

#[tokio::test(start_paused = true)]
async fn taking_a_byte_now_and_then_is_not_taking_the_answers() {
    let (stream, served) = serve_with_room(16);
    let mut client = Client::welcome(stream).await;
    client.write(&bytes(1, acquire()).repeat(3)).await;
    let dribble = async {
        while client.stream.read_u8().await.is_ok() {
            sleep(WRITE_STALL_MAX / 4).await;
        }
    };
    soon(dribble).await;
    assert_eq!(served.counters().cut_off_slow.value(), 1);
}

/// The client does not read, so that nothing leaves the outbox but what the session takes out to write.
#[tokio::test(start_paused = true)]
async fn an_outbox_holds_all_answers_beside_all_events() {
    let (mailbox, mut mails) = mpsc::channel(4);
    let (stream, _served) = serve_with_links(16, links(mailbox));
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    let Some(Mail::Connected { outbox, .. }) = connected else { panic!() };
    let requests = bytes(0, Request::Cancel { permit: 1 }).repeat(IN_FLIGHT_MAX);
    client.write(&requests).await;
    assert!(matches!(soon(mails.recv()).await, Some(Mail::Asked { .. })));

    let event = || ResponseFrame { id: 1, response: Response::Event(Event::Missed { events: 3 }) };
    let mut events = 0;
    while outbox.capacity() > IN_FLIGHT_MAX {
        outbox.try_send(vec![event()]).unwrap();
        events += 1;
    }
    assert_eq!(events, EVENTS_MAX);
    for _ in 0..IN_FLIGHT_MAX {
        outbox.try_send(vec![ResponseFrame { id: 0, response: granted() }]).unwrap();
    }
    outbox.try_send(vec![event()]).expect_err("it is full now");
}

#[tokio::test(start_paused = true)]
async fn a_stopping_agent_answers_what_it_has_read_and_reads_no_more() {
    let (mailbox, mut mails) = mpsc::channel(4);
    let (stream, served) = serve_with_links(ROOM, links(mailbox));
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    let Some(Mail::Connected { outbox, .. }) = connected else { panic!() };
    client.send(1, acquire()).await;
    soon(mails.recv()).await.unwrap();

    served.links.shutdown.cancel();
    client.send(2, acquire()).await;
    outbox.try_send(vec![ResponseFrame { id: 1, response: granted() }]).unwrap();
    assert_eq!(client.ids(1).await, [1]);
    client.closed().await;
    assert!(matches!(soon(mails.recv()).await, Some(Mail::Gone { .. })));
    soon(served.session).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stopping_agent_says_goodbye_to_those_who_wait_for_nothing() {
    let (mut client, served) = welcomed().await;
    client.send(1, Request::Watch).await;
    client.answer().await;
    served.links.shutdown.cancel();
    client.closed().await;
    served.ended(&[Seen::Asked(1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_driver_is_cut_off_by_the_idle_limit() {
    let (mut client, served) = welcomed().await;
    client.send(1, query("silent")).await;
    assert_eq!(client.next_frame().await, None);
    served.ended(&[Seen::Asked(1, 1)]).await;
}

/// A stream that works for as long as the hello, then shows us a bug of our own.
struct Trap(End, usize);

impl AsyncRead for Trap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        assert!(self.1 > 0, "the trap snaps: this panic belongs to the test");
        let before = buf.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1 = self.1.saturating_sub(buf.filled().len() - before);
        read
    }
}

impl AsyncWrite for Trap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_panics_tells_the_driver_that_it_is_gone_and_then_dies_of_it() {
    let (links, mut diary) = stand_in();
    let (theirs, ours) = connection(ROOM);
    let caller = Caller { connection: ConnectionId(1), uid: None };
    let session = tokio::spawn(serve(Trap(ours, HELLO_LEN), caller, links, CancellationToken::new()));
    let mut client = Client::welcome(theirs).await;
    client.closed().await;
    assert!(soon(session).await.unwrap_err().is_panic());
    seen(&mut diary, &[Seen::Connected(1, None), Seen::Gone(1)]).await;
}
