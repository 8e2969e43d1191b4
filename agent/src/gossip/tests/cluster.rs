//! Agents' gossip run as tasks, and what their drivers would know.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breaker_client::wire::GossipHealth;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fabric::Fabric;
use crate::clock::Clock;
use crate::core::digest::{Alert, FailureDigest, HostWord, StateKind, Testimony, Urgency};
use crate::core::guards::Guards;
use crate::core::service::ServiceName;
use crate::datagram::Datagrams;
use crate::gossip::{GivenPeer, GossipCounters, GossipSetup, Membership, run};
use crate::keyring::Keyring;
use crate::mail::{ALERTS_MAX, GossipNews, Mail, MemberView, Published, RaisedAlert, Standing};

pub(super) struct Agent {
    pub(super) address: SocketAddr,
    published: watch::Sender<Published>,
    alerts: mpsc::Sender<RaisedAlert>,
    clock: Clock,
    mailbox: mpsc::Receiver<Mail>,
    seen: Seen,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    counters: Arc<GossipCounters>,
    raised: Arc<Mutex<Vec<u64>>>,
}

/// What a driver would know.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) health: Option<(GossipHealth, u64)>,
    pub(super) members: Vec<MemberView>,
    heard: BTreeMap<(String, ServiceName), Heard>,
    pub(super) words: BTreeMap<String, (u64, HostWord)>,
    /// How long this agent was said to have been away, and how much was heard before.
    pub(super) away: Vec<Duration>,
    pub(super) mails: Vec<GossipNews>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) incarnation: u64,
    pub(super) age: Duration,
    pub(super) digest: FailureDigest,
}

impl Agent {
    /// Agents a, b and c on ports 1 to 3; all know the first.
    pub(super) fn three(fabric: &Fabric, keyring: Option<&Keyring>) -> [Self; 3] {
        ["a", "b", "c"].map(|node| Self::start(fabric, node, 1, keyring.cloned()))
    }

    pub(super) fn start(fabric: &Fabric, node: &str, incarnation: u64, keyring: Option<Keyring>) -> Self {
        let port = u16::from(node.as_bytes()[0] - b'a') + 1;
        Self::start_at(fabric, node, port, incarnation, keyring, &["127.0.0.1:1"])
    }

    pub(super) fn start_at(
        fabric: &Fabric,
        node: &str,
        port: u16,
        incarnation: u64,
        keyring: Option<Keyring>,
        seeds: &[&str],
    ) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let setup = setup(node, address, incarnation, keyring, seeds);
        Self::run(setup, fabric.bind(address))
    }

    /// Agents on ports 1 to `count`, named h0 and so on, who know each other and have no state plane.
    pub(super) fn given(fabric: &Fabric, count: u16, keyring: Option<&Keyring>) -> Vec<Self> {
        let peer = |number: u16| GivenPeer {
            node: format!("h{number}"),
            zone: Some("eu".to_owned()),
            address: SocketAddr::from(([127, 0, 0, 1], number + 1)),
        };
        let start = |number: u16| {
            let me = peer(number);
            let mut setup = setup(&me.node, me.address, 1, keyring.cloned(), &[]);
            setup.membership = Membership::Given((0..count).filter(|other| *other != number).map(peer).collect());
            Self::run(setup, fabric.bind(me.address))
        };
        (0..count).map(start).collect()
    }

    /// As [`Agent::start`], with protections of choice.
    pub(super) fn guarded(fabric: &Fabric, node: &str, incarnation: u64, guards: Guards) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], u16::from(node.as_bytes()[0] - b'a') + 1));
        let mut setup = setup(node, address, incarnation, Some(key(1)), &["127.0.0.1:1"]);
        setup.guards = guards;
        Self::run(setup, fabric.bind(address))
    }

    pub(super) async fn two_on_loopback(keyring: Option<Keyring>) -> [Self; 2] {
        let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (at_a, at_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let seed = at_a.to_string();
        let [setup_a, setup_b] =
            [("a", at_a), ("b", at_b)].map(|(node, at)| setup(node, at, 1, keyring.clone(), &[&seed]));
        [Self::run(setup_a, Arc::new(a)), Self::run(setup_b, Arc::new(b))]
    }

    fn run(mut setup: GossipSetup, datagrams: Arc<dyn Datagrams>) -> Self {
        let (published, to_publish) = watch::channel(Published::default());
        let (news, mailbox) = mpsc::channel(MAIL_MAX);
        let (alerts, source) = mpsc::channel(ALERTS_MAX);
        setup.alerts = Arc::new(tokio::sync::Mutex::new(source));
        let raised = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&raised);
        setup.on_incarnation = Box::new(move |incarnation| told.lock().unwrap().push(incarnation));
        let (address, counters, clock) = (setup.advertise, Arc::clone(&setup.counters), setup.clock);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(setup, datagrams, to_publish, news, shutdown.clone()));
        Self { address, published, alerts, clock, mailbox, seen: Seen::default(), shutdown, task, counters, raised }
    }

    pub(super) fn publish(&self, digests: impl IntoIterator<Item = FailureDigest>) {
        let digests = digests.into_iter().collect();
        self.published.send_replace(digests);
    }

    pub(super) fn publish_host(&self, host: HostWord) {
        self.published.send_modify(|published| published.host = host);
    }

    /// Pushes news.
    pub(super) fn alert(&self, urgency: Urgency, digest: FailureDigest) {
        let alert = Alert { urgency, digest, judged_by: Vec::new() };
        self.alerts.try_send(RaisedAlert { alert, at: self.clock.now() }).unwrap();
    }

    /// Waits until what the driver knows is so, for twenty intervals at most.
    pub(super) async fn until<T>(&mut self, is_so: impl Fn(&Seen) -> Option<T>) -> T {
        self.within(INTERVAL * 20, is_so).await
    }

    /// As [`Agent::until`], where many writes must be made first.
    pub(super) async fn until_late<T>(&mut self, is_so: impl Fn(&Seen) -> Option<T>) -> T {
        self.within(Duration::from_secs(300), is_so).await
    }

    async fn within<T>(&mut self, wait: Duration, is_so: impl Fn(&Seen) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            if let Some(so) = is_so(self.now()) {
                return so;
            }
            let mail = tokio::time::timeout_at(deadline, self.mailbox.recv()).await;
            let Ok(Some(Mail::Gossip(news))) = mail else {
                panic!("it did not come to be: {:?}, {:?}", self.seen.members, self.seen.heard.keys());
            };
            self.seen.take(news);
        }
    }

    /// What the driver knows by now.
    pub(super) fn now(&mut self) -> &Seen {
        while let Ok(Mail::Gossip(news)) = self.mailbox.try_recv() {
            self.seen.take(news);
        }
        &self.seen
    }

    pub(super) fn counted(&self, name: &str) -> u64 {
        self.counters.iter().find(|(known, _)| *known == name).expect("a known counter").1
    }

    pub(super) fn raised(&self) -> Vec<u64> {
        self.raised.lock().unwrap().clone()
    }

    /// Ends it as SIGKILL would: at once, without a word.
    pub(super) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// Takes its driver away; it must end by itself.
    pub(super) async fn lose_driver(self) {
        drop((self.mailbox, self.published));
        tokio::time::timeout(INTERVAL * 2, self.task).await.unwrap().unwrap();
    }

    pub(super) async fn shut_down(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

impl Seen {
    pub(super) fn heard(&self, node: &str, name: &str) -> Option<Heard> {
        self.heard.get(&(node.to_owned(), service(name))).cloned()
    }

    pub(super) fn digests_of(&self, node: &str) -> usize {
        self.heard.keys().filter(|(of, _)| of == node).count()
    }

    pub(super) fn member(&self, node: &str) -> Option<MemberView> {
        self.members.iter().find(|member| member.node == node).cloned()
    }

    pub(super) fn live<const N: usize>(&self, nodes: [&str; N]) -> Option<()> {
        let is_live = |node: &&str| self.member(node).is_some_and(|member| member.standing == Standing::Live);
        nodes.iter().all(is_live).then_some(())
    }

    fn take(&mut self, news: GossipNews) {
        self.mails.push(news.clone());
        match news {
            GossipNews::Health { health, incarnation } => self.health = Some((health, incarnation)),
            GossipNews::Members(members) => self.members = members,
            GossipNews::Heard { testimony: Testimony { host, incarnation, age, digest }, .. } => {
                let key = (host.as_str().to_owned(), digest.service.clone());
                self.heard.insert(key, Heard { incarnation, age, digest });
            }
            GossipNews::Withdrawn { host, service } => drop(self.heard.remove(&(host.as_str().to_owned(), service))),
            GossipNews::Said { host, incarnation, word } => {
                self.words.insert(host.as_str().to_owned(), (incarnation, word));
            }
            GossipNews::Away(late) => self.away.push(late),
        }
    }
}

fn setup(node: &str, advertise: SocketAddr, incarnation: u64, keyring: Option<Keyring>, seeds: &[&str]) -> GossipSetup {
    let mut seed = [0; 32];
    seed[..2].copy_from_slice(&advertise.port().to_le_bytes());
    seed[2] = u8::try_from(incarnation).unwrap();
    GossipSetup {
        node: node.to_owned(),
        zone: Some(format!("zone-{node}")),
        cluster: "test".to_owned(),
        advertise,
        seeds: seeds.iter().map(ToString::to_string).collect(),
        interval: INTERVAL,
        keyring,
        incarnation,
        seed,
        on_incarnation: Box::new(drop),
        counters: Arc::default(),
        alerts: Arc::new(tokio::sync::Mutex::new(mpsc::channel(1).1)),
        clock: Clock::start(),
        membership: Membership::Gossiped,
        guards: Guards::ON,
    }
}

pub(super) fn key(seed: u64) -> Keyring {
    Keyring::generate(&mut StdRng::seed_from_u64(seed))
}

pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

/// What a host says that has been in a state for three seconds.
pub(super) fn digest(name: &str, state: StateKind, total: u64, failed: u64) -> FailureDigest {
    FailureDigest { age: Duration::from_secs(3), total, failed, ..FailureDigest::of(service(name), state) }
}

pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// Small, so that it is full soon.
pub(super) const MAIL_MAX: usize = 64;
