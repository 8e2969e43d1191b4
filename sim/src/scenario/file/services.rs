//! The services of a scenario and their callers.
//!
//! A size can be written as a number (`240/s`, 200 calls) or relative to the demand, which is what all callers of a
//! service ask for when nothing fails: `capacity: 120%` of the demand, `warmup: {from: 30%, work: 60s}` of it, and a
//! queue that holds what the service serves in `800ms`. Numbers make a scenario of one size, shares follow `--hosts`.
//!
//! `backend-1..backend-200` names 200 services at once, with equal settings and callers; faults can name them so too.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::{Found, Section};
use breaker_agent::config::tree::{Value, quoted};
use breaker_agent::core::service::ServiceName;

use super::hosts::{Places, REST, host_number};
use super::word::{count, count_of, decimal, duration, duration_of, percentage_of, rate, rate_of, text, unknown, word};
use crate::plan::{Callers, Service, Warmup};

/// The names of a map of services, with where each is described.
pub(super) fn names<'a>(found: &Found<'a>, zones: &[&str], findings: &mut Findings) -> BTreeMap<String, Found<'a>> {
    let mut services = BTreeMap::new();
    for (key, below) in found.entries(findings) {
        for name in expanded(&key.text) {
            let wrong = match ServiceName::parse(&name) {
                Err(error) => Some(error.to_string()),
                Ok(_) if host_number(&name).is_some() || name == REST || zones.contains(&name.as_str()) => {
                    Some(format!("{} is the name of hosts already", quoted(&name)))
                }
                Ok(_) if services.contains_key(&name) => Some(format!("{} is described twice", quoted(&name))),
                Ok(_) => None,
            };
            match wrong {
                Some(wrong) => findings.add(key.place, &below.key, wrong),
                None => drop(services.insert(name, below.clone())),
            }
        }
    }
    if services.len() > SERVICES_MAX {
        found.complain(findings, format!("expected at most {SERVICES_MAX} services, got {}", services.len()));
    }
    services
}

/// `backend-1..backend-3` is three names; any other name is itself.
pub(super) fn expanded(text: &str) -> Vec<String> {
    let numbered = |name: &str| {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = name.split_at(name.len() - digits);
        Some((stem.to_owned(), number.parse::<u32>().ok()?))
    };
    let range = text.split_once("..").and_then(|(first, last)| Some((numbered(first)?, numbered(last)?)));
    match range {
        // One too many is seen by whoever counts them.
        Some(((stem, first), (same, last))) if stem == same && first <= last => {
            (first..=last).take(SERVICES_MAX + 1).map(|number| format!("{stem}{number}")).collect()
        }
        _ => vec![text.to_owned()],
    }
}

/// What a service is like, given the calls a second that its callers make.
pub(super) fn service(found: &Found<'_>, demand: f64, findings: &mut Findings) -> Option<Service> {
    let section = found.section(&["capacity", "latency", "queue", "warmup"], findings);
    let capacity = required(found, &section, "capacity", findings)?;
    let capacity = calls_a_second(&capacity, demand, findings)?;
    let latency = section.found("latency").map_or(Some(LATENCY), |found| duration(&found, findings));
    let queue = section.found("queue").map_or(Some(QUEUE), |found| queue(&found, capacity, findings));
    let warmup = section.found("warmup").map(|found| warmup(&found, demand, findings));
    let warmup = warmup.map_or(Some(None), |warmup| warmup.map(Some));
    Some(Service { capacity, latency: latency?, queue: queue?, warmup: warmup? })
}

/// A rate, or a share of the demand.
fn calls_a_second(found: &Found<'_>, demand: f64, findings: &mut Findings) -> Option<f64> {
    let expected = "a rate such as 240/s, or a percentage of the demand such as 120%";
    let rate = word(found, findings, expected, |scalar| {
        rate_of(scalar).or_else(|| percentage_of(scalar).map(|share| share * demand))
    })?;
    if rate <= 0.0 {
        found.complain(findings, "expected more than nothing: nobody calls this service");
    }
    (rate > 0.0).then_some(rate)
}

fn queue(found: &Found<'_>, capacity: f64, findings: &mut Findings) -> Option<usize> {
    let expected = format!("a number of calls from 0 to {QUEUE_MAX}, or the time to serve them such as 800ms");
    word(found, findings, &expected, |scalar| {
        let served_in = |time: Duration| (time.as_secs_f64() * capacity).ceil() as usize;
        count_of(scalar).or_else(|| duration_of(scalar).map(served_in)).filter(|calls| *calls <= QUEUE_MAX)
    })
}

fn warmup(found: &Found<'_>, demand: f64, findings: &mut Findings) -> Option<Warmup> {
    let section = found.section(&["from", "work"], findings);
    let from = required(found, &section, "from", findings);
    let work = required(found, &section, "work", findings);
    let from = calls_a_second(&from?, demand, findings);
    let expected = "a number of calls such as 12000, or the time of the demand that makes them such as 60s";
    let work = word(&work?, findings, expected, |scalar| {
        let of_demand = duration_of(scalar).map(|time| time.as_secs_f64() * demand);
        of_demand.or_else(|| decimal(&scalar.text)).filter(|work| (1.0..=WORK_MAX).contains(work))
    });
    Some(Warmup { from: from?, work: work? })
}

/// Who calls, each line expanded; `services` are the names there are.
pub(super) fn callers(found: &Found<'_>, places: &Places, findings: &mut Findings) -> Vec<Callers> {
    let Value::List(nodes) = &found.node.value else {
        if found.node.value != Value::Nothing {
            found.refuse(findings, "a list of callers");
        }
        return Vec::new();
    };
    let mut callers = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let line = found.below(&index.to_string(), node);
        callers.extend(callers_of(&line, places, findings).unwrap_or_default());
        if callers.len() > CALLERS_MAX {
            found.complain(findings, format!("expected at most {CALLERS_MAX} callers, a service each"));
            return Vec::new();
        }
    }
    callers
}

fn callers_of(found: &Found<'_>, places: &Places, findings: &mut Findings) -> Option<Vec<Callers>> {
    let section = found.section(&["service", "rate", "timeout", "retries", "hosts"], findings);
    let service = required(found, &section, "service", findings);
    let rate_found = required(found, &section, "rate", findings);
    let timeout = section.found("timeout").map_or(Some(TIMEOUT), |found| duration(&found, findings));
    let retries = section.found("retries").map_or(Some(0), |found| count(&found, findings, &RETRIES));
    let hosts = section.found("hosts").map_or(Some(Vec::new()), |found| places.set_of_hosts(&found, findings));
    let services = service_named(&service?, places, findings);
    let rate = rate(&rate_found?, findings);
    let line = Callers {
        service: String::new(),
        rate: rate?,
        timeout: timeout?,
        retries: u32::try_from(retries?).ok()?,
        hosts: hosts?,
    };
    Some(services?.into_iter().map(|service| Callers { service, ..line.clone() }).collect())
}

/// The services a word names: one, or a range.
pub(super) fn service_named(found: &Found<'_>, places: &Places, findings: &mut Findings) -> Option<Vec<String>> {
    let names = expanded(text(found, findings, "the name of a service")?);
    let known = places.service_names();
    if let Some(missing) = names.iter().find(|name| !known.contains(&name.as_str())) {
        unknown(found, findings, ("service", missing), &known);
        return None;
    }
    Some(names)
}

/// What must be written; if it is not, that is said.
pub(super) fn required<'a>(
    found: &Found<'a>,
    section: &Section<'a>,
    key: &str,
    findings: &mut Findings,
) -> Option<Found<'a>> {
    let below = section.found(key);
    if below.is_none() && matches!(found.node.value, Value::Map(_) | Value::Nothing) {
        found.complain(findings, format!("expected the key {key}"));
    }
    below
}

/// Where nothing is written: a service nearby.
const LATENCY: Duration = Duration::from_millis(20);

/// Where nothing is written: more than clients with the usual timeouts wait for.
const QUEUE: usize = 1_000;

/// Where nothing is written.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Most services: five times the largest scenario built in; each is a host of its own on the simulated network.
pub(super) const SERVICES_MAX: usize = 1_000;

/// Most lines of callers once expanded: one for each service.
pub(super) const CALLERS_MAX: usize = 1_000;

/// Longest queue: at 100,000 calls a second, ten seconds of them.
pub(super) const QUEUE_MAX: usize = 1_000_000;

/// Most work of a warm-up: a day at ten thousand calls a second.
const WORK_MAX: f64 = 1e9;

/// More retries than ten only multiply an outage.
pub(super) const RETRIES: RangeInclusive<usize> = 0..=10;
