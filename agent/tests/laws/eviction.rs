//! Who has to go when the registry is full, against a plain list of names in order of their last use.

use breaker_agent::core::outcome::Outcome;
use breaker_agent::core::permits::PermitId;
use breaker_agent::core::registry::{Answer, Settings};
use breaker_agent::core::state::{Action, StateKind};
use proptest::prelude::*;

use crate::stand::{SETTINGS, Stand, hold, three_in_a_row};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    Report(prop::sample::Index),
    Unasked(usize),
    ForceOpen(usize),
    ForceClose(usize),
    Wait,
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        6 => name().prop_map(Step::Ask),
        4 => any::<prop::sample::Index>().prop_map(Step::Report),
        2 => name().prop_map(Step::Unasked),
        1 => name().prop_map(Step::ForceOpen),
        2 => name().prop_map(Step::ForceClose),
        1 => Just(Step::Wait),
    ]
}

/// Tracked names, the least recently used first.
struct Line {
    names: Vec<&'static str>,
    limit: usize,
}

impl Line {
    /// Makes room for a name that is not tracked by the removal of the first that is idle. Whether it is tracked now.
    fn touch(&mut self, name: &'static str, is_idle: impl Fn(&str) -> bool) -> bool {
        if !self.names.contains(&name) && self.names.len() == self.limit {
            match self.names.iter().position(|name| is_idle(name)) {
                Some(first) => drop(self.names.remove(first)),
                None => return false,
            }
        }
        self.names.retain(|other| *other != name);
        self.names.push(name);
        true
    }
}

fn is_idle(stand: &Stand, name: &str) -> bool {
    let view = stand.registry.view(name).expect("it is tracked");
    view.breaker().state().kind() == StateKind::Closed && view.in_flight() == 0
}

proptest! {
    #[test]
    fn the_first_idle_one_in_the_line_goes_and_nobody_else(
        limit in 1_usize..5,
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        let settings = Settings { services_max: limit, permits_max: 1_000, ..SETTINGS };
        let mut stand = Stand::with(three_in_a_row(), settings);
        let mut line = Line { names: Vec::new(), limit };
        let mut out: Vec<(&str, PermitId)> = Vec::new();
        let mut untracked = 0;
        for step in steps {
            let before = stand.clone();
            let idle = |name: &str| is_idle(&before, name);
            match step {
                Step::Ask(at) => {
                    let tracked = line.touch(NAMES[at], idle);
                    let answer = stand.ask(NAMES[at]);
                    prop_assert_eq!(answer == Answer::Untracked, !tracked);
                    untracked += u64::from(!tracked);
                    if let Answer::Granted(granted) = answer {
                        out.push((NAMES[at], granted.permit));
                    }
                }
                Step::Report(_) if out.is_empty() => {}
                Step::Report(at) => {
                    let (name, permit) = out.remove(at.index(out.len()));
                    if stand.report(permit, Outcome::Failure).is_ok() {
                        line.touch(name, idle);
                    }
                }
                Step::Unasked(at) => {
                    untracked += u64::from(!line.touch(NAMES[at], idle));
                    stand.report_unasked(NAMES[at], Outcome::Failure);
                }
                Step::ForceOpen(at) => {
                    line.touch(NAMES[at], idle);
                    stand.operate(NAMES[at], Action::ForceOpen(hold(None)));
                }
                Step::ForceClose(at) => {
                    line.touch(NAMES[at], idle);
                    stand.operate(NAMES[at], Action::ForceClose(None));
                }
                Step::Wait => drop(stand.wait_ms(100).advance()),
            }
            let tracked: Vec<_> = stand.registry.views_after(None).map(|view| view.name().to_string()).collect();
            let mut expected = line.names.clone();
            expected.sort_unstable();
            prop_assert_eq!(tracked, expected);
            prop_assert!(stand.registry.services() <= limit);
            prop_assert_eq!(stand.registry.untracked(), untracked);
        }
    }
}

// However many cannot go, the one that can is found.
#[test]
fn one_idle_service_among_thousands_that_are_held_shut_is_found_at_once() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 5_000, ..SETTINGS });
    for number in 0..4_999 {
        stand.operate(&format!("held-{number}"), Action::ForceOpen(hold(None)));
    }
    for number in 0..100 {
        assert!(matches!(stand.ask(&format!("idle-{number}")), Answer::Granted(_)));
        stand.lose(crate::stand::CLIENT);
    }
    assert_eq!((stand.registry.services(), stand.registry.untracked()), (5_000, 0));
}

#[test]
fn the_limit_is_reached_and_not_passed() {
    for (services_max, tracked) in [(3, 3), (4, 4), (5, 4)] {
        let mut stand = Stand::with(three_in_a_row(), Settings { services_max, ..SETTINGS });
        for name in ["a", "b", "c", "d"] {
            let held = stand.ask(name);
            assert_eq!(held == Answer::Untracked, name == "d" && services_max == 3);
        }
        assert_eq!(stand.registry.services(), tracked);
    }
}

// A path needs all its ancestors; what was made room for is not what goes next.
#[test]
fn a_new_path_never_evicts_its_own_ancestors() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 3, ..SETTINGS });
    stand.call("a/b/c", Outcome::Success);
    stand.call("x/y/z", Outcome::Success);
    let names: Vec<_> = stand.registry.views_after(None).map(|view| view.name().to_string()).collect();
    assert_eq!(names, ["x", "x/y", "x/y/z"]);
    assert_eq!(stand.ask("a/b/c/d"), Answer::Untracked, "four places are needed, there are three");
}

// A name that was evicted and comes back is a new service: nothing of its former life counts.
#[test]
fn a_service_that_comes_back_begins_anew() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 1, ..SETTINGS });
    stand.calls("a", Outcome::Failure, 2).call("b", Outcome::Success);
    stand.calls("a", Outcome::Failure, 2);
    assert_eq!((stand.state("a"), stand.counts("a").total), (StateKind::Closed, 2));
}

// Its callers never report: the lease gives the service back.
#[test]
fn a_service_whose_permits_nobody_reports_can_go_when_their_leases_are_over() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 1, ..SETTINGS });
    stand.permit("a");
    assert_eq!(stand.at_ms(29_999).ask("b"), Answer::Untracked);
    stand.at_ms(30_000).permit("b");
    assert_eq!((stand.registry.services(), stand.registry.permits()), (1, 1));
}

#[test]
fn a_child_there_was_no_room_for_does_not_keep_its_parent() {
    let mut stand = Stand::with(three_in_a_row(), Settings { services_max: 2, ..SETTINGS });
    stand.operate("held", Action::ForceOpen(hold(None))).call("a", Outcome::Success);
    assert_eq!(stand.ask("a/b"), Answer::Untracked);
    stand.permit("c");
    assert!(stand.registry.view("a").is_none());
}
