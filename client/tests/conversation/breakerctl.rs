//! The command line as a real process: what it asks, prints and returns.
//!
//! Each test starts `breakerctl` itself, so that exit statuses, pipes and the environment are the real ones. The deadline
//! is long, because a busy machine is not what is tested; a process that hangs is ended by the tests' own patience.

use std::path::Path;
use std::process::{Output, Stdio};

use breaker_client::wire::{
    Action, AgentStatus, Authority, CallReport, Event, Failure, FailureCode, GossipHealth, Hold, Permit, Reason,
    Receipt, Request, Response, ServiceStatus, Standing, State, StatusPage, WindowStatus, WithPeers,
};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::fake::{Deed, OnSocket, PATIENCE, friendly, granted, rejected, unused_path};

/// Runs `breakerctl` at this socket with a deadline that no busy machine misses.
pub(crate) async fn breakerctl(socket: &Path, words: &[&str]) -> Output {
    let ended = command(socket).args(words).output();
    timeout(PATIENCE, ended).await.expect("breakerctl hangs").expect("breakerctl starts")
}

pub(crate) fn command(socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakerctl"));
    command.arg("--socket").arg(socket).args(["--deadline", "5s"]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not ended by a signal")
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn failed(code: FailureCode) -> Deed {
    Deed::Answer(Response::Failed(Failure { code, text: "the agent says no".into() }))
}

fn page(services: &[&str], next: Option<&str>) -> Response {
    let agent = AgentStatus {
        node: "web-1".into(),
        zone: None,
        version: "0.1.0".into(),
        incarnation: 1,
        up_ms: 5_000,
        gossip: GossipHealth::Off,
        deaf: false,
        sick: false,
        authority: Authority::Authoritative,
        services: 3,
        connections: 1,
        counters: vec![],
    };
    let of = |service: &&str| ServiceStatus {
        service: (*service).to_owned(),
        state: State::Closed,
        since_ms: 1,
        retry_after_ms: None,
        reason: None,
        operator: None,
        window: WindowStatus::default(),
        granted: 0,
        rejected: 0,
        would_refuse: 0,
        dropped: 0,
        in_flight: 0,
        cluster: None,
        peers: vec![],
    };
    Response::Status(StatusPage { agent, services: services.iter().map(of).collect(), next: next.map(str::to_owned) })
}

#[tokio::test]
async fn without_an_agent_every_verb_says_where_it_looked_and_returns_12() {
    let nowhere = unused_path();
    let verbs: [&[&str]; 7] = [
        &["status"],
        &["status", "a"],
        &["check", "a"],
        &["report", "a", "success"],
        &["members"],
        &["watch"],
        &["force-open", "a"],
    ];
    for words in verbs {
        let ended = breakerctl(&nowhere, words).await;
        assert_eq!((code(&ended), out(&ended)), (12, String::new()), "{words:?}");
        let text = err(&ended);
        assert!(text.contains(&nowhere.display().to_string()) && text.contains("start one with `breakerd`"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    let ended = breakerctl(&nowhere, &["members", "--format", "json"]).await;
    assert_eq!(document(&ended)["exit"], 12);
}

/// The default places are tried in order, and the error names all of them.
#[tokio::test]
async fn the_default_places_are_those_of_the_environment() {
    let mut agent = OnSocket::start(friendly);
    let mut named = Command::new(env!("CARGO_BIN_EXE_breakerctl"));
    named.env("BREAKERD_SOCKET", &agent.path).args(["report", "a", "success"]);
    let ended = timeout(PATIENCE, named.output()).await.unwrap().unwrap();
    assert_eq!(code(&ended), 0, "{}", err(&ended));
    agent.ear.next().await;
    let mut unnamed = Command::new(env!("CARGO_BIN_EXE_breakerctl"));
    unnamed.env_remove("BREAKERD_SOCKET").env("XDG_RUNTIME_DIR", "/nowhere/run").env("TMPDIR", "/nowhere/tmp");
    let ended = timeout(PATIENCE, unnamed.arg("watch").output()).await.unwrap().unwrap();
    let text = err(&ended);
    assert!(text.contains("/nowhere/run/breakerd/agent.sock") && text.contains("/nowhere/tmp/breakerd-"), "{text}");
}

#[tokio::test]
async fn wrong_arguments_return_2_and_help_returns_0() {
    let nowhere = unused_path();
    for words in [&["check"][..], &["report", "a", "splendid"], &["fly"], &["reset", "a", "--for", "1m"]] {
        assert_eq!(code(&breakerctl(&nowhere, words).await), 2, "{words:?}");
    }
    let help = breakerctl(&nowhere, &["--help"]).await;
    assert_eq!(code(&help), 0);
    assert!(out(&help).contains("75   run: refused"));
}

#[tokio::test]
async fn check_takes_a_detached_permit_that_report_accepts() {
    let mut agent = OnSocket::start(friendly);
    let checked = breakerctl(&agent.path, &["check", "payments"]).await;
    assert_eq!(code(&checked), 0);
    assert_eq!(
        out(&checked),
        "allowed, permit 7\nreport it within 30s: breakerctl report payments OUTCOME --permit 7\n"
    );
    let asked = agent.ear.next().await;
    assert!(matches!(asked, Request::Acquire { hold: Hold::Detached, .. }), "{asked:?}");
    let words = ["report", "payments", "failure", "--kind", "connect", "--duration", "20ms", "--permit", "0x7"];
    let said = breakerctl(&agent.path, &words).await;
    assert_eq!((code(&said), out(&said)), (0, "counted\n".to_owned()));
    let call = CallReport::failure("connect").took(std::time::Duration::from_millis(20));
    assert_eq!(agent.ear.next().await, Request::Report { permit: 7, call }, "the permit was not given back");
}

#[tokio::test]
async fn check_returns_10_when_refused_and_11_for_an_unknown_service() {
    let agent = OnSocket::start(|request: &Request| match request {
        Request::Acquire { service, .. } if service == "unknown" => failed(FailureCode::UnknownService),
        _ => Deed::Answer(rejected("payments")),
    });
    let refused = breakerctl(&agent.path, &["check", "payments"]).await;
    assert_eq!(code(&refused), 10);
    let text = "refused: payments is open: failure rate 60 % >= 50 % (12 of 20 calls); retry after 12.5s\n";
    assert_eq!(out(&refused), text);
    let refused = breakerctl(&agent.path, &["check", "payments", "--format", "json"]).await;
    assert_eq!(document(&refused)["rejection"]["retry_after_ms"], 12_500);
    let unknown = breakerctl(&agent.path, &["check", "unknown"]).await;
    assert_eq!((code(&unknown), err(&unknown)), (11, "breakerctl: the agent says no\n".to_owned()));
}

#[tokio::test]
async fn the_agents_failures_have_their_own_status() {
    for (failure, status) in [
        (FailureCode::NotPermitted, 13),
        (FailureCode::UnknownPermit, 14),
        (FailureCode::InvalidName, 2),
        (FailureCode::Busy, 12),
    ] {
        let agent = OnSocket::start(move |_: &Request| failed(failure));
        assert_eq!(code(&breakerctl(&agent.path, &["reset", "a"]).await), status, "{failure:?}");
    }
}

#[tokio::test]
async fn report_says_what_became_of_it() {
    for (receipt, start) in [
        (Receipt { dropped: 1, ..Receipt::default() }, "not counted: it came late"),
        (Receipt { untracked: 1, ..Receipt::default() }, "not counted: the agent does not track"),
    ] {
        let agent = OnSocket::start(move |_: &Request| Deed::Answer(Response::Reported(receipt)));
        let said = breakerctl(&agent.path, &["report", "a", "timeout"]).await;
        assert!(code(&said) == 0 && out(&said).starts_with(start), "{}", out(&said));
    }
}

#[tokio::test]
async fn status_pages_through_all_services() {
    let mut agent = OnSocket::start(|request: &Request| match request {
        Request::Status { after: None, .. } => Deed::Answer(page(&["a", "b"], Some("b"))),
        Request::Status { after: Some(after), .. } if after == "b" => Deed::Answer(page(&["c"], None)),
        other => panic!("{other:?}"),
    });
    let shown = breakerctl(&agent.path, &["status", "--peers"]).await;
    assert_eq!(code(&shown), 0, "{}", err(&shown));
    let rows: Vec<_> = out(&shown).lines().skip(1).map(|line| line[..1].to_owned()).collect();
    assert_eq!(rows, ["S", "a", "b", "c"]);
    assert!(!out(&shown).contains('\x1b'), "no colours into a pipe");
    assert!(matches!(agent.ear.next().await, Request::Status { peers: WithPeers::Yes, .. }));
    let shown = breakerctl(&agent.path, &["status", "--format", "json"]).await;
    assert_eq!(document(&shown)["services"][2]["service"], "c");
}

#[tokio::test]
async fn pages_that_never_end_are_an_error() {
    let agent = OnSocket::start(|_: &Request| Deed::Answer(page(&["a"], Some("a"))));
    let shown = breakerctl(&agent.path, &["status"]).await;
    assert_eq!(code(&shown), 1);
    assert!(err(&shown).contains("have no end"), "{}", err(&shown));
}

#[tokio::test]
async fn the_status_of_a_service_nobody_asked_for_returns_11() {
    let agent = OnSocket::start(|_: &Request| Deed::Answer(page(&[], None)));
    assert_eq!(code(&breakerctl(&agent.path, &["status", "nobody"]).await), 11);
}

#[tokio::test]
async fn an_operators_action_reaches_the_agent_whole() {
    let mut agent = OnSocket::start(|_: &Request| Deed::Answer(Response::Done));
    let words = ["force-open", "payments", "--for", "10m", "--reason", "deploying"];
    let done = breakerctl(&agent.path, &words).await;
    assert_eq!((code(&done), out(&done)), (0, "payments refuses every call on this host for 10m\n".to_owned()));
    let expected = Request::Operate {
        service: "payments".into(),
        action: Action::ForceOpen,
        for_ms: Some(600_000),
        reason: Some("deploying".into()),
    };
    assert_eq!(agent.ear.next().await, expected);
}

/// The agent says two things and is then gone.
#[tokio::test]
async fn watch_prints_a_line_for_each_event_and_ends_with_its_agent() {
    let reason = Reason { code: "failure_rate".into(), text: "why".into() };
    let transition =
        Event::Transition { service: "a".into(), from: State::Closed, to: State::Open, reason, retry_after_ms: None };
    let told = vec![Response::Watching, Response::Event(transition), Response::Event(Event::Missed { events: 2 })];
    let agent = OnSocket::start(move |_: &Request| Deed::ManyThenHangUp(told.clone()));
    let watched = breakerctl(&agent.path, &["watch"]).await;
    assert_eq!(code(&watched), 12);
    let text = out(&watched);
    let lines: Vec<_> = text.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(lines, ["a: closed -> open: why", "2 events were missed: this reader is too slow"]);
    let watched = breakerctl(&agent.path, &["watch", "--format", "json"]).await;
    let documents: Vec<Value> = out(&watched).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents[0]["transition"]["to"], "open");
    assert_eq!(documents.len(), 3, "two events and the end");
}

/// Standard output is a pipe whose reader has gone.
#[tokio::test]
async fn a_reader_that_has_gone_is_no_error() {
    let agent = OnSocket::start(|_: &Request| Deed::Answer(granted(1)));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut checking = command(&agent.path);
    checking.args(["check", "a"]).stdout(writer).stderr(Stdio::piped());
    let ended = timeout(PATIENCE, checking.spawn().unwrap().wait_with_output()).await.unwrap().unwrap();
    assert_eq!((code(&ended), err(&ended)), (0, String::new()));
}

#[tokio::test]
async fn an_untracked_call_is_allowed_without_a_permit() {
    let untracked = Permit { id: None, standing: Standing::Untracked, lease_ms: 0, timeout_us: None };
    let agent = OnSocket::start(move |_: &Request| Deed::Answer(Response::Granted(untracked.clone())));
    let checked = breakerctl(&agent.path, &["check", "a", "--format", "json"]).await;
    let document = document(&checked);
    assert_eq!((&document["allowed"], &document["permit"]), (&Value::Bool(true), &Value::Null));
}
