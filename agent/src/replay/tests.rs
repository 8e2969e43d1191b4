//! Traces line by line: what follows from each, at which moment, and every way in which a line can be wrong.

use proptest::prelude::*;

use super::step::{AT_MS_MAX, EXPECTABLE, LINE_MAX, REPEAT_MAX};
use super::*;

/// Opens at the second failure in a row, for exactly 10 s; two good probes close it.
const POLICY: &str = "circuit_breaker:
  failure_threshold: 2
  recovery_timeout: 10s
  success_threshold: 2
  backoff: {multiplier: 1, jitter: none}
  half_open: {permit_lease: 30s, max_wait: 60s}
  failure_criteria: {error_rate: off, slow_call_duration: 1s}
  sliding_window: {minimum_throughput: 4}
";

fn service() -> ServiceName {
    ServiceName::parse("payments").unwrap()
}

/// What follows from each line of a trace.
fn play(yaml: &str, seed: u64, trace: &str) -> Result<Vec<Outcomes>, ReplayError> {
    let config = Config::load(yaml, "test.yaml").unwrap();
    let mut replay = Replay::new(&config, &service(), seed)?;
    trace.lines().filter(|line| !line.is_empty()).map(|line| replay.line(line)).collect()
}

/// Plays a trace of which every line is as expected.
fn well(trace: &str) -> Vec<Outcomes> {
    play(POLICY, 0, trace).unwrap_or_else(|error| panic!("{error}"))
}

/// Why the last line of a trace cannot be played, though those before can.
fn wrong(trace: &str) -> String {
    let (before, last) = trace.trim().rsplit_once('\n').unwrap_or(("", trace));
    well(before);
    let config = Config::load(POLICY, "test.yaml").unwrap();
    let mut replay = Replay::new(&config, &service(), 0).unwrap();
    before.lines().for_each(|line| drop(replay.line(line).unwrap()));
    let state = (replay.registry.clone(), replay.now, replay.tokens.clone());
    let error = replay.line(last).unwrap_err();
    assert_eq!((replay.registry, replay.now, replay.tokens), state, "a line that is wrong changes nothing");
    error.to_string()
}

#[test]
fn a_trace_says_after_each_line_what_a_user_wants_to_know() {
    let followed = well(
        r#"{"at_ms": 0, "op": "ok"}
{"at_ms": 5, "op": "slow", "duration_ms": 1001}
{"at_ms": 10, "op": "throttled"}
{"at_ms": 15, "op": "fail", "repeat": 2}
{"at_ms": 20, "op": "ask"}"#,
    );
    let json: Vec<Value> = followed.iter().map(|outcomes| serde_json::to_value(outcomes).unwrap()).collect();
    let numbers = |key: &str| json.iter().map(|line| line[key].clone()).collect::<Vec<Value>>();
    assert_eq!(numbers("total"), [1, 2, 3, 5, 5]);
    assert_eq!(numbers("failed"), [0, 0, 1, 3, 3]);
    assert_eq!(numbers("slow"), [0, 1, 1, 1, 1]);
    assert_eq!(numbers("failure_rate_pct"), [Value::Null, Value::Null, Value::Null, 60.into(), 60.into()]);
    assert_eq!(numbers("state"), ["closed", "closed", "closed", "open", "open"]);
    assert_eq!(numbers("allowed"), [true, true, true, true, false]);
    assert_eq!(numbers("retry_after_ms")[3..], [10_000, 9_995]);
    assert_eq!(json[4]["reason"], "2 failures in a row (limit 2)");
}

#[test]
fn a_rate_that_is_no_whole_number_of_percent_has_decimals() {
    let followed = well(
        r#"{"at_ms": 0, "op": "ok", "repeat": 7}
{"at_ms": 0, "op": "fail", "expect_failure_rate_pct": 12.5}"#,
    );
    assert_eq!(followed[0].failure_rate_pct, Some(0.into()));
    well(r#"{"at_ms": 0, "op": "ok", "repeat": 4, "expect_failure_rate_pct": 0.0}"#);
}

#[test]
fn a_token_is_reported_when_the_trace_says_so() {
    well(
        r#"{"at_ms": 0, "op": "ask", "token": "a", "expect_allowed": true, "expect_total": 0}
{"at_ms": 1, "op": "ask", "token": "b"}
{"at_ms": 2, "op": "ask", "token": "c"}
{"at_ms": 3, "op": "fail", "token": "b", "expect_allowed": null, "expect_failed": 1}
{"at_ms": 4, "op": "fail", "token": "b", "expect_failed": 1}
{"at_ms": 5, "op": "cancel", "token": "c", "expect_total": 1}
{"at_ms": 6, "op": "timeout", "token": "a", "expect_state": "open", "expect_total": 2}
{"at_ms": 7, "op": "ask", "token": "d", "expect_allowed": false}
{"at_ms": 8, "op": "ok", "token": "d", "expect_total": 2}"#,
    );
}

#[test]
fn a_token_can_be_used_again_and_is_then_the_newer_call() {
    well(
        r#"{"at_ms": 0, "op": "ask", "token": "a"}
{"at_ms": 1, "op": "ask", "token": "a"}
{"at_ms": 2, "op": "ok", "token": "a", "expect_total": 1}
{"at_ms": 3, "op": "ok", "token": "a", "expect_total": 1}"#,
    );
}

#[test]
fn ignored_and_cancelled_calls_count_nowhere_and_kinds_are_judged_by_the_policy() {
    let yaml = "circuit_breaker: {ignore: [NotFound]}\n";
    let trace = r#"{"at_ms": 0, "op": "ignored", "expect_total": 0}
{"at_ms": 0, "op": "fail", "kind": "NotFound", "expect_total": 0}
{"at_ms": 0, "op": "fail", "kind": "http_503", "expect_failed": 1}"#;
    play(yaml, 0, trace).unwrap();
}

#[test]
fn open_ends_only_when_somebody_asks() {
    well(
        r#"{"at_ms": 0, "op": "fail", "repeat": 2, "expect_retry_after_ms": 10000}
{"at_ms": 9999, "op": "ask", "expect_allowed": false}
{"at_ms": 90000, "op": "state", "expect_state": "open", "expect_retry_after_ms": 0}
{"at_ms": 90000, "op": "query", "expect_allowed": true, "expect_state": "open"}
{"at_ms": 90000, "op": "ok", "expect_state": "half_open", "expect_total": 1}
{"at_ms": 90000, "op": "ok", "expect_state": "closed", "expect_total": 0}"#,
    );
}

/// The probe of 10 s is due at 40 s and opens the breaker then, not when the next line comes.
#[test]
fn the_lease_of_a_probe_runs_out_at_its_own_time() {
    let trace = r#"{"at_ms": 0, "op": "fail", "repeat": 2}
{"at_ms": 10000, "op": "ask", "token": "probe", "expect_state": "half_open"}
{"at_ms": 39999, "op": "state", "expect_state": "half_open"}
{"at_ms": 45000, "op": "state", "expect_state": "open", "expect_retry_after_ms": 5000}
{"at_ms": 45000, "op": "ok", "token": "probe", "expect_state": "open"}
{"at_ms": 50000, "op": "ask", "expect_allowed": true}"#;
    assert_eq!(well(trace)[3].reason.as_deref(), Some("a probe was never answered (its lease ran out)"));
}

#[test]
fn max_wait_is_over_at_its_own_time() {
    let trace = r#"{"at_ms": 0, "op": "fail", "repeat": 2}
{"at_ms": 10000, "op": "ok", "expect_state": "half_open"}
{"at_ms": 69999, "op": "state", "expect_state": "half_open"}
{"at_ms": 72000, "op": "state", "expect_state": "open", "expect_retry_after_ms": 8000}"#;
    assert_eq!(well(trace)[3].reason.as_deref(), Some("no verdict in half-open within its maximum wait"));
}

/// One of 500 ms is over before the next line, and max_wait counts from then.
#[test]
fn what_operators_do_ends_at_its_own_time() {
    well(
        r#"{"at_ms": 0, "op": "force_open", "for_ms": 500, "expect_state": "forced_open"}
{"at_ms": 499, "op": "ask", "expect_allowed": false, "expect_retry_after_ms": 1}
{"at_ms": 60499, "op": "state", "expect_state": "half_open"}
{"at_ms": 60500, "op": "state", "expect_state": "open"}
{"at_ms": 60500, "op": "disable", "for_ms": 500}
{"at_ms": 60600, "op": "fail", "repeat": 9, "expect_total": 0, "expect_allowed": true}
{"at_ms": 61000, "op": "state", "expect_state": "closed"}
{"at_ms": 61000, "op": "metrics_only"}
{"at_ms": 61000, "op": "fail", "repeat": 9, "expect_failed": 9, "expect_state": "metrics_only"}
{"at_ms": 99999999, "op": "close", "expect_state": "closed"}"#,
    );
}

#[test]
fn open_and_half_open_are_plain_transitions_and_open_counts_for_the_backoff() {
    let yaml = "circuit_breaker: {failure_threshold: 1, recovery_timeout: 10s, backoff: {jitter: none, max: 40s}}\n";
    let trace = r#"{"at_ms": 0, "op": "open", "open_ms": 700, "expect_retry_after_ms": 700}
{"at_ms": 700, "op": "fail", "expect_state": "open", "expect_retry_after_ms": 20000}
{"at_ms": 800, "op": "open", "open_ms": 1, "expect_retry_after_ms": 19900}
{"at_ms": 900, "op": "half_open", "expect_state": "half_open", "expect_allowed": null}
{"at_ms": 1000, "op": "open", "expect_state": "open", "expect_retry_after_ms": 40000}
{"at_ms": 1000, "op": "reset", "expect_state": "closed"}
{"at_ms": 1000, "op": "fail", "expect_retry_after_ms": 10000}"#;
    play(yaml, 0, trace).unwrap();
}

#[test]
fn repeats_are_one_after_the_other_and_answered_once() {
    let followed = well(r#"{"at_ms": 0, "op": "fail", "repeat": 100}"#);
    let [Outcomes { allowed: Some(false), total: 2, state: "open", .. }] = followed[..] else { panic!("{followed:?}") };
}

#[test]
fn a_call_past_the_agents_permits_goes_ahead_untracked() {
    let over = PERMITS_MAX + 1;
    let trace = format!(r#"{{"at_ms": 0, "op": "ask", "token": "t", "repeat": {over}}}"#);
    assert_eq!(well(&trace)[0].allowed, Some(true));
}

#[test]
fn a_service_that_is_not_admitted_has_no_replay() {
    let yaml = "unknown_services: refuse\n";
    let error = play(yaml, 0, "").unwrap_err().to_string();
    assert_eq!(error, "the configuration admits only named services, and payments is none");
}

#[test]
fn what_is_expected_and_not_found_is_said() {
    let at_zero = |rest: &str| format!(r#"{{"at_ms": 0, "op": "ok", {rest}}}"#);
    for (expectation, said) in [
        (r#""expect_state": "open""#, r#"expected state "open", got "closed""#),
        (r#""expect_total": 2"#, "expected total 2, got 1"),
        (r#""expect_allowed": null"#, "expected allowed null, got true"),
        (r#""expect_failure_rate_pct": 0"#, "expected failure_rate_pct 0, got null"),
        (r#""expect_total": "1""#, r#"expected total "1", got 1"#),
    ] {
        let error = play(POLICY, 0, &at_zero(expectation)).unwrap_err();
        assert!(matches!(error, ReplayError::Disappointed { .. }) && error.to_string() == said, "{error}");
    }
}

/// Or a misspelt expectation of nothing would always be met.
#[test]
fn one_can_expect_what_is_printed_and_nothing_else() {
    let error = wrong(r#"{"at_ms": 0, "op": "ok", "expect_failure_rate": null}"#);
    assert!(error.starts_with("expect_failure_rate is no expectation; one can expect allowed, state"), "{error}");
    for key in ["at_ms", "op", "", "expect_state"] {
        assert!(wrong(&format!(r#"{{"at_ms": 0, "op": "ok", "expect_{key}": 0}}"#)).contains("no expectation"));
    }
    let printed = serde_json::to_value(&well(r#"{"at_ms": 0, "op": "ok"}"#)[0]).unwrap();
    let keys = printed.as_object().unwrap().keys().filter(|key| *key != "at_ms" && *key != "op");
    assert!(keys.eq({
        let mut keys = EXPECTABLE.to_vec();
        keys.sort_unstable();
        keys
    }));
}

#[test]
fn a_line_that_is_no_step_is_told_apart_and_changes_nothing() {
    for (line, said) in [
        ("fail", "expected ident"),
        ("[]", "invalid type: sequence"),
        ("{}", "missing field `at_ms`"),
        (r#"{"at_ms": 0}"#, "missing field `op`"),
        (r#"{"at_ms": -1, "op": "ok"}"#, "invalid value: integer `-1`"),
        (r#"{"at_ms": 1.5, "op": "ok"}"#, "invalid type: floating point `1.5`"),
        (r#"{"at_ms": 0, "op": "succeed"}"#, "unknown variant `succeed`, expected one of `ok`"),
        (r#"{"at_ms": 0, "op": "ok", "durations_ms": 3}"#, "unknown field `durations_ms`"),
        (r#"{"at_ms": 0, "op": "ok"} x"#, "trailing characters"),
    ] {
        let error = wrong(line);
        assert!(error.contains(said) && error.ends_with(r#"such as {"at_ms": 0, "op": "fail"}"#), "{line}: {error}");
    }
}

#[test]
fn time_stands_still_or_goes_on_for_a_hundred_years_and_never_goes_back() {
    let line = |at_ms: u64| format!(r#"{{"at_ms": {at_ms}, "op": "ok"}}"#);
    well(&[line(7), line(7), line(AT_MS_MAX)].join("\n"));
    assert_eq!(wrong(&[line(7), line(6)].join("\n")), "at_ms is 6, before the 7 of an earlier line");
    for late in [AT_MS_MAX + 1, u64::MAX] {
        assert!(wrong(&line(late)).ends_with("(a hundred years)"));
    }
}

#[test]
fn a_step_is_repeated_once_at_least_and_ten_million_times_at_most() {
    let line = |repeat: u64| format!(r#"{{"at_ms": 0, "op": "state", "repeat": {repeat}}}"#);
    well(&[line(1), line(REPEAT_MAX)].join("\n"));
    for repeat in [0, REPEAT_MAX + 1, u64::MAX] {
        assert_eq!(wrong(&line(repeat)), format!("repeat is {repeat}, expected 1 to {REPEAT_MAX}"));
    }
}

#[test]
fn a_line_has_64_kib_at_most() {
    const STEP: &str = r#"{"at_ms": 0, "op": "ok"}"#;
    let long = |length: usize| format!("{}{}", STEP, " ".repeat(length - STEP.len()));
    well(&long(LINE_MAX));
    assert_eq!(
        wrong(&long(LINE_MAX + 1)),
        format!("the line has {} bytes, at most {LINE_MAX} are allowed", LINE_MAX + 1)
    );
}

#[test]
fn outcomes_of_what_was_never_asked_are_wrong() {
    for op in ["ok", "fail", "slow", "timeout", "throttled", "ignored", "cancel"] {
        let error = wrong(&format!(r#"{{"at_ms": 0, "op": "{op}", "token": "t"}}"#));
        assert_eq!(error, r#"no line before asked for the token "t""#);
    }
    assert_eq!(wrong(r#"{"at_ms": 0, "op": "cancel"}"#), "cancel needs the token of an earlier ask");
}

#[test]
fn kinds_are_words_of_64_bytes_at_most() {
    let line = |kind: &str| format!(r#"{{"at_ms": 0, "op": "fail", "kind": "{kind}"}}"#);
    well(&line(&"k".repeat(64)));
    for kind in ["", &"k".repeat(65), r"a\nb"] {
        assert!(wrong(&line(kind)).starts_with("kind: a kind is a word"));
    }
}

#[test]
fn a_million_tokens_are_remembered_and_no_more() {
    let config = Config::load(POLICY, "test.yaml").unwrap();
    let mut replay = Replay::new(&config, &service(), 0).unwrap();
    replay.tokens = (0..TOKENS_MAX - 1).map(|number| (number.to_string(), None)).collect();
    let ask = |token: &str| format!(r#"{{"at_ms": 0, "op": "ask", "token": "{token}"}}"#);
    replay.line(&ask("last")).unwrap();
    let error = replay.line(&ask("one more")).unwrap_err();
    assert!(error.to_string().starts_with("this would be token number 1000001"), "{error}");
    replay.line(&ask("last")).unwrap();
}

#[test]
fn equal_seeds_draw_equal_jitter_and_others_another() {
    let yaml = "circuit_breaker: {failure_threshold: 1, recovery_timeout: 1h}\n";
    let drawn = |seed| play(yaml, seed, r#"{"at_ms": 0, "op": "fail"}"#).unwrap()[0].retry_after_ms;
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

fn any_step() -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec![
        "ok",
        "fail",
        "slow",
        "timeout",
        "throttled",
        "ignored",
        "ask",
        "cancel",
        "query",
        "state",
        "open",
        "half_open",
        "close",
        "reset",
        "force_open",
        "disable",
        "metrics_only",
    ]);
    let number = || prop::option::of(prop_oneof![0..100_u64, any::<u64>()]);
    (0..20_000_u64, op, prop::option::of(0..4_u8), number(), number(), number(), 1..4_u64).prop_map(
        |(wait, op, token, duration_ms, open_ms, for_ms, repeat)| {
            let token = token.map(|token| token.to_string());
            let step = serde_json::json!({ "at_ms": wait, "op": op, "token": token, "duration_ms": duration_ms,
                "open_ms": open_ms, "for_ms": for_ms, "repeat": repeat });
            step.to_string()
        },
    )
}

proptest! {
    /// Whatever the numbers: nothing panics, and the same trace with the same seed ends in the same state.
    #[test]
    fn any_trace_is_played_the_same_way_twice(
        steps in prop::collection::vec(any_step(), 0..60),
        seed in any::<u64>(),
    ) {
        let config = Config::load(POLICY, "test.yaml").unwrap();
        let mut replays = [(); 2].map(|()| Replay::new(&config, &service(), seed).unwrap());
        let mut at_ms = 0;
        for step in &steps {
            let mut step: Value = serde_json::from_str(step).unwrap();
            at_ms += step["at_ms"].as_u64().unwrap();
            step["at_ms"] = at_ms.into();
            let [one, other] = replays.each_mut().map(|replay| replay.line(&step.to_string()).ok());
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(&replays[0].registry, &replays[1].registry);
    }

    #[test]
    fn no_line_of_whatever_bytes_panics(line in "\\PC{0,80}") {
        let config = Config::load(POLICY, "test.yaml").unwrap();
        drop(Replay::new(&config, &service(), 0).unwrap().line(&line));
    }
}
