//! Those who are asked: the agent and the echo, each in a thread of its own on a runtime as the daemon has it.
//!
//! They run until the process ends; nothing here is measured.

use std::path::PathBuf;
use std::sync::Arc;

use breaker_agent::config::Config;
use breaker_agent::core::guards::Guards;
use breaker_agent::daemon::{self, Seams};
use breaker_agent::driver::Identity;
use breaker_agent::listener::{Access, UnixSocket};
use breaker_agent::socket_path::Place;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// The cores this process may run on.
pub(crate) fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(None).expect("the system says");
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect()
}

/// Keeps this thread, and those it will start, on a core.
pub(crate) fn stay_on(core: usize) {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).expect("it is one of the cores that are allowed");
}

/// Starts an agent on its own, with every default.
pub(crate) fn agent(socket: PathBuf) {
    serve(async move {
        let access = Access { mode: 0o600, owner: None, group: None };
        let listener = UnixSocket::bind(&Place::given(socket), access).expect("the path is free");
        let identity = Identity {
            node: "bench".to_owned(),
            zone: None,
            seed: [7; 32],
            incarnation: 1,
            gossip_address: None,
            uid: None,
        };
        let seams = Seams { listener, gossip: None, identity, guards: Guards::ON, observer: None };
        daemon::run(Arc::new(Config::default()), seams, std::future::pending()).await.expect("no part of it dies");
    });
}

/// Starts an echo. A connection begins with eight bytes, which come back: the lengths of a request and of its answer,
/// two u32.
pub(crate) fn echo(socket: PathBuf) {
    serve(async move {
        let listener = UnixListener::bind(socket).expect("the path is free");
        loop {
            let (stream, _) = listener.accept().await.expect("there are descriptors");
            tokio::spawn(answer(stream));
        }
    });
}

async fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let mut hello = [0; 8];
    stream.read_exact(&mut hello).await?;
    stream.write_all(&hello).await?;
    let [a, b, c, d, e, f, g, h] = hello;
    let (request_len, answer_len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let mut buffer = vec![0; BUFFER];
    let mut waiting = 0;
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            bytes => waiting += bytes,
        }
        let requests = waiting / request_len as usize;
        waiting %= request_len as usize;
        stream.write_all(&buffer[..requests * answer_len as usize]).await?;
    }
}

fn serve(server: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(server);
    });
}

/// As much as the agent reads at once.
const BUFFER: usize = 8 * 1024;
