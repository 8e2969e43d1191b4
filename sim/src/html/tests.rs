//! Pages of made-up runs.

use std::time::Duration;

use super::*;
use crate::series::{BIN, ServiceSeries};

/// A minute of a service that is down for a third of it, seen by three hosts.
fn series() -> Series {
    let bins = 600_u32;
    let at = |index: u32, down: f64, up: f64| if (200..400).contains(&index) { down } else { up };
    let service = ServiceSeries {
        offered: (0..bins).map(|index| at(index, 2.0, 200.0)).collect(),
        capacity: (0..bins).map(|index| at(index, 0.0, 240.0)).collect(),
        goodput: (0..bins).map(|index| at(index, 0.0, 199.0)).collect(),
        queue_delay: (0..bins).map(|index| f64::from(index % 40)).collect(),
    };
    let secs = Duration::from_secs;
    Series {
        times: (0..bins).map(|index| BIN * index).collect(),
        services: [("payments/<b>".to_owned(), service)].into(),
        hosts: vec![
            vec![(secs(0), 'C'), (secs(20), 'O'), (secs(40), 'H'), (secs(45), 'C')],
            vec![(secs(0), 'C'), (secs(20), 'O'), (secs(30), 'X'), (secs(35), 'D'), (secs(38), 'O'), (secs(45), 'C')],
            vec![(secs(0), 'C')],
        ],
    }
}

fn outcome() -> Outcome {
    let metrics = [("probes".to_owned(), Some(20.0)), ("overshoot".to_owned(), None)].into();
    Outcome { scenario: "outage".to_owned(), hosts: 3, metrics, series: series(), ..Outcome::default() }
}

#[test]
fn a_page_is_whole_and_fetches_nothing() {
    let page = page(&outcome());
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("<svg").count(), 3, "calls, queue delay, hosts");
    for outside in ["src=", "href=", "<script", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The one address there is names a vocabulary.
    assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn states_have_a_colour_and_a_letter() {
    let page = page(&outcome());
    for (letter, colour, word) in STATES {
        assert!(page.contains(colour) && page.contains(word), "{letter}");
    }
    assert_eq!(page.matches(">O</text>").count(), 3);
    assert_eq!(page.matches(">h2</text>").count(), 1);
}

#[test]
fn names_mean_nothing_to_a_browser() {
    let page = page(&outcome());
    assert!(page.contains("payments/&lt;b&gt;") && !page.contains("<b>"));
}

#[test]
fn a_run_without_series_or_with_odd_numbers_has_a_page() {
    let empty = page(&Outcome::default());
    assert!(empty.contains("metrics") && !empty.contains("NaN"));
    let mut odd = outcome();
    for service in odd.series.services.values_mut() {
        service.offered = vec![f64::NAN, f64::INFINITY, -1.0, 1e300];
        service.goodput.clear();
    }
    odd.series.hosts = vec![Vec::new(), vec![(Duration::from_secs(90), 'O')]];
    let page = page(&odd);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn more_services_and_hosts_than_can_be_read_are_counted() {
    let mut many = outcome();
    let service = many.series.services.values().next().unwrap().clone();
    many.series.services = (0..13).map(|number| (format!("s{number}"), service.clone())).collect();
    many.series.hosts = vec![vec![(Duration::ZERO, 'C')]; 201];
    let page = page(&many);
    assert!(page.contains("and 1 services more") && page.contains("and 1 hosts more"));
}
