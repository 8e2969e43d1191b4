//! Where the first peers are: addresses as written, names resolved again and again.
//!
//! A name may stand for many hosts, may not resolve yet when the agent starts, and may mean others tomorrow. So names
//! are asked for all through the agent's life, here rather than by chitchat, whose resolver delays its start and runs in
//! a task nobody watches.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::watch;

/// Seeds, told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seeds {
    /// Written as addresses.
    pub(super) addresses: Vec<SocketAddr>,
    /// Names with ports.
    pub(super) names: Vec<String>,
}

impl Seeds {
    pub(super) fn of(seeds: &[String]) -> Self {
        let mut told = Self::default();
        for seed in seeds {
            match seed.parse() {
                Ok(address) => told.addresses.push(address),
                Err(_) => told.names.push(seed.clone()),
            }
        }
        told
    }
}

/// Resolves names for ever; what they stand for replaces what they stood for.
pub(super) async fn resolve(names: Vec<String>, resolved: watch::Sender<Vec<SocketAddr>>) {
    if names.is_empty() {
        return std::future::pending().await;
    }
    // Said once for each name, and again when it had resolved in between.
    let mut unresolved = BTreeSet::new();
    loop {
        let mut addresses = Vec::new();
        for name in &names {
            match lookup_host(name).await {
                Ok(found) => {
                    addresses.extend(found.take(PER_NAME_MAX));
                    unresolved.remove(name);
                }
                Err(error) if unresolved.insert(name) => {
                    tracing::warn!(seed = %name, %error, "a seed's name does not resolve; it is tried again and again");
                }
                Err(_) => {}
            }
        }
        let pause = if addresses.is_empty() { RETRY } else { REFRESH };
        resolved.send_replace(addresses);
        tokio::time::sleep(pause).await;
    }
}

/// Most addresses taken from one name: any of them leads to all the others.
const PER_NAME_MAX: usize = 16;

/// How soon names that do not resolve are asked for again.
const RETRY: Duration = Duration::from_secs(5);

/// How soon names that resolve are asked for again: the usual life of a record for a moving set of hosts.
const REFRESH: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let seeds = Seeds::of(&["10.0.0.1:7".to_owned(), "agents.local:7".to_owned(), "[::1]:7".to_owned()]);
        assert_eq!(seeds.addresses, ["10.0.0.1:7".parse().unwrap(), "[::1]:7".parse().unwrap()]);
        assert_eq!(seeds.names, ["agents.local:7"]);
    }

    #[tokio::test]
    async fn a_name_becomes_addresses() {
        let (told, mut resolved) = watch::channel(Vec::new());
        let resolving = tokio::spawn(resolve(vec!["localhost:7".to_owned()], told));
        let found = resolved.wait_for(|addresses| !addresses.is_empty()).await.unwrap().clone();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        resolving.abort();
    }
}
