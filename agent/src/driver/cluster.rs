//! What the driver tells the registry of others: who judges together, and everything gossip says.
//!
//! The registry decides; here news only changes its clothes. What gossip knows beside testimony (addresses, zones, how
//! it fares) is kept in `peers`, to be shown.
//!
//! Lateness comes first. An agent that was stopped, or had no processor, finds a mailbox of old news whose age nobody
//! knows, and must not judge by it. So each turn looks, before anything else and also before the mail that woke it, at how
//! long ago it should have come; whatever is then taken in is taken in by an agent that knows it was away.

use breaker_client::wire::GossipHealth;

use super::{Driver, Identity};
use crate::config::Config;
use crate::core::digest::{HostId, HostView};
use crate::core::fnv::Fnv;
use crate::core::guards::Guards;
use crate::core::peers::Reach;
use crate::core::registry::{ClusterSettings, Hearing};
use crate::core::time::MonoTime;
use crate::mail::{GossipNews, MemberView, Standing};
use crate::observe::Observed;

use std::time::Duration;

/// How an agent of this configuration judges together with others; `None` if it gossips with nobody.
pub(super) fn settings(
    config: &Config,
    identity: &Identity,
    gossip: GossipHealth,
    guards: Guards,
) -> Option<ClusterSettings> {
    (gossip != GossipHealth::Off).then(|| ClusterSettings {
        me: HostId::new(&identity.node),
        zone: identity.zone.as_deref().map(Into::into),
        seed: seed_of(config.gossip.cluster.value.as_str()),
        authority: config.cluster.authority.value,
        shortest_span: config.cluster.sustained.value.index(),
        recovery_timeout: config.cluster.recovery_timeout.value,
        reach: Reach::of_gossip_every(config.gossip.interval.value),
        guards,
    })
}

impl Driver {
    /// Says that the agent was away, if this turn should have come long ago.
    pub(super) fn notice_lateness(&mut self, now: MonoTime) {
        let late = now.since(self.next_wake());
        if late > LATE_MAX {
            self.counts.turns_late += 1;
            tracing::warn!(?late, "the agent was away: stopped, or without a processor");
            self.hearing_is(now, Hearing::WasAway(late));
        }
    }

    /// Takes in what gossip says.
    pub(super) fn hear(&mut self, now: MonoTime, news: GossipNews) {
        if let GossipNews::Heard { testimony, .. } = &news {
            self.counts.testimonies_heard += 1;
            self.observe(now, Observed::Heard(testimony));
        }
        let (registry, mut turn, _) = self.turn(now);
        match news {
            GossipNews::Heard { testimony, way } => registry.hear(&mut turn, &testimony, way),
            GossipNews::Withdrawn { host, service } => registry.withdrawn(&mut turn, &host, &service),
            GossipNews::Said { host, incarnation, word } => registry.host_said(&mut turn, &host, incarnation, word),
            GossipNews::Members(members) => {
                registry.hosts_are(&mut turn, members.iter().map(host).collect());
                self.peers.are(now, members);
            }
            GossipNews::Health { health, incarnation } => {
                self.peers.fares(health, incarnation);
                self.hearing_is(now, hearing(health));
            }
            GossipNews::Away(away) => {
                self.counts.absences_told += 1;
                self.hearing_is(now, Hearing::WasAway(away));
            }
        }
    }

    fn hearing_is(&mut self, now: MonoTime, hearing: Hearing) {
        let (registry, mut turn, _) = self.turn(now);
        registry.hearing_is(&mut turn, hearing);
    }
}

fn hearing(health: GossipHealth) -> Hearing {
    match health {
        GossipHealth::Off | GossipHealth::Running => Hearing::Works,
        GossipHealth::Degraded => Hearing::Dead,
    }
}

fn host(member: &MemberView) -> HostView {
    HostView {
        host: HostId::new(&member.node),
        incarnation: member.incarnation,
        heard: member.heard,
        left: member.standing == Standing::Left,
    }
}

/// A number that all hosts of a cluster have alike, whatever their build.
fn seed_of(cluster: &str) -> u64 {
    Fnv::of(cluster.as_bytes()).value()
}

/// Latest turn that still is in time: a busy host keeps a task waiting for tens of milliseconds, hardly for a second,
/// and news a second older than it says is about as old as what peers count for (three seconds).
pub(super) const LATE_MAX: Duration = Duration::from_secs(1);
