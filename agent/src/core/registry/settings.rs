//! What an agent decides once for all services, and how it judges together with others.

use std::sync::Arc;
use std::time::Duration;

use crate::core::digest::HostId;
use crate::core::guards::Guards;
use crate::core::peers::Reach;

/// What an agent decides once for all services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most services tracked.
    pub services_max: usize,
    /// Most permits out.
    pub permits_max: usize,
    /// Whether Open ends by itself.
    pub open_ends: OpenEnds,
    /// What nobody outside may know, so that names cannot be chosen to collide.
    pub index_seed: u64,
    /// How it judges together with others; `None` alone.
    pub cluster: Option<ClusterSettings>,
}

/// How an agent judges together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSettings {
    /// Itself.
    pub me: HostId,
    /// The failure domain it is in.
    pub zone: Option<Arc<str>>,
    /// A hash of the cluster's name: what is jittered by hash comes out alike on all its hosts.
    pub seed: u64,
    /// What the word of others may do here.
    pub authority: Authority,
    /// The shortest span judged: an index into the spans.
    pub shortest_span: usize,
    /// How long the cluster breaker stays Open, before jitter.
    pub recovery_timeout: Duration,
    /// For how long a peer counts that is not heard any more.
    pub reach: Reach,
    /// Which protections are on.
    pub guards: Guards,
}

/// What the word of others may do on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// Open services.
    #[default]
    Authoritative,
    /// Make the own breaker trip sooner.
    Accelerate,
    /// Nothing: this host testifies and shows, and never joins.
    Advisory,
}

/// Whether Open ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenEnds {
    /// Only when somebody asks.
    OnAcquire,
    /// Also at its time, for a service that was asked for in the last [`DEMAND_SECONDS`](super::DEMAND_SECONDS) seconds.
    InTime,
}
