//! Datagrams that no peer has sent: noise, pieces, wrong keys, and with a plain agent everything that can be wrong behind
//! the first byte.
//!
//! They are sent so that the agent's socket never overflows: then each of them was looked at, and each must have been
//! refused, in a count; so peers may speak with the agent meanwhile. What could be an honest first contact is not among them: that is answered, by design.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;

use breaker_agent::core::time::MonoTime;
use breaker_agent::keyring::Keyring;
use breaker_agent::seal::{DATAGRAM_MAX, Plane, Seal};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::{Run, refused};
use crate::stage::{Agent, wait_for};

/// What a stranger can seal with.
pub enum Lock {
    /// The agent has no key; everybody can write what it reads.
    Plain,
    /// The agent has a key; the stranger has others, one of them under the same name.
    Sealed {
        /// A key of another name.
        other: Keyring,
        /// Another key of the same name.
        namesake: Keyring,
    },
}

impl Lock {
    /// For an agent with this keyring.
    ///
    /// # Panics
    /// Never: the rings are well-formed.
    #[must_use]
    pub fn of(ring: Option<&Keyring>, seed: u64) -> Self {
        let Some(ring) = ring else { return Self::Plain };
        let other = Keyring::generate(&mut StdRng::seed_from_u64(seed));
        let namesake = format!("{:x} {}\n", ring.sealing().id().0, "5a".repeat(32));
        Self::Sealed { other, namesake: Keyring::parse(&namesake).expect("an id and 32 bytes are a key") }
    }

    fn seals(&self, rng: &mut StdRng) -> Vec<Seal> {
        match self {
            Self::Plain => Vec::new(),
            Self::Sealed { other, namesake } => {
                [other, namesake].map(|ring| Seal::new(Some(ring.clone()), Arc::default(), rng)).into()
            }
        }
    }
}

/// The same message as somebody would send it who has none of the keys: bare, in the frame that is not sealed, sealed with
/// other keys.
///
/// # Panics
/// If the message is longer than any may be.
#[must_use]
pub fn forgeries(message: &[u8], ring: &Keyring, seed: u64) -> Vec<Vec<u8>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let plain = Seal::new(None, Arc::default(), &mut rng);
    let others = Lock::of(Some(ring), seed).seals(&mut rng);
    let framed = [plain].into_iter().chain(others).flat_map(|mut seal| sealed(&mut seal, message, &mut rng));
    [message.to_vec()].into_iter().chain(framed).collect()
}

pub(super) fn send(agent: &Agent, lock: &Lock, mut run: Run) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.connect(agent.gossip_address()).expect("loopback is reachable");
    socket.set_nonblocking(true).expect("a socket can be so");
    let mut observer = agent.connect();
    let before = refused(&observer.status());
    let (mut sent, mut waiting, mut waiting_bytes) = (0, 0, 0);
    let mut stranger = Stranger { seals: lock.seals(&mut run.rng) };
    while sent < run.amount {
        let datagram = stranger.malformed(sent, &mut run.rng);
        socket.send(&datagram).expect("loopback takes every datagram");
        (sent, waiting, waiting_bytes) = (sent + 1, waiting + 1, waiting_bytes + datagram.len());
        if waiting >= WAITING_MAX || waiting_bytes >= WAITING_BYTES_MAX || sent == run.amount {
            run.look_at_the_clock();
            wait_for("the agent to refuse the datagrams", || {
                (refused(&observer.status()) - before >= sent).then_some(())
            });
            (waiting, waiting_bytes) = (0, 0);
        }
    }
    let reply = socket.recv(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(reply, Err(ErrorKind::WouldBlock), "a stranger got a reply");
}

/// Makes datagrams.
struct Stranger {
    /// With other keys than the agent's; none where it has none.
    seals: Vec<Seal>,
}

impl Stranger {
    fn malformed(&mut self, number: u64, rng: &mut StdRng) -> Vec<u8> {
        match number % 8 {
            0 => Vec::new(),
            1 => random(rng, 1..100),
            2 => random(rng, 100..DATAGRAM_MAX),
            // Longer than any of ours; once in a while as long as there are.
            3 if number % 1_024 == 3 => random(rng, 65_507..65_508),
            3 => random(rng, DATAGRAM_MAX + 1..4_000),
            _ => match &mut self.seals[..] {
                [] => plain(number, rng),
                seals => of_another_key(&mut seals[usize::from(number.is_multiple_of(2))], number, rng),
            },
        }
    }
}

/// Sealed by the rules, with a key the agent does not have; whole or in pieces.
fn of_another_key(seal: &mut Seal, number: u64, rng: &mut StdRng) -> Vec<u8> {
    let message = random(rng, 1..1_000);
    let whole = sealed(seal, &message, rng).into_iter().next().expect("a message is at least one datagram");
    if number % 8 == 7 { whole[..rng.random_range(1..whole.len())].to_vec() } else { whole }
}

fn sealed(seal: &mut Seal, message: &[u8], rng: &mut StdRng) -> Vec<Vec<u8>> {
    let to = "127.0.0.1:1".parse().expect("an address");
    let sealed = seal.seal(Plane::State, to, message, MonoTime::START, rng).expect("short enough");
    sealed.into_iter().map(|outgoing| outgoing.datagram).collect()
}

/// Plain, and wrong behind the first byte: `plane, 1 | sender, 8 | number, 8 | receiver, 8 | body`.
fn plain(number: u64, rng: &mut StdRng) -> Vec<u8> {
    let mut datagram = [&[PLAIN], &random(rng, 200..1_000)[..]].concat();
    match number % 8 {
        // A plane that does not exist, for somebody else.
        4 => datagram[1] = rng.random_range(2..=250),
        // Nobody sent it.
        5 => datagram[2..10].fill(0),
        // It ends within its header.
        6 => datagram.truncate(rng.random_range(1..26)),
        // The second part of a message without a first, for somebody else.
        _ => {
            datagram[1] = 0;
            datagram[30] = rng.random_range(1..=255);
        }
    }
    datagram
}

fn random(rng: &mut StdRng, length: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(length)];
    rng.fill_bytes(&mut bytes);
    // What looks plain is made on purpose only.
    if bytes.first() == Some(&PLAIN) {
        bytes[0] = 0;
    }
    bytes
}

/// The first byte of a datagram that is not sealed.
const PLAIN: u8 = 0xB0;

/// Most datagrams on their way: small ones take some 800 bytes each of a socket's 200 KB.
const WAITING_MAX: u32 = 64;

/// Most bytes on their way: one of the largest datagrams, or some dozens of usual ones.
const WAITING_BYTES_MAX: usize = 32 * 1024;
