//! `run`: ask, run a command, report how it went by its exit status and the time it took.
//!
//! The command is the application here, so nothing the agent does keeps it from running except a refusal. It is never
//! killed: a command that takes longer than the policy gives a call is reported as a timeout when it ends.
//!
//! SIGTERM and SIGHUP are passed on to the command. SIGINT is too, unless a terminal is attached: then the terminal has
//! sent it to the command already, and twice means "at once" to many. Whatever the command then returns says nothing
//! about the service, so it is reported as ignored, unless it succeeded.
//!
//! Standard output is the command's; warnings and the document of `--format json` go to standard error.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use breaker_client::wire::{CallReport, FailureCode, Outcome};
use breaker_client::{AskError, Client, Permit, Rejected, Standing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Incoming, SignalKind, signal};
use tokio::time::Instant;

use super::args::{Cli, Run};
use super::exit::{Exit, Trouble};
use super::output::Output;
use super::verbs;
use super::view;

/// How a command ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    status: ExitStatus,
    took: Duration,
    interrupted: bool,
}

/// Signals that are meant for the command.
struct Signals {
    interrupt: Incoming,
    terminate: Incoming,
    hang_up: Incoming,
}

pub(crate) async fn run(cli: &Cli, run: &Run, output: &Output) -> Result<Exit, Trouble> {
    let client = verbs::client(cli);
    match client.acquire(&run.service).await {
        Err(rejected) => Ok(refused(run, &rejected, output).await),
        Ok(permit) => match permit.standing() {
            // A name that is none will never be guarded: that is a mistake to mend, not an agent to do without.
            Standing::Unguarded(AskError::Failed(failure)) if failure.code == FailureCode::InvalidName => {
                Err(Trouble::from(AskError::Failed(failure.clone())))
            }
            _ => Ok(guarded(&client, run, permit, output).await),
        },
    }
}

async fn refused(run: &Run, rejected: &Rejected, output: &Output) -> Exit {
    let why = view::rejection_sentence(&run.service, &rejected.0);
    let exit = match &run.fallback {
        None => {
            output.note(&format!("refused: {why}"));
            Exit::RunRefused
        }
        Some(fallback) => {
            output.note(&format!("refused: {why}; running the fallback"));
            let words = [OsString::from("sh"), OsString::from("-c"), fallback.clone()];
            match supervise(&words).await {
                Ok(ended) => ended.exit(),
                Err(error) => not_started(OsStr::new("sh"), &error, output),
            }
        }
    };
    let ran = if run.fallback.is_some() { "fallback" } else { "nothing" };
    output.side_document(&json!({
        "service": run.service, "asked": "refused", "rejection": rejected.0, "ran": ran, "exit": exit.code(),
    }));
    exit
}

async fn guarded(client: &Client, run: &Run, permit: Permit, output: &Output) -> Exit {
    let asked = match permit.standing() {
        Standing::Allowed => "allowed",
        Standing::WouldRefuse => "would_refuse",
        Standing::Untracked => "untracked",
        Standing::Unguarded(why) => {
            output.note(&format!("warning: {}; running the command unguarded", Trouble::from(why.clone()).text));
            "unguarded"
        }
    };
    let limit = permit.call_timeout();
    match supervise(&run.command).await {
        Err(error) => {
            // Whether it is heard does not matter: the permit is lost with the connection of this process anyway.
            let _ = permit.report_and_wait(CallReport::of(Outcome::Cancelled)).await;
            let exit = not_started(&run.command[0], &error, output);
            output.side_document(&json!({
                "service": run.service, "asked": asked, "ran": "nothing", "exit": exit.code(),
            }));
            exit
        }
        Ok(ended) => {
            let call = ended.call(limit);
            report(client, run, permit, call.clone(), output).await;
            output.side_document(&json!({
                "service": run.service, "asked": asked, "ran": "command", "exit": ended.exit().code(), "call": call,
            }));
            ended.exit()
        }
    }
}

/// A permit may have been lost while the command ran, by its lease or with the agent; then the call is reported as one
/// made without asking, which counts where that is sound.
async fn report(client: &Client, run: &Run, permit: Permit, call: CallReport, output: &Output) {
    let lost = match permit.report_and_wait(call.clone()).await {
        Ok(_) => return,
        Err(AskError::NoAgent(_)) => client.report_unasked_and_wait(&run.service, call).await,
        Err(AskError::Failed(failure)) if failure.code == FailureCode::UnknownPermit => {
            client.report_unasked_and_wait(&run.service, call).await
        }
        Err(other) => Err(other),
    };
    if let Err(error) = lost {
        output.note(&format!("warning: the outcome was not reported: {error}"));
    }
}

/// Starts a command and waits for it, passing signals on.
async fn supervise(words: &[OsString]) -> std::io::Result<Ended> {
    let mut signals = Signals::listen()?;
    let started = Instant::now();
    let mut child = Command::new(&words[0]).args(&words[1..]).spawn()?;
    let mut interrupted = false;
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status?,
            signal = signals.next() => {
                interrupted = true;
                if signal != Signal::INT || !has_terminal() {
                    pass_on(&child, signal);
                }
            }
        }
    };
    Ok(Ended { status, took: started.elapsed(), interrupted })
}

fn pass_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It can only fail if the child has just ended, and then there is nobody to tell.
        let _ = kill_process(pid, signal);
    }
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

fn not_started(program: &OsStr, error: &std::io::Error, output: &Output) -> Exit {
    output.note(&format!("cannot start {}: {error}", program.display()));
    if error.kind() == std::io::ErrorKind::NotFound { Exit::NoSuchCommand } else { Exit::CannotStart }
}

impl Ended {
    /// What shells return.
    fn exit(&self) -> Exit {
        let code = self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal));
        Exit::Command(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }

    /// What it says of the service, if a call may take `limit` at most.
    fn call(&self, limit: Option<Duration>) -> CallReport {
        let call = if self.interrupted && !self.status.success() {
            CallReport::of(Outcome::Ignored)
        } else if limit.is_some_and(|limit| self.took > limit) {
            CallReport::of(Outcome::Timeout)
        } else if self.status.success() {
            CallReport::success()
        } else {
            match self.status.signal() {
                Some(signal) => CallReport::failure(format!("signal_{signal}")),
                None => CallReport::failure(format!("exit_{}", self.exit().code())),
            }
        };
        call.took(self.took)
    }
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(raw: i32, interrupted: bool) -> Ended {
        Ended { status: ExitStatus::from_raw(raw), took: Duration::from_secs(2), interrupted }
    }

    /// A wait status: the exit code in the second byte, a signal in the first.
    #[test]
    fn the_exit_status_decides_what_is_reported() {
        let took = Duration::from_secs(2);
        let expected = [
            (0, false, 0, CallReport::success()),
            (22 << 8, false, 22, CallReport::failure("exit_22")),
            (255 << 8, false, 255, CallReport::failure("exit_255")),
            (9, false, 137, CallReport::failure("signal_9")),
            (15, true, 143, CallReport::of(Outcome::Ignored)),
            (1 << 8, true, 1, CallReport::of(Outcome::Ignored)),
            (0, true, 0, CallReport::success()),
        ];
        for (raw, interrupted, code, call) in expected {
            let ended = ended(raw, interrupted);
            assert_eq!((ended.exit().code(), ended.call(None)), (code, call.took(took)), "status {raw}");
        }
    }

    #[test]
    fn a_command_longer_than_the_policy_allows_is_a_timeout() {
        let limit = |ms| ended(0, false).call(Some(Duration::from_millis(ms))).outcome;
        assert_eq!(limit(2_000), Outcome::Success);
        assert_eq!(limit(1_999), Outcome::Timeout);
    }
}
