//! Which of our digests are written when: at most four writes a second, what changed most in meaning first.
//!
//! Every write reaches every host, so a host in trouble with two hundred services must not write them all at once, and
//! counts that tick with every call must not be written with every call. A digest of a service not yet told, another
//! state, or a digest withdrawn goes first; new counts follow, the longest unwritten first.
//!
//! A value: `now` is an argument, and nothing is sent here.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::entry::{digest_key, digest_value};
use crate::core::digest::{FailureDigest, StateKind};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;
use crate::mail::Published;

/// What is to be told and what has been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Publisher {
    wanted: BTreeMap<ServiceName, Wanted>,
    written: BTreeMap<ServiceName, Written>,
    /// When the last writes were made, the newest last.
    recent: VecDeque<MonoTime>,
    sequence: u64,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Set { key: String, value: String },
    Delete { key: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    digest: FailureDigest,
    /// When the breaker entered its state, on our clock.
    entered: MonoTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    state: StateKind,
    entered: MonoTime,
    total: u64,
    failed: u64,
    at: MonoTime,
}

impl Publisher {
    /// Takes the newest digests, heard of now; how many services had to be left out.
    pub(super) fn want(&mut self, published: &Published, now: MonoTime) -> usize {
        let chosen = self.choose(published);
        let left_out = published.digests.len() - chosen.len();
        let entered = |digest: &FailureDigest| now.since(MonoTime::START).saturating_sub(digest.age);
        let wanted =
            |digest: &FailureDigest| Wanted { digest: digest.clone(), entered: MonoTime::START + entered(digest) };
        self.wanted = chosen.into_iter().map(|digest| (digest.service.clone(), wanted(digest))).collect();
        left_out
    }

    /// The next write, if there is one and it may be made now. It counts as made.
    pub(super) fn next(&mut self, now: MonoTime) -> Option<Write> {
        let is_early = self.recent.front().is_some_and(|first| now.since(*first) < Duration::from_secs(1));
        if self.recent.len() >= WRITES_PER_SECOND && is_early {
            return None;
        }
        let write = self.withdrawal().or_else(|| self.telling(now))?;
        self.recent.push_back(now);
        while self.recent.len() > WRITES_PER_SECOND {
            self.recent.pop_front();
        }
        Some(write)
    }

    /// Begins a new life of gossip, in which nothing is written yet.
    pub(super) fn begin_anew(&mut self) {
        self.written.clear();
    }

    fn withdrawal(&mut self) -> Option<Write> {
        let gone = self.written.keys().find(|service| !self.wanted.contains_key(*service)).cloned()?;
        self.written.remove(&gone);
        Some(Write::Delete { key: digest_key(&gone) })
    }

    fn telling(&mut self, now: MonoTime) -> Option<Write> {
        let urgency = |(service, wanted): (&ServiceName, &Wanted)| {
            let class = wanted.urgency(self.written.get(service), now)?;
            Some((class, service.clone()))
        };
        let (_, service) = self.wanted.iter().filter_map(urgency).min()?;
        let Wanted { digest, entered } = self.wanted.get(&service)?;
        self.sequence += 1;
        let FailureDigest { state, total, failed, .. } = *digest;
        // The age is as of now: the digest may have waited its turn.
        let told = FailureDigest { age: digest.age.max(now.since(*entered)), ..digest.clone() };
        let write = Write::Set { key: digest_key(&service), value: digest_value(self.sequence, &told) };
        self.written.insert(service, Written { state, entered: *entered, total, failed, at: now });
        Some(write)
    }

    /// At most [`PUBLISHED_MAX`]: those that refuse before those that do not, those already told before others.
    fn choose<'a>(&self, published: &'a Published) -> Vec<&'a FailureDigest> {
        let mut digests: Vec<_> = published.digests.values().collect();
        if digests.len() > PUBLISHED_MAX {
            digests
                .sort_by_key(|digest| (digest.state == StateKind::Closed, !self.written.contains_key(&digest.service)));
            digests.truncate(PUBLISHED_MAX);
        }
        digests
    }
}

/// What goes first is smallest: a change of state, then counts by when they were last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    State,
    Counts { written: MonoTime },
}

impl Wanted {
    fn urgency(&self, written: Option<&Written>, now: MonoTime) -> Option<Urgency> {
        let Some(written) = written else { return Some(Urgency::State) };
        if self.digest.state != written.state || self.entered.since(written.entered) >= REENTRY {
            return Some(Urgency::State);
        }
        let same = (self.digest.total, self.digest.failed) == (written.total, written.failed);
        (!same && now.since(written.at) >= COUNTS_EVERY).then_some(Urgency::Counts { written: written.at })
    }
}

/// Most writes in any second: five hundred hosts in trouble at once then make two thousand writes a second in all,
/// some 200 KB/s at each host.
pub(super) const WRITES_PER_SECOND: usize = 4;

/// Most services published: what one reply of chitchat's can carry, with names of the longest kind.
pub(super) const PUBLISHED_MAX: usize = 512;

/// How often a service's counts are written anew at most: people read them, nothing is decided by them yet.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// A state entered this much later than the one told is another stay in it. Ages are rounded on the way here,
/// and the way itself takes a moment.
const REENTRY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
