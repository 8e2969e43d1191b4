//! Pages of made-up runs.

use super::*;
use crate::metric::METRICS;
use crate::outcome::InvariantOutcome;
use crate::table::PAGE;

fn invariant(name: &str, first_violation: Option<&str>) -> InvariantOutcome {
    InvariantOutcome {
        name: name.to_owned(),
        says: "nobody leaves Closed for a service that is well".to_owned(),
        held: first_violation.is_none(),
        first_violation: first_violation.map(str::to_owned),
    }
}

fn fault(bit: u64) -> FaultOutcome {
    FaultOutcome { fault: "service payments down at 20 s for 20 s".to_owned(), bit }
}

#[test]
fn a_page_fits_in_80_columns_with_the_largest_numbers_there_can_be() {
    let outcome = Outcome {
        scenario: "x".repeat(64),
        mode: "gossip".to_owned(),
        hosts: 1_000,
        seed: u64::MAX,
        sim_seconds: 86_399.999,
        trace_hash: "0".repeat(16),
        metrics: METRICS.iter().map(|metric| (metric.name.to_owned(), Some(86_400_000.0))).collect(),
        faults: (0..200).map(|_| fault(u64::MAX)).collect(),
        invariants: vec![invariant("S2", Some(&"h999 left Closed at 12.5 s ".repeat(10)))],
        unexpected: vec!["recovered_excess_ms was 86400000, expected at most 25000".to_owned()],
        ..Outcome::default()
    };
    let page = Page(&outcome).to_string();
    assert!(page.lines().all(|line| line.chars().count() <= PAGE), "{page}");
    assert!(page.contains("and 188 more"), "{page}");
}

#[test]
fn what_held_is_one_line_and_what_did_not_is_said_in_full() {
    let names = ["S1", "S2", "S3", "S5", "L1", "L2"];
    let mut invariants: Vec<_> = names.iter().map(|name| invariant(name, None)).collect();
    invariants.push(invariant("L3", Some("at 30.2 s: no probe")));
    let page = Page(&Outcome { invariants, ..Outcome::default() }).to_string();
    assert!(page.contains("held: S1-S3, S5, L1-L2\n"), "{page}");
    assert!(
        page.contains("BROKEN: L3, nobody leaves Closed for a service that is well: at 30.2 s: no probe\n"),
        "{page}"
    );
}

#[test]
fn faults_without_a_bite_come_first() {
    let page = Page(&Outcome { faults: vec![fault(3), fault(0)], ..Outcome::default() }).to_string();
    let at = |text: &str| page.find(text).unwrap();
    assert!(at("did not bite") < at("bit 3 times"), "{page}");
}

#[test]
fn a_metric_that_was_not_measured_is_a_dash() {
    let metrics = [("probes".to_owned(), None), ("overshoot".to_owned(), Some(1.25))].into();
    let page = Page(&Outcome { metrics, ..Outcome::default() }).to_string();
    assert!(page.contains("probes                                -\n"), "{page}");
    assert!(page.contains("overshoot                          1.25\n"), "{page}");
}
