//! Which seeds: `1..300`, both ends included, or `300` for the same.

use std::fmt;
use std::str::FromStr;

/// Some seeds in a row; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Seeds {
    /// From 1 on; at least one.
    #[must_use]
    pub fn up_to(last: u64) -> Self {
        Self { first: 1, last: last.max(1) }
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected seeds such as 1..300 (both included) or 300, at most {SEEDS_MAX} of them");
        let number = |text: &str| text.parse().map_err(|_not_a_number| expected());
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (1, number(text)?),
        };
        if first > last || last - first >= SEEDS_MAX { Err(expected()) } else { Ok(Self { first, last }) }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// Most seeds at once: more than a month of runs; each is planned in memory.
const SEEDS_MAX: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_included_and_a_number_begins_at_one() {
        let all = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.iter().collect::<Vec<_>>());
        assert_eq!(all("3..5"), Ok(vec![3, 4, 5]));
        assert_eq!(all("7..7"), Ok(vec![7]));
        assert_eq!(all("2"), Ok(vec![1, 2]));
        for wrong in ["", "0", "5..3", "a..b", "..", "1..", "-1", "1..1000001"] {
            assert!(all(wrong).is_err(), "{wrong}");
        }
        assert!("1..1000000".parse::<Seeds>().is_ok());
        assert!("18446744073709551615..18446744073709551615".parse::<Seeds>().is_ok());
    }
}
