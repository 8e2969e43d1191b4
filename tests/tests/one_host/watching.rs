//! `watch`: every change as it happens, one JSON document a line.

use std::fs::File;
use std::process::{Child, Stdio};

use breaker_tests::stage::{Agent, policy, wait_for};
use serde_json::Value;

/// A `breakerctl watch` that writes into a file; ended with the value.
struct Watcher<'a> {
    agent: &'a Agent,
    child: Child,
}

impl<'a> Watcher<'a> {
    /// It has begun once it tells of something that is done again and again until then.
    fn begin(agent: &'a Agent) -> Self {
        let out = File::create(agent.plan().folder().join("events")).expect("the test's directory can be written");
        let mut command = agent.ctl_command(&["watch", "--format", "json"]);
        let child = command.stdin(Stdio::null()).stdout(out).spawn().expect("breakerctl starts");
        let watcher = Self { agent, child };
        wait_for("the watch to begin", || {
            agent.ctl(&["force-open", "first"]).well();
            agent.ctl(&["reset", "first"]).well();
            (!watcher.events().is_empty()).then_some(())
        });
        watcher
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.agent.plan().folder().join("events")).expect("the file is ours");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("every line is a document")).collect()
    }

    /// The changes of one service, each as `from>to`.
    fn changes(&self, service: &str) -> Vec<String> {
        let events = self.events();
        let changes = events.iter().map(|event| &event["transition"]).filter(|change| change["service"] == service);
        let word = |value: &Value| value.as_str().expect("a state is a word").to_owned();
        changes.map(|change| format!("{}>{}", word(&change["from"]), word(&change["to"]))).collect()
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        // It may have ended with its agent.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watcher_is_told_every_change_in_order() {
    let agent = Agent::alone(&policy("failure_threshold: 2, recovery_timeout: 300ms, success_threshold: 1"));
    let watcher = Watcher::begin(&agent);
    for _ in 0..2 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    }
    wait_for("a probe", || (agent.ctl(&["run", "demo", "--", "true"]).code == 0).then_some(()));
    agent.ctl(&["metrics-only", "demo"]).well();
    for _ in 0..2 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    }
    agent.ctl(&["force-close", "demo"]).well();
    let expected = ["closed>open", "open>half_open", "half_open>closed", "closed>metrics_only", "metrics_only>closed"];
    wait_for("all changes to be told", || (watcher.changes("demo").len() >= expected.len()).then_some(()));
    assert_eq!(watcher.changes("demo"), expected);

    let events = watcher.events();
    let opening = events.iter().find(|event| event["transition"]["service"] == "demo").expect("it was told");
    assert_eq!(opening["transition"]["reason"]["code"], "consecutive_failures", "{opening}");
    assert!(opening["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{opening}");
    let exceeded = events.iter().filter(|event| event["exceeded"]["service"] == "demo").count();
    assert_eq!(exceeded, 1, "a crossing is told once: {events:?}");
}

#[test]
fn a_watch_ends_when_its_agent_does() {
    let mut agent = Agent::alone("");
    let mut command = agent.ctl_command(&["watch"]);
    let mut watcher = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("breakerctl starts");
    // One connection is ours, the other the watcher's.
    wait_for("the watcher to connect", || (agent.connect().status().agent.connections == 2).then_some(()));
    agent.kill();
    let ended = wait_for("the watcher's end", || watcher.try_wait().expect("it is our child"));
    assert_eq!(ended.code(), Some(12));
}
