//! One or more samples of every message, with every field set to something of its own and every small enum shown whole.
//!
//! The names come from matches without a wildcard: a new variant breaks the build here, and then wants a sample and a
//! line in the golden files.

use breaker_client::wire::{
    Action, AgentStatus, Authority, BatchEntry, CallReport, ClusterStatus, Counter, DigestFlags, Entry, Event,
    Evidence, Failure, FailureCode, GossipHealth, Greeting, Hold, JudgementStatus, Member, OpeningStatus, OpeningStep,
    Operator, Origin, Outcome, PeerDigest, PeerOpening, Permit, Phase, Presence, Reason, Receipt, Rejection, Request,
    Response, Scope, ServiceStatus, SpanCounts, Standing, State, StatusPage, VERSIONS, Verdict, VersionRange,
    WindowStatus, WithPeers,
};

pub(crate) fn hellos() -> Vec<(&'static str, [u8; 8])> {
    vec![
        ("client_2_to_2", VERSIONS.to_hello()),
        ("client_1_to_515", VersionRange { min: 1, max: 515 }.to_hello()),
        ("agent_welcome_2", Greeting::Welcome { version: 2 }.to_hello()),
        ("agent_no_common_version_2", Greeting::NoCommonVersion { agent_max: 2 }.to_hello()),
        ("agent_full", Greeting::Full.to_hello()),
    ]
}

pub(crate) fn request_name(request: &Request) -> &'static str {
    match request {
        Request::Acquire { .. } => "acquire",
        Request::Report { .. } => "report",
        Request::ReportBatch { .. } => "report_batch",
        Request::Cancel { .. } => "cancel",
        Request::Query { .. } => "query",
        Request::Status { .. } => "status",
        Request::Members => "members",
        Request::Watch => "watch",
        Request::Operate { .. } => "operate",
    }
}

pub(crate) const REQUEST_NAMES: [&str; 9] =
    ["acquire", "report", "report_batch", "cancel", "query", "status", "members", "watch", "operate"];

pub(crate) fn response_name(response: &Response) -> &'static str {
    match response {
        Response::Granted(_) => "granted",
        Response::Rejected(_) => "rejected",
        Response::Reported(_) => "reported",
        Response::Verdict(_) => "verdict",
        Response::Status(_) => "status",
        Response::Members(_) => "members",
        Response::Watching => "watching",
        Response::Event(_) => "event",
        Response::Done => "done",
        Response::Failed(_) => "failed",
    }
}

pub(crate) const RESPONSE_NAMES: [&str; 10] =
    ["granted", "rejected", "reported", "verdict", "status", "members", "watching", "event", "done", "failed"];

pub(crate) fn requests() -> Vec<Request> {
    use Outcome::{Cancelled, Failure, Ignored, Success, Throttled, Timeout};
    let of = |outcome| BatchEntry { service: "a".into(), call: CallReport::of(outcome), repeat: 1 };
    let mut requests = vec![
        Request::Acquire { service: "payments".into(), timeout_us: None, hold: Hold::Connection },
        Request::Acquire { service: "payments/1".into(), timeout_us: Some(250_000), hold: Hold::Detached },
        Request::Report { permit: 7, call: CallReport::of(Success) },
        Request::Report { permit: u64::MAX, call: told() },
        Request::ReportBatch { entries: vec![] },
        Request::ReportBatch { entries: [Success, Failure, Timeout, Throttled, Ignored, Cancelled].map(of).into() },
        Request::ReportBatch { entries: vec![BatchEntry { service: "b".into(), call: told(), repeat: 1_000_000 }] },
        Request::Cancel { permit: 300 },
        Request::Query { service: "größe".into() },
        Request::Status { service: None, after: None, limit: 100, peers: WithPeers::No },
        Request::Status { service: Some("a".into()), after: Some("b".into()), limit: 70_000, peers: WithPeers::Yes },
        Request::Members,
        Request::Watch,
        Request::Operate {
            service: "a".into(),
            action: Action::ForceOpen,
            for_ms: Some(600_000),
            reason: Some("deploying".into()),
        },
    ];
    for action in [Action::Disable, Action::MetricsOnly, Action::ForceClose, Action::Reset] {
        requests.push(Request::Operate { service: "a".into(), action, for_ms: None, reason: None });
    }
    requests
}

pub(crate) fn responses() -> Vec<Response> {
    let mut responses = vec![
        granted(Some(7), Standing::Allowed),
        granted(Some(u64::MAX), Standing::WouldRefuse),
        granted(None, Standing::Untracked),
        Response::Rejected(rejection()),
        Response::Rejected(Rejection { evidence: Evidence::Operator, retry_after_ms: None, ..rejection() }),
        Response::Rejected(Rejection {
            evidence: Evidence::Cluster,
            number: Some(300),
            judged: Some(judgement()),
            ..rejection()
        }),
        Response::Rejected(Rejection { evidence: Evidence::Hearsay, number: Some(1), ..rejection() }),
        Response::Reported(Receipt { counted: 1, dropped: 2, untracked: 300 }),
        Response::Verdict(Verdict::Allowed(Standing::WouldRefuse)),
        Response::Verdict(Verdict::Refused(rejection())),
        Response::Status(StatusPage { agent: agent(), services: vec![], next: None }),
        Response::Status(StatusPage { agent: agent(), services: vec![service()], next: Some("payments".into()) }),
        Response::Status(StatusPage {
            agent: AgentStatus { gossip: GossipHealth::Running, authority: Authority::Accelerate, ..agent() },
            services: vec![in_opening(Phase::Open), in_opening(Phase::HalfOpen), in_opening(Phase::Closed)],
            next: None,
        }),
        Response::Status(StatusPage {
            agent: AgentStatus { gossip: GossipHealth::Off, authority: Authority::Authoritative, ..agent() },
            services: vec![ServiceStatus {
                cluster: Some(ClusterStatus { opening: None, judged: JudgementStatus::default() }),
                peers: vec![],
                ..service()
            }],
            next: None,
        }),
        Response::Members(vec![]),
        Response::Members(members()),
        Response::Watching,
        Response::Event(Event::Exceeded { service: "a".into(), reason: reason() }),
        Response::Event(Event::Missed { events: 300 }),
        Response::Done,
    ];
    responses.extend(transitions());
    responses.extend(failures());
    responses.extend(steps());
    responses
}

fn told() -> CallReport {
    CallReport {
        outcome: Outcome::Failure,
        duration_us: Some(1_500),
        kind: Some("http_503".into()),
        origin: Origin::Host,
    }
}

fn granted(id: Option<u64>, standing: Standing) -> Response {
    Response::Granted(Permit { id, standing, lease_ms: 30_000, timeout_us: id })
}

fn reason() -> Reason {
    Reason { code: "failure_rate".into(), text: "failure rate 60 % >= 50 %".into() }
}

fn rejection() -> Rejection {
    Rejection {
        service: "payments".into(),
        state: State::Open,
        reason: reason(),
        evidence: Evidence::Own,
        retry_after_ms: Some(12_500),
        number: None,
        judged: None,
    }
}

fn judgement() -> JudgementStatus {
    JudgementStatus {
        trips: true,
        scope: Scope::All,
        span_ms: 256,
        calls: 21,
        failed: 22,
        failed_needed: 23,
        failing_hosts: 24,
        standing_hosts: 25,
        hosts_needed: 26,
        callers: 27,
        first_hand_good: true,
    }
}

fn agent() -> AgentStatus {
    AgentStatus {
        node: "web-1".into(),
        zone: Some("eu-1a".into()),
        version: "0.1.0".into(),
        incarnation: 1_700_000_000_000,
        up_ms: 5_000,
        gossip: GossipHealth::Degraded,
        deaf: true,
        sick: false,
        authority: Authority::Advisory,
        services: 10_000,
        connections: 3,
        counters: vec![Counter { name: "reports_dropped".into(), count: 9 }],
    }
}

fn service() -> ServiceStatus {
    ServiceStatus {
        service: "payments".into(),
        state: State::ForcedOpen,
        since_ms: 1,
        retry_after_ms: Some(2),
        reason: Some(reason()),
        operator: Some(Operator { uid: 1_000, reason: Some("why".into()), ends_in_ms: Some(3) }),
        window: WindowStatus {
            total: 4,
            failed: 5,
            slow: 6,
            timeouts: 7,
            consecutive_failures: 8,
            failure_rate_ppm: Some(9),
            slow_rate_ppm: Some(10),
            average_us: Some(11),
        },
        granted: 12,
        rejected: 13,
        would_refuse: 14,
        dropped: 15,
        in_flight: 16,
        cluster: None,
        peers: vec![peer()],
    }
}

fn in_opening(phase: Phase) -> ServiceStatus {
    let entered_by = (phase != Phase::HalfOpen).then(judgement);
    let evidence = if phase == Phase::Closed { Evidence::Hearsay } else { Evidence::Cluster };
    let ends_in_ms = (phase == Phase::Open).then_some(1_200);
    let opening = OpeningStatus { number: 300, phase, since_ms: 28, ends_in_ms, evidence, entered_by };
    let judged = JudgementStatus { trips: false, scope: Scope::Zone, first_hand_good: false, ..judgement() };
    let flags = DigestFlags { standing: true, overdue: false, sick: true, deaf: false, advisory: true, wanted: false };
    let stay = PeerOpening { number: 299, phase, since_ms: 29 };
    let peer = PeerDigest { zone: Some("eu-1b".into()), flags, opening: Some(stay), ..peer() };
    ServiceStatus { cluster: Some(ClusterStatus { opening: Some(opening), judged }), peers: vec![peer], ..service() }
}

fn peer() -> PeerDigest {
    PeerDigest {
        node: "web-2".into(),
        zone: None,
        state: State::HalfOpen,
        since_ms: 17,
        total: 18,
        failed: 19,
        spans: [1, 2, 3, 4, 5, 6, 70_000].map(|calls| SpanCounts { calls, failed: calls / 2 }),
        flags: DigestFlags { standing: false, overdue: true, sick: false, deaf: true, advisory: false, wanted: true },
        opening: None,
        age_ms: 20,
    }
}

fn members() -> Vec<Member> {
    let of = |presence| Member {
        node: "web-2".into(),
        zone: None,
        address: "10.0.0.2:7946".into(),
        incarnation: 2,
        presence,
        heard_ms: (presence != Presence::Myself).then_some(420),
        digests: 1,
    };
    [Presence::Myself, Presence::Live, Presence::Silent, Presence::Left].map(of).into()
}

/// Every state once on either side.
fn transitions() -> impl Iterator<Item = Response> {
    use State::{Closed, Disabled, ForcedOpen, HalfOpen, MetricsOnly, Open};
    [
        (Closed, Open),
        (Open, HalfOpen),
        (HalfOpen, Closed),
        (ForcedOpen, Disabled),
        (Disabled, MetricsOnly),
        (MetricsOnly, ForcedOpen),
    ]
    .into_iter()
    .map(|(from, to)| {
        let retry_after_ms = (to == Open).then_some(30_000);
        Response::Event(Event::Transition { service: "a".into(), from, to, reason: reason(), retry_after_ms })
    })
}

/// Every step of an opening, and every way into one.
fn steps() -> impl Iterator<Item = Response> {
    let entered = |how, from| {
        let evidence = if how == Entry::Adopted { Evidence::Hearsay } else { Evidence::Cluster };
        OpeningStep::Entered { how, from, evidence, judged: judgement() }
    };
    [
        entered(Entry::Started, None),
        entered(Entry::Joined, Some(2)),
        entered(Entry::Adopted, None),
        OpeningStep::Capped { refused: 4, used: 8 },
        OpeningStep::HalfOpen,
        OpeningStep::ProbeClaimed { probe: 1 },
        OpeningStep::ProbeOver { probe: 1, good: true },
        OpeningStep::ProbeOver { probe: 300, good: false },
        OpeningStep::Left { reason: reason() },
    ]
    .into_iter()
    .map(|step| Response::Event(Event::Opening { service: "a".into(), number: 3, step }))
}

fn failures() -> impl Iterator<Item = Response> {
    use FailureCode::{Busy, InvalidArgument, InvalidName, NotPermitted, UnknownPermit, UnknownService};
    [InvalidName, InvalidArgument, UnknownService, UnknownPermit, NotPermitted, Busy]
        .into_iter()
        .map(|code| Response::Failed(Failure { code, text: "no".into() }))
}
