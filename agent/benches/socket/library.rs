//! What an application pays: the client library's acquire, beside an exchange of the same sizes on a tokio stream.
//!
//! The report goes out on its way to the next acquire and nobody waits for it, as in an application; so the answers to
//! reports are part of what is measured. Sixty-four at once are sixty-four concurrent callers of one client.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use breaker_client::{Client, Connector, Options, Service, Standing};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::caller::Shape;

/// A caller on a runtime of its own.
pub(crate) struct Library<T> {
    runtime: Runtime,
    of: T,
}

/// A connection to the echo.
pub(crate) struct Line {
    stream: UnixStream,
    shape: Shape,
}

impl Library<Service> {
    pub(crate) fn of_agent(path: &Path) -> Self {
        let path: PathBuf = path.to_owned();
        on_runtime(async move {
            // Patient, so that a busy machine makes a slow figure and not a false one.
            let options = Options::with_deadline(Duration::from_secs(10));
            let connector = Connector::new(move || UnixStream::connect(path.clone()));
            Client::connect_with(connector, &options).service("payments/10.0.0.5:8080")
        })
    }

    pub(crate) fn acquires(&mut self, times: u64, at_once: usize) -> Duration {
        let service = &self.of;
        self.runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..times {
                let permits = join_all((0..at_once).map(|_| service.acquire())).await;
                for permit in permits.into_iter().map(|answer| answer.expect("all calls go well")) {
                    assert_eq!(*permit.standing(), Standing::Allowed);
                    permit.success();
                }
            }
            began.elapsed()
        })
    }
}

impl Library<Line> {
    pub(crate) fn of_echo(path: &Path, shape: Shape) -> Self {
        on_runtime(async move {
            let mut stream = UnixStream::connect(path).await.expect("the echo is there");
            stream.write_all(&shape.hello()).await.expect("the echo reads");
            stream.read_exact(&mut shape.hello()).await.expect("the echo answers");
            Line { stream, shape }
        })
    }

    pub(crate) fn echoes(&mut self, times: u64, at_once: usize) -> Duration {
        let Line { stream, shape } = &mut self.of;
        let (requests, answers_len) = shape.exchange(at_once);
        let mut answers = vec![0; answers_len];
        self.runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..times {
                stream.write_all(&requests).await.expect("the echo reads");
                stream.read_exact(&mut answers).await.expect("the echo answers");
            }
            began.elapsed()
        })
    }
}

fn on_runtime<T>(make: impl Future<Output = T>) -> Library<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let of = runtime.block_on(make);
    Library { runtime, of }
}
