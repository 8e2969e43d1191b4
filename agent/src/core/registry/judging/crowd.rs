//! The callers of one service at one moment, as they are heard: who counts, what they saw, and in which openings they are.
//!
//! Left out are the sick, the deaf, and those where an operator decides. This host is one of them like any other, unless
//! it is sick itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::cluster::Cluster;
use super::index_of;
use crate::core::digest::{Phase, SPANS, Span, Spans, Stay, span};
use crate::core::evidence::{Bar, Judgement, Voice, judge};
use crate::core::guards::Guards;
use crate::core::lots::Lots;
use crate::core::opening::{Ahead, Entering, Opening, RestsOn};
use crate::core::peers::{Caller, Numbers, Past};
use crate::core::policy::{DEFAULT_ERROR_RATE, Policy, Rate};
use crate::core::service::ServiceName;
use crate::core::state::{Entry, State};
use crate::core::store::Slot;
use crate::core::time::MonoTime;

/// See the file's head.
pub(in crate::core::registry) struct Crowd<'a> {
    cluster: &'a Cluster,
    name: &'a ServiceName,
    callers: Vec<Caller<'a>>,
    own: Own<'a>,
    bar: Bar,
    numbers: Numbers,
    past: Past,
    /// How many are in each opening, this host included.
    inside: BTreeMap<u64, usize>,
}

/// What this host knows by itself.
struct Own<'a> {
    spans: Spans,
    rate: u32,
    standing: bool,
    opening: Option<&'a Opening>,
    fit: bool,
}

impl Cluster {
    /// The callers of a service now, from where it is tracked or not.
    pub(in crate::core::registry) fn look<'a>(
        &'a self,
        now: MonoTime,
        name: &'a ServiceName,
        slot: Option<&'a Slot>,
    ) -> Crowd<'a> {
        let numbers = self.peers.of(name).map(|known| known.numbers).unwrap_or_default();
        let callers: Vec<Caller<'a>> = self.peers.callers(now, name).filter(|caller| self.is_fit(*caller)).collect();
        let own = self.own(now, slot);
        let mut inside = BTreeMap::new();
        let ours = own.opening.filter(|_| own.fit).map(Opening::number);
        for number in callers.iter().filter_map(|caller| caller.stay()).map(|stay| stay.number).chain(ours) {
            *inside.entry(number).or_default() += 1;
        }
        Crowd { cluster: self, name, callers, own, bar: self.bar(slot), numbers, past: numbers.past(now), inside }
    }

    /// Whether what a peer says counts.
    pub(in crate::core::registry) fn is_fit(&self, caller: Caller<'_>) -> bool {
        let Guards { sick_host, deaf, .. } = self.settings.guards;
        !(caller.is_held() || sick_host && caller.is_sick() || deaf && caller.is_deaf())
    }

    fn own<'a>(&self, now: MonoTime, slot: Option<&'a Slot>) -> Own<'a> {
        let part = slot.and_then(|slot| Some((slot, slot.cluster.as_deref()?)));
        let held = slot.is_some_and(|slot| match slot.breaker.state() {
            State::ForcedOpen(_) | State::Disabled(_) => true,
            State::Closed | State::Open { .. } | State::HalfOpen { .. } | State::MetricsOnly { .. } => false,
        });
        Own {
            spans: part.map(|(_, part)| part.spans.counted(now)).unwrap_or_default(),
            rate: part.map_or(0, |(_, part)| part.spans.rate(now)),
            standing: part.is_some_and(|(slot, part)| part.is_standing(&slot.breaker)),
            opening: slot.and_then(Slot::opening),
            fit: !held && !self.is_sick() && !self.is_deaf(now),
        }
    }

    fn bar(&self, slot: Option<&Slot>) -> Bar {
        let default = Policy::default();
        let policy = slot.map_or(&default, |slot| slot.breaker.policy());
        Bar {
            threshold: policy.conditions.error_rate.unwrap_or(DEFAULT_ERROR_RATE),
            minimum: policy.minimum_throughput,
            shortest_span: self.settings.shortest_span,
            guards: self.settings.guards,
        }
    }
}

impl Crowd<'_> {
    /// Whether there are enough hosts that can fail at all: most outcomes need no more than this.
    pub(super) fn may_trip(&self) -> bool {
        let own = self.own.fit && (self.own.standing || self.own.spans[SPANS - 1].failed > 0);
        let failing = self.callers.iter().filter(|caller| fails(**caller, self.past) || self.votes(**caller));
        let needed = if self.bar.guards.quorum { HOSTS_MIN } else { 1 };
        failing.take(needed).count() + usize::from(own) >= needed
    }

    /// Whether time alone may lead to another decision.
    pub(super) fn may_change(&self) -> bool {
        match self.own.opening.map(Opening::number) {
            Some(number) => self.enterable(number).next().is_some(),
            None => self.enterable(0).next().is_some() || self.may_trip(),
        }
    }

    /// What the callers have seen together.
    pub(in crate::core::registry) fn judged(&self) -> Judgement {
        let heard: Vec<(Spans, Duration)> = self.callers.iter().map(|caller| caller.spans(self.past)).collect();
        let mut voices: Vec<Voice<'_>> =
            self.callers.iter().zip(&heard).map(|(caller, heard)| self.voice(*caller, heard)).collect();
        let zone = self.cluster.settings.zone.as_deref();
        if self.own.fit {
            voices.push(Voice {
                spans: &self.own.spans,
                age: Duration::ZERO,
                zone,
                rate: self.own.rate,
                standing: self.own.standing,
                in_opening: self.own.opening.is_some(),
                myself: true,
            });
        }
        judge(&self.bar, zone, &voices)
    }

    /// The number that more than half of the callers are in, of those not left yet.
    pub(super) fn to_adopt(&self) -> Option<u64> {
        let most = |number: &u64| self.inside[number] * 2 > self.size();
        self.enterable(0).rev().find(most).filter(|_| self.bar.guards.adoption)
    }

    /// For one in `number`: a higher one that more than half are in, or else the highest that a quarter are in.
    pub(super) fn to_move_to(&self, number: u64) -> Option<u64> {
        let quarter = |higher: &u64| self.inside[higher] * 4 >= self.size();
        self.enterable(number).rev().find(quarter).filter(|_| self.bar.guards.adoption)
    }

    /// The highest number that anybody is in, of those not left yet.
    pub(super) fn to_join(&self) -> Option<u64> {
        self.enterable(0).next_back()
    }

    /// The number of an opening that nobody has been in.
    pub(super) fn to_start(&self) -> u64 {
        self.numbers.highest.saturating_add(1)
    }

    /// What brings this host into an opening.
    pub(super) fn entering(&self, number: u64, how: Entry, judged: Judgement) -> Entering {
        let own_failed = self.own_calls(judged.span).failed > 0 || self.own.standing;
        let before = self.own.opening.map(|opening| opening.entering.rests_on);
        let rests_on = before.unwrap_or(if own_failed { RestsOn::OwnCalls } else { RestsOn::Hearsay });
        let hosts = u32::try_from(self.inside.get(&number).copied().unwrap_or(0)).unwrap_or(u32::MAX);
        Entering { number, how, hosts, judged, rests_on, ahead: self.ahead(number) }
    }

    /// The own calls of a span.
    pub(super) fn own_calls(&self, length: Duration) -> Span {
        self.own.spans[index_of(length)]
    }

    /// The rate of failures that is too high.
    pub(super) fn threshold(&self) -> Rate {
        self.bar.threshold
    }

    /// How far those in an opening have come.
    fn ahead(&self, number: u64) -> Ahead {
        let whole =
            Lots::of(self.cluster.settings.seed, self.name, number).open_for(self.cluster.settings.recovery_timeout);
        let stays = self.callers.iter().filter_map(|caller| Some((caller.stay()?, caller.told?.1)));
        let there = stays.filter(|(stay, _)| stay.number == number);
        let been = there.map(|(stay, age)| has_been_open(stay, age).unwrap_or(whole)).max().unwrap_or_default();
        if been >= whole { Ahead::OpenIsOver } else { Ahead::Open(been) }
    }

    /// Numbers somebody is in that this host may enter, in order.
    fn enterable(&self, above: u64) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let left = if self.bar.guards.reentry { self.numbers.left } else { 0 };
        // Where one host has closed it, the others are about to, though they may not have come to say so; only who is in an
        // opening may still gather there.
        let closed = if self.own.opening.is_none() && self.bar.guards.reentry { self.numbers.closed } else { 0 };
        self.inside.keys().copied().filter(move |number| *number > above.max(left).max(closed))
    }

    /// All live callers, this host included.
    fn size(&self) -> usize {
        self.callers.len() + usize::from(self.own.fit)
    }

    fn voice<'b>(&self, caller: Caller<'b>, (spans, age): &'b (Spans, Duration)) -> Voice<'b> {
        Voice {
            spans,
            age: *age,
            zone: caller.word.zone.as_deref(),
            rate: caller.rate,
            standing: caller.is_standing(self.past) || self.votes(caller),
            in_opening: caller.stay().is_some(),
            myself: false,
        }
    }

    /// Whether a place counts as testimony: only with the guard off that forbids it.
    fn votes(&self, caller: Caller<'_>) -> bool {
        !self.bar.guards.hearsay && caller.stay().is_some()
    }
}

/// Whether a peer's own calls speak against the service at all.
pub(in crate::core::registry) fn fails(caller: Caller<'_>, past: Past) -> bool {
    let (spans, age) = caller.spans(past);
    age < span(SPANS - 1) && (caller.is_standing(past) || spans[SPANS - 1].failed > 0)
}

/// How long a peer has been Open; `None` if it is HalfOpen, and Open is over.
fn has_been_open(stay: &Stay, age: Duration) -> Option<Duration> {
    match stay.phase {
        Phase::Open => Some(stay.age.saturating_add(age)),
        Phase::HalfOpen | Phase::Closed => None,
    }
}

/// One host alone never opens a service for others.
const HOSTS_MIN: usize = 2;
