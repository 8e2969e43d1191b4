//! Openings over random faults: no number is entered twice, none rises by itself, and probes keep their pace.

use std::collections::BTreeMap;
use std::time::Duration;

use breaker_agent::core::policy::Policy;
use breaker_agent::core::state::{ClusterNotice, Notice, StateKind};
use proptest::prelude::*;

use super::world::World;
use crate::stand::S;

const HOSTS: usize = 5;

/// For so long: how the service fares, whom it fails for, who is cut off, who stands still.
#[derive(Clone, Debug)]
struct Chapter {
    ms: u64,
    failing: [bool; HOSTS],
    split: Option<usize>,
    still: Option<usize>,
}

fn any_chapter() -> impl Strategy<Value = Chapter> {
    let failing = prop_oneof![3 => Just([true; HOSTS]), 3 => Just([false; HOSTS]), 2 => any::<[bool; HOSTS]>()];
    let host = || prop::option::weighted(0.3, 0..HOSTS);
    (300_u64..6_000, failing, host(), host()).prop_map(|(ms, failing, split, still)| Chapter {
        ms,
        failing,
        split,
        still,
    })
}

fn play(world: &mut World, chapters: &[Chapter]) {
    for chapter in chapters {
        world.cut = match chapter.split {
            None => Vec::new(),
            Some(at) => pairs().filter(|(a, b)| (*a <= at) != (*b <= at)).collect(),
        };
        world.still = chapter.still.into_iter().collect();
        let to = world.now.as_nanos() / 1_000_000 + chapter.ms;
        world.calls_to(to, S, 60, |host| chapter.failing[host]);
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..HOSTS).flat_map(|a| (0..HOSTS).map(move |b| (a, b)))
}

/// How many hosts claimed each probe of each opening.
fn claims(world: &World) -> BTreeMap<(u64, u32), usize> {
    let mut claims = BTreeMap::new();
    for (_, notice) in world.hosts.iter().flat_map(|host| &host.notices) {
        if let Notice::Cluster(ClusterNotice::Probe { number, probe }) = notice {
            *claims.entry((*number, *probe)).or_default() += 1;
        }
    }
    claims
}

fn entered_by_host(world: &World) -> BTreeMap<usize, Vec<u64>> {
    let mut numbers: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (_, host, _, number) in &world.entered {
        numbers.entry(*host).or_default().push(*number);
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_only_rise_on_a_host_and_end_closed_once_all_is_well(chapters in prop::collection::vec(any_chapter(), 1..6)) {
        // Own breakers that tripped again and again come back within the minute too.
        let mut policy = Policy { recovery_timeout: Duration::from_secs(5), ..Policy::default() };
        policy.backoff.max = Duration::from_secs(20);
        let mut world = World::with(HOSTS, &policy, |_| {});
        world.step_ms = 5;
        play(&mut world, &chapters);
        for (host, numbers) in entered_by_host(&world) {
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{}: {:?}", host, numbers);
        }
        world.cut.clear();
        world.still.clear();
        let now = world.now.as_nanos() / 1_000_000;
        world.calls_to(now + 80_000, S, 60, |_| false);
        prop_assert!(world.all_are(S, StateKind::Closed), "{:?}", world.states(S));
    }

    #[test]
    fn once_calls_have_stopped_no_number_rises(chapters in prop::collection::vec(any_chapter(), 1..4)) {
        let mut world = World::new(HOSTS);
        world.step_ms = 5;
        play(&mut world, &chapters);
        world.cut.clear();
        world.still.clear();
        world.step_ms = 50;
        // Everybody may take in what has been seen until then; the longest span is over after a minute.
        let now = world.now.as_nanos() / 1_000_000;
        world.run_to(now + 70_000, |_, _| {});
        let highest = |world: &World| world.entered.iter().map(|(_, _, _, number)| *number).max();
        let before = highest(&world);
        // Who was kept out by his own good calls may still adopt what there is, for these fade too.
        world.run_to(now + 200_000, |_, _| {});
        prop_assert_eq!(highest(&world), before, "{:?}", world.entered);
    }

    #[test]
    fn among_hosts_that_hear_each_other_probes_never_exceed_the_budget(
        down_ms in 2_000_u64..25_000,
        calls_ms in prop_oneof![Just(20_u64), Just(100), Just(700)],
    ) {
        let mut world = World::new(HOSTS);
        world.calls_to(2_000, S, calls_ms, |_| false);
        world.calls_to(2_000 + down_ms, S, calls_ms, |_| true);
        let probes: Vec<_> = world.probes.iter().map(|(at, _)| *at).collect();
        for pair in probes.windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= Duration::from_millis(990), "{:?}", probes);
        }
    }

    // Stays are believed younger than they are by the time they took, so that who is known to be in it has not been Open
    // for long enough by what is known of it.
    #[test]
    fn each_probe_is_claimed_by_one_host_though_news_is_older_than_it_tells(
        lost_ms in 0_u64..60,
        calls_ms in prop_oneof![Just(20_u64), Just(50), Just(100)],
        hosts in 2..=HOSTS,
    ) {
        let mut world = World::new(hosts);
        world.lost_on_the_way = Duration::from_millis(lost_ms);
        world.calls_to(2_000, S, calls_ms, |_| false);
        world.calls_to(10_000, S, calls_ms, |_| true);
        world.calls_to(14_000, S, calls_ms, |_| false);
        let claims = claims(&world);
        prop_assert!(claims.len() >= 6 && claims.values().all(|hosts| *hosts == 1), "{:?}", claims);
        prop_assert!(world.all_are(S, StateKind::Closed), "{:?}", world.states(S));
    }
}
