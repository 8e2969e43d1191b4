//! The shell around [`Seal`]: one socket, one lock, tokio's clock.
//!
//! The lock is never held across an await, and the generator sits under it beside the seal, so that nonces are drawn
//! in the order in which datagrams are sealed.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::{DATAGRAM_MAX, Opened, Outgoing, Plane, Replays, Seal, SealCounters, SealError};
use crate::core::time::MonoTime;
use crate::datagram::Datagrams;
use crate::keyring::Keyring;

/// A sealed transport on a bound socket.
pub struct SealedTransport {
    datagrams: Arc<dyn Datagrams>,
    started: Instant,
    inner: Mutex<Inner>,
    counters: Arc<SealCounters>,
}

struct Inner {
    seal: Seal,
    rng: StdRng,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From where.
    pub from: SocketAddr,
    /// Who reads it.
    pub plane: Plane,
    /// Its bytes.
    pub message: Vec<u8>,
}

impl SealedTransport {
    /// A new life on a bound socket.
    ///
    /// The seed must differ from life to life and from host to host: nonces and the boot id come from it, and two
    /// datagrams under one key and nonce give their contents away.
    #[must_use]
    pub fn new(
        datagrams: Arc<dyn Datagrams>,
        keyring: Option<Keyring>,
        seed: [u8; 32],
        counters: Arc<SealCounters>,
    ) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let seal = Seal::new(keyring, Arc::clone(&counters), &mut rng);
        Self { datagrams, started: Instant::now(), inner: Mutex::new(Inner { seal, rng }), counters }
    }

    /// The same, and what becomes of recordings.
    #[must_use]
    pub fn with_replays(self, replays: Replays) -> Self {
        let Inner { seal, rng } = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self { inner: Mutex::new(Inner { seal: seal.with_replays(replays), rng }), ..self }
    }

    /// Whether somebody was heard at that address, so that a message there is used when it arrives.
    #[must_use]
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.lock().seal.knows(address)
    }

    /// Sends a message. It may be lost without an error.
    ///
    /// # Errors
    /// [`SealError`] when it may not be sent. What the socket says is only counted: gossip repeats itself.
    pub async fn send(&self, plane: Plane, to: SocketAddr, message: &[u8]) -> Result<(), SealError> {
        let now = self.now();
        let outgoing = {
            let mut inner = self.lock();
            let Inner { seal, rng } = &mut *inner;
            seal.seal(plane, to, message, now, rng)?
        };
        self.transmit(&outgoing).await;
        Ok(())
    }

    /// Waits for a message, answering hellos meanwhile. Cancelled, it loses no message, at most an answer.
    pub async fn receive(&self) -> Received {
        // One byte more than any datagram of ours, so that a longer one is seen to be longer.
        let mut buffer = [0; DATAGRAM_MAX + 1];
        let mut errors_in_a_row = 0;
        loop {
            let (len, from) = match self.datagrams.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(_) => {
                    self.counters.receive_errors.fetch_add(1, Ordering::Relaxed);
                    errors_in_a_row += 1;
                    tokio::time::sleep(pause_after(errors_in_a_row)).await;
                    continue;
                }
            };
            errors_in_a_row = 0;
            self.counters.received.fetch_add(1, Ordering::Relaxed);
            self.counters.received_bytes.fetch_add(len as u64, Ordering::Relaxed);
            match self.open(from, buffer.get(..len).unwrap_or(&buffer)) {
                Opened::Nothing => {}
                Opened::Message { plane, message } => return Received { from, plane, message },
                Opened::Send(outgoing) => self.transmit(&outgoing).await,
            }
        }
    }

    /// Time since the transport began.
    #[must_use]
    pub fn now(&self) -> MonoTime {
        MonoTime::START + self.started.elapsed()
    }

    fn open(&self, from: SocketAddr, datagram: &[u8]) -> Opened {
        let now = self.now();
        let mut inner = self.lock();
        let Inner { seal, rng } = &mut *inner;
        seal.open(from, datagram, now, rng)
    }

    async fn transmit(&self, outgoing: &[Outgoing]) {
        for (position, Outgoing { to, datagram }) in (1..).zip(outgoing) {
            match self.datagrams.send_to(datagram, *to).await {
                Ok(()) => {
                    self.counters.sent.fetch_add(1, Ordering::Relaxed);
                    self.counters.sent_bytes.fetch_add(datagram.len() as u64, Ordering::Relaxed);
                }
                Err(_) => drop(self.counters.send_errors.fetch_add(1, Ordering::Relaxed)),
            }
            if position % BURST == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// A panic elsewhere cannot leave the seal half changed in a way that matters: counters only go up.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that fails at once each time must not keep a core busy; one that failed once must not be deaf for long.
fn pause_after(errors_in_a_row: u32) -> Duration {
    Duration::from_millis(1 << errors_in_a_row.min(10))
}

/// Datagrams sent before others get their turn: the parts of a large message must not outrun a receiver that shares
/// the thread, nor its socket's buffer.
const BURST: usize = 16;
