//! Every other answer as text and as a document. Pure.
//!
//! Permits are printed in decimal, and as a string in documents: they use all 64 bits, which many readers of JSON do
//! not have for numbers.

use std::time::SystemTime;

use breaker_client::Operation;
use breaker_client::wire::{Action, Event, Member, Permit, Presence, Receipt, Rejection, Standing};
use serde::Serialize;
use serde_json::{Value, json};

use super::evidence;
use super::status::lines;
use super::status_detail::fact;
use super::table::{Cell, Column, Ink, Palette, Table};
use super::text::{brief, clean, count, state};

/// The answer to `check` when the call may go ahead.
pub(crate) fn granted(service: &str, permit: &Permit) -> String {
    let standing = match permit.standing {
        Standing::Allowed => "",
        Standing::WouldRefuse => " (would be refused if the policy were fully enforced)",
        Standing::Untracked => " (the agent is at a limit and does not track this call)",
    };
    match permit.id {
        None => format!("allowed{standing}\n"),
        Some(id) => format!(
            "allowed, permit {id}{standing}\nreport it within {}: breakerctl report {} OUTCOME --permit {id}\n",
            brief(permit.lease_ms),
            clean(service)
        ),
    }
}

pub(crate) fn granted_document(service: &str, permit: &Permit) -> Value {
    json!({
        "service": service,
        "allowed": true,
        "permit": permit.id.map(|id| id.to_string()),
        "standing": permit.standing,
        "lease_ms": permit.lease_ms,
        "timeout_us": permit.timeout_us,
    })
}

/// The answer to `check` when the call may not go ahead: why, and where the cluster says so, on what evidence.
pub(crate) fn refused(service: &str, rejection: &Rejection) -> String {
    let why = format!("refused: {}\n", clean(&rejection_sentence(service, rejection)));
    let evidence = evidence::of_refusal(rejection);
    why + &evidence.map(|evidence| fact("evidence", &evidence)).unwrap_or_default()
}

pub(crate) fn refused_document(service: &str, rejection: &Rejection) -> Value {
    json!({ "service": service, "allowed": false, "rejection": rejection })
}

/// Which breaker refuses, why, and when to ask again.
pub(crate) fn rejection_sentence(service: &str, rejection: &Rejection) -> String {
    let ancestor = if rejection.service == service { "" } else { " (above it)" };
    let retry = rejection.retry_after_ms.map(|ms| format!("; retry after {}", brief(ms))).unwrap_or_default();
    format!("{}{ancestor} is {}: {}{retry}", rejection.service, state(rejection.state), rejection.reason.text)
}

/// What became of a report.
pub(crate) fn receipt(receipt: &Receipt) -> &'static str {
    match receipt {
        Receipt { counted: 1.., .. } => "counted\n",
        Receipt { untracked: 1.., .. } => "not counted: the agent does not track this service\n",
        Receipt { .. } => "not counted: it came late, or the breaker takes no such report in its state\n",
    }
}

/// What an operator's action did.
pub(crate) fn operated(operation: &Operation) -> String {
    let what = match operation.action {
        Action::ForceOpen => "refuses every call",
        Action::Disable => "lets every call through and records nothing",
        Action::MetricsOnly => "records and never refuses",
        Action::ForceClose => "is closed, and automatic from now on",
        Action::Reset => "is closed, its backoff forgotten, and automatic from now on",
    };
    let holds = matches!(operation.action, Action::ForceOpen | Action::Disable | Action::MetricsOnly);
    let until = match operation.lasting {
        Some(lasting) => format!(" for {}", humantime::format_duration(lasting)),
        None if holds => " until another action".to_owned(),
        None => String::new(),
    };
    format!("{} {what} on this host{until}\n", clean(&operation.service))
}

pub(crate) fn operated_document(operation: &Operation) -> Value {
    json!({
        "service": operation.service,
        "action": operation.action,
        "for_ms": operation.lasting.map(|lasting| lasting.as_millis()),
        "reason": operation.reason,
    })
}

/// The cluster as a table.
pub(crate) fn members(members: &[Member], palette: Palette) -> String {
    if members.is_empty() {
        return lines("The agent knows no cluster: gossip is off.");
    }
    let columns = vec![
        Column::left("NODE", 24),
        Column::left("ZONE", 12),
        Column::left("PRESENCE", 8),
        Column::right("HEARD", 5),
        Column::right("DIGESTS", 7),
    ];
    let mut table = Table::new(columns, "ADDRESS");
    for member in members {
        table.push(vec![
            member.node.as_str().into(),
            member.zone.as_deref().unwrap_or("-").into(),
            presence(member.presence),
            member.heard_ms.map_or("-".to_owned(), brief).into(),
            count(member.digests).into(),
            member.address.as_str().into(),
        ]);
    }
    table.render(palette)
}

/// An event and when it was heard.
pub(crate) fn event(at: SystemTime, event: &Event) -> String {
    let what = match event {
        Event::Transition { service, from, to, reason, retry_after_ms } => {
            let retry = retry_after_ms.map(|ms| format!("; retry after {}", brief(ms))).unwrap_or_default();
            format!("{service}: {} -> {}: {}{retry}", state(*from), state(*to), reason.text)
        }
        Event::Exceeded { service, reason } => format!("{service}: would have tripped: {}", reason.text),
        Event::Opening { service, number, step } => format!("{service}: {}", evidence::step(*number, step)),
        Event::Missed { events } => format!("{events} events were missed: this reader is too slow"),
    };
    format!("{}  {}\n", humantime::format_rfc3339_millis(at), clean(&what))
}

/// An event as a document: the event's own fields, and when it was heard.
#[derive(Debug, Serialize)]
pub(crate) struct EventDocument<'a> {
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) event: &'a Event,
}

impl<'a> EventDocument<'a> {
    pub(crate) fn new(at: SystemTime, event: &'a Event) -> Self {
        Self { at: humantime::format_rfc3339_millis(at).to_string(), event }
    }
}

fn presence(presence: Presence) -> Cell {
    match presence {
        Presence::Myself => Cell::inked("this", Ink::Good),
        Presence::Live => Cell::inked("live", Ink::Good),
        Presence::Silent => Cell::inked("silent", Ink::Bad),
        Presence::Left => Cell::inked("left", Ink::Special),
    }
}

#[cfg(test)]
mod tests;
