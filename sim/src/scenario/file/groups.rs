//! Groups of hosts and services: the sides of a partition, the two ends of a fault that goes one way.
//!
//! A group is a set as in `hosts`, may name services, and `rest` is the group of all hosts in no other. Places named
//! come first; then those chosen by how many are dealt out of the remaining hosts, a partition's from the beginning and
//! in the groups' order, a one-way fault's from the end. Shares that add up to all but for rounding are all: the last
//! group takes what is left.
//!
//! **Invariant:** no place is in two groups, no group is empty, and a partition leaves no host out.

use std::collections::BTreeSet;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::Found;
use breaker_agent::config::tree::Value;

use super::hosts::{Named, Places, items};
use crate::plan::Place;

/// Sides of a partition: at least two.
pub(super) fn partition(places: &Places, found: &Found<'_>, findings: &mut Findings) -> Option<Vec<Vec<Place>>> {
    let Value::List(nodes) = &found.node.value else {
        found.refuse(findings, "groups such as [[h0..h4], rest] or [50%, 50%]");
        return None;
    };
    if nodes.len() < 2 {
        found.complain(findings, "expected at least two groups: one is no partition");
        return None;
    }
    let groups = Groups::read(places, items(found), findings)?;
    let filled = groups.fill(Dealt::FromTheStart, findings)?;
    let placed: BTreeSet<_> = filled.iter().flatten().collect();
    let lost = (0..places.hosts()).find(|host| !placed.contains(&Place::Host(*host)));
    if let Some(lost) = lost {
        found.complain(findings, format!("h{lost} is in no group (rest is the group of all others)"));
    }
    lost.is_none().then_some(filled)
}

/// The two ends of a fault that goes one way.
pub(super) fn ends(places: &Places, ends: &[Found<'_>; 2], findings: &mut Findings) -> Option<[Vec<Place>; 2]> {
    Groups::read(places, ends.to_vec(), findings)?.fill(Dealt::FromTheEnd, findings)?.try_into().ok()
}

/// From which side hosts are chosen by how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dealt {
    FromTheStart,
    FromTheEnd,
}

/// Groups as written.
struct Groups<'a> {
    hosts: usize,
    groups: Vec<(Found<'a>, Vec<Named>)>,
}

impl<'a> Groups<'a> {
    fn read(places: &Places, written: Vec<Found<'a>>, findings: &mut Findings) -> Option<Self> {
        let mut groups = Vec::new();
        for group in written {
            let named = items(&group).iter().map(|item| places.named(item, findings)).collect::<Option<Vec<_>>>()?;
            groups.push((group, named));
        }
        Some(Self { hosts: places.hosts(), groups })
    }

    fn fill(&self, dealt: Dealt, findings: &mut Findings) -> Option<Vec<Vec<Place>>> {
        let mut filled = self.named_places(findings)?;
        let taken: BTreeSet<_> = filled.iter().flatten().cloned().collect();
        let mut free: Vec<usize> = (0..self.hosts).filter(|host| !taken.contains(&Place::Host(*host))).collect();
        if dealt == Dealt::FromTheEnd {
            free.reverse();
        }
        let rest = self.deal(free, dealt, &mut filled, findings)?;
        self.give_rest(rest, &mut filled, findings)?;
        if let Some(empty) = filled.iter().position(Vec::is_empty) {
            self.groups[empty].0.complain(findings, "nobody is in this group");
            return None;
        }
        filled.iter_mut().for_each(|group| group.sort());
        Some(filled)
    }

    fn named_places(&self, findings: &mut Findings) -> Option<Vec<Vec<Place>>> {
        let mut taken = BTreeSet::new();
        let mut filled = Vec::new();
        for (found, named) in &self.groups {
            let places: Vec<_> = named.iter().filter_map(Named::places).flatten().cloned().collect();
            if let Some(again) = places.iter().find(|place| !taken.insert((*place).clone())) {
                let name = match again {
                    Place::Host(host) => format!("h{host}"),
                    Place::Service(name) => name.clone(),
                };
                found.complain(findings, format!("{name} is named twice"));
                return None;
            }
            filled.push(places);
        }
        Some(filled)
    }

    /// Deals the hosts chosen by how many; what is left then.
    fn deal(
        &self,
        free: Vec<usize>,
        dealt: Dealt,
        filled: &mut [Vec<Place>],
        findings: &mut Findings,
    ) -> Option<Vec<usize>> {
        let counts = |named: &[Named]| named.iter().filter_map(Named::count).sum::<usize>();
        let chosen: usize = self.groups.iter().map(|(_, named)| counts(named)).sum();
        let only_counts = self.groups.iter().flat_map(|(_, named)| named).all(Named::is_no_host);
        let rounded_off = free.len().saturating_sub(chosen);
        let is_rounding = only_counts && dealt == Dealt::FromTheStart && rounded_off < self.groups.len();
        let mut free = free.into_iter();
        for (index, (found, named)) in self.groups.iter().enumerate() {
            let last = index + 1 == self.groups.len();
            let wanted = counts(named) + if last && is_rounding { rounded_off } else { 0 };
            let hosts: Vec<_> = free.by_ref().take(wanted).map(Place::Host).collect();
            if hosts.len() < wanted {
                found.complain(findings, format!("of {} hosts there are not {wanted} left for this", self.hosts));
                return None;
            }
            filled[index].extend(hosts);
        }
        Some(free.collect())
    }

    fn give_rest(&self, rest: Vec<usize>, filled: &mut [Vec<Place>], findings: &mut Findings) -> Option<()> {
        let mut asking = self.groups.iter().enumerate().filter(|(_, (_, named))| named.contains(&Named::Rest));
        if let Some((index, _)) = asking.next() {
            filled[index].extend(rest.into_iter().map(Place::Host));
        }
        if let Some((_, (found, _))) = asking.next() {
            found.complain(findings, "rest can be only one group");
            return None;
        }
        Some(())
    }
}
