//! The alert plane: what is pushed at once, what is passed on, and what is better left unsaid.
//!
//! An epidemic by push: a place, or the trip of a host's own breaker, goes to [`FAN_OUT`] peers, testimony to
//! [`FAN_OUT_TESTIMONY`], most of them random, and whoever hears it for the first time does the same, once. With links of 1 to 3 ms and a loss of 5 % six reach 99 % of
//! a hundred hosts within 10 ms; three never reach the last 6 %. Nothing is acknowledged or repeated: the state plane
//! repairs.
//!
//! News is judged by content. A testimony is news if nothing newer was heard of its host and service; but once its
//! host is in an opening, only a place not heard of before is: an opening, its phase, a claim, a verdict of a probe.
//! That one more host joined is not passed on. Others' testimony of a refused service is, until a place of it has been
//! known for [`PLACE_SETTLES`]; our own failures are told unless our newest digest says that we are in the opening. So
//! an outage is told for as long as it takes to convince everybody, not once per failure and host for all its length.
//!
//! A first alert leaves at once; what follows is gathered for a millisecond or two, longer as the budget is used up. A
//! place waits for other places only, so that it crosses a network full of testimony as fast as a silent one, and once
//! the budget is used up until a fan-out can be paid. All of it is told as old as it is, and what waited for [`WAIT_MAX`]
//! not at all.
//!
//! A value: `now` and the generator are arguments, and nothing is sent here.
//!
//! **Invariant:** what one host says in one digest is passed on at most once; our own word, told by others, never.
//! **Invariant:** without news nothing is sent.

mod budget;
mod memory;
mod queue;
mod view;
mod wire;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::{Rng, RngExt};

pub(super) use self::view::{Neighbour, View};
pub(super) use self::wire::ClusterTag;

use self::budget::{Bucket, DATAGRAMS, DATAGRAMS_BURST, KEPT_FOR_PLACES};
use self::memory::{Memory, News};
use self::queue::{Queue, Turn, Waiting};
use self::wire::{Message, Role, Told};
use super::counters::{GossipCounters, count, measure_digest};
use crate::core::digest::{Alert, FailureDigest, HostId, Testimony, Urgency};
use crate::core::service::ServiceName;
use crate::core::time::MonoTime;
use crate::mail::Published;

/// The alert plane of one life of gossip.
#[derive(Debug)]
pub(super) struct Alerts {
    me: Speaker,
    view: View,
    memory: Memory,
    queue: Queue,
    /// Services our own newest digest says are refused.
    refused_here: BTreeSet<ServiceName>,
    datagrams: Bucket,
    lone: Bucket,
    /// Until when to gather what came since something was last sent.
    gathering: Gather,
    outnumbered_by: Option<u64>,
    counters: Arc<GossipCounters>,
}

/// Who speaks, in which life and cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Speaker {
    pub(super) host: HostId,
    pub(super) incarnation: u64,
    pub(super) cluster: ClusterTag,
}

/// Until when to gather.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gather {
    /// Places: the usual since some last left, or until a whole fan-out can be paid.
    place: MonoTime,
    /// Anything else: the longer the less there is left to spend.
    other: MonoTime,
}

/// What has just left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    /// What is left of the budget.
    tokens: u32,
    /// Whether places were among it.
    places: bool,
}

/// A message that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'a> {
    pub(super) from: SocketAddr,
    pub(super) message: &'a [u8],
    /// How long it had waited here.
    pub(super) waited: Duration,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) to: SocketAddr,
    pub(super) message: Vec<u8>,
}

impl Alerts {
    pub(super) fn new(me: Speaker, view: View, counters: Arc<GossipCounters>) -> Self {
        Self {
            me,
            view,
            memory: Memory::new(),
            queue: Queue::default(),
            refused_here: BTreeSet::new(),
            datagrams: Bucket::full(MonoTime::START),
            lone: Bucket::full(MonoTime::START),
            gathering: Gather::default(),
            outnumbered_by: None,
            counters,
        }
    }

    /// These are live.
    pub(super) fn neighbours_are(&mut self, live: &[Neighbour]) {
        self.view.choose(live);
        if live.is_empty() {
            self.queue.clear();
        }
    }

    /// This is what we publish.
    pub(super) fn published(&mut self, published: &Published) {
        let refused = published.digests.values().filter(|digest| is_refused(digest));
        self.refused_here = refused.map(|digest| digest.service.clone()).collect();
    }

    /// Takes in our own news, which has waited for so long.
    pub(super) fn push(&mut self, alert: Alert, waited: Duration, now: MonoTime) {
        if waited > WAIT_MAX {
            return count(&self.counters.alerts_late);
        }
        let Alert { urgency, digest, judged_by } = alert;
        let service = digest.service.clone();
        let was_refused = self.refused_here.contains(&service);
        if is_refused(&digest) {
            self.refused_here.insert(service);
        } else {
            self.refused_here.remove(&service);
        }
        let Speaker { host, incarnation, .. } = self.me.clone();
        let testimony = Testimony { host, incarnation, age: waited, digest };
        let news = self.memory.take(&testimony, now);
        let is_told = match urgency {
            Urgency::Place => news.is_new_place || testimony.digest.stay.is_none(),
            Urgency::Failing | Urgency::Lone => !was_refused,
        };
        if !is_told {
            return count(&self.counters.alerts_suppressed);
        }
        if urgency == Urgency::Lone && !self.may_tell_lone(now) {
            return count(&self.counters.alerts_dropped);
        }
        self.add(urgency, Told { role: Role::Testimony, testimony }, None, now);
        for testimony in judged_by {
            if testimony.host == self.me.host {
                continue;
            }
            let testimony = Testimony { age: testimony.age.saturating_add(waited), ..testimony };
            self.memory.take(&testimony, now);
            self.add(Urgency::Failing, Told { role: Role::Evidence, testimony }, None, now);
        }
    }

    /// Takes in a message; what is news in it, for the driver.
    pub(super) fn receive(&mut self, came: Came<'_>, now: MonoTime) -> Vec<Testimony> {
        let mut news = Vec::new();
        for told in wire::read(self.me.cluster, came.message) {
            let Ok(Told { role, testimony }) = told else {
                count(&self.counters.alerts_malformed);
                continue;
            };
            count(&self.counters.alerts_received);
            if testimony.host == self.me.host {
                self.hear_of_ourselves(testimony.incarnation);
                continue;
            }
            let testimony = Testimony { age: testimony.age.saturating_add(came.waited), ..testimony };
            news.extend(self.hear(Told { role, testimony }, came.from, now));
        }
        news
    }

    /// When something is to be sent, if anything is.
    pub(super) fn next_at(&self) -> Option<MonoTime> {
        let (turn, _) = self.queue.iter().next()?;
        Some(if turn.urgency == Urgency::Place { self.gathering.place } else { self.gathering.other })
    }

    /// What is to be sent now.
    pub(super) fn send<R: Rng>(&mut self, now: MonoTime, rng: &mut R) -> Vec<Parcel> {
        if self.next_at().is_none_or(|at| now < at) {
            return Vec::new();
        }
        let tokens = self.datagrams.tokens(now, DATAGRAMS);
        let (sent, parcels) = self.pack(tokens, now, rng);
        let places_left = sent.iter().any(|turn| turn.urgency == Urgency::Place);
        sent.into_iter().for_each(|turn| self.queue.remove(turn));
        let spent = u32::try_from(parcels.len()).unwrap_or(u32::MAX);
        self.datagrams.spend(spent, DATAGRAMS);
        self.gathering.go_on(Left { tokens: tokens.saturating_sub(spent), places: places_left }, now, rng);
        self.counters.alert_datagrams_sent.fetch_add(spent.into(), Ordering::Relaxed);
        parcels
    }

    /// Those spoken with.
    pub(super) fn neighbours(&self) -> &[Neighbour] {
        self.view.chosen()
    }

    /// A message that says nothing, so that two ends know each other before there is something to say.
    pub(super) fn greeting(&self) -> Vec<u8> {
        Message::new(self.me.cluster).into_bytes()
    }

    /// The number of somebody else under our name that is above ours.
    pub(super) fn outnumbered_by(&self) -> Option<u64> {
        self.outnumbered_by
    }

    /// One testimony of somebody else; told to the driver if there was nothing newer.
    fn hear(&mut self, told: Told, from: SocketAddr, now: MonoTime) -> Option<Testimony> {
        let testimony = told.testimony.clone();
        let was_settled = self.is_settled(&testimony.digest.service, now);
        let News { is_fresh, is_new_place } = self.memory.take(&testimony, now);
        if !is_fresh {
            return None;
        }
        let urgency = if is_new_place { Urgency::Place } else { Urgency::Failing };
        let is_passed_on = match told.role {
            _ if is_new_place => true,
            Role::Evidence => true,
            Role::Testimony => !was_settled && !is_refused(&testimony.digest),
        };
        if is_passed_on {
            self.add(urgency, told, Some(from), now);
        } else {
            count(&self.counters.alerts_suppressed);
        }
        Some(testimony)
    }

    fn add(&mut self, urgency: Urgency, told: Told, from: Option<SocketAddr>, now: MonoTime) {
        if self.view.chosen().is_empty() {
            return;
        }
        if self.queue.add(urgency, Waiting { told, since: now, from }).is_some() {
            count(&self.counters.alerts_dropped);
        }
    }

    fn hear_of_ourselves(&mut self, incarnation: u64) {
        if incarnation > self.me.incarnation {
            self.outnumbered_by = self.outnumbered_by.max(Some(incarnation));
        }
    }

    /// Whether calls to the service have been refused somewhere for so long that those who judge by what they hear have
    /// judged. Before that each more testimony may be the one that convinces somebody.
    fn is_settled(&self, service: &ServiceName, now: MonoTime) -> bool {
        self.memory.refused_at(service).is_some_and(|at| {
            let since = now.since(at);
            since >= PLACE_SETTLES && (since < PLACE_FRESH || self.refused_here.contains(service))
        })
    }

    fn may_tell_lone(&mut self, now: MonoTime) -> bool {
        let rate = budget::lone(self.view.hosts());
        let may = self.lone.tokens(now, rate) > 0;
        if may {
            self.lone.spend(1, rate);
        }
        may
    }

    /// As much of what waits as so many datagrams hold, and whose turn that was.
    fn pack<R: Rng>(&self, tokens: u32, now: MonoTime, rng: &mut R) -> (Vec<Turn>, Vec<Parcel>) {
        // Whoever told us needs it no more, nor does whose word it is.
        let mut drawn: Vec<_> =
            self.view.draw(FAN_OUT + TO_SPARE, rng).into_iter().map(|peer| (peer, Vec::<Message>::new())).collect();
        let (mut sent, mut left) = (Vec::new(), tokens);
        for (turn, waiting) in self.queue.iter() {
            let testimony = &waiting.told.testimony;
            let held = now.since(waiting.since);
            if held > WAIT_MAX {
                count(&self.counters.alerts_late);
                sent.push(turn);
                continue;
            }
            let Some(entry) = wire::entry(&waiting.told, held) else {
                count(&self.counters.alerts_dropped);
                sent.push(turn);
                continue;
            };
            measure_digest(&self.counters, entry.len());
            let needs_it = |peer: &Neighbour| waiting.from != Some(peer.address) && testimony.host != peer.host;
            let mut targets: Vec<_> =
                drawn.iter_mut().filter(|(peer, _)| needs_it(peer)).take(fan_out(turn.urgency)).collect();
            let is_full = |messages: &[Message]| messages.last().is_none_or(|last| !last.has_room_for(&entry));
            let cost = targets.iter().filter(|(_, messages)| is_full(messages)).count();
            let kept = if turn.urgency == Urgency::Place { 0 } else { KEPT_FOR_PLACES };
            let Some(rest) =
                left.checked_sub(u32::try_from(cost).unwrap_or(u32::MAX)).filter(|rest| cost == 0 || *rest >= kept)
            else {
                break;
            };
            left = rest;
            for (_, messages) in &mut targets {
                if is_full(messages) {
                    messages.push(Message::new(self.me.cluster));
                }
                messages.iter_mut().last().into_iter().for_each(|message| message.add(&entry));
            }
            count(if waiting.from.is_none() { &self.counters.alerts_sent } else { &self.counters.alerts_relayed });
            sent.push(turn);
        }
        let parcel = |(peer, messages): (&Neighbour, Vec<Message>)| {
            let to = peer.address;
            messages.into_iter().map(move |message| Parcel { to, message: message.into_bytes() })
        };
        (sent, drawn.into_iter().flat_map(parcel).collect())
    }
}

/// How many peers hear of news of that sort from each host.
fn fan_out(urgency: Urgency) -> usize {
    match urgency {
        Urgency::Place => FAN_OUT,
        Urgency::Failing | Urgency::Lone => FAN_OUT_TESTIMONY,
    }
}

/// Whether a digest says that its host refuses calls because of an opening.
fn is_refused(digest: &FailureDigest) -> bool {
    digest.stay.is_some_and(|stay| stay.is_in())
}

impl Gather {
    /// After this left: for a millisecond or two, and longer where less than half of the budget is left. Places do not
    /// leave one datagram by one as the budget refills: each would carry what has waited the longest, and the rest would
    /// wait.
    fn go_on<R: Rng>(&mut self, left: Left, now: MonoTime, rng: &mut R) {
        let half = (DATAGRAMS_BURST - KEPT_FOR_PLACES) / 2;
        let missing = half.saturating_sub(left.tokens.saturating_sub(KEPT_FOR_PLACES));
        let usual = rng.random_range(GATHER_MIN..=GATHER_USUAL);
        let unpaid = (FAN_OUT as u32 + TO_SPARE as u32).saturating_sub(left.tokens);
        if left.places {
            self.place = now + usual;
        }
        self.place = self.place.max(now + DATAGRAMS.each * unpaid);
        self.other = now + usual + (GATHER_MAX - GATHER_USUAL) * missing / half;
    }
}

/// How many peers hear of news from each host: the least that reaches 99 of 100 hosts although one datagram in twenty
/// is lost.
pub(super) const FAN_OUT: usize = 6;

/// Peers drawn beyond a fan-out: who told us needs it no more, nor does whose word it is.
const TO_SPARE: usize = 2;

/// Of testimony that reaches 98 of 100, which is as good to judge by: and in the first quarter of a second of an
/// outage, when every host testifies, a third less is in the way of the rest.
const FAN_OUT_TESTIMONY: usize = 4;

/// How long what follows an alert is gathered: about the time a datagram travels, so that a burst of failures leaves
/// in one datagram and not in ten.
const GATHER_MIN: Duration = Duration::from_millis(1);
const GATHER_USUAL: Duration = Duration::from_millis(2);

/// When the budget is used up: a fan-out of places in so long is just what refills, one of testimony less.
const GATHER_MAX: Duration = Duration::from_millis(20);

/// What waited longer, because gossip was being started again or this process did not run, is not told: peers have
/// ceased to count a host that was silent for so long, and the state plane says what is true by now.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// So long after a place was told, those who judge by testimony have judged; later ones take the place most others
/// have.
const PLACE_SETTLES: Duration = Duration::from_millis(500);

/// So long after a place was told, its service is known to be refused, though this host may not have joined yet.
const PLACE_FRESH: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
