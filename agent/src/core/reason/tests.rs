//! Each reason has a word of its own and says its figures.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{RateOf, Reason};
use crate::core::outcome::Kind;
use crate::core::policy::Rate;

fn all() -> Vec<Reason> {
    let kind = || Kind::parse("http_503").unwrap();
    let rate = |of| Reason::Rate { of, part: 12, total: 20, threshold: Rate::percent(50) };
    vec![
        Reason::ConsecutiveFailures { failures: 5, threshold: 5 },
        rate(RateOf::Failures),
        rate(RateOf::SlowCalls),
        rate(RateOf::Timeouts),
        rate(RateOf::Kind(kind())),
        Reason::Count { kind: None, failures: 7, threshold: 7 },
        Reason::Count { kind: Some(kind()), failures: 7, threshold: 7 },
        Reason::AverageResponseTime { average: Duration::from_millis(1_500), threshold: Duration::from_secs(1) },
        Reason::RecoveryTimeoutOver,
        Reason::ProbesSucceeded { probes: 3 },
        Reason::ProbeFailed,
        Reason::ProbesOut { out: 3 },
        Reason::PermitsOut,
        Reason::ProbeLeaseOver,
        Reason::MaxWaitOver,
        Reason::Operator(None),
        Reason::OperatorHoldOver,
        Reason::ClusterOpened {
            number: 3,
            failed: 61,
            calls: 80,
            failing_hosts: 9,
            callers: 20,
            span: Duration::from_millis(256),
        },
        Reason::ClusterAdopted { number: 3, hosts: 11, callers: 20 },
        Reason::ClusterHastened { failed: 2, calls: 3, failing_hosts: 9, callers: 20 },
        Reason::NotOurProbe { number: 3 },
    ]
}

#[test]
fn no_two_reasons_share_a_word_or_a_sentence() {
    assert_eq!(all().iter().map(Reason::code).collect::<BTreeSet<_>>().len(), all().len());
    assert_eq!(all().iter().map(Reason::to_string).collect::<BTreeSet<_>>().len(), all().len());
}

#[test]
fn a_reason_says_its_figures() {
    let said: Vec<_> = all().iter().map(Reason::to_string).collect();
    assert_eq!(said[0], "5 failures in a row (limit 5)");
    assert_eq!(said[1], "failure rate 60 % >= 50 % (12 of 20 calls)");
    assert_eq!(said[4], "rate of http_503 60 % >= 50 % (12 of 20 calls)");
    assert_eq!(said[6], "7 failures of kind http_503 in the window (limit 7)");
    assert_eq!(said[7], "average response time 1.5s >= 1.0s");
    let opened = "the cluster finds it failing: 61 of 80 calls of the last 256ms failed on 9 of 20 hosts (opening 3)";
    assert_eq!(said[17], opened);
    assert_eq!(said[18], "the cluster refuses it: 11 of 20 hosts (opening 3)");
    assert_eq!(said[19], "2 of 3 calls failed here, and it fails on 9 of 20 hosts");
}
