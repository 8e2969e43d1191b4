//! Both fabrics, run as users run them: a process each. The first question is about the simulator itself: does the same
//! seed give the same run?

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// The result of a run, and its trace.
fn traced(words: &str, name: &str) -> (Value, String) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_breaker-sim"))
        .args(words.split_whitespace())
        .args(["--format", "json", "--trace"])
        .arg(&path)
        .output()
        .expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words}: {error}: {said}"));
    (result, std::fs::read_to_string(path).expect("the trace was written"))
}

/// FNV-1a, written once more, as whoever reads a trace elsewhere would.
fn fnv_1a(text: &str) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    format!("{:016x}", text.as_bytes().iter().fold(0xCBF2_9CE4_8422_2325, step))
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte_on_both_fabrics_and_another_does_not() {
    for fabric in ["memory", "turmoil"] {
        let words = format!("run spread --hosts 5 --fabric {fabric}");
        let (first, first_trace) = traced(&format!("{words} --seed 7"), &format!("{fabric}-first.trace"));
        let (second, second_trace) = traced(&format!("{words} --seed 7"), &format!("{fabric}-second.trace"));
        assert!(first_trace == second_trace, "two traces of one seed differ on {fabric}");
        assert_eq!(first, second);
        assert_eq!(first["trace_hash"], fnv_1a(&first_trace), "the hash is that of the file");
        let (other, other_trace) = traced(&format!("{words} --seed 8"), &format!("{fabric}-other.trace"));
        assert!(first_trace != other_trace);
        assert_ne!(first["trace_hash"], other["trace_hash"]);
    }
}

/// The agents' own counters and the trace, which knows nothing of them, must tell the same story: it was the daemon's
/// code that ran, and its datagrams that travelled.
#[test]
fn it_was_the_agents_that_ran() {
    for fabric in ["memory", "turmoil"] {
        let (result, trace) = traced(&format!("run spread --hosts 4 --seed 9 --fabric {fabric}"), "agents.trace");
        let counted = |name: &str| result["counters"][name].as_u64().unwrap();
        let columns: Vec<Vec<&str>> = trace.lines().map(|line| line.split('\t').collect()).collect();
        let lines = |event: &str| columns.iter().filter(|columns| columns[2] == event).collect::<Vec<_>>();
        let (sent, lost, received) = (lines("sent"), lines("lost"), lines("received"));
        let left = (sent.len() + lost.len()) as u64;
        // Agents are asked in the last step of a run, in which a few datagrams more may leave.
        assert!(left.abs_diff(counted("seal_sent")) <= 8, "{fabric}: {left} {}", counted("seal_sent"));
        assert!((received.len() as u64).abs_diff(counted("seal_received")) <= 8, "{fabric}");
        // Every host speaks, and what arrives is what was sent, byte for byte.
        let speakers: std::collections::BTreeSet<_> = sent.iter().map(|columns| columns[1]).collect();
        assert_eq!(speakers.len(), 4, "{fabric}");
        let bytes: std::collections::BTreeSet<_> = sent.iter().map(|columns| &columns[4..]).collect();
        assert!(received.iter().all(|columns| bytes.contains(&columns[4..])), "{fabric}");
    }
}
