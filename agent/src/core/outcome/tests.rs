//! Kinds: their limits, and the words that mean the same.

use super::{Call, KIND_MAX, Kind, KindError, Outcome};

#[test]
fn a_kind_is_a_word_of_limited_length_without_control_characters() {
    assert!(Kind::parse(&"k".repeat(KIND_MAX)).is_ok());
    for bad in ["", "a\tb", "a\u{7f}", &"k".repeat(KIND_MAX + 1)] {
        assert_eq!(Kind::parse(bad), Err(KindError), "{bad:?}");
    }
}

#[test]
fn two_words_have_two_names_and_all_others_are_as_written() {
    assert_eq!(Kind::parse("TimeoutException").unwrap(), Kind::timeout());
    assert_eq!(Kind::parse("ConnectionException"), Kind::parse("connect"));
    assert_ne!(Kind::parse("timeoutexception"), Kind::parse("timeout"));
    assert_ne!(Kind::parse("ServiceUnavailableException"), Kind::parse("http_503"));
}

#[test]
fn a_timeout_has_the_kind_timeout_whatever_was_said_and_a_success_has_none() {
    let kind = Kind::parse("other").ok();
    let of = |outcome| Call { kind: kind.clone(), ..Call::of(outcome) };
    assert_eq!(of(Outcome::Timeout).kind_of_failure(), Some("timeout"));
    for outcome in [Outcome::Failure, Outcome::Throttled] {
        assert_eq!(of(outcome).kind_of_failure(), Some("other"));
        assert_eq!(Call::of(outcome).kind_of_failure(), None);
    }
    for outcome in [Outcome::Success, Outcome::Ignored, Outcome::Cancelled] {
        assert_eq!(of(outcome).kind_of_failure(), None);
    }
}
