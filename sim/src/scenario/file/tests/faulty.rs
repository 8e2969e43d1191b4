//! Wrong files: each fault once.

use super::{around, at_size, faults_of, read, wrong_fault};

#[test]
fn a_fault_shows_its_line_and_a_caret_below_the_place() {
    let text = around("faults:\n  - {at: soon, service_down: pay}\n");
    let expected = "\
test.yaml:10:10: faults.0.at: expected a duration such as 30s, up to 24h, got 'soon'
 10 |   - {at: soon, service_down: pay}
    |          ^^^^";
    assert_eq!(read(&text).unwrap_err(), expected);
}

#[test]
fn what_is_no_yaml_is_said_with_its_line() {
    let said = read("name: test\nduration: [60s\n").unwrap_err();
    assert!(said.starts_with("test.yaml:") && said.contains("expected YAML"), "{said}");
    assert_eq!(faults_of("just words"), ["expected a map of keys and values, got 'just words'"]);
}

#[test]
fn a_long_line_is_cut_around_the_caret_and_control_characters_move_nothing() {
    let text = format!("name: test\nduration: 60s\nhosts: 1\nservices: {{\"a{}\\u001b\": {{}}}}\n", "b".repeat(300));
    let said = read(&text).unwrap_err();
    assert!(said.lines().skip(1).all(|line| line.chars().count() <= 80), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn all_faults_are_listed_in_the_order_of_the_file() {
    let text = "name: a b\nduration: 60\nlenght: 3\nhosts: many\nlink: {latency: 3ms..1ms, loss: 101%}\n";
    let expected = [
        "name: expected a name of 1 to 64 letters, digits, dots, dashes or underscores, got 'a b'",
        "duration: expected a duration such as 30s, up to 24h, got '60'",
        "lenght: unknown key, expected name, duration, hosts, zones, link, agent, services, callers, faults or expect",
        "hosts: expected a whole number from 1 to 1000, got 'many'",
        "link.latency: expected a latency such as 2ms or 1ms..3ms, up to 10s, got '3ms..1ms'",
        "link.loss: expected a percentage from 0% to 100% such as 30%, got '101%'",
    ];
    assert_eq!(faults_of(text), expected);
}

#[test]
fn what_must_be_written_is_asked_for() {
    let expected = ["expected the key duration", "expected the key hosts or zones", "expected the key name"];
    assert_eq!(faults_of("link: {loss: 1%}\n"), expected);
    assert_eq!(faults_of("duration: 1s\nhosts: 1\nname: a\nname: b\n"), ["name: written twice (first in line 3)"]);
    let both = "name: a\nduration: 1s\nhosts: 1\nzones: {east: 1}\n";
    assert_eq!(faults_of(both), ["zones: expected either hosts or zones, got both"]);
}

#[test]
fn services_say_what_they_need() {
    let of = |service: &str| faults_of(&format!("name: a\nduration: 1s\nhosts: 1\nservices: {{{service}}}\n"));
    assert_eq!(of("pay: {}"), ["services.pay: expected the key capacity"]);
    assert_eq!(of("pay: fast"), ["services.pay: expected a map of keys and values, got 'fast'"]);
    assert_eq!(
        of("pay: {capacity: 3}"),
        ["services.pay.capacity: expected a rate such as 240/s, or a percentage of the demand such as 120%, got '3'"]
    );
    let nobody = "services.pay.capacity: expected more than nothing: nobody calls this service";
    assert_eq!(of("pay: {capacity: 100%}"), [nobody]);
    assert_eq!(
        of("pay: {capacity: 3/s, queue: long}"),
        ["services.pay.queue: expected a number of calls from 0 to 1000000, or the time to serve them such as 800ms, \
          got 'long'"]
    );
    assert_eq!(of("pay: {capacity: 3/s, warmup: {from: 1/s}}"), ["services.pay.warmup: expected the key work"]);
    assert_eq!(
        of("pay: {capacity: 3/s, warmup: {from: 1/s, work: 0}}"),
        ["services.pay.warmup.work: expected a number of calls such as 12000, or the time of the demand that makes \
          them such as 60s, got '0'"]
    );
    assert_eq!(of("h3: {capacity: 1/s}"), ["services.h3: 'h3' is the name of hosts already"]);
    assert_eq!(of("a-1..a-3: {capacity: 1/s}, a-2: {capacity: 1/s}"), ["services.a-2: 'a-2' is described twice"]);
    assert_eq!(of("'': {capacity: 1/s}").len(), 1);
}

#[test]
fn callers_say_what_they_need() {
    let of = |callers: &str| {
        let text = "name: a\nduration: 1s\nhosts: 2\nservices: {pay: {capacity: 1/s}}\ncallers:";
        faults_of(&format!("{text} {callers}\n"))
    };
    assert_eq!(of("pay"), ["callers: expected a list of callers, got 'pay'"]);
    assert_eq!(of("[{rate: 1/s}]"), ["callers.0: expected the key service"]);
    assert_eq!(of("[{service: pay}]"), ["callers.0: expected the key rate"]);
    let rate = "callers.0.rate: expected a rate such as 10/s, 1/m or 2/h, up to 100000/s, got";
    for wrong in ["10", "0/s", "-1/s", "1/d", "inf/s", "100001/s"] {
        assert_eq!(of(&format!("[{{service: pay, rate: {wrong}}}]")), [format!("{rate} '{wrong}'")]);
    }
    assert_eq!(of("[{service: pey, rate: 1/s}]"), ["callers.0.service: there is no service 'pey', expected pay"]);
    let host = "callers.0.hosts: there is no h2, the last of 2 hosts is h1";
    assert_eq!(of("[{service: pay, rate: 1/s, hosts: h2}]"), [host]);
}

#[test]
fn a_fault_has_a_time_and_exactly_one_kind() {
    assert_eq!(wrong_fault("loss: 1%"), "faults.0: expected the key at");
    assert_eq!(wrong_fault("at: 1s, loss: 1%, crash: h1"), "faults.0: expected one fault, got loss and crash");
    let kinds = wrong_fault("at: 1s, flood: 1%");
    assert!(kinds.starts_with("faults.0: expected what goes wrong: service_down, service_errors,"), "{kinds}");
    assert_eq!(
        faults_of(&around("faults:\n  - outage\n")),
        ["faults.0: expected a fault such as {at: 30s, for: 20s, loss: 30%}, got 'outage'"]
    );
    assert_eq!(faults_of(&around("faults: none\n")), ["faults: expected a list of faults, got 'none'"]);
    assert_eq!(wrong_fault("at: 1s, loss: 1%, mode: hang"), "faults.0.mode: unknown key, expected at, loss or for");
}

#[test]
fn for_is_refused_where_it_has_no_sense_and_asked_for_where_it_must_be() {
    let crash = "faults.0.for: crash has no length: write restart_after if the host comes back";
    assert_eq!(wrong_fault("at: 1s, for: 2s, crash: h1"), crash);
    let rolling = "faults.0.for: rolling_restart has no length: it ends with the last host";
    assert_eq!(wrong_fault("at: 1s, for: 2s, rolling_restart: {every: 1s}"), rolling);
    assert_eq!(
        wrong_fault("at: 1s, pause: h1"),
        "faults.0: expected the key for: a host that never goes on has crashed"
    );
}

#[test]
fn nothing_begins_or_ends_after_the_end() {
    let end = "after the scenario, which is over at 1m";
    assert_eq!(wrong_fault("at: 60s, loss: 1%"), format!("faults.0.at: begins {end}"));
    assert_eq!(wrong_fault("at: 50s, for: 10001ms, loss: 1%"), format!("faults.0.for: ends {end}"));
    assert_eq!(wrong_fault("at: 50s, crash: h1, restart_after: 11s"), format!("faults.0.crash: ends {end}"));
    let rolling = format!("faults.0.rolling_restart: ends {end}");
    assert_eq!(wrong_fault("at: 50s, rolling_restart: {every: 2501ms}"), rolling);
    for good in ["at: 59s, loss: 1%", "at: 50s, for: 10s, loss: 1%", "at: 50s, rolling_restart: {every: 2500ms}"] {
        super::fault(good);
    }
}

#[test]
fn hosts_and_services_there_are_not_are_said() {
    assert_eq!(wrong_fault("at: 1s, crash: h4"), "faults.0.crash: there is no h4, the last of 4 hosts is h3");
    let listed = "faults.0.crash.1: there is no h9, the last of 4 hosts is h3";
    assert_eq!(wrong_fault("at: 1s, crash: [h0, h3..h9]"), listed);
    assert_eq!(wrong_fault("at: 1s, crash: h3..h1"), "faults.0.crash: expected the lower number first, got 'h3..h1'");
    assert_eq!(wrong_fault("at: 1s, crash: 5"), "faults.0.crash: there are only 4 hosts");
    assert_eq!(wrong_fault("at: 1s, crash: 24%"), "faults.0.crash: 24% of 4 hosts is none");
    let hosts = "faults.0.crash: expected hosts such as h3, h0..h9, a zone, 2 or 29%, got";
    for (wrong, shown) in [("h", "'h'"), ("pay", "'pay'"), ("host", "'host'"), ("{}", "a map"), ("h03", "'h03'")] {
        assert_eq!(wrong_fault(&format!("at: 1s, crash: {wrong}")), format!("{hosts} {shown}"));
    }
    assert_eq!(
        wrong_fault("at: 1s, service_down: pey"),
        "faults.0.service_down: there is no service 'pey', expected mail, pay"
    );
    let nobody = "faults.0.crash: expected at least one host, got none of 4";
    assert_eq!(wrong_fault("at: 1s, crash: []"), nobody);
}

#[test]
fn groups_that_are_no_partition_are_refused() {
    let of = |groups: &str| wrong_fault(&format!("at: 1s, partition: {groups}"));
    let sort = "faults.0.partition: expected groups such as [[h0..h4], rest] or [50%, 50%], got 'h0'";
    assert_eq!(of("h0"), sort);
    assert_eq!(of("[[h0]]"), "faults.0.partition: expected at least two groups: one is no partition");
    assert_eq!(of("[[h0, h1], [h1..h3]]"), "faults.0.partition.1: h1 is named twice");
    assert_eq!(of("[[h0, pay], [h1..h3, pay]]"), "faults.0.partition.1: pay is named twice");
    assert_eq!(of("[[h0], [h1]]"), "faults.0.partition: h2 is in no group (rest is the group of all others)");
    assert_eq!(of("[[h0..h3], rest]"), "faults.0.partition.1: nobody is in this group");
    assert_eq!(of("[rest, h0, rest]"), "faults.0.partition.2: rest can be only one group");
    assert_eq!(of("[75%, 50%]"), "faults.0.partition.1: of 4 hosts there are not 2 left for this");
    assert_eq!(
        wrong_fault("at: 1s, crash: rest"),
        "faults.0.crash: expected hosts, got 'rest', which is a group of a partition"
    );
}

#[test]
fn faults_of_a_kind_say_what_they_need() {
    for (wrong, expected) in [
        ("service_down: pay, mode: slow", "faults.0.mode: expected refuse or hang, got 'slow'"),
        ("service_errors: pay", "faults.0.service_errors: expected a map of keys and values, got 'pay'"),
        ("service_errors: {service: pay}", "faults.0.service_errors: expected the key rate"),
        ("capacity: {service: pay, by: 3}", "faults.0.capacity.by: unknown key, did you mean to?"),
        ("one_way: {from: h0}", "faults.0.one_way: expected the key to"),
        ("liar: h0", "faults.0: expected the key service"),
        ("delay: {}", "faults.0.delay: expected the key by"),
        ("delay: {by: 0s}", "faults.0.delay.by: expected a duration such as 30s, up to 24h, got '0s'"),
        ("reorder: 30", "faults.0.reorder: expected a percentage from 0% to 100% such as 30%, got '30'"),
    ] {
        let said = faults_of(&around(&format!("faults:\n  - {{at: 1s, {wrong}}}\n")));
        assert!(said.contains(&expected.to_owned()), "{wrong}: {said:?}");
    }
}

#[test]
fn bounds_of_expect_have_the_units_of_their_metrics() {
    let of = |bound: &str| faults_of(&around(&format!("expect: {{{bound}}}\n"))).remove(0);
    assert_eq!(of("recovered: 25"), "expect.recovered: expected a duration such as 5s, got '25'");
    assert_eq!(
        of("recovered_ms: 25s"),
        "expect.recovered_ms: unknown key, expected doomed_calls, first_trip, \
        all_protected, alert_p99, false_opens, converged_within, probes, overshoot, overload_seconds, \
        queue_delay_max, collapse_seconds, brownout_goodput, recovered, oracle_recovered, recovered_excess, \
        lost_demand_seconds, relapses, gossip_bytes_per_host_s, datagrams_per_host_s, digest_bytes_max, spread_p50, \
          spread_p99, spread_max, spread_datagrams_per_host or spread_bytes_per_host"
    );
    assert_eq!(of("overshoot: -1"), "expect.overshoot: expected a number such as 1.4, got '-1'");
    let share = "expect.brownout_goodput: expected a percentage such as 80%, or a number from 0 to 1, got";
    assert_eq!(of("brownout_goodput: 1.1"), format!("{share} '1.1'"));
    assert_eq!(of("brownout_goodput: 101%"), format!("{share} '101%'"));
}

#[test]
fn the_agents_configuration_is_checked_where_it_stands() {
    let said = read(&around("agent:\n  circuit_breaker: {recovery_timeout: 30}\n")).unwrap_err();
    let expected = "test.yaml:10:39: agent.circuit_breaker.recovery_timeout: expected a duration such as 30s, got '30'";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("10 |   circuit_breaker: {recovery_timeout: 30}"), "{said}");
    for of_the_simulator in ["node: {id: a}", "socket: /tmp/a", "gossip: {seeds: []}", "gossip: {keyring: /k}"] {
        let said = faults_of(&around(&format!("agent: {{{of_the_simulator}}}\n")));
        assert!(said.iter().any(|fault| fault.ends_with("is set by the simulator itself")), "{said:?}");
    }
    assert_eq!(faults_of(&around("agent: fast\n")), ["agent: expected a map of keys and values, got 'fast'"]);
}

#[test]
fn a_size_that_the_faults_do_not_fit_is_said() {
    let text = around("faults:\n  - {at: 1s, crash: h3}\n");
    assert!(at_size(&text, 4).is_ok());
    assert!(at_size(&text, 3).unwrap_err().contains("there is no h3, the last of 3 hosts is h2"));
    let zones = "name: a\nduration: 1s\nzones: {east: 5, west: 5}\n";
    assert!(at_size(zones, 1).unwrap_err().contains("2 zones need a host each, 1 hosts are asked for"));
}
