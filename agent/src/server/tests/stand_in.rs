//! The other two parties of a session: a driver that answers by rote and remembers its mail, and a client.
//!
//! The driver knows a few services by name: it never answers `silent`, drops the outbox for `goodbye`, and says too
//! much about `verbose`. Everything else is answered at once, a batch of answers for a batch of requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use breaker_client::wire::{
    ClientCodec, FailureCode, Greeting, HELLO_LEN, Hold, Permit, Receipt, Request, RequestFrame, Response,
    ResponseFrame, Standing, VERSIONS,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::codec::{Decoder, Encoder};
use tokio_util::sync::CancellationToken;

use crate::listener::Stream;
use crate::mail::{ConnectionId, MAILBOX_MAX, Mail};
use crate::session::Links;

/// A mail as the driver remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Connected(u64, Option<u32>),
    /// How many requests came in it.
    Asked(u64, usize),
    Gone(u64),
}

pub(crate) type Diary = watch::Receiver<Vec<Seen>>;

/// Links to a driver that runs for as long as the runtime.
pub(crate) fn stand_in() -> (Links, Diary) {
    let (mailbox, mails) = mpsc::channel(MAILBOX_MAX);
    let (diary, pages) = watch::channel(Vec::new());
    tokio::spawn(drive(mails, diary));
    (links(mailbox), pages)
}

pub(crate) fn links(mailbox: mpsc::Sender<Mail>) -> Links {
    Links { mailbox, counters: Arc::default(), shutdown: CancellationToken::new() }
}

async fn drive(mut mails: mpsc::Receiver<Mail>, diary: watch::Sender<Vec<Seen>>) {
    let mut outboxes = BTreeMap::new();
    while let Some(mail) = mails.recv().await {
        let seen = match mail {
            Mail::Connected { connection, uid, outbox } => {
                outboxes.insert(connection, outbox);
                Seen::Connected(connection.0, uid)
            }
            Mail::Asked { connection, frames } => {
                let seen = Seen::Asked(connection.0, frames.len());
                answer(&mut outboxes, connection, frames);
                seen
            }
            Mail::Gone { connection } => {
                outboxes.remove(&connection);
                Seen::Gone(connection.0)
            }
            _ => panic!("the socket edge sends no other mail"),
        };
        diary.send_modify(|pages| pages.push(seen));
    }
}

type Outboxes = BTreeMap<ConnectionId, mpsc::Sender<Vec<ResponseFrame>>>;

fn answer(outboxes: &mut Outboxes, connection: ConnectionId, frames: Vec<RequestFrame>) {
    let mut answers = Vec::new();
    for RequestFrame { id, request } in frames {
        match &request {
            Request::Query { service } if service == "silent" => {}
            Request::Query { service } if service == "goodbye" => drop(outboxes.remove(&connection)),
            _ => answers.push(ResponseFrame { id, response: rote(&request) }),
        }
    }
    if let Some(outbox) = outboxes.get(&connection) {
        outbox.try_send(answers).expect("the outbox has room for the answers of a client within its limits");
    }
}

fn rote(request: &Request) -> Response {
    match request {
        Request::Acquire { .. } => granted(),
        Request::Watch => Response::Watching,
        Request::Query { service } if service == "verbose" => {
            Response::Failed(breaker_client::wire::Failure { code: FailureCode::Busy, text: "x".repeat(70_000) })
        }
        Request::Report { .. } | Request::Cancel { .. } => Response::Reported(Receipt::default()),
        _ => Response::Done,
    }
}

pub(crate) fn granted() -> Response {
    Response::Granted(Permit { id: Some(7), standing: Standing::Allowed, lease_ms: 30_000, timeout_us: None })
}

pub(crate) fn acquire() -> Request {
    Request::Acquire { service: "payments".into(), timeout_us: None, hold: Hold::Connection }
}

pub(crate) fn query(service: &str) -> Request {
    Request::Query { service: service.into() }
}

/// One frame as bytes.
pub(crate) fn bytes(id: u32, request: Request) -> Vec<u8> {
    let mut encoded = BytesMut::new();
    ClientCodec::default().encode(&RequestFrame { id, request }, &mut encoded).unwrap();
    encoded.to_vec()
}

/// A client at the other end of a stream.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    read: BytesMut,
}

impl<S: Stream> Client<S> {
    /// Says hello and expects to be welcome.
    pub(crate) async fn welcome(stream: S) -> Self {
        let mut client = Self { stream, read: BytesMut::new() };
        client.write(&VERSIONS.to_hello()).await;
        assert_eq!(client.greeting().await, Greeting::Welcome { version: VERSIONS.max });
        client
    }

    pub(crate) async fn greeting(&mut self) -> Greeting {
        let mut hello = [0; HELLO_LEN];
        soon(self.stream.read_exact(&mut hello)).await.unwrap();
        Greeting::from_hello(hello).unwrap()
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, id: u32, request: Request) {
        self.write(&bytes(id, request)).await;
    }

    pub(crate) async fn answer(&mut self) -> ResponseFrame {
        soon(self.next_frame()).await.expect("the connection is open")
    }

    /// The ids of so many answers, in order of arrival.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.push(self.answer().await.id);
        }
        ids
    }

    /// Waits until the agent has closed the connection without another word.
    pub(crate) async fn closed(&mut self) {
        let last = soon(self.next_frame()).await;
        assert_eq!(last, None, "a word instead of the end");
    }

    /// The next answer; `None` when the connection has ended.
    pub(crate) async fn next_frame(&mut self) -> Option<ResponseFrame> {
        loop {
            if let Some(frame) = ClientCodec::default().decode(&mut self.read).unwrap() {
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

/// What should happen without any waiting to speak of. Under paused time it takes no time at all.
pub(crate) async fn soon<T>(wait: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), wait).await.expect("it happens soon")
}

/// Waits until the driver has seen `expected`, and nothing else.
pub(crate) async fn seen(diary: &mut Diary, expected: &[Seen]) {
    let pages = soon(diary.wait_for(|pages| pages.len() >= expected.len())).await.unwrap();
    assert_eq!(*pages, expected);
}
