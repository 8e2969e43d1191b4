//! One life of chitchat: its tasks, its state read and written, its end noticed.
//!
//! Facts about chitchat 0.11.2 that shape this file. Its task dies of an assertion when the list of known incarnations
//! nears a datagram's size, and of malformed state from whoever has the key; nobody notices unless the termination
//! watcher is watched. It keeps dead incarnations for the grace period, so that is short. It resolves names in a task
//! nobody watches, so it is given addresses only. It has no goodbye, so there is a key for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chitchat::{ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, NodeState, spawn_chitchat};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::counters::{GossipCounters, measure_digest};
use super::entry::{BYE, HOST, digest_key, digest_value, host_value, value_bytes};
use super::peers::{Identity, Peers, Progress, Value};
use super::publisher::Write;
use super::pulse::{Mark, Pulse};
use super::seeds::{Seeds, resolve};
use super::socket::{Doorway, SealedSocket};
use crate::core::time::MonoTime;
use crate::seal::{Received, SealedTransport};

/// What a life begins with.
pub(super) struct Beginning {
    pub(super) me: Identity,
    pub(super) cluster: String,
    pub(super) seeds: Seeds,
    pub(super) interval: Duration,
    pub(super) transport: Arc<SealedTransport>,
    pub(super) inbox: mpsc::Receiver<Received>,
    pub(super) counters: Arc<GossipCounters>,
}

/// What a look at chitchat's state came to.
pub(super) struct Observed {
    /// Bytes chitchat needs to name everybody.
    pub(super) digest_bytes: usize,
    /// Our own heartbeat.
    pub(super) heartbeat: u64,
}

/// A running chitchat. Dropped, it ends without a goodbye.
pub(super) struct Life {
    handle: ChitchatHandle,
    tasks: JoinSet<()>,
    exchanges: watch::Receiver<u64>,
    wakes: Arc<Notify>,
    resolved: watch::Receiver<Vec<SocketAddr>>,
    counters: Arc<GossipCounters>,
}

impl Life {
    /// Starts chitchat; why not, in words.
    pub(super) async fn begin(beginning: Beginning) -> Result<Self, String> {
        let Beginning { me, cluster, seeds, interval, transport, inbox, counters } = beginning;
        let (exchanges, exchanges_ended) = watch::channel(0);
        let socket = SealedSocket { transport, inbox, exchanges, counters: Arc::clone(&counters) };
        let config = ChitchatConfig {
            listen_addr: me.address,
            chitchat_id: ChitchatId::new(me.node, me.incarnation, me.address),
            cluster_id: cluster,
            gossip_interval: interval,
            seed_nodes: seeds.addresses.iter().map(ToString::to_string).collect(),
            failure_detector_config: failure_detector(interval),
            marked_for_deletion_grace_period: TOMBSTONE_LIFE,
            catchup_callback: None,
            extra_liveness_predicate: None,
        };
        let handle =
            spawn_chitchat(config, Vec::new(), &Doorway::new(socket)).await.map_err(|error| error.to_string())?;
        let wakes = Arc::new(Notify::new());
        let waker = Arc::clone(&wakes);
        handle.with_chitchat(|chitchat| wake_on_values(chitchat, &waker)).await;
        let mut tasks = JoinSet::new();
        let (resolver, resolved) = watch::channel(Vec::new());
        tasks.spawn(resolve(seeds.names, resolver));
        Ok(Self { handle, tasks, exchanges: exchanges_ended, wakes, resolved, counters })
    }

    /// Waits for the end of any of its tasks; why, in words.
    pub(super) async fn death(&mut self) -> String {
        tokio::select! {
            ended = self.handle.termination_watcher() => match ended {
                Ok(()) => "chitchat stopped".to_owned(),
                Err(error) => error.to_string(),
            },
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(()) => "a task of gossip ended".to_owned(),
                Err(error) => error.to_string(),
            },
        }
    }

    /// Notified when a peer's value came.
    pub(super) fn wakes(&self) -> Arc<Notify> {
        Arc::clone(&self.wakes)
    }

    /// Writes values for peers to read.
    pub(super) async fn write(&self, writes: &[Write], pulse: &Pulse, now: MonoTime) {
        self.handle
            .with_chitchat(|chitchat| {
                let state = chitchat.self_node_state();
                let mark = Mark { at: now, heartbeat: state.heartbeat().into() };
                for write in writes {
                    match write {
                        Write::Digest { digest, held } => {
                            let value = digest_value(digest, pulse.stamp(mark, *held));
                            measure_digest(&self.counters, digest.service.as_str().len() + value_bytes(&value));
                            state.set(digest_key(&digest.service), value);
                        }
                        Write::Host(word) => state.set(HOST, host_value(word)),
                        Write::Delete(service) => state.delete(&digest_key(service)),
                    }
                }
            })
            .await;
    }

    /// Shows everybody known to `peers`.
    pub(super) async fn observe(&self, peers: &mut Peers, now: MonoTime) -> Observed {
        self.handle
            .with_chitchat(|chitchat| {
                let mut digest_bytes = 0;
                for (id, state) in chitchat.node_states() {
                    digest_bytes += digest_len(id);
                    let node = id.node_id.to_string();
                    let who = Identity { node, incarnation: id.generation_id, address: id.gossip_advertise_addr };
                    peers.observe(&who, progress(state), values(state), now);
                }
                peers.settle(now);
                Observed { digest_bytes, heartbeat: chitchat.self_node_state().heartbeat().into() }
            })
            .await
    }

    /// What the seeds' names stand for at present.
    pub(super) fn resolved_seeds(&self) -> Vec<SocketAddr> {
        self.resolved.borrow().clone()
    }

    /// Begins an exchange at once.
    pub(super) fn gossip_with(&self, address: SocketAddr) {
        // Fails only when chitchat ended, which is noticed elsewhere.
        let _ = self.handle.gossip(address);
    }

    /// Says goodbye to some peers and ends. Takes [`LEAVE_MAX`] at most.
    pub(super) async fn leave(mut self, peers: Vec<SocketAddr>) {
        let goodbye = async {
            self.handle.with_chitchat(|chitchat| chitchat.self_node_state().set(BYE, "1")).await;
            let ended = *self.exchanges.borrow_and_update();
            let awaited = ended + peers.len() as u64;
            peers.iter().for_each(|peer| self.gossip_with(*peer));
            let _ = self.exchanges.wait_for(|ended| *ended >= awaited).await;
        };
        let _ = tokio::time::timeout(LEAVE_MAX, goodbye).await;
    }
}

impl Drop for Life {
    /// Chitchat would end by itself at its next turn; a life that is over must not speak once more.
    fn drop(&mut self) {
        self.handle.abort();
    }
}

fn wake_on_values(chitchat: &chitchat::Chitchat, waker: &Arc<Notify>) {
    let waker = Arc::clone(waker);
    chitchat.subscribe_event("", move |_| waker.notify_one()).forever();
}

fn progress(state: &NodeState) -> Progress {
    Progress { heartbeat: state.heartbeat().into(), newest: state.max_version(), forgotten: state.last_gc_version() }
}

fn values(state: &NodeState) -> impl Iterator<Item = Value<'_>> {
    let visible = state.key_values_including_deleted().filter(|(_, value)| !value.is_deleted());
    visible.map(|(key, versioned)| Value { key, value: &versioned.value, version: versioned.version })
}

/// Bytes chitchat needs for one incarnation in every exchange: two for the id's length, the id, generation, address,
/// heartbeat and two versions.
fn digest_len(id: &ChitchatId) -> usize {
    let address = if id.gossip_advertise_addr.is_ipv4() { 5 + 2 } else { 17 + 2 };
    2 + id.node_id.len() + 8 + address + 3 * 8
}

/// Tuned to be told apart from a pause, not to be fast: our own bookkeeping decides who is live, this one only whom
/// chitchat speaks with. With its threshold a peer is dead after eight of its usual silences.
fn failure_detector(interval: Duration) -> FailureDetectorConfig {
    FailureDetectorConfig {
        phi_threshold: 8.0,
        // Its samples are the largest thing chitchat keeps of a peer; a hundred heartbeats tell its rhythm.
        sampling_window_size: 100,
        max_interval: interval * 10,
        initial_interval: interval,
        dead_node_grace_period: DEAD_LIFE,
    }
}

/// Bytes at which chitchat's list of known incarnations kills its task.
pub(super) const DIGEST_BYTES_MAX: usize = 65_507;

/// How long a goodbye may take: a peer that does not answer by then is not waited for.
pub(super) const LEAVE_MAX: Duration = Duration::from_millis(500);

/// How long dead incarnations are known (half of it in exchanges): a day of restarts, chitchat's default, would fill
/// its datagram.
const DEAD_LIFE: Duration = Duration::from_secs(600);

/// How long a deleted value is remembered, so that peers learn of it one by one. At most 240 at the permitted rate of
/// writes; a peer cut off for longer gets the whole state anew.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(60);
