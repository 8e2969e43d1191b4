//! Which of our words are written when: at most four writes a second, what changed most in meaning first.
//!
//! Every write reaches every host, so a host in trouble with two hundred services must not write them all at once, and
//! counts that tick with every call must not be written with every call. First goes what a host takes back of what it
//! said of itself; then a digest withdrawn, or of a service not yet told, or with another place; then, one a second,
//! new counts, the longest unwritten first. What a host says of itself is otherwise written twice a minute, and more
//! often while a life is young.
//!
//! A value: `now` is an argument, and nothing is sent here.

mod host;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::host::{HostWriting, Need};
use super::coarse::Coarse;
use crate::core::digest::{FailureDigest, Flags, Phase, Probes, Spans, StateKind, Stay};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;
use crate::mail::Published;

/// What is to be told and what has been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Publisher {
    wanted: BTreeMap<ServiceName, Wanted>,
    written: BTreeMap<ServiceName, Written>,
    host: HostWriting,
    /// When the last writes were made, the newest last.
    recent: VecDeque<MonoTime>,
    /// When counts alone were last written.
    counted: Option<MonoTime>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// A digest, and how long ago it was made.
    Digest { digest: FailureDigest, held: Duration },
    /// A service is no longer spoken of.
    Delete(ServiceName),
    /// What the host says of itself.
    Host(Coarse),
}

impl Write {
    /// Whether it says that the host has just entered an opening.
    pub(super) fn is_entry(&self) -> bool {
        match self {
            Self::Digest { digest, held } => is_entry(digest, *held),
            Self::Delete(_) | Self::Host(_) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    digest: FailureDigest,
    /// When it was made.
    made: MonoTime,
    /// When the breaker entered its state, on our clock.
    entered: MonoTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    place: Place,
    counts: Counts,
    entered: MonoTime,
    at: MonoTime,
}

/// What others decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    state: StateKind,
    flags: Flags,
    stay: Option<(u64, Phase, Probes)>,
}

/// What ticks with every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    total: u64,
    failed: u64,
    spans: Spans,
    is_wanted: bool,
}

impl Publisher {
    /// Takes the newest words, heard of now; how many services had to be left out.
    pub(super) fn want(&mut self, published: &Published, now: MonoTime) -> usize {
        self.host.want(Coarse::of(&published.host));
        let chosen = self.choose(published);
        let left_out = published.digests.len() - chosen.len();
        let entered = |digest: &FailureDigest| now.since(MonoTime::START).saturating_sub(digest.age);
        let wanted = |digest: &FailureDigest| Wanted {
            digest: digest.clone(),
            made: now,
            entered: MonoTime::START + entered(digest),
        };
        self.wanted = chosen.into_iter().map(|digest| (digest.service.clone(), wanted(digest))).collect();
        left_out
    }

    /// The next write, if there is one and it may be made now. It counts as made.
    pub(super) fn next(&mut self, now: MonoTime) -> Option<Write> {
        let is_early = self.recent.front().is_some_and(|first| now.since(*first) < Duration::from_secs(1));
        if self.recent.len() >= WRITES_PER_SECOND && is_early {
            return None;
        }
        let write = self.host_if(Need::Urgent, now).or_else(|| self.withdrawal()).or_else(|| self.telling(now));
        let write = write.or_else(|| self.host_if(Need::Regular, now))?;
        self.recent.push_back(now);
        while self.recent.len() > WRITES_PER_SECOND {
            self.recent.pop_front();
        }
        Some(write)
    }

    /// Begins a new life of gossip, in which nothing is written yet.
    pub(super) fn begin_anew(&mut self, now: MonoTime) {
        self.written.clear();
        self.host.begin_anew(now);
    }

    fn host_if(&mut self, need: Need, now: MonoTime) -> Option<Write> {
        (self.host.need(now)? == need).then(|| Write::Host(self.host.write(now)))
    }

    fn withdrawal(&mut self) -> Option<Write> {
        let gone = self.written.keys().find(|service| !self.wanted.contains_key(*service)).cloned()?;
        self.written.remove(&gone);
        Some(Write::Delete(gone))
    }

    fn telling(&mut self, now: MonoTime) -> Option<Write> {
        let urgency = |(service, wanted): (&ServiceName, &Wanted)| {
            let class = wanted.urgency(self.written.get(service), now)?;
            Some((class, service.clone()))
        };
        let (urgency, service) = self.wanted.iter().filter_map(urgency).min()?;
        if matches!(urgency, Urgency::Counts { .. }) {
            if self.counted.is_some_and(|last| now.since(last) < COUNTS_PAUSE) {
                return None;
            }
            self.counted = Some(now);
        }
        let Wanted { digest, made, entered } = self.wanted.get(&service)?;
        let written = Written { place: Place::of(digest), counts: Counts::of(digest), entered: *entered, at: now };
        self.written.insert(service, written);
        Some(Write::Digest { digest: digest.clone(), held: now.since(*made) })
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
    /// The never written first, then the longest unwritten: places that change every second must not be all that is
    /// ever written.
    State {
        written: Option<MonoTime>,
    },
    Counts {
        written: MonoTime,
    },
}

impl Wanted {
    fn urgency(&self, written: Option<&Written>, now: MonoTime) -> Option<Urgency> {
        let Some(written) = written else { return Some(Urgency::State { written: None }) };
        if Place::of(&self.digest) != written.place || self.entered.since(written.entered) >= REENTRY {
            return Some(Urgency::State { written: Some(written.at) });
        }
        let is_due = Counts::of(&self.digest) != written.counts && now.since(written.at) >= COUNTS_EVERY;
        is_due.then_some(Urgency::Counts { written: written.at })
    }
}

impl Place {
    fn of(digest: &FailureDigest) -> Self {
        let stay = |Stay { number, phase, probes, .. }: Stay| (number, phase, probes);
        let flags = Flags { wanted: false, ..digest.flags };
        Self { state: digest.state, flags, stay: digest.stay.map(stay) }
    }
}

impl Counts {
    fn of(digest: &FailureDigest) -> Self {
        let FailureDigest { total, failed, spans, flags, .. } = *digest;
        Self { total, failed, spans, is_wanted: flags.wanted }
    }
}

/// Whether a digest that is so old says that its host has just entered an opening.
pub(super) fn is_entry(digest: &FailureDigest, age: Duration) -> bool {
    digest.stay.is_some_and(|stay| stay.phase == Phase::Open && stay.age.saturating_add(age) < ENTERED_WITHIN)
}

/// Who has been in an opening for longer has said so before.
const ENTERED_WITHIN: Duration = Duration::from_millis(500);

/// Most writes in any second: five hundred hosts in trouble at once then make two thousand writes a second in all,
/// some 200 KB/s at each host.
pub(super) const WRITES_PER_SECOND: usize = 4;

/// Most services published: what one reply of chitchat's can carry, with names of the longest kind.
pub(super) const PUBLISHED_MAX: usize = 512;

/// How often a service's counts are written anew at most. What others decide by counts comes as alerts; this repairs
/// what was lost, and is a second or two old whenever it arrives.
pub(super) const COUNTS_EVERY: Duration = Duration::from_secs(2);

/// How often any counts are written anew: two hundred services whose calls trickle cost a cluster of a hundred hosts
/// a hundred writes a second, some 10 KB/s at each host.
pub(super) const COUNTS_PAUSE: Duration = Duration::from_secs(1);

/// A state entered this much later than the one told is another stay in it. Ages are rounded on the way here,
/// and the way itself takes a moment.
const REENTRY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
