//! What a host says of itself, as it is published: small, and not rewritten for every call more or less.
//!
//! Rates are rounded to half octaves: a rate must change by some 40 % to be written anew, and one byte holds any. Names
//! are sorted and share beginnings with the one before, so that instances of a service cost a few bytes each. What does
//! not fit is left out, the busiest last.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::{Malformed, encode, is_word};
use crate::core::digest::{HostWord, RATES_MAX};
use crate::core::service::ServiceName;

/// A host's word, rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coarse {
    pub(super) zone: Option<Arc<str>>,
    pub(super) sick: bool,
    pub(super) deaf: bool,
    pub(super) rates: BTreeMap<ServiceName, Octaves>,
}

/// A rate in half octaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Octaves(u8);

#[derive(Serialize, Deserialize)]
pub(super) struct WireHost {
    zone: Option<String>,
    /// Bit 0: sick; bit 1: deaf.
    flags: u8,
    rates: Vec<WireRate>,
}

#[derive(Serialize, Deserialize)]
struct WireRate {
    /// Bytes the name begins with as the one before it.
    shared: u8,
    rest: String,
    rate: Octaves,
}

impl Coarse {
    /// Rounds a word. A rate of zero is none.
    pub(super) fn of(word: &HostWord) -> Self {
        let rates = word.rates.iter().filter_map(|(service, rate)| Some((service.clone(), Octaves::of(*rate)?)));
        Self { zone: word.zone.clone(), sick: word.sick, deaf: word.deaf, rates: rates.collect() }
    }

    /// Whether it takes something back that `before` said, or says something that cannot wait.
    pub(super) fn is_urgent_after(&self, before: &Self) -> bool {
        (&self.zone, self.sick, self.deaf) != (&before.zone, before.sick, before.deaf)
            || before.rates.keys().any(|service| !self.rates.contains_key(service))
    }

    /// Its bytes, with as many of the busiest services as `bytes_max` holds.
    pub(super) fn fit(&self, bytes_max: usize) -> Vec<u8> {
        let mut busiest: Vec<_> = self.rates.iter().collect();
        busiest.sort_by_key(|(_, rate)| std::cmp::Reverse(**rate));
        let (mut fits, mut tried) = (0, busiest.len().min(RATES_MAX) + 1);
        // The length grows with the number of services, but for a byte or two where a name helps the next one.
        while tried - fits > 1 {
            let middle = fits + (tried - fits) / 2;
            if self.with(&busiest[..middle]).len() <= bytes_max {
                fits = middle;
            } else {
                tried = middle;
            }
        }
        self.with(&busiest[..fits])
    }

    fn with(&self, rates: &[(&ServiceName, &Octaves)]) -> Vec<u8> {
        let sorted: BTreeMap<_, _> = rates.iter().copied().collect();
        let mut before = "";
        let mut wire = Vec::with_capacity(sorted.len());
        for (name, rate) in sorted {
            let name = name.as_str();
            let letters = name.char_indices().zip(before.chars()).take_while(|((_, a), b)| a == b);
            let shared = letters.last().map_or(0, |((at, letter), _)| at + letter.len_utf8());
            let rest = name[shared..].to_owned();
            let shared = u8::try_from(shared).expect("invariant: a name is shorter than 256 bytes");
            wire.push(WireRate { shared, rest, rate: *rate });
            before = name;
        }
        let flags = u8::from(self.sick) | u8::from(self.deaf) << 1;
        encode(&WireHost { zone: self.zone.as_deref().map(str::to_owned), flags, rates: wire })
    }
}

impl WireHost {
    /// What it says.
    pub(super) fn into_word(self) -> Result<HostWord, Malformed> {
        let Self { zone, flags, rates } = self;
        if rates.len() > RATES_MAX || !zone.as_deref().is_none_or(is_word) {
            return Err(Malformed);
        }
        let mut word = HostWord { zone: zone.map(Into::into), rates: Vec::new(), ..HostWord::default() };
        (word.sick, word.deaf) = (flags & 1 != 0, flags & 2 != 0);
        let mut before = String::new();
        for WireRate { shared, rest, rate } in rates {
            let name = before.get(..usize::from(shared)).ok_or(Malformed)?.to_owned() + &rest;
            word.rates.push((ServiceName::parse(&name).or(Err(Malformed))?, rate.calls()?));
            before = name;
        }
        Ok(word)
    }
}

impl Octaves {
    /// Of so many calls per 1,000 seconds; `None` of none.
    pub(super) fn of(rate: u32) -> Option<Self> {
        let whole = rate.checked_ilog2()?;
        let is_upper_half = u64::from(rate) * u64::from(rate) >= 1 << (2 * whole + 1);
        u8::try_from(2 * whole + u32::from(is_upper_half)).ok().map(Self)
    }

    /// The middle of it.
    fn calls(self) -> Result<u32, Malformed> {
        if self.0 > OCTAVES_MAX {
            return Err(Malformed);
        }
        let permille: u64 = if self.0.is_multiple_of(2) { 1_189 } else { 1_682 };
        let calls = ((1_u64 << (self.0 / 2)) * permille).div_ceil(1_000).min(u32::MAX.into());
        // Of the smallest rates the middle is the next one already.
        let calls = if self.0 < 4 { [1, 1, 2, 3][usize::from(self.0)] } else { calls };
        u32::try_from(calls).or(Err(Malformed))
    }
}

/// The half octave of the largest rate there is.
const OCTAVES_MAX: u8 = 63;

#[cfg(test)]
mod tests;
