//! One service in full, and what it rests on.
//!
//! The table of `status` gives a service one row; here is everything the agent knows of it, each fact under a title of its
//! own, in sentences that wrap at 80 columns. Pure, like everything that prints: it turns the wire's values into text, and
//! everything that comes from elsewhere is cleaned before it is shown.

use breaker_client::wire::{ServiceStatus, StatusPage};

use super::evidence;
use super::status::{agent, lines};
use super::table::{LINE_MAX, Palette};
use super::text::{brief, brief_us, clean, percent, state, wrap};

/// The agent, then everything it knows of the one service of the page.
pub(crate) fn render(page: &StatusPage, service: &ServiceStatus, palette: Palette) -> String {
    let mut text = agent(&page.agent, palette);
    text.push_str(&headline(service));
    for (title, content) in facts(service) {
        text.push_str(&fact(title, &content));
    }
    if !service.peers.is_empty() {
        text.push_str(&lines(&format!("its peers say, of calls of the last {}:", evidence::span_shown(service))));
        text.push_str(&evidence::peers(service, palette));
    }
    text
}

fn headline(service: &ServiceStatus) -> String {
    let place = evidence::place(service);
    let retry = service.retry_after_ms.filter(|_| place.is_none());
    let retry = retry.map(|ms| format!(", calls may be tried in {}", brief(ms))).unwrap_or_default();
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    lines(&format!("{}: {}{place} for {}{retry}", service.service, state(service.state), brief(service.since_ms)))
}

fn facts(service: &ServiceStatus) -> Vec<(&'static str, String)> {
    let window = &service.window;
    let mut facts = Vec::new();
    if let Some(reason) = &service.reason {
        facts.push(("why", reason.text.clone()));
    }
    facts.extend(evidence::facts(service));
    if let Some(operator) = &service.operator {
        let said = operator.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let until = operator.ends_in_ms.map_or("until another action".to_owned(), |ms| format!("for {}", brief(ms)));
        facts.push(("operator", format!("uid {}, {until}{said}", operator.uid)));
    }
    facts.push((
        "rates",
        format!(
            "failed {}, slow {}, mean {}",
            percent(window.failure_rate_ppm),
            percent(window.slow_rate_ppm),
            window.average_us.map_or("-".to_owned(), brief_us)
        ),
    ));
    facts.push((
        "window",
        format!(
            "{} calls, {} failed ({} of them timeouts, {} in a row), {} slow",
            window.total, window.failed, window.timeouts, window.consecutive_failures, window.slow
        ),
    ));
    facts.push((
        "so far",
        format!(
            "{} granted, {} refused, {} would have been refused, {} dropped, {} in flight",
            service.granted, service.rejected, service.would_refuse, service.dropped, service.in_flight
        ),
    ));
    facts
}

/// A fact under its title, in as many lines as it takes.
pub(crate) fn fact(title: &str, content: &str) -> String {
    let wrapped = wrap(&clean(content), LINE_MAX - INDENT);
    let titles = std::iter::once(title).chain(std::iter::repeat(""));
    wrapped.iter().zip(titles).map(|(line, title)| format!("  {title:<9}{line}\n")).collect()
}

/// Two spaces, and the longest title with its gap.
const INDENT: usize = 2 + 9;
