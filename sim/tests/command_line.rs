//! The program as users start it, as far as nothing is simulated: what is wrong with a command or a file is said before
//! anything runs, with status 2.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs `breaker-sim` with these words.
fn breaker_sim(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breaker-sim")).args(words).output().expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8")
}

/// What a command that makes no sense is told.
fn refused(words: &[&str]) -> String {
    let output = breaker_sim(words);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
    assert!(output.stdout.is_empty(), "{words:?}: {}", text(&output.stdout));
    said
}

/// A file that only this test knows.
fn file(name: &str, content: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("a file can be written there");
    path.to_str().expect("it is UTF-8").to_owned()
}

#[test]
fn the_list_names_every_scenario_and_fits_in_80_columns() {
    let output = breaker_sim(&["list"]);
    let page = text(&output.stdout);
    assert!(output.status.success());
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    for name in ["spread", "outage", "cold-recovery", "mass-outage", "swarm"] {
        assert!(page.lines().any(|line| line == name), "{name}: {page}");
    }
}

#[test]
fn a_wrong_command_line_is_said_with_status_2() {
    for (words, expected) in [
        ("run outage --hosts 0", "expected 1 to 1000 hosts"),
        ("run outage --seed x", "invalid digit"),
        ("run flood", "or one of spread, outage"),
        ("run /nonexistent.yaml", "cannot read /nonexistent.yaml"),
        ("run outage --hosts 51 --fabric turmoil", "at most 50 hosts, got 51"),
        ("run pause --fabric turmoil", "expected --fabric memory"),
        ("run outage --mode steps", "comes with the ramp"),
        ("run outage --set guards.luck=off", "expected on or off for guards.quorum"),
        ("run outage --set duraton=3s", "--set duraton: unknown key, did you mean duration?"),
        ("sweep all --seeds 1 --fabric turmoil", "turmoil"),
        ("sweep outage --seeds 1 --set services.pay.queue=3", "expected one of payments"),
        ("compare outage --seeds 0", "expected seeds"),
        ("", "Usage"),
    ] {
        let said = refused(&words.split_whitespace().collect::<Vec<_>>());
        assert!(said.contains(expected), "{words}: {said}");
    }
}

#[test]
fn a_wrong_file_is_shown_with_line_and_caret() {
    let path = file("wrong.yaml", "name: wrong\nduration: 60s\nhosts: 3\nfaults:\n  - {at: 1s, crash: h3}\n");
    let fault = "faults.0.crash: there is no h3, the last of 3 hosts is h2";
    let expected = format!("breaker-sim: {path}:5:21: {fault}\n 5 |   - {{at: 1s, crash: h3}}\n   | {:20}^^\n", "");
    assert_eq!(refused(&["run", &path]), expected);
    let not_text = file("binary.yaml", "");
    fs::write(&not_text, [0xFF, 0xFE]).expect("it can be written");
    assert!(refused(&["run", &not_text]).contains("cannot read"));
}

#[test]
fn a_file_of_other_arguments_is_not_gone_on_from() {
    let line = r#"{"run":"breaker-sim run x","of":"?","seed":1,"text":"","outcome":null,"died":"x"}"#;
    let out = file("other.jsonl", &format!("{line}\n"));
    let sweep = ["sweep", "outage", "--seeds", "1", "--out", &out];
    assert!(refused(&sweep).contains("--resume goes on from it"));
    let resumed: Vec<_> = sweep.into_iter().chain(["--resume"]).collect();
    assert!(refused(&resumed).contains(":1: is of other arguments"));
    let torn = file("torn.jsonl", "{\"run\n{}\n");
    let said = refused(&["compare", "outage", "--seeds", "1", "--out", &torn, "--resume"]);
    assert!(said.contains(":1: expected a finished run"), "{said}");
}
