//! Takes connections from the listener, numbers them, and keeps a task for each until it ends.
//!
//! The accept loop decides two things only: whether one more connection fits, and when to stop. It never waits for a
//! client: whoever is one too many is told so with eight bytes that a fresh socket always takes, or with silence.
//! When accepting fails (mostly for want of file descriptors) the next attempt waits a moment, because the connection
//! that could not be taken is still there, and trying at once would spin.
//!
//! **Invariant:** no session outlives `run`, and none dies unnoticed.

use std::io;
use std::time::Duration;

use breaker_client::wire::Greeting;
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::listener::{Listener, Stream};
use crate::mail::{ConnectionId, MAILBOX_MAX};
use crate::server_counters::ServerCounters;
use crate::session::{self, Caller, Links};

/// Serves every connection that the listener hands out, until `links.shutdown` says stop.
///
/// Then it closes the listener, lets the sessions answer what they have read for at most [`DRAIN_MAX`], and cuts off
/// the rest.
pub async fn run<L: Listener>(listener: L, links: Links) {
    let mut server = Server { links, cut: CancellationToken::new(), sessions: JoinSet::new(), arrivals: 0 };
    server.accept_until_shutdown(listener).await;
    server.drain().await;
}

struct Server {
    links: Links,
    /// Ends the sessions that did not end by themselves.
    cut: CancellationToken,
    sessions: JoinSet<()>,
    /// Connections served so far; the next one's number.
    arrivals: u64,
}

impl Server {
    async fn accept_until_shutdown<L: Listener>(&mut self, mut listener: L) {
        let mut pause_until = None;
        loop {
            // The end comes first; ended sessions make room before the next connection is judged.
            tokio::select! {
                biased;
                () = self.links.shutdown.cancelled() => return,
                Some(ended) = self.sessions.join_next() => notice(ended, &self.links.counters),
                accepted = accept(&mut listener, pause_until) => match accepted {
                    Ok((stream, uid)) => {
                        pause_until = None;
                        self.admit(stream, uid);
                    }
                    Err(error) => {
                        self.links.counters.accept_errors.one();
                        if pause_until.is_none() {
                            tracing::warn!(%error, "cannot accept connections; trying again");
                        }
                        pause_until = Some(Instant::now() + ACCEPT_PAUSE);
                    }
                },
            }
        }
    }

    fn admit<S: Stream>(&mut self, stream: S, uid: Option<u32>) {
        self.links.counters.accepted.one();
        if self.sessions.len() >= CONNECTIONS_MAX {
            self.links.counters.refused_full.one();
            return refuse(stream);
        }
        let caller = Caller { connection: ConnectionId(self.arrivals), uid };
        self.arrivals += 1;
        self.sessions.spawn(session::serve(stream, caller, self.links.clone(), self.cut.clone()));
    }

    async fn drain(mut self) {
        if timeout(DRAIN_MAX, self.join_all()).await.is_ok() {
            return;
        }
        self.cut.cancel();
        if timeout(CUT_MAX, self.join_all()).await.is_err() {
            // The driver does not take their last mail; it will not miss it.
            self.sessions.shutdown().await;
        }
    }

    async fn join_all(&mut self) {
        while let Some(ended) = self.sessions.join_next().await {
            notice(ended, &self.links.counters);
        }
    }
}

async fn accept<L: Listener>(listener: &mut L, not_before: Option<Instant>) -> io::Result<(L::Stream, Option<u32>)> {
    if let Some(moment) = not_before {
        sleep_until(moment).await;
    }
    listener.accept().await
}

fn refuse<S: Stream>(mut stream: S) {
    // One attempt, no waiting: a fresh socket has room for eight bytes.
    stream.write_all(&Greeting::Full.to_hello()).now_or_never();
}

fn notice(ended: Result<(), JoinError>, counters: &ServerCounters) {
    if let Err(error) = ended
        && error.is_panic()
    {
        counters.panicked.one();
        tracing::error!(%error, "a session died of a bug; its connection was closed, the agent goes on");
    }
}

/// Most connections served at once: a host runs a few hundred processes that call services, each needs one, and what
/// a connection can make the agent keep (a frame, a batch, a page of answers) stays bearable times so many.
pub const CONNECTIONS_MAX: usize = 1_024;

const _: () = assert!(MAILBOX_MAX >= CONNECTIONS_MAX, "every connection may have a batch with the driver");

/// Longest time sessions may take to answer what they have read when the agent stops: the agent must be gone within
/// 5 s, and its farewell to the peers comes out of the same time.
pub const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Longest time that cut-off sessions may take to tell the driver.
const CUT_MAX: Duration = Duration::from_millis(500);

/// Between a failed attempt to accept and the next: ten a second cost nothing, and nobody waits long once descriptors
/// are free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
pub(crate) mod tests;
