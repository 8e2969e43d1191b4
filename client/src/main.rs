//! `breakerctl`: the agent's command line. Parses, asks, prints; what it does is in `cli`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
