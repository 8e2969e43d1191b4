//! What this host tells its peers: digests of services that are not plainly well, and its word on itself.
//!
//! Made anew when a place changes or a rate is taken back, and once a second for the counts. Gossip is woken only if
//! they say something new: at rest the ages grow by themselves, in what was said before as well.

use std::time::Duration;

use super::Driver;
use crate::core::digest::{FailureDigest, Stay};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;
use crate::mail::Published;

impl Driver {
    /// Makes the digests anew within a moment.
    pub(super) fn publish_soon(&mut self) {
        self.publish_at = self.publish_at.min(self.published_at + PUBLISH_PAUSE);
    }

    /// After a failed call: a rate told to peers is a promise of good calls, and one that is not kept is taken back
    /// within a moment.
    pub(super) fn take_back_soon(&mut self, now: MonoTime) {
        if self.publish_at <= self.published_at + PUBLISH_PAUSE {
            return;
        }
        let kept = self.registry.host_word(now).rates;
        let is_kept = |service: &ServiceName| kept.binary_search_by(|(kept, _)| kept.cmp(service)).is_ok();
        let all_are_kept = self.outlets.published.borrow().host.rates.iter().all(|(service, _)| is_kept(service));
        if !all_are_kept {
            self.publish_soon();
        }
    }

    /// Makes the digests anew. Gossip is woken if they say anything new.
    pub(super) fn publish(&mut self, now: MonoTime) {
        self.registry.reclaim(now, RECLAIM_PLACES);
        let digests = self.registry.digests(now, DIGESTS_MAX);
        let digests = digests.into_iter().map(|digest| (digest.service.clone(), digest)).collect();
        let published = Published { digests, host: self.registry.host_word(now) };
        self.outlets.published.send_if_modified(|before| {
            let modified = !says_the_same(before, &published);
            *before = published;
            modified
        });
        self.published_at = now;
        self.publish_at = now + PUBLISH_EVERY;
    }
}

/// Whether all differ in nothing but that they are older: the same services, as long in the same states and phases. What
/// is only numbered anew is no news.
pub(super) fn says_the_same(before: &Published, after: &Published) -> bool {
    let (earlier, later) = (&before.digests, &after.digests);
    before.host == after.host
        && earlier.len() == later.len()
        && earlier.values().zip(later.values()).all(|(before, after)| only_older(before, after))
}

fn only_older(before: &FailureDigest, after: &FailureDigest) -> bool {
    let stays = match (before.stay, after.stay) {
        (Some(before), Some(after)) => before.age <= after.age && before == Stay { age: before.age, ..after },
        (before, after) => before == after,
    };
    let aged = FailureDigest { age: before.age, sequence: before.sequence, stay: before.stay, ..after.clone() };
    stays && before.age <= after.age && *before == aged
}

/// Places of permits looked at with each publishing: all of them within ten seconds, a tenth of a millisecond each time.
const RECLAIM_PLACES: usize = 16_384;

/// How often digests are made anew when nothing changes a place: their counts age by so much, and an agent at rest wakes
/// so often.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Least time between two makings: thousands of services that trip within a second are told together, or making their
/// digests, which takes some milliseconds, would be all that is done. A single trip after a quiet moment goes at once.
pub(super) const PUBLISH_PAUSE: Duration = Duration::from_millis(50);

/// Most services an agent speaks of: those that stopped calls first.
const DIGESTS_MAX: usize = 512;
