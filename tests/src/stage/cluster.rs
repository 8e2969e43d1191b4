//! The words of configurations: agents that gossip on loopback, policies with times a test can wait for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::agent::Plan;
use super::binaries;
use super::ctl::{Ended, program};
use super::folder::Folder;

/// Writes a new keyring, made by `breakerd keygen`.
///
/// # Panics
/// If there is none.
pub fn keyring(folder: &Folder, name: &str) -> PathBuf {
    let made = Ended::of(program(&binaries().breakerd).arg("keygen")).well();
    folder.write(name, made.out)
}

/// An agent that gossips on loopback with this keyring, five times a second, and this policy.
///
/// # Panics
/// If the keyring's path is no text.
#[must_use]
pub fn member(node: &str, keyring: &Path, seeds: &[SocketAddr], policy: &str) -> Plan {
    let keyring = keyring.to_str().expect("the path is text");
    let seeds: Vec<String> = seeds.iter().map(|seed| format!("\"{seed}\"")).collect();
    let seeds = seeds.join(", ");
    let gossip = format!("gossip: {{listen: \"127.0.0.1:0\", interval: 200ms, keyring: {keyring}, seeds: [{seeds}]}}");
    Plan::new(node, &format!("{gossip}\n{policy}\n"))
}

/// A policy as the defaults have it, but for these keys, written as YAML in braces; without jitter, so that times are
/// what they are said to be.
#[must_use]
pub fn policy(keys: &str) -> String {
    format!("circuit_breaker: {{backoff: {{jitter: none}}, {keys}}}")
}
