//! What gossip needs to know from whoever starts it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::counters::GossipCounters;
use crate::clock::Clock;
use crate::core::guards::Guards;
use crate::keyring::Keyring;
use crate::mail::RaisedAlert;

/// What gossip needs to know.
pub struct GossipSetup {
    /// This agent's id: its own in the cluster, and short, because every exchange names everybody.
    pub node: String,
    /// The failure domain it is in.
    pub zone: Option<String>,
    /// The cluster; agents of another one are not spoken with.
    pub cluster: String,
    /// Where peers reach the socket.
    pub advertise: SocketAddr,
    /// Where the first peers are, as host:port.
    pub seeds: Vec<String>,
    /// How often to gossip; up to a tenth is added or taken off, drawn once.
    pub interval: Duration,
    /// The keys; without any, only loopback addresses are spoken with.
    pub keyring: Option<Keyring>,
    /// The number of this life of the agent, higher than any before.
    pub incarnation: u64,
    /// What all chance comes from. Must differ from life to life and from host to host.
    pub seed: [u8; 32],
    /// Told when gossip had to take a higher incarnation, before it is used; it is to outlive the agent.
    pub on_incarnation: Box<dyn Fn(u64) + Send + Sync>,
    /// Where everything is counted.
    pub counters: Arc<GossipCounters>,
    /// News that goes out at once.
    pub alerts: AlertSource,
    /// The agent's clock, by which they are stamped.
    pub clock: Clock,
    /// How peers become known.
    pub membership: Membership,
    /// Which protections are on.
    pub guards: Guards,
}

/// News that goes out at once; it outlives the lives of gossip.
pub type AlertSource = Arc<tokio::sync::Mutex<mpsc::Receiver<RaisedAlert>>>;

/// How peers become known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// By gossip.
    #[default]
    Gossiped,
    /// They are these, always; there is no state plane, only alerts.
    Given(Vec<GivenPeer>),
}

/// A peer that is known from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenPeer {
    /// Its id.
    pub node: String,
    /// The failure domain it is in.
    pub zone: Option<String>,
    /// Where it hears gossip.
    pub address: SocketAddr,
}
