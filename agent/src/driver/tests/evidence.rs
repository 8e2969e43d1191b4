//! Evidence as clients see it: whose it is, what was judged, and what peers say, each field in its place.

use breaker_client::wire::{
    DigestFlags, Evidence, JudgementStatus, PeerDigest, PeerOpening, Phase as WirePhase, SPANS_MS, Scope as WireScope,
    SpanCounts,
};

use super::*;
use crate::core::breaker::Refusal;
use crate::core::digest::{FailureDigest, Flags, HostId, Phase, Probes, SPANS, Span, Stay, Testimony, span};
use crate::core::evidence::{Judgement, Scope};
use crate::core::reason::Reason;
use crate::core::registry::{ClusterPlace, ClusterView, Rejected};
use crate::core::service::ServiceName;
use crate::core::state::StateKind;
use crate::driver::evidence::{PEERS_BYTES_MAX, cluster, peers};
use crate::driver::status::encoded_len;
use crate::mail::{MemberView, Standing};

const JUDGED: Judgement = Judgement {
    trips: true,
    scope: Scope::All,
    span: Duration::from_millis(256),
    calls: 1,
    failed: 2,
    failed_needed: 3,
    failing_hosts: 4,
    standing_hosts: 5,
    hosts_needed: 6,
    callers: 7,
    first_hand_good: true,
};

const SHOWN: JudgementStatus = JudgementStatus {
    trips: true,
    scope: WireScope::All,
    span_ms: 256,
    calls: 1,
    failed: 2,
    failed_needed: 3,
    failing_hosts: 4,
    standing_hosts: 5,
    hosts_needed: 6,
    callers: 7,
    first_hand_good: true,
};

fn stay(phase: Phase) -> Stay {
    Stay { number: 9, phase, age: SECOND, probes: Probes::default() }
}

fn place(phase: Phase, on_hearsay: bool) -> ClusterPlace {
    ClusterPlace { stay: stay(phase), on_hearsay, entered_by: Some(JUDGED) }
}

fn refused_in(state: StateKind) -> Rejected {
    let refusal = Refusal { state, reason: Reason::ProbeFailed, retry_after: None };
    Rejected { service: ServiceName::parse(S).unwrap(), refusal }
}

fn testimony(host: &str, age: Duration) -> Testimony {
    let service = ServiceName::parse(S).unwrap();
    Testimony { host: HostId::new(host), incarnation: 1, age, digest: FailureDigest::of(service, StateKind::Open) }
}

fn member(node: &str, zone: Option<&str>) -> MemberView {
    MemberView {
        node: node.to_owned(),
        zone: zone.map(str::to_owned),
        address: "127.0.0.1:1".parse().unwrap(),
        incarnation: 1,
        standing: Standing::Live,
        heard: SECOND,
        digests: 0,
    }
}

fn nobody() -> Peers {
    Peers::new(GossipHealth::Running, 1)
}

#[test]
fn a_refusal_says_whose_evidence_it_is_on_and_shows_what_was_judged() {
    use Evidence::{Cluster, Hearsay, Operator, Own};
    let of = |state, place: Option<ClusterPlace>| {
        let rejection = answers::rejection(&refused_in(state), place.as_ref());
        (rejection.evidence, rejection.number, rejection.judged)
    };
    for state in [StateKind::Open, StateKind::HalfOpen] {
        assert_eq!(of(state, None), (Own, None, None));
        for phase in [Phase::Open, Phase::HalfOpen] {
            assert_eq!(of(state, Some(place(phase, false))), (Cluster, Some(9), Some(SHOWN)));
            assert_eq!(of(state, Some(place(phase, true))), (Hearsay, Some(9), Some(SHOWN)));
        }
        // It has left the opening, and the own breaker has tripped since.
        assert_eq!(of(state, Some(place(Phase::Closed, true))), (Own, None, None));
    }
    assert_eq!(of(StateKind::ForcedOpen, Some(place(Phase::Open, true))), (Operator, None, None));
    let adopted = ClusterPlace { entered_by: None, ..place(Phase::Open, true) };
    assert_eq!(of(StateKind::Open, Some(adopted)), (Hearsay, Some(9), None));
}

#[test]
fn the_cluster_s_view_shows_the_stay_what_it_rests_on_and_what_would_be_judged() {
    let now = Judgement { trips: false, scope: Scope::Zone, ..JUDGED };
    let ends_in = Some(Duration::from_nanos(1));
    let view = ClusterView {
        judgement: now,
        stay: Some(stay(Phase::HalfOpen)),
        entered_by: Some(JUDGED),
        ends_in,
        peers: Vec::new(),
    };
    let status = cluster(&view, Some(&place(Phase::HalfOpen, true)));
    assert_eq!(status.judged, JudgementStatus { trips: false, scope: WireScope::Zone, ..SHOWN });
    let opening = status.opening.unwrap();
    assert_eq!((opening.number, opening.phase, opening.since_ms), (9, WirePhase::HalfOpen, 1_000));
    assert_eq!((opening.ends_in_ms, opening.evidence), (Some(1), Evidence::Hearsay), "a wait is rounded up");
    assert_eq!(opening.entered_by, Some(SHOWN));
    assert_eq!(cluster(&ClusterView { stay: None, ..view }, None).opening, None);
}

#[test]
fn a_peer_s_digest_is_shown_whole_with_its_zone_and_all_ages_grown() {
    let flags = Flags { standing: true, deaf: true, wanted: true, ..Flags::default() };
    let mut said = testimony("b", SECOND);
    said.digest = FailureDigest {
        age: SECOND * 2,
        total: 5,
        failed: 4,
        flags,
        spans: std::array::from_fn(|i| Span { calls: 10 + i as u32, failed: i as u32 }),
        stay: Some(stay(Phase::Open)),
        ..said.digest
    };
    let mut known = nobody();
    known.are(MonoTime::START, vec![member("c", Some("far")), member("b", Some("near")), member("a", None)]);
    let expected = PeerDigest {
        node: "b".to_owned(),
        zone: Some("near".to_owned()),
        state: State::Open,
        since_ms: 3_000,
        total: 5,
        failed: 4,
        spans: [0, 1, 2, 3, 4, 5, 6].map(|i| SpanCounts { calls: 10 + i, failed: i }),
        flags: DigestFlags { standing: true, deaf: true, wanted: true, ..DigestFlags::default() },
        opening: Some(PeerOpening { number: 9, phase: WirePhase::Open, since_ms: 2_000 }),
        age_ms: 1_000,
    };
    assert_eq!(peers(vec![said], &known), [expected]);
    let zones: Vec<_> = ["a", "b", "c", "d"].map(|node| known.zone_of(node)).into();
    assert_eq!(zones, [None, Some("near"), Some("far"), None]);
}

#[test]
fn the_spans_on_the_wire_are_those_of_the_core() {
    assert_eq!(SPANS_MS.len(), SPANS);
    assert!((0..SPANS).all(|i| u128::from(SPANS_MS[i]) == span(i).as_millis()));
}

/// Hosts with names and figures of the longest kind, all with the same length.
#[test]
fn the_newest_peers_are_shown_as_many_as_fit_and_not_one_more() {
    let most = Duration::from_millis(u64::MAX);
    let testimonies: Vec<Testimony> = (0..600_u64)
        .map(|number| {
            let mut said = testimony(&format!("{number:0>64}"), most + Duration::from_millis(600 - number));
            let spans = [Span { calls: u32::MAX, failed: u32::MAX }; SPANS];
            said.digest = FailureDigest { total: u64::MAX, failed: u64::MAX, spans, age: most, ..said.digest };
            said
        })
        .collect();
    let shown = peers(testimonies.clone(), &nobody());
    let one = encoded_len(&shown[0]);
    assert_eq!(shown.len(), PEERS_BYTES_MAX / one);
    assert!(shown.len() > 180 && shown.iter().all(|digest| encoded_len(digest) == one));
    let newest = testimonies.iter().rev().map(|testimony| testimony.host.as_str());
    assert!(shown.iter().map(|digest| digest.node.as_str()).eq(newest.take(shown.len())));
    assert_eq!(peers(testimonies[..shown.len()].to_vec(), &nobody()).len(), shown.len(), "on the limit all are shown");
}
