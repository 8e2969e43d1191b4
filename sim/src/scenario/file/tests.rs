//! Reading scenarios. The texts of faults are compared whole: they are what users of scenarios read most.

mod faulty;
mod laws;
mod limits;
mod sets;
mod values;

use super::{Changes, File, Set};
use crate::plan::{Fault, Scenario, What};

/// A scenario of four hosts and two services, with more lines below.
fn around(lines: &str) -> String {
    format!(
        "name: test\nduration: 60s\nhosts: 4\nservices:\n  pay: {{capacity: 100/s}}\n  mail: {{capacity: 50/s}}\n\
         callers:\n  - {{service: pay, rate: 10/s}}\n{lines}"
    )
}

fn read(text: &str) -> Result<Scenario, String> {
    File { name: "test.yaml", text }.read(&Changes::default()).map_err(|errors| errors.to_string())
}

fn good(text: &str) -> Scenario {
    read(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// What is wrong, a fault a line, without places and without the lines they stand in.
fn faults_of(text: &str) -> Vec<String> {
    let said = read(text).expect_err(text);
    let texts = said.lines().filter_map(|line| line.strip_prefix("test.yaml:"));
    texts.map(|line| line.splitn(3, ':').nth(2).unwrap().trim_start().to_owned()).collect()
}

/// What is wrong with one fault of a scenario.
fn wrong_fault(fault: &str) -> String {
    let text = around(&format!("faults:\n  - {{{fault}}}\n"));
    let faults = faults_of(&text);
    assert_eq!(faults.len(), 1, "{fault}: {faults:?}");
    faults.into_iter().next().unwrap()
}

fn fault(text: &str) -> Fault {
    good(&around(&format!("faults:\n  - {{{text}}}\n"))).faults.into_iter().next().unwrap()
}

fn what(text: &str) -> What {
    fault(&format!("at: 1s, {text}")).what
}

fn with(text: &str, changes: &[&str]) -> Result<Scenario, String> {
    let sets: Vec<Set> = changes.iter().map(|set| set.parse().unwrap()).collect();
    File { name: "test.yaml", text }.read(&Changes { hosts: None, sets }).map_err(|errors| errors.to_string())
}

fn at_size(text: &str, hosts: usize) -> Result<Scenario, String> {
    let changes = Changes { hosts: Some(hosts), sets: Vec::new() };
    File { name: "test.yaml", text }.read(&changes).map_err(|errors| errors.to_string())
}
