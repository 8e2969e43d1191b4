//! Cutting a long list of outcomes into messages that fit.
//!
//! An application that reports now and then may hand over any number of entries, while a frame holds 64 KiB and a message
//! 4,096 entries. Sizes are estimated from above instead of encoding twice: a message may leave some room, but never
//! overflows its frame.

use crate::wire::{BATCH_MAX, BatchEntry, FRAME_MAX};

/// The entries in messages of at most [`BATCH_MAX`] entries that each fit in a frame, in order. An entry that is too
/// long by itself makes a message of its own, which the codec refuses.
pub(crate) fn messages(entries: Vec<BatchEntry>) -> Vec<Vec<BatchEntry>> {
    let mut messages: Vec<Vec<BatchEntry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let size = size_max(&entry);
        match messages.last_mut() {
            Some(message) if size <= room && message.len() < BATCH_MAX => {
                room -= size;
                message.push(entry);
            }
            _ => {
                room = MESSAGE_MAX.saturating_sub(size);
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

    fn entry(service: String, kind: Option<String>) -> BatchEntry {
        let call = CallReport { outcome: Outcome::Cancelled, duration_us: Some(u64::MAX), kind, origin: Origin::Host };
        BatchEntry { service, call, repeat: u32::MAX }
    }

    #[test]
    fn a_message_holds_as_many_entries_as_are_allowed_and_the_next_starts_another() {
        let many = |n| vec![entry("a".into(), None); n];
        let lengths = |n| messages(many(n)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0_usize; 0]);
        let most = lengths(10_000);
        let full = most[0];
        assert!(full <= BATCH_MAX);
        assert_eq!(lengths(full), [full]);
        assert_eq!(lengths(full + 1), [full, 1]);
    }

    proptest! {
        #[test]
        fn every_message_fits_in_a_frame_and_nothing_is_lost(
            sizes in prop::collection::vec((0_usize..20_000, prop::option::of(0_usize..300)), 0..40),
        ) {
            let entries: Vec<_> =
                sizes.iter().map(|&(name, kind)| entry("n".repeat(name), kind.map(|k| "k".repeat(k)))).collect();
            let cut = messages(entries.clone());
            for entries in &cut {
                let frame = RequestFrame { id: u32::MAX, request: Request::ReportBatch { entries: entries.clone() } };
                prop_assert!(to_bytes(&frame).unwrap().len() <= FRAME_MAX);
            }
            prop_assert_eq!(cut.concat(), entries);
        }
    }
}
