//! Tables for people, of 80 columns at most, and the numbers in them.
//!
//! Words begin at the left of their column, numbers end at its right. The first column is cut where it must be, all others
//! are as wide as they need to be. Percentiles are by nearest rank, so that each is a value that occurred.

use std::fmt;

use crate::metric::plain;

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

/// What many runs measured of one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Half are not above it.
    pub median: f64,
    /// 95 of a hundred are not above it.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Table {
    /// A table with these titles.
    #[must_use]
    pub fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|title| (*title).to_owned()).collect()] }
    }

    /// Adds a row with as many cells as there are titles.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn is_of_numbers(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().skip(1).filter_map(|row| row.get(column));
        column > 0 && cells.all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let mut widths: Vec<_> = (0..columns).map(width).collect();
        let others: usize = widths.iter().skip(1).map(|width| width + GAP).sum();
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(PAGE.saturating_sub(others).max(WORD_MIN));
        }
        let aligned: Vec<_> = (0..columns).map(|column| self.is_of_numbers(column)).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).zip(&aligned);
            let cells = cells.map(|((cell, &width), of_numbers)| match of_numbers {
                true => format!("{cell:>width$}"),
                false => format!("{:width$}", cut(cell, width)),
            });
            let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl Spread {
    /// Of some values; nothing of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { median: rank(50)?, p95: rank(95)?, max: rank(100)? })
    }
}

/// A number in at most seven characters, for columns of them.
#[must_use]
pub fn short(value: f64) -> String {
    let text = plain(value);
    let scaled = |divisor: f64, letter: char| format!("{:.1}{letter}", value / divisor);
    match value.abs() {
        _ if text.len() <= SHORT_MAX => text,
        ..1e6 => scaled(1e3, 'k'),
        ..1e9 => scaled(1e6, 'M'),
        _ => format!("{value:.0e}"),
    }
}

/// A text of at most so many characters.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// How far lines begin from the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indent {
    /// The first one.
    pub first: usize,
    /// All others.
    pub others: usize,
}

impl Indent {
    /// A line of its own that goes on further in.
    pub const LINE: Self = Self { first: 0, others: 4 };

    /// Something that belongs to the line above.
    pub const BELOW: Self = Self { first: 4, others: 8 };
}

/// A text in lines of at most a page. A word that fits in no line has one of its own.
#[must_use]
pub fn wrapped(text: &str, indent: Indent) -> String {
    let mut lines = vec![" ".repeat(indent.first)];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("invariant: there is always a line");
        let begins = line.trim().is_empty();
        if !begins && line.chars().count() + 1 + word.chars().count() > PAGE {
            lines.push(format!("{}{word}", " ".repeat(indent.others)));
            continue;
        }
        if !begins {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join("\n")
}

/// As wide as a terminal is when nobody has asked for more.
pub const PAGE: usize = 80;

/// Between two columns.
const GAP: usize = 2;

/// A first column cut to less says nothing any more.
const WORD_MIN: usize = 8;

/// Longest number in a table.
const SHORT_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { median: 7.0, p95: 7.0, max: 7.0 }));
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, p95: 3.0, max: 3.0 }));
        let hundred: Vec<_> = (1..=100).map(f64::from).collect();
        assert_eq!(Spread::of(&hundred), Some(Spread { median: 50.0, p95: 95.0, max: 100.0 }));
    }

    #[test]
    fn numbers_in_columns_are_short_whatever_they_are() {
        let cases = [
            (0.0, "0"),
            (1.234_567, "1.235"),
            (-12.5, "-12.5"),
            (999_999.0, "999999"),
            (1_234_567.0, "1.2M"),
            (1e12, "1e12"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
        for exponent in -5..300 {
            let text = short(-7.654_321 * 10_f64.powi(exponent));
            assert!(text.len() <= 8, "{text}");
        }
    }

    #[test]
    fn a_table_is_as_wide_as_a_page_at_most() {
        let mut table = Table::new(&["scenario", "runs", "failed"]);
        table.row(vec!["x".repeat(100), "1000000".to_owned(), "0".to_owned()]);
        table.row(vec!["outage".to_owned(), "1".to_owned(), "0".to_owned()]);
        let page = table.to_string();
        assert!(page.lines().all(|line| line.chars().count() <= PAGE), "{page}");
        assert_eq!(page.lines().next().unwrap().chars().count(), PAGE);
        assert!(page.contains("x…  1000000"), "{page}");
    }

    #[test]
    fn columns_of_numbers_end_where_their_titles_end() {
        let mut table = Table::new(&["", "median"]);
        table.row(vec!["probes".to_owned(), "3".to_owned()]);
        assert_eq!(table.to_string(), "        median\nprobes       3\n");
    }

    #[test]
    fn text_is_wrapped_at_words() {
        let text = "word ".repeat(40);
        let page = wrapped(&text, Indent::LINE);
        assert!(page.lines().all(|line| line.len() <= PAGE), "{page}");
        assert!(page.lines().skip(1).all(|line| line.starts_with("    word")), "{page}");
        assert_eq!(page.split_whitespace().count(), 40);
        let below = wrapped(&text, Indent::BELOW);
        assert!(below.starts_with("    word") && below.lines().all(|line| line.len() <= PAGE), "{below}");
        assert_eq!(wrapped("", Indent::LINE), "");
    }
}
