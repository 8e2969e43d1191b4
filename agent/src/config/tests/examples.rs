//! What users have in hand: the two documents of the project's first page, the example file, policies, and every key.
//!
//! Each file is compared with the whole policy it must give, so that a key that leaks into another shows. The example
//! file must equal the defaults and mention every key of the table in `layer`, so that it cannot fall behind.
//! `policies.jsonl` holds policies taken from the test suites of other circuit breakers, as JSON, which is YAML too.

use std::time::Duration;

use super::{faults, load, name, policy, policy_of};
use crate::config::layer::PATHS;
use crate::config::{Config, Fallback, Monitoring, Overrides, UnknownServices};
use crate::core::digest::span;
use crate::core::outcome::Kind;
use crate::core::policy::{
    AfterMaxWait, Backoff, Conditions, HalfOpen, Jitter, KindCondition, Policy, Rate, Verdict, WindowShape,
};
use crate::core::registry::Authority;

const EXAMPLE: &str = include_str!("../../../breakerd.example.yaml");

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn the_first_document_loads_as_it_stands() {
    let config = load(
        "circuit_breaker:
  failure_threshold: 5
  recovery_timeout: 30s
  success_threshold: 2
  exceptions:
    - TimeoutException
    - ConnectionException
    - ServiceUnavailableException
",
    );
    let default = Policy::default();
    let expected = Policy {
        conditions: Conditions { failure_threshold: Some(5), ..Conditions::default() },
        half_open: HalfOpen { verdict: Verdict::Successes(2), ..default.half_open },
        exceptions: ["timeout", "connect", "ServiceUnavailableException"].map(|kind| Kind::parse(kind).unwrap()).into(),
        ..default
    };
    assert_eq!(*policy(&config, "payments"), expected);
}

#[test]
fn the_second_document_loads_as_it_stands() {
    let config = load(
        "circuit_breaker:
  sliding_window:
    size: 20
    minimum_throughput: 10
  failure_criteria:
    error_rate: 50%
    slow_call_rate: 80%
    slow_call_duration: 5s
  fallback:
    strategy: cached_response
    max_age: 300s
  monitoring:
    metrics_enabled: true
    alerts_enabled: true
",
    );
    let expected = Policy {
        window: WindowShape::Count { size: 20 },
        minimum_throughput: 10,
        conditions: Conditions { slow_call_rate: Some(Rate::percent(80)), ..Conditions::default() },
        ..Policy::default()
    };
    assert_eq!(*policy(&config, "payments"), expected);
    let fallback = Fallback::CachedResponse { max_age: SECONDS(300), max_entries: None, max_bytes: None };
    assert_eq!(config.fallback_for(&name("payments")), Some(&fallback));
    assert_eq!(config.monitoring_for(&name("payments")), Monitoring { metrics_enabled: true, alerts_enabled: true });
}

#[test]
fn no_file_an_empty_file_and_a_file_of_comments_are_the_defaults() {
    assert_eq!(*policy(&Config::default(), "any"), Policy::default());
    for text in ["", "# nothing\n", "---\n", "circuit_breaker:\n", "services: {}\ndefaults:\nnode:\n", "\u{feff}"] {
        let config = load(text);
        assert_eq!(*policy(&config, "any"), Policy::default(), "{text:?}");
        assert_eq!((&config.gossip, &config.cluster), (&Config::default().gossip, &Config::default().cluster));
    }
}

#[test]
fn the_example_file_says_what_the_defaults_are() {
    let example = load(EXAMPLE);
    let default = Config::default();
    assert_eq!(policy(&example, "any"), policy(&default, "any"));
    let values = |config: &Config| {
        let mut page = config.show().json();
        forget_sources(&mut page);
        page
    };
    assert_eq!(values(&example), values(&default));
}

fn forget_sources(page: &mut serde_json::Value) {
    let Some(object) = page.as_object_mut() else { return };
    object.remove("source");
    object.remove("layer");
    object.values_mut().for_each(forget_sources);
}

#[test]
fn the_example_file_mentions_every_key() {
    let host =
        ["id", "zone", "path", "mode", "owner", "listen", "advertise", "seeds", "cluster", "interval", "keyring"];
    let host = host.into_iter().chain(["authority", "sustained", "recovery_timeout"]).collect::<Vec<_>>();
    let top = ["node", "socket", "gossip", "cluster", "defaults", "services", "unknown_services", "circuit_breaker"];
    for key in PATHS.iter().copied().flatten().chain(&host).chain(&top) {
        let written = EXAMPLE.lines().any(|line| line.trim_start_matches([' ', '#']).starts_with(&format!("{key}:")));
        assert!(written, "{key}");
    }
    assert!(EXAMPLE.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn every_key_of_a_policy_reaches_it() {
    let policy = policy_of(
        "{failure_threshold: off, recovery_timeout: 1m, exceptions: [timeout, connect, http_503], ignore: [validation],
          timeout: 2s, enforce: 12.5%, ramp: off,
          sliding_window: {type: time, size: 30s, buckets: 60, minimum_throughput: 7},
          failure_criteria: {error_rate: off, slow_call_rate: 0.1%, slow_call_duration: 250ms, timeout_rate: 33.3333%,
            failure_count: 9, average_response_time: 800ms, sustained: 256ms,
            kinds: {connect: {rate: 5%, count: 3}, TimeoutException: {rate: off, count: 4}}},
          half_open: {permits: 6, permit_lease: 3s, max_wait: 1h30m, after_max_wait: closed},
          backoff: {multiplier: 1.25, max: 5m, jitter: full}}",
    );
    let kind = |text| Kind::parse(text).unwrap();
    let expected = Policy {
        window: WindowShape::Time { bucket: Duration::from_millis(500), buckets: 60 },
        minimum_throughput: 7,
        conditions: Conditions {
            failure_threshold: None,
            error_rate: None,
            slow_call_rate: Rate::from_ppm(1_000),
            slow_call_duration: Duration::from_millis(250),
            timeout_rate: Rate::from_ppm(333_333),
            failure_count: Some(9),
            average_response_time: Some(Duration::from_millis(800)),
            kinds: vec![
                KindCondition { kind: kind("connect"), rate: Some(Rate::percent(5)), count: Some(3) },
                KindCondition { kind: kind("timeout"), rate: None, count: Some(4) },
            ],
            sustained: Some(Duration::from_millis(256)),
        },
        exceptions: ["timeout", "connect", "http_503"].map(kind).into(),
        ignore: vec![kind("validation")],
        recovery_timeout: SECONDS(60),
        backoff: Backoff { multiplier_milli: 1_250, max: SECONDS(300), jitter: Jitter::Full },
        half_open: HalfOpen {
            verdict: Verdict::Permits(6),
            permit_lease: SECONDS(3),
            max_wait: SECONDS(5_400),
            after_max_wait: AfterMaxWait::Closed,
        },
        timeout: Some(SECONDS(2)),
        enforce: Rate::from_ppm(125_000).unwrap(),
    };
    assert_eq!(*policy, expected);
}

#[test]
fn a_default_that_depends_on_what_is_written_follows_it() {
    assert_eq!(policy_of("{sliding_window: {size: 10}}").minimum_throughput, 10);
    assert_eq!(policy_of("{sliding_window: {size: 50}}").minimum_throughput, 20);
    assert_eq!(policy_of("{sliding_window: {type: count}}").window, WindowShape::Count { size: 100 });
    assert_eq!(policy_of("{recovery_timeout: 5s}").backoff.max, SECONDS(20));
    let five = WindowShape::Time { bucket: Duration::from_millis(1), buckets: 5 };
    assert_eq!(policy_of("{sliding_window: {size: 5ms}}").window, five);
    let twenty = WindowShape::Time { bucket: Duration::from_millis(500), buckets: 20 };
    assert_eq!(policy_of("{sliding_window: {buckets: 20}}").window, twenty);
}

#[test]
fn off_and_false_turn_a_condition_off_in_quotes_or_not() {
    for off in ["off", "Off", "OFF", "false", "\"off\""] {
        let policy = policy_of(&format!("{{failure_threshold: {off}, failure_criteria: {{error_rate: {off}}}}}"));
        assert_eq!((policy.conditions.failure_threshold, policy.conditions.error_rate), (None, None), "{off}");
    }
}

#[test]
fn the_policies_of_the_vectors_load() {
    let lines: Vec<&str> = include_str!("policies.jsonl").lines().collect();
    assert_eq!(lines.len(), 15);
    for line in &lines {
        assert_eq!(faults(line), Vec::<String>::new(), "{line}");
    }
    let first = policy(&load(lines[0]), "any");
    assert_eq!(first.window, WindowShape::Time { bucket: SECONDS(1), buckets: 20 });
    assert_eq!(first.half_open.verdict, Verdict::Permits(4));
    assert_eq!(first.half_open.max_wait, SECONDS(1));
    assert_eq!(first.backoff, Backoff { multiplier_milli: 1_000, max: SECONDS(20), jitter: Jitter::None });
    let third = policy(&load(lines[2]), "any");
    assert_eq!((third.window, third.minimum_throughput), (WindowShape::Count { size: 5 }, 5));
    assert_eq!(third.backoff.multiplier_milli, 1_500);
    let eleventh = policy(&load(lines[10]), "any");
    assert_eq!(eleventh.window, WindowShape::Time { bucket: Duration::from_millis(1), buckets: 10 });
    assert_eq!(eleventh.backoff.max, SECONDS(100));
}

#[test]
fn every_fallback_is_read() {
    let fallback = |keys: &str| {
        let config = load(&format!("circuit_breaker: {{fallback: {keys}}}"));
        config.fallback_for(&name("any")).cloned()
    };
    assert_eq!(fallback("off"), None);
    let cached = "{strategy: cached_response, max_age: 1m, max_entries: 100, max_bytes: 4096}";
    let expected = Fallback::CachedResponse { max_age: SECONDS(60), max_entries: Some(100), max_bytes: Some(4_096) };
    assert_eq!(fallback(cached), Some(expected));
    let value = serde_json::json!({"price": 1.5, "items": [], "open": false, "note": "0x1F", "none": null});
    let written = "{strategy: default_value, value: {price: 1.5, items: [], open: no, note: 0x1F, none: ~}}";
    assert_eq!(fallback(written), Some(Fallback::DefaultValue { value }));
    assert_eq!(fallback("{strategy: degraded_function}"), Some(Fallback::DegradedFunction));
    assert_eq!(fallback("{strategy: feature_off}"), Some(Fallback::FeatureOff));
    let others = Fallback::AlternativeServices { services: vec![name("payments-eu"), name("payments/b")] };
    assert_eq!(fallback("{strategy: alternative_services, services: [payments-eu, payments/b]}"), Some(others));
}

#[test]
fn every_setting_of_the_host_is_read() {
    let config = load(
        "node: {id: 007, zone: eu-1a}
socket: {path: /tmp/b.sock, mode: 0600, owner: 'breakerd:1000'}
gossip:
  listen: 10.0.0.7:7000
  advertise: 192.0.2.7:7001
  seeds: ['10.0.0.5:7373', a.example.org:7373, '[::1]:7373']
  cluster: green
  interval: 1s
  keyring: /etc/breakerd/keyring
cluster: {authority: advisory, sustained: 1024ms, recovery_timeout: 10s}
unknown_services: refuse
",
    );
    assert_eq!(config.cluster.authority.value, Authority::Advisory);
    assert_eq!(span(config.cluster.sustained.value.index()), Duration::from_millis(1_024));
    assert_eq!(config.cluster.recovery_timeout.value, SECONDS(10));
    let id = config.node.id.value.as_ref().map(|id| id.as_str().to_owned());
    assert_eq!(id.as_deref(), Some("007"), "as written, though YAML takes it for a number");
    assert_eq!(config.socket.mode.value.bits(), 0o600);
    assert_eq!(config.gossip.seeds.value[1].as_str(), "a.example.org:7373");
    assert_eq!(config.gossip.seeds.value[2].address(), Some("[::1]:7373".parse().unwrap()));
    assert_eq!(config.gossip.interval.value, SECONDS(1));
    assert_eq!(config.unknown_services.value, UnknownServices::Refuse);
    for mode in ["\"0640\"", "0640", "640", "0o640"] {
        assert_eq!(load(&format!("socket: {{mode: {mode}}}")).socket.mode.value.bits(), 0o640, "{mode}");
    }
    let plain = load("socket: /run/b.sock\ngossip: off\n");
    assert_eq!(plain.socket.path.value.as_deref(), Some(std::path::Path::new("/run/b.sock")));
    assert!(!plain.gossip.on.value);
    assert!(plain.apply(&Overrides::default()).is_ok());
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let config = load(
        "services:
  a: {circuit_breaker: &strict {failure_threshold: 2, recovery_timeout: 5s}}
  b: {circuit_breaker: *strict}
  c: {circuit_breaker: {<<: *strict, failure_threshold: 3}}
",
    );
    assert_eq!(policy(&config, "a"), policy(&config, "b"));
    assert_eq!(policy(&config, "c").conditions.failure_threshold, Some(3));
    assert_eq!(policy(&config, "c").recovery_timeout, SECONDS(5));
}
