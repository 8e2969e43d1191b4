//! Applications and their agent, joined in memory: the agent's [`Listener`], and a [`Dialer`] for its clients.
//!
//! turmoil knows no Unix sockets, and applications share a host with their agent, so their bytes cross no network. What
//! flows is the real protocol; only who is at the other end is said by the simulation instead of the kernel.

use std::future::pending;
use std::io;

use breaker_agent::listener::Listener;
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
    /// Opens a connection for this user, or for nobody.
    ///
    /// # Errors
    /// If the agent is gone, or too many wait to be accepted.
    pub fn dial(&self, user: Option<u32>) -> io::Result<DuplexStream> {
        let (near, far) = duplex(STREAM_BYTES_MAX);
        let sent = self.arrivals.try_send((far, user));
        sent.map(|()| near).map_err(|_full_or_gone| io::ErrorKind::ConnectionRefused.into())
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
    async fn bytes_cross_both_ways_and_the_user_is_told() {
        let (mut listener, dialer) = in_memory();
        for user in [None, Some(1_000)] {
            let mut near = dialer.dial(user).unwrap();
            let (mut far, who) = listener.accept().await.unwrap();
            assert_eq!(who, user);
            let mut heard = [0; 5];
            near.write_all(b"there").await.unwrap();
            far.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"there");
            far.write_all(b"again").await.unwrap();
            near.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"again");
        }
    }

    #[tokio::test]
    async fn without_dialers_it_waits_instead_of_failing() {
        let (mut listener, dialer) = in_memory();
        drop(dialer);
        assert!(listener.accept().now_or_never().is_none());
    }

    #[test]
    fn a_full_backlog_and_an_agent_that_is_gone_refuse() {
        let (listener, dialer) = in_memory();
        let waiting: Vec<_> = (0..BACKLOG_MAX).map(|_| dialer.dial(None)).collect();
        assert!(waiting.iter().all(Result::is_ok));
        assert_eq!(dialer.dial(None).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        drop(listener);
        assert_eq!(dialer.dial(None).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
