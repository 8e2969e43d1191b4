//! Every limit: a value that stands on it, and one a step past; and files made to break the loader.
//!
//! The noise is of four kinds, because random bytes alone are hardly ever YAML: bytes, characters that mean something
//! to YAML, the example file with a piece replaced, and random words under every key. Whatever loads is also asked
//! for a policy and shown, so that nothing can hide behind the loader.

use proptest::prelude::*;

use super::{faults, load, name, policy, policy_faults};
use crate::config::{Config, FILE_BYTES_MAX};

/// The policy loads, and the other does not.
fn between(good: &str, bad: &str) {
    assert_eq!(policy_faults(good), [""; 0], "{good}");
    assert!(!policy_faults(bad).is_empty(), "{bad}");
}

#[test]
fn numbers_have_their_ranges() {
    between("{failure_threshold: 1}", "{failure_threshold: 0}");
    between("{failure_threshold: 1000000000}", "{failure_threshold: 1000000001}");
    between("{success_threshold: 10000}", "{success_threshold: 10001}");
    between("{sliding_window: {size: 10000}}", "{sliding_window: {size: 10001}}");
    between("{sliding_window: {size: 1}}", "{sliding_window: {size: 0}}");
    between("{sliding_window: {buckets: 1000}}", "{sliding_window: {buckets: 1001}}");
    between("{sliding_window: {size: 1ms}}", "{sliding_window: {size: 999us}}");
    between(
        "{sliding_window: {size: 20, minimum_throughput: 20}}",
        "{sliding_window: {size: 20, minimum_throughput: 21}}",
    );
    between("{backoff: {multiplier: 100}}", "{backoff: {multiplier: 100.001}}");
    between("{backoff: {multiplier: 1.000}}", "{backoff: {multiplier: 1.0000}}");
    between("{recovery_timeout: 1y}", "{recovery_timeout: 31557601s}");
    between("{recovery_timeout: 30s, backoff: {max: 30s}}", "{recovery_timeout: 30s, backoff: {max: 29999ms}}");
    between("{timeout: 2s, half_open: {permit_lease: 2s}}", "{timeout: 2s, half_open: {permit_lease: 1999ms}}");
    between("{enforce: 100%}", "{enforce: 100.0001%}");
    between("{enforce: 0%}", "{enforce: -1%}");
    for wrong in ["+5", "05", "0x5", "5.0", "1_000", "-5", "1e3", "99999999999999999999"] {
        assert_eq!(policy_faults(&format!("{{failure_threshold: {wrong}}}")).len(), 1, "{wrong}");
    }
}

#[test]
fn lists_and_maps_have_their_lengths() {
    let list = |n: usize| (0..n).map(|i| format!("k{i}")).collect::<Vec<_>>().join(", ");
    between(&format!("{{ignore: [{}]}}", list(100)), &format!("{{ignore: [{}]}}", list(101)));
    let kinds = |n: usize| (0..n).map(|i| format!("k{i}: {{count: 1}}")).collect::<Vec<_>>().join(", ");
    let criteria = |n| format!("{{failure_criteria: {{kinds: {{{}}}}}}}", kinds(n));
    between(&criteria(16), &criteria(17));
    let kind = |n| format!("{{ignore: [{}]}}", "k".repeat(n));
    between(&kind(64), &kind(65));
    let others = |n| format!("{{fallback: {{strategy: alternative_services, services: [{}]}}}}", list(n));
    between(&others(16), &others(17));
    between(&others(1), &others(0));
    let value = |n: usize| format!("{{fallback: {{strategy: default_value, value: {}}}}}", "v".repeat(n - 2));
    between(&value(16_384), &value(16_385));
    let deep = |n| format!("{{fallback: {{strategy: default_value, value: {}{}}}}}", "[".repeat(n), "]".repeat(n));
    between(&deep(29), &deep(30));
}

#[test]
fn settings_of_the_host_have_their_limits() {
    let between = |good: String, bad: String| {
        assert_eq!(faults(&good), [""; 0], "{good}");
        assert_eq!(faults(&bad).len(), 1, "{bad}");
    };
    let id = |n| format!("node: {{id: {}}}", "n".repeat(n));
    between(id(64), id(65));
    between(id(1), "node: {id: ''}".to_owned());
    let path = |n: usize| format!("socket: /{}", "s".repeat(n - 1));
    between(path(107), path(108));
    between("socket: {mode: '0777'}".to_owned(), "socket: {mode: '1000'}".to_owned());
    between("socket: {mode: '0200'}".to_owned(), "socket: {mode: '0444'}".to_owned());
    between("socket: {owner: '4294967295'}".to_owned(), "socket: {owner: '4294967296'}".to_owned());
    between("gossip: {interval: 50ms}".to_owned(), "gossip: {interval: 49ms}".to_owned());
    between("gossip: {interval: 60s}".to_owned(), "gossip: {interval: 60001ms}".to_owned());
    between("cluster: {recovery_timeout: 100ms}".to_owned(), "cluster: {recovery_timeout: 99ms}".to_owned());
    between("cluster: {recovery_timeout: 1h}".to_owned(), "cluster: {recovery_timeout: 3600001ms}".to_owned());
    between("cluster: {sustained: 16ms}".to_owned(), "cluster: {sustained: 15ms}".to_owned());
    between("cluster: {sustained: 65536ms}".to_owned(), "cluster: {sustained: 262144ms}".to_owned());
    let seeds =
        |n| format!("gossip: {{seeds: [{}]}}", (0..n).map(|i| format!("'h{i}:1'")).collect::<Vec<_>>().join(","));
    between(seeds(100), seeds(101));
    let host = |n| format!("gossip: {{seeds: ['{}:1']}}", "h".repeat(n));
    between(host(253), host(254));
    let keyring = |n| format!("gossip: {{keyring: {}}}", "k".repeat(n));
    between(keyring(4_095), keyring(4_096));
}

#[test]
fn a_file_has_a_length() {
    let text = |n: usize| format!("#{}", "x".repeat(n - 1));
    assert_eq!(faults(&text(FILE_BYTES_MAX)), [""; 0]);
    let expected = "breakerd.yaml:1:1: expected a file of at most 1048576 bytes, got 1048577";
    assert_eq!(faults(&text(FILE_BYTES_MAX + 1)), [expected]);
}

#[test]
fn ten_thousand_services_with_one_policy_cost_one_policy() {
    let services = |n: usize| {
        let each = |i| format!("  s{i}: {{circuit_breaker: {{failure_threshold: 5}}}}\n");
        format!("services:\n{}", (0..n).map(each).collect::<String>())
    };
    let config = load(&services(10_000));
    let first = policy(&config, "s0");
    assert!((0..10_000).all(|i| std::sync::Arc::ptr_eq(&first, &policy(&config, &format!("s{i}")))));
    assert_eq!(
        faults(&services(10_001)),
        ["breakerd.yaml:2:3: services: at most 10000 services and patterns, got 10001"]
    );
}

#[test]
fn aliases_expand_to_a_bounded_tree() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{items}]\n");
    }
    let expected = "expected at most 200000 values, aliases expanded, and 32 levels";
    assert!(faults(&bomb)[0].ends_with(expected), "{:?}", faults(&bomb));
}

#[test]
fn a_flood_of_faults_is_cut() {
    let wrong: String = (0..150).map(|i| format!("wrong{i:03}: 1\n")).collect();
    let lines = faults(&wrong);
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[100], "breakerd.yaml: and 50 more");
}

/// Loads, and if that works asks for everything there is.
fn exercise(bytes: &[u8]) {
    if let Ok(config) = Config::load_bytes(bytes, "any.yaml") {
        let service = name("payments/a");
        let pages = [config.show(), config.show_service(&service)];
        assert!(pages.iter().all(|page| page.json().is_object() && !page.to_string().is_empty()));
        assert!(config.policy_of(&service).minimum_throughput > 0);
    }
}

const EXAMPLE: &str = include_str!("../../../breakerd.example.yaml");

proptest! {
    /// Aim: nothing in a file can panic the loader. Method: noise, noise of YAML's own characters, and the example
    /// file and a vector's policy with pieces replaced.
    #[test]
    fn no_bytes_can_panic_the_loader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn no_yaml_can_panic_the_loader(text in r#"[a-c:{}\[\]&*!|>'"%@,?~ \n\t0-9#-]{0,120}"#) {
        exercise(text.as_bytes());
    }

    #[test]
    fn no_damaged_file_can_panic_the_loader(at in 0..EXAMPLE.len(), length in 0..60_usize, piece in r#"[ -~\n]{0,12}"#) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, piece.into_bytes());
        exercise(&bytes);
    }

    #[test]
    fn no_value_can_panic_a_setting(key in 0..super::super::layer::PATHS.len(), value in r#"[0-9a-z%.:\[\]{}, -]{0,20}|off|[0-9]{1,25}(ms|s|%|y)?"#) {
        let path = super::super::layer::PATHS[key];
        let open: String = path.iter().map(|step| format!("{{{step}: ")).collect();
        exercise(format!("circuit_breaker: {open}{value}{}", "}".repeat(path.len())).as_bytes());
    }
}
