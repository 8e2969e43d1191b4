//! What each fault does to which datagrams, how often it counts, and how long datagrams take.

use rand::SeedableRng;

use super::*;

fn hosts(numbers: impl IntoIterator<Item = usize>) -> Vec<Place> {
    numbers.into_iter().map(Place::Host).collect()
}

/// Four hosts and the service `db`, seat 4.
fn network(link: Link) -> Network {
    let mut places = hosts(0..4);
    places.push(Place::Service("db".to_owned()));
    Network::new(link, places.into_iter().enumerate().map(|(seat, place)| (place, Seat(seat))).collect())
}

fn link(min_us: u64, max_us: u64, loss: f64) -> Link {
    Link { latency_min: Duration::from_micros(min_us), latency_max: Duration::from_micros(max_us), loss }
}

fn well() -> Network {
    network(link(1_000, 3_000, 0.0))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn gossip(from: usize, to: usize) -> Route {
    Route { plane: Plane::Gossip, from: Seat(from), to: Seat(to) }
}

fn call(from: usize, to: usize) -> Route {
    Route { plane: Plane::Calls, from: Seat(from), to: Seat(to) }
}

const AT_ONCE: Passage = Passage::Once { held: Duration::ZERO };

/// Of a thousand datagrams, how many fared so.
fn count(network: &mut Network, route: Route, fared: impl Fn(Passage) -> bool) -> usize {
    let mut rng = rng();
    (0..1_000).filter(|_| fared(network.passage(route, &mut rng))).count()
}

#[test]
fn without_faults_everything_passes_and_nothing_is_drawn() {
    let (mut network, mut drawn) = (well(), rng());
    assert_eq!(network.passage(gossip(0, 1), &mut drawn), AT_ONCE);
    assert_eq!(network.passage(call(0, 4), &mut drawn), AT_ONCE);
    assert_eq!(drawn, rng());
}

#[test]
fn a_partition_cuts_both_planes_between_groups_and_the_unnamed_are_in_the_first() {
    let mut network = well();
    assert!(network.begin(7, &What::Partition { groups: vec![hosts([0, 1]), hosts([2])] }));
    let mut rng = rng();
    for (from, to, passes) in [(0, 1, true), (0, 2, false), (2, 0, false), (3, 0, true), (3, 2, false)] {
        assert_eq!(network.passage(gossip(from, to), &mut rng) == AT_ONCE, passes, "{from} to {to}");
    }
    assert_eq!(network.passage(call(1, 4), &mut rng), AT_ONCE);
    assert_eq!(network.passage(call(2, 4), &mut rng), Passage::Lost);
    assert_eq!(network.passage(call(4, 2), &mut rng), Passage::Lost, "answers are cut off too");
    assert_eq!(network.struck(7), 5);
    network.end(7);
    assert_eq!(network.passage(gossip(0, 2), &mut rng), AT_ONCE);
    assert_eq!(network.struck(7), 5, "what is over is still counted");
}

#[test]
fn a_service_can_be_in_the_second_group() {
    let mut network = well();
    let groups = vec![hosts([0]), vec![Place::Host(1), Place::Service("db".to_owned())]];
    network.begin(0, &What::Partition { groups });
    assert_eq!(network.passage(call(0, 4), &mut rng()), Passage::Lost);
    assert_eq!(network.passage(call(1, 4), &mut rng()), AT_ONCE);
}

#[test]
fn one_way_cuts_one_direction() {
    let mut network = well();
    network.begin(0, &What::OneWay { from: hosts([3]), to: hosts([0, 1]) });
    assert_eq!(network.passage(gossip(3, 0), &mut rng()), Passage::Lost);
    assert_eq!(network.passage(call(3, 1), &mut rng()), Passage::Lost);
    assert_eq!(network.passage(gossip(0, 3), &mut rng()), AT_ONCE);
    assert_eq!(network.passage(gossip(3, 2), &mut rng()), AT_ONCE);
    assert_eq!(network.struck(0), 2);
}

#[test]
fn shares_strike_about_as_often_as_asked_and_never_calls() {
    let share = 0.2;
    for (what, fared) in [
        (What::Loss { share }, (|passage| passage == Passage::Lost) as fn(Passage) -> bool),
        (What::Duplicate { share }, |passage| passage == Passage::Twice { held: Duration::ZERO }),
        (What::Reorder { share }, |passage| matches!(passage, Passage::Once { held } if !held.is_zero())),
    ] {
        let mut network = well();
        network.begin(3, &what);
        let struck = count(&mut network, gossip(0, 1), fared);
        assert!((150..=250).contains(&struck), "{what:?} struck {struck}");
        assert_eq!(network.struck(3), struck as u64, "{what:?}");
        assert_eq!(count(&mut network, call(0, 4), |passage| passage == AT_ONCE), 1_000, "{what:?}");
    }
}

#[test]
fn a_link_that_loses_does_so_without_a_fault() {
    let mut network = network(link(1_000, 1_000, 0.05));
    let lost = count(&mut network, gossip(0, 1), |passage| passage == Passage::Lost);
    assert!((25..=80).contains(&lost), "{lost}");
    assert_eq!(count(&mut network, call(0, 4), |passage| passage == Passage::Lost), 0);
}

#[test]
fn all_faults_that_strike_one_datagram_count() {
    let mut network = well();
    network.begin(1, &What::Loss { share: 1.0 });
    network.begin(2, &What::Partition { groups: vec![hosts([0]), hosts([1])] });
    network.begin(3, &What::Delay { by: Duration::from_millis(200) });
    assert_eq!(network.passage(gossip(0, 1), &mut rng()), Passage::Lost);
    assert_eq!([1, 2, 3].map(|index| network.struck(index)), [1, 1, 1]);
}

#[test]
fn holds_add_up_and_both_copies_are_held() {
    let mut network = well();
    network.begin(0, &What::Delay { by: Duration::from_millis(200) });
    network.begin(1, &What::Delay { by: Duration::from_millis(10) });
    network.begin(2, &What::Duplicate { share: 1.0 });
    assert_eq!(network.passage(gossip(0, 1), &mut rng()), Passage::Twice { held: Duration::from_millis(210) });
    assert_eq!(network.passage(call(0, 4), &mut rng()), AT_ONCE);
}

#[test]
fn dead_gossip_is_that_of_the_named_hosts_and_ends() {
    let mut network = well();
    network.begin(5, &What::GossipDead { hosts: vec![2] });
    assert!(network.refuses_gossip(Seat(2)) && !network.refuses_gossip(Seat(1)));
    assert_eq!(network.struck(5), 1);
    network.end(5);
    assert!(!network.refuses_gossip(Seat(2)));
}

#[test]
fn faults_of_others_are_not_the_networks() {
    let mut network = well();
    assert!(!network.begin(0, &What::Crash { hosts: vec![0], restart_after: None }));
    assert!(!network.begin(1, &What::Capacity { service: "db".to_owned(), to: 0.5 }));
    assert_eq!(network.passage(gossip(0, 1), &mut rng()), AT_ONCE);
}

#[test]
fn delays_stay_within_the_link_and_keep_its_mean() {
    for (min_us, max_us) in [(1_000, 3_000), (1_200, 1_200), (1_500, 2_250), (2_000, 2_000)] {
        let (network, mut rng) = (network(link(min_us, max_us, 0.0)), rng());
        let steps: Vec<_> = (0..20_000).map(|_| network.steps(Duration::ZERO, &mut rng)).collect();
        let (floor, ceiling) = (min_us / 1_000, max_us.div_ceil(1_000));
        assert!(steps.iter().all(|steps| (floor..=ceiling).contains(steps)), "{min_us} to {max_us}");
        let mean = steps.iter().sum::<u64>() as f64 / steps.len() as f64;
        let expected = (min_us + max_us) as f64 / 2_000.0;
        assert!((mean - expected).abs() < 0.03, "{mean} instead of {expected}");
    }
}

#[test]
fn nothing_arrives_in_the_step_it_was_sent_in() {
    let (network, mut rng) = (network(link(0, 100, 0.0)), rng());
    assert!((0..1_000).all(|_| network.steps(Duration::ZERO, &mut rng) == 1));
}
