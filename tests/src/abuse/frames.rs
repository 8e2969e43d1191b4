//! Frames that are none: every way in which a body of the right length, or the length itself, can be wrong.
//!
//! The bytes are written out, because no encoder makes them: a request is its id, the number of its kind, its fields;
//! a text is its length and its bytes; integers below 251 are one byte, 253 begins one of eight.

use std::io::{Read, Write};

use breaker_client::wire::{FRAME_MAX, HELLO_LEN, Request, RequestFrame, VERSIONS, to_bytes};
use rand::{Rng, RngExt};

use super::Run;
use crate::stage::{Agent, framed, open};

pub(super) fn send(agent: &Agent, mut run: Run) {
    for number in 0..run.amount {
        run.look_at_the_clock();
        let bytes = malformed(number, &mut run.rng);
        let mut stream = open(&agent.socket()).expect("the agent takes connections");
        stream.write_all(&VERSIONS.to_hello()).expect("a fresh socket takes a hello");
        let mut welcome = [0; HELLO_LEN];
        stream.read_exact(&mut welcome).expect("the agent says hello");
        stream.write_all(&bytes).expect("a fresh socket takes a frame");
        let mut answer = Vec::new();
        // A connection cut off with bytes unread ends in an error, which is an end all the same.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{bytes:?} was answered: {answer:?}");
    }
}

fn malformed(number: u64, rng: &mut impl Rng) -> Vec<u8> {
    let members =
        || to_bytes(&RequestFrame { id: 1, request: Request::Members }).expect("every request has an encoding");
    let mut random = vec![0; rng.random_range(1..2_000)];
    rng.fill_bytes(&mut random);
    let too_long = u32::try_from(FRAME_MAX).expect("it fits") + 1;
    match number % 8 {
        // Longer than a frame may be, by one and by far.
        0 => too_long.to_le_bytes().to_vec(),
        1 => [&rng.random_range(too_long..=u32::MAX).to_le_bytes()[..], &random].concat(),
        2 => framed(&[]),
        // A request, and something behind it.
        3 => framed(&[members(), random].concat()),
        // A kind of request that does not exist.
        4 => framed(&[&[1, rng.random_range(50..250)][..], &random].concat()),
        // A text that says it has exabytes.
        5 => framed(&[&[1, 0, 253, 0, 0, 0, 0, 0, 0, 0, 16][..], &random].concat()),
        // A text that is none.
        6 => framed(&[1, 0, 3, 0xff, 0xfe, 0xfd, 0, 0]),
        // A hold that does not exist.
        _ => framed(&[1, 0, 1, b'x', 0, rng.random_range(2..250)]),
    }
}
