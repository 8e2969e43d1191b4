//! Wrong files: each fault names its place, its key and what was expected, and all are listed.
//!
//! The texts are compared whole: they are the part of the configuration that most people read. Helpers load a policy
//! written on one line and cut the place off, where the place is not the point; a few tests keep it, with lines and
//! columns counted by hand.

use super::{faults, policy_faults};
use crate::config::{Config, Given, GivenBy, Overrides};

fn one(keys: &str, expected: &str) {
    assert_eq!(policy_faults(keys), [expected], "{keys}");
}

#[test]
fn a_fault_names_file_line_column_key_and_what_was_expected() {
    let text = "node:\n  id: a\ncircuit_breaker:\n  failure_threshold: 5\n  recovery_timeout: abc\n";
    let expected = "breakerd.yaml:5:21: circuit_breaker.recovery_timeout: expected a duration such as 30s, got 'abc'";
    assert_eq!(faults(text), [expected]);
}

#[test]
fn faults_of_all_sorts_are_listed_together_in_the_order_of_the_file() {
    let text = "circuit_breaker:
  recovery_timeout: abc
  recovry_timeout: 3s
  error_rate: 50%
  failure_threshold: 0
  success_threshold: '3'
  failure_threshold: 2
  sliding_window: {size: 10, minimum_throughput: 20}
unknown_services: maybe
nodes: {}
";
    let expected = [
        "breakerd.yaml:2:21: circuit_breaker.recovery_timeout: expected a duration such as 30s, got 'abc'",
        "breakerd.yaml:3:3: circuit_breaker.recovry_timeout: unknown key, did you mean recovery_timeout?",
        "breakerd.yaml:4:3: circuit_breaker.error_rate: unknown key, did you mean failure_criteria.error_rate?",
        "breakerd.yaml:5:22: circuit_breaker.failure_threshold: expected a whole number from 1 to 1000000000 or off, got '0'",
        "breakerd.yaml:6:22: circuit_breaker.success_threshold: expected a whole number from 1 to 10000, got '3' (without quotes)",
        "breakerd.yaml:7:3: circuit_breaker.failure_threshold: written twice (first in line 5)",
        "breakerd.yaml:8:50: circuit_breaker.sliding_window.minimum_throughput: 20 can never be reached in a window of the last 10 calls (line 8)",
        "breakerd.yaml:9:19: unknown_services: expected admit or refuse, got 'maybe'",
        "breakerd.yaml:10:1: nodes: unknown key, did you mean node?",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn an_unknown_key_near_to_nothing_is_answered_with_all_known_ones() {
    let expected = "circuit_breaker.backoff.growth: unknown key, expected multiplier, max or jitter";
    one("{backoff: {growth: 2}}", expected);
}

#[test]
fn a_number_without_its_unit_is_told_what_to_write() {
    let duration =
        "circuit_breaker.recovery_timeout: expected a duration such as 30s, got '30' (it needs a unit: 30s or 30ms)";
    one("{recovery_timeout: 30}", duration);
    one("{recovery_timeout: '30'}", duration);
    let rate =
        "circuit_breaker.enforce: expected a percentage from 0% to 100% such as 50%, got '50' (it needs its sign: 50%)";
    one("{enforce: 50}", rate);
}

#[test]
fn wrong_values_are_answered_with_what_to_write() {
    let expect = |keys: &str, key: &str, what: &str| one(keys, &format!("circuit_breaker.{key}: {what}"));
    let ramp =
        "only off is supported in this version (a breaker then goes from HalfOpen directly to Closed), got a map";
    expect("{ramp: {steps: [10%]}}", "ramp", ramp);
    expect("{backoff: {jitter: half}}", "backoff.jitter", "expected equal, full or none, got 'half'");
    expect(
        "{backoff: {multiplier: 0.5}}",
        "backoff.multiplier",
        "expected a number from 1 to 100 such as 1.5, got '0.5'",
    );
    expect("{half_open: {after_max_wait: ~}}", "half_open.after_max_wait", "expected open or closed, got nothing");
    expect("{exceptions: timeout}", "exceptions", "expected a list of kinds such as [timeout, connect], got 'timeout'");
    expect("{ignore: [timeout, TimeoutException]}", "ignore", "'TimeoutException' is listed twice");
    expect(
        "{timeout: 0s}",
        "timeout",
        "expected a duration such as 30s or off, got '0s' (it must be longer than nothing)",
    );
    expect("{monitoring: {alerts_enabled: 1}}", "monitoring.alerts_enabled", "expected true or false, got '1'");
    expect("{sliding_window: [10s]}", "sliding_window", "expected a map of keys and values, got a list");
    expect("{failure_criteria: {kinds: {a: {}}}}", "failure_criteria.kinds.a", "expected a rate or a count");
    let kinds = "{failure_criteria: {kinds: {connect: {count: 1}, ConnectionException: {count: 2}}}}";
    expect(kinds, "failure_criteria.kinds.ConnectionException", "the same kind as another one here");
    expect("{fallback: {strategy: cached_response}}", "fallback", "cached_response needs a max_age such as 300s");
    let strategies = "cached_response, default_value, degraded_function, alternative_services or feature_off";
    expect("{fallback: {strategy: retry}}", "fallback.strategy", &format!("expected {strategies}, got 'retry'"));
    expect("{fallback: {max_age: 3s}}", "fallback", &format!("expected a strategy, one of {strategies}"));
    let key = "unknown key, expected strategy or value";
    expect("{fallback: {strategy: default_value, value: 3, max_age: 3s}}", "fallback.max_age", key);
}

#[test]
fn every_contradiction_of_a_policy_is_listed() {
    let expected = [
        "circuit_breaker.sliding_window.minimum_throughput: 20 can never be reached in a window of the last 10 calls (line 1)",
        "circuit_breaker.sliding_window.buckets: only a window of time has buckets, this one is a count (line 1)",
        "circuit_breaker.failure_criteria.failure_count: 11 can never be reached in a window of the last 10 calls (line 1)",
        "circuit_breaker.failure_criteria.timeout_rate: can never be reached: timeout is not in exceptions (line 1)",
        "circuit_breaker.failure_criteria.kinds.x.count: 12 can never be reached in a window of the last 10 calls (line 1)",
        "circuit_breaker.failure_criteria.kinds.x: can never be reached: x is not in exceptions (line 1)",
        "circuit_breaker.half_open.permits: replaces success_threshold (line 1); write only one of them",
        "circuit_breaker.half_open.permit_lease: 1s is below the timeout 2s (line 1): calls would outlive their permits",
        "circuit_breaker.backoff.max: 10s is below the recovery_timeout 30s (the default)",
        "circuit_breaker.exceptions: z counts nowhere, it is in ignore (line 1)",
    ];
    let keys = "{sliding_window: {size: 10, minimum_throughput: 20, buckets: 5},
        failure_criteria: {failure_count: 11, timeout_rate: 5%, kinds: {x: {count: 12}, y: {rate: 5%}}},
        half_open: {permits: 3, permit_lease: 1s}, timeout: 2s, success_threshold: 2, backoff: {max: 10s},
        exceptions: [y, z], ignore: [z]}";
    let flat: String = keys.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    assert_eq!(policy_faults(&flat), expected);
}

#[test]
fn the_shape_of_a_window_contradicts_itself_in_these_ways() {
    let expect = |keys: &str, key: &str, what: &str| {
        one(&format!("{{sliding_window: {keys}}}"), &format!("circuit_breaker.sliding_window.{key}: {what}"));
    };
    expect("{size: 10, type: time}", "size", "a number of calls, but the type is time (line 1)");
    expect("{size: 10s, type: count}", "size", "a duration, but the type is count (line 1)");
    expect("{size: 10s, buckets: 3}", "buckets", "10s does not divide into 3 equal buckets (line 1)");
    expect("{buckets: 7}", "buckets", "10s does not divide into 7 equal buckets (the default)");
    expect("{size: 10ms, buckets: 20}", "buckets", "20 buckets of 10ms are shorter than 1ms each (line 1)");
    expect("{size: 10000001ns}", "size", "10ms1ns does not divide into 10 equal buckets; write buckets");
}

#[test]
fn a_wrong_value_is_not_taken_for_one_left_out() {
    one(
        "{recovery_timeout: soon, backoff: {max: 10s}}",
        "circuit_breaker.recovery_timeout: expected a duration such as 30s, got 'soon'",
    );
}

#[test]
fn two_layers_that_contradict_each_other_are_both_named_and_once() {
    let text = "defaults:
  circuit_breaker:
    sliding_window: {minimum_throughput: 50}
services:
  a:
    circuit_breaker:
      sliding_window: {size: 20}
  a/b: {}
  a/c: {}
  b: {circuit_breaker: {recovery_timeout: 5m}}
  b/*: {circuit_breaker: {backoff: {max: 1m}}}
";
    let expected = [
        "breakerd.yaml:3:42: defaults.circuit_breaker.sliding_window.minimum_throughput: 50 can never be reached in a window of the last 20 calls (line 7)",
        "breakerd.yaml:11:42: services.b/*.circuit_breaker.backoff.max: 1m is below the recovery_timeout 5m (line 10)",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn defaults_written_in_both_ways_are_refused() {
    let expected = "breakerd.yaml:1:18: circuit_breaker: means the same as defaults.circuit_breaker (line 2); write only one of them";
    assert_eq!(faults("circuit_breaker: {timeout: 1s}\ndefaults: {circuit_breaker: {timeout: 2s}}"), [expected]);
}

#[test]
fn malformed_names_and_patterns_are_refused() {
    let refused = |name: &str, what: &str| {
        let expected = format!("breakerd.yaml:1:12: services.{name}: {what}");
        assert_eq!(faults(&format!("services: {{\"{name}\": {{}}}}")), [expected]);
    };
    for pattern in ["pay*", "*/a", "a/*/b", "**", "a/**"] {
        let what = format!("a pattern is a path with /* at its end such as payments/*, or * alone, got '{pattern}'");
        refused(pattern, &what);
    }
    refused("a//b", "a service's name has no empty segment (no '/' at an end, no '//')");
    refused("/*", "a service's name cannot be empty");
    refused("a/b/c/d/*", "can never match: a service's name has at most 4 segments");
    assert_eq!(faults("services: {a: {circuit_braker: {}}}").len(), 1);
}

#[test]
fn a_file_that_is_no_yaml_has_one_fault_with_its_place() {
    assert_eq!(faults("a: [1"), ["breakerd.yaml:1:4: expected YAML: unclosed bracket '['"]);
    assert_eq!(faults("a: 1\n---\nb: 2"), ["breakerd.yaml:3:1: expected a single YAML document"]);
    assert_eq!(faults("node: !foo x"), ["breakerd.yaml:1:12: expected YAML: unsupported tag `!foo`"]);
    assert_eq!(faults("[1, 2]"), ["breakerd.yaml:1:1: expected a map of keys and values, got a list"]);
    let not_utf8 = Config::load_bytes(b"node:\n  id: \xC3\xA9\xFF", "b.yaml").unwrap_err();
    assert_eq!(not_utf8.to_string(), "b.yaml:2:8: expected UTF-8");
}

#[test]
fn no_text_of_the_file_reaches_a_terminal_raw() {
    for text in ["circuit_breaker: {\"\\e[2Jx\": 1}", "node: {id: \"\\e[2J\"}", "services: {\"a\\e\": {}}"] {
        let all = faults(text).join("\n");
        assert!(!all.is_empty() && !all.contains('\u{1b}'), "{all:?}");
    }
}

#[test]
fn gossip_beyond_loopback_needs_a_key_and_sense() {
    let listen = "breakerd.yaml:1:18: gossip.listen: 10.0.0.1:7373 is beyond loopback and needs a gossip.keyring (breakerd keygen makes one)";
    assert_eq!(faults("gossip: {listen: '10.0.0.1:7373'}"), [listen]);
    assert_eq!(faults("gossip: {listen: '10.0.0.1:7373', keyring: k}"), [""; 0]);
    let all = faults(
        "gossip: {listen: '0.0.0.0:1', advertise: '10.0.0.1:0', seeds: ['10.0.0.2:1', 'host:1', '127.0.0.1:1']}",
    );
    assert_eq!(all.len(), 4, "{all:?}");
    let unreachable = "breakerd.yaml:1:18: gossip.listen: with 0.0.0.0:1 write gossip.advertise: others must know where to reach this agent";
    assert_eq!(faults("gossip: {listen: '0.0.0.0:1', keyring: k}"), [unreachable]);
    let loopback =
        "breakerd.yaml:1:17: gossip.seeds: 10.0.0.2:1 is beyond loopback, where gossip.listen (127.0.0.1:7373) is not";
    assert_eq!(faults("gossip: {seeds: ['10.0.0.2:1'], keyring: k}"), [loopback]);
    for seed in ["10.0.0.1", "a b:1", ":1", "1.2.3:4", "host:0", "host:70000", "0.0.0.0:1", "::1:5"] {
        assert_eq!(faults(&format!("gossip: {{seeds: ['{seed}']}}")).len(), 1, "{seed}");
    }
}

#[test]
fn what_flags_and_variables_say_is_checked_with_the_file() {
    let given = |text: &str, by| Some(Given { text: text.to_owned(), by });
    let errors = |overrides: &Overrides| match Config::default().apply(overrides) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    };
    let beyond = Overrides { gossip_listen: given("10.0.0.1:7373", GivenBy::CommandLine), ..Overrides::default() };
    let expected =
        "--gossip-listen: 10.0.0.1:7373 is beyond loopback and needs a gossip.keyring (breakerd keygen makes one)";
    assert_eq!(errors(&beyond), [expected]);
    let wrong = Overrides {
        node_id: given("a b", GivenBy::Environment),
        seeds: vec![Given { text: "nowhere".to_owned(), by: GivenBy::CommandLine }],
        ..Overrides::default()
    };
    let expected = [
        "--seed: expected a host and a port such as 10.0.0.5:7373, got 'nowhere'",
        "BREAKERD_NODE_ID: expected 1 to 64 of A-Z a-z 0-9 . _ -, got 'a b'",
    ];
    assert_eq!(errors(&wrong), expected);
    let off = Overrides { gossip_listen: given("off", GivenBy::CommandLine), ..Overrides::default() };
    assert!(!Config::default().apply(&off).unwrap().gossip.on.value);
}

#[test]
fn what_the_host_says_only_fills_what_nobody_wrote() {
    let host =
        Overrides { node_id: Some(Given { text: "host-1".to_owned(), by: GivenBy::Default }), ..Overrides::default() };
    let id = |config: Config| config.apply(&host).unwrap().node.id.value.unwrap().as_str().to_owned();
    assert_eq!(id(Config::default()), "host-1");
    assert_eq!(id(super::load("node: {id: web-07}")), "web-07");
}

#[test]
fn an_average_longer_than_any_call_counts_for_can_never_be_reached() {
    let policy = |limit: &str| format!("circuit_breaker: {{failure_criteria: {{average_response_time: {limit}}}}}");
    assert_eq!(faults(&policy("71m")), [""; 0]);
    let expected = "breakerd.yaml:1:61: circuit_breaker.failure_criteria.average_response_time: can never be reached: calls count for 71 minutes at most";
    assert_eq!(faults(&policy("72m")), [expected]);
}

#[test]
fn what_the_cluster_judges_over_is_one_of_the_spans() {
    let spans = "16ms, 64ms, 256ms, 1024ms, 4096ms, 16384ms or 65536ms";
    for wrong in ["1s", "250ms", "1h"] {
        let expected = format!("breakerd.yaml:2:14: cluster.sustained: expected {spans}, got '{wrong}'");
        assert_eq!(faults(&format!("cluster:\n  sustained: {wrong}")), [expected]);
    }
    let unit =
        format!("breakerd.yaml:2:14: cluster.sustained: expected {spans}, got '64' (it needs a unit: 64s or 64ms)");
    assert_eq!(faults("cluster:\n  sustained: 64"), [unit]);
    for right in ["16ms", "64ms", "256ms", "1024ms", "1s24ms", "4096ms", "16384ms", "65536ms"] {
        assert_eq!(faults(&format!("cluster: {{sustained: {right}}}")), [""; 0], "{right}");
    }
}

#[test]
fn a_cluster_section_is_not_the_cluster_s_name() {
    let expected = "breakerd.yaml:1:10: cluster: expected a map of keys and values (the cluster's name is gossip.cluster), got 'green'";
    assert_eq!(faults("cluster: green"), [expected]);
    let word = "breakerd.yaml:1:22: cluster.authority: expected authoritative, accelerate or advisory, got 'boss'";
    assert_eq!(faults("cluster: {authority: boss}"), [word]);
    let timeout =
        "breakerd.yaml:1:29: cluster.recovery_timeout: expected a duration from 100ms to 1h such as 2s, got '2h'";
    assert_eq!(faults("cluster: {recovery_timeout: 2h}"), [timeout]);
    let key = "breakerd.yaml:1:11: cluster.sustain: unknown key, did you mean sustained?";
    assert_eq!(faults("cluster: {sustain: 64ms}"), [key]);
}
