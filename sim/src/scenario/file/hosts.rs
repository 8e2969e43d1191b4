//! Sets of hosts: `h3`, `h0..h9`, a zone's name, `2`, `29%`, and lists of them.
//!
//! Hosts can be named by their numbers, or chosen by how many: `2` are two hosts, `29%` that share of all, rounded down
//! (29 % of 12 are 3, so that less than a third stays less than a third). Numbers make a scenario of one size; shares
//! follow `--hosts`. A fault that chooses takes hosts from the end, so that h0, which gossip is told to call first, goes
//! on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::Found;
use breaker_agent::config::tree::{Scalar, Value, quoted};

use super::word::{count_of, percentage_of};
use crate::plan::{Place, Zone};

/// The places there are.
#[derive(Debug)]
pub(super) struct Places {
    hosts: usize,
    zones: BTreeMap<String, Range<usize>>,
    services: BTreeSet<String>,
}

/// One word of a set or of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// These.
    Places(Vec<Place>),
    /// So many hosts.
    Some(usize),
    /// All hosts that nobody else names.
    Rest,
}

impl Places {
    pub(super) fn new<'n>(zones: &[Zone], services: impl Iterator<Item = &'n String>) -> Self {
        let mut first = 0;
        let mut ranges = BTreeMap::new();
        for Zone { name, hosts } in zones {
            if let Some(name) = name {
                ranges.insert(name.clone(), first..first + hosts);
            }
            first += hosts;
        }
        Self { hosts: first, zones: ranges, services: services.cloned().collect() }
    }

    pub(super) fn hosts(&self) -> usize {
        self.hosts
    }

    pub(super) fn service_names(&self) -> Vec<&str> {
        self.services.iter().map(String::as_str).collect()
    }

    /// Hosts, in order of number; at least one.
    pub(super) fn set_of_hosts(&self, found: &Found<'_>, findings: &mut Findings) -> Option<Vec<usize>> {
        let named = items(found).iter().map(|item| self.named(item, findings)).collect::<Option<Vec<_>>>()?;
        let mut hosts = BTreeSet::new();
        for (item, named) in items(found).iter().zip(named) {
            match named {
                Named::Some(count) => hosts.extend(self.hosts - count..self.hosts),
                Named::Places(places) => {
                    for place in places {
                        let Place::Host(host) = place else {
                            item.refuse(findings, HOSTS_EXPECTED);
                            return None;
                        };
                        hosts.insert(host);
                    }
                }
                Named::Rest => {
                    item.complain(findings, "expected hosts, got 'rest', which is a group of a partition");
                    return None;
                }
            }
        }
        self.some(found, findings, hosts.into_iter().collect())
    }

    fn some(&self, found: &Found<'_>, findings: &mut Findings, hosts: Vec<usize>) -> Option<Vec<usize>> {
        if hosts.is_empty() {
            found.complain(findings, format!("expected at least one host, got none of {}", self.hosts));
            return None;
        }
        Some(hosts)
    }

    pub(super) fn named(&self, item: &Found<'_>, findings: &mut Findings) -> Option<Named> {
        let Value::Scalar(scalar) = &item.node.value else {
            item.refuse(findings, HOSTS_EXPECTED);
            return None;
        };
        let named = self.counted(scalar).or_else(|| self.listed(&scalar.text));
        match named {
            None => item.refuse(findings, HOSTS_EXPECTED),
            Some(Err(what)) => item.complain(findings, what),
            Some(Ok(named)) => return Some(named),
        }
        None
    }

    fn counted(&self, scalar: &Scalar) -> Option<Result<Named, String>> {
        let (count, of) = match (count_of(scalar), percentage_of(scalar)) {
            (Some(count), _) => (count, String::new()),
            // A tenth of a thousandth, so that 29 % of 100 are 29 in spite of binary fractions.
            (None, Some(share)) => ((share * self.hosts as f64 + 1e-4) as usize, format!("{} of ", scalar.text)),
            (None, None) => return None,
        };
        Some(match count {
            0 => Err(format!("{of}{} hosts is none", self.hosts)),
            count if count > self.hosts => Err(format!("there are only {} hosts", self.hosts)),
            count => Ok(Named::Some(count)),
        })
    }

    fn listed(&self, text: &str) -> Option<Result<Named, String>> {
        if text == REST {
            return Some(Ok(Named::Rest));
        }
        if let Some(zone) = self.zones.get(text) {
            return Some(Ok(Named::Places(zone.clone().map(Place::Host).collect())));
        }
        if self.services.contains(text) {
            return Some(Ok(Named::Places(vec![Place::Service(text.to_owned())])));
        }
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (host_number(first)?, host_number(last)?);
        let beyond = [first, last].into_iter().find(|host| *host >= self.hosts);
        Some(match beyond {
            Some(host) => Err(format!("there is no h{host}, the last of {} hosts is h{}", self.hosts, self.hosts - 1)),
            None if first > last => Err(format!("expected the lower number first, got {}", quoted(text))),
            None => Ok(Named::Places((first..=last).map(Place::Host).collect())),
        })
    }
}

impl Named {
    pub(super) fn places(&self) -> Option<&Vec<Place>> {
        match self {
            Self::Places(places) => Some(places),
            Self::Some(_) | Self::Rest => None,
        }
    }

    /// Whether it names no host by its number or zone, nor all that are left.
    pub(super) fn is_no_host(&self) -> bool {
        match self {
            Self::Places(places) => places.iter().all(|place| matches!(place, Place::Service(_))),
            Self::Some(_) => true,
            Self::Rest => false,
        }
    }

    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Some(count) => Some(*count),
            Self::Places(_) | Self::Rest => None,
        }
    }
}

/// The items of a list, or the one word there is.
pub(super) fn items<'a>(found: &Found<'a>) -> Vec<Found<'a>> {
    match &found.node.value {
        Value::List(nodes) => {
            nodes.iter().enumerate().map(|(index, node)| found.below(&index.to_string(), node)).collect()
        }
        Value::Nothing | Value::Scalar(_) | Value::Map(_) => vec![found.clone()],
    }
}

/// The number of `h12`.
pub(super) fn host_number(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('h')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

/// The group of all hosts that are in no other.
pub(super) const REST: &str = "rest";

const HOSTS_EXPECTED: &str = "hosts such as h3, h0..h9, a zone, 2 or 29%";
