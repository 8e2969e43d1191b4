//! The exact tables for plain cases, and the line length for any input.
//!
//! The exact ones are what a user sees, so that a change of layout is a change somebody has looked at; the law about 80
//! columns covers the names, reasons and figures nobody thought of.

use breaker_client::wire::{Operator, PeerDigest, WindowStatus};
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
        peers: vec![PeerDigest {
            node: "web-2".into(),
            state: State::HalfOpen,
            since_ms: 900,
            total: 150,
            failed: 90,
            heard_ms: 400,
        }],
        ..well("payments")
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
payments by its peers:
PEER   STATE        FOR  CALLS  FAILED  HEARD
web-2  half-open  900ms    150      90  400ms ago
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
PEER   STATE        FOR  CALLS  FAILED  HEARD
web-2  half-open  900ms    150      90  400ms ago
";
    assert_eq!(text, expected);
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
            peers: vec![PeerDigest { node, state, since_ms, total, failed, heard_ms: retry }],
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
        let page = StatusPage { agent: AgentStatus { node, zone, ..web() }, services, next: None };
        let detail = status_detail::render(&page, &page.services[0], Palette::Plain);
        for line in render(&page, Palette::Plain).lines().chain(detail.lines()) {
            prop_assert!(width(line) <= LINE_MAX, "{line}");
        }
    }
}
