//! What the sealed transport counts: every datagram ends in exactly one of the counts of its direction.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of the sealed transport, shared with whoever shows them. Only ever growing.
#[derive(Debug, Default)]
pub struct SealCounters {
    /// Datagrams handed to the socket.
    pub sent: AtomicU64,
    /// Bytes of these.
    pub sent_bytes: AtomicU64,
    /// Datagrams the socket would not take.
    pub send_errors: AtomicU64,
    /// Messages not sent because they are longer than allowed.
    pub oversized_messages: AtomicU64,
    /// Datagrams that came, whatever became of them.
    pub received: AtomicU64,
    /// Bytes of these.
    pub received_bytes: AtomicU64,
    /// Errors of the socket while receiving.
    pub receive_errors: AtomicU64,
    /// Genuine, new and meant for this life: they were used.
    pub accepted: AtomicU64,
    /// Too short to hold anything.
    pub truncated: AtomicU64,
    /// Longer than any of ours.
    pub oversized: AtomicU64,
    /// Not sealed with the key they name, or not of our format at all.
    pub forged: AtomicU64,
    /// Sealed with a key that is not in the keyring.
    pub wrong_key: AtomicU64,
    /// Genuine but not understood: another version's, or a part that cannot be.
    pub malformed: AtomicU64,
    /// Seen before, too old to tell, or our own come back.
    pub replayed: AtomicU64,
    /// Meant for another life of this agent, or for nobody yet.
    pub stale_boot: AtomicU64,
    /// For a plane this agent does not know.
    pub unknown_plane: AtomicU64,
    /// From or to an address beyond loopback, without a key.
    pub non_loopback: AtomicU64,
    /// Parts that never came, of messages given up.
    pub parts_lost: AtomicU64,
    /// Answers to a stale boot id, so that its sender learns the present one.
    pub hellos_sent: AtomicU64,
    /// Stale boot ids left unanswered because there were too many.
    pub hellos_withheld: AtomicU64,
    /// New boot ids taken because the table of senders was full.
    pub renewals: AtomicU64,
}

impl SealCounters {
    /// Every count by its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("seal_accepted", &self.accepted),
            ("seal_forged", &self.forged),
            ("seal_hellos_sent", &self.hellos_sent),
            ("seal_hellos_withheld", &self.hellos_withheld),
            ("seal_malformed", &self.malformed),
            ("seal_non_loopback", &self.non_loopback),
            ("seal_oversized", &self.oversized),
            ("seal_oversized_messages", &self.oversized_messages),
            ("seal_parts_lost", &self.parts_lost),
            ("seal_receive_errors", &self.receive_errors),
            ("seal_received", &self.received),
            ("seal_received_bytes", &self.received_bytes),
            ("seal_renewals", &self.renewals),
            ("seal_replayed", &self.replayed),
            ("seal_send_errors", &self.send_errors),
            ("seal_sent", &self.sent),
            ("seal_sent_bytes", &self.sent_bytes),
            ("seal_stale_boot", &self.stale_boot),
            ("seal_truncated", &self.truncated),
            ("seal_unknown_plane", &self.unknown_plane),
            ("seal_wrong_key", &self.wrong_key),
        ]
        .into_iter()
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}
