//! Cutting a long list of outcomes into messages that fit.
//!
//! An application that reports now and then may hand over any number of entries, while a frame holds 64 KiB and a message
//! 4,096 entries that stand for 16,384 calls. Sizes are estimated from above instead of encoding twice: a message may leave some room, but never
//! overflows its frame.

use crate::wire::{BATCH_MAX, BatchEntry, FRAME_MAX, REPEAT_MAX};

/// The entries in messages of at most [`BATCH_MAX`] entries and [`REPEAT_MAX`] calls that each fit in a frame, in order.
/// An entry that is too long or stands for too many calls by itself makes a message of its own, which is refused.
pub(crate) fn messages(entries: Vec<BatchEntry>) -> Vec<Vec<BatchEntry>> {
    let mut messages: Vec<Vec<BatchEntry>> = Vec::new();
    let (mut room, mut calls_left) = (0, 0);
    for entry in entries {
        let (size, calls) = (size_max(&entry), entry.repeat);
        match messages.last_mut() {
            Some(message) if size <= room && calls <= calls_left && message.len() < BATCH_MAX => {
                room -= size;
                calls_left -= calls;
                message.push(entry);
            }
            _ => {
                room = MESSAGE_MAX.saturating_sub(size);
                calls_left = REPEAT_MAX.saturating_sub(calls);
                messages.push(vec![entry]);
            }
        }
    }
    messages
}

/// Most bytes an entry can take: its words, and the widest form of everything else (two lengths of up to 9 bytes, a
/// duration of 9, a count of 5, four tags).
fn size_max(entry: &BatchEntry) -> usize {
    let kind = entry.call.kind.as_ref().map_or(0, String::len);
    entry.service.len().saturating_add(kind).saturating_add(ENTRY_OVERHEAD)
}

const ENTRY_OVERHEAD: usize = 36;

/// What a frame leaves for entries: less the id, the request's tag, and the number of entries.
const MESSAGE_MAX: usize = FRAME_MAX - 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{CallReport, Origin, Outcome, Request, RequestFrame, to_bytes};

    fn entry(service: String, kind: Option<String>, repeat: u32) -> BatchEntry {
        let call = CallReport { outcome: Outcome::Cancelled, duration_us: Some(u64::MAX), kind, origin: Origin::Host };
        BatchEntry { service, call, repeat }
    }

    fn calls(entries: &[BatchEntry]) -> u64 {
        entries.iter().map(|entry| u64::from(entry.repeat)).sum()
    }

    #[test]
    fn a_message_holds_as_many_entries_as_are_allowed_and_the_next_starts_another() {
        let many = |n| vec![entry("a".into(), None, 1); n];
        let lengths = |n| messages(many(n)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0_usize; 0]);
        let most = lengths(10_000);
        let full = most[0];
        assert!(full <= BATCH_MAX);
        assert_eq!(lengths(full), [full]);
        assert_eq!(lengths(full + 1), [full, 1]);
    }

    #[test]
    fn a_message_stands_for_as_many_calls_as_are_allowed_and_the_next_starts_another() {
        let of = |repeats: &[u32]| -> Vec<usize> {
            let entries = repeats.iter().map(|&repeat| entry("a".into(), None, repeat)).collect();
            messages(entries).iter().map(Vec::len).collect()
        };
        assert_eq!(of(&[REPEAT_MAX - 1, 1]), [2]);
        assert_eq!(of(&[REPEAT_MAX - 1, 2]), [1, 1]);
        assert_eq!(of(&[REPEAT_MAX, 0, 1]), [2, 1]);
        assert_eq!(of(&[1, u32::MAX, 1]), [1, 1, 1], "the agent refuses the one that is too much by itself");
    }

    proptest! {
        #[test]
        fn every_message_is_within_the_limits_and_nothing_is_lost(
            sizes in prop::collection::vec((0_usize..20_000, prop::option::of(0_usize..300), 0..=REPEAT_MAX), 0..40),
        ) {
            let entries: Vec<_> = sizes
                .iter()
                .map(|&(name, kind, repeat)| entry("n".repeat(name), kind.map(|k| "k".repeat(k)), repeat))
                .collect();
            let cut = messages(entries.clone());
            for entries in &cut {
                prop_assert!(calls(entries) <= u64::from(REPEAT_MAX));
                let frame = RequestFrame { id: u32::MAX, request: Request::ReportBatch { entries: entries.clone() } };
                prop_assert!(to_bytes(&frame).unwrap().len() <= FRAME_MAX);
            }
            prop_assert_eq!(cut.concat(), entries);
        }
    }
}
