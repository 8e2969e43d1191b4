//! What this host tells its peers: digests, alerts, and its word on itself.
//!
//! A digest says what is done with calls, and beside it only what the host saw itself; nothing told by peers gets into
//! its testimony. An alert is a digest that should not wait. A lone failure is told too, for the budget of the whole
//! cluster to carry or not, and further ones of a service no more often than they can be told apart.
//!
//! Rates are promises: from a silent host that promised calls peers conclude that they go well. So a promise that is not
//! kept is withdrawn at once: when, in the shortest span in which enough calls were promised, under a quarter came back
//! good.

use std::time::Duration;

use rand_core::Rng;

use super::cluster::Cluster;
use super::{Registry, Turn};
use crate::core::breaker::Breaker;
use crate::core::cluster::ClusterBreaker;
use crate::core::digest::{Alert, FailureDigest, Flags, HostWord, RATES_MAX, SPANS, Testimony, Urgency, span};
use crate::core::service::ServiceName;
use crate::core::spans::OwnSpans;
use crate::core::state::StateKind;
use crate::core::store::Slot;
use crate::core::time::MonoTime;

use super::settings::Authority;

/// A rate that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    service: ServiceName,
    rate: u32,
    state: Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Yes,
    /// Withdrawn until it is.
    No,
}

impl Registry {
    /// What to tell peers: the services that are not plainly healthy, in order of name, `most` of them. Operators'
    /// states are this host's own affair and are not among them.
    pub fn digests(&mut self, now: MonoTime, most: usize) -> Vec<FailureDigest> {
        let (store, mut digests) = (&self.store, Vec::new());
        let cluster = self.cluster.as_deref_mut();
        self.unwell.retain(|place| {
            let told = store.get(*place).and_then(|slot| match cluster.as_deref() {
                Some(cluster) => cluster.digest(now, slot),
                None => digest_alone(now, slot),
            });
            let ill = told.is_some();
            digests.extend(told);
            ill
        });
        digests.sort_by(|a: &FailureDigest, b| (trouble(a), &a.service).cmp(&(trouble(b), &b.service)));
        digests.truncate(most);
        if let Some(cluster) = cluster {
            digests.iter_mut().for_each(|digest| digest.sequence = cluster.next_sequence());
        }
        self.promise(now);
        digests
    }

    /// Tells peers of a place, a claim or a verdict.
    pub(super) fn alert_place<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, judged_by: Vec<Testimony>) {
        self.alert(turn, place, Urgency::Place, judged_by);
    }

    /// Tells peers of a failed own call.
    pub(super) fn alert_failure<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32) {
        let slot = self.store.at_mut(place);
        // Open, it has told its place, or its trip.
        if slot.effective_state() == StateKind::Open {
            return;
        }
        let Some(part) = slot.cluster.as_deref_mut() else { return };
        if part.alerted.is_some_and(|at| turn.now.since(at) < ALERT_EVERY) {
            return;
        }
        part.alerted = Some(turn.now);
        let urgency = if part.row > 1 { Urgency::Failing } else { Urgency::Lone };
        self.alert(turn, place, urgency, Vec::new());
    }

    /// Looks at the promise for a service, after a failure: it may have to be withdrawn.
    pub(super) fn keep_promise(&mut self, now: MonoTime, place: u32) {
        let (Some(cluster), slot) = (self.cluster.as_deref_mut(), self.store.at(place)) else { return };
        // The place may have been another service's when the promise was made.
        let promise = cluster.promises.get_mut(&place).filter(|promise| promise.service == slot.name);
        if let (Some(promise), Some(part)) = (promise, &slot.cluster) {
            promise.state = kept(now, promise.rate, &part.spans);
        }
    }

    fn alert<R: Rng>(&mut self, turn: &mut Turn<'_, R>, place: u32, urgency: Urgency, judged_by: Vec<Testimony>) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        self.unwell.insert(place);
        if let Some(mut digest) = cluster.digest(turn.now, self.store.at(place)) {
            digest.sequence = cluster.next_sequence();
            turn.effects.alerts.push(Alert { urgency, digest, judged_by });
        }
    }

    /// Makes the rates of the busiest services anew.
    fn promise(&mut self, now: MonoTime) {
        let Some(cluster) = self.cluster.as_deref_mut() else { return };
        if cluster.promised_at.is_some_and(|at| now.since(at) < PROMISE_EVERY) {
            return;
        }
        cluster.promised_at = Some(now);
        let rated = self.store.taken().filter_map(|(place, slot)| Some((rate(now, slot)?, place, slot)));
        let mut busiest: Vec<(u32, u32, &Slot)> = rated.filter(|(rate, ..)| *rate > 0).collect();
        busiest.sort_by(|(a, _, one), (b, _, other)| (b, &one.name).cmp(&(a, &other.name)));
        busiest.truncate(RATES_MAX);
        let before = std::mem::take(&mut cluster.promises);
        for (rate, place, slot) in busiest {
            // What was promised is what has to be kept, until the next promise is made.
            let promised = before.get(&place).filter(|before| before.service == slot.name);
            let promised = promised.map_or(rate, |before| before.rate);
            let state = slot.cluster.as_ref().map_or(Kept::Yes, |part| kept(now, promised, &part.spans));
            cluster.promises.insert(place, Promise { service: slot.name.clone(), rate, state });
        }
    }
}

impl Cluster {
    /// What this host says of itself.
    pub(super) fn word(&self, now: MonoTime) -> HostWord {
        let kept = self.promises.values().filter(|promise| promise.state == Kept::Yes);
        let mut rates: Vec<(ServiceName, u32)> = kept.map(|promise| (promise.service.clone(), promise.rate)).collect();
        rates.sort();
        HostWord { zone: self.settings.zone.clone(), rates, sick: self.health.is_sick(), deaf: self.ear.is_deaf(now) }
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// What to tell of a service; nothing of one that is plainly healthy or that an operator decides for.
    fn digest(&self, now: MonoTime, slot: &Slot) -> Option<FailureDigest> {
        let part = slot.cluster.as_deref()?;
        let state = match slot.effective_state() {
            StateKind::ForcedOpen | StateKind::Disabled => return None,
            // It lets calls through and its testimony is as good as any; the operator's word is its own affair.
            StateKind::MetricsOnly | StateKind::Closed => StateKind::Closed,
            state @ (StateKind::Open | StateKind::HalfOpen) => state,
        };
        let (total, failed) = window(now, &slot.breaker);
        let spans = part.spans.counted(now);
        // Beneath an operator's state the opening goes on, but this host refuses nothing by it and probes nothing.
        let held = slot.breaker.state().hold().is_some();
        let stay = part.opening.as_ref().filter(|opening| !held || !opening.is_in()).map(|opening| opening.told(now));
        if state == StateKind::Closed && failed == 0 && spans[SPANS - 1].failed == 0 && stay.is_none() {
            return None;
        }
        let since = slot.opening().map_or(slot.breaker.since(), |opening| opening.since());
        Some(FailureDigest {
            age: now.since(since),
            total,
            failed,
            flags: self.flags(now, slot, part),
            spans,
            stay,
            ..FailureDigest::of(slot.name.clone(), state)
        })
    }

    fn flags(&self, now: MonoTime, slot: &Slot, part: &ClusterBreaker) -> Flags {
        Flags {
            standing: part.is_standing(&slot.breaker),
            overdue: false,
            sick: self.health.is_sick(),
            deaf: self.ear.is_deaf(now),
            advisory: self.settings.authority == Authority::Advisory,
            wanted: slot.is_wanted(now),
        }
    }
}

/// How often the host calls a service; `None` where an operator decides.
fn rate(now: MonoTime, slot: &Slot) -> Option<u32> {
    match slot.breaker.state().kind() {
        StateKind::ForcedOpen | StateKind::Disabled => None,
        StateKind::Closed | StateKind::Open | StateKind::HalfOpen | StateKind::MetricsOnly => {
            slot.cluster.as_ref().map(|part| OwnSpans::rate(&part.spans, now))
        }
    }
}

/// Whether a rate, in calls per 1,000 s, is what these spans show. What lies before the first call is no part of them: a
/// host that has just begun would take its word back for as long as its longest span is not full.
fn kept(now: MonoTime, rate: u32, own: &OwnSpans) -> Kept {
    let (spans, calling_for) = (own.counted(now), own.calling_for(now));
    let promised = |index: usize| {
        let time = span(index).min(calling_for);
        u64::from(rate) * u64::try_from(time.as_millis()).unwrap_or(0) / 1_000_000
    };
    let Some(index) = (0..SPANS).find(|index| promised(*index) >= PROMISED_MIN) else { return Kept::Yes };
    let good = spans[index].calls.saturating_sub(spans[index].failed);
    if u64::from(good) * 4 < promised(index) { Kept::No } else { Kept::Yes }
}

fn digest_alone(now: MonoTime, slot: &Slot) -> Option<FailureDigest> {
    let state = slot.breaker.state().kind();
    let (total, failed) = window(now, &slot.breaker);
    let age = now.since(slot.breaker.since());
    let digest = FailureDigest { age, total, failed, ..FailureDigest::of(slot.name.clone(), state) };
    match state {
        StateKind::Closed if failed == 0 => None,
        StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => None,
        StateKind::Closed | StateKind::Open | StateKind::HalfOpen => Some(digest),
    }
}

/// Calls in the window, and failed ones less those by the host's own fault.
fn window(now: MonoTime, breaker: &Breaker) -> (u64, u64) {
    let tally = breaker.tally(now);
    let counts = tally.counts();
    (counts.total, counts.failed - counts.host_faults)
}

/// Services that stopped calls come first where there is no room for all.
fn trouble(digest: &FailureDigest) -> u8 {
    match digest.state {
        StateKind::Open => 0,
        StateKind::HalfOpen => 1,
        StateKind::Closed | StateKind::ForcedOpen | StateKind::Disabled | StateKind::MetricsOnly => 2,
    }
}

/// Least time between two alerts about failures of one service: they are gathered into datagrams for a millisecond or
/// two, and of one service the newest says all.
const ALERT_EVERY: Duration = Duration::from_millis(5);

/// How often rates are made anew: they are means over a minute.
const PROMISE_EVERY: Duration = Duration::from_secs(1);

/// Fewest promised calls by which a promise is judged: with fewer, a quarter of them is a matter of chance.
const PROMISED_MIN: u64 = 32;
