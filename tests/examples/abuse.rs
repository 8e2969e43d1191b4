//! The full size of the abuse the tests do a little of: prints its figures, and fails as they do.
//!
//! `cargo run --release -p breaker-tests --example abuse -- --bytes 1G --frames 10000 --datagrams 1000000`
//!
//! Every kind has an agent of its own in a process of its own, but for the last, which has peers with news of an outage;
//! each ends at the latest when its time is over.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use breaker_agent::keyring::Keyring;
use breaker_tests::abuse::{Figures, Size, malformed_datagrams, malformed_frames, random_bytes};
use breaker_tests::stage::{Agent, Cluster, Folder, keyring, member, policy, wait_for};
use clap::Parser;

/// Abuse an agent and see what comes of it
#[derive(Clone, Debug, Parser)]
struct Cli {
    /// Random bytes at the socket, such as 16M or 1G, at most 64G
    #[arg(long, default_value = "1G", value_parser = bytes)]
    bytes: u64,
    /// Malformed frames at the socket
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    frames: u64,
    /// Malformed datagrams at the gossip port, with a key, without one, and among peers
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    datagrams: u64,
    /// What all of it is drawn from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Seconds each kind may take
    #[arg(long, default_value_t = 600)]
    seconds: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let size = |amount| Size { amount, seed: cli.seed, within: Duration::from_secs(cli.seconds) };
    let folder = Folder::new();
    let path = keyring(&folder, "ring");
    let ring = Keyring::read(&path)?.keyring;
    show(&random_bytes(&Agent::alone(""), size(cli.bytes)))?;
    show(&malformed_frames(&Agent::alone(""), size(cli.frames)))?;
    show(&malformed_datagrams(&member("sealed", Some(&path), &[], "").start(), Some(&ring), size(cli.datagrams)))?;
    show(&malformed_datagrams(&member("plain", None, &[], "").start(), None, size(cli.datagrams)))?;
    show(&among_peers(size(cli.datagrams))?)?;
    Ok(())
}

fn among_peers(size: Size) -> Result<Figures, Box<dyn Error>> {
    let cluster = Cluster::start(3, &policy("failure_threshold: 1, recovery_timeout: 6h"));
    let (agent, peers) = cluster.agents.split_first().expect("there are three");
    peers.iter().for_each(|peer| drop(peer.ctl(&["run", "shop", "--", "false"])));
    wait_for("the agent to hear of both", || (agent.service("shop").peers.len() == 2).then_some(()));
    Ok(malformed_datagrams(agent, Some(&Keyring::read(&cluster.ring)?.keyring), size))
}

fn show(figures: &Figures) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{figures}")
}

fn bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((end, 'K')) => (&text[..end], 1 << 10),
        Some((end, 'M')) => (&text[..end], 1 << 20),
        Some((end, 'G')) => (&text[..end], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|error| format!("{error}; expected a number such as 16M or 1G"))?;
    let bytes = number.checked_mul(unit).filter(|bytes| (1..=64 << 30).contains(bytes));
    bytes.ok_or_else(|| "expected 1 to 64G".to_owned())
}
