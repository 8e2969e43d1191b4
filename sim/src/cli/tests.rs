//! From words to requests and back.

use clap::CommandFactory;
use proptest::prelude::*;

use super::*;

fn parsed(words: &[String]) -> Result<Verb, String> {
    let program = ["breaker-sim".to_owned()];
    Cli::try_parse_from(program.iter().chain(words)).map(|cli| cli.verb).map_err(|error| error.to_string())
}

fn said(line: &str) -> Result<Verb, String> {
    parsed(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn request(verb: Verb) -> Request {
    match verb {
        Verb::Run(words) => words.request(),
        other => panic!("{other:?}"),
    }
}

/// The words a shell makes of a line: blanks between them, quotes around them, nothing else is special in ours.
fn as_a_shell_would(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if !quoted => word.get_or_insert_default().extend(letters.next()),
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn requests() -> impl Strategy<Value = Request> {
    let file = "[a-zA-Z0-9 '$\"*;&é_.-]{1,12}".prop_map(|name| Source::File(format!("./{name}.yaml")));
    let built_in = (0..BUILT_IN.len()).prop_map(|index| Source::BuiltIn(&BUILT_IN[index]));
    let set = ("[a-z/0-9._'-]{1,12}", any::<String>()).prop_map(|(path, value)| Set { path, value });
    let modes = prop::sample::select(vec![Mode::Gossip, Mode::Local, Mode::Steps, Mode::Oracle]);
    let fabrics = prop::option::of(prop::sample::select(vec![FabricKind::Turmoil, FabricKind::Memory]));
    (
        prop_oneof![built_in, file],
        prop::option::of(1..=HOSTS_MAX),
        any::<u64>(),
        modes,
        fabrics,
        prop::collection::vec(set, 0..4),
    )
        .prop_map(|(scenario, hosts, seed, mode, fabric, sets)| Request {
            scenario,
            hosts,
            seed,
            mode,
            fabric,
            sets,
        })
}

proptest! {
    #[test]
    fn the_command_printed_for_a_run_names_the_same_run(asked in requests()) {
        let line = asked.to_string();
        let words = as_a_shell_would(&line);
        prop_assert_eq!(&words[0], "breaker-sim");
        let read = parsed(&words[1..]).map_err(|error| TestCaseError::fail(format!("{line}: {error}")))?;
        prop_assert_eq!(request(read), asked);
    }
}

/// Our own reading of quotes could be wrong in the same way as the writing: a real shell is asked once.
#[test]
fn a_shell_reads_a_printed_command_as_it_was_meant() {
    let mut asked = request(said("run outage").unwrap());
    asked.scenario = Source::File("./it's a $HOME \"file\";*.yaml".to_owned());
    asked.sets = vec!["agent.gossip={interval: 200ms, cluster: 'a\\b'}".parse().unwrap()];
    let echo = asked.to_string().replacen("breaker-sim", r"printf '%s\n'", 1);
    let output = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap();
    let lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines, asked.words());
}

#[test]
fn a_run_has_defaults() {
    let asked = request(said("run outage").unwrap());
    assert_eq!((asked.seed, asked.mode, asked.fabric, asked.hosts), (1, Mode::Gossip, None, None));
    let asked =
        request(said("run x.yaml --hosts 7 --seed 3 --mode local --fabric memory --set a=b --set c=d").unwrap());
    assert_eq!(
        asked.to_string(),
        "breaker-sim run x.yaml --hosts 7 --seed 3 --mode local --fabric memory --set a=b --set c=d"
    );
}

#[test]
fn a_sweep_is_all_seeds_of_a_scenario_or_of_all() {
    let requests = |line: &str| match said(line).unwrap() {
        Verb::Sweep(words) => words.requests(),
        other => panic!("{other:?}"),
    };
    let seeds: Vec<_> = requests("sweep outage --seeds 5..7 --hosts 12").iter().map(|request| request.seed).collect();
    assert_eq!(seeds, [5, 6, 7]);
    let all = requests("sweep all --seeds 2");
    assert_eq!(all.len(), 2 * BUILT_IN.len());
    assert!(all.iter().all(|request| request.run().is_ok()));
}

#[test]
fn what_is_out_of_range_or_unknown_is_refused_with_what_was_expected() {
    for (line, expected) in [
        ("run outage --hosts 0", "expected 1 to 1000 hosts"),
        ("run outage --hosts 1001", "expected 1 to 1000 hosts"),
        ("run outage --hosts ten", "expected 1 to 1000 hosts"),
        ("run outage --seed 18446744073709551616", "too large"),
        ("run outage --mode alone", "possible values: gossip, local, steps, oracle"),
        ("run outage --fabric air", "possible values: turmoil, memory"),
        ("run outage --format yaml", "possible values: text, json"),
        ("run outage --set capacity", "expected path=value"),
        ("run flood", "expected a file (with a / or .yaml) or one of spread, outage"),
        ("run all", "expected a file"),
        ("sweep outage", "--seeds"),
        ("sweep outage --seeds 3..1", "expected seeds such as 1..300"),
        ("sweep outage --seeds 1 --jobs 0", "expected 1 to 1024 runs at a time"),
        ("sweep outage --seeds 1 --jobs 1025", "expected 1 to 1024 runs at a time"),
        ("sweep outage --seeds 1 --resume", "--out"),
        ("compare all --seeds 1", "expected a file"),
        ("mutants --seeds 0", "expected seeds"),
        ("", "Usage"),
    ] {
        let error = said(line).unwrap_err();
        assert!(error.contains(expected), "{line}: {error}");
    }
    for good in ["run outage --hosts 1", "run outage --hosts 1000", "sweep outage --seeds 1 --jobs 1024"] {
        assert!(said(good).is_ok(), "{good}");
    }
}

#[test]
fn every_verb_has_its_help() {
    Cli::command().debug_assert();
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("Exit status"), "{help}");
    for verb in ["list", "run", "sweep", "compare", "mutants"] {
        assert!(help.contains(verb), "{help}");
    }
}
