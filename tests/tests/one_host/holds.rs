//! What an operator can do to a service, and who is an operator.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, Ended, binaries, policy, wait_for};

/// Nobody in particular.
const STRANGER: u32 = 65_534;

#[test]
fn forced_open_refuses_says_why_and_ends_in_half_open() {
    let agent = Agent::alone(&policy("recovery_timeout: 1m"));
    agent.ctl(&["force-open", "demo", "--for", "1500ms", "--reason", "deploy of shop"]).well();
    let held = agent.service("demo");
    let operator = held.operator.expect("an operator did it");
    assert_eq!((held.state, operator.reason.as_deref()), (State::ForcedOpen, Some("deploy of shop")));
    assert_eq!(operator.uid, rustix::process::geteuid().as_raw());
    assert!(operator.ends_in_ms.is_some_and(|ms| (1..=1_500).contains(&ms)), "{operator:?}");
    let refused = agent.ctl(&["check", "demo"]);
    assert_eq!(refused.code, 10);
    let why = format!("an operator's action (uid {}: deploy of shop)", operator.uid);
    assert!(refused.out.starts_with(&format!("refused: demo is forced-open: {why}; retry after")), "{refused:?}");
    assert_eq!(agent.ctl(&["run", "demo", "--", "true"]).code, 75);
    assert!(agent.ctl(&["status", "demo"]).well().out.contains("deploy of shop"));

    wait_for("the end of the hold", || (agent.service("demo").state == State::HalfOpen).then_some(()));
    for _ in 0..3 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "true"]).code, 0);
    }
    assert_eq!(agent.service("demo").state, State::Closed);
}

#[test]
fn disabled_lets_all_through_and_records_nothing() {
    let agent = Agent::alone(&policy("failure_threshold: 2"));
    agent.ctl(&["disable", "demo"]).well();
    for _ in 0..5 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    }
    let held = agent.service("demo");
    assert_eq!((held.state, held.window.total, held.rejected), (State::Disabled, 0, 0), "{held:?}");
    assert_eq!(held.operator.expect("an operator did it").ends_in_ms, None);
    agent.ctl(&["reset", "demo"]).well();
    assert_eq!(agent.service("demo").state, State::Closed);
}

#[test]
fn metrics_only_records_and_never_refuses() {
    let agent = Agent::alone(&policy("failure_threshold: 2"));
    agent.ctl(&["metrics-only", "demo", "--for", "1h"]).well();
    for _ in 0..5 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    }
    let held = agent.service("demo");
    assert_eq!((held.state, held.window.failed, held.rejected), (State::MetricsOnly, 5, 0), "{held:?}");
    assert!(agent.counter("conditions_exceeded") >= 1);
    agent.ctl(&["force-close", "demo"]).well();
    let closed = agent.service("demo");
    assert_eq!((closed.state, closed.window.total), (State::Closed, 0), "{closed:?}");
}

#[test]
fn force_close_and_reset_close_and_only_reset_forgets_the_backoff() {
    let agent = Agent::alone(&policy("failure_threshold: 1, recovery_timeout: 1m"));
    let open_for = || {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
        let opened = agent.service("demo");
        assert_eq!(opened.state, State::Open, "{opened:?}");
        (opened.retry_after_ms.expect("it is Open") + opened.since_ms + 500) / 1_000
    };
    assert_eq!(open_for(), 60);
    agent.ctl(&["force-close", "demo"]).well();
    assert_eq!(agent.ctl(&["check", "demo"]).code, 0);
    assert_eq!(open_for(), 120, "the second opening in a row");
    agent.ctl(&["reset", "demo"]).well();
    assert_eq!(open_for(), 60);
}

/// Peer credentials are the kernel's word, so this needs another user. Only root can be one; whoever runs the tests as
/// somebody else tests the half of it that concerns the agent's own user.
#[test]
fn only_root_and_the_agents_own_user_are_operators() {
    let agent = Agent::alone(&format!("socket: {{mode: \"0666\"}}\n{}", policy("failure_threshold: 2")));
    agent.ctl(&["force-open", "demo"]).well();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Theirs to run: the place where cargo put ours may be closed to them.
    let program = agent.plan().folder().join("breakerctl");
    std::fs::copy(&binaries().breakerctl, &program).expect("it can be copied");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let stranger = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().arg("--socket").arg(agent.socket()).args(["--deadline", "10s"]).args(words);
        Ended::of(command.uid(STRANGER).gid(STRANGER))
    };
    for verb in ["force-open", "force-close", "disable", "metrics-only", "reset"] {
        let ended = stranger(&[verb, "demo"]);
        assert_eq!(ended.code, 13, "{verb}: {ended:?}");
        assert!(ended.err.contains("root"), "{ended:?}");
    }
    assert_eq!(agent.service("demo").state, State::ForcedOpen, "nothing has changed");
    assert_eq!(stranger(&["check", "demo"]).code, 10, "asking is for everybody the socket lets in");

    let permit = agent.ctl(&["--format", "json", "check", "other"]).well().json()["permit"].clone();
    let permit = permit.as_str().expect("a permit").to_owned();
    assert_eq!(stranger(&["report", "other", "failure", "--permit", &permit]).code, 14, "a permit is its user's");
    agent.ctl(&["report", "other", "success", "--permit", &permit]).well();
}
