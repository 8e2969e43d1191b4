//! Batches of outcomes: taken in whole or not at all, and never more than the agent can do without being missed.

use breaker_client::wire::{BATCH_MAX, REPEAT_MAX, Receipt};

use super::*;

fn batch(stand: &mut Stand, client: &mut Client, entries: Vec<BatchEntry>) -> Response {
    stand.ask(client, Request::ReportBatch { entries })
}

fn counted(calls: u64) -> Response {
    Response::Reported(Receipt { counted: calls, ..Receipt::default() })
}

#[test]
fn a_batch_has_as_many_entries_as_allowed_and_not_one_more() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let one = entry(S, CallReport::success(), 1);
    assert_eq!(batch(&mut stand, &mut client, vec![one.clone(); BATCH_MAX]), counted(BATCH_MAX as u64));
    let refusal = batch(&mut stand, &mut client, vec![one; BATCH_MAX + 1]);
    assert_eq!(refused(&refusal), FailureCode::InvalidArgument);
    assert_eq!(stand.service(&mut client, S).window.total, BATCH_MAX as u64);
}

#[test]
fn a_batch_stands_for_as_many_calls_as_allowed_in_all_and_not_one_more() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let of = |service: &str, repeat| entry(service, CallReport::success(), repeat);
    for too_many in
        [vec![of(S, REPEAT_MAX + 1)], vec![of(S, REPEAT_MAX), of("other", 1)], vec![of(S, u32::MAX); BATCH_MAX]]
    {
        assert_eq!(refused(&batch(&mut stand, &mut client, too_many)), FailureCode::InvalidArgument);
    }
    assert_eq!(stand.page(&mut client, None, 1, WithPeers::No).agent.services, 0);
    let most = vec![of(S, REPEAT_MAX - 1), of("other", 1)];
    assert_eq!(batch(&mut stand, &mut client, most), counted(u64::from(REPEAT_MAX)));
    assert_eq!(stand.service(&mut client, S).window.total, u64::from(REPEAT_MAX) - 1);
}

#[test]
fn nothing_of_a_batch_is_taken_in_if_anything_is_wrong_with_it() {
    let mut stand = Stand::with("unknown_services: refuse\nservices: {payments: {}}\n");
    let mut client = stand.connect(None);
    let good = || entry(S, CallReport::failure("http_503"), 5);
    for (bad, code) in [
        (entry("", CallReport::success(), 1), FailureCode::InvalidName),
        (entry("a b", CallReport::success(), 0), FailureCode::InvalidName),
        (entry("stranger", CallReport::success(), 1), FailureCode::UnknownService),
        (entry(S, CallReport::failure(""), 1), FailureCode::InvalidArgument),
        (
            entry(S, CallReport { duration_us: Some(u64::MAX), ..CallReport::success() }, 1),
            FailureCode::InvalidArgument,
        ),
    ] {
        let answer = batch(&mut stand, &mut client, vec![good(), bad.clone(), good()]);
        assert_eq!(refused(&answer), code, "{bad:?}");
    }
    assert_eq!(stand.page(&mut client, None, 1, WithPeers::No).agent.services, 0);
    assert_eq!(stand.counter(&mut client, "outcomes_reported"), 0);
}

#[test]
fn an_empty_batch_is_answered_with_nothing_counted() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    assert_eq!(batch(&mut stand, &mut client, Vec::new()), counted(0));
    assert_eq!(batch(&mut stand, &mut client, vec![entry(S, CallReport::success(), 0)]), counted(0));
}

/// The tenth failure opens the breaker; in Open an outcome without a permit is dropped.
#[test]
fn the_receipt_tells_counted_from_dropped() {
    let mut stand = Stand::new();
    let mut client = stand.connect(None);
    let answer = batch(&mut stand, &mut client, vec![entry(S, CallReport::failure("connect"), 12)]);
    assert_eq!(answer, Response::Reported(Receipt { counted: 10, dropped: 2, untracked: 0 }));
    assert_eq!(stand.counter(&mut client, "outcomes_reported"), 12);
    assert_eq!(stand.counter(&mut client, "outcomes_dropped"), 2);
    assert_eq!(stand.counter(&mut client, "transitions"), 1);
}

#[test]
fn outcomes_of_services_beyond_the_limit_are_said_to_be_untracked() {
    let mut stand = Stand::new();
    let mut root = stand.connect(Some(0));
    operators::fill(&mut stand, &mut root);
    let answer = batch(&mut stand, &mut root, vec![entry("one-more", CallReport::success(), 3)]);
    assert_eq!(answer, Response::Reported(Receipt { untracked: 3, ..Receipt::default() }));
    assert_eq!(stand.counter(&mut root, "calls_untracked"), 3);
}
