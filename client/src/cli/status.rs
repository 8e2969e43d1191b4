//! The status of an agent as text: a line about the agent, then a table of its services. Pure.
//!
//! Rates are `-` where they are undefined, never `0%`: below the minimum throughput nobody knows. The reason is the
//! column people came for, so it wraps and the others are cut. What peers say follows the table rather than widening it,
//! for a service may have a hundred of them.

use breaker_client::wire::{AgentStatus, GossipHealth, Reason, ServiceStatus, State, StatusPage};

use super::status_detail::peers;
use super::table::{Cell, Column, Ink, LINE_MAX, Palette, Table};
use super::text::{brief, clean, count, percent, state, wrap};

/// The whole status; what peers say follows the table, for services that have any.
pub(crate) fn render(page: &StatusPage, palette: Palette) -> String {
    let mut text = agent(&page.agent);
    if page.services.is_empty() {
        text.push_str("No service has been asked for yet.\n");
        return text;
    }
    text.push_str(&services(&page.services).render(palette));
    for service in page.services.iter().filter(|service| !service.peers.is_empty()) {
        text.push_str(&lines(&format!("\n{} by its peers:", clean(&service.service))));
        text.push_str(&peers(&service.peers).render(palette));
    }
    text
}

/// The agent in a line; in two where its names are long.
pub(crate) fn agent(agent: &AgentStatus) -> String {
    let zone = agent.zone.as_ref().map(|zone| format!(" ({zone})")).unwrap_or_default();
    lines(&format!(
        "agent {}{zone} {}, up {}, gossip {}, {}, {}",
        agent.node,
        agent.version,
        brief(agent.up_ms),
        match agent.gossip {
            GossipHealth::Off => "off",
            GossipHealth::Running => "running",
            GossipHealth::Degraded => "degraded",
        },
        plural(agent.services, "service"),
        plural(agent.connections, "connection"),
    ))
}

/// A sentence in as many lines as it takes.
pub(crate) fn lines(sentence: &str) -> String {
    let (blank, sentence) = sentence.strip_prefix('\n').map_or(("", sentence), |rest| ("\n", rest));
    blank.to_owned() + &wrap(&clean(sentence), LINE_MAX).join("\n") + "\n"
}

/// The state in its colour.
pub(crate) fn state_cell(of: State) -> Cell {
    let ink = match of {
        State::Closed => Ink::Good,
        State::HalfOpen => Ink::Warning,
        State::Open | State::ForcedOpen => Ink::Bad,
        State::Disabled | State::MetricsOnly => Ink::Special,
    };
    Cell::inked(state(of), ink)
}

fn services(services: &[ServiceStatus]) -> Table {
    let columns = vec![
        Column::left("SERVICE", 24),
        Column::left("STATE", 12),
        Column::right("FAILED", 6),
        Column::right("SLOW", 5),
        Column::right("CALLS", 5),
        Column::right("RETRY", 5),
    ];
    let mut table = Table::new(columns, "WHY");
    for service in services {
        table.push(vec![
            service.service.as_str().into(),
            state_cell(service.state),
            percent(service.window.failure_rate_ppm).into(),
            percent(service.window.slow_rate_ppm).into(),
            count(service.window.total).into(),
            service.retry_after_ms.map_or("-".to_owned(), brief).into(),
            why(service.reason.as_ref()).into(),
        ]);
    }
    table
}

fn why(reason: Option<&Reason>) -> &str {
    reason.map_or("", |reason| reason.text.as_str())
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests;
