//! The daemon's life: one agent per socket, its socket's mode and owner, its end.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use breaker_client::wire::{Request, Response};
use breaker_tests::stage::{Agent, Ended, Folder, Frames, PATIENCE, Plan, policy, wait_for};
use rustix::process::Signal;

/// A service manager's patience, and the promise made to it.
const STOP_MAX: Duration = Duration::from_secs(5);

#[test]
fn a_second_agent_on_a_live_socket_is_refused_and_the_first_goes_on() {
    let agent = Agent::alone("");
    agent.connect().call("demo");
    let second = Ended::of(&mut agent.plan().command());
    assert_eq!((second.code, second.out.as_str()), (1, ""), "{second:?}");
    let socket = agent.socket();
    let expected = format!("another agent is live on {}", socket.display());
    assert!(second.err.contains(&expected) && second.err.contains("choose another socket"), "{second:?}");
    agent.connect().call("demo");
    assert_eq!(agent.connect().status().services[0].granted, 2, "it is still the first");
}

#[test]
fn a_socket_left_by_a_crash_is_replaced() {
    let mut agent = Agent::alone("");
    agent.kill();
    let left = fs::symlink_metadata(agent.socket()).expect("a crash leaves the socket");
    assert!(left.file_type().is_socket());
    assert_eq!(
        UnixStream::connect(agent.socket()).map_err(|error| error.kind()).err(),
        Some(ErrorKind::ConnectionRefused)
    );
    agent.start_again();
    agent.connect().call("demo");
}

#[test]
fn what_is_in_the_way_and_no_socket_is_left_alone() {
    let plan = Plan::new("alone", "").flags(&["--gossip-listen", "off"]);
    fs::write(plan.socket(), "somebody's file").expect("the directory is ours");
    let ended = Ended::of(&mut plan.command());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("exists and is not a stream socket"), "{ended:?}");
    assert_eq!(fs::read_to_string(plan.socket()).ok().as_deref(), Some("somebody's file"));
}

/// A thread connects as fast as it can: whatever it finds at its first success was there before anyone could connect.
/// Only root can give a file away, so others look at the mode alone.
#[test]
fn mode_and_owner_are_set_before_anyone_can_connect() {
    let is_root = rustix::process::geteuid().is_root();
    let owner = if is_root { ", owner: \"65534:65533\"" } else { "" };
    for round in 0..20 {
        let plan = Plan::new("alone", &format!("socket: {{mode: \"0606\"{owner}}}")).flags(&["--gossip-listen", "off"]);
        let socket = plan.socket();
        let looker = std::thread::spawn(move || {
            let began = Instant::now();
            while UnixStream::connect(&socket).is_err() {
                assert!(began.elapsed() < PATIENCE, "nobody listens");
                std::hint::spin_loop();
            }
            let found = fs::metadata(&socket).expect("it was just connected to");
            (found.permissions().mode() & 0o777, found.uid(), found.gid())
        });
        let agent = plan.start();
        let (mode, uid, gid) = looker.join().expect("the looker finds it");
        assert_eq!(mode, 0o606, "round {round}");
        if is_root {
            assert_eq!((uid, gid), (65_534, 65_533), "round {round}");
        }
        drop(agent);
    }
}

#[test]
fn without_other_words_owner_and_group_may_connect() {
    let agent = Agent::alone("");
    let mode = fs::metadata(agent.socket()).expect("it listens").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn a_signal_ends_it_well_whoever_is_connected() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut agent = Agent::alone("");
        let idle: Vec<_> = (0..50).map(|_| agent.connect()).collect();
        let mut watcher = agent.connect();
        assert_eq!(watcher.ask(Request::Watch), Response::Watching);
        let silent = UnixStream::connect(agent.socket()).expect("it listens");
        let began = Instant::now();
        agent.signal(signal);
        let ended = agent.wait_end(STOP_MAX);
        assert_eq!(ended.code(), Some(0), "{signal:?} after {:?}:\n{}", began.elapsed(), agent.log());
        assert!(!agent.socket().exists(), "the socket is removed");
        assert!(agent.log().contains("stopped"), "{}", agent.log());
        drop((idle, watcher, silent));
    }
}

/// Four clients ask as fast as they can when the signal comes. What is answered must be whole, right and in order, and
/// the end must come between two answers; what was never read may stay unanswered.
#[test]
fn what_is_in_flight_at_the_end_is_answered_whole() {
    let mut agent = Agent::alone(&policy("failure_threshold: off"));
    let answered: Arc<[AtomicU32; 4]> = Arc::default();
    let askers: Vec<_> = (0..4)
        .map(|number| {
            let (client, answered) = (agent.connect(), Arc::clone(&answered));
            std::thread::spawn(move || ask_until_the_end(client, &answered[number]))
        })
        .collect();
    wait_for("all to be answered", || {
        answered.iter().all(|answered| answered.load(Ordering::SeqCst) > 1_000).then_some(())
    });
    let began = Instant::now();
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait_end(STOP_MAX).code(), Some(0), "{}", agent.log());
    assert!(began.elapsed() < Duration::from_secs(2), "nobody holds it up: {:?}", began.elapsed());
    for asker in askers {
        let end = asker.join().expect("every answer was right");
        assert!(matches!(end, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{end}");
    }
}

/// Asks in batches, each sent whole before its first answer is taken; what ended it.
fn ask_until_the_end(mut client: Frames, answered: &AtomicU32) -> ErrorKind {
    loop {
        // What cannot be sent any more is no error: answers to what was sent before may still lie there.
        for _ in 0..32 {
            let _ = client.send(Request::Query { service: "demo".to_owned() });
        }
        for _ in 0..32 {
            match client.receive() {
                Err(end) => return end.kind(),
                Ok(frame) => {
                    assert_eq!(frame.id, answered.fetch_add(1, Ordering::SeqCst), "in order");
                    assert!(matches!(frame.response, Response::Verdict(_)), "{frame:?}");
                }
            }
        }
    }
}

#[test]
fn it_says_where_it_listens_and_what_to_try_next() {
    let agent = Agent::alone("");
    let log = agent.log();
    for words in ["is ready", "a.sock", "config.yaml", "gossip  off", "breakerctl status", "breakerctl run demo"] {
        assert!(log.contains(words), "{words:?} is missing:\n{log}");
    }
}

#[test]
fn every_flag_can_be_a_variable_and_the_flag_goes_first() {
    let folder = Folder::new();
    let config = folder.write("c.yaml", "node: {id: from-file}");
    let socket = folder.join("v.sock");
    let log = fs::File::create(folder.join("log")).expect("the directory is ours");
    let mut command = std::process::Command::new(&breaker_tests::stage::binaries().breakerd);
    command
        .env_clear()
        .env("BREAKERD_CONFIG", config)
        .env("BREAKERD_SOCKET", &socket)
        .env("BREAKERD_NODE_ID", "variable");
    command.env("BREAKERD_GOSSIP_LISTEN", "127.0.0.1:0").env("BREAKERD_SEED", "127.0.0.1:9,127.0.0.1:19");
    command.env("BREAKERD_LOG_FORMAT", "json").args(["--node-id", "flag"]).stdin(Stdio::null()).stderr(log);
    let mut child = command.spawn().expect("breakerd starts");
    wait_for("the agent to be ready", || UnixStream::connect(&socket).ok());
    let agent = Frames::connect(&socket).status().agent;
    child.kill().expect("it runs");
    child.wait().expect("it is our child");
    assert_eq!(agent.node, "flag");
    let log = fs::read_to_string(folder.join("log")).expect("it logged");
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap_or_default()).expect("JSON lines");
    let fields = first["fields"].to_string();
    assert!(fields.contains("ready") && fields.contains("2 seeds") && fields.contains("v.sock"), "{fields}");
}
