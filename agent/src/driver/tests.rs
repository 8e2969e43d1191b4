//! The driver without any waiting: mail goes in, outboxes are read, and time is stepped by hand.
//!
//! What a breaker decides is tested in the core, what a session does with bytes in the session. Here: who may do what,
//! what is answered, who is told, and what happens at which moment.

mod batches;
mod calls;
mod cluster;
mod deadlines;
mod digests;
mod evidence;
mod operators;
mod status;
mod watchers;

use std::sync::Mutex;
use std::time::Duration;

use breaker_client::wire::{
    Action as WireAction, BatchEntry, CallReport, Event, FailureCode, Hold as WireHold, Permit, Request, RequestFrame,
    Response, ServiceStatus, State, StatusPage, WithPeers,
};

use super::*;
use crate::mail::OUTBOX_MAX;

/// The user the agent of these tests runs as.
const AGENT: u32 = 998;

/// Some other user.
const USER: u32 = 1_000;

/// The service of tests that need only one.
const S: &str = "payments";

/// A driver, the time, and what it publishes.
struct Stand {
    driver: Driver,
    now: MonoTime,
    published: watch::Receiver<Published>,
    alerts: mpsc::Receiver<RaisedAlert>,
    /// What an observer saw, and when.
    seen: Arc<Mutex<Vec<(MonoTime, String)>>>,
    connections: u64,
}

/// A connection's other end.
struct Client {
    id: ConnectionId,
    outbox: mpsc::Receiver<Vec<ResponseFrame>>,
    requests: u32,
}

impl Stand {
    fn new() -> Self {
        Self::with("")
    }

    /// With a configuration.
    fn with(yaml: &str) -> Self {
        Self::start(yaml, GossipHealth::Off)
    }

    /// With a configuration, and with peers or without.
    fn start(yaml: &str, gossip: GossipHealth) -> Self {
        let config = Config::load(yaml, "test.yaml").unwrap();
        let identity = Identity {
            node: "me".to_owned(),
            zone: Some("here".to_owned()),
            seed: [7; 32],
            incarnation: 3,
            gossip_address: None,
            uid: Some(AGENT),
        };
        let (published_to, published) = watch::channel(Published::default());
        let (alerts_to, alerts) = mpsc::channel(crate::mail::ALERTS_MAX);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let observer: Observer = Box::new(move |at, what| sink.lock().unwrap().push((at, format!("{what:?}"))));
        let outlets = Outlets { published: published_to, alerts: alerts_to, observer: Some(observer) };
        let driver = Driver::new(Arc::new(config), identity, gossip, Guards::ON, outlets);
        Self { driver, now: MonoTime::START, published, alerts, seen, connections: 0 }
    }

    /// What the observer has seen since the last look.
    fn seen(&self) -> Vec<(MonoTime, String)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn connect(&mut self, uid: Option<u32>) -> Client {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let (answers, outbox) = mpsc::channel(OUTBOX_MAX);
        self.driver.apply(self.now, Mail::Connected { connection, uid, outbox: answers });
        Client { id: connection, outbox, requests: 0 }
    }

    fn disconnect(&mut self, client: &Client) {
        self.driver.apply(self.now, Mail::Gone { connection: client.id });
    }

    fn hear(&mut self, news: crate::mail::GossipNews) {
        self.driver.apply(self.now, Mail::Gossip(news));
    }

    /// Sends without reading the answer.
    fn send(&mut self, client: &mut Client, requests: impl IntoIterator<Item = Request>) {
        let frames = (client.requests..).zip(requests).map(|(id, request)| RequestFrame { id, request });
        let frames: Vec<RequestFrame> = frames.collect();
        client.requests += u32::try_from(frames.len()).unwrap();
        self.driver.apply(self.now, Mail::Asked { connection: client.id, frames });
    }

    /// One question of a client that has read all its answers; what it was told beside the answer is lost.
    fn ask(&mut self, client: &mut Client, request: Request) -> Response {
        let id = client.requests;
        self.send(client, [request]);
        client.read().into_iter().find(|frame| frame.id == id).expect("every request is answered").response
    }

    fn acquire(&mut self, client: &mut Client, service: &str) -> Response {
        self.ask(client, acquire(service, WireHold::Connection))
    }

    fn granted(&mut self, client: &mut Client, service: &str) -> u64 {
        permit(self.acquire(client, service))
    }

    fn report(&mut self, client: &mut Client, permit: u64, call: CallReport) -> Response {
        self.ask(client, Request::Report { permit, call })
    }

    /// Ten failures in a row: what the default policy takes at most.
    fn trip(&mut self, client: &mut Client, service: &str) {
        for _ in 0..10 {
            let permit = self.granted(client, service);
            self.report(client, permit, CallReport::failure("http_503"));
        }
        assert_eq!(self.service(client, service).state, State::Open);
    }

    fn page(&mut self, client: &mut Client, after: Option<String>, limit: u32, peers: WithPeers) -> StatusPage {
        match self.ask(client, Request::Status { service: None, after, limit, peers }) {
            Response::Status(page) => page,
            other => panic!("{other:?}"),
        }
    }

    fn service(&mut self, client: &mut Client, service: &str) -> ServiceStatus {
        let request = Request::Status { service: Some(service.into()), after: None, limit: 1, peers: WithPeers::Yes };
        match self.ask(client, request) {
            Response::Status(mut page) => page.services.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn counter(&mut self, client: &mut Client, name: &str) -> u64 {
        let counters = self.page(client, None, 1, WithPeers::No).agent.counters;
        counters.iter().find(|counter| counter.name == name).unwrap_or_else(|| panic!("no counter {name}")).count
    }

    /// Lets so much time pass, in which the driver is woken whenever it wants to be.
    fn pass(&mut self, wait: Duration) {
        let end = self.now + wait;
        while self.driver.next_wake() <= end {
            self.now = self.driver.next_wake();
            self.driver.wake(self.now);
            assert!(self.driver.next_wake() > self.now, "it wants to be woken for what it has just done");
        }
        self.now = end;
    }
}

impl Client {
    /// All that has come since the last look.
    fn read(&mut self) -> Vec<ResponseFrame> {
        std::iter::from_fn(|| self.outbox.try_recv().ok()).flatten().collect()
    }

    /// The events among it, each with the number of the watch.
    fn events(&mut self) -> Vec<(u32, Event)> {
        let event = |frame: ResponseFrame| match frame.response {
            Response::Event(event) => Some((frame.id, event)),
            _ => None,
        };
        self.read().into_iter().filter_map(event).collect()
    }
}

fn acquire(service: &str, hold: WireHold) -> Request {
    Request::Acquire { service: service.to_owned(), timeout_us: None, hold }
}

fn operate(service: &str, action: WireAction) -> Request {
    Request::Operate { service: service.to_owned(), action, for_ms: None, reason: None }
}

fn entry(service: &str, call: CallReport, repeat: u32) -> BatchEntry {
    BatchEntry { service: service.to_owned(), call, repeat }
}

/// The permit in a grant.
fn permit(response: Response) -> u64 {
    match response {
        Response::Granted(Permit { id: Some(id), .. }) => id,
        other => panic!("a grant was expected: {other:?}"),
    }
}

/// Why a request was not carried out.
fn refused(response: &Response) -> FailureCode {
    match response {
        Response::Failed(failure) => failure.code,
        other => panic!("a failure was expected: {other:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);
