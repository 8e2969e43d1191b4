//! Comparisons with a function for a runner: nothing is simulated.

use super::*;
use crate::scenario::request::tests::of;
use crate::sweep::tests::{broken, jobs, measured};
use crate::table::PAGE;

fn comparison(seeds: u64) -> Comparison {
    Comparison { requests: (1..=seeds).map(|seed| of("cold-recovery", seed)).collect(), jobs: jobs(3) }
}

fn compared(seeds: u64, runner: &Runner<'_>) -> Compared {
    comparison(seeds).run(runner, &mut Journal::default(), &mut |_| ()).unwrap()
}

#[test]
fn every_seed_runs_in_every_mode_there_is() {
    let planned = comparison(3).planned();
    let of_mode = |mode| planned.iter().filter(|request| request.mode == mode).count();
    assert_eq!(MODES.map(of_mode), [3, 3, 0, 3]);
}

#[test]
fn medians_and_percentiles_stand_side_by_side() {
    let compared = compared(20, &|request| {
        let failed = match request.mode {
            Mode::Gossip => request.seed as f64,
            Mode::Local | Mode::Steps => 100.0 * request.seed as f64,
            Mode::Oracle => 0.0,
        };
        Ok(measured(request, &[("doomed_calls", Some(failed))]))
    });
    assert!(compared.is_good());
    let page = compared.to_string();
    let row = page.lines().find(|line| line.starts_with("doomed_calls")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells, ["doomed_calls", "10", "19", "1000", "1900", "with", "the", "ramp", "0", "0"]);
}

#[test]
fn recovery_is_measured_against_the_oracle_with_the_same_seed() {
    let compared = compared(3, &|request| {
        let took = match request.mode {
            Mode::Oracle => 1_000.0 * request.seed as f64,
            _ => 1_000.0 * request.seed as f64 + 5_000.0,
        };
        Ok(measured(request, &[("recovered_ms", Some(took)), ("recovered_excess_ms", None)]))
    });
    let gossip = &compared.ran[&Mode::Gossip];
    assert!(gossip.values().all(|outcome| outcome.metrics["recovered_excess_ms"] == Some(5_000.0)), "{gossip:?}");
    assert_eq!(compared.ran[&Mode::Oracle][&1].metrics["recovered_excess_ms"], None);
}

#[test]
fn what_only_some_runs_had_is_marked() {
    let compared = compared(4, &|request| {
        let recovered = (request.mode != Mode::Local || request.seed == 1).then_some(9.0);
        Ok(measured(request, &[("recovered_ms", recovered)]))
    });
    let page = compared.to_string();
    let row = page.lines().find(|line| line.starts_with("recovered_ms")).unwrap();
    assert_eq!(row.matches('*').count(), 1, "{row}");
    assert!(page.contains("\n* some runs had nothing of the sort"), "{page}");
}

#[test]
fn lone_breakers_may_do_wrong_and_the_cluster_may_not() {
    let wrong_in = |mode: Mode| {
        compared(2, &move |request: &Request| {
            Ok(if request.mode == mode { broken(request, "L1") } else { measured(request, &[]) })
        })
    };
    assert!(wrong_in(Mode::Local).is_good() && wrong_in(Mode::Oracle).is_good());
    let gossip = wrong_in(Mode::Gossip);
    assert!(!gossip.is_good());
    assert!(gossip.to_string().contains("failed: breaker-sim run cold-recovery --seed 1\n    L1"), "{gossip}");
    let dead = compared(1, &|_| Err("no engine".to_owned()));
    assert!(!dead.is_good());
}

#[test]
fn the_table_fits_in_80_columns_with_the_largest_numbers_there_can_be() {
    let compared = compared(3, &|request| {
        let all = crate::metric::METRICS.iter().map(|metric| (metric.name, Some(-1.0e300)));
        let lacking = all.map(|(name, value)| (name, value.filter(|_| request.seed != 2)));
        Ok(measured(request, &lacking.collect::<Vec<_>>()))
    });
    let page = compared.to_string();
    assert!(page.lines().all(|line| line.chars().count() <= PAGE), "{page}");
}
