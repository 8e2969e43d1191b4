//! Hunts with a function for a runner: nothing is simulated.

use breaker_agent::core::guards::Guards;

use super::*;
use crate::sweep::tests::{broken, jobs, measured};
use crate::table::PAGE;

fn hunted(runner: &Runner<'_>) -> Hunted {
    Mutants { seeds: "1..4".parse().unwrap(), jobs: jobs(3) }.run(runner, &mut |_| ())
}

fn is_mutant(request: &Request) -> bool {
    request.sets.iter().any(|set| set.path.starts_with("guards."))
}

#[test]
fn every_guard_has_baits_that_are_good_requests() {
    let guards: Vec<_> = BAITS.iter().map(|(guard, _)| *guard).collect();
    assert_eq!(guards, Guards::NAMES);
    for (guard, baits) in BAITS {
        for bait in baits {
            let mut request = with(bait, 3);
            request.sets.push(format!("guards.{guard}=off").parse().unwrap());
            let mut run = request.run().unwrap_or_else(|error| panic!("{request}: {error}"));
            assert!(!std::mem::replace(run.guards.named(guard).unwrap(), true));
            assert_eq!(run.guards, Guards::ON);
        }
    }
}

#[test]
fn a_mutant_is_caught_by_the_first_seed_that_shows_it_and_named_with_what_caught_it() {
    let hunted = hunted(&|request| {
        let shows = is_mutant(request) && request.seed >= 2;
        Ok(if shows { broken(request, "S2") } else { measured(request, &[]) })
    });
    assert!(hunted.is_good(), "{hunted}");
    let page = hunted.to_string();
    let row: Vec<_> = page.lines().find(|line| line.starts_with("quorum")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["quorum", "sick-host", "2", "S2"], "{page}");
    let command = "quorum: breaker-sim run sick-host --seed 2 --fabric memory --set guards.quorum=off";
    assert!(page.contains(command), "{page}");
}

#[test]
fn a_bound_that_is_not_kept_catches_too() {
    let hunted = hunted(&|request| {
        let unexpected =
            if is_mutant(request) { vec!["false_opens was 3, expected at most 0".to_owned()] } else { vec![] };
        Ok(Outcome { unexpected, ..measured(request, &[]) })
    });
    assert!(hunted.is_good());
    assert!(hunted.to_string().contains("false_opens\n"), "{hunted}");
}

#[test]
fn a_mutant_that_no_seed_shows_has_survived_and_is_a_failure() {
    let hunted = hunted(&|request| {
        let shows = request.sets.iter().any(|set| set.path == "guards.deaf");
        Ok(if shows { broken(request, "S9") } else { measured(request, &[]) })
    });
    assert!(!hunted.is_good());
    let page = hunted.to_string();
    assert_eq!(page.matches("SURVIVED").count(), 10, "{page}");
}

#[test]
fn what_fails_with_the_guard_on_too_proves_nothing() {
    let hunted = hunted(&|request| Ok(broken(request, "L2")));
    assert!(!hunted.is_good());
    let page = hunted.to_string();
    assert!(page.contains("fails with the guard on as well: L2"), "{page}");
    assert!(!hunted_with_death().is_good());
}

fn hunted_with_death() -> Hunted {
    hunted(&|_| Err("a panic".to_owned()))
}

#[test]
fn a_fault_without_a_bite_catches_nobody() {
    let fault = crate::outcome::FaultOutcome { fault: "loss".to_owned(), bit: 0 };
    let hunted = hunted(&|request| Ok(Outcome { faults: vec![fault.clone()], ..measured(request, &[]) }));
    assert_eq!(hunted.to_string().matches("SURVIVED").count(), 11);
}

#[test]
fn the_table_fits_in_80_columns() {
    let hunted = hunted(&|request| {
        Ok(if is_mutant(request) { broken(request, "gossip_bytes_per_host_s") } else { measured(request, &[]) })
    });
    let page = hunted.to_string();
    let table: Vec<_> = page.lines().take_while(|line| !line.is_empty()).collect();
    assert!(table.len() == 12 && table.iter().all(|line| line.chars().count() <= PAGE), "{page}");
}
