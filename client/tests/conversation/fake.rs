//! A fake agent: a closure answers each request, and every request it heard can be waited for.
//!
//! It uses the agent's side of the real codec, over an in-memory stream (for paused time) or a real socket (for real
//! processes). It has no breaker: what it says is the test's decision, one [`Deed`] per request, and what it says first on
//! a connection is a [`Hello`].

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use breaker_client::wire::{
    AgentCodec, Evidence, Greeting, HELLO_LEN, Permit, Reason, Receipt, Rejection, Request, Response, ResponseFrame,
    Standing, State, VERSIONS, VersionRange,
};
use breaker_client::{Client, Connector, Options};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::Framed;

/// What the fake does with a request.
pub(crate) enum Deed {
    Answer(Response),
    /// Answers so many times and closes.
    ManyThenHangUp(Vec<Response>),
    /// Answers after that long.
    Later(Duration, Response),
    Nothing,
    HangUp,
    Bytes(&'static [u8]),
}

/// What the fake says first on a connection.
#[derive(Clone, Copy)]
pub(crate) enum Hello {
    Greeting(Greeting),
    Bytes(&'static [u8]),
    Nothing,
}

pub(crate) const WELCOME: Hello = Hello::Greeting(Greeting::Welcome { version: VERSIONS.max });

/// Hears what a fake was asked.
pub(crate) struct Ear(mpsc::UnboundedReceiver<Request>);

impl Ear {
    /// The next request, within ten seconds.
    pub(crate) async fn next(&mut self) -> Request {
        let heard = timeout(PATIENCE, self.0.recv()).await;
        heard.expect("the fake agent was asked nothing in time").expect("the fake agent has ended")
    }
}

/// A client and a fake agent joined by in-memory streams; one `Hello` and one closure for all connections.
pub(crate) fn in_memory<F>(options: &Options, hello: Hello, answer: F) -> (Client, Ear)
where
    F: FnMut(&Request) -> Deed + Clone + Send + Sync + 'static,
{
    let (heard, ear) = mpsc::unbounded_channel();
    let connector = Connector::new(move || {
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        tokio::spawn(serve(theirs, hello, answer.clone(), heard.clone()));
        async { Ok(ours) }
    });
    (Client::connect_with(connector, options), Ear(ear))
}

/// A fake agent on a real socket.
pub(crate) struct OnSocket {
    pub(crate) path: PathBuf,
    pub(crate) ear: Ear,
    task: tokio::task::JoinHandle<()>,
}

impl OnSocket {
    pub(crate) fn start<F>(answer: F) -> Self
    where
        F: FnMut(&Request) -> Deed + Clone + Send + Sync + 'static,
    {
        Self::start_at(unused_path(), WELCOME, answer)
    }

    pub(crate) fn start_at<F>(path: PathBuf, hello: Hello, answer: F) -> Self
    where
        F: FnMut(&Request) -> Deed + Clone + Send + Sync + 'static,
    {
        let listener = UnixListener::bind(&path).expect("the path is free");
        let (heard, ear) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, hello, answer.clone(), heard.clone()));
            }
        });
        Self { path, ear: Ear(ear), task }
    }

    /// Ends with all its connections.
    pub(crate) async fn die(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for OnSocket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A path for a socket where nothing is.
pub(crate) fn unused_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("breaker-client-{}-{number}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

async fn serve<S, F>(mut stream: S, hello: Hello, mut answer: F, heard: mpsc::UnboundedSender<Request>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnMut(&Request) -> Deed,
{
    let mut offered = [0; HELLO_LEN];
    if stream.read_exact(&mut offered).await.is_err() {
        return;
    }
    assert_eq!(VersionRange::from_hello(offered).expect("the client says hello"), VERSIONS);
    match hello {
        Hello::Nothing => std::future::pending().await,
        Hello::Bytes(bytes) => stream.write_all(bytes).await.expect("the client listens"),
        Hello::Greeting(greeting) => stream.write_all(&greeting.to_hello()).await.expect("the client listens"),
    }
    if !matches!(hello, Hello::Greeting(Greeting::Welcome { .. })) {
        return;
    }
    let mut frames = Framed::new(stream, AgentCodec::default());
    while let Some(Ok(frame)) = frames.next().await {
        let deed = answer(&frame.request);
        let _ = heard.send(frame.request);
        let response = match deed {
            Deed::Answer(response) => response,
            Deed::ManyThenHangUp(responses) => {
                for response in responses {
                    let _ = frames.send(&ResponseFrame { id: frame.id, response }).await;
                }
                return;
            }
            Deed::Later(wait, response) => {
                tokio::time::sleep(wait).await;
                response
            }
            Deed::Nothing => continue,
            Deed::HangUp => return,
            Deed::Bytes(bytes) => {
                let _ = frames.get_mut().write_all(bytes).await;
                continue;
            }
        };
        if frames.send(&ResponseFrame { id: frame.id, response }).await.is_err() {
            return;
        }
    }
}

pub(crate) fn granted(id: u64) -> Response {
    Response::Granted(Permit { id: Some(id), standing: Standing::Allowed, lease_ms: 30_000, timeout_us: None })
}

pub(crate) fn rejected(service: &str) -> Response {
    Response::Rejected(rejection(service))
}

pub(crate) fn rejection(service: &str) -> Rejection {
    Rejection {
        service: service.into(),
        state: State::Open,
        reason: Reason { code: "failure_rate".into(), text: "failure rate 60 % >= 50 % (12 of 20 calls)".into() },
        evidence: Evidence::Own,
        retry_after_ms: Some(12_500),
        number: None,
        judged: None,
    }
}

/// Grants everything with permit 7, counts every report.
pub(crate) fn friendly(request: &Request) -> Deed {
    Deed::Answer(match request {
        Request::Acquire { .. } => granted(7),
        _ => Response::Reported(Receipt { counted: 1, ..Receipt::default() }),
    })
}

/// Enough for the slowest machine; only a broken test waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
