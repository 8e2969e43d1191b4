//! What gossip counts, beside what its transport counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::seal::SealCounters;

/// Counts of gossip, shared with whoever shows them. Only ever growing; one of them is the largest of something and not
/// a sum.
#[derive(Debug, Default)]
pub struct GossipCounters {
    /// Those of the transport.
    pub seal: Arc<SealCounters>,
    /// Bytes of the largest failure digest told, its service's name included, and in an alert its host's; on the state
    /// plane before base64.
    pub digest_bytes_max: AtomicU64,
    /// Times gossip died and was started again.
    pub deaths: AtomicU64,
    /// Times another agent was heard under our node id with a number not below ours.
    pub name_clashes: AtomicU64,
    /// Values written for peers to read, and deleted.
    pub writes: AtomicU64,
    /// Services left out because more are in trouble than may be published.
    pub unpublished: AtomicU64,
    /// Genuine messages that chitchat does not understand.
    pub unreadable: AtomicU64,
    /// Genuine messages dropped because chitchat was behind.
    pub inbox_full: AtomicU64,
    /// Values of peers that are not what their key promises.
    pub malformed_values: AtomicU64,
    /// Values of peers older than what was heard before.
    pub stale_values: AtomicU64,
    /// Peers, or digests of one, beyond what is kept.
    pub beyond_limits: AtomicU64,
    /// Testimonies of ours, and what they were judged by, pushed to peers.
    pub alerts_sent: AtomicU64,
    /// Testimonies that peers pushed here, new or not.
    pub alerts_received: AtomicU64,
    /// Of these, passed on.
    pub alerts_relayed: AtomicU64,
    /// Not pushed or passed on because nobody needs them: a service known to be refused, one more host that joined.
    pub alerts_suppressed: AtomicU64,
    /// Lost to a limit: the queue, the budget of lone failures, the length of an entry, the driver's mailbox.
    pub alerts_dropped: AtomicU64,
    /// Ours, not pushed because they had waited for too long, and theirs, not passed on for the same reason.
    pub alerts_late: AtomicU64,
    /// Testimonies that cannot be, or are another cluster's.
    pub alerts_malformed: AtomicU64,
    /// Datagrams of alerts sent.
    pub alert_datagrams_sent: AtomicU64,
    /// Peers greeted, so that the first alert to them is used when it arrives.
    pub greetings: AtomicU64,
    /// Times this agent itself was away, and all that came meanwhile was dropped.
    pub away: AtomicU64,
    /// Messages dropped because this agent was away when they came.
    pub away_dropped: AtomicU64,
    /// Times the list of known incarnations grew to where chitchat will soon fail.
    pub size_alarms: AtomicU64,
}

impl GossipCounters {
    /// Every count by its name, the transport's included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("gossip_alert_datagrams_sent", &self.alert_datagrams_sent),
            ("gossip_alerts_dropped", &self.alerts_dropped),
            ("gossip_alerts_late", &self.alerts_late),
            ("gossip_alerts_malformed", &self.alerts_malformed),
            ("gossip_alerts_received", &self.alerts_received),
            ("gossip_alerts_relayed", &self.alerts_relayed),
            ("gossip_alerts_sent", &self.alerts_sent),
            ("gossip_alerts_suppressed", &self.alerts_suppressed),
            ("gossip_away", &self.away),
            ("gossip_away_dropped", &self.away_dropped),
            ("gossip_beyond_limits", &self.beyond_limits),
            ("gossip_deaths", &self.deaths),
            ("gossip_digest_bytes_max", &self.digest_bytes_max),
            ("gossip_greetings", &self.greetings),
            ("gossip_inbox_full", &self.inbox_full),
            ("gossip_malformed_values", &self.malformed_values),
            ("gossip_name_clashes", &self.name_clashes),
            ("gossip_size_alarms", &self.size_alarms),
            ("gossip_stale_values", &self.stale_values),
            ("gossip_unpublished", &self.unpublished),
            ("gossip_unreadable", &self.unreadable),
            ("gossip_writes", &self.writes),
        ]
        .into_iter()
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
        .chain(self.seal.iter())
    }
}

/// Notes a failure digest that takes so many bytes.
pub(super) fn measure_digest(counters: &GossipCounters, bytes: usize) {
    counters.digest_bytes_max.fetch_max(bytes as u64, Ordering::Relaxed);
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
