//! The limit of open files: raised as far as the system lets the agent, and if that is not enough, the agent says so.
//!
//! A shell sets the limits, as a service manager would; the agent's own words on standard error say what it found. That
//! a raised limit does serve as many connections is tested where a crowd connects.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// What an agent started under these limits says until it is ready.
fn said_under(limits: &str) -> String {
    let directory = std::env::temp_dir().join(format!("breakerd-files-{}-{}", std::process::id(), limits.len()));
    std::fs::create_dir(&directory).expect("the directory is new");
    let mut agent = Command::new("sh")
        .args(["-c", &format!("{limits} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_breakerd")])
        .args(["--gossip-listen", "off", "--socket"])
        .arg(directory.join("agent.sock"))
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let lines = BufReader::new(agent.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| !line.starts_with("Try:")).collect();
    agent.kill().and_then(|()| agent.wait()).expect("it is ours");
    std::fs::remove_dir_all(&directory).ok();
    said.join("\n")
}

#[test]
fn an_agent_that_cannot_raise_the_limit_of_open_files_far_enough_says_so_and_runs() {
    let said = said_under("ulimit -S -n 100 && ulimit -H -n 200");
    assert!(said.contains("cannot be raised as far as 1024 connections need") && said.contains("limit=200"), "{said}");
    assert!(said.contains("is ready"), "{said}");
}

#[test]
fn an_agent_that_can_raise_the_limit_of_open_files_says_nothing_of_it() {
    let said = said_under("ulimit -S -n 100");
    assert!(said.contains("is ready") && !said.contains("open files"), "{said}");
}
