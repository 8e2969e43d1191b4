//! One host: an agent, started through the agent's own `daemon::run`, and the application beside it.
//!
//! Nothing of the agent is built here but what the daemon takes as arguments: a configuration that went through the
//! same text and the same checks as a user's, a socket of the fabric, a listener in memory, and who the agent is. The
//! application speaks with it through the real client library.
//!
//! A host can be started again: each life has the next incarnation and a seed of its own. Agent, client and application
//! are parts of one future, so that none can die, or panic, without the simulation hearing of it.

use std::error::Error;
use std::fmt::Write as _;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use breaker_agent::config::Config;
use breaker_agent::core::guards::Guards;
use breaker_agent::daemon::{self, GossipSeam, Seams};
use breaker_agent::driver::Identity;
use breaker_agent::gossip::Membership;
use breaker_agent::keyring::Keyring;
use breaker_client::{Client, Options};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::fabric::{Ended, Port};
use crate::listener;

/// A host, through all lives of its agent.
pub struct Host {
    port: Arc<Port>,
    setup: Setup,
    lives: Mutex<Lives>,
}

/// What a host needs to know of its cluster.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whom the agent calls first.
    pub seeds: Vec<SocketAddr>,
    /// The key gossip is sealed with.
    pub keyring: Keyring,
    /// Where all chance of the host comes from.
    pub chance: u64,
    /// How long after the simulation the host starts: hosts of a cluster do not start in one moment.
    pub starts_after: Duration,
}

struct Lives {
    rng: StdRng,
    count: u64,
}

impl Host {
    /// A host that has not started.
    #[must_use]
    pub fn new(port: Arc<Port>, setup: Setup) -> Self {
        let lives = Lives { rng: StdRng::seed_from_u64(setup.chance), count: 0 };
        Self { port, setup, lives: Mutex::new(lives) }
    }

    /// Where it is on the network.
    #[must_use]
    pub fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// Lives once: runs the agent and the application until one of them fails. An application that is done leaves the
    /// agent running.
    ///
    /// # Errors
    /// What either failed with.
    pub async fn live<A, Fut>(self: Arc<Self>, application: A) -> Ended
    where
        A: FnOnce(Client) -> Fut,
        Fut: Future<Output = Ended>,
    {
        let (identity, client_seed) = self.next_life();
        if identity.incarnation == 1 {
            tokio::time::sleep(self.setup.starts_after).await;
        }
        let (listener, dialer) = listener::in_memory();
        let options = Options { seed: client_seed, ..Options::default() };
        let (client, link) = Client::unspawned(dialer.connector(Some(APPLICATION_USER)), &options);
        let gossip = GossipSeam {
            datagrams: Arc::new(self.port.bind().await?),
            advertise: self.port.address(),
            keyring: Some(self.setup.keyring.clone()),
            on_incarnation: Arc::new(|_| {}),
            membership: Membership::Gossiped,
        };
        let seams = Seams { listener, gossip: Some(gossip), identity, guards: Guards::ON, observer: None };
        let config = Arc::new(Config::load(&self.config(), self.port.host())?);
        let agent = daemon::run(config, seams, pending());
        let application = async {
            application(client).await?;
            pending::<Ended>().await
        };
        // The agent first: it must be there before it is asked.
        let ended = tokio::select! {
            biased;
            stopped = agent => stopped.map_err(Into::into),
            failed = application => failed,
            () = link => Err("the client's task has ended".into()),
        };
        ended.and(Err("the agent has stopped by itself".into())).map_err(|error: Box<dyn Error>| self.named(&*error))
    }

    fn next_life(&self) -> (Identity, u64) {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.count += 1;
        let mut seed = [0; 32];
        lives.rng.fill_bytes(&mut seed);
        let identity = Identity {
            node: self.port.host().to_owned(),
            zone: None,
            seed,
            incarnation: lives.count,
            gossip_address: Some(self.port.address()),
            uid: None,
        };
        (identity, lives.rng.random())
    }

    /// The configuration a user would write.
    fn config(&self) -> String {
        let mut text = format!("node: {{id: {}}}\ngossip:\n", self.port.host());
        // Writing to a string cannot fail. The keyring's file is not read here: the daemon is given the keys.
        let _ = writeln!(text, "  listen: \"{}\"\n  keyring: in-memory\n  seeds:", self.port.address());
        for seed in &self.setup.seeds {
            let _ = writeln!(text, "    - \"{seed}\"");
        }
        text
    }

    fn named(&self, error: &dyn Error) -> Box<dyn Error> {
        format!("{}: {error}", self.port.host()).into()
    }
}

/// The user applications run as: not root, and not the agent's, which has none.
const APPLICATION_USER: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fabric::Loss;
    use crate::trace::Recorder;

    fn host(chance: u64) -> Host {
        let address = "192.168.0.9:7373".parse().unwrap();
        let keyring = Keyring::generate(&mut StdRng::seed_from_u64(1));
        let seeds = vec!["192.168.0.1:7373".parse().unwrap(), "192.168.0.2:7373".parse().unwrap()];
        let port = Port::new("h8", address, 1, Loss::default(), Recorder::hashing());
        Host::new(Arc::new(port), Setup { seeds, keyring, chance, starts_after: Duration::ZERO })
    }

    #[test]
    fn each_life_has_the_next_incarnation_and_draws_anew() {
        let (host, same, other) = (host(1), host(1), host(2));
        let ((first, _), (second, _)) = (host.next_life(), host.next_life());
        assert_eq!((first.incarnation, second.incarnation), (1, 2));
        assert_ne!(first.seed, second.seed);
        assert_eq!(first.seed, same.next_life().0.seed);
        assert_ne!(first.seed, other.next_life().0.seed);
    }

    #[test]
    fn its_configuration_is_one_a_user_could_write() {
        let config = Config::load(&host(1).config(), "h8").unwrap();
        assert_eq!(config.node.id.value.unwrap().as_str(), "h8");
        assert_eq!(config.gossip.listen.value.to_string(), "192.168.0.9:7373");
        let seeds: Vec<_> = config.gossip.seeds.value.iter().map(|seed| seed.as_str().to_owned()).collect();
        assert_eq!(seeds, ["192.168.0.1:7373", "192.168.0.2:7373"]);
    }
}
