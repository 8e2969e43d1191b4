//! Settings of judging together: what the word of others may do here, how soon, and how long an opening lasts.
//!
//! One section for the whole agent, because these are promises hosts make to each other: hosts that judge over other
//! spans, or open for other times, disagree about the same evidence. A host may still be told to hold back
//! (`authority`), which harms nobody else. Which cluster it is stands in `gossip.cluster`; without gossip all of this
//! means nothing.
//!
//! The spans are those that hosts tell their calls over, four times as long each; anything between them has no counts.

use std::time::Duration;

use crate::core::digest::{SPANS, span};
use crate::core::registry::Authority;

use super::error::Findings;
use super::section::{Found, one_of};
use super::setting::{Shown, Word, Wrong, one_word_of};
use super::source::Sourced;
use super::tree::{Scalar, Value};

/// How this agent judges together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSettings {
    /// What the word of others may do here.
    pub authority: Sourced<Authority>,
    /// The shortest span judged. Shorter opens sooner, with fewer failed calls, and also on a blip as short.
    pub sustained: Sourced<Sustained>,
    /// How long an opening refuses before its first probe, half of it jitter; [`RECOVERY_MIN`] to [`RECOVERY_MAX`]. One
    /// probe at a time goes for the whole cluster, so that a short one harms nobody.
    pub recovery_timeout: Sourced<Duration>,
}

/// One of the spans that calls are told over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sustained(usize);

impl ClusterSettings {
    pub(super) fn read(found: Option<&Found<'_>>, findings: &mut Findings) -> Self {
        let mut settings = Self::default();
        let Some(found) = found else { return settings };
        if let Value::Scalar(_) = &found.node.value {
            found.refuse(findings, "a map of keys and values (the cluster's name is gossip.cluster)");
            return settings;
        }
        let section = found.section(KEYS, findings);
        settings.authority = Sourced::read(&section, "authority", settings.authority.value, findings, |word| word);
        settings.sustained = Sourced::read(&section, "sustained", settings.sustained.value, findings, |span| span);
        settings.recovery_timeout =
            Sourced::read(&section, "recovery_timeout", RECOVERY, findings, |Recovery(timeout)| timeout);
        settings
    }
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            authority: Sourced::default(Authority::default()),
            sustained: Sourced::default(SUSTAINED),
            recovery_timeout: Sourced::default(RECOVERY),
        }
    }
}

impl Sustained {
    /// Which of the spans, the shortest being 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }

    fn word(index: usize) -> String {
        format!("{}ms", span(index).as_millis())
    }
}

impl Word for Sustained {
    fn expected() -> String {
        let words: Vec<String> = (0..SPANS).map(Self::word).collect();
        one_of(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let duration = Duration::parse(scalar)?;
        (0..SPANS).find(|index| span(*index) == duration).map(Self).ok_or(Wrong::Else)
    }

    fn shown(&self) -> Shown {
        Shown::Plain(Self::word(self.0))
    }
}

struct Recovery(Duration);

impl Word for Recovery {
    fn expected() -> String {
        "a duration from 100ms to 1h such as 2s".to_owned()
    }

    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let timeout = Duration::parse(scalar)?;
        if (RECOVERY_MIN..=RECOVERY_MAX).contains(&timeout) { Ok(Self(timeout)) } else { Err(Wrong::Else) }
    }

    fn shown(&self) -> Shown {
        Word::shown(&self.0)
    }
}

one_word_of! {
    Authority {
        "authoritative" => Authority::Authoritative,
        "accelerate" => Authority::Accelerate,
        "advisory" => Authority::Advisory
    }
}

const KEYS: &[&str] = &["authority", "sustained", "recovery_timeout"];

/// 256 ms: a blip shorter than half of it opens nothing, and at a thousand calls a second about a hundred fail first.
const SUSTAINED: Sustained = Sustained(2);

/// Two seconds: one probe a second of a whole cluster harms nobody, and waiting longer is outage.
const RECOVERY: Duration = Duration::from_secs(2);

/// Shortest time in Open: below this the probes' own second would be most of an opening anyhow.
pub const RECOVERY_MIN: Duration = Duration::from_millis(100);

/// Longest time in Open: whoever wants a service refused for longer than an hour is an operator and says so.
pub const RECOVERY_MAX: Duration = Duration::from_secs(60 * 60);
