//! The exact tables for plain cases, and the line length for any input.
//!
//! The exact ones are what a user sees, so that a change of layout is a change somebody has looked at; the law about 80
//! columns covers the names, reasons and figures nobody thought of.

use breaker_client::wire::{
    ClusterStatus, DigestFlags, Evidence, JudgementStatus, OpeningStatus, Operator, PeerDigest, PeerOpening, Phase,
    Reason, Scope, SpanCounts, WindowStatus,
};
use proptest::prelude::*;

use super::*;
use crate::cli::status_detail;
use crate::cli::text::width;

fn web() -> AgentStatus {
    AgentStatus {
        node: "web-1".into(),
        zone: Some("eu-1a".into()),
        version: "0.1.0".into(),
        incarnation: 3,
        up_ms: 11_520_000,
        gossip: GossipHealth::Running,
        deaf: false,
        sick: false,
        authority: Authority::Authoritative,
        services: 2,
        connections: 1,
        counters: vec![],
    }
}

fn well(service: &str) -> ServiceStatus {
    ServiceStatus {
        service: service.into(),
        state: State::Closed,
        since_ms: 11_520_000,
        retry_after_ms: None,
        reason: None,
        operator: None,
        window: WindowStatus { total: 7, ..WindowStatus::default() },
        granted: 1_200,
        rejected: 0,
        would_refuse: 0,
        dropped: 0,
        in_flight: 1,
        cluster: None,
        peers: vec![],
    }
}

fn failing() -> ServiceStatus {
    let text = "failure rate 60 % >= 50 % (12 of 20 calls)".into();
    ServiceStatus {
        state: State::Open,
        since_ms: 17_500,
        retry_after_ms: Some(12_500),
        reason: Some(Reason { code: "failure_rate".into(), text }),
        window: WindowStatus {
            total: 20,
            failed: 12,
            timeouts: 3,
            consecutive_failures: 4,
            failure_rate_ppm: Some(600_000),
            slow_rate_ppm: Some(5_000),
            average_us: Some(48_000),
            ..WindowStatus::default()
        },
        rejected: 31,
        peers: vec![peer("web-2", DigestFlags::default())],
        ..well("payments")
    }
}

fn peer(node: &str, flags: DigestFlags) -> PeerDigest {
    PeerDigest {
        node: node.into(),
        zone: None,
        state: State::HalfOpen,
        since_ms: 900,
        total: 150,
        failed: 90,
        spans: [0, 0, 4, 30, 150, 150, 150].map(|calls| SpanCounts { calls, failed: calls * 3 / 5 }),
        flags,
        opening: None,
        age_ms: 400,
    }
}

const JUDGED: JudgementStatus = JudgementStatus {
    trips: true,
    scope: Scope::All,
    span_ms: 256,
    calls: 80,
    failed: 61,
    failed_needed: 54,
    failing_hosts: 9,
    standing_hosts: 2,
    hosts_needed: 6,
    callers: 20,
    first_hand_good: false,
};

/// Refused by the cluster, which finds by now that it goes better.
fn in_opening(phase: Phase, evidence: Evidence) -> ServiceStatus {
    let ends_in_ms = (phase == Phase::Open).then_some(1_200);
    let opening = OpeningStatus { number: 3, phase, since_ms: 800, ends_in_ms, evidence, entered_by: Some(JUDGED) };
    let judged = JudgementStatus {
        trips: false,
        scope: Scope::Zone,
        failed: 3,
        failing_hosts: 1,
        standing_hosts: 0,
        callers: 10,
        first_hand_good: true,
        ..JUDGED
    };
    ServiceStatus {
        since_ms: 800,
        retry_after_ms: ends_in_ms,
        cluster: Some(ClusterStatus { opening: Some(opening), judged }),
        reason: Some(Reason { code: "cluster_opened".into(), text: "the cluster finds it failing".into() }),
        ..failing()
    }
}

fn page(services: Vec<ServiceStatus>) -> StatusPage {
    StatusPage { agent: web(), services, next: None }
}

#[test]
fn a_status_is_a_line_about_the_agent_and_a_table() {
    let quiet = ServiceStatus { peers: vec![], ..failing() };
    let text = render(&page(vec![well("inventory"), quiet]), Palette::Plain);
    let expected = "\
agent web-1 (eu-1a) 0.1.0, up 3h, gossip running, 2 services, 1 connection
SERVICE    STATE   FAILED  SLOW  CALLS  RETRY  WHY
inventory  closed       -     -      7      -
payments   open       60%  0.5%     20  12.5s  failure rate 60 % >= 50 % (12 of
                                               20 calls)
";
    assert_eq!(text, expected);
}

#[test]
fn what_peers_say_follows_the_table() {
    let text = render(&page(vec![failing()]), Palette::Plain);
    let expected = "
payments by its peers, calls of the last 65s:
PEER   ZONE  STATE      CALLS  FAILED    AGE  FLAGS
web-2  -     half-open    150      90  400ms
";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn an_agent_without_services_says_so() {
    assert!(render(&page(vec![]), Palette::Plain).ends_with("No service has been asked for yet.\n"));
}

#[test]
fn one_service_is_shown_in_full() {
    let operator = Operator { uid: 0, reason: Some("deploying".into()), ends_in_ms: Some(600_000) };
    let service = ServiceStatus { operator: Some(operator), ..failing() };
    let text = status_detail::render(&page(vec![]), &service, Palette::Plain);
    let expected = "\
agent web-1 (eu-1a) 0.1.0, up 3h, gossip running, 2 services, 1 connection
payments: open for 17.5s, calls may be tried in 12.5s
  why      failure rate 60 % >= 50 % (12 of 20 calls)
  operator uid 0, for 10m: deploying
  rates    failed 60%, slow 0.5%, mean 48ms
  window   20 calls, 12 failed (3 of them timeouts, 4 in a row), 0 slow
  so far   1200 granted, 31 refused, 0 would have been refused, 0 dropped, 1 in
           flight
its peers say, of calls of the last 65s:
PEER   ZONE  STATE      CALLS  FAILED    AGE  FLAGS
web-2  -     half-open    150      90  400ms
";
    assert_eq!(text, expected);
}

#[test]
fn the_cluster_s_place_comes_before_the_reason() {
    let well = ServiceStatus { state: State::Closed, ..in_opening(Phase::Closed, Evidence::Cluster) };
    let open = in_opening(Phase::Open, Evidence::Hearsay);
    let probing = ServiceStatus { state: State::HalfOpen, ..in_opening(Phase::HalfOpen, Evidence::Cluster) };
    let quiet = [well, open, probing].map(|service| ServiceStatus { peers: vec![], ..service });
    let text = render(&page(quiet.into()), Palette::Plain);
    let expected = "\
SERVICE   STATE      FAILED  SLOW  CALLS  RETRY  WHY
payments  closed        60%  0.5%     20      -  the cluster finds it failing
payments  open          60%  0.5%     20   1.2s  cluster, hearsay, opening 3,
                                                 probing in 1.2s: the cluster
                                                 finds it failing
payments  half-open     60%  0.5%     20      -  cluster, opening 3, probing:
                                                 the cluster finds it failing
";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn one_service_shows_the_evidence_and_who_gave_it_over_the_judged_span() {
    let stay = PeerOpening { number: 3, phase: Phase::HalfOpen, since_ms: 100 };
    let all = DigestFlags { standing: true, overdue: true, sick: true, deaf: true, advisory: true, wanted: true };
    let testifying = PeerDigest { opening: Some(stay), zone: Some("eu-1b".into()), ..peer("web-3", all) };
    let peers = vec![peer("web-2", DigestFlags::default()), testifying];
    let service = ServiceStatus { peers, ..in_opening(Phase::Open, Evidence::Cluster) };
    let text = status_detail::render(&page(vec![]), &service, Palette::Plain);
    let head = "
payments: open (cluster, opening 3, probing in 1.2s) for 800ms
  why      the cluster finds it failing
  opening  3, open for 800ms; 61 of 80 calls of 256ms failed (54 needed), on 9
           of 20 hosts (6 needed, 2 by its own breaker) of all zones
  judged   would not trip: 3 of 80 calls of 256ms failed (54 needed), on 1 of 10
           hosts (6 needed, 0 by its own breaker) of this zone; own calls go
           well
";
    assert!(text.contains(head), "{text}");
    let table = "
its peers say, of calls of the last 256ms:
PEER   ZONE   STATE         CALLS  FAILED    AGE  FLAGS
web-2  -      half-open         4       2  400ms
web-3  eu-1b  half-open #3      4       2  400ms  sick deaf standing overdue
                                                  advisory
";
    assert!(text.ends_with(table), "{text}");
}

/// Programs read the documents: the words are the protocol's, in small letters.
#[test]
fn the_document_of_a_status_has_the_evidence_too() {
    let peer = PeerDigest {
        opening: Some(PeerOpening { number: 3, phase: Phase::HalfOpen, since_ms: 100 }),
        ..peer("web-3", DigestFlags { deaf: true, ..DigestFlags::default() })
    };
    let service = ServiceStatus { peers: vec![peer], ..in_opening(Phase::Open, Evidence::Hearsay) };
    let document = serde_json::to_value(page(vec![service])).unwrap();
    let agent = &document["agent"];
    assert_eq!((&agent["deaf"], &agent["authority"]), (&false.into(), &"authoritative".into()));
    let cluster = &document["services"][0]["cluster"];
    let opening = &cluster["opening"];
    assert_eq!((&opening["number"], &opening["phase"]), (&3.into(), &"open".into()));
    assert_eq!((&opening["evidence"], &opening["entered_by"]["scope"]), (&"hearsay".into(), &"all".into()));
    assert_eq!((&cluster["judged"]["trips"], &cluster["judged"]["span_ms"]), (&false.into(), &256.into()));
    let peer = &document["services"][0]["peers"][0];
    assert_eq!((&peer["spans"][4]["calls"], &peer["spans"][4]["failed"]), (&150.into(), &90.into()));
    assert_eq!((&peer["flags"]["deaf"], &peer["opening"]["phase"]), (&true.into(), &"half_open".into()));
}

#[test]
fn an_opening_whose_time_is_over_or_that_was_adopted_says_so() {
    let mut service = in_opening(Phase::Open, Evidence::Hearsay);
    let opening = service.cluster.as_mut().unwrap().opening.as_mut().unwrap();
    (opening.ends_in_ms, opening.entered_by) = (Some(0), None);
    let text = status_detail::render(&page(vec![]), &service, Palette::Plain);
    assert!(text.contains("open (cluster, hearsay, opening 3, probing at the next call) for"), "{text}");
    assert!(text.contains("opening  3, open for 800ms; the place most of the others had\n"), "{text}");
}

#[test]
fn what_is_wrong_with_the_agent_is_said_loudly() {
    let text = |change: fn(&mut AgentStatus)| {
        let mut page = page(vec![]);
        change(&mut page.agent);
        render(&page, Palette::Ansi)
    };
    assert!(!text(|_| {}).contains("\x1b["));
    assert!(text(|agent| agent.gossip = GossipHealth::Degraded).contains("\x1b[31mDEGRADED: gossip has died"));
    assert!(text(|agent| agent.deaf = true).contains("\x1b[31mDEAF: it hears too few"));
    assert!(text(|agent| agent.sick = true).contains("\x1b[31mSICK: services fail here"));
    assert!(text(|agent| agent.authority = Authority::Advisory).contains("gossip running (advisory),"));
    assert!(text(|agent| agent.authority = Authority::Accelerate).contains("gossip running (accelerate),"));
    let alone = text(|agent| (agent.gossip, agent.authority) = (GossipHealth::Off, Authority::Advisory));
    assert!(alone.contains("gossip off,"));
}

#[test]
fn a_terminal_gets_colours_in_the_same_places() {
    let plain = render(&page(vec![failing(), well("a")]), Palette::Plain);
    let painted = render(&page(vec![failing(), well("a")]), Palette::Ansi);
    assert!(painted.contains("\x1b[31mopen\x1b[0m"));
    let codes = ["\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    assert_eq!(codes.iter().fold(painted, |text, code| text.replace(code, "")), plain);
}

fn any_state() -> impl Strategy<Value = State> {
    use State::{Closed, Disabled, ForcedOpen, HalfOpen, MetricsOnly, Open};
    prop::sample::select(vec![Closed, Open, HalfOpen, ForcedOpen, Disabled, MetricsOnly])
}

fn cluster(figures: [u64; 8]) -> ClusterStatus {
    let [number, since_ms, ends, calls, failed, failed_needed, ..] = figures;
    let judged = JudgementStatus { calls, failed, failed_needed, callers: u32::MAX, hosts_needed: u32::MAX, ..JUDGED };
    let (phase, evidence) = (Phase::Open, Evidence::Hearsay);
    let (ends_in_ms, entered_by) = (Some(ends), Some(judged));
    ClusterStatus { opening: Some(OpeningStatus { number, phase, since_ms, ends_in_ms, evidence, entered_by }), judged }
}

fn any_peer(node: &str, figures: [u64; 8]) -> PeerDigest {
    let [number, since_ms, age_ms, ..] = figures;
    let flags = DigestFlags { standing: true, overdue: true, sick: true, deaf: true, advisory: true, wanted: true };
    PeerDigest {
        zone: Some(node.to_owned()),
        state: State::MetricsOnly,
        spans: [SpanCounts { calls: u32::MAX, failed: u32::MAX }; 7],
        opening: Some(PeerOpening { number, phase: Phase::HalfOpen, since_ms }),
        age_ms,
        ..peer(node, flags)
    }
}

prop_compose! {
    fn any_service()(
        service in any::<String>(),
        state in any_state(),
        figures in any::<[u64; 8]>(),
        rates in any::<(Option<u32>, Option<u32>, Option<u64>)>(),
        reason in prop::option::of(".{0,300}"),
        said in prop::option::of(any::<String>()),
        node in any::<String>(),
    ) -> ServiceStatus {
        let [since_ms, retry, total, failed, granted, rejected, would_refuse, dropped] = figures;
        let (failure_rate_ppm, slow_rate_ppm, average_us) = rates;
        let window = WindowStatus { total, failed, failure_rate_ppm, slow_rate_ppm, average_us, ..WindowStatus::default() };
        ServiceStatus {
            service, state, since_ms, retry_after_ms: Some(retry), window, granted, rejected, would_refuse, dropped,
            reason: reason.map(|text| Reason { code: String::new(), text }),
            operator: Some(Operator { uid: u32::MAX, reason: said, ends_in_ms: Some(retry) }),
            in_flight: u64::MAX,
            cluster: Some(cluster(figures)),
            peers: vec![any_peer(&node, figures)],
        }
    }
}

proptest! {
    #[test]
    fn no_line_is_wider_than_80_columns(
        services in prop::collection::vec(any_service(), 1..4),
        node in any::<String>(),
        zone in prop::option::of(any::<String>()),
    ) {
        let ill = AgentStatus { gossip: GossipHealth::Degraded, deaf: true, sick: true, ..web() };
        let page = StatusPage { agent: AgentStatus { node, zone, ..ill }, services, next: None };
        let detail = status_detail::render(&page, &page.services[0], Palette::Plain);
        for line in render(&page, Palette::Plain).lines().chain(detail.lines()) {
            prop_assert!(width(line) <= LINE_MAX, "{line}");
        }
    }
}
