//! The page of `config show`: what it says, how wide it is, and that a service's page gives its policy again.
//!
//! Two pages are compared as text, because their layout is what people see. The law behind them is that a service's
//! page, loaded as a file, gives the same policy and fallback; it is tried on policies put together at random from
//! values that are hard to quote.

use proptest::prelude::*;
use serde_json::json;

use super::{load, name, policy};
use crate::config::{Config, Given, GivenBy, Overrides};

const FILE: &str = "circuit_breaker:
  failure_threshold: 5
  exceptions: [timeout, 'http 503', 'off']
node: {zone: eu-1}
socket: {mode: '0600'}
services:
  payments/*:
    circuit_breaker:
      half_open: {permits: 4}
  payments/a:
    circuit_breaker:
      sliding_window: {size: 10}
      fallback: {strategy: cached_response, max_age: 5m}
  plain: {}
cluster: {sustained: 64ms}
";

#[test]
fn a_service_s_page_names_the_layer_of_each_value() {
    let page = load(FILE).show_service(&name("payments/a")).to_string();
    let expected = r#"# what holds for payments/a
circuit_breaker:
  failure_threshold: 5                          # breakerd.yaml:2, defaults
  recovery_timeout: 30s                         # default
  exceptions: [timeout, "http 503", "off"]      # breakerd.yaml:3, defaults
  ignore: []                                    # default
  timeout: off                                  # default
  enforce: 100%                                 # default
  ramp: off                                     # default
  # without a ramp a breaker goes from HalfOpen to Closed at once
  fallback:
    max_age: "5m"                               # breakerd.yaml:13, payments/a
    strategy: cached_response                   # breakerd.yaml:13, payments/a
  sliding_window:
    type: count                                 # default
    size: 10                                    # breakerd.yaml:12, payments/a
    minimum_throughput: 10                      # default
  half_open:
    permits: 4                                  # breakerd.yaml:9, payments/*
"#;
    assert_eq!(&page[..expected.len()], expected, "{page}");
}

#[test]
fn the_whole_page_shows_the_host_the_defaults_and_what_each_layer_writes() {
    let given = |text: &str, by| Some(Given { text: text.to_owned(), by });
    let overrides = Overrides {
        socket: given("/tmp/b.sock", GivenBy::Environment),
        node_id: given("web-07", GivenBy::Default),
        gossip_listen: given("127.0.0.1:9", GivenBy::CommandLine),
        seeds: Vec::new(),
    };
    let page = load(FILE).apply(&overrides).unwrap().show().to_string();
    let host = r#"node:
  id: web-07                                    # default
  zone: eu-1                                    # breakerd.yaml:4
socket:
  path: /tmp/b.sock                             # environment BREAKERD_SOCKET
  mode: "0600"                                  # breakerd.yaml:5
  # owner is not set                            # default
gossip:
  listen: "127.0.0.1:9"                         # flag --gossip-listen
  # advertise is not set                        # default
"#;
    assert!(page.contains(host), "{page}");
    let cluster = r#"cluster:
  authority: authoritative                      # default
  sustained: 64ms                               # breakerd.yaml:15
  recovery_timeout: 2s                          # default
"#;
    assert!(page.contains(cluster), "{page}");
    let services = r#"services:
  "payments/*":
    circuit_breaker:
      half_open:
        permits: 4                              # breakerd.yaml:9, payments/*
  payments/a:
    circuit_breaker:
      fallback:
        max_age: "5m"                           # breakerd.yaml:13, payments/a
        strategy: cached_response               # breakerd.yaml:13, payments/a
      sliding_window:
        size: 10                                # breakerd.yaml:12, payments/a
  plain:
    circuit_breaker: {}                         # default
"#;
    assert!(page.ends_with(services), "{page}");
}

#[test]
fn json_has_the_value_the_source_and_the_layer() {
    let config = load(FILE);
    let page = config.show_service(&name("payments/a")).json();
    let size = json!({"value": 10, "source": "breakerd.yaml:12", "layer": "payments/a"});
    assert_eq!(page["circuit_breaker"]["sliding_window"]["size"], size);
    let rate = json!({"value": "50%", "source": "default", "layer": null});
    assert_eq!(page["circuit_breaker"]["failure_criteria"]["error_rate"], rate);
    let all = config.show().json();
    assert_eq!(all["gossip"]["listen"]["value"], json!("127.0.0.1:7373"));
    assert_eq!(all["services"]["payments/*"]["circuit_breaker"]["half_open"]["permits"]["value"], json!(4));
    assert_eq!(load("gossip: off").show().json()["gossip"]["value"], json!("off"));
}

#[test]
fn a_service_that_is_not_admitted_is_said_to_be() {
    let page = load("unknown_services: refuse").show_service(&name("x")).to_string();
    assert!(page.starts_with("# what holds for x\n# not admitted: "), "{page}");
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let long = "n".repeat(190);
    let kinds = (0..30).map(|i| format!("kind_number_{i}")).collect::<Vec<_>>().join(", ");
    let text = format!("services: {{{long}: {{circuit_breaker: {{ignore: [{kinds}], timeout: 1s}}}}}}");
    let page = Config::load(&text, &format!("/etc/{}", "f".repeat(90))).unwrap().show_service(&name(&long)).to_string();
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert_eq!(policy(&load(&page), "any"), policy(&load(&text), &long));
}

/// Values of many shapes under the keys of a policy, none contradicting another.
fn a_policy() -> impl Strategy<Value = String> {
    let optional = |values: &'static [&'static str]| prop::option::of(prop::sample::select(values));
    let criteria =
        (optional(&["off", "0%", "12.5%", "99.9999%"]), optional(&["off", "7"]), optional(&["256ms", "off"]));
    let kinds = optional(&["{connect: {rate: 5%}}", "{\"a: b\": {count: 3}, \"no\": {count: 1, rate: off}}"]);
    let window = optional(&["{size: 7}", "{type: count}", "{size: 7ms}", "{size: 1h30m, buckets: 3}", "{type: time}"]);
    let half_open = optional(&["{permits: 2}", "{max_wait: 1ms, after_max_wait: closed}", "{permit_lease: 1us}"]);
    let backoff = optional(&["{multiplier: 1.5, jitter: none}", "{multiplier: 100, max: 1y}", "{jitter: full}"]);
    let lists = optional(&["[]", "[a, \"off\", \"5\", \"é: {\", \"~\"]"]);
    let fallback =
        optional(&["off", "{strategy: feature_off}", "{strategy: default_value, value: {\"a b\": [1.50, ~]}}"]);
    (criteria, kinds, window, half_open, backoff, lists, fallback).prop_map(
        |((rate, count, sustained), kinds, window, half_open, backoff, ignore, fallback)| {
            let criteria =
                map([("error_rate", rate), ("failure_count", count), ("sustained", sustained), ("kinds", kinds)]);
            map([
                ("failure_criteria", Some(criteria.as_str())),
                ("sliding_window", window),
                ("half_open", half_open),
                ("backoff", backoff),
                ("ignore", ignore),
                ("fallback", fallback),
            ])
        },
    )
}

fn map<const N: usize>(entries: [(&str, Option<&str>); N]) -> String {
    let written = entries.iter().filter_map(|(key, value)| Some(format!("{key}: {}", (*value)?)));
    format!("{{{}}}", written.collect::<Vec<_>>().join(", "))
}

proptest! {
    /// Aim: what is shown is what holds, exactly. Method: load a policy, load its page, compare.
    #[test]
    fn a_service_s_page_loads_to_the_same_policy(keys in a_policy()) {
        let config = load(&format!("circuit_breaker: {keys}"));
        let again = load(&config.show_service(&name("any")).to_string());
        prop_assert_eq!(policy(&config, "any"), policy(&again, "any"));
        prop_assert_eq!(config.fallback_for(&name("any")), again.fallback_for(&name("any")));
    }
}
