//! From the core's evidence to the protocol's: what was judged, the place in an opening and the steps there, and what
//! each peer says.
//!
//! Nothing is left out and nothing added: the numbers shown are those that were decided by. Only the peers of one service
//! are cut to what fits in a frame, the newest first.

use breaker_client::wire::{
    Authority as WireAuthority, ClusterStatus, DigestFlags, Entry as WireEntry, Event, Evidence, JudgementStatus,
    OpeningStatus, OpeningStep, PeerDigest, PeerOpening, Phase as WirePhase, Scope as WireScope, SpanCounts,
};

use super::answers::{self, millis, millis_up};
use super::peers::Peers;
use super::status::encoded_len;
use crate::core::digest::{Flags, Phase, Span, Stay, Testimony};
use crate::core::evidence::{Judgement, Scope};
use crate::core::registry::{Authority, ClusterPlace, ClusterView};
use crate::core::state::{ClusterNotice, Entry};

/// How the cluster sees a service.
#[must_use]
pub(super) fn cluster(view: &ClusterView, place: Option<&ClusterPlace>) -> ClusterStatus {
    let opening = view.stay.map(|stay| OpeningStatus {
        number: stay.number,
        phase: phase(stay.phase),
        since_ms: millis(stay.age),
        ends_in_ms: view.ends_in.map(millis_up),
        evidence: whose(place),
        entered_by: view.entered_by.as_ref().map(judgement),
    });
    ClusterStatus { opening, judged: judgement(&view.judgement) }
}

/// Whose evidence brought a service into its opening.
#[must_use]
pub(super) fn whose(place: Option<&ClusterPlace>) -> Evidence {
    if place.is_some_and(|place| place.on_hearsay) { Evidence::Hearsay } else { Evidence::Cluster }
}

/// A step in an opening, as watchers are told of it.
#[must_use]
pub(super) fn event(service: String, notice: &ClusterNotice) -> Event {
    let (number, step) = match notice {
        ClusterNotice::Entered { number, from, how, on_hearsay, judged } => {
            let evidence = if *on_hearsay { Evidence::Hearsay } else { Evidence::Cluster };
            let judged = judgement(judged);
            (number, OpeningStep::Entered { how: entry(*how), from: *from, evidence, judged })
        }
        ClusterNotice::Capped { number, refused, used } => {
            (number, OpeningStep::Capped { refused: *refused as u64, used: *used as u64 })
        }
        ClusterNotice::HalfOpen { number } => (number, OpeningStep::HalfOpen),
        ClusterNotice::Probe { number, probe } => (number, OpeningStep::ProbeClaimed { probe: *probe }),
        ClusterNotice::Probed { number, probe, good } => {
            (number, OpeningStep::ProbeOver { probe: *probe, good: *good })
        }
        ClusterNotice::Left { number, reason } => (number, OpeningStep::Left { reason: answers::reason(reason) }),
    };
    Event::Opening { service, number: *number, step }
}

fn entry(how: Entry) -> WireEntry {
    match how {
        Entry::Started => WireEntry::Started,
        Entry::Joined => WireEntry::Joined,
        Entry::Adopted => WireEntry::Adopted,
    }
}

/// What was judged.
#[must_use]
pub(super) fn judgement(judged: &Judgement) -> JudgementStatus {
    JudgementStatus {
        trips: judged.trips,
        scope: match judged.scope {
            Scope::Zone => WireScope::Zone,
            Scope::All => WireScope::All,
        },
        span_ms: millis(judged.span),
        calls: judged.calls,
        failed: judged.failed,
        failed_needed: judged.failed_needed,
        failing_hosts: judged.failing_hosts,
        standing_hosts: judged.standing_hosts,
        hosts_needed: judged.hosts_needed,
        callers: judged.callers,
        first_hand_good: judged.first_hand_good,
    }
}

/// What peers say, the newest first, as many as fit.
#[must_use]
pub(super) fn peers(mut testimonies: Vec<Testimony>, known: &Peers) -> Vec<PeerDigest> {
    testimonies.sort_by(|a, b| (a.age, &a.host).cmp(&(b.age, &b.host)));
    let mut room = PEERS_BYTES_MAX;
    let digests = testimonies.iter().map(|testimony| peer(testimony, known.zone_of(testimony.host.as_str())));
    digests
        .take_while(|digest| {
            let len = encoded_len(digest);
            let fits = len <= room;
            room = room.saturating_sub(len);
            fits
        })
        .collect()
}

/// What the word of peers may do.
#[must_use]
pub(super) fn authority(authority: Authority) -> WireAuthority {
    match authority {
        Authority::Authoritative => WireAuthority::Authoritative,
        Authority::Accelerate => WireAuthority::Accelerate,
        Authority::Advisory => WireAuthority::Advisory,
    }
}

fn peer(testimony: &Testimony, zone: Option<&str>) -> PeerDigest {
    let (digest, age) = (&testimony.digest, testimony.age);
    let Flags { standing, overdue, sick, deaf, advisory, wanted } = digest.flags;
    PeerDigest {
        node: testimony.host.to_string(),
        zone: zone.map(str::to_owned),
        state: answers::state(digest.state),
        since_ms: millis(digest.age.saturating_add(age)),
        total: digest.total,
        failed: digest.failed,
        spans: digest.spans.map(|Span { calls, failed }| SpanCounts { calls, failed }),
        flags: DigestFlags { standing, overdue, sick, deaf, advisory, wanted },
        opening: digest.stay.map(|Stay { number, phase: of, age: since, probes: _ }| PeerOpening {
            number,
            phase: phase(of),
            since_ms: millis(since.saturating_add(age)),
        }),
        age_ms: millis(age),
    }
}

fn phase(of: Phase) -> WirePhase {
    match of {
        Phase::Open => WirePhase::Open,
        Phase::HalfOpen => WirePhase::HalfOpen,
        Phase::Closed => WirePhase::Closed,
    }
}

/// Most bytes of the peers of one service: three quarters of a frame, so that one service always fits in a page beside
/// the agent. About 500 peers with usual names, 180 with the longest names and figures.
pub(super) const PEERS_BYTES_MAX: usize = 48 * 1024;
