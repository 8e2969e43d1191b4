//! Figures at the edges of their forms, and laws about widths.
//!
//! Each form of a figure is tried at its first and its last value, since that is where columns overflow.

use proptest::prelude::*;

use super::*;

#[test]
fn times_are_brief_at_every_size() {
    let expected = [
        (0, "0ms"),
        (999, "999ms"),
        (1_000, "1s"),
        (1_099, "1s"),
        (1_100, "1.1s"),
        (12_500, "12.5s"),
        (59_999, "59.9s"),
        (60_999, "60s"),
        (99_999, "99s"),
        (100_000, "1m"),
        (5_999_999, "99m"),
        (6_000_000, "1h"),
        (359_999_999, "99h"),
        (360_000_000, "4d"),
        (86_399_999_999, "999d"),
        (86_400_000_000, ">999d"),
        (u64::MAX, ">999d"),
    ];
    for (ms, text) in expected {
        assert_eq!(brief(ms), text, "{ms} ms");
    }
    assert_eq!(brief_us(999), "999us");
    assert_eq!(brief_us(1_000), "1ms");
}

#[test]
fn shares_are_rounded_down_and_undefined_is_not_nought() {
    let expected = [
        (None, "-"),
        (Some(0), "0%"),
        (Some(1), "<0.1%"),
        (Some(999), "<0.1%"),
        (Some(1_000), "0.1%"),
        (Some(50_000), "5%"),
        (Some(55_000), "5.5%"),
        (Some(99_999), "9.9%"),
        (Some(100_000), "10%"),
        (Some(999_999), "99%"),
        (Some(1_000_000), "100%"),
    ];
    for (ppm, text) in expected {
        assert_eq!(percent(ppm), text, "{ppm:?} ppm");
    }
}

#[test]
fn counts_stay_within_five_columns() {
    let expected = [(0, "0"), (99_999, "99999"), (100_000, "100k"), (1_000_000, "1M"), (u64::MAX, "18E")];
    for (n, text) in expected {
        assert_eq!(count(n), text);
    }
}

#[test]
fn a_long_name_keeps_both_its_ends() {
    assert_eq!(elide("payments/10.0.0.5:8080", 22), "payments/10.0.0.5:8080");
    assert_eq!(elide("payments/10.0.0.5:8080", 12), "paymen…:8080");
    assert_eq!(elide("payments", 1), "…");
    assert_eq!(elide("payments", 0), "");
    assert_eq!(cut("payments", 5), "paym…");
}

#[test]
fn what_could_drive_a_terminal_is_replaced() {
    assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd\u{9b}e"), "a?[31mb?c?d?e");
    assert_eq!(clean("zahlung/größe"), "zahlung/größe");
}

#[test]
fn words_wrap_and_long_ones_break() {
    assert_eq!(wrap("failure rate 60 % >= 50 %", 12), ["failure rate", "60 % >= 50 %"]);
    assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    assert_eq!(wrap("", 3), [""]);
}

proptest! {
    #[test]
    fn nothing_is_wider_than_its_room(text in "\\PC{0,60}", room in 0_usize..40) {
        prop_assert!(width(&elide(&text, room)) <= room);
        prop_assert!(width(&cut(&text, room)) <= room);
        for line in wrap(&text, room) {
            prop_assert!(width(&line) <= room.max(2));
        }
    }

    #[test]
    fn wrapping_loses_nothing_but_spaces(text in "[a-z ]{0,60}", room in 2_usize..20) {
        let solid = |text: &str| text.replace(' ', "");
        prop_assert_eq!(solid(&wrap(&text, room).concat()), solid(&text));
    }

    #[test]
    fn figures_take_five_columns_at_most(n in any::<u64>(), ppm in 0_u32..=1_000_000) {
        prop_assert!(brief(n).len() <= 5 && brief_us(n).len() <= 5 && count(n).len() <= 5);
        prop_assert!(percent(Some(ppm)).len() <= 5);
    }
}
