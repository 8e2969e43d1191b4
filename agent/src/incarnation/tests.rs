//! The number only rises, whatever the clock does, and a file that is something else is left alone.

use std::fs;
use std::path::PathBuf;

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("breakerd-incarnation-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn it_follows_the_clock_and_outruns_one_that_stands_or_steps_back() {
    let file = Scratch::new("rises");
    assert_eq!(next(&file.0, 1_000).unwrap(), 1_000);
    assert_eq!(next(&file.0, 2_000).unwrap(), 2_000);
    assert_eq!(next(&file.0, 2_000).unwrap(), 2_001);
    assert_eq!(next(&file.0, 5).unwrap(), 2_002);
    assert_eq!(fs::read_to_string(&file.0).unwrap(), "2002\n");
}

#[test]
fn without_a_file_and_a_clock_it_begins_at_one() {
    let file = Scratch::new("first");
    assert_eq!(next(&file.0, 0).unwrap(), 1);
}

#[test]
fn a_raised_one_is_kept_and_never_lowered() {
    let file = Scratch::new("raise");
    raise(&file.0, 7).unwrap();
    raise(&file.0, 6).unwrap();
    assert_eq!(next(&file.0, 0).unwrap(), 8);
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_as_it_was() {
    let file = Scratch::new("garbage");
    let longest = format!("{}\r\n", u64::MAX - 1);
    for (content, ok) in [("", false), ("-1", false), ("12x", false), ("7\n", true), (longest.as_str(), true)] {
        fs::write(&file.0, content).unwrap();
        assert_eq!(next(&file.0, 0).is_ok(), ok, "{content:?}");
    }
    for content in [format!("{}\n", u64::MAX), format!(" {longest}"), "7".repeat(1_000)] {
        fs::write(&file.0, &content).unwrap();
        let error = next(&file.0, 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("expected the agent's last incarnation"), "{error}");
        assert_eq!(fs::read_to_string(&file.0).unwrap(), content);
    }
}
