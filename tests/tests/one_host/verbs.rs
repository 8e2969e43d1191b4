//! Every verb of the command line: its exit status, its text, its JSON.

use std::time::{Duration, Instant};

use breaker_tests::stage::{Agent, Plan, policy};
use serde_json::Value;

#[test]
fn every_verb_answers_with_one_json_document() {
    let agent = Agent::alone(&policy("recovery_timeout: 1m"));
    let permit = agent.ctl(&["--format", "json", "check", "demo"]).well().json()["permit"].clone();
    let permit = permit.as_str().expect("a permit is a string of digits").to_owned();
    let verbs: [&[&str]; 13] = [
        &["status"],
        &["status", "--peers"],
        &["status", "demo"],
        &["status", "demo", "--peers"],
        &["check", "demo"],
        &["report", "demo", "success", "--permit", &permit],
        &["report", "demo", "failure", "--kind", "connect", "--duration", "20ms"],
        &["members"],
        &["force-open", "demo", "--for", "1h", "--reason", "drill"],
        &["disable", "demo", "--for", "1h", "--reason", "drill"],
        &["metrics-only", "demo"],
        &["reset", "demo"],
        &["force-close", "demo", "--reason", "done"],
    ];
    for verb in verbs {
        let before = [&["--format", "json"], verb].concat();
        let after = [verb, &["--format", "json"]].concat();
        for words in [before, after] {
            let ended = agent.ctl(&words);
            let is_second_report = ended.code == 14 && verb.contains(&"--permit");
            assert!(ended.code == 0 || is_second_report, "{words:?}: {ended:?}");
            assert!(matches!(ended.json(), Value::Object(_) | Value::Array(_)), "{words:?}: {ended:?}");
        }
    }
}

#[test]
fn run_leaves_standard_output_to_its_command_and_says_its_json_on_standard_error() {
    let agent = Agent::alone(&policy("failure_threshold: 1, recovery_timeout: 1m"));
    let run = |words: &[&str]| {
        let ended = agent.ctl(&[&["--format", "json", "run", "demo"], words].concat());
        let line = ended.err.lines().find(|line| line.starts_with('{')).expect("a document").to_owned();
        let document: Value = serde_json::from_str(&line).expect("it is JSON");
        (ended.code, ended.out, document)
    };
    let (code, out, document) = run(&["--", "sh", "-c", "echo hello; exit 3"]);
    assert_eq!((code, out.as_str()), (3, "hello\n"));
    assert_eq!((&document["asked"], &document["call"]["kind"]), (&"allowed".into(), &"exit_3".into()), "{document}");
    let (code, out, document) = run(&["--fallback", "echo cached", "--", "echo", "hello"]);
    assert_eq!((code, out.as_str()), (0, "cached\n"));
    assert_eq!((&document["asked"], &document["ran"]), (&"refused".into(), &"fallback".into()), "{document}");
    let (code, out, document) = run(&["--", "echo", "hello"]);
    assert_eq!((code, out.as_str(), &document["exit"]), (75, "", &75.into()), "{document}");
}

#[test]
fn reports_count_as_what_they_say() {
    let agent = Agent::alone(&policy("failure_threshold: off"));
    let report = |words: &[&str]| {
        let ended = agent.ctl(&[&["--format", "json", "report", "demo"], words].concat()).well();
        ended.json()["counted"].as_u64().expect("a receipt counts")
    };
    assert_eq!(report(&["success", "--duration", "20ms"]), 1);
    assert_eq!(report(&["failure", "--kind", "connect", "--duration", "40ms"]), 1);
    assert_eq!(report(&["timeout", "--duration", "60ms"]), 1);
    assert_eq!(report(&["throttled"]), 1);
    assert_eq!(agent.ctl(&["report", "demo", "ignored"]).code, 0);
    let window = agent.service("demo").window;
    assert_eq!((window.total, window.failed, window.timeouts), (4, 3, 1), "{window:?}");
    assert_eq!(window.failure_rate_ppm, None, "below the minimum throughput nobody knows");
}

#[test]
fn exit_statuses_are_those_of_the_manual() {
    let agent =
        Agent::alone(&format!("unknown_services: refuse\nservices: {{known: {{{}}}}}", policy("failure_threshold: 2")));
    let expected: [(&[&str], i32); 12] = [
        (&["check", "known"], 0),
        (&["check", "unknown"], 11),
        (&["status", "unknown"], 11),
        (&["report", "unknown", "success"], 11),
        (&["force-open", "unknown"], 11),
        (&["check", "not a name"], 2),
        (&["check"], 2),
        (&["report", "known", "perhaps"], 2),
        (&["reset", "known", "--for", "1m"], 2),
        (&["report", "known", "success", "--permit", "12345"], 14),
        (&["run", "known", "--", "/no/such/command"], 127),
        (&["run", "known", "--", "/etc/passwd"], 126),
    ];
    for (words, code) in expected {
        let ended = agent.ctl(words);
        assert_eq!(ended.code, code, "{words:?}: {ended:?}");
        assert_eq!(ended.err.is_empty(), code == 0, "an error says so on standard error: {ended:?}");
    }
    assert_eq!(agent.service("known").window.total, 0, "a command that cannot be started says nothing of the service");
    for _ in 0..2 {
        assert_eq!(agent.ctl(&["run", "known", "--", "false"]).code, 1);
    }
    assert_eq!(agent.ctl(&["check", "known"]).code, 10);
    assert_eq!(agent.ctl(&["run", "known", "--", "true"]).code, 75);
}

#[test]
fn without_an_agent_run_warns_and_runs_and_everything_else_says_so() {
    let mut agent = Agent::alone("");
    agent.kill();
    let began = Instant::now();
    for words in [
        &["status"][..],
        &["check", "demo"],
        &["report", "demo", "success"],
        &["members"],
        &["watch"],
        &["reset", "demo"],
    ] {
        let ended = agent.ctl(words);
        assert_eq!(ended.code, 12, "{words:?}: {ended:?}");
        assert!(ended.err.contains("no agent answers") && ended.err.contains("breakerd"), "{ended:?}");
        let ended = agent.ctl(&[&["--format", "json"], words].concat());
        assert_eq!((ended.code, ended.json()["exit"].as_i64()), (12, Some(12)), "{words:?}: {ended:?}");
    }
    let ended = agent.ctl(&["run", "demo", "--", "sh", "-c", "echo ran; exit 5"]);
    assert_eq!((ended.code, ended.out.as_str()), (5, "ran\n"), "{ended:?}");
    assert!(ended.err.contains("warning") && ended.err.contains("unguarded"), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "a dead socket is known at once, whatever the deadline");
}

#[test]
fn a_stopped_agent_costs_the_command_line_its_deadline_and_no_more() {
    let agent = Agent::alone("");
    agent.signal(rustix::process::Signal::STOP);
    let began = Instant::now();
    let ended = agent.ctl(&["--deadline", "200ms", "run", "demo", "--", "echo", "ran"]);
    let took = began.elapsed();
    agent.signal(rustix::process::Signal::CONT);
    assert_eq!((ended.code, ended.out.as_str()), (0, "ran\n"), "{ended:?}");
    assert!(ended.err.contains("did not answer within 200ms"), "{ended:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn tables_fit_in_eighty_columns_whatever_the_names() {
    let plan = Plan::new(&"n".repeat(64), &policy("failure_threshold: 1")).flags(&["--gossip-listen", "off"]);
    let agent = plan.start();
    let long = format!("{}/{}", "a".repeat(60), "ä".repeat(30));
    assert_eq!(agent.ctl(&["run", &long, "--", "false"]).code, 1);
    agent.ctl(&["force-open", "demo", "--for", "1h", "--reason", &"because ".repeat(20)]).well();
    for words in [&["status"][..], &["status", "--peers"], &["status", &long], &["status", "demo"], &["members"]] {
        let shown = agent.ctl(words).well().out;
        let widest = shown.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 80), "{words:?} takes {widest:?} columns:\n{shown}");
    }
}
