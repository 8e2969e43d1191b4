//! The top of a scenario: its name, length, hosts, links; everything else is below.
//!
//! `--hosts` replaces the number of hosts, or spreads over the zones in the proportions of the file (largest remainder,
//! nobody empty), before anything else is read: whatever names a host or a share of them is then read for the cluster
//! there will be.

use std::time::Duration;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::{Found, Section};
use breaker_agent::config::tree::{Node, Value, quoted};

use super::hosts::{Places, REST, host_number};
use super::services::{self, required};
use super::word::{count, duration, plain_duration, share, word};
use super::{agent, expect, faults};
use crate::plan::{Callers, Link, Scenario, Zone};

/// Reads a whole tree; faults are said, and what comes out in spite of them means nothing.
pub(super) fn scenario(tree: &Node, hosts: Option<usize>, findings: &mut Findings) -> Option<Scenario> {
    let whole = Found::top(tree);
    let top = whole.section(KEYS, findings);
    let name = required(&whole, &top, "name", findings).and_then(|found| plain_name(&found, findings));
    let duration = required(&whole, &top, "duration", findings).and_then(|found| duration(&found, findings));
    let zones = zones(&whole, &top, hosts, findings);
    let link = top.found("link").map_or(Some(LINK), |found| link(&found, findings));
    let agent = top.found("agent").map_or_else(|| "{}".to_owned(), |found| agent::agent(&found, findings));
    let expect = top.found("expect").map(|found| expect::expect(&found, findings)).unwrap_or_default();
    let mut scenario = Scenario {
        name: name?,
        duration: duration?,
        zones: zones?,
        link: link?,
        agent,
        services: [].into(),
        callers: Vec::new(),
        faults: Vec::new(),
        expect,
    };
    let places = services_and_callers(&top, &mut scenario, findings);
    let stage = faults::Stage { places: &places, duration: scenario.duration };
    scenario.faults = top.found("faults").map(|found| faults::faults(&found, stage, findings)).unwrap_or_default();
    Some(scenario)
}

/// Callers are read first: what services are like may depend on what is asked of them.
fn services_and_callers(top: &Section<'_>, scenario: &mut Scenario, findings: &mut Findings) -> Places {
    let zones: Vec<_> = scenario.zones.iter().filter_map(|zone| zone.name.as_deref()).collect();
    let names = top.found("services").map(|found| services::names(&found, &zones, findings)).unwrap_or_default();
    let places = Places::new(&scenario.zones, names.keys());
    scenario.callers =
        top.found("callers").map(|found| services::callers(&found, &places, findings)).unwrap_or_default();
    let hosts = scenario.hosts();
    for (name, found) in names {
        let calls = |line: &Callers| line.rate * if line.hosts.is_empty() { hosts } else { line.hosts.len() } as f64;
        let demand = scenario.callers.iter().filter(|line| line.service == name).map(calls).sum();
        if let Some(service) = services::service(&found, demand, findings) {
            scenario.services.insert(name, service);
        }
    }
    places
}

fn plain_name(found: &Found<'_>, findings: &mut Findings) -> Option<String> {
    let expected = "a name of 1 to 64 letters, digits, dots, dashes or underscores";
    word(found, findings, expected, |scalar| is_plain(&scalar.text).then(|| scalar.text.clone()))
}

fn is_plain(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The zones, or the one that has no name.
fn zones(whole: &Found<'_>, top: &Section<'_>, wanted: Option<usize>, findings: &mut Findings) -> Option<Vec<Zone>> {
    let mut zones = match (top.found("hosts"), top.found("zones")) {
        (Some(found), None) => vec![Zone { name: None, hosts: count(&found, findings, &(1..=HOSTS_MAX))? }],
        (None, Some(found)) => named_zones(&found, findings)?,
        (Some(_), Some(zones)) => {
            zones.complain(findings, "expected either hosts or zones, got both");
            return None;
        }
        // Whatever is no map has been complained of.
        (None, None) if !matches!(whole.node.value, Value::Map(_) | Value::Nothing) => return None,
        (None, None) => {
            whole.complain(findings, "expected the key hosts or zones");
            return None;
        }
    };
    if let Some(wanted) = wanted {
        if wanted < zones.len() {
            let places = format!("{} zones need a host each, {wanted} hosts are asked for", zones.len());
            top.found("zones")?.complain(findings, places);
            return None;
        }
        spread(&mut zones, wanted);
    }
    Some(zones)
}

fn named_zones(found: &Found<'_>, findings: &mut Findings) -> Option<Vec<Zone>> {
    let mut zones = Vec::new();
    for (key, below) in found.entries(findings) {
        if !is_plain(&key.text) || host_number(&key.text).is_some() || key.text == REST {
            let what = "expected a zone's name of letters, digits, dots, dashes or underscores, and not that of a host";
            findings.add(key.place, &below.key, format!("{what}, got {}", quoted(&key.text)));
            return None;
        }
        let hosts = count(&below, findings, &(1..=HOSTS_MAX))?;
        zones.push(Zone { name: Some(key.text.clone()), hosts });
    }
    let hosts: usize = zones.iter().map(|zone| zone.hosts).sum();
    if zones.is_empty() || zones.len() > ZONES_MAX || hosts > HOSTS_MAX {
        found.complain(findings, format!("expected 1 to {ZONES_MAX} zones with at most {HOSTS_MAX} hosts together"));
        return None;
    }
    Some(zones)
}

/// As many hosts as wanted, in the proportions there are.
fn spread(zones: &mut [Zone], wanted: usize) {
    let all: usize = zones.iter().map(|zone| zone.hosts).sum();
    let spare = wanted - zones.len();
    let exact: Vec<_> = zones.iter().map(|zone| (zone.hosts * spare) / all).collect();
    let mut by_remainder: Vec<_> = (0..zones.len()).collect();
    by_remainder.sort_by_key(|index| (std::cmp::Reverse((zones[*index].hosts * spare) % all), *index));
    let left = spare - exact.iter().sum::<usize>();
    for (zone, exact) in zones.iter_mut().zip(exact) {
        zone.hosts = 1 + exact;
    }
    for index in by_remainder.into_iter().take(left) {
        zones[index].hosts += 1;
    }
}

fn link(found: &Found<'_>, findings: &mut Findings) -> Option<Link> {
    let section = found.section(&["latency", "loss"], findings);
    let latency = section.found("latency").map(|found| latency(&found, findings));
    let loss = section.found("loss").map_or(Some(LINK.loss), |found| share(&found, findings));
    let (latency_min, latency_max) = latency.unwrap_or(Some((LINK.latency_min, LINK.latency_max)))?;
    Some(Link { latency_min, latency_max, loss: loss? })
}

/// `1ms..3ms`, or one that never varies.
fn latency(found: &Found<'_>, findings: &mut Findings) -> Option<(Duration, Duration)> {
    word(found, findings, "a latency such as 2ms or 1ms..3ms, up to 10s", |scalar| {
        let (shortest, longest) = scalar.text.split_once("..").unwrap_or((&scalar.text, &scalar.text));
        let both = (plain_duration(shortest)?, plain_duration(longest)?);
        (both.0 <= both.1 && both.1 <= LATENCY_MAX).then_some(both)
    })
}

const KEYS: &[&str] =
    &["name", "duration", "hosts", "zones", "link", "agent", "services", "callers", "faults", "expect"];

/// Where nothing is written: links of one data centre that lose nothing.
const LINK: Link = Link { latency_min: Duration::from_millis(1), latency_max: Duration::from_millis(3), loss: 0.0 };

/// Longest latency: far beyond any timeout of gossip or callers.
pub(super) const LATENCY_MAX: Duration = Duration::from_secs(10);

/// Most hosts: agents of so many fit in memory, and gossip is made for half as many.
pub const HOSTS_MAX: usize = 1_000;

/// Most zones: a region has three or four.
pub(super) const ZONES_MAX: usize = 16;

/// Longest name of a scenario or zone, as of the agent's own names.
const NAME_MAX: usize = 64;
