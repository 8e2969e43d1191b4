//! From a request to a run; that printed commands mean the same request is the command line's to test.

use super::*;

/// A run of a scenario, all else left out.
pub(crate) fn request(scenario: &str) -> Request {
    of(scenario, 1)
}

/// A run of a scenario with a seed.
pub(crate) fn of(scenario: &str, seed: u64) -> Request {
    let scenario = Source::named(scenario).unwrap();
    Request { scenario, hosts: None, seed, mode: Mode::Gossip, fabric: None, sets: Vec::new() }
}

fn with(request: Request, sets: &[&str]) -> Request {
    Request { sets: sets.iter().map(|set| set.parse().unwrap()).collect(), ..request }
}

fn said(request: &Request) -> String {
    request.run().unwrap_err().to_string()
}

#[test]
fn every_built_in_scenario_is_read_at_its_own_size_and_with_10_to_100_hosts() {
    for built_in in BUILT_IN {
        for hosts in [None, Some(10), Some(11), Some(12), Some(33), Some(100)] {
            let asked = Request { hosts, ..request(built_in.name) };
            let run = asked.run().unwrap_or_else(|error| panic!("{asked}: {error}"));
            assert_eq!(run.scenario.name, built_in.name);
            assert_eq!(hosts.unwrap_or(run.scenario.hosts()), run.scenario.hosts());
            assert!(!run.scenario.faults.is_empty() && !run.scenario.callers.is_empty(), "{asked}");
        }
    }
}

#[test]
fn every_built_in_scenario_says_what_it_shows_in_a_line() {
    for built_in in BUILT_IN {
        assert!((20..=110).contains(&built_in.about().len()), "{}: {}", built_in.name, built_in.about());
    }
}

#[test]
fn less_than_three_in_ten_lie_or_are_sick_whatever_the_size() {
    for (scenario, hosts) in [("liars", 12), ("liars", 100), ("sick-host", 12), ("one-way", 12), ("one-way", 99)] {
        let run = Request { hosts: Some(hosts), ..request(scenario) }.run().unwrap();
        let touched = run.scenario.faults.iter().map(|fault| match &fault.what {
            What::Liar { hosts, .. } | What::SickHost { hosts, .. } => hosts.len(),
            What::OneWay { from, .. } => from.len(),
            _ => 0,
        });
        let most = touched.max().unwrap();
        assert!(most >= 1 && most * 10 < hosts * 3, "{scenario} {hosts}: {most}");
    }
}

#[test]
fn the_swarm_is_another_with_each_seed_and_over_in_time() {
    let mut kinds = std::collections::BTreeSet::new();
    let mut texts = std::collections::BTreeSet::new();
    for seed in 1..=300 {
        for hosts in [1, 3, 10, 100] {
            let asked = Request { hosts: Some(hosts), ..of("swarm", seed) };
            let run = asked.run().unwrap_or_else(|error| panic!("{asked}: {error}"));
            assert_eq!(run, asked.run().unwrap(), "the same seed draws the same");
            let over = |fault: &crate::plan::Fault| fault.at + fault.lasts.unwrap_or_default();
            assert!(run.scenario.faults.iter().all(|fault| over(fault).as_secs() < 36), "{asked}");
            kinds.extend(
                run.scenario
                    .faults
                    .iter()
                    .map(|fault| std::mem::discriminant(&fault.what))
                    .map(|kind| format!("{kind:?}")),
            );
            texts.insert(format!("{:?}", run.scenario));
        }
    }
    assert_eq!(kinds.len(), 16, "every kind of fault is drawn");
    assert!(texts.len() > 1_100, "{}", texts.len());
}

#[test]
fn turmoil_is_taken_where_it_can_do_it() {
    let fabric = |scenario: &str, hosts| Request { hosts, ..request(scenario) }.run().unwrap().fabric;
    assert_eq!(fabric("outage", None), FabricKind::Turmoil);
    assert_eq!(fabric("outage", Some(49)), FabricKind::Turmoil);
    assert_eq!(fabric("outage", Some(50)), FabricKind::Memory, "the service is a host to turmoil");
    assert_eq!(fabric("mass-outage", None), FabricKind::Memory);
    assert_eq!(fabric("pause", None), FabricKind::Memory);
    assert_eq!(fabric("swarm", None), FabricKind::Memory);
}

#[test]
fn what_turmoil_cannot_do_is_refused() {
    let on_turmoil =
        |scenario: &str, hosts| Request { hosts: Some(hosts), fabric: Some(FabricKind::Turmoil), ..request(scenario) };
    assert!(on_turmoil("outage", 50).run().is_ok());
    assert!(said(&on_turmoil("outage", 51)).contains("expected at most 50 hosts, got 51"));
    assert!(said(&on_turmoil("pause", 10)).contains("cannot pause a host, expected --fabric memory"));
    for seed in 1..=100 {
        let run = Request { seed, ..on_turmoil("swarm", 10) }.run().unwrap();
        assert!(!run.scenario.faults.iter().any(|fault| matches!(fault.what, What::Pause { .. })));
    }
}

#[test]
fn guards_are_switched_by_name_and_reach_no_scenario() {
    let run = with(request("outage"), &["guards.quorum=off", "guards.deaf=on"]).run().unwrap();
    assert!(!run.guards.quorum && run.guards.deaf);
    assert_eq!(run.scenario, request("outage").run().unwrap().scenario);
    for wrong in ["guards.quorum=no", "guards.luck=off"] {
        let error = said(&with(request("outage"), &[wrong]));
        assert!(error.starts_with(&format!("--set {wrong}: expected on or off for guards.quorum")), "{error}");
    }
}

#[test]
fn what_is_set_reaches_the_run() {
    let run =
        with(request("outage"), &["services.payments.capacity=9/s", "agent.gossip.interval=200ms"]).run().unwrap();
    assert_eq!(run.scenario.services["payments"].capacity, 9.0);
    assert!(run.scenario.agent.contains("200ms"));
    assert!(said(&with(request("swarm"), &["duraton=3s"])).contains("did you mean duration?"));
}

#[test]
fn a_word_is_a_built_in_scenario_or_a_file() {
    assert_eq!(Source::named("./outage"), Ok(Source::File("./outage".to_owned())));
    assert_eq!(Source::named("mine.yaml"), Ok(Source::File("mine.yaml".to_owned())));
    let error = Source::named("flood").unwrap_err();
    assert!(error.contains("expected a file (with a / or .yaml) or one of spread, outage,"), "{error}");
}

#[test]
fn files_that_cannot_be_read_and_recovery_in_steps_are_said() {
    assert!(said(&request("/nonexistent.yaml")).starts_with("cannot read /nonexistent.yaml: "));
    let steps = Request { mode: Mode::Steps, ..request("outage") };
    assert_eq!(said(&steps), "--mode steps: comes with the ramp, expected gossip, local or oracle");
}
