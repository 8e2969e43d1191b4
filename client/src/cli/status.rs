//! The status of an agent as text: a line about the agent, then a table of its services. Pure.
//!
//! Rates are `-` where they are undefined, never `0%`: below the minimum throughput nobody knows. The reason is the
//! column people came for, so it wraps and the others are cut. What peers say follows the table rather than widening it,
//! for a service may have a hundred of them.

use breaker_client::wire::{AgentStatus, Authority, GossipHealth, ServiceStatus, State, StatusPage};

use super::evidence;
use super::table::{Cell, Column, Ink, LINE_MAX, Palette, Table};
use super::text::{brief, clean, count, percent, state, wrap};

/// The whole status; what peers say follows the table, for services that have any.
pub(crate) fn render(page: &StatusPage, palette: Palette) -> String {
    let mut text = agent(&page.agent, palette);
    if page.services.is_empty() {
        text.push_str("No service has been asked for yet.\n");
        return text;
    }
    text.push_str(&services(&page.services).render(palette));
    for service in page.services.iter().filter(|service| !service.peers.is_empty()) {
        let span = evidence::span_shown(service);
        text.push_str(&lines(&format!("\n{} by its peers, calls of the last {span}:", clean(&service.service))));
        text.push_str(&evidence::peers(service, palette));
    }
    text
}

/// The agent in a line, in two where its names are long; and a line for each thing that is wrong with it.
pub(crate) fn agent(agent: &AgentStatus, palette: Palette) -> String {
    let zone = agent.zone.as_ref().map(|zone| format!(" ({zone})")).unwrap_or_default();
    let authority = match agent.authority {
        _ if agent.gossip == GossipHealth::Off => "",
        Authority::Authoritative => "",
        Authority::Accelerate => " (accelerate)",
        Authority::Advisory => " (advisory)",
    };
    let line = lines(&format!(
        "agent {}{zone} {}, up {}, gossip {}{authority}, {}, {}",
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
    ));
    line + &alarms(agent, palette)
}

/// What is wrong with the agent, loudly: its answers mean less than they seem to.
fn alarms(agent: &AgentStatus, palette: Palette) -> String {
    let alarms = [
        (agent.gossip == GossipHealth::Degraded, "DEGRADED: gossip has died and is being started again"),
        (agent.deaf, "DEAF: it hears too few of its peers and starts, joins and probes nothing for them"),
        (agent.sick, "SICK: services fail here that its peers find well; it counts nowhere. Is its network well?"),
    ];
    let said = alarms.into_iter().filter(|(is_so, _)| *is_so);
    said.flat_map(|(_, text)| wrap(text, LINE_MAX)).map(|line| palette.paint(&line, Ink::Bad) + "\n").collect()
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
            why(service).into(),
        ]);
    }
    table
}

/// The cluster's place, if it has one, and the reason.
fn why(service: &ServiceStatus) -> String {
    let reason = service.reason.as_ref().map(|reason| reason.text.clone());
    let said: Vec<String> = evidence::place(service).into_iter().chain(reason).collect();
    said.join(": ")
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

#[cfg(test)]
mod tests;
