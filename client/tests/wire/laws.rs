//! Laws of the codec: what it never does, whatever the bytes; and its limits, stood on and one past.
//!
//! The bytes are random, or well-formed messages with a few bytes changed, which come further into the decoder.

use breaker_client::wire::{
    AgentCodec, BATCH_MAX, BatchEntry, CallReport, ClientCodec, FRAME_MAX, Greeting, Request, RequestFrame,
    ResponseFrame, StatusPage, VersionRange, WireError, from_bytes, to_bytes,
};
use bytes::{BufMut, BytesMut};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

use crate::samples::{requests, responses};

/// A query whose frame body has exactly so many bytes: id, tag, a length of three bytes, and the name.
fn query_of(body_len: usize) -> RequestFrame {
    let overhead = if body_len > 65_535 + 5 { 7 } else { 5 };
    RequestFrame { id: 1, request: Request::Query { service: "x".repeat(body_len - overhead) } }
}

fn frame(body: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u32_le(u32::try_from(body.len()).expect("a test's body is small"));
    bytes.extend_from_slice(body);
    bytes
}

fn stream_of_requests() -> (Vec<RequestFrame>, BytesMut) {
    let mut bytes = BytesMut::new();
    let frames: Vec<_> = requests().into_iter().zip(0..).map(|(request, id)| RequestFrame { id, request }).collect();
    for frame in &frames {
        ClientCodec::default().encode(frame, &mut bytes).expect("samples fit");
    }
    (frames, bytes)
}

/// Everything the codec reads when the bytes come in these pieces.
fn read_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<RequestFrame> {
    let (mut codec, mut buffer, mut frames) = (AgentCodec::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(frame) = codec.decode(&mut buffer).expect("the stream is well formed") {
            frames.push(frame);
        }
    }
    assert!(buffer.is_empty());
    frames
}

#[test]
fn a_frame_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let mut bytes = BytesMut::new();
    let largest = query_of(FRAME_MAX);
    ClientCodec::default().encode(&largest, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 4 + FRAME_MAX);
    assert_eq!(AgentCodec::default().decode(&mut bytes.clone()).unwrap(), Some(largest));

    let before = bytes.clone();
    let refused = ClientCodec::default().encode(&query_of(FRAME_MAX + 1), &mut bytes);
    assert!(matches!(refused, Err(WireError::FrameTooLarge { announced }) if announced == FRAME_MAX + 1));
    assert_eq!(bytes, before, "a refused message leaves nothing behind");

    let mut announced = BytesMut::new();
    announced.put_u32_le(u32::try_from(FRAME_MAX + 1).unwrap());
    assert!(matches!(AgentCodec::default().decode(&mut announced), Err(WireError::FrameTooLarge { .. })));
}

/// An unfinished frame reserves no more than its own size.
#[test]
fn an_announced_frame_does_not_take_more_memory_than_a_frame() {
    let mut bytes = BytesMut::new();
    bytes.put_u32_le(u32::try_from(FRAME_MAX).unwrap());
    assert!(AgentCodec::default().decode(&mut bytes).unwrap().is_none());
    assert!(bytes.capacity() <= 2 * FRAME_MAX);
}

#[test]
fn bytes_after_a_message_are_refused() {
    for request in requests() {
        let mut body = to_bytes(&RequestFrame { id: 1, request }).unwrap();
        body.push(0);
        assert!(matches!(AgentCodec::default().decode(&mut frame(&body)), Err(WireError::Malformed(_))));
    }
}

#[test]
fn a_message_cut_short_is_refused() {
    for response in responses() {
        let body = to_bytes(&ResponseFrame { id: 1, response }).unwrap();
        for end in 0..body.len() {
            let cut = ClientCodec::default().decode(&mut frame(&body[..end]));
            assert!(matches!(cut, Err(WireError::Malformed(_))), "{end} bytes of {body:x?}");
        }
    }
}

/// Lengths inside a message that promise far more than the message has.
#[test]
fn a_length_that_promises_gigabytes_is_refused() {
    let huge = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for head in [&[1, 0][..], &[1, 2], &[1, 4]] {
        let body = [head, &huge].concat();
        assert!(matches!(AgentCodec::default().decode(&mut frame(&body)), Err(WireError::Malformed(_))), "{body:x?}");
    }
}

/// Small numbers take one byte on the wire and eight in the decoder's account; a full frame of them is still read.
#[test]
fn a_full_frame_of_small_numbers_is_read() {
    let status = responses().into_iter().find_map(|response| match response {
        breaker_client::wire::Response::Status(page) if !page.services.is_empty() => Some(page),
        _ => None,
    });
    let StatusPage { agent, services, .. } = status.unwrap();
    let one = to_bytes(&services[0]).unwrap().len();
    let many = vec![services[0].clone(); (FRAME_MAX - 200) / one];
    let page = StatusPage { agent, services: many, next: None };
    let response = ResponseFrame { id: 1, response: breaker_client::wire::Response::Status(page) };
    let mut bytes = BytesMut::new();
    AgentCodec::default().encode(&response, &mut bytes).unwrap();
    assert!(bytes.len() > FRAME_MAX - 500);
    assert_eq!(ClientCodec::default().decode(&mut bytes).unwrap(), Some(response));

    let entry = BatchEntry { service: "a".into(), call: CallReport::success(), repeat: 1 };
    let request = RequestFrame { id: 1, request: Request::ReportBatch { entries: vec![entry; BATCH_MAX] } };
    let mut bytes = BytesMut::new();
    ClientCodec::default().encode(&request, &mut bytes).unwrap();
    assert_eq!(AgentCodec::default().decode(&mut bytes).unwrap(), Some(request));
}

#[test]
fn a_stream_cut_anywhere_reads_the_same() {
    let (frames, bytes) = stream_of_requests();
    for cut in 0..=bytes.len() {
        assert_eq!(read_in_pieces([&bytes[..cut], &bytes[cut..]]), frames, "cut at {cut}");
    }
    assert_eq!(read_in_pieces(bytes.chunks(1)), frames);
}

#[test]
fn from_bytes_has_the_frames_limit_too() {
    let past = vec![0; FRAME_MAX + 1];
    assert!(matches!(from_bytes::<Request>(&past), Err(WireError::FrameTooLarge { .. })));
    assert!(matches!(from_bytes::<Request>(&past[..FRAME_MAX]), Err(WireError::Malformed(_))));
}

#[test]
fn the_highest_version_in_common_is_chosen() {
    let of = |min, max| VersionRange { min, max };
    assert_eq!(of(1, 3).common(of(2, 5)), Some(3));
    assert_eq!(of(2, 5).common(of(1, 3)), Some(3));
    assert_eq!(of(1, 1).common(of(1, 1)), Some(1));
    assert_eq!(of(1, 2).common(of(3, 4)), None);
    assert!(matches!(VersionRange::from_hello(*b"BRKD\x02\x00\x01\x00"), Err(WireError::BadHello)));
    assert!(matches!(Greeting::from_hello(*b"BRKD\x00\x00\x03\x00"), Err(WireError::BadHello)));
    assert!(matches!(Greeting::from_hello(*b"brkd\x01\x00\x00\x00"), Err(WireError::BadMagic)));
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_or_a_message_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AgentCodec::default().decode(&mut bytes[..].into());
        let _ = ClientCodec::default().decode(&mut bytes[..].into());
        let _ = AgentCodec::default().decode(&mut frame(&bytes));
        let _ = ClientCodec::default().decode(&mut frame(&bytes));
    }

    /// Well-formed messages with a few bytes changed come further into the decoder than random ones.
    #[test]
    fn damaged_messages_are_an_error_or_a_message_but_never_a_panic(
        sample in 0_usize..1_000,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let responses = responses();
        let response = responses[sample % responses.len()].clone();
        let mut body = to_bytes(&ResponseFrame { id: 1, response }).unwrap();
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let _ = ClientCodec::default().decode(&mut frame(&body));
    }

    #[test]
    fn any_hello_is_read_back_or_refused(bytes in any::<[u8; 8]>()) {
        if let Ok(range) = VersionRange::from_hello(bytes) {
            prop_assert_eq!(range.to_hello(), bytes);
        }
        let _ = Greeting::from_hello(bytes);
    }

    #[test]
    fn a_stream_in_random_pieces_reads_the_same(cuts in prop::collection::vec(1_usize..60, 1..60)) {
        let (frames, bytes) = stream_of_requests();
        let mut rest = &bytes[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = left;
        }
        pieces.push(rest);
        prop_assert_eq!(read_in_pieces(pieces), frames);
    }
}
