//! The seam through which datagrams leave and reach the agent: a real UDP socket in the daemon, a simulated one in the
//! simulator. Nothing above it knows which.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

/// A bound socket for datagrams.
#[async_trait]
pub trait Datagrams: Send + Sync + 'static {
    /// Sends one datagram. A datagram may be lost without an error.
    ///
    /// # Errors
    /// Whatever the socket says; the socket stays usable.
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()>;

    /// Waits for one datagram; its length and sender. What does not fit in `buffer` is cut off. Cancel safe.
    ///
    /// # Errors
    /// Whatever the socket says; the socket stays usable.
    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// The address the socket is bound to.
    ///
    /// # Errors
    /// Whatever the socket says.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

#[async_trait]
impl Datagrams for tokio::net::UdpSocket {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        Self::send_to(self, datagram, to).await.map(drop)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        Self::recv_from(self, buffer).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}
