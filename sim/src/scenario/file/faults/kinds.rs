//! The kinds of faults: the key of each, what may stand beside it, and how its value is read.
//!
//! A fault of services that names a range of them (`backend-1..backend-200`) is as many faults.

use breaker_agent::config::error::Findings;
use breaker_agent::config::section::{Found, Section};

use super::super::groups;
use super::super::services::{required, service_named};
use super::super::word::{duration, share, word};
use super::Reader;
use crate::plan::{Down, What};

/// A kind of fault.
pub(super) struct Kind {
    pub(super) key: &'static str,
    /// A second key that only this kind knows.
    pub(super) beside: Option<&'static str>,
    pub(super) length: Length,
    pub(super) read: for<'a, 'f> fn(&mut Reader<'a, 'f>, &Found<'a>, &Section<'a>) -> Option<Vec<What>>,
}

/// Whether a fault has a `for`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// Without it, the fault stays.
    Free,
    /// It needs one: why.
    Needed(&'static str),
    /// It has none: what to write instead.
    None(&'static str),
}

pub(super) const KINDS: &[Kind] = &[
    Kind { key: "service_down", beside: Some("mode"), length: Length::Free, read: service_down },
    Kind { key: "service_errors", beside: None, length: Length::Free, read: service_errors },
    Kind { key: "service_slow", beside: None, length: Length::Free, read: service_slow },
    Kind { key: "capacity", beside: None, length: Length::Free, read: capacity },
    Kind { key: "partition", beside: None, length: Length::Free, read: partition },
    Kind { key: "one_way", beside: None, length: Length::Free, read: one_way },
    Kind { key: "sick_host", beside: Some("fails"), length: Length::Free, read: sick_host },
    Kind { key: "liar", beside: Some("service"), length: Length::Free, read: liar },
    Kind { key: "loss", beside: None, length: Length::Free, read: loss },
    Kind { key: "duplicate", beside: None, length: Length::Free, read: duplicate },
    Kind { key: "reorder", beside: None, length: Length::Free, read: reorder },
    Kind { key: "delay", beside: None, length: Length::Free, read: delay },
    Kind { key: "crash", beside: Some("restart_after"), length: Length::None(CRASH_INSTEAD), read: crash },
    Kind { key: "pause", beside: None, length: Length::Needed(PAUSE_NEEDS), read: pause },
    Kind { key: "rolling_restart", beside: None, length: Length::None(ROLLING_INSTEAD), read: rolling_restart },
    Kind { key: "gossip_dead", beside: None, length: Length::Free, read: gossip_dead },
];

const CRASH_INSTEAD: &str = "write restart_after if the host comes back";
const PAUSE_NEEDS: &str = "a host that never goes on has crashed";
const ROLLING_INSTEAD: &str = "it ends with the last host";

fn service_down<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, section: &Section<'a>) -> Option<Vec<What>> {
    let services = service_named(value, reader.stage.places, reader.findings);
    let mode = section.found("mode").map_or(Some(Down::Refuse), |found| {
        word(&found, reader.findings, "refuse or hang", |scalar| match scalar.text.as_str() {
            "refuse" => Some(Down::Refuse),
            "hang" => Some(Down::Hang),
            _ => None,
        })
    })?;
    Some(services?.into_iter().map(|service| What::ServiceDown { service, mode }).collect())
}

fn service_errors<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    let (services, rate) = of_service(reader, value, "rate", share)?;
    Some(services.into_iter().map(|service| What::ServiceErrors { service, rate }).collect())
}

fn service_slow<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    let (services, by) = of_service(reader, value, "by", duration)?;
    Some(services.into_iter().map(|service| What::ServiceSlow { service, by }).collect())
}

fn capacity<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    let (services, to) = of_service(reader, value, "to", share)?;
    Some(services.into_iter().map(|service| What::Capacity { service, to }).collect())
}

/// `{service: NAME, KEY: VALUE}`.
fn of_service<'a, T>(
    reader: &mut Reader<'a, '_>,
    value: &Found<'a>,
    key: &str,
    read: fn(&Found<'_>, &mut Findings) -> Option<T>,
) -> Option<(Vec<String>, T)> {
    let section = value.section(&["service", key], reader.findings);
    let service = required(value, &section, "service", reader.findings);
    let amount = required(value, &section, key, reader.findings);
    let services = service_named(&service?, reader.stage.places, reader.findings);
    let amount = read(&amount?, reader.findings);
    Some((services?, amount?))
}

fn partition<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    let groups = groups::partition(reader.stage.places, value, reader.findings)?;
    Some(vec![What::Partition { groups }])
}

fn one_way<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    let section = value.section(&["from", "to"], reader.findings);
    let from = required(value, &section, "from", reader.findings);
    let to = required(value, &section, "to", reader.findings);
    let [from, to] = groups::ends(reader.stage.places, &[from?, to?], reader.findings)?;
    Some(vec![What::OneWay { from, to }])
}

fn sick_host<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, section: &Section<'a>) -> Option<Vec<What>> {
    let hosts = reader.stage.places.set_of_hosts(value, reader.findings);
    let fails = section.found("fails").map_or(Some(1.0), |found| share(&found, reader.findings));
    Some(vec![What::SickHost { hosts: hosts?, fails: fails? }])
}

fn liar<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, section: &Section<'a>) -> Option<Vec<What>> {
    let hosts = reader.stage.places.set_of_hosts(value, reader.findings);
    let service = required(&reader.line, section, "service", reader.findings)?;
    let services = service_named(&service, reader.stage.places, reader.findings)?;
    let hosts = hosts?;
    Some(services.into_iter().map(|service| What::Liar { hosts: hosts.clone(), service }).collect())
}

fn loss<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::Loss { share: share(value, reader.findings)? }])
}

fn duplicate<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::Duplicate { share: share(value, reader.findings)? }])
}

fn reorder<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::Reorder { share: share(value, reader.findings)? }])
}

fn delay<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::Delay { by: only(reader, value, "by")? }])
}

fn crash<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, section: &Section<'a>) -> Option<Vec<What>> {
    let hosts = reader.stage.places.set_of_hosts(value, reader.findings);
    let after = section.found("restart_after").map(|found| duration(&found, reader.findings));
    Some(vec![What::Crash { hosts: hosts?, restart_after: after.map_or(Some(None), |after| after.map(Some))? }])
}

fn pause<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::Pause { hosts: reader.stage.places.set_of_hosts(value, reader.findings)? }])
}

fn gossip_dead<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::GossipDead { hosts: reader.stage.places.set_of_hosts(value, reader.findings)? }])
}

fn rolling_restart<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, _: &Section<'a>) -> Option<Vec<What>> {
    Some(vec![What::RollingRestart { every: only(reader, value, "every")? }])
}

/// `{KEY: DURATION}`.
fn only<'a>(reader: &mut Reader<'a, '_>, value: &Found<'a>, key: &str) -> Option<std::time::Duration> {
    let section = value.section(&[key], reader.findings);
    let below = required(value, &section, key, reader.findings)?;
    duration(&below, reader.findings)
}
