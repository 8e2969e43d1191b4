//! Sessions over in-memory streams, in paused time.

mod hello;
mod limits;
mod requests;

use std::sync::Arc;

use tokio::io::{DuplexStream, Join, join};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::server::tests::stand_in::{Client, Diary, Seen, seen, soon, stand_in};

/// A session with the stand-in driver behind it.
struct Served {
    links: Links,
    diary: Diary,
    cut: CancellationToken,
    session: JoinHandle<()>,
}

/// One end of a connection: reads from the first, writes to the second.
type End = Join<DuplexStream, DuplexStream>;

/// A connection that holds [`ROOM`] bytes of requests and `room` bytes of answers; the client's end comes first.
fn connection(room: usize) -> (End, End) {
    let (request_sink, requests) = tokio::io::duplex(ROOM);
    let (answer_sink, answers) = tokio::io::duplex(room);
    (join(answers, request_sink), join(requests, answer_sink))
}

/// Serves one end of a connection that holds `room` bytes of answers, with the stand-in driver behind it.
fn serve_with_room(room: usize) -> (End, Served) {
    let (links, diary) = stand_in();
    let (theirs, served) = serve_with_links(room, links);
    (theirs, Served { diary, ..served })
}

/// Serves one end of a connection that holds `room` bytes of answers; whoever made the links is the driver.
fn serve_with_links(room: usize, links: Links) -> (End, Served) {
    let (theirs, ours) = connection(room);
    let cut = CancellationToken::new();
    let caller = Caller { connection: ConnectionId(1), uid: Some(1_000) };
    let session = tokio::spawn(serve(ours, caller, links.clone(), cut.clone()));
    let (_, diary) = tokio::sync::watch::channel(Vec::new());
    (theirs, Served { links, diary, cut, session })
}

async fn welcomed() -> (Client<End>, Served) {
    let (stream, served) = serve_with_room(ROOM);
    (Client::welcome(stream).await, served)
}

impl Served {
    fn counters(&self) -> Arc<ServerCounters> {
        Arc::clone(&self.links.counters)
    }

    /// Waits for the session's end and checks what the driver saw of it.
    async fn ended(self, between: &[Seen]) {
        let Self { mut diary, session, .. } = self;
        soon(session).await.expect("the session did not panic");
        let mut expected = vec![Seen::Connected(1, Some(1_000))];
        expected.extend_from_slice(between);
        expected.push(Seen::Gone(1));
        seen(&mut diary, &expected).await;
    }

    /// Waits for the end of a session of which the driver never heard.
    async fn ended_unheard_of(self) {
        soon(self.session).await.expect("the session did not panic");
        assert_eq!(*self.diary.borrow(), []);
    }
}

/// More than any test leaves unread by accident.
const ROOM: usize = 1 << 20;
