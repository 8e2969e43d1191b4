//! Files in a folder of their own: written, torn, of other arguments.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::scenario::request::tests::{of, request};

/// A file that is gone afterwards.
struct Page(PathBuf);

impl Page {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("breaker-sim-{}-{number}.jsonl", std::process::id())))
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn open(&self, existing: Existing, planned: &[Request]) -> Result<Journal, String> {
        Journal::open(&self.0, existing, planned).map_err(|error| error.to_string())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

fn good(seed: u64) -> Ran {
    Ok(Outcome { scenario: "outage".to_owned(), seed, ..Outcome::default() })
}

fn three() -> Vec<Request> {
    (1..=3).map(|seed| of("outage", seed)).collect()
}

/// Two of three runs are in it: one that ended well and one that died.
fn two_of_three(page: &Page) -> Vec<Request> {
    let planned = three();
    let mut journal = page.open(Existing::Refuse, &planned).unwrap();
    journal.add(&planned[0], &good(1)).unwrap();
    journal.add(&planned[1], &Err("a panic".to_owned())).unwrap();
    planned
}

#[test]
fn finished_runs_are_remembered_those_that_died_too() {
    let page = Page::new();
    let planned = two_of_three(&page);
    let journal = page.open(Existing::Resume, &planned).unwrap();
    assert_eq!(journal.finished(&planned[0]), Some(&good(1)));
    assert_eq!(journal.finished(&planned[1]), Some(&Err("a panic".to_owned())));
    assert_eq!(journal.finished(&planned[2]), None);
    assert_eq!(page.text().lines().count(), 2);
}

#[test]
fn a_torn_last_line_is_cut_off_and_its_run_is_not_finished() {
    let page = Page::new();
    let planned = two_of_three(&page);
    let whole = page.text();
    let torn = &whole[..whole.len() - 1];
    fs::write(&page.0, torn).unwrap();
    let mut journal = page.open(Existing::Resume, &planned).unwrap();
    assert_eq!(journal.finished(&planned[1]), None);
    journal.add(&planned[1], &Err("a panic".to_owned())).unwrap();
    assert_eq!(page.text(), whole);
}

#[test]
fn a_line_torn_in_the_middle_is_a_fault_with_its_number() {
    let page = Page::new();
    let planned = two_of_three(&page);
    fs::write(&page.0, format!("{{\"run\n{}", page.text())).unwrap();
    assert!(page.open(Existing::Resume, &planned).unwrap_err().ends_with(":1: expected a finished run"));
}

#[test]
fn a_file_of_other_arguments_is_refused_and_left_as_it_was() {
    let page = Page::new();
    two_of_three(&page);
    let before = page.text();
    let mut larger = request("outage");
    larger.hosts = Some(50);
    for other in [vec![larger], vec![request("brownout")]] {
        let said = page.open(Existing::Resume, &other).unwrap_err();
        assert!(
            said.contains(":1: is of other arguments") && said.ends_with("breaker-sim run outage --seed 1"),
            "{said}"
        );
    }
    assert_eq!(page.text(), before);
}

#[test]
fn more_seeds_can_be_added() {
    let page = Page::new();
    two_of_three(&page);
    let more: Vec<_> = (2..=9).map(|seed| of("outage", seed)).collect();
    let journal = page.open(Existing::Resume, &more).unwrap();
    assert!(journal.finished(&more[0]).is_some() && journal.finished(&more[7]).is_none());
}

#[test]
fn a_file_with_lines_is_not_written_to_unless_it_is_to_be_resumed() {
    let page = Page::new();
    let planned = two_of_three(&page);
    let before = page.text();
    assert!(page.open(Existing::Refuse, &planned).unwrap_err().ends_with("has runs already: --resume goes on from it"));
    assert_eq!(page.text(), before);
}

#[test]
fn a_scenario_changed_since_is_refused() {
    let (page, scenario) = (Page::new(), Page::new());
    let named = format!("{}.yaml", scenario.0.display());
    let planned = [of(&named, 1)];
    fs::write(&named, "name: a\n").unwrap();
    page.open(Existing::Refuse, &planned).unwrap().add(&planned[0], &good(1)).unwrap();
    assert!(page.open(Existing::Resume, &planned).is_ok());
    fs::write(&named, "name: b\n").unwrap();
    let said = page.open(Existing::Resume, &planned).unwrap_err();
    fs::remove_file(&named).unwrap();
    assert!(said.contains(":1: the scenario has been changed since"), "{said}");
}

#[test]
fn without_a_file_nothing_is_remembered_and_what_cannot_be_written_is_said() {
    let planned = three();
    let mut journal = Journal::default();
    journal.add(&planned[0], &good(1)).unwrap();
    assert_eq!(journal.finished(&planned[0]), None);
    let nowhere = Journal::open(Path::new("/nonexistent/out"), Existing::Refuse, &planned).unwrap_err();
    assert!(nowhere.to_string().starts_with("/nonexistent/out: "), "{nowhere}");
}
