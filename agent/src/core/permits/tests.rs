//! The table of permits against a plain list.

use std::time::Duration;

use proptest::prelude::*;

use super::{Holder, Permit, PermitId, Permits, Sort};
use crate::core::breaker::Grant;
use crate::core::service::SEGMENTS_MAX;
use crate::core::time::MonoTime;

#[derive(Clone, Debug)]
enum Step {
    Issue { holder: Holder, lease_ms: u64, sort: Sort },
    Take(usize),
    TakeOf(Holder),
    Overdue,
    Stale,
    Wait(u64),
}

fn any_holder() -> impl Strategy<Value = Holder> {
    prop_oneof![(0_u64..3).prop_map(Holder::Connection), (0_u32..2).prop_map(Holder::User)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let sort = prop_oneof![Just(Sort::Plain), Just(Sort::Probe)];
    prop_oneof![
        6 => (any_holder(), 0_u64..50, sort)
            .prop_map(|(holder, lease_ms, sort)| Step::Issue { holder, lease_ms, sort }),
        3 => any::<prop::sample::Index>().prop_map(|index| Step::Take(index.index(1_000))),
        1 => any_holder().prop_map(Step::TakeOf),
        2 => Just(Step::Overdue),
        3 => Just(Step::Stale),
        2 => (0_u64..30).prop_map(Step::Wait),
    ]
}

fn permit(holder: Holder, until: MonoTime, sort: Sort) -> Permit {
    Permit { holder, until, service: 0, grants: [Grant::UNENFORCED; SEGMENTS_MAX], sort }
}

proptest! {
    #[test]
    fn each_permit_is_used_up_once_and_only_by_what_may(steps in prop::collection::vec(any_step(), 0..200)) {
        let (mut permits, mut now) = (Permits::default(), MonoTime::START);
        let mut ever: Vec<(PermitId, Permit)> = Vec::new();
        let mut out: Vec<(PermitId, Permit)> = Vec::new();
        for step in steps {
            let taken = match step {
                Step::Issue { holder, lease_ms, sort } => {
                    let fresh = permit(holder, now + Duration::from_millis(lease_ms), sort);
                    let id = permits.issue(fresh);
                    prop_assert!(ever.iter().all(|(other, _)| *other != id), "numbers are never used twice");
                    prop_assert_eq!(PermitId::from_u64(id.as_u64()), id);
                    ever.push((id, fresh));
                    out.push((id, fresh));
                    None
                }
                Step::Take(at) if ever.is_empty() => {
                    prop_assert_eq!(permits.take(PermitId::from_u64(at as u64)), None);
                    None
                }
                Step::Take(at) => {
                    let id = ever[at % ever.len()].0;
                    let expected = out.iter().find(|(other, _)| *other == id).map(|(_, permit)| *permit);
                    prop_assert_eq!(permits.peek(id).copied(), expected);
                    prop_assert_eq!(permits.take(id), expected);
                    out.retain(|(other, _)| *other != id);
                    None
                }
                Step::TakeOf(holder) => {
                    let taken = permits.take_of(holder);
                    prop_assert_eq!(taken.is_some(), out.iter().any(|(_, permit)| permit.holder == holder));
                    prop_assert!(taken.is_none_or(|permit| permit.holder == holder));
                    taken
                }
                Step::Overdue => {
                    let probes = out.iter().filter(|(_, permit)| permit.sort == Sort::Probe);
                    let first = probes.map(|(_, permit)| permit.until).min();
                    prop_assert_eq!(permits.deadline(), first);
                    let taken = permits.take_overdue_probe(now);
                    prop_assert_eq!(taken.map(|permit| permit.until), first.filter(|until| *until <= now));
                    taken
                }
                Step::Stale => {
                    let taken = permits.take_stale(now);
                    prop_assert!(taken.is_none_or(|permit| permit.sort == Sort::Plain && permit.until <= now));
                    taken
                }
                Step::Wait(ms) => {
                    now = now + Duration::from_millis(ms);
                    None
                }
            };
            if let Some(taken) = taken {
                let gone = out.iter().position(|(id, permit)| *permit == taken && permits.peek(*id).is_none());
                out.remove(gone.expect("what was taken was out"));
            }
            prop_assert_eq!((permits.len(), permits.is_empty()), (out.len(), out.is_empty()));
            prop_assert!(permits.has_room(out.len() + 1) && !permits.has_room(out.len()));
            for (id, permit) in &out {
                prop_assert_eq!(permits.peek(*id), Some(permit));
            }
        }
    }
}

// Clients that never report: the hand takes their permits back while new ones go out.
#[test]
fn permits_that_are_never_reported_do_not_pile_up() {
    let mut permits = Permits::default();
    for ms in 0..100_000_u64 {
        let now = MonoTime::from_millis(ms);
        for _ in 0..2 {
            permits.take_stale(now);
        }
        permits.issue(permit(Holder::User(0), now + Duration::from_millis(1_000), Sort::Plain));
        assert!(permits.len() <= 2_002, "{} out at {ms} ms, 1,000 are alive", permits.len());
    }
}

#[test]
fn a_number_from_nowhere_is_no_permit() {
    let mut permits = Permits::default();
    for number in [0, 1, u64::MAX, u64::from(u32::MAX)] {
        assert_eq!(permits.take(PermitId::from_u64(number)), None);
    }
}
