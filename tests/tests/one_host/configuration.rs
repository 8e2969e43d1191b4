//! Configurations through the real program: faults with their place, values with their source, keyrings.

use std::process::Command;

use breaker_tests::stage::{Ended, Folder, binaries};

fn breakerd(words: &[&str]) -> Ended {
    Ended::of(Command::new(&binaries().breakerd).env_clear().args(words))
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("the path is text")
}

#[test]
fn faults_name_file_line_column_and_key_and_end_with_status_2() {
    let folder = Folder::new();
    let expected: [(&str, &str, &[&str]); 7] = [
        (
            "unknown",
            "circuit_breaker:\n  failure_treshold: 5\n",
            &["2:3: circuit_breaker.failure_treshold: unknown key"],
        ),
        (
            "unit",
            "circuit_breaker:\n  recovery_timeout: 30\n",
            &["2:21: circuit_breaker.recovery_timeout: expected a duration"],
        ),
        ("type", "circuit_breaker:\n  sliding_window: 3\n", &["2:19: circuit_breaker.sliding_window"]),
        ("both", "circuit_breaker: {}\ndefaults: {circuit_breaker: {}}\n", &["circuit_breaker"]),
        ("ring", "gossip: {listen: \"10.0.0.1:7373\"}\n", &["1:18: gossip.listen: 10.0.0.1:7373", "keyring"]),
        ("yaml", "circuit_breaker: [\n", &["expected YAML"]),
        (
            "many",
            "circuit_breaker:\n  success_threshold: 2\n  half_open: {permits: 2}\n  recovery_timeout: 10s\n  backoff: {max: 5s}\n  \
             sliding_window: {type: count, size: 5, minimum_throughput: 9}\n",
            &[
                "3:24: circuit_breaker.half_open.permits",
                "5:18: circuit_breaker.backoff.max",
                "6:62: circuit_breaker.sliding_window.minimum_throughput",
            ],
        ),
    ];
    for (name, yaml, parts) in expected {
        let file = folder.write(&format!("{name}.yaml"), yaml);
        let socket = folder.join("never.sock");
        let check = breakerd(&["config", "check", text(&file)]);
        let start = breakerd(&["--config", text(&file), "--socket", text(&socket), "--gossip-listen", "127.0.0.1:0"]);
        let show = breakerd(&["config", "show", "--config", text(&file)]);
        for ended in [&check, &show].into_iter().chain((name != "ring").then_some(&start)) {
            assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{name}: {ended:?}");
            assert!(ended.err.contains(&format!("{name}.yaml")), "{ended:?}");
            for part in parts {
                assert!(ended.err.contains(part), "{name} does not say {part:?}: {}", ended.err);
            }
        }
        assert!(!socket.exists() && !folder.join("never.incarnation").exists(), "nothing is left behind");
    }
}

#[test]
fn a_good_file_is_ok_and_shown_with_the_source_of_every_value() {
    let folder = Folder::new();
    let file = folder.write(
        "good.yaml",
        "node: {id: web-1}\ncircuit_breaker: {failure_threshold: 5}\nservices:\n  shop/*: {circuit_breaker: {recovery_timeout: 7s}}\n",
    );
    let check = breakerd(&["config", "check", text(&file)]);
    assert!(check.clone().well().out.ends_with("good.yaml: ok\n"), "{check:?}");
    let shown =
        breakerd(&["config", "show", "--config", text(&file), "--node-id", "web-2", "--format", "json"]).well().json();
    assert_eq!(shown["node"]["id"]["value"], "web-2", "{shown}");
    let of_service = ["config", "show", "--config", text(&file), "--service", "shop/eu", "--format", "json"];
    let of_service = breakerd(&of_service).well().json().to_string();
    assert!(of_service.contains(r#""layer":"shop/*","source":"good.yaml:4","value":"7s""#), "{of_service}");
    let as_text = breakerd(&["config", "show", "--config", text(&file)]).well().out;
    assert!(as_text.contains("good.yaml:2") && as_text.contains("default"), "{as_text}");
}

#[test]
fn what_is_shown_is_a_configuration_that_says_the_same() {
    let folder = Folder::new();
    let shown = breakerd(&["config", "show"]).well().out;
    let file = folder.write("shown.yaml", &shown);
    breakerd(&["config", "check", text(&file)]).well();
}

#[test]
fn flags_that_make_no_sense_end_with_status_2() {
    for words in
        [&["--node-id", "a b"][..], &["--gossip-listen", "nowhere"], &["--seed", "x"], &["--nope"], &["replay"]]
    {
        let ended = breakerd(words);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{words:?}: {ended:?}");
        assert!(!ended.err.is_empty());
    }
    let ended = breakerd(&["--config", "/no/such/file.yaml"]);
    assert!(ended.code != 0 && ended.err.contains("/no/such/file.yaml"), "{ended:?}");
}

#[test]
fn every_keyring_is_another_one_and_can_be_used() {
    let folder = Folder::new();
    let [one, other] = [(); 2].map(|()| breakerd(&["keygen"]).well().out);
    assert_ne!(one, other);
    for ring in [&one, &other] {
        breaker_agent::keyring::Keyring::parse(ring).expect("a keyring");
    }
    let ring = folder.write("ring", one);
    let config = format!("gossip: {{listen: \"10.0.0.1:7373\", keyring: {}}}\n", text(&ring));
    let file = folder.write("c.yaml", config);
    breakerd(&["config", "check", text(&file)]).well();
}
