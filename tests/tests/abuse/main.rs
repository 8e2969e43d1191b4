//! The agent under abuse, in a size for every change; the full size is run by the example `abuse`.
//!
//! The kinds take turns, and each is the only load on its agent: what is measured is the agent, not the machine.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use breaker_agent::keyring::Keyring;
use breaker_client::wire::State;
use breaker_tests::abuse::{Figures, Size, malformed_datagrams, malformed_frames, random_bytes};
use breaker_tests::stage::{Agent, Cluster, Folder, PATIENCE, keyring, member, policy, wait_for};

const BYTES: u64 = 16 * 1024 * 1024;
const FRAMES: u64 = 10_000;
const DATAGRAMS: u64 = 20_000;

/// Longest wait for an answer: two cores, unoptimised, an abuser and a witness beside the agent.
const ANSWER_MAX: Duration = Duration::from_millis(500);

/// What a process may come to take of its own accord: an allocator that cuts its pages anew.
const GROWTH_MAX_KIB: u64 = 2 * 1024;

static TURN: Mutex<()> = Mutex::new(());

fn size(amount: u64) -> Size {
    Size { amount, seed: 7, within: PATIENCE * 2 }
}

fn judge(figures: &Figures) {
    assert!(figures.slowest < ANSWER_MAX, "{figures}");
    assert!(figures.after_kib <= figures.before_kib + GROWTH_MAX_KIB, "{figures}");
    assert_eq!(figures.grown("server_sessions_panicked") + figures.grown("gossip_deaths"), 0, "{figures}");
}

#[test]
fn random_bytes_at_the_socket_harm_nobody() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let agent = Agent::alone("");
    let figures = random_bytes(&agent, size(BYTES));
    judge(&figures);
    assert!(figures.grown("connections_bad_hello") > 0 && figures.grown("connections_malformed") > 0, "{figures}");
}

#[test]
fn malformed_frames_end_their_connection_and_nothing_else() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let agent = Agent::alone("");
    judge(&malformed_frames(&agent, size(FRAMES)));
}

#[test]
fn malformed_datagrams_are_counted_and_nothing_else() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::new();
    let path = keyring(&folder, "ring");
    let ring = Keyring::read(&path).expect("a keyring").keyring;
    let agent = member("abused", Some(&path), &[], "").start();
    let figures = malformed_datagrams(&agent, Some(&ring), size(DATAGRAMS));
    judge(&figures);
    for counter in ["seal_forged", "seal_oversized", "seal_truncated", "seal_wrong_key"] {
        assert!(figures.grown(counter) > 0, "{counter}: {figures}");
    }

    let agent = member("plain", None, &[], "").start();
    let figures = malformed_datagrams(&agent, None, size(DATAGRAMS));
    judge(&figures);
    for counter in ["seal_forged", "seal_malformed", "seal_oversized", "seal_stale_boot", "seal_truncated"] {
        assert!(figures.grown(counter) > 0, "{counter}: {figures}");
    }
}

/// The same among peers, one of which has news of an outage: it is heard, and nobody else is.
#[test]
fn malformed_datagrams_change_nothing_of_what_peers_have_said() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = Cluster::start(2, &policy("failure_threshold: 1, recovery_timeout: 10m"));
    let [agent, peer] = &cluster.agents[..] else { panic!("there are two") };
    assert_eq!(peer.ctl(&["run", "shop", "--", "false"]).code, 1);
    wait_for("the agent to hear of it", || (!agent.service("shop").peers.is_empty()).then_some(()));
    let ring = Keyring::read(&cluster.ring).expect("a keyring").keyring;
    judge(&malformed_datagrams(agent, Some(&ring), size(DATAGRAMS)));
    let told = agent.service("shop").peers;
    assert!(told.iter().any(|digest| digest.node == "b" && digest.state == State::Open), "{told:?}");
}
