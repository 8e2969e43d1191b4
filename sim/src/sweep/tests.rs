//! Sweeps with a function for a runner: nothing is simulated.

use std::sync::Mutex;

use super::*;
use crate::journal::Existing;
use crate::outcome::InvariantOutcome;
use crate::scenario::request::tests::of;
use crate::table::PAGE;

/// A run without fault that measured these.
pub(crate) fn measured(request: &Request, metrics: &[(&str, Option<f64>)]) -> Outcome {
    Outcome {
        scenario: request.scenario.to_string(),
        mode: request.mode.as_str().to_owned(),
        seed: request.seed,
        trace_hash: format!("{:016x}", request.seed),
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        ..Outcome::default()
    }
}

/// A run in which an invariant was broken.
pub(crate) fn broken(request: &Request, name: &str) -> Outcome {
    let invariant = InvariantOutcome {
        name: name.to_owned(),
        says: "a rule".to_owned(),
        held: false,
        first_violation: Some("h3 at 12 s".to_owned()),
    };
    Outcome { invariants: vec![invariant], ..measured(request, &[]) }
}

pub(crate) fn jobs(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn sweep(seeds: u64) -> Sweep {
    Sweep { requests: (1..=seeds).map(|seed| of("outage", seed)).collect(), jobs: jobs(2) }
}

fn swept(sweep: Sweep, runner: &Runner<'_>) -> Swept {
    sweep.run(runner, &mut Journal::default(), &mut |_| ()).unwrap()
}

#[test]
fn a_failure_is_shown_with_the_command_that_replays_it() {
    let swept = swept(sweep(30), &|request| match request.seed {
        17 => Ok(broken(request, "S2")),
        20 => Err("the simulation panicked".to_owned()),
        _ => Ok(measured(request, &[])),
    });
    assert!(!swept.is_good());
    let page = swept.to_string();
    let expected = "failed: breaker-sim run outage --seed 17\n    S2 (a rule) broken: h3 at 12 s\n";
    assert!(page.contains(expected), "{page}");
    assert!(page.contains("failed: breaker-sim run outage --seed 20\n    the simulation panicked\n"), "{page}");
    assert!(page.contains("outage      30       2"), "{page}");
}

#[test]
fn a_fault_that_did_not_bite_or_a_bound_that_was_not_kept_fails_a_run() {
    let fault = crate::outcome::FaultOutcome { fault: "loss".to_owned(), bit: 0 };
    let toothless = |request: &Request| Ok(Outcome { faults: vec![fault.clone()], ..measured(request, &[]) });
    assert!(!swept(sweep(1), &toothless).is_good());
    let beyond = |request: &Request| Ok(Outcome { unexpected: vec!["too many".to_owned()], ..measured(request, &[]) });
    assert!(!swept(sweep(1), &beyond).is_good());
    assert!(swept(sweep(1), &|request| Ok(measured(request, &[]))).is_good());
}

#[test]
fn one_run_in_a_hundred_is_done_twice() {
    let counts = Mutex::new(BTreeMap::<u64, usize>::new());
    let swept = swept(sweep(250), &|request| {
        *counts.lock().unwrap().entry(request.seed).or_default() += 1;
        Ok(measured(request, &[]))
    });
    let counts = counts.into_inner().unwrap();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count == 2).map(|(seed, _)| *seed).collect();
    assert_eq!(twice, [1, 101, 201]);
    assert_eq!((counts.len(), swept.twice), (250, 3));
}

#[test]
fn two_runs_of_one_seed_that_differ_are_a_failure() {
    let count = Mutex::new(0);
    let swept = swept(sweep(1), &|request| {
        *count.lock().unwrap() += 1;
        Ok(Outcome { trace_hash: count.lock().unwrap().to_string(), ..measured(request, &[]) })
    });
    let page = swept.to_string();
    assert!(page.contains("two runs of one seed differ"), "{page}");
}

#[test]
fn what_is_remembered_is_not_run_again_and_counts_the_same() {
    let path = std::env::temp_dir().join(format!("breaker-sim-sweep-{}.jsonl", std::process::id()));
    let mut journal = Journal::open(&path, Existing::Refuse, &sweep(5).requests).unwrap();
    let all = |request: &Request| match request.seed {
        2 => Ok(broken(request, "L1")),
        _ => Ok(measured(request, &[("probes", Some(3.0))])),
    };
    let first = sweep(5).run(&all, &mut journal, &mut |_| ()).unwrap();
    let mut journal = Journal::open(&path, Existing::Resume, &sweep(7).requests).unwrap();
    let ran = Mutex::new(Vec::new());
    let mut seen = Vec::new();
    let rest = |request: &Request| {
        ran.lock().unwrap().push(request.seed);
        all(request)
    };
    let second = sweep(7).run(&rest, &mut journal, &mut |progress| seen.push(progress)).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut ran = ran.into_inner().unwrap();
    ran.sort_unstable();
    assert_eq!(ran, [6, 7]);
    assert_eq!(seen.first(), Some(&Progress { done: 5, of: 7, failed: 1 }));
    assert_eq!(seen.last(), Some(&Progress { done: 7, of: 7, failed: 1 }));
    assert!(!first.is_good() && !second.is_good());
    assert!(second.to_string().contains("0 done twice, 5 remembered"), "{second}");
}

#[test]
fn pages_fit_in_80_columns_but_for_commands_to_copy() {
    let huge = [("gossip_bytes_per_host_s", Some(1e8)), ("recovered_ms", None)];
    let swept = swept(sweep(120), &|request| match request.seed {
        ..20 => Ok(broken(request, "S2")),
        _ => Ok(measured(request, &huge)),
    });
    let page = swept.to_string();
    assert!(
        page.lines().filter(|line| !line.starts_with("failed: ")).all(|line| line.chars().count() <= PAGE),
        "{page}"
    );
    assert!(page.contains("and 9 more failed"), "{page}");
    assert!(page.contains("recovered_ms "), "{page}");
}
