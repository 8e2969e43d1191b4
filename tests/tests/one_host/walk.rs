//! The README's walk: a command that really fails opens its breaker, and one that succeeds closes it again.

use std::time::Duration;

use breaker_client::wire::State;
use breaker_tests::stage::{Agent, Mood, Web, curl, policy, wait_for, wait_until};

/// Long beside the few processes that are started while the breaker must be Open.
const RECOVERY: Duration = Duration::from_secs(2);

#[test]
fn ten_failures_in_a_row_open_the_breaker_and_three_successes_close_it_again() {
    let agent = Agent::alone(&policy("recovery_timeout: 2s"));
    assert!(agent.ctl(&["status"]).well().out.contains("No service has been asked for yet"));
    for _ in 0..10 {
        assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1, "the command's own status");
    }

    let refused = agent.ctl(&["check", "demo"]);
    assert_eq!(refused.code, 10, "{refused:?}");
    assert!(refused.out.starts_with("refused: demo is open: 10 failures in a row"), "{refused:?}");
    assert!(refused.out.contains("retry after"), "{refused:?}");
    let refused = agent.ctl(&["run", "demo", "--", "echo", "ran"]);
    assert_eq!((refused.code, refused.out.as_str()), (75, ""), "{refused:?}");
    let fallback = agent.ctl(&["run", "demo", "--fallback", "echo cached; exit 4", "--", "echo", "ran"]);
    assert_eq!((fallback.code, fallback.out.as_str()), (4, "cached\n"), "{fallback:?}");
    let shown = agent.ctl(&["status"]).well().out;
    assert!(shown.contains("demo") && shown.contains("open") && shown.contains("10 failures in a row"), "{shown}");

    wait_for("the probes", || (agent.service("demo").state == State::HalfOpen).then_some(()));
    for _ in 0..3 {
        assert_eq!(agent.service("demo").state, State::HalfOpen);
        assert_eq!(agent.ctl(&["run", "demo", "--", "true"]).code, 0);
    }
    let closed = agent.service("demo");
    assert_eq!((closed.state, closed.window.total), (State::Closed, 0), "closed with an empty window: {closed:?}");
    assert_eq!((closed.granted, closed.rejected), (13, 3), "{closed:?}");
}

#[test]
fn a_real_service_that_dies_and_comes_back_is_called_no_more_than_it_should_be() {
    let agent = Agent::alone(&policy("failure_threshold: 4, recovery_timeout: 2s, success_threshold: 2"));
    let mut web = Web::start();
    let words = curl(&web.url());
    let call = || {
        let mut all = vec!["run", "shop", "--"];
        all.extend(words.iter().map(String::as_str));
        agent.ctl(&all)
    };
    assert_eq!(call().well().out, "well\n");

    web.be(Mood::Failing);
    for _ in 0..2 {
        assert_eq!(call().code, 22, "curl's status for a failed request");
    }
    web.stop();
    for _ in 0..2 {
        assert_eq!(call().code, 7, "curl's status for a refused connection");
    }
    assert_eq!(web.requests(), 3);
    let opened = agent.service("shop");
    assert_eq!((opened.state, opened.window.failed), (State::Open, 4), "{opened:?}");

    web.be(Mood::Well);
    web.start_again();
    assert_eq!(call().code, 75, "the service is well, and nobody knows yet");
    assert_eq!(web.requests(), 3, "a refused call does not happen");
    wait_until("the end of Open", RECOVERY + Duration::from_secs(2), || (call().code == 0).then_some(()));
    assert_eq!(call().well().out, "well\n");
    assert_eq!(agent.service("shop").state, State::Closed);
    assert_eq!(web.requests(), 5);
}

#[test]
fn one_failed_probe_opens_again_for_twice_as_long() {
    let agent = Agent::alone(&policy("failure_threshold: 1, recovery_timeout: 500ms"));
    assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    wait_for("the probes", || (agent.service("demo").state == State::HalfOpen).then_some(()));
    assert_eq!(agent.ctl(&["run", "demo", "--", "false"]).code, 1);
    let opened = agent.service("demo");
    let left = opened.retry_after_ms.expect("it is Open") + opened.since_ms;
    assert_eq!(opened.state, State::Open);
    assert!((999..=1_001).contains(&left), "{left} ms in all: {opened:?}");
    assert_eq!(opened.reason.expect("there is one").code, "probe_failed");
}

#[test]
fn a_path_counts_for_itself_and_for_what_is_above_it() {
    let agent = Agent::alone(&policy("failure_threshold: 3, recovery_timeout: 1m"));
    for instance in ["10.0.0.5:80", "10.0.0.6:80", "10.0.0.7:80"] {
        assert_eq!(agent.ctl(&["run", &format!("shop/{instance}"), "--", "false"]).code, 1);
    }
    let refused = agent.ctl(&["check", "shop/10.0.0.8:80"]);
    assert_eq!(refused.code, 10, "{refused:?}");
    assert!(refused.out.starts_with("refused: shop (above it) is open"), "{refused:?}");
    assert_eq!(agent.service("shop/10.0.0.5:80").state, State::Closed);
}
