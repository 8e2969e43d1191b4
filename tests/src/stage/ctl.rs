//! How a program ended: its status, what it printed, and that as JSON.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The end of a program.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ended {
    /// Runs a program to its end.
    ///
    /// # Panics
    /// If it cannot be started, or a signal ended it.
    pub fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::from(&output)
    }

    /// The one JSON document on its standard output.
    ///
    /// # Panics
    /// If there is anything else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same program, which must have ended well.
    ///
    /// # Panics
    /// If it did not.
    pub fn well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl From<&Output> for Ended {
    fn from(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"));
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A program with an environment of ours: where programs are found, and nothing else.
pub(super) fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}
