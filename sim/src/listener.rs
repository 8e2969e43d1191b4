//! Applications and their agent, joined in memory: the agent's [`Listener`], and a [`Connector`] for its clients.
//!
//! turmoil knows no Unix sockets, and applications share a host with their agent, so their bytes cross no network. What
//! flows is the real protocol; only who is at the other end is said by the simulation instead of the kernel.

use std::future::pending;
use std::io;

use breaker_agent::listener::Listener;
use breaker_client::Connector;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// Hands connections to an agent.
pub struct MemoryListener {
    arriving: mpsc::Receiver<(DuplexStream, Option<u32>)>,
}

/// Connects applications to an agent.
#[derive(Clone, Debug)]
pub struct Dialer {
    arrivals: mpsc::Sender<(DuplexStream, Option<u32>)>,
}

/// A listener and what reaches it.
#[must_use]
pub fn in_memory() -> (MemoryListener, Dialer) {
    let (arrivals, arriving) = mpsc::channel(BACKLOG_MAX);
    (MemoryListener { arriving }, Dialer { arrivals })
}

impl Dialer {
    /// For clients of this user, or of nobody.
    #[must_use]
    pub fn connector(&self, user: Option<u32>) -> Connector {
        let arrivals = self.arrivals.clone();
        Connector::new(move || {
            let (near, far) = duplex(STREAM_BYTES_MAX);
            let sent = arrivals.try_send((far, user));
            async move { sent.map(|()| near).map_err(|_full_or_gone| io::ErrorKind::ConnectionRefused.into()) }
        })
    }
}

impl Listener for MemoryListener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Option<u32>)> {
        match self.arriving.recv().await {
            Some(arrival) => Ok(arrival),
            None => pending().await,
        }
    }
}

/// Connections that wait to be accepted: the backlog a Unix socket usually has.
const BACKLOG_MAX: usize = 128;

/// Bytes on their way in one direction: the default buffer of a Unix socket on Linux.
const STREAM_BYTES_MAX: usize = 208 * 1024;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_cross_and_the_user_is_told() {
        let (mut listener, dialer) = in_memory();
        for user in [None, Some(1_000)] {
            let mut far = None;
            let client = breaker_client::Client::connect_with(dialer.connector(user), &Default::default());
            let (asked, ()) = tokio::join!(client.members(), async {
                let (mut stream, who) = listener.accept().await.unwrap();
                assert_eq!(who, user);
                let mut hello = [0; 4];
                stream.read_exact(&mut hello).await.unwrap();
                stream.write_all(b"no agent").await.unwrap();
                far = Some(stream);
            });
            assert!(asked.is_err() && far.is_some());
        }
    }

    #[tokio::test]
    async fn without_dialers_it_waits_instead_of_failing() {
        let (mut listener, dialer) = in_memory();
        drop(dialer);
        assert!(listener.accept().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_full_backlog_refuses() {
        let (_listener, dialer) = in_memory();
        let dial = || dialer.arrivals.try_send((duplex(1).0, None));
        assert!((0..BACKLOG_MAX).all(|_| dial().is_ok()));
        assert!(dial().is_err());
        let client = breaker_client::Client::connect_with(dialer.connector(None), &Default::default());
        let refused = client.members().await.unwrap_err();
        assert!(refused.to_string().contains("refused"), "{refused}");
    }
}
