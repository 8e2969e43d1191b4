//! A run as one self-contained page of plots: calls to each service over time, and the state of each host.
//!
//! Written by hand as SVG. Two kinds of plots are needed, lines and runs of rectangles with a letter in each; a library
//! for them would be more to read than they are, and would still want the second drawn by hand. Nothing is fetched and
//! nothing runs: the page can be kept with a report and opened anywhere. A state has a colour and a letter, so that it
//! can be told without seeing colours.
//!
//! Names come from scenarios, so all text is escaped. Long runs have more bins than a screen has points: a line takes
//! the largest value of the bins that fall on one point, because peaks are what one looks for.

use std::fmt::Write as _;

use crate::metric::{in_order, plain};
use crate::outcome::Outcome;
use crate::series::Series;

use self::plot::{Frame, Line};

mod plot;

/// The page of a run.
#[must_use]
pub fn page(outcome: &Outcome) -> String {
    let Outcome { scenario, mode, hosts, seed, .. } = outcome;
    let title = format!("{scenario}: {hosts} hosts, {mode}, seed {seed}");
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n<style>{STYLE}</style>\
         </head>\n<body>\n<h1>{0}</h1>\n",
        escaped(&title)
    );
    let complaints = outcome.complaints();
    let verdict = if complaints.is_empty() { "all as expected" } else { "not as expected" };
    let items: String = complaints.iter().map(|complaint| format!("<li>{}</li>\n", escaped(complaint))).collect();
    // Writing to a string cannot fail.
    let _ = write!(page, "<p>{verdict}, trace {}</p>\n<ul>{items}</ul>\n", escaped(&outcome.trace_hash));
    services(&mut page, &outcome.series);
    hosts_over_time(&mut page, &outcome.series);
    tables(&mut page, outcome);
    page.push_str("</body></html>\n");
    page
}

fn services(page: &mut String, series: &Series) {
    // The busiest first: a mass outage has 200 of them.
    let mut services: Vec<_> = series.services.iter().collect();
    services.sort_by(|(_, a), (_, b)| b.offered.iter().sum::<f64>().total_cmp(&a.offered.iter().sum()));
    let frame = Frame::of(&series.times);
    for (name, service) in services.iter().take(SERVICES_SHOWN_MAX) {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(name));
        page.push_str(&frame.lines(
            "calls a second",
            &[
                Line { name: "offered", colour: "#d95f02", values: &service.offered },
                Line { name: "capacity", colour: "#777777", values: &service.capacity },
                Line { name: "goodput", colour: "#1b9e77", values: &service.goodput },
            ],
        ));
        let delay = Line { name: "queue delay", colour: "#7570b3", values: &service.queue_delay };
        page.push_str(&frame.lines("milliseconds", &[delay]));
    }
    match services.len().saturating_sub(SERVICES_SHOWN_MAX) {
        0 => {}
        more => {
            let _ = writeln!(page, "<p>and {more} services more</p>");
        }
    }
}

fn hosts_over_time(page: &mut String, series: &Series) {
    let frame = Frame::of(&series.times);
    let shown = &series.hosts[..series.hosts.len().min(HOSTS_SHOWN_MAX)];
    if shown.is_empty() {
        return;
    }
    page.push_str("<h2>hosts</h2>\n<p>");
    for (letter, colour, word) in STATES {
        let _ = write!(page, "<span class=\"state\" style=\"background:{colour}\">{letter}</span> {word} ");
    }
    page.push_str("</p>\n");
    page.push_str(&frame.states(shown));
    match series.hosts.len() - shown.len() {
        0 => {}
        more => {
            let _ = writeln!(page, "<p>and {more} hosts more</p>");
        }
    }
}

fn tables(page: &mut String, outcome: &Outcome) {
    page.push_str("<h2>metrics</h2>\n<table>\n");
    for (name, value) in in_order(&outcome.metrics) {
        let value = value.map_or_else(|| "-".to_owned(), plain);
        let _ = writeln!(page, "<tr><td>{}</td><td class=\"number\">{value}</td></tr>", escaped(name));
    }
    page.push_str("</table>\n<h2>faults</h2>\n<table>\n");
    for fault in &outcome.faults {
        let _ = writeln!(page, "<tr><td>{}</td><td class=\"number\">{}</td></tr>", escaped(&fault.fault), fault.bit);
    }
    page.push_str("</table>\n<h2>invariants</h2>\n<table>\n");
    for invariant in &outcome.invariants {
        let held = if invariant.held { "held" } else { "broken" };
        let (name, says) = (escaped(&invariant.name), escaped(&invariant.says));
        let _ = writeln!(page, "<tr><td>{name}</td><td>{says}</td><td>{held}</td></tr>");
    }
    page.push_str("</table>\n");
}

/// A text that means nothing to a browser.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The colour of a state; that of what nobody foresaw is white.
fn colour(letter: char) -> &'static str {
    STATES.iter().find(|(known, _, _)| *known == letter).map_or("#ffffff", |(_, colour, _)| colour)
}

/// States by letter, with colours that differ in lightness too.
const STATES: &[(char, &str, &str)] = &[
    ('C', "#c7e9c0", "Closed"),
    ('R', "#7fcdbb", "Ramping"),
    ('H', "#fed976", "HalfOpen"),
    ('O', "#e34a33", "Open"),
    ('D', "#9e9ac8", "deaf"),
    ('P', "#bdbdbd", "paused"),
    ('X', "#525252", "down"),
];

const STYLE: &str = "body{font:14px sans-serif;max-width:1000px;margin:2em auto;color:#222}svg{display:block;\
                     margin:0 0 1em;width:100%;height:auto}td{padding:2px 12px 2px 0;vertical-align:top}\
                     .number{text-align:right}.state{display:inline-block;width:1.4em;text-align:center}";

/// Most services drawn: a page of more is not read.
const SERVICES_SHOWN_MAX: usize = 12;

/// Most hosts drawn: as many rows as can still be told apart.
const HOSTS_SHOWN_MAX: usize = 200;

#[cfg(test)]
mod tests;
