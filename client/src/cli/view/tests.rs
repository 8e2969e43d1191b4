//! The exact texts and documents.
//!
//! Scripts read both, so each is written out whole where it is short, and by its keys where it is long.

use std::time::Duration;

use breaker_client::wire::{Entry, Evidence, JudgementStatus, OpeningStep, Reason, Scope, State};
use proptest::prelude::*;

use super::*;
use crate::cli::table::LINE_MAX;
use crate::cli::text::width;

fn rejection(service: &str) -> Rejection {
    Rejection {
        service: service.into(),
        state: State::Open,
        reason: Reason { code: "failure_rate".into(), text: "failure rate 60 % >= 50 %".into() },
        evidence: Evidence::Own,
        retry_after_ms: Some(12_500),
        number: None,
        judged: None,
    }
}

fn permit(id: Option<u64>, standing: Standing) -> Permit {
    Permit { id, standing, lease_ms: 30_000, timeout_us: None }
}

fn member(node: &str, presence: Presence) -> Member {
    Member {
        node: node.into(),
        zone: None,
        address: "127.0.0.1:7946".into(),
        incarnation: 1,
        presence,
        heard_ms: Some(420),
        digests: 2,
    }
}

#[test]
fn a_permit_is_printed_so_that_it_can_be_reported() {
    assert_eq!(
        granted("payments", &permit(Some(u64::MAX), Standing::Allowed)),
        "allowed, permit 18446744073709551615\nreport it within 30s: breakerctl report payments OUTCOME --permit \
         18446744073709551615\n"
    );
    let document = granted_document("payments", &permit(Some(u64::MAX), Standing::WouldRefuse));
    assert_eq!(document["permit"], "18446744073709551615");
    assert_eq!(document["standing"], "would_refuse");
    assert!(granted("a", &permit(None, Standing::Untracked)).starts_with("allowed (the agent is at a limit"));
    assert_eq!(granted_document("a", &permit(None, Standing::Untracked))["permit"], Value::Null);
}

#[test]
fn a_refusal_says_who_why_and_until_when() {
    let own = "refused: payments is open: failure rate 60 % >= 50 %; retry after 12.5s\n";
    assert_eq!(refused("payments", &rejection("payments")), own);
    let above = "refused: payments (above it) is open: failure rate 60 % >= 50 %; retry after 12.5s\n";
    assert_eq!(refused("payments/1", &rejection("payments")), above);
    let document = refused_document("payments", &rejection("payments"));
    assert_eq!((&document["allowed"], &document["rejection"]["state"]), (&json!(false), &json!("open")));
}

#[test]
fn a_refusal_by_the_cluster_shows_its_evidence() {
    let judged = JudgementStatus {
        trips: true,
        scope: Scope::All,
        span_ms: 16_384,
        calls: 80,
        failed: 61,
        failed_needed: 54,
        failing_hosts: 9,
        standing_hosts: 0,
        hosts_needed: 6,
        callers: 20,
        first_hand_good: false,
    };
    let by_cluster =
        Rejection { evidence: Evidence::Cluster, number: Some(3), judged: Some(judged), ..rejection("payments") };
    let expected = "\
refused: payments is open: failure rate 60 % >= 50 %; retry after 12.5s
  evidence calls of this host and its peers, opening 3: 61 of 80 calls of 16.3s
           failed (54 needed), on 9 of 20 hosts (6 needed, 0 by its own breaker)
           of all zones
";
    assert_eq!(refused("payments", &by_cluster), expected);
    let document = refused_document("payments", &by_cluster);
    assert_eq!((&document["rejection"]["number"], &document["rejection"]["evidence"]), (&json!(3), &json!("cluster")));
    assert_eq!(document["rejection"]["judged"]["failing_hosts"], 9);
    let adopted = Rejection { evidence: Evidence::Hearsay, judged: None, ..by_cluster };
    let expected = "\n  evidence calls of its peers alone, opening 3: the place most of the others had\n";
    assert!(refused("payments", &adopted).ends_with(expected));
}

#[test]
fn a_receipt_says_what_became_of_the_report() {
    let of = |counted, dropped, untracked| receipt(&Receipt { counted, dropped, untracked });
    assert_eq!(of(1, 0, 0), "counted\n");
    assert!(of(0, 1, 0).starts_with("not counted: it came late"));
    assert!(of(0, 0, 1).starts_with("not counted: the agent does not track"));
}

#[test]
fn an_action_says_what_it_did_and_for_how_long() {
    let of = |action, lasting| operated(&Operation { service: "a".into(), action, lasting, reason: None });
    assert_eq!(of(Action::ForceOpen, Some(Duration::from_secs(600))), "a refuses every call on this host for 10m\n");
    assert_eq!(of(Action::MetricsOnly, None), "a records and never refuses on this host until another action\n");
    assert_eq!(of(Action::ForceClose, None), "a is closed, and automatic from now on on this host\n");
}

#[test]
fn members_are_a_table() {
    let this = Member { heard_ms: None, zone: Some("eu-1a".into()), ..member("web-1", Presence::Myself) };
    let text = members(&[this, member("web-2", Presence::Silent)], Palette::Plain);
    let expected = "\
NODE   ZONE   PRESENCE  HEARD  DIGESTS  ADDRESS
web-1  eu-1a  this          -        2  127.0.0.1:7946
web-2  -      silent    420ms        2  127.0.0.1:7946
";
    assert_eq!(text, expected);
    assert_eq!(members(&[], Palette::Plain), "The agent knows no cluster: gossip is off.\n");
}

#[test]
fn an_event_is_one_line_and_one_flat_document() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
    let reason = Reason { code: "failure_rate".into(), text: "failure\nrate".into() };
    let transition = Event::Transition {
        service: "a".into(),
        from: State::Closed,
        to: State::Open,
        reason,
        retry_after_ms: Some(30_000),
    };
    let line = "1970-01-01T00:00:01.500Z  a: closed -> open: failure?rate; retry after 30s\n";
    assert_eq!(event(at, &transition), line);
    let document = serde_json::to_value(EventDocument::new(at, &transition)).unwrap();
    assert_eq!(document["at"], "1970-01-01T00:00:01.500Z");
    assert_eq!(document["transition"]["to"], "open");
    assert!(event(at, &Event::Missed { events: 3 }).contains("3 events were missed"));
}

#[test]
fn the_life_of_an_opening_is_told_in_the_words_of_status() {
    let judged = JudgementStatus {
        trips: true,
        scope: Scope::Zone,
        span_ms: 256,
        calls: 40,
        failed: 31,
        failed_needed: 30,
        failing_hosts: 4,
        standing_hosts: 0,
        hosts_needed: 2,
        callers: 5,
        first_hand_good: false,
    };
    let entered = |how, from, evidence| OpeningStep::Entered { how, from, evidence, judged };
    let calls =
        "31 of 40 calls of 256ms failed (30 needed), on 4 of 5 hosts (2 needed, 0 by its own breaker) of this zone";
    let reason = Reason { code: "probes_succeeded".into(), text: "3 probes decided for closing".into() };
    let steps = [
        (entered(Entry::Started, None, Evidence::Cluster), format!(" started: {calls}")),
        (entered(Entry::Joined, Some(2), Evidence::Cluster), format!(" joined, from opening 2: {calls}")),
        (entered(Entry::Adopted, None, Evidence::Hearsay), format!(" adopted on hearsay: {calls}")),
        (
            OpeningStep::Capped { refused: 4, used: 8 },
            " not joined: 4 of 8 services are refused on hearsay already".to_owned(),
        ),
        (OpeningStep::HalfOpen, ", probing".to_owned()),
        (OpeningStep::ProbeClaimed { probe: 2 }, ", probe 2 claimed".to_owned()),
        (OpeningStep::ProbeOver { probe: 2, good: true }, ", probe 2 good".to_owned()),
        (OpeningStep::ProbeOver { probe: 2, good: false }, ", probe 2 failed".to_owned()),
        (OpeningStep::Left { reason }, " closed: 3 probes decided for closing".to_owned()),
    ];
    for (step, text) in steps {
        let step = Event::Opening { service: "pay".into(), number: 3, step };
        assert_eq!(event(SystemTime::UNIX_EPOCH, &step), format!("1970-01-01T00:00:00.000Z  pay: opening 3{text}\n"));
    }
    let probe =
        Event::Opening { service: "a".into(), number: 3, step: OpeningStep::ProbeOver { probe: 2, good: true } };
    let document = serde_json::to_value(EventDocument::new(SystemTime::UNIX_EPOCH, &probe)).unwrap();
    assert_eq!(document["opening"]["step"]["probe_over"], json!({ "probe": 2, "good": true }));
}

proptest! {
    #[test]
    fn no_line_about_members_is_wider_than_80_columns(
        words in prop::collection::vec(any::<(String, Option<String>, String, u64)>(), 1..4),
    ) {
        let all: Vec<_> = words
            .into_iter()
            .map(|(node, zone, address, n)| Member {
                zone, address, heard_ms: Some(n), digests: n, ..member(&node, Presence::Silent)
            })
            .collect();
        for line in members(&all, Palette::Plain).lines() {
            prop_assert!(width(line) <= LINE_MAX, "{line}");
        }
    }
}
