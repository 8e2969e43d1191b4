//! The bytes of every sample are those of the committed files, and the files' bytes decode to the samples.
//!
//! A line is a name and the bytes in hexadecimal, a frame with its length first. A file changes by new lines only: a
//! changed line means that agents and clients of different builds no longer understand each other.

use std::collections::BTreeSet;
use std::fmt::Write;

use breaker_client::wire::{AgentCodec, ClientCodec, Greeting, RequestFrame, ResponseFrame, VersionRange};
use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::samples::{REQUEST_NAMES, RESPONSE_NAMES, hellos, request_name, requests, response_name, responses};

const HELLOS: &str = include_str!("../golden/hellos.txt");
const REQUESTS: &str = include_str!("../golden/requests.txt");
const RESPONSES: &str = include_str!("../golden/responses.txt");

fn line(name: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(format!("{name} "), |mut line, byte| {
        write!(line, "{byte:02x}").expect("a string takes everything");
        line
    }) + "\n"
}

/// The bytes of every line of a golden file.
fn bytes_of(file: &str) -> Vec<BytesMut> {
    let of = |line: &str| {
        let (_, hex) = line.split_once(' ').expect("a name and bytes");
        let byte = |place| u8::from_str_radix(&hex[place..place + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    file.lines().map(of).collect()
}

/// Ids of one, three and five bytes in turn.
fn id(place: usize) -> u32 {
    [7, 300, u32::MAX][place % 3]
}

fn request_frames() -> Vec<RequestFrame> {
    requests().into_iter().enumerate().map(|(place, request)| RequestFrame { id: id(place), request }).collect()
}

fn response_frames() -> Vec<ResponseFrame> {
    responses().into_iter().enumerate().map(|(place, response)| ResponseFrame { id: id(place), response }).collect()
}

#[test]
fn hellos_have_the_bytes_of_the_golden_file() {
    let text: String = hellos().iter().map(|(name, bytes)| line(name, bytes)).collect();
    assert_eq!(text, HELLOS, "\n{text}");
    let hello = |place: usize| <[u8; 8]>::try_from(&bytes_of(HELLOS)[place][..]).unwrap();
    assert_eq!(VersionRange::from_hello(hello(1)).unwrap(), VersionRange { min: 1, max: 515 });
    assert_eq!(Greeting::from_hello(hello(2)).unwrap(), Greeting::Welcome { version: 2 });
    assert_eq!(Greeting::from_hello(hello(3)).unwrap(), Greeting::NoCommonVersion { agent_max: 2 });
    assert_eq!(Greeting::from_hello(hello(4)).unwrap(), Greeting::Full);
}

#[test]
fn requests_have_the_bytes_of_the_golden_file() {
    let mut text = String::new();
    for frame in request_frames() {
        let mut bytes = BytesMut::new();
        ClientCodec::default().encode(&frame, &mut bytes).unwrap();
        text += &line(request_name(&frame.request), &bytes);
    }
    assert_eq!(text, REQUESTS, "\n{text}");
}

#[test]
fn responses_have_the_bytes_of_the_golden_file() {
    let mut text = String::new();
    for frame in response_frames() {
        let mut bytes = BytesMut::new();
        AgentCodec::default().encode(&frame, &mut bytes).unwrap();
        text += &line(response_name(&frame.response), &bytes);
    }
    assert_eq!(text, RESPONSES, "\n{text}");
}

#[test]
fn the_golden_bytes_decode_to_the_samples() {
    let decoded = |mut bytes: BytesMut| AgentCodec::default().decode(&mut bytes).unwrap().unwrap();
    assert_eq!(bytes_of(REQUESTS).into_iter().map(decoded).collect::<Vec<_>>(), request_frames());
    let decoded = |mut bytes: BytesMut| ClientCodec::default().decode(&mut bytes).unwrap().unwrap();
    assert_eq!(bytes_of(RESPONSES).into_iter().map(decoded).collect::<Vec<_>>(), response_frames());
}

#[test]
fn every_variant_has_a_sample() {
    let requests: BTreeSet<_> = requests().iter().map(request_name).collect();
    assert_eq!(requests, BTreeSet::from(REQUEST_NAMES));
    let responses: BTreeSet<_> = responses().iter().map(response_name).collect();
    assert_eq!(responses, BTreeSet::from(RESPONSE_NAMES));
}
