//! Where the agent's socket may be, so that agent and client look in the same places in the same order.
//!
//! `$BREAKERD_SOCKET` alone, if it is set; else `/run/breakerd/agent.sock`, then `breakerd/agent.sock` under
//! `$XDG_RUNTIME_DIR`, then `breakerd-UID/agent.sock` in the directory for temporary files. The agent takes the first
//! it can write, the client the first that answers. The list is a pure function of [`Environment`]; only
//! [`Environment::of_process`] reads the real one.
//!
//! **Invariant:** a place where any user may put a socket is marked [`Place::Shared`]; a client that finds an agent
//! there asks who runs it, since a stranger's agent could refuse every call.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the list of places depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `$BREAKERD_SOCKET`.
    pub socket: Option<OsString>,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<OsString>,
    /// The directory for temporary files.
    pub temp_dir: PathBuf,
    /// The effective user.
    pub uid: u32,
}

/// A place for the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Named by the user, or in a directory that only its owner can write.
    Own(PathBuf),
    /// Under the directory for temporary files, where any user can be first.
    Shared(PathBuf),
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            socket: std::env::var_os(SOCKET_VARIABLE),
            runtime_dir: std::env::var_os("XDG_RUNTIME_DIR"),
            temp_dir: std::env::temp_dir(),
            uid: rustix::process::geteuid().as_raw(),
        }
    }

    /// The places in order. An empty variable counts as unset, and so does a relative `$XDG_RUNTIME_DIR`, as its
    /// specification asks.
    #[must_use]
    pub fn candidates(&self) -> Vec<Place> {
        if let Some(socket) = self.socket.as_ref().filter(|s| !s.is_empty()) {
            return vec![Place::Own(socket.into())];
        }
        let runtime = self.runtime_dir.as_ref().map(Path::new).filter(|dir| dir.is_absolute());
        let temporary = self.temp_dir.join(format!("breakerd-{}", self.uid)).join(SOCKET_NAME);
        [PathBuf::from(SYSTEM_SOCKET)]
            .into_iter()
            .chain(runtime.map(|dir| dir.join("breakerd").join(SOCKET_NAME)))
            .map(Place::Own)
            .chain([Place::Shared(temporary)])
            .collect()
    }
}

impl Place {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Shared(path) => path,
        }
    }
}

/// The variable that names the socket.
pub const SOCKET_VARIABLE: &str = "BREAKERD_SOCKET";

/// Where an agent started by the system listens.
pub const SYSTEM_SOCKET: &str = "/run/breakerd/agent.sock";

const SOCKET_NAME: &str = "agent.sock";

#[cfg(test)]
mod tests {
    use super::*;

    fn bare() -> Environment {
        Environment { socket: None, runtime_dir: None, temp_dir: "/tmp".into(), uid: 1000 }
    }

    #[test]
    fn the_places_come_in_order() {
        let environment = Environment { runtime_dir: Some("/run/user/1000".into()), ..bare() };
        let expected = [
            Place::Own("/run/breakerd/agent.sock".into()),
            Place::Own("/run/user/1000/breakerd/agent.sock".into()),
            Place::Shared("/tmp/breakerd-1000/agent.sock".into()),
        ];
        assert_eq!(environment.candidates(), expected);
    }

    #[test]
    fn the_variable_leaves_no_other_place() {
        let environment = Environment { socket: Some("rel.sock".into()), runtime_dir: Some("/x".into()), ..bare() };
        assert_eq!(environment.candidates(), [Place::Own("rel.sock".into())]);
    }

    #[test]
    fn empty_and_relative_variables_count_as_unset() {
        let odd = Environment { socket: Some("".into()), runtime_dir: Some("run/user".into()), ..bare() };
        assert_eq!(odd.candidates(), bare().candidates());
        assert_eq!(bare().candidates().len(), 2);
    }
}
