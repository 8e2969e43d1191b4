//! Datagrams in memory: delivered at once, recorded, lost or made to fail on demand. Queues are bounded, as a socket's
//! buffer is, and a receiver cuts off what does not fit its buffer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::sync::mpsc;

use crate::datagram::Datagrams;

#[derive(Clone, Default)]
pub(super) struct Fabric(Arc<Mutex<Wires>>);

#[derive(Default)]
struct Wires {
    sockets: BTreeMap<SocketAddr, mpsc::Sender<(Vec<u8>, SocketAddr)>>,
    recorded: Vec<(SocketAddr, Vec<u8>)>,
    panic_in_send: BTreeSet<SocketAddr>,
    panic_in_receive: BTreeSet<SocketAddr>,
    errors_in_receive: BTreeMap<SocketAddr, u32>,
    loss: Option<(u32, StdRng)>,
    lost: u64,
    is_frozen: bool,
    is_recording: bool,
    /// Datagrams for these wait.
    held: BTreeMap<SocketAddr, Vec<(Vec<u8>, SocketAddr)>>,
}

struct Socket {
    fabric: Fabric,
    address: SocketAddr,
    queue: tokio::sync::Mutex<mpsc::Receiver<(Vec<u8>, SocketAddr)>>,
}

impl Fabric {
    /// A socket at that address; one bound there before hears nothing more.
    pub(super) fn bind(&self, address: SocketAddr) -> Arc<dyn Datagrams> {
        let (wire, queue) = mpsc::channel(QUEUE_MAX);
        self.0.lock().unwrap().sockets.insert(address, wire);
        Arc::new(Socket { fabric: self.clone(), address, queue: tokio::sync::Mutex::new(queue) })
    }

    pub(super) fn recorded_to(&self, address: SocketAddr) -> Vec<Vec<u8>> {
        let wires = self.0.lock().unwrap();
        wires.recorded.iter().filter(|(to, _)| *to == address).map(|(_, datagram)| datagram.clone()).collect()
    }

    pub(super) fn panic_once_in_send_of(&self, address: SocketAddr) {
        self.0.lock().unwrap().panic_in_send.insert(address);
    }

    pub(super) fn panic_once_in_receive_of(&self, address: SocketAddr) {
        self.0.lock().unwrap().panic_in_receive.insert(address);
    }

    /// The next so many datagrams come as errors.
    pub(super) fn fail_receives_of(&self, address: SocketAddr, datagrams: u32) {
        self.0.lock().unwrap().errors_in_receive.insert(address, datagrams);
    }

    pub(super) fn lose_one_in(&self, datagrams: u32) {
        self.0.lock().unwrap().loss = Some((datagrams, StdRng::seed_from_u64(LOSS_SEED)));
    }

    pub(super) fn lost(&self) -> u64 {
        self.0.lock().unwrap().lost
    }

    pub(super) fn record(&self) {
        self.0.lock().unwrap().is_recording = true;
    }

    /// Frozen, it delivers nothing from agent to agent (ports below 10).
    pub(super) fn freeze(&self, is_frozen: bool) {
        self.0.lock().unwrap().is_frozen = is_frozen;
    }

    /// Keeps what comes for an address, as the socket of a paused host does.
    pub(super) fn hold(&self, address: SocketAddr) {
        self.0.lock().unwrap().held.insert(address, Vec::new());
    }

    /// Delivers what was kept; how many datagrams.
    pub(super) fn release(&self, address: SocketAddr) -> usize {
        let mut wires = self.0.lock().unwrap();
        let held = wires.held.remove(&address).unwrap_or_default();
        let delivered = held.iter().filter(|datagram| wires.sockets[&address].try_send((*datagram).clone()).is_ok());
        delivered.count()
    }

    fn deliver(&self, datagram: &[u8], from: SocketAddr, to: SocketAddr) {
        let mut wires = self.0.lock().unwrap();
        let is_lost = wires.loss.as_mut().is_some_and(|(one_in, rng)| rng.random_range(0..*one_in) == 0);
        wires.lost += u64::from(is_lost);
        if is_lost || wires.is_frozen && from.port() < 10 && to.port() < 10 {
            return;
        }
        if wires.is_recording {
            wires.recorded.push((to, datagram.to_vec()));
        }
        if let Some(held) = wires.held.get_mut(&to) {
            return held.push((datagram.to_vec(), from));
        }
        if let Some(socket) = wires.sockets.get(&to) {
            let _ = socket.try_send((datagram.to_vec(), from));
        }
    }
}

#[async_trait]
impl Datagrams for Socket {
    async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let panics = self.fabric.0.lock().unwrap().panic_in_send.remove(&self.address);
        assert!(!panics, "asked to panic while sending");
        self.fabric.deliver(datagram, self.address, to);
        Ok(())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.queue.lock().await.recv().await;
        let panics = self.fabric.0.lock().unwrap().panic_in_receive.remove(&self.address);
        assert!(!panics, "asked to panic while receiving");
        if let Some(left @ 1..) = self.fabric.0.lock().unwrap().errors_in_receive.get_mut(&self.address) {
            *left -= 1;
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (datagram, from) = received.ok_or(io::ErrorKind::NotConnected)?;
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        Ok((len, from))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Random bytes of all lengths, half of them beginning as a datagram of ours does.
pub(super) fn garbage(count: usize, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(move |turn| {
        let mut datagram = vec![0; rng.random_range(0..1_500)];
        rng.fill_bytes(&mut datagram);
        if let (Some(first), 0..2) = (datagram.first_mut(), turn % 4) {
            *first = [0xB5, 0xB0][turn % 4];
        }
        datagram
    })
}

/// Names that do not compress.
pub(super) fn random_names(count: usize, seed: u64) -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| (0..160).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()).collect()
}

const QUEUE_MAX: usize = 256;
const LOSS_SEED: u64 = 11;
