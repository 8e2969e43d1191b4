//! Agents that gossip with each other on loopback, and the words of their configurations.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use breaker_client::wire::{Member, Presence};

use super::agent::{Agent, Plan};
use super::binaries;
use super::ctl::{Ended, program};
use super::folder::Folder;
use super::wait::wait_for;

/// Agents that share a keyring; the first is the seed of the others.
#[derive(Debug)]
pub struct Cluster {
    /// The agents, named `a`, `b` and so on.
    pub agents: Vec<Agent>,
    /// The file with their keys.
    pub ring: PathBuf,
    _folder: Folder,
}

impl Cluster {
    /// So many agents with this policy that all see each other.
    ///
    /// # Panics
    /// If one does not start, or they do not find each other in time.
    #[must_use]
    pub fn start(size: u8, policy: &str) -> Self {
        let folder = Folder::new();
        let ring = keyring(&folder, "ring");
        let mut agents: Vec<Agent> = Vec::new();
        for number in 0..size {
            let seeds: Vec<SocketAddr> = agents.first().map(Agent::gossip_address).into_iter().collect();
            let name = char::from(b'a' + number).to_string();
            let mut agent = member(&name, Some(&ring), &seeds, policy).start();
            agent.keep_address();
            agents.push(agent);
        }
        let cluster = Self { agents, ring, _folder: folder };
        wait_for("all agents to see each other", || cluster.is_whole().then_some(()));
        cluster
    }

    /// Whether every agent hears every other one, in its present life.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        is_whole(&self.agents)
    }
}

/// Whether every one of these agents hears every other one, in its present life, and nobody else.
pub(super) fn is_whole(agents: &[Agent]) -> bool {
    let views: Vec<Vec<Member>> = agents.iter().map(Agent::members).collect();
    let own = |view: &Vec<Member>| {
        let own = view.iter().find(|member| member.presence == Presence::Myself);
        own.map(|own| (own.node.clone(), own.incarnation)).expect("an agent is its own member")
    };
    let lives: BTreeMap<String, u64> = views.iter().map(own).collect();
    views.iter().all(|view| {
        let heard = view.iter().filter(|member| matches!(member.presence, Presence::Myself | Presence::Live));
        heard.map(|member| (member.node.clone(), member.incarnation)).collect::<BTreeMap<_, _>>() == lives
    })
}

/// Writes a new keyring, made by `breakerd keygen`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn keyring(folder: &Folder, name: &str) -> PathBuf {
    let made = Ended::of(program(&binaries().breakerd).arg("keygen")).well();
    folder.write(name, made.out)
}

/// An agent that gossips on loopback with this keyring and this policy, as often as [`INTERVAL`] says.
///
/// # Panics
/// If the keyring's path is no text.
#[must_use]
pub fn member(node: &str, keyring: Option<&Path>, seeds: &[SocketAddr], policy: &str) -> Plan {
    let keyring = keyring.map(|path| format!(", keyring: {}", path.to_str().expect("the path is text")));
    let seeds: Vec<String> = seeds.iter().map(|seed| format!("\"{seed}\"")).collect();
    let (keyring, seeds, interval) = (keyring.unwrap_or_default(), seeds.join(", "), INTERVAL.as_millis());
    let gossip = format!("gossip: {{listen: \"127.0.0.1:0\", interval: {interval}ms, seeds: [{seeds}]{keyring}}}");
    Plan::new(node, &format!("{gossip}\n{policy}\n"))
}

/// A policy as the defaults have it, but for these keys, written as YAML in braces; without jitter, so that times are
/// what they are said to be.
#[must_use]
pub fn policy(keys: &str) -> String {
    format!("circuit_breaker: {{backoff: {{jitter: none}}, {keys}}}")
}

/// An address on loopback where nothing listens, for something that must be told its address before it starts. On
/// 127.0.0.3, where the system gives no ports to others.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 3), 0)).expect("loopback has a free port");
    socket.local_addr().expect("it is bound")
}

/// How often the agents of the tests gossip: often enough for tests that wait for ten intervals, seldom enough for two
/// cores that run several clusters at once.
pub const INTERVAL: Duration = Duration::from_millis(200);
