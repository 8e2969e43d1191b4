//! The README's first walk, command by command, with what it prints there.
//!
//! The commands and what must follow are read from the README itself. Three things differ from a reader's terminal: the
//! file that is missing at first lies in the test's directory, the breaker is Open for two seconds, and where the reader
//! sleeps for half a minute the test waits until the breaker is HalfOpen. Times and the width of columns are not compared.

use std::path::Path;
use std::process::Command;

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, Ended, Plan, binaries, policy, wait_for};
use breaker_tests::tidy::root;

/// A command of the walk, and the lines below it.
struct Step {
    command: String,
    prints: Vec<String>,
}

fn walk() -> Vec<Step> {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let section = readme.split("\n## ").find(|section| section.starts_with("A first walk")).expect("it has a walk");
    let blocks = section.split("```").skip(1).step_by(2);
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks.filter(|block| block.contains("\n$ ")).flat_map(|block| block.lines().skip(1)) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), prints: Vec::new() }),
            (None, Some(step)) => step.prints.push(line.to_owned()),
            (None, None) => panic!("{line:?} is printed by nothing"),
        }
    }
    steps
}

fn shell(agent: &Agent, command: &str) -> Ended {
    let programs = binaries().breakerctl.parent().expect("programs are in a directory").to_path_buf();
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&usual))).expect("it was a path");
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", path).env("BREAKERD_SOCKET", agent.socket()).env("LC_ALL", "C");
    Ended::of(shell.arg("-c").arg(format!("exec 2>&1; {command}")))
}

/// A line without its times and the width of its columns.
fn plain(line: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([',', ';', ')']);
        let digits = bare.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let is_time = digits.len() < bare.len() && digits.parse::<f64>().is_ok();
        if is_time { word.replace(bare, "TIME") } else { word.to_owned() }
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// What the README says, line by line; a line in parentheses stands for repeats of the one before.
fn agrees(step: &Step, printed: &str, file: &Path) {
    let here = |line: &str| plain(&line.replace("/tmp/demo.txt", &file.display().to_string()));
    let mut expected: Vec<String> = Vec::new();
    for line in &step.prints {
        match line.strip_prefix('(').and_then(|line| line.strip_suffix(" more)")) {
            None => expected.extend((!line.is_empty()).then(|| here(line))),
            Some(count) => {
                assert_eq!(count, "nine", "the only count of repeats this test can read");
                let repeated = expected.last().expect("something is repeated").clone();
                expected.extend(vec![repeated; 9]);
            }
        }
    }
    let printed: Vec<String> = printed.lines().map(plain).collect();
    assert_eq!(printed, expected, "after `{}`", step.command);
}

#[test]
fn the_walk_gives_what_the_readme_says() {
    let agent = Plan::new("web-07", &policy("recovery_timeout: 2s")).flags(&["--gossip-listen", "127.0.0.1:0"]).start();
    let file = agent.plan().folder().join("demo.txt");
    let steps = walk();
    assert!(steps.len() >= 6, "the README's walk has {} commands", steps.len());
    for step in &steps {
        let command = step.command.replace("/tmp/demo.txt", &file.display().to_string());
        let (command, waits) = match command.split_once("; sleep ") {
            Some((command, _)) => (command.to_owned(), true),
            None => (command, false),
        };
        let ended = shell(&agent, &command);
        agrees(step, &ended.out, &file);
        if waits {
            wait_for("the probes", || (agent.service("demo").state == State::HalfOpen).then_some(()));
        }
    }
    assert_eq!(agent.service("demo").state, State::Closed);
}
