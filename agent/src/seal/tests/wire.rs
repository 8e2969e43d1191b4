//! Ends, and the wire between them.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::*;

pub(super) struct End {
    pub(super) seal: Seal,
    pub(super) rng: StdRng,
    pub(super) address: SocketAddr,
    pub(super) now: MonoTime,
    keyring: Option<Keyring>,
    counters: Arc<SealCounters>,
    life: u64,
}

/// What opening several datagrams came to.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) sent: Vec<Outgoing>,
}

impl End {
    pub(super) fn new(port: u16, keyring: Option<Keyring>) -> Self {
        Self::in_life(port, keyring, 0)
    }

    /// Two that have not met.
    pub(super) fn pair(keyring: Option<&Keyring>) -> [Self; 2] {
        [1, 2].map(|port| Self::new(port, keyring.cloned()))
    }

    /// Two that have.
    pub(super) fn met(keyring: Option<&Keyring>) -> [Self; 2] {
        let [mut a, mut b] = Self::pair(keyring);
        assert_eq!(exchange(&mut a, &mut b, b"a").len(), 1);
        assert_eq!(exchange(&mut b, &mut a, b"b").len(), 1);
        [a, b]
    }

    /// Another life at the same address, with counters of its own.
    pub(super) fn restarted(&self) -> Self {
        Self::in_life(self.address.port(), self.keyring.clone(), self.life + 1)
    }

    fn in_life(port: u16, keyring: Option<Keyring>, life: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(u64::from(port) << 32 | life);
        let counters = Arc::<SealCounters>::default();
        let seal = Seal::new(keyring.clone(), Arc::clone(&counters), &mut rng);
        Self { seal, rng, address: address(port), now: MonoTime::START, keyring, counters, life }
    }

    pub(super) fn seal_to(&mut self, to: SocketAddr, message: &[u8]) -> Vec<Outgoing> {
        self.seal.seal(Plane::State, to, message, self.now, &mut self.rng).unwrap()
    }

    pub(super) fn open(&mut self, from: SocketAddr, datagram: &[u8]) -> Opened {
        self.seal.open(from, datagram, self.now, &mut self.rng)
    }

    pub(super) fn open_all(&mut self, from: &Self, datagrams: &[Outgoing]) -> Came {
        let mut came = Came::default();
        for Outgoing { datagram, .. } in datagrams {
            match self.open(from.address, datagram) {
                Opened::Nothing => {}
                Opened::Message { message, .. } => came.messages.push(message),
                Opened::Send(sent) => came.sent.extend(sent),
            }
        }
        came
    }

    pub(super) fn counted(&self, name: &str) -> u64 {
        self.counters.iter().find(|(known, _)| *known == name).expect("a known counter").1
    }

    /// Everything counted but the refusals that the caller expects.
    pub(super) fn effects(&self) -> [u64; 2] {
        ["seal_accepted", "seal_hellos_sent"].map(|name| self.counted(name))
    }
}

/// Sends a message, lets both sides answer each other to the end; what the receiver got.
pub(super) fn exchange(from: &mut End, to: &mut End, message: &[u8]) -> Vec<Vec<u8>> {
    let mut arrived = Vec::new();
    let mut under_way = from.seal_to(to.address, message);
    while !under_way.is_empty() {
        let came = to.open_all(from, &under_way);
        arrived.extend(came.messages);
        under_way = from.open_all(to, &came.sent).sent;
    }
    arrived
}

pub(super) fn shuffle(datagrams: &mut [Outgoing], seed: u64) {
    datagrams.shuffle(&mut StdRng::seed_from_u64(seed));
}

pub(super) fn key(seed: u64) -> Keyring {
    Keyring::generate(&mut StdRng::seed_from_u64(seed))
}

/// One ring of several rings' keys.
pub(super) fn ring(rings: &[&Keyring]) -> Keyring {
    let text: String = rings.iter().map(ToString::to_string).collect();
    Keyring::parse(&text).unwrap()
}

pub(super) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
