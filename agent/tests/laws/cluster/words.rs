//! Anything peers may say, for laws that must hold whatever it is.

use std::time::Duration;

use breaker_agent::core::digest::{
    FailureDigest, Flags, HostWord, Phase, Probes, SPANS, Span, Spans, StateKind, Stay, Testimony,
};
use breaker_agent::core::service::ServiceName;
use proptest::prelude::*;

use super::world::id;
use crate::stand::S;

pub(crate) fn service() -> ServiceName {
    ServiceName::parse(S).expect("a name")
}

/// Nested spans, from nothing to hundreds of calls.
pub(crate) fn any_spans() -> impl Strategy<Value = Spans> {
    prop::collection::vec((0_u32..40, 0_u32..40), SPANS).prop_map(|more| {
        let mut sum = Span::default();
        let mut spans = Spans::default();
        for (span, (good, failed)) in spans.iter_mut().zip(more) {
            sum = Span { calls: sum.calls + good + failed, failed: sum.failed + failed };
            *span = sum;
        }
        spans
    })
}

pub(crate) fn any_stay() -> impl Strategy<Value = Stay> {
    let phase = prop_oneof![Just(Phase::Open), Just(Phase::HalfOpen), Just(Phase::Closed)];
    let probes = (0_u32..5, 0_u32..5, 0_u32..5, 0_u32..5);
    (1_u64..6, phase, 0_u64..4_000, probes).prop_map(|(number, phase, age, (claimed, failed, failures, good))| Stay {
        number,
        phase,
        age: Duration::from_millis(age),
        probes: Probes { claimed, highest: claimed.max(failed), failed, failures, good },
    })
}

/// What a well or a failing host may say: not of itself that it counts nowhere.
pub(crate) fn any_digest() -> impl Strategy<Value = FailureDigest> {
    let state = prop_oneof![Just(StateKind::Closed), Just(StateKind::Open), Just(StateKind::HalfOpen)];
    (state, any_spans(), any::<(bool, bool)>(), prop::option::of(any_stay())).prop_map(
        |(state, spans, (standing, wanted), stay)| FailureDigest {
            spans,
            flags: Flags { standing, wanted, ..Flags::default() },
            stay,
            ..FailureDigest::of(service(), state)
        },
    )
}

/// Of so many hosts, each digest with when it was made. Each host makes one a millisecond at most, in order.
pub(crate) fn any_testimonies(hosts: usize) -> impl Strategy<Value = Vec<(u64, Testimony)>> {
    prop::collection::vec((0..hosts, 0_u64..3_000, any_digest()), 1..30).prop_map(|all| {
        let testimony = |(host, made, digest)| {
            let digest = FailureDigest { sequence: made + 1, ..digest };
            (made, Testimony { host: id(host), incarnation: 1, age: Duration::ZERO, digest })
        };
        let mut all: Vec<_> = all.into_iter().map(testimony).collect();
        all.sort_by(|(a, one), (b, other)| (a, &one.host).cmp(&(b, &other.host)));
        all.dedup_by(|(a, one), (b, other)| a == b && one.host == other.host);
        all
    })
}

/// A host that promises calls.
pub(crate) fn busy(rate: u32) -> HostWord {
    HostWord { rates: vec![(service(), rate)], ..HostWord::default() }
}
