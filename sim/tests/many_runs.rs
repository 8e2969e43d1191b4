//! Many runs, as users start them: every run is a process, what is finished is remembered, what fails can be replayed
//! alone. The scenario is the quickest there is; what runs show is not the point here.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `breaker-sim` with these words.
fn breaker_sim(words: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_breaker-sim");
    Command::new(program).args(words.split_whitespace()).output().expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8")
}

/// What a command prints that must end with this status.
fn printed(words: &str, status: i32) -> String {
    let output = breaker_sim(words);
    assert_eq!(output.status.code(), Some(status), "{words}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// A file that does not exist yet.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_file(&path).ok();
    path
}

/// The runs of a file: their seeds and hashes.
fn hashes(file: &str) -> Vec<(u64, String)> {
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let of = |line: Value| {
        let hash = line["outcome"]["trace_hash"].as_str().expect("a run has a hash").to_owned();
        (line["seed"].as_u64().expect("a run has a seed"), hash)
    };
    let mut hashes: Vec<_> = lines.map(of).collect();
    hashes.sort();
    hashes
}

#[test]
fn a_sweep_cut_short_goes_on_where_it_was_and_ends_as_if_it_had_not_been() {
    let out = fresh("sweep.jsonl");
    let sweep = format!("sweep lone-host --seeds 1..4 --out {}", out.display());
    let page = printed(&sweep, 0);
    assert!(page.contains("lone-host     4       0") && page.contains("1 done twice"), "{page}");
    let whole = fs::read_to_string(&out).unwrap();
    assert_eq!(hashes(&whole).iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), [1, 2, 3, 4]);

    // As if the machine had died in the middle of the third line.
    let torn: String = whole.split_inclusive('\n').take(3).collect();
    fs::write(&out, &torn[..torn.len() - 20]).unwrap();
    let page = printed(&format!("{sweep} --resume"), 0);
    assert!(page.contains("lone-host     4       0") && page.contains("2 remembered"), "{page}");
    assert_eq!(hashes(&fs::read_to_string(&out).unwrap()), hashes(&whole));
}

#[test]
fn a_run_that_fails_prints_its_result_and_the_command_that_fails_alike() {
    let words = "run lone-host --seed 3 --set expect.doomed_calls=0 --format json";
    let output = breaker_sim(words);
    assert_eq!(output.status.code(), Some(1));
    let result: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    assert_eq!(result["unexpected"][0].as_str().unwrap().split(' ').next(), Some("doomed_calls"));
    let said = text(&output.stderr);
    let again = said.lines().find_map(|line| line.strip_prefix("run it again: breaker-sim ")).unwrap();
    let replayed = breaker_sim(again);
    assert_eq!((replayed.status.code(), text(&replayed.stderr)), (Some(1), said));
}

#[test]
fn a_sweep_with_a_failure_says_which_and_ends_with_status_1() {
    let page = printed("sweep lone-host --seeds 5..6 --set expect.doomed_calls=0", 1);
    assert!(
        page.contains("failed: breaker-sim run lone-host --seed 5 --set expect.doomed_calls=0\n    doomed_calls was")
    );
    assert!(page.contains("lone-host     2       2"), "{page}");
}

#[test]
fn a_comparison_has_a_column_for_each_mode_and_fits_in_80_columns() {
    let page = printed("compare lone-host --seeds 2", 0);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let titles: Vec<_> = page.lines().nth(2).unwrap().split_whitespace().collect();
    assert_eq!(titles, ["gossip", "local", "steps", "oracle"]);
    assert!(page.lines().any(|line| line.starts_with("doomed_calls") && line.contains("with the ramp")), "{page}");
}

#[test]
fn plots_are_written_and_what_cannot_be_written_is_said_with_status_1() {
    let html = fresh("lone-host.html");
    let page = printed(&format!("run lone-host --html {}", html.display()), 0);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let plots = fs::read_to_string(&html).unwrap();
    assert!(plots.matches("<polyline").count() == 4 && plots.contains(">O</text>"), "{plots}");
    for (words, expected) in [
        ("run lone-host --html /nonexistent/page", "cannot write /nonexistent/page"),
        ("run lone-host --trace /nonexistent/trace", "cannot write /nonexistent/trace"),
        ("run lone-host --trace /dev/full", "cannot write the trace"),
        ("sweep lone-host --seeds 1 --out /nonexistent/out", "/nonexistent/out: "),
    ] {
        let output = breaker_sim(words);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(expected), "{words}: {said}");
    }
}
