//! A host's place on the network, and the socket an agent binds there.
//!
//! The port outlives the lives of its agent: it counts what passes, writes it into the trace, and loses what it is told
//! to lose, each datagram drawn by itself from a generator of its own. The socket is the agent's [`Datagrams`]; what it
//! carries are the real bytes of the wire.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use breaker_agent::datagram::Datagrams;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use turmoil::net::UdpSocket;

use crate::trace::{Datagram, Event, Recorder};

/// A host's place on the network.
pub struct Port {
    host: String,
    address: SocketAddr,
    loss: Loss,
    recorder: Recorder,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    is_mute: bool,
    traffic: Traffic,
}

/// What has passed a port. Only ever growing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams that agents sent, lost ones included.
    pub sent: u64,
    /// Bytes of these.
    pub sent_bytes: u64,
    /// Of the datagrams sent, those dropped on purpose.
    pub lost: u64,
    /// Datagrams that reached agents.
    pub received: u64,
}

/// How many of a million datagrams are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    per_million: u32,
}

/// Why a text is no loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossError;

/// An agent's socket.
pub struct Wire {
    port: Arc<Port>,
    socket: UdpSocket,
}

impl Port {
    /// A place that nothing has passed.
    #[must_use]
    pub fn new(host: &str, address: SocketAddr, seed: u64, loss: Loss, recorder: Recorder) -> Self {
        let state = State { rng: StdRng::seed_from_u64(seed), is_mute: false, traffic: Traffic::default() };
        Self { host: host.to_owned(), address, loss, recorder, state: Mutex::new(state) }
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the host is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens on the host.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Binds the socket. To be called from the host's software.
    ///
    /// # Errors
    /// If it is bound already.
    pub async fn bind(self: &Arc<Self>) -> io::Result<Wire> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, self.address.port())).await?;
        Ok(Wire { port: Arc::clone(self), socket })
    }

    /// From now on everything the host sends is lost.
    pub fn mute(&self) {
        self.lock().is_mute = true;
    }

    /// What has passed so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.lock().traffic
    }

    /// Counts a datagram on its way out; whether it may go.
    fn send(&self, datagram: Datagram<'_>) -> bool {
        let is_lost = {
            let mut state = self.lock();
            let is_lost = state.is_mute || self.loss.strikes(&mut state.rng);
            state.traffic.sent += 1;
            state.traffic.sent_bytes += datagram.bytes.len() as u64;
            state.traffic.lost += u64::from(is_lost);
            is_lost
        };
        let event = if is_lost { Event::Lost(datagram) } else { Event::Sent(datagram) };
        self.recorder.record(super::now(), &self.host, event);
        !is_lost
    }

    fn receive(&self, datagram: Datagram<'_>) {
        self.lock().traffic.received += 1;
        self.recorder.record(super::now(), &self.host, Event::Received(datagram));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Datagrams for Wire {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        if datagram.len() > DATAGRAM_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
        }
        if self.port.send(Datagram { peer: to, bytes: datagram }) {
            self.socket.send_to(datagram, to).await?;
        }
        Ok(())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (len, from) = self.socket.recv_from(buffer).await?;
        self.port.receive(Datagram { peer: from, bytes: buffer.get(..len).unwrap_or_default() });
        Ok((len, from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.port.address)
    }
}

impl Traffic {
    /// What passed since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            lost: self.lost - earlier.lost,
            received: self.received - earlier.received,
        }
    }

    /// What passed two ports together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            sent_bytes: self.sent_bytes + other.sent_bytes,
            lost: self.lost + other.lost,
            received: self.received + other.received,
        }
    }
}

impl Loss {
    /// Whether anything is lost at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.per_million == 0
    }

    fn strikes(self, rng: &mut StdRng) -> bool {
        !self.is_none() && rng.random_range(0..MILLION) < self.per_million
    }
}

impl FromStr for Loss {
    type Err = LossError;

    /// Reads `5%`, `0.5%` or `5`.
    fn from_str(text: &str) -> Result<Self, LossError> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let percent: f64 = number.parse().map_err(|_not_a_number| LossError)?;
        if !(0.0..=PERCENT_MAX).contains(&percent) {
            return Err(LossError);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 300,000")]
        let per_million = (percent * f64::from(MILLION) / 100.0).round() as u32;
        Ok(Self { per_million })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.per_million) * 100.0 / f64::from(MILLION))
    }
}

impl fmt::Display for LossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a percentage from 0% to {PERCENT_MAX}% such as 5%")
    }
}

impl std::error::Error for LossError {}

/// Longest datagram: what UDP over IPv4 can carry. turmoil has no limit of its own.
pub const DATAGRAM_MAX: usize = 65_507;

/// Most datagrams that can be lost of a hundred: with as many, 50 hosts still join in 12 s. Beyond it scenarios would fail
/// by their time limits, which says nothing about the agents.
const PERCENT_MAX: f64 = 30.0;

const MILLION: u32 = 1_000_000;

#[cfg(test)]
mod tests;
