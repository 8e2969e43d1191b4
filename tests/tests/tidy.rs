//! The repository keeps its own rules: layering, purity of the core, length and header of files, what lies at the top.
//!
//! Each rule is first shown to find what it is there to find; a rule that cannot fail is none.

use std::collections::BTreeSet;
use std::fs;

use breaker_tests::tidy::{Ban, Fault, Source, root, sources, too_long, without_header};

/// Most lines of a source file.
const LINES_MAX: usize = 400;

const CORE: &str = "agent/src/core";

const BANS: &[Ban] = &[
    Ban { within: CORE, but: &[], word: "tokio", why: "the core is not async and has no clock" },
    Ban { within: CORE, but: &[], word: "async", why: "the core is not async" },
    Ban { within: CORE, but: &[], word: "Instant", why: "time is an argument of the core" },
    Ban { within: CORE, but: &[], word: "SystemTime", why: "time is an argument of the core" },
    Ban { within: CORE, but: &[], word: "HashMap", why: "its order is a hidden roll of dice" },
    Ban { within: CORE, but: &[], word: "HashSet", why: "its order is a hidden roll of dice" },
    Ban { within: CORE, but: &[], word: "tracing", why: "the core does not log" },
    Ban { within: CORE, but: &[], word: "serde", why: "the core knows no encoding" },
    Ban { within: CORE, but: &[], word: "breaker_client", why: "the core does not know the protocol" },
    Ban { within: CORE, but: TESTS_OF_CORE, word: "rand", why: "chance is an argument of the core (rand_core)" },
    Ban { within: CORE, but: &[], word: "std::fs", why: "the core does no I/O" },
    Ban { within: CORE, but: &[], word: "std::net", why: "the core does no I/O" },
    Ban { within: CORE, but: &[], word: "std::io", why: "the core does no I/O" },
    Ban { within: CORE, but: &[], word: "std::env", why: "the core does no I/O" },
    Ban { within: CORE, but: &[], word: "std::thread", why: "the core has no threads" },
    Ban { within: "agent/src/server", but: &[], word: "gossip", why: "they meet in the driver" },
    Ban { within: "agent/src/session", but: &[], word: "gossip", why: "they meet in the driver" },
    Ban { within: "agent/src/server", but: &[], word: "core", why: "edges of bytes decide nothing" },
    Ban { within: "agent/src/session", but: &[], word: "core", why: "edges of bytes decide nothing" },
    Ban { within: "agent/src/gossip", but: &[], word: "server", why: "they meet in the driver" },
    Ban { within: "agent/src/gossip", but: &[], word: "session", why: "they meet in the driver" },
    Ban { within: "agent", but: &["agent/src/gossip"], word: "chitchat", why: "one module names it" },
    Ban { within: "agent", but: &[], word: "bincode", why: "client::wire is the one codec" },
    Ban { within: "client", but: &["client/src/wire"], word: "bincode", why: "client::wire is the one codec" },
    Ban { within: "agent", but: &["agent/src/seal", "agent/src/keyring"], word: "chacha20poly1305", why: "one seal" },
    Ban { within: "agent/src", but: &[], word: "turmoil", why: "the product does not know that it is simulated" },
    Ban { within: "client", but: &[], word: "breaker_agent", why: "an application links the client alone" },
    Ban { within: "agent", but: &[], word: "breaker_sim", why: "the simulator starts agents, not the other way" },
    Ban { within: "sim", but: &[], word: "chitchat", why: "the simulator runs what we ship" },
];

/// Tests hand the core a seeded generator.
const TESTS_OF_CORE: &[&str] = &["agent/src/core/backoff/tests.rs"];

#[test]
fn every_import_points_the_right_way() {
    let found: Vec<Fault> =
        sources().iter().flat_map(|source| BANS.iter().flat_map(|ban| ban.faults(source))).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_rule_about_words_can_fail() {
    for ban in BANS {
        let bad = Source { path: format!("{}/made_up.rs", ban.within), text: format!("use {}::x;", ban.word) };
        let in_comment = Source { text: format!("// {}", ban.word), ..bad.clone() };
        let in_longer_word = Source { text: format!("use x{}y;", ban.word.replace("::", "_")), ..bad.clone() };
        assert_eq!(ban.faults(&bad).len(), 1, "{ban:?}");
        assert!(ban.faults(&in_comment).is_empty(), "{ban:?}");
        assert!(ban.faults(&in_longer_word).is_empty(), "{ban:?}");
    }
}

#[test]
fn every_rule_about_words_is_about_files_that_exist() {
    let sources = sources();
    for ban in BANS {
        assert!(sources.iter().any(|source| source.path.starts_with(ban.within)), "no file is in {}", ban.within);
        for but in ban.but {
            assert!(sources.iter().any(|source| source.path.starts_with(but)), "no file is in {but}");
        }
    }
}

#[test]
fn every_file_fits_in_a_head_and_says_what_it_is_for() {
    let sources = sources();
    let long = sources.iter().filter_map(|source| too_long(source, LINES_MAX));
    let found: Vec<Fault> = long.chain(sources.iter().filter_map(without_header)).collect();
    assert!(found.is_empty(), "{found:#?}");

    let long = Source { path: "made_up.rs".to_owned(), text: "\n".repeat(LINES_MAX + 1) };
    assert!(too_long(&long, LINES_MAX).is_some() && without_header(&long).is_some());
    let fits = Source { text: format!("//! What for.{}", "\n".repeat(LINES_MAX)), ..long };
    assert!(too_long(&fits, LINES_MAX).is_none() && without_header(&fits).is_none());
}

#[test]
fn nothing_else_lies_at_the_top() {
    let expected = ["ARCHITECTURE.md", "CHANGELOG.md", "Cargo.lock", "Cargo.toml", "LICENSE", "README.md"];
    let expected =
        BTreeSet::from_iter(expected.iter().chain(&["agent", "client", "sim", "tests"]).map(|s| (*s).to_owned()));
    let entries = fs::read_dir(root()).expect("the root can be read").filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let found: BTreeSet<String> = names.filter(|name| !name.starts_with('.') && name != "target").collect();
    assert_eq!(found, expected);
}

#[test]
fn every_outside_package_is_named_once_and_explained() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest can be read");
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md can be read");
    let table = manifest.split("[workspace.dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let lines = table.expect("the workspace names its dependencies").lines();
    let names = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim());
    let outside: Vec<&str> = names.filter(|name| !name.starts_with("breaker-")).collect();
    assert!(outside.len() > 10, "{outside:?}");
    for name in outside {
        assert!(architecture.contains(&format!("`{name}`")), "ARCHITECTURE.md has no line on {name}");
    }
    for package in ["agent", "client", "sim", "tests"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a manifest can be read");
        let versions = manifest.lines().filter(|line| line.contains("version = \"") || line.contains(" = \"="));
        assert_eq!(versions.count(), 0, "{package}/Cargo.toml names a version of its own");
    }
}
