//! Which layer's value holds for a service: the law against an obvious merge, and examples of the exceptions.
//!
//! The obvious merge sorts all layers by how specific they are for one service and takes each key from the first that
//! writes it, straight from the ruling. Names are drawn from a small tree, so that most layers meet. The exceptions
//! (windows of two kinds, `permits` against `success_threshold`, fallbacks) have an example each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{load, name, policy};
use crate::config::Fallback;
use crate::core::policy::{Admission, Policy, Verdict, WindowShape};

/// What a generated layer writes: three keys that do not depend on one another.
#[derive(Clone, Copy, Debug, Default)]
struct Keys {
    failure_threshold: Option<u64>,
    max_wait: Option<u64>,
    connect_count: Option<u64>,
}

impl Keys {
    fn yaml(self) -> String {
        let mut keys = Vec::new();
        keys.extend(self.failure_threshold.map(|n| format!("failure_threshold: {n}")));
        keys.extend(self.max_wait.map(|n| format!("half_open: {{max_wait: {n}s}}")));
        keys.extend(self.connect_count.map(|n| format!("failure_criteria: {{kinds: {{connect: {{count: {n}}}}}}}")));
        format!("{{circuit_breaker: {{{}}}}}", keys.join(", "))
    }

    fn of(policy: &Policy) -> Self {
        let default = Policy::default();
        let (wait, conditions) = (policy.half_open.max_wait, &policy.conditions);
        Self {
            failure_threshold: conditions
                .failure_threshold
                .filter(|&n| default.conditions.failure_threshold != Some(n)),
            max_wait: (wait != default.half_open.max_wait).then_some(wait.as_secs()),
            connect_count: conditions.kinds.first().and_then(|kind| kind.count),
        }
    }
}

/// How specific a layer is for a service, the higher the more; nothing if it says nothing of it. Straight from the
/// ruling: own name, then patterns by length, then ancestors by length, then defaults.
fn rank(layer: &str, service: &str) -> Option<(u8, usize)> {
    let below = |base: &str| base.is_empty() || service.starts_with(&format!("{base}/"));
    match layer.strip_suffix('*') {
        _ if layer == "defaults" => Some((0, 0)),
        _ if layer == service => Some((3, 0)),
        Some(base) => below(base.trim_end_matches('/')).then_some((2, layer.len())),
        None => below(layer).then_some((1, layer.len())),
    }
}

fn naive(layers: &BTreeMap<String, Keys>, service: &str) -> Keys {
    let mut ranked: Vec<_> = layers.iter().filter_map(|(layer, keys)| Some((rank(layer, service)?, keys))).collect();
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    Keys {
        failure_threshold: ranked.iter().find_map(|(_, keys)| keys.failure_threshold),
        max_wait: ranked.iter().find_map(|(_, keys)| keys.max_wait),
        connect_count: ranked.iter().find_map(|(_, keys)| keys.connect_count),
    }
}

fn a_path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]", 1..=4).prop_map(|steps| steps.join("/"))
}

fn a_target() -> impl Strategy<Value = String> {
    let pattern = prop::collection::vec("[ab]", 1..=3).prop_map(|steps| format!("{}/*", steps.join("/")));
    prop_oneof![3 => a_path(), 3 => pattern, 1 => Just("*".to_owned()), 1 => Just("defaults".to_owned())]
}

fn some_keys() -> impl Strategy<Value = Keys> {
    let key = || prop::option::of(1_000..2_000_u64);
    (key(), key(), key()).prop_map(|(failure_threshold, max_wait, connect_count)| Keys {
        failure_threshold,
        max_wait,
        connect_count,
    })
}

fn written(layers: &BTreeMap<String, Keys>) -> String {
    let mut text = "services:\n".to_owned();
    for (layer, keys) in layers.iter().filter(|(layer, _)| *layer != "defaults") {
        text += &format!("  \"{layer}\": {}\n", keys.yaml());
    }
    let defaults = layers.get("defaults").map_or(String::new(), |keys| format!("defaults: {}\n", keys.yaml()));
    text + &defaults
}

proptest! {
    /// Aim: every key comes from the most specific layer that writes it. Method: random layers over a small tree of
    /// names, against a merge that sorts all layers anew for each service.
    #[test]
    fn every_key_comes_from_the_most_specific_layer(
        layers in prop::collection::btree_map(a_target(), some_keys(), 0..12),
        services in prop::collection::vec(a_path(), 1..10),
    ) {
        let config = load(&written(&layers));
        for service in services {
            let (ours, theirs) = (Keys::of(&policy(&config, &service)), naive(&layers, &service));
            prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{} in {:?}", service, layers);
        }
    }

    /// Aim: a service is admitted exactly if it is listed, matched, or below a listed one.
    #[test]
    fn with_refuse_only_what_is_listed_is_admitted(
        layers in prop::collection::btree_map(a_target(), some_keys(), 0..4),
        service in a_path(),
    ) {
        let config = load(&(written(&layers) + "unknown_services: refuse\n"));
        let expected = layers.keys().any(|layer| layer != "defaults" && rank(layer, &service).is_some());
        prop_assert_eq!(config.ruling(&name(&service)).admission == Admission::Admitted, expected);
        prop_assert_eq!(config.admits(&name(&service)), expected);
    }
}

#[test]
fn permits_and_success_threshold_replace_each_other_across_layers() {
    let config = load(
        "circuit_breaker: {success_threshold: 7}
services:
  a: {circuit_breaker: {half_open: {permits: 4}}}
  a/b: {circuit_breaker: {success_threshold: 2}}
  c: {circuit_breaker: {half_open: {max_wait: 5s}}}
",
    );
    assert_eq!(policy(&config, "a").half_open.verdict, Verdict::Permits(4));
    assert_eq!(policy(&config, "a/b").half_open.verdict, Verdict::Successes(2));
    assert_eq!(policy(&config, "a/z").half_open.verdict, Verdict::Permits(4));
    assert_eq!(policy(&config, "c").half_open.verdict, Verdict::Successes(7));
}

#[test]
fn a_layer_that_changes_what_the_window_holds_covers_the_other_kind_whole() {
    let config = load(
        "circuit_breaker: {sliding_window: {type: time, size: 20s, buckets: 20, minimum_throughput: 5}}
services:
  a: {circuit_breaker: {sliding_window: {size: 50}}}
  a/b: {circuit_breaker: {sliding_window: {type: time}}}
  c: {circuit_breaker: {sliding_window: {buckets: 40}}}
  d: {circuit_breaker: {sliding_window: {size: 40s}}}
",
    );
    let time = |bucket_ms, buckets| WindowShape::Time { bucket: Duration::from_millis(bucket_ms), buckets };
    assert_eq!(policy(&config, "a").window, WindowShape::Count { size: 50 });
    assert_eq!(policy(&config, "a").minimum_throughput, 5);
    assert_eq!(policy(&config, "a/b").window, time(1_000, 10), "the count's size means nothing to a time");
    assert_eq!(policy(&config, "c").window, time(500, 40));
    assert_eq!(policy(&config, "d").window, time(2_000, 20));
}

#[test]
fn a_written_minimum_is_capped_by_nothing_and_a_default_one_by_the_count() {
    let config = load("services: {a: {circuit_breaker: {sliding_window: {size: 5}}}}");
    assert_eq!(policy(&config, "a").minimum_throughput, 5);
    assert_eq!(policy(&config, "b").minimum_throughput, 20);
}

#[test]
fn off_in_a_specific_layer_covers_a_value_below() {
    let config = load(
        "circuit_breaker:
  failure_criteria: {timeout_rate: 20%, kinds: {connect: {rate: 10%, count: 5}}}
  fallback: {strategy: cached_response, max_age: 1m}
services:
  a:
    circuit_breaker: {failure_criteria: {timeout_rate: off, kinds: {connect: {rate: off}}}, fallback: off}
  b: {circuit_breaker: {failure_criteria: {kinds: {connect: {rate: off, count: off}}}, fallback: {strategy: feature_off}}}
",
    );
    let a = policy(&config, "a");
    assert_eq!(
        (a.conditions.timeout_rate, a.conditions.kinds[0].rate, a.conditions.kinds[0].count),
        (None, None, Some(5))
    );
    assert_eq!(config.fallback_for(&name("a")), None);
    assert_eq!(policy(&config, "b").conditions.kinds, []);
    assert_eq!(config.fallback_for(&name("b")), Some(&Fallback::FeatureOff));
    assert!(matches!(config.fallback_for(&name("c")), Some(Fallback::CachedResponse { .. })));
}

#[test]
fn lists_are_covered_whole() {
    let config = load("circuit_breaker: {ignore: [x, y]}\nservices: {a: {circuit_breaker: {ignore: []}}}");
    assert_eq!(policy(&config, "a").ignore, []);
    assert_eq!(policy(&config, "b").ignore.len(), 2);
}

#[test]
fn equal_policies_are_one_shared_value() {
    let config = load("services:\n  a: {}\n  b/*: {}\n  c: {circuit_breaker: {failure_threshold: 10}}\n");
    let all = ["a", "a/x", "b", "b/x", "c", "unlisted"].map(|service| policy(&config, service));
    assert!(all.iter().all(|policy| Arc::ptr_eq(policy, &all[0])));
}

#[test]
fn the_ancestors_of_an_admitted_service_have_a_policy() {
    let config = load("unknown_services: refuse\nservices: {a/b: {}}\n");
    assert!(!config.admits(&name("a")));
    assert_eq!(*config.policy_of(&name("a")), Policy::default());
    assert!(config.admits(&name("a/b/c")));
}
