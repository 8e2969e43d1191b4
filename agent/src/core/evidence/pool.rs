//! The calls of many hosts, added up as if one had made them: what silence adds, what a loud host is cut to, and who
//! finds the service failing.
//!
//! **Silence.** Hosts that fare well say little, so a caller that tells a rate and has told fewer calls than that is
//! taken to have made the missing ones, and well. But calls are whole and come by chance: of callers with a quarter
//! of a call each in a span, a quarter have one, and the others none to miss. So the pool is filled up to the calls
//! that all rates promise together; a caller above its own makes up for others by one call at most, or one that is
//! loud for being sick would drown their silence. (Filled up host by host, a service called once a minute by each of
//! 100 hosts and dead would seem to fail at half its calls, and never open.)
//!
//! **One share each.** Where `needed` hosts must find the service failing, none is more than one of `needed` equal parts
//! of the pool: the loudest are cut to one level, their failures in proportion, such that this holds after the cut.
//! If fewer than `needed` have any calls, nothing is left.
//!
//! Calls and rates are in millionths here, so that many small fractions make a whole. Sums saturate: no count a peer
//! could tell overflows them, and their order does not matter.

use std::collections::BTreeSet;

use super::{Bar, Voice};
use crate::core::digest::{SPANS, Span, span};
use crate::core::spans::aged_span;

/// The callers that are judged together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callers<'a> {
    pub(super) bar: &'a Bar,
    pub(super) voices: &'a [Voice<'a>],
    pub(super) within: Within<'a>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within<'a> {
    All,
    Zone(Option<&'a str>),
    Beyond(Option<&'a str>),
}

/// Their calls in one span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pool {
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// Those who find it failing, of those expected to have called.
    pub(super) quorum: Quorum,
    /// Those whose own breaker stands open.
    pub(super) standing: u32,
}

/// Hosts that are of one mind, and how many it takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quorum {
    pub(super) hosts: u32,
    pub(super) needed: u32,
}

impl Quorum {
    pub(super) fn is_reached(self) -> bool {
        self.hosts >= self.needed
    }
}

impl<'a> Callers<'a> {
    /// The shortest span with enough calls, and what is in it; the longest if none has.
    pub(super) fn judged(&self) -> (usize, Pool) {
        let shortest = self.bar.shortest_span.min(SPANS - 1);
        let mut pools = (shortest..SPANS).map(|index| (index, self.pool(index)));
        pools.find(|(index, pool)| pool.calls >= self.bar.minimum || *index == SPANS - 1).unwrap_or_default()
    }

    fn pool(&self, index: usize) -> Pool {
        let sum = self.sum(index);
        let quorum = Quorum { hosts: sum.failing, needed: self.needed(sum.expected) };
        let all = sum.calls.saturating_add(sum.missing());
        let (calls, failed) = if sum.loudest.saturating_mul(quorum.needed.into()) > all {
            self.cut(index, &sum, quorum.needed)
        } else {
            (all, sum.failed)
        };
        Pool { calls: calls / PARTS, failed: failed / PARTS, quorum, standing: sum.standing }
    }

    fn sum(&self, index: usize) -> Sum {
        self.heard(index).fold(Sum::default(), |sum, (_, heard)| sum.with(&heard))
    }

    /// Calls and failed ones with the loudest cut to an equal share.
    fn cut(&self, index: usize, sum: &Sum, needed: u32) -> (u64, u64) {
        let mut shares: Vec<u64> = self.heard(index).map(|(_, heard)| heard.share(sum)).collect();
        shares.sort_unstable_by(|one, other| other.cmp(one));
        let level = level(&shares, needed);
        self.heard(index).fold((0, 0), |(calls, failed): (u64, u64), (_, heard)| {
            let share = heard.share(sum);
            let cut = share.min(level);
            let its_failed = of(heard.failed, cut, share);
            (calls.saturating_add(cut), failed.saturating_add(its_failed))
        })
    }

    /// How many of all callers those stand for who find it failing, and how many that takes. Whoever calls but once
    /// in several such spans stands for as many as must call for one to be heard.
    pub(super) fn stood_for(&self, index: usize) -> Quorum {
        let Quorum { needed, .. } = self.of_all();
        let most = (u64::from(needed) * PARTS / QUORUM_HEARD_MIN).max(PARTS);
        let failing = self.heard(index).filter(|(_, heard)| heard.failing);
        let stands_for = failing.map(|(voice, heard)| {
            let told = aged_span(voice.spans, SPANS - 1, voice.age).calls;
            let told = (u64::from(told) * PARTS) >> (2 * (SPANS - 1 - index));
            let chance = if heard.standing { PARTS } else { heard.expected.max(told) };
            (PARTS * PARTS / chance.clamp(1, PARTS)).min(most)
        });
        let hosts = stands_for.fold(0, u64::saturating_add) / PARTS;
        Quorum { hosts: u32::try_from(hosts).unwrap_or(u32::MAX), needed }
    }

    /// Everybody, and how many of them it takes.
    pub(super) fn of_all(&self) -> Quorum {
        let hosts = u32::try_from(self.iter().count()).unwrap_or(u32::MAX);
        Quorum { hosts, needed: self.needed(u64::from(hosts) * PARTS) }
    }

    /// Whether all find it failing also without any one of the zones.
    pub(super) fn fail_without_any_zone(&self, index: usize) -> bool {
        let zones: BTreeSet<Option<&str>> = self.iter().map(|voice| voice.zone).collect();
        zones.into_iter().all(|zone| {
            let rest = Callers { within: Within::Beyond(zone), ..*self }.pool(index);
            rest.failed >= self.bar.failed_needed(rest.calls).max(1)
        })
    }

    /// Whether own breakers stand open in more than one zone.
    pub(super) fn stand_in_two_zones(&self) -> bool {
        let mut zones = self.iter().filter(|voice| voice.stands()).map(|voice| voice.zone);
        zones.next().is_some_and(|first| zones.any(|zone| zone != first))
    }

    /// Whether our own calls in this span go well.
    pub(super) fn first_hand_good(&self, index: usize) -> bool {
        let mut own = self.iter().filter(|voice| voice.myself).map(|voice| self.hear(voice, index));
        own.next().is_some_and(|own| {
            let (calls, failed) = (own.calls / PARTS, own.failed / PARTS);
            calls >= FIRST_HAND_MIN && 2 * failed * 1_000_000 < u64::from(self.bar.threshold.ppm()) * calls
        })
    }

    fn heard(&self, index: usize) -> impl Iterator<Item = (&'a Voice<'a>, Heard)> {
        self.iter().map(move |voice| (voice, self.hear(voice, index)))
    }

    fn hear(&self, voice: &Voice<'_>, index: usize) -> Heard {
        let Span { calls, failed } = aged_span(voice.spans, index, voice.age);
        let (calls, failed) = (u64::from(calls) * PARTS, u64::from(failed.min(calls)) * PARTS);
        let span_ms = u64::try_from(span(index).as_millis()).unwrap_or(u64::MAX);
        // Per 1,000 s: a rate of one is a millionth of a call in a millisecond.
        let expected = if voice.in_opening { 0 } else { u64::from(voice.rate) * span_ms };
        let promised = if self.bar.guards.silence && !voice.myself { expected } else { 0 };
        let by_rate = failed >= PARTS / 2 && self.bar.threshold.is_reached_by(failed, calls.max(promised));
        let standing = voice.stands();
        Heard { calls, failed, expected, promised, failing: standing || by_rate, standing }
    }

    fn iter(&self) -> impl Iterator<Item = &'a Voice<'a>> {
        let within = self.within;
        self.voices.iter().filter(move |voice| voice.is_caller() && within.has(voice.zone))
    }

    /// How many of so many callers, in millionths, it takes.
    fn needed(&self, callers: u64) -> u32 {
        if !self.bar.guards.quorum {
            return 1;
        }
        let share = callers.saturating_mul(QUORUM_PERCENT).div_ceil(100 * PARTS);
        u32::try_from(share).unwrap_or(u32::MAX).max(QUORUM_MIN)
    }
}

impl Within<'_> {
    fn has(self, zone: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Zone(only) => zone == only,
            Self::Beyond(but) => zone != but,
        }
    }
}

impl Voice<'_> {
    /// What is older than the longest span says nothing.
    fn is_fresh(&self) -> bool {
        self.age < span(SPANS - 1)
    }

    fn stands(&self) -> bool {
        self.standing && self.is_fresh()
    }

    fn is_caller(&self) -> bool {
        self.myself || self.rate > 0 || self.is_fresh()
    }
}

/// One caller's calls in one span, in millionths.
#[derive(Clone, Copy, Debug)]
struct Heard {
    calls: u64,
    failed: u64,
    /// What its rate makes one expect.
    expected: u64,
    /// What of that its silence speaks for.
    promised: u64,
    failing: bool,
    standing: bool,
}

impl Heard {
    fn owed(&self) -> u64 {
        self.promised.saturating_sub(self.calls)
    }

    /// Its calls with its part of what is missing in all.
    fn share(&self, sum: &Sum) -> u64 {
        self.calls.saturating_add(of(self.owed(), sum.missing(), sum.owed))
    }
}

/// The same, of all.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    calls: u64,
    failed: u64,
    /// Calls promised and not told.
    owed: u64,
    /// Calls told and not promised, one of each at most.
    spare: u64,
    /// How many hosts are expected to have a call.
    expected: u64,
    /// The most any one can have made.
    loudest: u64,
    failing: u32,
    standing: u32,
}

impl Sum {
    fn with(self, heard: &Heard) -> Self {
        let spare = heard.calls.saturating_sub(heard.promised).min(PARTS);
        let expected = if heard.standing { PARTS } else { heard.calls.max(heard.expected).min(PARTS) };
        Self {
            calls: self.calls.saturating_add(heard.calls),
            failed: self.failed.saturating_add(heard.failed),
            owed: self.owed.saturating_add(heard.owed()),
            spare: self.spare.saturating_add(spare),
            expected: self.expected.saturating_add(expected),
            loudest: self.loudest.max(heard.calls).max(heard.promised),
            failing: self.failing.saturating_add(heard.failing.into()),
            standing: self.standing.saturating_add(heard.standing.into()),
        }
    }

    fn missing(&self) -> u64 {
        self.owed.saturating_sub(self.spare)
    }
}

/// The level to which the largest shares must be cut for none to be more than one of `needed` parts of what is then
/// left. Shares are sorted, the largest first.
fn level(shares: &[u64], needed: u32) -> u64 {
    let mut rest = shares.iter().fold(0_u64, |sum, share| sum.saturating_add(*share));
    for (cut, parts) in (1..=needed).rev().enumerate() {
        // So many are at the level, and it is one part of what they leave to the others and themselves.
        let level = rest / u64::from(parts);
        match shares.get(cut) {
            Some(share) if *share > level => rest = rest.saturating_sub(*share),
            Some(_) | None => return level,
        }
    }
    rest
}

/// `amount x part / whole`, rounded down.
fn of(amount: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(amount) * u128::from(part);
    u64::try_from(product / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// So many are one call or one host: rates make small fractions of both.
const PARTS: u64 = 1_000_000;

/// The share of hosts that must find a service failing: more than the sick or lying hosts we mean to bear.
const QUORUM_PERCENT: u64 = 30;

/// Fewest hosts, heard in one span, that can stand for the quorum of all callers, where that is more. Chosen by feel: two
/// unlucky calls of seldom callers must not complete the quorum of a few busy sick hosts.
const QUORUM_HEARD_MIN: u64 = 5;

/// One host never decides for others.
const QUORUM_MIN: u32 = 2;

/// Fewest own calls that say something: two may both be luck.
const FIRST_HAND_MIN: u64 = 3;
