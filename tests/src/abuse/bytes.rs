//! Random bytes at the socket, in the three places where they meet different code: the hello, the length of a frame,
//! the body of a frame.
//!
//! Sent is what the socket took. The agent reads of it what it must to see that it is nothing, and hangs up on the rest;
//! so what a flood costs it are connections, some thousands for a gigabyte.

use std::io::{Read, Write};

use breaker_client::wire::{FRAME_MAX, HELLO_LEN, VERSIONS};
use rand::{Rng, RngExt};

use super::Run;
use crate::stage::{Agent, open};

pub(super) fn send(agent: &Agent, mut run: Run) {
    let mut random = vec![0; CHUNK];
    let mut sent = 0;
    for number in 0_u64.. {
        if sent >= run.amount {
            return;
        }
        run.look_at_the_clock();
        run.rng.fill_bytes(&mut random);
        let mut stream = open(&agent.socket()).expect("the agent takes connections");
        if number % 3 > 0 {
            stream.write_all(&VERSIONS.to_hello()).expect("a fresh socket takes a hello");
            let mut welcome = [0; HELLO_LEN];
            stream.read_exact(&mut welcome).expect("the agent says hello");
        }
        if number % 3 == 2 {
            let length = run.rng.random_range(1..=u32::try_from(FRAME_MAX).expect("it fits"));
            random[..4].copy_from_slice(&length.to_le_bytes());
        }
        // The agent hangs up in the middle, and what was taken until then was sent.
        for _ in 0..CHUNKS_MAX {
            match stream.write(&random) {
                Ok(taken) => sent += taken as u64,
                Err(_) => break,
            }
        }
    }
}

/// Bytes written at once: a frame of the largest kind fits in.
const CHUNK: usize = FRAME_MAX;

/// Most writes on one connection, should the agent take them all.
const CHUNKS_MAX: usize = 16;
