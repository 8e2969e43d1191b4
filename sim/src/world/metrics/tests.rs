//! Each metric on books written by hand.

use breaker_agent::core::digest::StateKind;
use breaker_agent::core::state::HostNotice;

use super::super::calls::Fate;
use super::super::ledger::Bin;
use super::super::tests::{Stand, adopted, fault, run, started};
use super::super::{LifeFacts, Lives, NetworkFacts, Turn};
use super::*;
use crate::plan::{Down, Place, Run, Warmup, What};

fn down() -> What {
    What::ServiceDown { service: "a".to_owned(), mode: Down::Refuse }
}

/// An outage from 10 s to 20 s of a service that 10 hosts call.
fn outage() -> Stand {
    let stand = Stand::of(&run(10, &["a"], vec![fault(10, 20, down())]));
    stand.until(10_000).fault(0, Turn::Begins);
    stand
}

/// Writes the bins of a service from a time on.
fn write(stand: &Stand, from_ms: u64, bins: impl IntoIterator<Item = Bin>) {
    let service = stand.path("a");
    let mut at = Duration::from_millis(from_ms);
    for bin in bins {
        *stand.world.lock().facts.ledger.bin(service, at) = bin;
        at += crate::series::BIN;
    }
}

fn served(demand: u32, served: u32) -> Bin {
    Bin { demand, served, offered: demand, good: served, capacity: 240.0, ..Bin::default() }
}

#[test]
fn nothing_is_measured_where_nothing_was() {
    let stand = Stand::of(&run(2, &["a"], vec![]));
    let metrics = stand.until(10_000).finish().metrics;
    let none =
        ["doomed_calls", "first_trip_ms", "all_protected_ms", "alert_p99_ms", "converged_within_ms", "overshoot"];
    for name in
        none.iter().chain(&["overload_seconds", "brownout_goodput", "recovered_ms", "relapses", "digest_bytes_max"])
    {
        assert_eq!(metrics[*name], None, "{name}");
    }
    for name in ["false_opens", "probes", "collapse_seconds", "queue_delay_max_ms"] {
        assert_eq!(metrics[name], Some(0.0), "{name}");
    }
}

#[test]
fn an_outage_is_told_from_its_begin_to_the_last_of_99_percent() {
    let stand = outage();
    stand.call(0, "a", Fate::Failed).until(10_200).call(1, "a", Fate::Failed).enters(0, "a", started(1));
    stand.until(10_300).call(9, "a", Fate::Failed);
    (1..9).for_each(|host| {
        stand.enters(host, "a", adopted(1));
    });
    assert_eq!(stand.metric("all_protected_ms"), None, "nine of ten are not 99 %");
    stand.until(10_500).changes(9, "a", StateKind::Open);
    stand.until(12_000).call(0, "a", Fate::Failed);
    let metrics = stand.finish().metrics;
    assert_eq!(metrics["first_trip_ms"], Some(200.0));
    assert_eq!(metrics["all_protected_ms"], Some(500.0));
    assert_eq!(metrics["doomed_calls"], Some(3.0), "the last one was made too late");
}

#[test]
fn calls_the_scenario_itself_made_to_fail_are_not_doomed() {
    let stand = outage();
    stand.call(0, "a", Fate::Made).call(0, "a", Fate::Good).call(0, "a", Fate::Failed);
    assert_eq!(stand.until(15_000).metric("doomed_calls"), Some(1.0));
}

#[test]
fn hosts_that_do_not_run_need_not_refuse() {
    let stand = outage();
    stand.until(10_100).lives(9, Lives::Crashed);
    (0..9).for_each(|host| {
        stand.changes(host, "a", StateKind::Open);
    });
    assert_eq!(stand.metric("all_protected_ms"), Some(100.0));
}

#[test]
fn news_have_spread_when_99_percent_of_the_others_took_in_the_trip_itself() {
    let stand = outage();
    stand.enters(0, "a", started(3)).until(10_005);
    stand.hears(1, 2, ("a", 3)).hears(1, 0, ("a", 2));
    (2..10).for_each(|host| {
        stand.hears(host, 0, ("a", 3));
    });
    assert_eq!(stand.metric("alert_p99_ms"), None, "host 1 heard of it from another, and of another number");
    stand.until(10_009).hears(1, 0, ("a", 3));
    stand.until(11_000).hears(1, 0, ("a", 3));
    assert_eq!(stand.metric("alert_p99_ms"), Some(9.0));
}

#[test]
fn an_open_that_nothing_justified_is_counted_after_a_second() {
    let stand = Stand::of(&run(4, &["a"], vec![]));
    stand.until(10_000).changes(0, "a", StateKind::Open).until(11_000);
    assert_eq!(stand.metric("false_opens"), Some(0.0));
    assert_eq!(stand.until(11_001).metric("false_opens"), Some(1.0));
    stand.changes(0, "a", StateKind::HalfOpen).changes(0, "a", StateKind::Open).changes(0, "a", StateKind::Closed);
    stand.changes(1, "a", StateKind::Open).until(12_001).changes(1, "a", StateKind::Closed);
    assert_eq!(stand.until(20_000).metric("false_opens"), Some(1.0), "the second one refused for a second only");
}

#[test]
fn an_open_has_its_reason_for_three_seconds() {
    let partition = What::Partition { groups: vec![vec![Place::Host(1)], vec![Place::Host(0)]] };
    let faults = [
        down(),
        partition,
        What::SickHost { hosts: vec![0], fails: 1.0 },
        What::Liar { hosts: vec![0], service: "a".to_owned() },
        What::ServiceErrors { service: "a".to_owned(), rate: 0.11 },
        What::ServiceSlow { service: "a".to_owned(), by: Duration::from_millis(1) },
        What::Capacity { service: "a".to_owned(), to: 0.9 },
    ];
    for what in faults {
        for (at, expected) in [(22_999, 0.0), (23_000, 1.0)] {
            let stand = Stand::of(&run(2, &["a"], vec![fault(10, 20, what.clone())]));
            stand.until(10_000).fault(0, Turn::Begins).until(20_000).fault(0, Turn::Ends);
            stand.until(at).changes(0, "a", StateKind::Open).until(30_000);
            assert_eq!(stand.metric("false_opens"), Some(expected), "{what:?} at {at} ms");
        }
    }
}

#[test]
fn trouble_of_others_is_no_reason() {
    let faults = [
        What::SickHost { hosts: vec![1], fails: 1.0 },
        What::Loss { share: 0.3 },
        What::ServiceErrors { service: "a".to_owned(), rate: 0.10 },
        What::ServiceDown { service: "b".to_owned(), mode: Down::Hang },
    ];
    for what in faults {
        let stand = Stand::of(&run(2, &["a", "b"], vec![fault(10, 20, what.clone())]));
        stand.until(10_000).fault(0, Turn::Begins).until(11_000).changes(0, "a", StateKind::Open).until(15_000);
        assert_eq!(stand.metric("false_opens"), Some(1.0), "{what:?}");
    }
}

#[test]
fn hosts_agree_when_all_are_in_one_opening_or_all_in_none() {
    let stand = outage();
    (0..9).for_each(|host| {
        stand.enters(host, "a", started(1));
    });
    stand.enters(9, "a", started(2)).until(20_000).fault(0, Turn::Ends).until(21_000);
    assert_eq!(stand.metric("converged_within_ms"), None);
    stand.enters(9, "a", started(3));
    (0..9).for_each(|host| {
        stand.enters(host, "a", adopted(3));
    });
    stand.until(22_000).closes(0, "a").until(23_000);
    let within = stand.metric("converged_within_ms").unwrap();
    assert!((1_000.0..=1_100.0).contains(&within), "{within}");
}

#[test]
fn probes_are_the_calls_let_through_half_open() {
    let stand = outage();
    stand.enters(0, "a", started(1)).until(12_000).half_opens(0, "a");
    stand.probes(0, "a", 1).call(0, "a", Fate::Good).call(1, "a", Fate::Good);
    assert_eq!(stand.metric("probes"), Some(1.0));
}

#[test]
fn load_is_judged_in_sliding_seconds_since_the_service_is_back() {
    let stand = outage();
    write(&stand, 19_000, vec![Bin { offered: 1_000, delay: Duration::from_secs(9), ..served(20, 0) }; 10]);
    let burst = (0..40).map(|bin| Bin { offered: if bin == 15 { 120 } else { 20 }, ..served(20, 20) });
    write(&stand, 20_000, burst);
    stand.until(20_000).fault(0, Turn::Ends);
    let (overshoot, overload) = (stand.metric("overshoot").unwrap(), stand.metric("overload_seconds").unwrap());
    assert!((overshoot - 300.0 / 240.0).abs() < 1e-9, "{overshoot}");
    assert!((overload - 1.0).abs() < 1e-9, "the burst is in ten sliding seconds: {overload}");
}

#[test]
fn calls_that_wait_nearly_as_long_as_their_callers_are_a_collapse() {
    let stand = outage();
    let delays = [399, 400, 401, 450, 10];
    let bins = delays.map(|ms| Bin { delay: Duration::from_millis(ms), ..served(20, 20) });
    write(&stand, 20_000, bins);
    stand.until(20_000).fault(0, Turn::Ends);
    assert_eq!(stand.metric("queue_delay_max_ms"), Some(450.0));
    assert_eq!(stand.metric("collapse_seconds"), Some(0.2));
}

#[test]
fn recovered_is_the_start_of_the_first_five_full_seconds() {
    let stand = outage();
    // Three seconds of nothing, a full second that does not last, and from 5 s on all.
    let lost = std::iter::repeat_n(served(20, 0), 30);
    let full = std::iter::repeat_n(served(20, 20), 10);
    let again = std::iter::repeat_n(served(20, 0), 10);
    let well = std::iter::repeat_n(served(20, 20), 200);
    write(&stand, 20_000, lost.chain(full).chain(again).chain(well));
    stand.until(20_000).fault(0, Turn::Ends);
    let metrics = stand.finish().metrics;
    assert_eq!(metrics["recovered_ms"], Some(5_000.0));
    assert_eq!(metrics["oracle_recovered_ms"], Some(0.0));
    assert_eq!(metrics["recovered_excess_ms"], Some(5_000.0));
    assert_eq!(metrics["relapses"], Some(0.0));
    // Four seconds of nothing, less what the oracle loses: none.
    let lost = metrics["lost_demand_seconds"].unwrap();
    assert!((lost - 4.0).abs() < 1e-9, "{lost}");
}

#[test]
fn errors_the_scenario_injects_are_no_lost_demand() {
    let stand = outage();
    write(&stand, 20_000, vec![Bin { excused: 10, ..served(20, 10) }; 100]);
    stand.until(20_000).fault(0, Turn::Ends);
    assert_eq!(stand.metric("recovered_ms"), Some(0.0));
    assert_eq!(stand.metric("lost_demand_seconds"), Some(0.0));
}

#[test]
fn a_relapse_is_counted_once_until_all_is_well_again() {
    let stand = outage();
    let well = || std::iter::repeat_n(served(20, 20), 100);
    let lost = || std::iter::repeat_n(served(20, 2), 30);
    write(&stand, 20_000, well().chain(lost()).chain(well()).chain(lost()).chain(well()));
    stand.until(20_000).fault(0, Turn::Ends);
    assert_eq!(stand.metric("relapses"), Some(2.0));
}

#[test]
fn a_service_that_is_still_down_has_not_recovered() {
    let stand = outage();
    write(&stand, 10_000, vec![served(20, 20); 300]);
    let metrics = stand.until(30_000).finish().metrics;
    assert_eq!((metrics["recovered_ms"], metrics["oracle_recovered_ms"], metrics["relapses"]), (None, None, None));
}

#[test]
fn the_oracle_of_a_cold_service_needs_the_time_it_takes_to_warm_up() {
    let mut run = run(10, &["a"], vec![fault(10, 20, down())]);
    let service = run.scenario.services.get_mut("a").unwrap();
    (service.capacity, service.warmup) = (240.0, Some(Warmup { from: 60.0, work: 2_400.0 }));
    let stand = Stand::of(&run);
    stand.until(10_000).fault(0, Turn::Begins);
    write(&stand, 20_000, vec![served(20, 0); 400]);
    stand.until(20_000).fault(0, Turn::Ends);
    let oracle = stand.metric("oracle_recovered_ms").unwrap();
    // It serves 200/s after 16 s, and 98.5 % of that over five seconds a little before.
    assert!((14_000.0..16_000.0).contains(&oracle), "{oracle}");
}

#[test]
fn goodput_of_a_brownout_is_the_share_of_the_possible() {
    let what = What::Capacity { service: "a".to_owned(), to: 0.5 };
    let stand = Stand::of(&run(10, &["a"], vec![fault(10, 20, what)]));
    stand.until(10_000).fault(0, Turn::Begins);
    stand.until(20_000).fault(0, Turn::Ends);
    write(&stand, 10_000, vec![Bin { capacity: 120.0, ..served(20, 9) }; 100]);
    write(&stand, 20_000, vec![served(20, 0); 100]);
    assert_eq!(stand.metric("brownout_goodput"), Some(0.75));
}

#[test]
fn what_the_network_counted_is_told_where_there_is_gossip() {
    let network = NetworkFacts {
        gossip_bytes_per_host_s: 25_000.0,
        digest_bytes_max: 70,
        lives: vec![LifeFacts::default()],
        ..NetworkFacts::default()
    };
    for (mode, expected) in [(Mode::Gossip, Some(25_000.0)), (Mode::Local, None)] {
        let stand = Stand::of(&Run { mode, ..run(2, &["a"], vec![]) });
        let metrics = stand.world.finish(stand.now(), &network).metrics;
        assert_eq!(metrics["gossip_bytes_per_host_s"], expected);
        assert_eq!(metrics["digest_bytes_max"], expected.map(|_| 70.0));
    }
}

#[test]
fn a_deaf_host_is_no_trip() {
    let stand = outage();
    stand.say(0, HostNotice::Deaf(true));
    assert_eq!(stand.metric("first_trip_ms"), None);
}
