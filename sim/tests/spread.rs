//! The scenario `spread`, run as users run it: a process each. The first question is about the simulator itself: does
//! the same seed give the same run?

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `breaker-sim` with these words.
fn breaker_sim(words: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_breaker-sim");
    Command::new(program).args(words.split_whitespace()).output().expect("the program can be started")
}

/// The result of a run that must succeed.
fn json_of(words: &str) -> Value {
    let output = breaker_sim(&format!("{words} --format json"));
    assert!(output.status.success(), "{words}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the result is JSON")
}

fn hash_of(words: &str) -> String {
    json_of(words)["trace_hash"].as_str().expect("a run has a hash").to_owned()
}

/// What a run that must fail says.
fn failure_of(words: &str, status: i32) -> String {
    let output = breaker_sim(words);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{words}: {said}");
    assert!(output.stdout.is_empty(), "{words}: {}", text(&output.stdout));
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8")
}

/// A run whose trace is written; the result and the trace.
fn traced(words: &str, name: &str) -> (Value, String) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let result = json_of(&format!("{words} --trace {}", path.display()));
    (result, std::fs::read_to_string(path).expect("the trace was written"))
}

/// FNV-1a, written once more, as whoever reads a trace elsewhere would.
fn fnv_1a(text: &str) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    format!("{:016x}", text.as_bytes().iter().fold(0xCBF2_9CE4_8422_2325, step))
}

/// Columns of the trace's lines of one event.
fn lines<'a>(trace: &'a str, event: &str) -> Vec<Vec<&'a str>> {
    let columns = trace.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    columns.filter(|columns| columns[2] == event).collect()
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte_and_another_does_not() {
    let words = "run spread --hosts 5 --seed 7";
    let (first, first_trace) = traced(words, "first.trace");
    let (second, second_trace) = traced(words, "second.trace");
    assert!(first_trace == second_trace, "two traces of one seed differ");
    assert_eq!(first, second);
    let (other, other_trace) = traced("run spread --hosts 5 --seed 8", "other.trace");
    assert!(first_trace != other_trace);
    assert_ne!(first["trace_hash"], other["trace_hash"]);
}

#[test]
fn every_seed_has_a_run_of_its_own_that_repeats() {
    let mut hashes = Vec::new();
    for seed in 1..=8 {
        let words = format!("run spread --hosts 3 --seed {seed}");
        let hash = hash_of(&words);
        assert_eq!(hash, hash_of(&words), "{words}");
        hashes.push(hash);
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn the_hash_can_be_computed_from_the_trace() {
    let (result, trace) = traced("run spread --hosts 2 --seed 3", "hash.trace");
    assert_eq!(result["trace_hash"], fnv_1a(&trace));
    assert_eq!(result["trace_events"], trace.lines().count() - 1);
}

#[test]
fn news_of_the_failing_service_reaches_every_other_host() {
    let result = json_of("run spread --hosts 12 --seed 5");
    let metrics = &result["metrics"];
    let failing = metrics["failing_host"].as_str().unwrap();
    let shown = metrics["shown_after_ms"].as_object().unwrap();
    assert_eq!(shown.len(), 11);
    assert!(!shown.contains_key(failing), "{shown:?}");
    let times: Vec<u64> = shown.values().map(|ms| ms.as_u64().unwrap()).collect();
    // Nothing crosses a link in less than a millisecond, and digests need not wait for more than a few turns of gossip.
    assert!(times.iter().all(|ms| (1..5_000).contains(ms)), "{shown:?}");
    assert_eq!(metrics["spread_ms"]["max"].as_u64(), times.iter().copied().max());
    assert!(metrics["gossip_bytes_per_host_s"].as_u64() > Some(100), "{metrics}");
    assert!(metrics["datagrams_per_host_s"].as_f64() > Some(1.0), "{metrics}");
}

/// The agents' own counters and the trace, which knows nothing of them, must tell the same story: it was the daemon's
/// code that ran, and its datagrams that travelled.
#[test]
fn it_was_the_agents_that_ran() {
    let (result, trace) = traced("run spread --hosts 4 --seed 9", "agents.trace");
    let counted = |name: &str| result["agent_counters"][name].as_u64().unwrap();
    let failing = result["metrics"]["failing_host"].as_str().unwrap();
    assert_eq!((counted("transitions"), counted("calls_granted"), counted("calls_rejected")), (1, 10, 1));
    let transitions = lines(&trace, "transition");
    assert_eq!(transitions.len(), 1, "{transitions:?}");
    assert_eq!(transitions[0][1], failing);
    assert_eq!(transitions[0][3..], ["payments", "closed", "open", "consecutive_failures"]);

    let (sent, received) = (lines(&trace, "sent"), lines(&trace, "received"));
    // Agents were asked in the last millisecond of the run, in which a few datagrams more may have left.
    assert!((sent.len() as u64).abs_diff(counted("seal_sent")) <= 8, "{} {}", sent.len(), counted("seal_sent"));
    assert!((received.len() as u64).abs_diff(counted("seal_received")) <= 8);
    // Every host speaks, and what arrives is what was sent, byte for byte.
    let speakers: std::collections::BTreeSet<_> = sent.iter().map(|columns| columns[1]).collect();
    assert_eq!(speakers.len(), 4);
    let left: std::collections::BTreeSet<_> = sent.iter().map(|columns| &columns[4..]).collect();
    assert!(received.iter().all(|columns| left.contains(&columns[4..])));
}

#[test]
fn two_hosts_are_a_cluster() {
    let metrics = &json_of("run spread --hosts 2 --seed 1")["metrics"];
    assert_eq!(metrics["shown_after_ms"].as_object().unwrap().len(), 1);
}

#[test]
fn the_page_for_people_fits_in_80_columns_and_says_the_hash() {
    let page = text(&breaker_sim("run spread --hosts 10 --seed 7").stdout);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let hash = hash_of("run spread --hosts 10 --seed 7");
    assert!(page.contains(&format!("trace_hash {hash}")), "{page}");
}

#[test]
fn with_datagrams_lost_the_news_still_spreads_and_some_were_lost() {
    let result = json_of("run spread --hosts 5 --seed 2 --loss 20%");
    let metrics = &result["metrics"];
    assert!(metrics["datagrams_lost"].as_u64() > Some(0), "{metrics}");
    assert_ne!(result["trace_hash"], hash_of("run spread --hosts 5 --seed 2"));
}

/// The simulator must notice that something does not work: a failing host that nobody hears.
#[test]
fn a_failing_host_that_is_not_heard_fails_the_run_and_the_command_given_fails_alike() {
    let said = failure_of("run spread --hosts 3 --seed 8 --mute-failing-host", 1);
    assert!(said.contains("do not show the digest of h2: h0, h1"), "{said}");
    let command = said.lines().find_map(|line| line.strip_prefix("run it again: breaker-sim ")).unwrap();
    assert_eq!(failure_of(command, 1), said);
}

#[test]
fn a_wrong_command_line_is_said_with_status_2() {
    for (words, expected) in [
        ("run spread --hosts 0", "0 is not in 2..=50"),
        ("run spread --hosts 1000", "1000 is not in 2..=50"),
        ("run spread --seed x", "invalid digit"),
        ("run flood", "possible values: spread"),
        ("", "Usage"),
    ] {
        let said = failure_of(words, 2);
        assert!(said.contains(expected), "{words}: {said}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_said_with_status_1() {
    let said = failure_of("run spread --hosts 2 --trace /nonexistent/trace", 1);
    assert!(said.contains("cannot write /nonexistent/trace"), "{said}");
    let said = failure_of("run spread --hosts 2 --trace /dev/full", 1);
    assert!(said.contains("cannot write the trace"), "{said}");
}
