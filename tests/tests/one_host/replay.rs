//! `breakerd replay` against the recorded sequences of other breakers' test suites.
//!
//! `tests/data/breaker_vectors.json` holds facts: inputs, and what must follow, each with the suite it was taken from.
//! Every expectation is compared twice, by `replay` itself as it plays and here with what it printed, because a check
//! that compares nothing agrees with everything.

use std::process::Command;

use breaker_tests::stage::{Ended, Folder, binaries};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../data/breaker_vectors.json");

fn vectors() -> Vec<Value> {
    serde_json::from_str(VECTORS).expect("the vectors are JSON")
}

fn play(policy: &Value, steps: &[Value]) -> Ended {
    let folder = Folder::new();
    // JSON is YAML.
    let config = folder.write("policy.yaml", json!({ "circuit_breaker": policy }).to_string());
    let lines: Vec<String> = steps.iter().map(ToString::to_string).collect();
    let trace = folder.write("trace.jsonl", lines.join("\n"));
    let mut command = Command::new(&binaries().breakerd);
    command.env_clear().args(["replay", "--service", "demo", "--config"]).arg(config).arg(trace);
    Ended::of(&mut command)
}

fn printed(ended: &Ended) -> Vec<Value> {
    ended.out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn expectations(step: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let keys = step.as_object().expect("a step is an object").iter();
    keys.filter_map(|(key, value)| key.strip_prefix("expect_").map(|key| (key, value)))
}

fn same(a: &Value, b: &Value) -> bool {
    if a.is_number() && b.is_number() { a.as_f64() == b.as_f64() } else { a == b }
}

#[test]
fn replay_agrees_with_every_expectation_of_the_vectors() {
    let mut compared = 0;
    for vector in vectors() {
        let name = &vector["name"];
        let steps = vector["steps"].as_array().expect("a vector has steps");
        let ended = play(&vector["circuit_breaker"], steps);
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        let lines = printed(&ended);
        assert_eq!(lines.len(), steps.len(), "{name}: one line per step");
        for (number, (step, line)) in steps.iter().zip(&lines).enumerate() {
            assert_eq!((&line["at_ms"], &line["op"]), (&step["at_ms"], &step["op"]), "{name}, step {number}");
            for (key, expected) in expectations(step) {
                let found = line.get(key).unwrap_or_else(|| panic!("{name}, step {number}: nothing is said of {key}"));
                assert!(same(expected, found), "{name}, step {number}: {key} is {found}, expected {expected}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 200, "only {compared} expectations were compared");
}

/// Each expectation of one vector in turn is made wrong; replay must stop at that line, and have printed those before.
#[test]
fn replay_stops_at_an_expectation_that_is_wrong() {
    let vectors = vectors();
    let vector =
        vectors.iter().max_by_key(|vector| vector["steps"].as_array().map_or(0, Vec::len)).expect("there are some");
    let steps = vector["steps"].as_array().expect("a vector has steps");
    let mut tried = 0;
    for (number, step) in steps.iter().enumerate() {
        for (key, right) in expectations(step) {
            let wrong = match right {
                Value::Bool(right) => json!(!right),
                Value::Number(_) => json!(right.as_f64().expect("a number") + 1.0),
                Value::Null => json!(0),
                _ => json!("disabled"),
            };
            let mut steps = steps.clone();
            steps[number][format!("expect_{key}")] = wrong;
            let ended = play(&vector["circuit_breaker"], &steps);
            assert_eq!(ended.code, 1, "step {number}, {key}: {ended:?}");
            assert!(ended.err.contains(&format!("trace.jsonl:{}: expected {key}", number + 1)), "{ended:?}");
            assert_eq!(printed(&ended).len(), number);
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn every_line_says_everything_in_order_and_only_an_ask_has_an_answer() {
    let policy = json!({"failure_threshold": 2, "recovery_timeout": "5s", "backoff": {"jitter": "none"}});
    let steps = [
        json!({"at_ms": 0, "op": "fail", "repeat": 2}),
        json!({"at_ms": 10, "op": "state"}),
        json!({"at_ms": 10, "op": "query"}),
        json!({"at_ms": 5_000, "op": "ask"}),
    ];
    let ended = play(&policy, &steps).well();
    let keys =
        ["at_ms", "op", "allowed", "state", "total", "failed", "slow", "failure_rate_pct", "retry_after_ms", "reason"];
    for (line, text) in printed(&ended).iter().zip(ended.out.lines()) {
        let places: Vec<_> = keys.iter().map(|key| text.find(&format!("\"{key}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
        assert_eq!(line.as_object().map(serde_json::Map::len), Some(keys.len()), "{text}");
    }
    let lines = printed(&ended);
    let answers: Vec<&Value> = lines.iter().map(|line| &line["allowed"]).collect();
    assert_eq!(answers, [&json!(true), &Value::Null, &json!(false), &json!(true)]);
    assert_eq!(lines[1]["retry_after_ms"], 4_990);
    assert_eq!(lines[3]["state"], "half_open");
}

#[test]
fn jitter_is_drawn_from_the_seed() {
    let policy = json!({"failure_threshold": 1, "recovery_timeout": "60s"});
    let folder = Folder::new();
    let config = folder.write("policy.yaml", json!({ "circuit_breaker": policy }).to_string());
    let trace = folder.write("trace.jsonl", "{\"at_ms\": 0, \"op\": \"fail\"}\n");
    let wait = |seed: &str| {
        let mut command = Command::new(&binaries().breakerd);
        command.env_clear().args(["replay", "--service", "demo", "--seed", seed, "--config"]).arg(&config).arg(&trace);
        let line = printed(&Ended::of(&mut command).well()).remove(0);
        let wait = line["retry_after_ms"].as_u64().expect("it is Open");
        assert!((30_000..=60_000).contains(&wait), "equal jitter: {wait}");
        wait
    };
    assert_eq!(wait("7"), wait("7"));
    assert_ne!(wait("7"), wait("8"));
}

#[test]
fn a_trace_that_is_none_is_refused_with_its_line() {
    let policy = json!({});
    let good = json!({"at_ms": 5, "op": "ok"});
    for (bad, says) in [
        (json!({"at_ms": 4, "op": "ok"}), "before"),
        (json!({"at_ms": 5, "op": "perhaps"}), "perhaps"),
        (json!({"at_ms": 5, "op": "ok", "token": "never"}), "never"),
        (json!({"at_ms": 5, "op": "ok", "surprise": 1}), "surprise"),
        (json!({"at_ms": 5, "op": "ok", "repeat": 0}), "repeat"),
        (json!("ok"), "object"),
    ] {
        let ended = play(&policy, &[good.clone(), bad]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.err.contains("trace.jsonl:2") && ended.err.contains(says), "{says}: {ended:?}");
        assert_eq!(printed(&ended).len(), 1, "what was right before was played");
    }
}
