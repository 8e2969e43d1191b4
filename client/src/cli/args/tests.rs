//! What words mean, and which are refused.
//!
//! Each verb is tried with all its flags and with none, each limit by a value on it and one past it.

use clap::CommandFactory;

use super::*;
use crate::cli::exit::Exit;

fn parsed(words: &str) -> Result<Cli, clap::Error> {
    parse(std::iter::once("breakerctl").chain(words.split_whitespace()).map(OsString::from))
}

fn verb(words: &str) -> Verb {
    parsed(words).unwrap().verb
}

#[test]
fn the_parser_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn the_common_flags_have_useful_defaults_and_may_stand_anywhere() {
    let plain = parsed("members").unwrap();
    let expected = Cli { socket: None, format: Format::Text, deadline: Duration::from_secs(1), verb: Verb::Members };
    assert_eq!(plain, expected);
    let before = parsed("--socket /s --format json --deadline 250ms members").unwrap();
    let after = parsed("members --socket /s --format json --deadline 250ms").unwrap();
    assert_eq!(before, after);
    assert_eq!((before.format, before.deadline), (Format::Json, Duration::from_millis(250)));
}

#[test]
fn a_deadline_is_more_than_nothing_and_at_most_an_hour() {
    assert!(parsed("--deadline 1ns members").is_ok());
    assert!(parsed("--deadline 1h members").is_ok());
    for wrong in ["0s", "1h1ms", "soon", "-1s", "5"] {
        assert!(parsed(&format!("--deadline={wrong} members")).is_err(), "{wrong}");
    }
}

#[test]
fn status_takes_a_service_or_none() {
    assert_eq!(verb("status"), Verb::Status { service: None, peers: false });
    assert_eq!(verb("status a/b --peers"), Verb::Status { service: Some("a/b".into()), peers: true });
    assert!(parsed("status a b").is_err());
}

#[test]
fn report_says_everything_about_a_call() {
    let Verb::Report(report) = verb("report a failure --duration 250ms --kind http_503 --permit 0x1f") else {
        panic!("not a report")
    };
    assert_eq!(report.permit, Some(31));
    assert_eq!(report.call(), CallReport::failure("http_503").took(Duration::from_millis(250)));
    for outcome in ["success", "failure", "timeout", "throttled", "ignored"] {
        assert!(parsed(&format!("report a {outcome}")).is_ok());
    }
    for wrong in ["cancelled", "Success", "ok"] {
        assert!(parsed(&format!("report a {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn a_permit_is_read_back_up_to_the_largest_and_no_further() {
    let read = |text: &str| permit(text).ok();
    assert_eq!(read("0"), Some(0));
    assert_eq!(read("18446744073709551615"), Some(u64::MAX));
    assert_eq!(read("0xffffffffffffffff"), Some(u64::MAX));
    for wrong in ["18446744073709551616", "0x10000000000000000", "", "0x", "-1", "1f", "permit"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn run_takes_its_command_after_two_dashes_as_it_is() {
    let Verb::Run(run) = verb("run a --fallback true -- curl -f --deadline 3 -- x") else { panic!("not a run") };
    assert_eq!(run.fallback, Some("true".into()));
    assert_eq!(run.command, ["curl", "-f", "--deadline", "3", "--", "x"].map(OsString::from));
    assert!(parsed("run a").is_err());
    assert!(parsed("run a --").is_err());
    assert!(parsed("run a curl").is_err());
}

#[test]
fn the_actions_that_hold_take_a_time_and_the_others_do_not() {
    let ten = Some(Duration::from_secs(600));
    for (word, action) in
        [("force-open", Action::ForceOpen), ("disable", Action::Disable), ("metrics-only", Action::MetricsOnly)]
    {
        let operation = verb(&format!("{word} a --for 10m --reason why")).operation().unwrap();
        let expected = Operation { service: "a".into(), action, lasting: ten, reason: Some("why".into()) };
        assert_eq!(operation, expected);
        assert_eq!(verb(&format!("{word} a")).operation().unwrap().lasting, None);
        assert!(parsed(&format!("{word} a --for 0s")).is_err());
        assert!(parsed(&format!("{word} a --for 999us")).is_err());
        assert!(parsed(&format!("{word} a --for 1ms")).is_ok());
    }
    for (word, action) in [("force-close", Action::ForceClose), ("reset", Action::Reset)] {
        assert_eq!(verb(&format!("{word} a --reason why")).operation().unwrap().action, action);
        assert!(parsed(&format!("{word} a --for 10m")).is_err());
    }
}

#[test]
fn the_help_names_the_status_of_every_exit() {
    let exits = [
        Exit::Ok,
        Exit::Other,
        Exit::Usage,
        Exit::Refused,
        Exit::UnknownService,
        Exit::NoAgent,
        Exit::NotPermitted,
        Exit::UnknownPermit,
        Exit::RunRefused,
        Exit::CannotStart,
        Exit::NoSuchCommand,
    ];
    for exit in exits {
        assert!(EXIT_HELP.contains(&format!("\n  {:<5}", exit.code())), "{exit:?}");
    }
}
