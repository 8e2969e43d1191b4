//! The command line, in four parts that do not know each other: `args` turns words into a value, `verbs` and `run` ask
//! the agent and act, `view` and its tables turn answers into text, `exit` says what a status means.
//!
//! Everything but `verbs`, `run`, `output` and this file is pure. Text goes to standard output through one place that
//! takes a closed pipe quietly (`output`); errors are one line on standard error, and with `--format json` also one
//! document on standard output, so that a program reading it always finds exactly one.

mod args;
mod evidence;
mod exit;
mod output;
mod run;
mod status;
mod status_detail;
mod table;
mod text;
mod verbs;
mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Cli;
use exit::Exit;
use output::Output;

/// Runs the command line given by `words`, the program's name first.
pub(crate) fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::parse(words) {
        Ok(cli) => cli,
        // The parser knows whether this is help (standard output, status 0) or a mistake; a failed write harms nobody.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    let output = Output::of_process(cli.format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(carry_out(&cli, &output)),
        Err(error) => output.failure(&exit::Trouble::starting(&error)),
    }
    .into()
}

async fn carry_out(cli: &Cli, output: &Output) -> Exit {
    let ended = match &cli.verb {
        args::Verb::Run(run) => run::run(cli, run, output).await,
        verb => verbs::carry_out(cli, verb, output).await,
    };
    ended.unwrap_or_else(|trouble| output.failure(&trouble))
}
