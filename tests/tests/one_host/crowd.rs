//! More clients than one: as many as the agent takes, one more, and one that does not read.

use std::time::{Duration, Instant};

use breaker_client::wire::{Greeting, Request, WithPeers};
use breaker_client::{AskError, Client, Connector, Options, Standing};
use breaker_tests::stage::{Agent, Frames, Plan, policy, wait_until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections an agent serves at once.
const CONNECTIONS_MAX: usize = breaker_agent::server::CONNECTIONS_MAX;

/// The soft limit of open files that most systems give a process.
const FILES_USUAL: u32 = 1_024;

/// The crowd is ours, too: as many open files in this process.
fn make_room() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS_MAX as u64 + 1_000;
    if limit.current.is_some_and(|files| files < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
        raised.expect("this test needs some 2,000 open files; raise the hard limit (ulimit -H -n)");
    }
}

/// The agent starts with the usual limit of open files, which is less than it needs for so many connections.
#[tokio::test]
async fn as_many_as_it_takes_are_answered_and_one_more_is_told_so() {
    make_room();
    let plan = Plan::new("crowded", "").flags(&["--gossip-listen", "off"]).files_max(FILES_USUAL);
    let agent = plan.start();
    let mut crowd: Vec<Frames> = (0..CONNECTIONS_MAX).map(|_| agent.connect()).collect();
    for client in &mut crowd {
        client.call("demo");
    }
    assert_eq!(crowd[0].status().agent.connections, CONNECTIONS_MAX as u64);
    let one_more = Frames::try_connect(&agent.socket());
    assert!(matches!(one_more, Ok((_, Greeting::Full))), "one more is told so: {one_more:?}");

    let client =
        Client::connect_with(Connector::path(&agent.socket()), &Options::with_deadline(Duration::from_secs(5)));
    let permit = client.acquire("demo").await.expect("fails open");
    assert_eq!(permit.standing(), &Standing::Unguarded(AskError::AgentFull));
    let refused = agent.ctl(&["status"]);
    assert_eq!(refused.code, 12, "{refused:?}");
    assert!(refused.err.contains("as many connections as it allows"), "{refused:?}");
    let counted = crowd[0].counter("connections_refused_full");
    assert_eq!(counted, 3);

    crowd.truncate(CONNECTIONS_MAX - 1);
    wait_until("room for one more", Duration::from_secs(5), || match Frames::try_connect(&agent.socket()) {
        Ok((mut client, Greeting::Welcome { .. })) => Some(client.call("demo")),
        _ => None,
    });
    assert_eq!(crowd[0].counter("server_accept_errors"), 0);
}

/// The agent waits 5 s for such a client; until then, and after, another one is served as if it were alone.
#[test]
fn a_client_that_does_not_read_is_cut_off_and_no_other_one_notices() {
    let agent = Agent::alone(&policy("failure_threshold: off"));
    let mut deaf = agent.connect();
    deaf.stream().set_write_timeout(Some(Duration::from_millis(200))).expect("a socket takes a timeout");
    let status = || Request::Status { service: None, after: None, limit: 100, peers: WithPeers::No };
    // Until neither side's buffers take more: then the agent waits for it.
    while deaf.send(status()).is_ok() {}

    let mut other = agent.connect();
    let mut slowest = Duration::ZERO;
    let began = Instant::now();
    wait_until("the deaf client to be cut off", Duration::from_secs(15), || {
        for _ in 0..20 {
            slowest = slowest.max(other.call("demo"));
        }
        (other.counter("connections_cut_off_slow") == 1).then_some(())
    });
    assert!(began.elapsed() > Duration::from_secs(3), "it is given some time");
    assert!(slowest < Duration::from_millis(500), "the other one waited {slowest:?}");
    assert_eq!(other.status().agent.connections, 1);
}
