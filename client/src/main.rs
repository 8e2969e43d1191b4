//! `breakerctl`: the agent's command line.
//!
//! It reads the words it was called with and nothing else; what they mean and what is done about them is in `cli`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
