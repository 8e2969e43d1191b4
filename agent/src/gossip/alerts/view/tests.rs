//! Who is chosen, and how evenly.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn peers(count: u16) -> Vec<Neighbour> {
    let peer = |number: u16| Neighbour {
        host: HostId::new(&format!("h{number}")),
        incarnation: 1,
        address: SocketAddr::from(([127, 0, 0, 1], number)),
    };
    (0..count).map(peer).collect()
}

fn chosen(seed: u64, live: &[Neighbour]) -> BTreeSet<SocketAddr> {
    let mut view = View::new(HostId::new("me"), seed);
    view.choose(live);
    view.chosen().iter().map(|peer| peer.address).collect()
}

#[test]
fn as_many_are_chosen_as_allowed_and_all_where_there_are_no_more() {
    for (live, expected) in [(0, 0), (VIEW_MAX, VIEW_MAX), (VIEW_MAX + 1, VIEW_MAX)] {
        assert_eq!(chosen(1, &peers(u16::try_from(live).unwrap())).len(), expected);
    }
}

#[test]
fn one_that_comes_or_goes_changes_the_choice_by_one() {
    let all = peers(300);
    let before = chosen(1, &all);
    for gone in 0..all.len() {
        let mut left = all.clone();
        left.remove(gone);
        let after = chosen(1, &left);
        let was_chosen = usize::from(before.contains(&all[gone].address));
        assert_eq!(before.difference(&after).count(), was_chosen);
        assert_eq!(after.difference(&before).count(), was_chosen);
    }
}

#[test]
fn hosts_choose_independently_and_nobody_is_left_out() {
    let all = peers(1_000);
    let mut chosen_by = BTreeMap::<_, u32>::new();
    for (seed, me) in (0..).zip(&all) {
        let mut view = View::new(me.host.clone(), seed);
        view.choose(&all.iter().filter(|peer| *peer != me).cloned().collect::<Vec<_>>());
        view.chosen().iter().for_each(|peer| *chosen_by.entry(peer.address).or_default() += 1);
    }
    let (least, most) = (chosen_by.values().min().unwrap(), chosen_by.values().max().unwrap());
    assert!(chosen_by.len() == 1_000 && *least >= 32 && *most <= 100, "{least} to {most}");
}

#[test]
fn nobody_is_drawn_twice() {
    let mut view = View::new(HostId::new("me"), 1);
    view.choose(&peers(5));
    let mut rng = StdRng::seed_from_u64(1);
    for most in [0, 1, 3, 5, 9] {
        let drawn: BTreeSet<_> = view.draw(most, &mut rng).into_iter().map(|peer| peer.address).collect();
        assert_eq!(drawn.len(), most.min(5));
    }
}

/// Everybody is next of somebody on each ring, and the rings differ.
#[test]
fn the_rings_lead_through_everybody() {
    let all = peers(100);
    let mut next = [BTreeSet::new(), BTreeSet::new()];
    let mut same = 0;
    for me in &all {
        let others: Vec<_> = all.iter().filter(|peer| *peer != me).cloned().collect();
        let mut view = View::new(me.host.clone(), 1);
        view.choose(&others);
        same += usize::from(view.next == 1);
        for (ring, next) in next.iter_mut().enumerate() {
            next.insert(view.next_on(ring as u64, &others).unwrap().address);
        }
        assert!(view.draw(3, &mut StdRng::seed_from_u64(1)).contains(&&view.chosen[0]));
    }
    assert_eq!(next.map(|next| next.len()), [100, 100]);
    assert!(same <= 5, "{same} have one neighbour on both");
}
