//! `breakerctl run` as a real process: what runs, what is reported, what it returns.
//!
//! The commands are shells and `echo`; what the fake agent was told is compared with how they ended.

use std::process::Stdio;

use breaker_client::wire::{CallReport, Failure, FailureCode, Outcome, Permit, Request, Response, Standing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::breakerctl::{breakerctl, code, command, err, out};
use crate::fake::{Deed, Ear, OnSocket, PATIENCE, friendly, rejected, unused_path};

/// What the one call of a run was reported as.
async fn reported(ear: &mut Ear) -> CallReport {
    assert!(matches!(ear.next().await, Request::Acquire { .. }));
    match ear.next().await {
        Request::Report { permit: 7, call } => call,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_exit_status_is_returned_and_reported() {
    let mut agent = OnSocket::start(friendly);
    for (script, status, outcome, kind) in [
        ("echo hello", 0, Outcome::Success, None),
        ("exit 22", 22, Outcome::Failure, Some("exit_22")),
        ("kill -9 $$", 137, Outcome::Failure, Some("signal_9")),
    ] {
        let ended = breakerctl(&agent.path, &["run", "payments", "--", "sh", "-c", script]).await;
        assert_eq!((code(&ended), err(&ended)), (status, String::new()));
        assert_eq!(out(&ended), if status == 0 { "hello\n" } else { "" });
        let call = reported(&mut agent.ear).await;
        assert_eq!((call.outcome, call.kind.as_deref()), (outcome, kind));
        assert!(call.duration_us.is_some_and(|us| us > 0));
    }
}

#[tokio::test]
async fn refused_returns_75_and_runs_nothing() {
    let agent = OnSocket::start(|_: &Request| Deed::Answer(rejected("payments")));
    let ended = breakerctl(&agent.path, &["run", "payments", "--", "echo", "ran"]).await;
    assert_eq!((code(&ended), out(&ended)), (75, String::new()));
    assert!(err(&ended).contains("refused: payments is open: failure rate 60 %"), "{}", err(&ended));
}

#[tokio::test]
async fn refused_runs_the_fallback_and_reports_nothing() {
    let mut agent = OnSocket::start(|_: &Request| Deed::Answer(rejected("payments")));
    let words = ["run", "payments", "--fallback", "echo cached; exit 3", "--", "echo", "ran"];
    let ended = breakerctl(&agent.path, &words).await;
    assert_eq!((code(&ended), out(&ended)), (3, "cached\n".to_owned()));
    agent.ear.next().await;
    let ended = breakerctl(&agent.path, &words).await;
    assert_eq!(code(&ended), 3);
    assert!(matches!(agent.ear.next().await, Request::Acquire { .. }), "nothing was said in between");
}

#[tokio::test]
async fn without_an_agent_the_command_runs_with_a_warning() {
    let nowhere = unused_path();
    let ended =
        breakerctl(&nowhere, &["run", "a", "--fallback", "echo no", "--", "sh", "-c", "echo ran; exit 4"]).await;
    assert_eq!((code(&ended), out(&ended)), (4, "ran\n".to_owned()));
    let text = err(&ended);
    assert!(text.contains("warning: no agent answers") && text.contains("unguarded"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_command_that_cannot_be_started_gives_its_permit_back() {
    for (program, status) in [("/nowhere/at/all", 127), ("/", 126)] {
        let mut agent = OnSocket::start(friendly);
        let ended = breakerctl(&agent.path, &["run", "a", "--", program]).await;
        assert_eq!(code(&ended), status);
        assert!(err(&ended).starts_with(&format!("breakerctl: cannot start {program}: ")), "{}", err(&ended));
        agent.ear.next().await;
        assert_eq!(agent.ear.next().await, Request::Cancel { permit: 7 });
    }
}

/// The command says its process id; then `breakerctl` is told to end, and the command ends by that signal.
#[tokio::test]
async fn a_signal_reaches_the_command_and_says_nothing_about_the_service() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut agent = OnSocket::start(friendly);
        let mut running = command(&agent.path);
        // The shell waits in a way that a signal ends at once.
        running.args(["run", "a", "--", "sh", "-c", "echo ready; exec sleep 60"]);
        let mut child = running.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        timeout(PATIENCE, stdout.read_line(&mut line)).await.unwrap().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let ended = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(status));
        assert_eq!(reported(&mut agent.ear).await.outcome, Outcome::Ignored);
    }
}

#[tokio::test]
async fn a_permit_lost_on_the_way_is_reported_as_a_call_without_one() {
    let mut agent = OnSocket::start(|request: &Request| match request {
        Request::Report { .. } => {
            Deed::Answer(Response::Failed(Failure { code: FailureCode::UnknownPermit, text: String::new() }))
        }
        other => friendly(other),
    });
    let ended = breakerctl(&agent.path, &["run", "a", "--", "false"]).await;
    assert_eq!((code(&ended), err(&ended)), (1, String::new()));
    agent.ear.next().await;
    agent.ear.next().await;
    let last = agent.ear.next().await;
    assert!(matches!(&last, Request::ReportBatch { entries } if entries[0].call.kind.as_deref() == Some("exit_1")));
}

#[tokio::test]
async fn a_command_slower_than_the_policy_allows_is_reported_as_a_timeout_and_not_killed() {
    let mut agent = OnSocket::start(|request: &Request| match request {
        Request::Acquire { .. } => Deed::Answer(Response::Granted(Permit {
            id: Some(7),
            standing: Standing::Allowed,
            lease_ms: 30_000,
            timeout_us: Some(1),
        })),
        other => friendly(other),
    });
    let ended = breakerctl(&agent.path, &["run", "a", "--", "echo", "done"]).await;
    assert_eq!((code(&ended), out(&ended)), (0, "done\n".to_owned()));
    assert_eq!(reported(&mut agent.ear).await.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn the_document_goes_to_standard_error_since_the_output_is_the_commands() {
    let agent = OnSocket::start(friendly);
    let ended = breakerctl(&agent.path, &["run", "a", "--format", "json", "--", "sh", "-c", "echo mine; exit 5"]).await;
    assert_eq!(out(&ended), "mine\n");
    let document: Value = serde_json::from_slice(&ended.stderr).unwrap();
    assert_eq!((&document["asked"], &document["exit"]), (&"allowed".into(), &5.into()));
    assert_eq!(document["call"]["kind"], "exit_5");
}
