//! Names at their limits: standing on each, and one step past it.

use super::{NAME_MAX, NameError, SEGMENTS_MAX, ServiceName};

fn error(text: &str) -> Option<NameError> {
    ServiceName::parse(text).err()
}

#[test]
fn a_name_has_at_most_so_many_bytes_and_segments() {
    assert_eq!(error(&"a".repeat(NAME_MAX)), None);
    assert_eq!(error(&"a".repeat(NAME_MAX + 1)), Some(NameError::TooLong { bytes: NAME_MAX + 1 }));
    assert_eq!(error(&"ä".repeat(NAME_MAX / 2 + 1)), Some(NameError::TooLong { bytes: NAME_MAX + 2 }));
    assert_eq!(error(&["a"; SEGMENTS_MAX].join("/")), None);
    let segments = SEGMENTS_MAX + 1;
    assert_eq!(error(&vec!["a"; segments].join("/")), Some(NameError::TooDeep { segments }));
}

#[test]
fn a_name_has_no_empty_segment_and_no_character_that_means_something_else() {
    assert_eq!(error(""), Some(NameError::Empty));
    for text in ["/", "/a", "a/", "a//b"] {
        assert_eq!(error(text), Some(NameError::EmptySegment), "{text}");
    }
    for (text, character) in [("a b", ' '), ("a\nb", '\n'), ("a\u{0}", '\u{0}'), ("a/*", '*'), ("a\u{a0}b", '\u{a0}')] {
        assert_eq!(error(text), Some(NameError::BadCharacter { character }), "{text:?}");
    }
    for text in ["payments/10.0.0.5:8080", "größe", "[::1]:80", "a-b_c.d"] {
        assert_eq!(error(text), None, "{text}");
    }
}

#[test]
fn a_parent_is_the_path_without_its_last_segment() {
    let name = ServiceName::parse("a/b/c").unwrap();
    let above: Vec<_> = std::iter::successors(Some(name), ServiceName::parent).map(|name| name.to_string()).collect();
    assert_eq!(above, ["a/b/c", "a/b", "a"]);
}

#[test]
fn every_error_says_what_is_wrong() {
    for (text, word) in [("", "empty"), ("a//b", "segment"), ("a b", "' '"), ("a/b/c/d/e", "5"), ("*", "'*'")] {
        let message = error(text).unwrap().to_string();
        assert!(message.contains(word), "{text:?}: {message}");
    }
}
