//! Somebody who has the key and does not mean well: chitchat's messages by hand, properly sealed.
//!
//! Whoever has the key is believed; that is what a key is. The insider is here to show that what is forged without one
//! would have done its work with one, and to make gossip die from outside, which no honest bytes do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use breaker_agent::keyring::Keyring;
use breaker_agent::seal::{Plane, SealedTransport};
use breaker_client::wire::Member;
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};

/// Somebody with the key.
pub struct Insider {
    runtime: Runtime,
    transport: SealedTransport,
}

impl Insider {
    /// On loopback. The seed must differ from that of every other life under the key.
    ///
    /// # Panics
    /// If there is no port for it.
    #[must_use]
    pub fn new(ring: Keyring, seed: [u8; 32]) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("the system has room for it");
        let socket = runtime.block_on(UdpSocket::bind("127.0.0.1:0")).expect("loopback has a free port");
        Self { runtime, transport: SealedTransport::new(Arc::new(socket), Some(ring), seed, Arc::default()) }
    }

    /// Says something to an agent, and for a moment answers what it is asked in return: who is new is asked for its name.
    ///
    /// # Panics
    /// If the message is longer than any may be.
    pub fn say(&self, to: SocketAddr, message: &[u8]) {
        self.runtime.block_on(async {
            self.transport.send(Plane::State, to, message).await.expect("it is short, and there is a key");
            let answering = async {
                loop {
                    self.transport.receive().await;
                }
            };
            let _: Result<(), _> = tokio::time::timeout(ANSWERING, answering).await;
        });
    }
}

/// An acknowledgement that tells a member's chitchat of a value of its own it has never written, and then of a version
/// before that one: it dies of an assertion. About ninety bytes.
///
/// # Panics
/// If the member gossips at no address of IPv4.
#[must_use]
pub fn deadly_acknowledgement(to: &Member) -> Vec<u8> {
    let mut told = vec![NODE];
    told.extend(text(&to.node));
    told.extend(to.incarnation.to_le_bytes());
    let Ok(SocketAddr::V4(address)) = to.address.parse() else { panic!("no address of IPv4: {to:?}") };
    told.push(4);
    told.extend(address.ip().octets());
    told.extend(address.port().to_le_bytes());
    let (forgotten, known) = (0_u64, 0_u64);
    told.extend([forgotten, known].into_iter().flat_map(u64::to_le_bytes));
    told.push(VALUE);
    told.extend(text("bye"));
    told.extend(text("1"));
    told.extend((FAR_AHEAD + 1).to_le_bytes());
    told.push(IS_SET);
    told.push(NEWEST_VERSION);
    told.extend(FAR_AHEAD.to_le_bytes());

    let mut message = vec![SENT_WHOLE];
    message.extend(MAGIC.to_le_bytes());
    message.extend([VERSION, ACKNOWLEDGEMENT, BLOCK_AS_IT_IS]);
    message.extend(u16::try_from(told.len()).expect("it is short").to_le_bytes());
    message.extend(told);
    message.push(NO_MORE_BLOCKS);
    message
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("it is short");
    [&length.to_le_bytes(), text.as_bytes()].concat()
}

/// How long the insider listens: many times a round trip on loopback.
const ANSWERING: Duration = Duration::from_millis(200);

/// A version no agent has reached.
const FAR_AHEAD: u64 = 1 << 40;

/// The agent's own word before a message of chitchat's that is not made small.
const SENT_WHOLE: u8 = 0;

// Chitchat 0.11's own numbers.
const MAGIC: u16 = 45_139;
const VERSION: u8 = 0;
const ACKNOWLEDGEMENT: u8 = 2;
const NO_MORE_BLOCKS: u8 = 0;
const BLOCK_AS_IT_IS: u8 = 2;
const NODE: u8 = 0;
const VALUE: u8 = 1;
const NEWEST_VERSION: u8 = 2;
const IS_SET: u8 = 0;
