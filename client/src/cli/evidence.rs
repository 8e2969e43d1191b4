//! What decisions rest on, in words: the cluster's place, what was judged, and the table of what each peer says. Pure.
//!
//! Whoever is refused on the word of others asks three things: since when and until when, on how many calls and hosts,
//! and who says so. The sentences answer the first two with what was there and what was needed side by side; the table
//! answers the third, over the span that was judged, so that its figures add up to those of the sentence but for silent
//! callers.

use breaker_client::wire::{
    DigestFlags, Entry, Evidence, JudgementStatus, OpeningStatus, OpeningStep, PeerDigest, Phase, Rejection, SPANS_MS,
    Scope, ServiceStatus,
};

use super::status::state_cell;
use super::table::{Cell, Column, Ink, Palette, Table};
use super::text::{brief, count, state};

/// The cluster's place: `cluster, opening 3, probing in 1.2s`; nothing if the cluster has no hand in the state.
pub(crate) fn place(service: &ServiceStatus) -> Option<String> {
    let opening = service.cluster.as_ref()?.opening.as_ref()?;
    let then = match (opening.phase, opening.ends_in_ms) {
        (Phase::Open, Some(0)) => ", probing at the next call".to_owned(),
        (Phase::Open, Some(ms)) => format!(", probing in {}", brief(ms)),
        (Phase::Open, None) => String::new(),
        (Phase::HalfOpen, _) => ", probing".to_owned(),
        (Phase::Closed, _) => return None,
    };
    let hearsay = if opening.evidence == Evidence::Hearsay { ", hearsay" } else { "" };
    Some(format!("cluster{hearsay}, opening {}{then}", opening.number))
}

/// What the cluster knows of the service beside its place, each fact with its title.
pub(crate) fn facts(service: &ServiceStatus) -> Vec<(&'static str, String)> {
    let Some(cluster) = &service.cluster else { return Vec::new() };
    let mut facts = Vec::new();
    if let Some(opening) = &cluster.opening {
        facts.push(("opening", stay(opening)));
    }
    let trips = if cluster.judged.trips { "would trip" } else { "would not trip" };
    facts.push(("judged", format!("{trips}: {}", judgement(&cluster.judged))));
    facts
}

/// The evidence of a refusal by the cluster: whose it is, and what was judged. Nothing where the reason says it all.
pub(crate) fn of_refusal(rejection: &Rejection) -> Option<String> {
    let whose = match rejection.evidence {
        Evidence::Own | Evidence::Operator => return None,
        Evidence::Cluster => "calls of this host and its peers",
        Evidence::Hearsay => "calls of its peers alone",
    };
    let number = rejection.number.map(|number| format!(", opening {number}")).unwrap_or_default();
    Some(format!("{whose}{number}: {}", entered_by(rejection.judged.as_ref())))
}

/// A step in an opening, as it happens: `opening 3 started: 27 of 40 calls of 256ms failed …`.
pub(crate) fn step(number: u64, step: &OpeningStep) -> String {
    let what = match step {
        OpeningStep::Entered { how, from, evidence, judged } => {
            let hearsay = if *evidence == Evidence::Hearsay { " on hearsay" } else { "" };
            let from = from.map(|from| format!(", from opening {from}")).unwrap_or_default();
            format!(" {}{hearsay}{from}: {}", entry(*how), judgement(judged))
        }
        OpeningStep::Capped { refused, used } => {
            format!(" not joined: {refused} of {used} services are refused on hearsay already")
        }
        OpeningStep::HalfOpen => ", probing".to_owned(),
        OpeningStep::ProbeClaimed { probe } => format!(", probe {probe} claimed"),
        OpeningStep::ProbeOver { probe, good: true } => format!(", probe {probe} good"),
        OpeningStep::ProbeOver { probe, good: false } => format!(", probe {probe} failed"),
        OpeningStep::Left { reason } => format!(" closed: {}", reason.text),
    };
    format!("opening {number}{what}")
}

/// What peers say, as a table; the calls are those of the span that was judged.
pub(crate) fn peers(service: &ServiceStatus, palette: Palette) -> String {
    let span = judged_span(service);
    let columns = vec![
        Column::left("PEER", 18),
        Column::left("ZONE", 8),
        Column::left("STATE", 16),
        Column::right("CALLS", 5),
        Column::right("FAILED", 6),
        Column::right("AGE", 5),
    ];
    let mut table = Table::new(columns, "FLAGS");
    for digest in &service.peers {
        let counts = digest.spans.get(span).copied().unwrap_or_default();
        table.push(vec![
            digest.node.as_str().into(),
            digest.zone.as_deref().unwrap_or("-").into(),
            peer_state(digest),
            count(counts.calls.into()).into(),
            count(counts.failed.into()).into(),
            brief(digest.age_ms).into(),
            flags(digest.flags),
        ]);
    }
    table.render(palette)
}

/// The time whose calls the table of peers shows.
pub(crate) fn span_shown(service: &ServiceStatus) -> String {
    SPANS_MS.get(judged_span(service)).copied().map_or_else(String::new, span_text)
}

fn stay(opening: &OpeningStatus) -> String {
    let phase = match opening.phase {
        Phase::Open => "open",
        Phase::HalfOpen => "half-open",
        Phase::Closed => "closed",
    };
    let since = brief(opening.since_ms);
    format!("{}, {phase} for {since}; {}", opening.number, entered_by(opening.entered_by.as_ref()))
}

fn entered_by(judged: Option<&JudgementStatus>) -> String {
    judged.map_or_else(|| "the place most of the others had".to_owned(), judgement)
}

fn entry(how: Entry) -> &'static str {
    match how {
        Entry::Started => "started",
        Entry::Joined => "joined",
        Entry::Adopted => "adopted",
    }
}

/// What was there and what was needed.
fn judgement(judged: &JudgementStatus) -> String {
    let over = match judged.scope {
        Scope::Zone => "this zone",
        Scope::All => "all zones",
    };
    let good = if judged.first_hand_good { "; own calls go well" } else { "" };
    format!(
        "{} of {} calls of {} failed ({} needed), on {} of {} hosts ({} needed, {} by its own breaker) of {over}{good}",
        judged.failed,
        judged.calls,
        span_text(judged.span_ms),
        judged.failed_needed,
        judged.failing_hosts,
        judged.callers,
        judged.hosts_needed,
        judged.standing_hosts,
    )
}

/// The span that was judged, the longest where nothing was.
fn judged_span(service: &ServiceStatus) -> usize {
    let judged = service.cluster.as_ref().map(|cluster| cluster.judged.span_ms);
    SPANS_MS.iter().position(|span| judged == Some(*span)).unwrap_or(SPANS_MS.len() - 1)
}

/// `256ms`, `4.1s`: the spans as one says them.
fn span_text(ms: u64) -> String {
    if ms < 10_000 { format!("{ms}ms") } else { brief(ms) }
}

/// The state, and the number of the opening it is of.
fn peer_state(digest: &PeerDigest) -> Cell {
    let Some(opening) = digest.opening else { return state_cell(digest.state) };
    state_cell(digest.state).with_text(&format!("{} #{}", state(digest.state), opening.number))
}

fn flags(flags: DigestFlags) -> Cell {
    let DigestFlags { standing, overdue, sick, deaf, advisory, wanted: _ } = flags;
    let said = [(sick, "sick"), (deaf, "deaf"), (standing, "standing"), (overdue, "overdue"), (advisory, "advisory")];
    let said: Vec<&str> = said.into_iter().filter(|(is_said, _)| *is_said).map(|(_, word)| word).collect();
    let ink = if sick || deaf { Ink::Bad } else { Ink::Normal };
    Cell::inked(&said.join(" "), ink)
}
