//! What status and members answer: the agent, its services, its peers, as plain data.
//!
//! Kept apart from the requests because only people and dashboards read it; nothing on a call's path does.

use serde::{Deserialize, Serialize};

use super::{Authority, ClusterStatus, PeerDigest, Reason, State};

/// A page of the agent's services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusPage {
    /// The agent itself.
    pub agent: AgentStatus,
    /// Services in order of name.
    pub services: Vec<ServiceStatus>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// The agent in a few figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Its id in the cluster.
    pub node: String,
    /// The failure domain it is in.
    pub zone: Option<String>,
    /// Its version.
    pub version: String,
    /// The number of this life of the agent.
    pub incarnation: u64,
    /// Milliseconds since it started.
    pub up_ms: u64,
    /// How its gossip fares.
    pub gossip: GossipHealth,
    /// Whether it hears too few of the others: then it starts, joins and probes nothing for them, and counts nowhere.
    pub deaf: bool,
    /// Whether it fails where its peers do not: then it counts nowhere.
    pub sick: bool,
    /// What the word of peers may do here; means nothing while gossip is off.
    pub authority: Authority,
    /// Services it tracks.
    pub services: u64,
    /// Connections it serves.
    pub connections: u64,
    /// Everything it counts, by name, in order of name; only ever growing within one life, but for `permits_out`.
    pub counters: Vec<Counter>,
}

/// A named count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Such as `reports_dropped`.
    pub name: String,
    /// How often since the agent started.
    pub count: u64,
}

/// How gossip fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GossipHealth {
    /// Turned off by configuration.
    Off,
    /// Running.
    Running,
    /// Died and is being started again; breakers work on.
    Degraded,
}

/// One service on this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its path.
    pub service: String,
    /// The state of its breaker.
    pub state: State,
    /// Milliseconds in this state.
    pub since_ms: u64,
    /// Milliseconds until calls may be tried again; `None` where that is not a matter of time.
    pub retry_after_ms: Option<u64>,
    /// Why it is in this state; `None` if it has always been closed.
    pub reason: Option<Reason>,
    /// Who put it in this state, if an operator did.
    pub operator: Option<Operator>,
    /// The live window, or in HalfOpen its own counts.
    pub window: WindowStatus,
    /// Calls granted since the agent began to track it.
    pub granted: u64,
    /// Calls refused.
    pub rejected: u64,
    /// Calls let through that a fully enforced policy would have refused.
    pub would_refuse: u64,
    /// Outcomes dropped because they came late or without a permit.
    pub dropped: u64,
    /// Permits out.
    pub in_flight: u64,
    /// How the cluster sees it from here; `None` without gossip, and for a service that neither this host nor a peer
    /// speaks of.
    pub cluster: Option<ClusterStatus>,
    /// What peers say of it, newest first, as many as fit; empty unless asked for.
    pub peers: Vec<PeerDigest>,
}

/// The counts a breaker judges by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowStatus {
    /// Calls.
    pub total: u64,
    /// Of these, failed (failures, timeouts, throttled).
    pub failed: u64,
    /// Of these, longer than the slow limit.
    pub slow: u64,
    /// Of these, timed out.
    pub timeouts: u64,
    /// Failures in a row up to now.
    pub consecutive_failures: u64,
    /// Failed per million calls; `None` below the minimum throughput.
    pub failure_rate_ppm: Option<u32>,
    /// Slow per million calls; `None` below the minimum throughput.
    pub slow_rate_ppm: Option<u32>,
    /// Mean duration in microseconds of the calls whose duration is known; `None` below the minimum throughput.
    pub average_us: Option<u64>,
}

/// An operator's hold on a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The user who did it.
    pub uid: u32,
    /// What they said.
    pub reason: Option<String>,
    /// Milliseconds until it ends; `None` if only another action ends it.
    pub ends_in_ms: Option<u64>,
}

/// One agent of the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub node: String,
    /// Its zone, where known.
    pub zone: Option<String>,
    /// Where it hears gossip.
    pub address: String,
    /// The number of its present life.
    pub incarnation: u64,
    /// How it stands.
    pub presence: Presence,
    /// Milliseconds since something from it was processed; `None` for this agent itself.
    pub heard_ms: Option<u64>,
    /// Services it speaks of.
    pub digests: u64,
}

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// This agent.
    Myself,
    /// Heard lately.
    Live,
    /// Not heard for a while.
    Silent,
    /// Said goodbye.
    Left,
}
