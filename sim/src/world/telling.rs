//! What happens in the world, as lines of the trace: their columns are those `trace` documents.

use std::time::Duration;

use breaker_agent::core::evidence::{Judgement, Scope};
use breaker_agent::core::state::{ClusterNotice, Entry, HostNotice, Notice};

use crate::cluster::host_name;
use crate::trace::{Event, Recorder};

use super::{Lives, Turn};

pub(super) fn notice(recorder: &Recorder, at: Duration, (host, service): (&str, &str), notice: &Notice) {
    match notice {
        Notice::Changed(changed) => {
            let (from, to, reason) = (changed.from.as_str(), changed.to.as_str(), changed.reason.code());
            recorder.record(at, host, Event::Transition { service, from, to, reason });
        }
        Notice::Exceeded(reason) => recorder.record(at, host, Event::Exceeded { service, reason: reason.code() }),
        Notice::Cluster(step) => {
            let (step, number, why) = words(step);
            recorder.record(at, host, Event::Cluster { service, step, number, why: &why });
        }
    }
}

fn words(notice: &ClusterNotice) -> (&'static str, u64, String) {
    match notice {
        ClusterNotice::Entered { number, from, how, on_hearsay, judged } => {
            let how = match how {
                Entry::Started => "started",
                Entry::Joined => "joined",
                Entry::Adopted => "adopted",
            };
            let whose = if *on_hearsay { "on hearsay" } else { "with own evidence" };
            let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
            ("entered", *number, format!("{how}{from} {whose}: {}", judgement(judged)))
        }
        ClusterNotice::Capped { number, refused, used } => ("capped", *number, format!("{refused} of {used} refused")),
        ClusterNotice::HalfOpen { number } => ("half_open", *number, String::from("-")),
        ClusterNotice::Probe { number, probe } => ("probe", *number, probe.to_string()),
        ClusterNotice::Probed { number, probe, good } => {
            ("probed", *number, format!("{probe} {}", if *good { "good" } else { "failed" }))
        }
        ClusterNotice::Left { number, reason } => ("left", *number, reason.code().to_owned()),
    }
}

fn judgement(judged: &Judgement) -> String {
    let scope = match judged.scope {
        Scope::Zone => "zone",
        Scope::All => "all",
    };
    let Judgement { failed, calls, failed_needed, failing_hosts, standing_hosts, hosts_needed, callers, .. } = judged;
    let span = judged.span.as_millis();
    format!(
        "{failed}/{calls} failed in {span} ms ({failed_needed} needed) on {failing_hosts}/{callers} hosts \
         ({standing_hosts} standing, {hosts_needed} needed) of {scope}"
    )
}

pub(super) fn host(recorder: &Recorder, at: Duration, host: usize, notice: HostNotice) {
    let condition = match notice {
        HostNotice::Deaf(true) => "deaf",
        HostNotice::Deaf(false) => "hears",
        HostNotice::Sick(true) => "sick",
        HostNotice::Sick(false) => "well",
    };
    recorder.record(at, &host_name(host), Event::Host { condition });
}

pub(super) fn lives(recorder: &Recorder, at: Duration, (host, lives): (usize, Lives)) {
    let turn = match lives {
        Lives::Started => "started",
        Lives::Crashed => "crashed",
        Lives::Paused => "paused",
        Lives::Resumed => "resumed",
    };
    recorder.record(at, &host_name(host), Event::Lives { turn });
}

pub(super) fn fault(recorder: &Recorder, at: Duration, (index, turn): (usize, Turn)) {
    let turn = match turn {
        Turn::Begins => "begins",
        Turn::Ends => "ends",
    };
    recorder.record(at, NOBODY, Event::Fault { index, turn });
}

/// Stands in the column of the host where something happens to none.
const NOBODY: &str = "-";
