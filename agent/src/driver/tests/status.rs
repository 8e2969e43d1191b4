//! Pages of status and the list of members: always within a frame, everything once, and nothing changed by looking.

use std::net::SocketAddr;

use breaker_client::wire::{AgentCodec, FRAME_MAX, Member, Presence};
use bytes::BytesMut;
use tokio_util::codec::Encoder;

use super::*;
use crate::core::service::ServiceName;
use crate::driver::status::merged;
use crate::mail::{GossipNews, MemberView, Standing};

/// The largest answers there are: the bytes of a frame with the highest number.
fn frame_len(response: Response) -> usize {
    let mut bytes = BytesMut::new();
    AgentCodec::default().encode(&ResponseFrame { id: u32::MAX, response }, &mut bytes).expect("it fits in a frame");
    bytes.len()
}

/// All pages from the first to the last, each checked for its size.
fn pages(stand: &mut Stand, client: &mut Client, limit: u32, peers: WithPeers) -> Vec<StatusPage> {
    let mut pages: Vec<StatusPage> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.next.clone());
        if !pages.is_empty() && after.is_none() {
            return pages;
        }
        let page = stand.page(client, after, limit, peers);
        assert!(!page.services.is_empty() && page.services.len() <= limit as usize);
        assert!(frame_len(Response::Status(page.clone())) <= FRAME_MAX + 4);
        pages.push(page);
    }
}

fn names(pages: &[StatusPage]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.services).map(|service| service.service.clone()).collect()
}

/// A name of 200 bytes, the longest there is.
fn long_name(number: usize) -> String {
    format!("{number:0>200}")
}

fn peer_id(number: usize) -> String {
    format!("{number:0>64}")
}

#[test]
fn pages_of_ten_thousand_services_with_the_longest_names_fit_and_show_each_once() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    let expected: Vec<String> = (0..SERVICES_MAX).map(long_name).collect();
    let reason = "r".repeat(200);
    for service in &expected {
        let (action, reason) = (WireAction::ForceOpen, Some(reason.clone()));
        let request = Request::Operate { service: service.clone(), action, for_ms: Some(1_000_000), reason };
        assert_eq!(stand.ask(&mut root, request), Response::Done);
    }
    for limit in [10_000, 7] {
        let pages = pages(&mut stand, &mut root, limit, WithPeers::Yes);
        assert_eq!(names(&pages), expected);
        assert!(pages.iter().all(|page| page.agent.services == SERVICES_MAX as u64));
    }
}

#[test]
fn two_lists_of_names_are_one_and_what_is_in_both_is_there_once() {
    let of = |names: &str| names.chars().map(|name| ServiceName::parse(&name.to_string()).unwrap()).collect::<Vec<_>>();
    for (ours, theirs, all) in
        [("bd", "abce", "abcde"), ("", "ab", "ab"), ("ab", "", "ab"), ("a", "a", "a"), ("ac", "bd", "abcd")]
    {
        let (ours, theirs) = (of(ours), of(theirs));
        let both: Vec<ServiceName> = merged(ours.iter(), theirs.iter()).cloned().collect();
        assert_eq!(both, of(all));
    }
}

#[test]
fn an_agent_without_services_has_one_empty_page() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.pass(SECOND);
    let page = stand.page(&mut client, None, 100, WithPeers::Yes);
    assert!(page.services.is_empty() && page.next.is_none());
    let agent = page.agent;
    assert_eq!((agent.node.as_str(), agent.zone.as_deref(), agent.incarnation), ("me", Some("here"), 3));
    assert_eq!((agent.up_ms, agent.connections, agent.gossip), (1_000, 1, GossipHealth::Off));
    assert!(agent.counters.is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn a_page_is_asked_for_with_a_limit_from_1_to_10_000_and_names_that_are_names() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let status = |service: Option<&str>, after: Option<&str>, limit| Request::Status {
        service: service.map(str::to_owned),
        after: after.map(str::to_owned),
        limit,
        peers: WithPeers::No,
    };
    for limit in [0, 10_001, u32::MAX] {
        let answer = stand.ask(&mut client, status(None, None, limit));
        assert_eq!(refused(&answer), FailureCode::InvalidArgument, "{limit}");
    }
    for limit in [1, 10_000] {
        assert!(matches!(stand.ask(&mut client, status(None, None, limit)), Response::Status(_)), "{limit}");
    }
    for (service, after) in [(Some("a//b"), None), (None, Some(""))] {
        let answer = stand.ask(&mut client, status(service, after, 1));
        assert_eq!(refused(&answer), FailureCode::InvalidName);
    }
}

#[test]
fn looking_changes_nothing() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    stand.trip(&mut client, S);
    // Its time in Open is over, and nobody has called it for long.
    stand.pass(SECOND * 60);
    let before = stand.driver.registry.clone();
    stand.page(&mut client, None, 100, WithPeers::Yes);
    stand.service(&mut client, "never-called");
    stand.ask(&mut client, Request::Query { service: S.into() });
    stand.ask(&mut client, Request::Query { service: "never-called".into() });
    stand.ask(&mut client, Request::Members);
    assert_eq!(stand.driver.registry, before);
}

fn members(stand: &mut Stand, client: &mut Client) -> Vec<Member> {
    let answer = stand.ask(client, Request::Members);
    assert!(frame_len(answer.clone()) <= FRAME_MAX + 4);
    match answer {
        Response::Members(members) => members,
        other => panic!("{other:?}"),
    }
}

fn view(number: usize, zone: Option<String>) -> MemberView {
    MemberView {
        node: peer_id(number),
        zone,
        address: SocketAddr::from(([0xffff; 8], u16::MAX)),
        incarnation: u64::MAX,
        standing: Standing::Silent,
        heard: SECOND,
        digests: usize::MAX,
    }
}

#[test]
fn members_are_ourselves_and_then_the_others_in_order_of_name() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    assert_eq!(members(&mut stand, &mut client).len(), 1);
    stand.hear(GossipNews::Members(vec![view(2, None), view(1, None)]));
    stand.hear(GossipNews::Health { health: GossipHealth::Degraded, incarnation: 9 });
    stand.pass(SECOND * 2);
    let members = members(&mut stand, &mut client);
    let nodes: Vec<&str> = members.iter().map(|member| member.node.as_str()).collect();
    assert_eq!(nodes, ["me", &peer_id(1), &peer_id(2)]);
    assert_eq!((members[0].presence, members[0].incarnation, members[0].heard_ms), (Presence::Myself, 9, None));
    assert_eq!((members[1].presence, members[1].heard_ms), (Presence::Silent, Some(3_000)));
    assert_eq!(stand.page(&mut client, None, 1, WithPeers::No).agent.gossip, GossipHealth::Degraded);
}

#[test]
fn a_cluster_too_large_for_one_frame_is_listed_as_far_as_it_fits() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let zone = Some("z".repeat(64));
    stand.hear(GossipNews::Members((0..1_000).map(|number| view(number, zone.clone())).collect()));
    let listed = members(&mut stand, &mut client);
    assert!(listed.len() > 250 && listed.len() < 400, "{}", listed.len());
    let one_more = Member { node: peer_id(listed.len()), ..listed[1].clone() };
    let too_many = [listed, vec![one_more; 2]].concat();
    let mut bytes = BytesMut::new();
    let frame = ResponseFrame { id: u32::MAX, response: Response::Members(too_many) };
    assert!(AgentCodec::default().encode(&frame, &mut bytes).is_err(), "two more would have fitted");
}
