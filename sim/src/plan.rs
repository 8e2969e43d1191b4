//! A scenario as plain data: what there is, what goes wrong, what is expected. Read from YAML elsewhere; nothing here
//! can be wrong in itself.

use std::collections::BTreeMap;
use std::time::Duration;

/// What happens to a cluster, fully described but for the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// How long it goes on, at most. A run may end earlier when nothing more can be learnt.
    pub duration: Duration,
    /// The zones and how many hosts are in each, in order; hosts are h0, h1, … through all of them.
    pub zones: Vec<Zone>,
    /// The links between hosts, and between hosts and services.
    pub link: Link,
    /// The agent's own configuration, as YAML, without what the simulator itself sets (`node`, `gossip.listen`,
    /// `gossip.advertise`, `gossip.seeds`, `gossip.keyring`).
    pub agent: String,
    /// The services, by name.
    pub services: BTreeMap<String, Service>,
    /// Who calls them.
    pub callers: Vec<Callers>,
    /// What goes wrong, in order of time.
    pub faults: Vec<Fault>,
    /// Upper bounds of metrics by name (`brownout_goodput`: a lower one). Times in seconds.
    pub expect: BTreeMap<String, f64>,
}

/// Hosts that fail together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name; `None` where the scenario has no zones.
    pub name: Option<String>,
    /// How many hosts.
    pub hosts: usize,
}

/// What a link does to a datagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The shortest delay.
    pub latency_min: Duration,
    /// The longest; delays are uniform between.
    pub latency_max: Duration,
    /// The share of gossip's datagrams lost, 0 to 1. Calls are streams and lose nothing.
    pub loss: f64,
}

/// A simulated service: a FIFO queue with one server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service {
    /// Calls a second; each takes 0.5 to 1.5 of its inverse.
    pub capacity: f64,
    /// Median of the log-normal latency on top.
    pub latency: Duration,
    /// Calls that may wait; one more is refused at once.
    pub queue: usize,
    /// How it comes back from being down.
    pub warmup: Option<Warmup>,
}

/// Capacity grows linearly from `from` to full over `work` successful calls since it came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup {
    /// Calls a second at first.
    pub from: f64,
    /// Successful calls until full.
    pub work: f64,
}

/// A stream of calls on each of some hosts; Poisson arrivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Callers {
    /// Whom they call.
    pub service: String,
    /// Calls a second and host.
    pub rate: f64,
    /// How long a call may take.
    pub timeout: Duration,
    /// How often a failed call is tried again.
    pub retries: u32,
    /// On which hosts; all where empty.
    pub hosts: Vec<usize>,
}

/// Something that goes wrong, from a time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When.
    pub at: Duration,
    /// For how long; `None` for good, or where it has no length.
    pub lasts: Option<Duration>,
    /// What.
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are named for what they are; the variants say the rest")]
pub enum What {
    /// A service is down.
    ServiceDown { service: String, mode: Down },
    /// Of its calls, this share fails.
    ServiceErrors { service: String, rate: f64 },
    /// Its calls take so much longer.
    ServiceSlow { service: String, by: Duration },
    /// Its capacity falls to this share.
    Capacity { service: String, to: f64 },
    /// Hosts and services reach only their own group. A service named in none is reached by the first group.
    Partition { groups: Vec<Vec<Place>> },
    /// What these send does not reach those.
    OneWay { from: Vec<Place>, to: Vec<Place> },
    /// Calls of these hosts fail, whatever the service.
    SickHost { hosts: Vec<usize>, fails: f64 },
    /// Clients of these hosts report failures of calls that succeeded.
    Liar { hosts: Vec<usize>, service: String },
    /// Gossip's datagrams are lost.
    Loss { share: f64 },
    /// Gossip's datagrams arrive twice.
    Duplicate { share: f64 },
    /// Gossip's datagrams overtake each other: these are held for up to 50 ms.
    Reorder { share: f64 },
    /// Gossip's datagrams take so much longer.
    Delay { by: Duration },
    /// Agents and applications of these hosts die; they start again after a while.
    Crash { hosts: Vec<usize>, restart_after: Option<Duration> },
    /// These hosts stop, then go on as if nothing had been.
    Pause { hosts: Vec<usize> },
    /// Every agent is restarted, one after another.
    RollingRestart { every: Duration },
    /// Gossip of these hosts is dead: its socket fails.
    GossipDead { hosts: Vec<usize> },
}

/// Something with a network address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A host, by number.
    Host(usize),
    /// A service, by name.
    Service(String),
}

/// How a service is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// Calls are refused at once.
    Refuse,
    /// Calls are never answered.
    Hang,
}

/// How hosts decide about calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// As shipped.
    #[default]
    Gossip,
    /// Each agent alone, gossip off.
    Local,
    /// As shipped, with fixed steps of recovery.
    Steps,
    /// No agent: callers know the capacity. The yardstick.
    Oracle,
}

/// On which network hosts are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FabricKind {
    /// turmoil, up to 50 hosts.
    #[default]
    Turmoil,
    /// Datagrams in memory, up to 1,000 hosts.
    Memory,
}

/// One run, fully described: the same run gives the same trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What happens.
    pub scenario: Scenario,
    /// How hosts decide.
    pub mode: Mode,
    /// On which network.
    pub fabric: FabricKind,
    /// Where all chance comes from.
    pub seed: u64,
    /// Which protections are on.
    pub guards: breaker_agent::core::guards::Guards,
}

impl Scenario {
    /// How many hosts there are.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.zones.iter().map(|zone| zone.hosts).sum()
    }

    /// The zone of a host.
    #[must_use]
    pub fn zone_of(&self, host: usize) -> Option<&str> {
        let mut first_of_next = 0;
        let zone = self.zones.iter().find(|zone| {
            first_of_next += zone.hosts;
            host < first_of_next
        });
        zone.and_then(|zone| zone.name.as_deref())
    }
}

impl Mode {
    /// The word on the command line and in results.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gossip => "gossip",
            Self::Local => "local",
            Self::Steps => "steps",
            Self::Oracle => "oracle",
        }
    }
}

impl FabricKind {
    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Turmoil => "turmoil",
            Self::Memory => "memory",
        }
    }
}
