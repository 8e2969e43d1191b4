//! How much memory a real `breakerd` takes: at rest, with many services, with many connections, under a flood of names.
//!
//! A table instead of criterion: what is measured is a size, not a time. Each line is a process of its own, the one users
//! run, asked over its socket; the figures are the kernel's (`VmRSS`, and `RssAnon` of it, which leaves out the pages of
//! the program itself). Gossip is on, as it is by default. The targets are those of the first issue.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use breaker_client::wire::{
    CallReport, ClientCodec, HELLO_LEN, Hold, Permit, Request, RequestFrame, Response, ResponseFrame, VERSIONS,
    WithPeers,
};
use bytes::BytesMut;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::codec::{Decoder, Encoder};

fn main() {
    // Not when every benchmark is only tried out or listed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).expect("up to the hard limit is allowed");
    println!("\n{:<44} {:>8} {:>6} {:>6}", "one breakerd", "services", "RSS", "anon");
    line("at rest", Some(15), |_| Vec::new());
    line("10,000 services, acquire + report each", Some(60), |agent| {
        touch(agent, (0..SERVICES).map(flat), CallReport::success)
    });
    line("10,000 services, each failing", None, |agent| touch(agent, (0..SERVICES).map(flat), failure));
    line("10,000 services in nested paths", None, |agent| touch(agent, (0..LEAVES).map(nested), CallReport::success));
    line("the same, and 1,000 connections", Some(100), |agent| {
        let mut lines = touch(agent, (0..LEAVES).map(nested), CallReport::success);
        // Every connection has asked for each of a hundred services.
        for first in 0..CONNECTIONS {
            lines.extend(touch(agent, (first..first + 100).map(nested), CallReport::success));
        }
        lines
    });
    line("100,000 names one after the other", Some(60), |agent| {
        touch(agent, (0..10 * SERVICES).map(flat), CallReport::success)
    });
    println!("Sizes in MB.");
}

/// Starts an agent, does something with it, prints how large it is then.
fn line(name: &str, target_mb: Option<u64>, act: impl FnOnce(&Agent) -> Vec<Line>) {
    let agent = Agent::start();
    let lines = act(&agent);
    let services = agent.services();
    let (rss, anon) = (agent.kilobytes("VmRSS"), agent.kilobytes("RssAnon"));
    let mb = |kilobytes: u64| kilobytes as f64 / 1024.0;
    let judgement = target_mb.map_or_else(String::new, |target| {
        format!(" <= {target} {}", if rss <= target * 1024 { "met" } else { "MISSED" })
    });
    println!("{name:<44} {services:>8} {:>6.1} {:>6.1}{judgement}", mb(rss), mb(anon));
    drop(lines);
}

/// Calls every service once, on a connection that stays open.
fn touch(agent: &Agent, services: impl Iterator<Item = String>, how: fn() -> CallReport) -> Vec<Line> {
    let mut line = agent.connect();
    let services: Vec<String> = services.collect();
    for services in services.chunks(PIPELINED) {
        let acquires = services.iter().map(|service| Request::Acquire {
            service: service.clone(),
            timeout_us: None,
            hold: Hold::Connection,
        });
        let answers = line.ask(acquires.collect());
        let reports = answers.into_iter().map(|answer| match answer.response {
            Response::Granted(Permit { id: Some(permit), .. }) => Request::Report { permit, call: how() },
            other => panic!("a grant was expected: {other:?}"),
        });
        line.ask(reports.collect());
    }
    vec![line]
}

/// A running `breakerd`, killed when dropped.
struct Agent {
    process: Child,
    directory: PathBuf,
}

impl Agent {
    fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("breakerd-memory-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("the directory is new");
        let process = Command::new(env!("CARGO_BIN_EXE_breakerd"))
            .args(["--gossip-listen", "127.0.0.1:0", "--node-id", "bench", "--socket"])
            .arg(directory.join("agent.sock"))
            .stderr(Stdio::null())
            .spawn()
            .expect("breakerd starts");
        Self { process, directory }
    }

    fn connect(&self) -> Line {
        Line::open(&self.directory.join("agent.sock"))
    }

    fn services(&self) -> u64 {
        let request = Request::Status { service: None, after: None, limit: 1, peers: WithPeers::No };
        match self.connect().ask(vec![request]).remove(0).response {
            Response::Status(page) => page.agent.services,
            other => panic!("a status was expected: {other:?}"),
        }
    }

    /// A size in the kernel's account of the process.
    fn kilobytes(&self, key: &str) -> u64 {
        let account = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = account.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("the kernel accounts for it")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).expect("it is ours");
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

/// A connection.
struct Line {
    stream: UnixStream,
    read: BytesMut,
}

impl Line {
    fn open(path: &Path) -> Self {
        // Until the agent listens.
        let stream = std::iter::repeat_with(|| UnixStream::connect(path)).find_map(Result::ok);
        let mut stream = stream.expect("it tries for ever");
        stream.write_all(&VERSIONS.to_hello()).expect("the agent reads");
        stream.read_exact(&mut [0; HELLO_LEN]).expect("the agent answers");
        Self { stream, read: BytesMut::new() }
    }

    /// Asks all at once; the answers in order.
    fn ask(&mut self, requests: Vec<Request>) -> Vec<ResponseFrame> {
        let count = requests.len();
        let mut bytes = BytesMut::new();
        for (id, request) in (0..).zip(requests) {
            ClientCodec::default().encode(&RequestFrame { id, request }, &mut bytes).expect("it fits in a frame");
        }
        self.stream.write_all(&bytes).expect("the agent reads");
        let mut answers = Vec::with_capacity(count);
        let mut chunk = [0; 8192];
        while answers.len() < count {
            let length = self.stream.read(&mut chunk).expect("the agent answers");
            self.read.extend_from_slice(&chunk[..length]);
            while let Some(answer) = ClientCodec::default().decode(&mut self.read).expect("it speaks the protocol") {
                answers.push(answer);
            }
        }
        answers
    }
}

fn failure() -> CallReport {
    CallReport::failure("http_503")
}

fn flat(number: usize) -> String {
    format!("service-{number:06}.internal")
}

/// One of 10 services with 10 regions each.
fn nested(number: usize) -> String {
    let number = number % LEAVES;
    format!("team-{}/region-{}/10.0.{}.{}:8080", number % 10, number / 10 % 10, number / 256, number % 256)
}

/// As many services as an agent tracks.
const SERVICES: usize = 10_000;

/// With their ancestors, 10 services and 100 regions, they are as many as an agent tracks.
const LEAVES: usize = SERVICES - 110;

/// Connections beside the first and the one that asks for the status.
const CONNECTIONS: usize = 1_000;

/// Requests on their way together.
const PIPELINED: usize = 64;
