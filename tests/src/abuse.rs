//! Abuse of a real agent, measured: random bytes and malformed frames at its socket, malformed datagrams at its gossip
//! port.
//!
//! Each kind is done twice, first a little, then in full, while a witness, a well-formed client, makes calls throughout.
//! The memory after the first time is what the kind of abuse takes; that it takes no more with more of it is what
//! "level" means. The tests do this in a size for every change, the example `abuse` in the size that was promised:
//! `cargo run --release -p breaker-tests --example abuse -- --bytes 1G`.
//!
//! **Invariant:** all of it comes from a seed, and every count is exact: what was sent is what the agent counted.

mod bytes;
mod datagrams;
mod frames;
mod insider;
mod picture;
mod witness;

use std::fmt;
use std::time::{Duration, Instant};

pub use datagrams::{Lock, forgeries};
pub use insider::{Insider, deadly_acknowledgement};
pub use picture::Picture;

use breaker_agent::keyring::Keyring;
use breaker_client::wire::StatusPage;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::stage::Agent;
use witness::Witness;

/// How much, from which seed, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Bytes, frames or datagrams.
    pub amount: u64,
    /// What all of it is drawn from.
    pub seed: u64,
    /// When to give up.
    pub within: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What was done.
    pub what: &'static str,
    /// How much of it.
    pub amount: u64,
    /// How long that took.
    pub took: Duration,
    /// Calls the witness made meanwhile.
    pub calls: u64,
    /// The longest it waited for an answer.
    pub slowest: Duration,
    /// Resident memory in KiB, after a little of it.
    pub before_kib: u64,
    /// And after all of it.
    pub after_kib: u64,
    /// The agent's counters that moved, and how far.
    pub counted: Vec<(String, u64)>,
}

/// Random bytes at the socket: instead of a hello, instead of a frame, and as the body of one.
///
/// # Panics
/// If the agent does anything but end the connections, or the witness is not answered.
#[must_use]
pub fn random_bytes(agent: &Agent, size: Size) -> Figures {
    measure(agent, "random bytes", size, |run| bytes::send(agent, run))
}

/// Frames that are none, each on a connection of its own that said hello.
///
/// # Panics
/// If one of them is answered, or the witness is not.
#[must_use]
pub fn malformed_frames(agent: &Agent, size: Size) -> Figures {
    let figures = measure(agent, "malformed frames", size, |run| frames::send(agent, run));
    assert_eq!(figures.grown("connections_malformed"), size.amount, "{figures}");
    figures
}

/// Datagrams at the gossip port that are not from any peer. Peers may speak with the agent, and say nothing new.
///
/// # Panics
/// If one of them is answered or used, what the agent shows of its peers changes, or the witness is not answered.
#[must_use]
pub fn malformed_datagrams(agent: &Agent, ring: Option<&Keyring>, size: Size) -> Figures {
    let lock = Lock::of(ring, size.seed);
    let before = Picture::of(agent);
    let what = match (ring, before.has_peers()) {
        (None, _) => "malformed datagrams, without a key",
        (Some(_), false) => "malformed datagrams, with a key",
        (Some(_), true) => "malformed datagrams, among peers",
    };
    let figures = measure(agent, what, size, |run| datagrams::send(agent, &lock, run));
    let [received, accepted] = ["seal_received", "seal_accepted"].map(|name| figures.grown(name));
    let refused: u64 = REFUSALS.iter().map(|name| figures.grown(name)).sum();
    assert_eq!((refused, received), (size.amount, size.amount + accepted), "each has its count: {figures}");
    assert_eq!(figures.grown("seal_hellos_sent"), 0, "no reply: {figures}");
    assert_eq!(Picture::of(agent), before, "no use: {figures}");
    if before.has_peers() {
        assert!(accepted > 0, "peers are heard meanwhile: {figures}");
    } else {
        assert_eq!((accepted, figures.grown("seal_sent")), (0, 0), "no use, no reply: {figures}");
    }
    figures
}

/// Datagrams an agent has refused, whyever.
#[must_use]
pub fn refused(page: &StatusPage) -> u64 {
    let counters = page.agent.counters.iter();
    counters.filter(|counter| REFUSALS.contains(&counter.name.as_str())).map(|counter| counter.count).sum()
}

/// One stretch of abuse.
struct Run {
    amount: u64,
    rng: StdRng,
    until: Instant,
}

impl Run {
    /// # Panics
    /// When the time is over.
    fn look_at_the_clock(&self) {
        assert!(Instant::now() < self.until, "the abuse takes longer than it may");
    }
}

fn measure(agent: &Agent, what: &'static str, size: Size, abuse: impl Fn(Run)) -> Figures {
    let run = |amount, seed| Run { amount, rng: StdRng::seed_from_u64(seed), until: Instant::now() + size.within };
    abuse(run((size.amount / LITTLE).max(1), size.seed ^ 1));
    let mut observer = agent.connect();
    let (counted_before, before_kib) = (observer.status().agent.counters, agent.resident_kib());
    let witness = Witness::begin(&agent.socket());
    let began = Instant::now();
    abuse(run(size.amount, size.seed));
    let took = began.elapsed();
    let seen = witness.end();
    let (counted_after, after_kib) = (observer.status().agent.counters, agent.resident_kib());
    let growth = counted_after.into_iter().zip(counted_before);
    let counted = growth
        .map(|(after, before)| (after.name, after.count.saturating_sub(before.count)))
        .filter(|(_, grown)| *grown > 0)
        .collect();
    Figures {
        what,
        amount: size.amount,
        took,
        calls: seen.calls,
        slowest: seen.slowest,
        before_kib,
        after_kib,
        counted,
    }
}

impl Figures {
    /// How far one of the agent's counters moved.
    #[must_use]
    pub fn grown(&self, counter: &str) -> u64 {
        self.counted.iter().find(|(name, _)| name == counter).map_or(0, |(_, grown)| *grown)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} in {:.1?}", self.what, self.amount, self.took)?;
        writeln!(f, "  witness  {} calls, slowest answer {:.2?}", self.calls, self.slowest)?;
        writeln!(f, "  memory   {} KiB before, {} KiB after", self.before_kib, self.after_kib)?;
        let counted: Vec<String> = self.counted.iter().map(|(name, grown)| format!("{name} +{grown}")).collect();
        write!(f, "  counted  {}", counted.join(", "))
    }
}

/// A datagram that is refused ends in one of these.
const REFUSALS: [&str; 9] = [
    "seal_forged",
    "seal_malformed",
    "seal_non_loopback",
    "seal_oversized",
    "seal_replayed",
    "seal_stale_boot",
    "seal_truncated",
    "seal_unknown_plane",
    "seal_wrong_key",
];

/// A little is such a part of all: enough to fill every buffer once in the sizes that are used.
const LITTLE: u64 = 8;
