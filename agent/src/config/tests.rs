//! Tests of the configuration as its users meet it: text in, settings, faults and pages out.
//!
//! `examples` are the files people have in hand, `faults` the wrong ones, `limits` a step on and a step past each
//! limit and files that are noise, `merging` the law of which layer holds, `shown` the pages of `config show`.
//! Nothing below the public face is tested by itself but through a file, as a user would reach it.

mod examples;
mod faults;
mod limits;
mod merging;
mod shown;

use std::sync::Arc;

use super::Config;
use crate::core::policy::Policy;
use crate::core::service::ServiceName;

fn load(text: &str) -> Config {
    Config::load(text, "breakerd.yaml").unwrap_or_else(|errors| panic!("{errors}"))
}

/// Every fault, a line each.
fn faults(text: &str) -> Vec<String> {
    match Config::load(text, "breakerd.yaml") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

fn policy(config: &Config, service: &str) -> Arc<Policy> {
    config.policy_of(&name(service))
}

/// The policy that a `circuit_breaker:` map in braces gives.
fn policy_of(keys: &str) -> Arc<Policy> {
    policy(&load(&format!("circuit_breaker: {keys}")), "any")
}

/// The faults of a `circuit_breaker:` map in braces, without the place.
fn policy_faults(keys: &str) -> Vec<String> {
    let cut = |line: String| line.splitn(4, ':').nth(3).unwrap_or_default().trim_start().to_owned();
    faults(&format!("circuit_breaker: {keys}")).into_iter().map(cut).collect()
}
