//! Exit statuses, and the errors that lead to them.
//!
//! The numbers are part of the interface: scripts branch on them. 75 is `EX_TEMPFAIL` of sysexits, 126 and 127 are what
//! shells use for commands that cannot be started.

use std::process::ExitCode;

use breaker_client::AskError;
use breaker_client::wire::FailureCode;
use serde::Serialize;

/// How the command line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done; for `check`: the call may go ahead.
    Ok,
    /// 1: something else went wrong, and the message says what.
    Other,
    /// 2: the arguments are wrong, by our reading or the agent's.
    Usage,
    /// 10: `check`: the call may not go ahead.
    Refused,
    /// 11: the agent knows no such service.
    UnknownService,
    /// 12: no agent answers in time.
    NoAgent,
    /// 13: only root and the agent's own user may do this.
    NotPermitted,
    /// 14: no such permit: never granted to this user, already used, or its lease has run out.
    UnknownPermit,
    /// 75: `run`: the call may not go ahead, and the command was not run.
    RunRefused,
    /// 126: `run`: the command was found but cannot be started.
    CannotStart,
    /// 127: `run`: there is no such command.
    NoSuchCommand,
    /// What the command of `run` returned; 128 and the signal's number, if a signal ended it.
    Command(u8),
}

/// Why a verb was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) exit: Exit,
    /// One line: what was wrong and what to try next.
    pub(crate) text: String,
}

/// A [`Trouble`] as JSON.
#[derive(Serialize)]
pub(crate) struct TroubleDocument<'a> {
    error: &'a str,
    exit: u8,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::Refused => 10,
            Self::UnknownService => 11,
            Self::NoAgent => 12,
            Self::NotPermitted => 13,
            Self::UnknownPermit => 14,
            Self::RunRefused => 75,
            Self::CannotStart => 126,
            Self::NoSuchCommand => 127,
            Self::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Trouble {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    pub(crate) fn starting(error: &std::io::Error) -> Self {
        Self::new(Exit::Other, format!("cannot start the event loop: {error}"))
    }

    pub(crate) fn document(&self) -> TroubleDocument<'_> {
        TroubleDocument { error: &self.text, exit: self.exit.code() }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        let (exit, advice) = match &error {
            AskError::NoAgent(_) => (Exit::NoAgent, "; start one with `breakerd`, or name its socket with --socket"),
            AskError::Late(_) => (Exit::NoAgent, "; give it longer with --deadline"),
            AskError::QueueFull | AskError::AgentFull => (Exit::NoAgent, "; try again later"),
            AskError::Protocol(_) => (Exit::Other, "; are breakerctl and breakerd of one version?"),
            AskError::TooLarge(_) => (Exit::Usage, ""),
            AskError::Failed(failure) => match failure.code {
                FailureCode::InvalidName | FailureCode::InvalidArgument => (Exit::Usage, ""),
                FailureCode::UnknownService => (Exit::UnknownService, ""),
                FailureCode::UnknownPermit => (Exit::UnknownPermit, ""),
                FailureCode::NotPermitted => (Exit::NotPermitted, "; try as root or as the agent's own user"),
                FailureCode::Busy => (Exit::NoAgent, "; try again later"),
            },
        };
        Self::new(exit, format!("{error}{advice}"))
    }
}

#[cfg(test)]
mod tests {
    use breaker_client::wire::Failure;

    use super::*;

    #[test]
    fn every_failure_of_the_agent_has_its_status() {
        let expected = [
            (FailureCode::InvalidName, 2),
            (FailureCode::InvalidArgument, 2),
            (FailureCode::UnknownService, 11),
            (FailureCode::UnknownPermit, 14),
            (FailureCode::NotPermitted, 13),
            (FailureCode::Busy, 12),
        ];
        for (code, status) in expected {
            let trouble = Trouble::from(AskError::Failed(Failure { code, text: "no".into() }));
            assert_eq!(trouble.exit.code(), status);
            assert!(trouble.text.starts_with("no"));
        }
    }

    #[test]
    fn a_missing_agent_says_where_it_was_looked_for_and_what_to_do() {
        let trouble = Trouble::from(AskError::NoAgent("/x/agent.sock (not found)".into()));
        let text = "no agent answers: /x/agent.sock (not found); start one with `breakerd`, or name its socket with \
                    --socket";
        assert_eq!((trouble.text.as_str(), trouble.exit.code()), (text, 12));
    }
}
