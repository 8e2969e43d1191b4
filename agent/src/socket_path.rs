//! Where the agent's socket is, and how to treat the directory it is in.
//!
//! The list of default places is the client's, so that both look in the same places in the same order. What is right
//! for `/run` is an open door in `/tmp`: here each place is given its [`Directory`]. Which place can be written is found
//! out by binding it, not here.

use std::path::{Path, PathBuf};

use breaker_client::socket_path::{self as client, Environment, SYSTEM_SOCKET};

/// Where a socket may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The socket itself.
    pub path: PathBuf,
    /// How to treat the directory it is in.
    pub directory: Directory,
}

/// How to treat the directory of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// It is the user's business: neither created nor questioned.
    AsFound,
    /// Created if missing, for all users to pass through: the socket's own mode says who may connect.
    Shared,
    /// Created if missing, for this user only, and refused if it is not ours alone: where others can create files too,
    /// one of them may have been there first.
    Private,
}

impl Place {
    /// A path that somebody wrote down.
    #[must_use]
    pub fn given(path: PathBuf) -> Self {
        Self { path, directory: Directory::AsFound }
    }

    /// The places to try where nobody wrote one down, best first; never empty.
    #[must_use]
    pub fn defaults(environment: &Environment) -> Vec<Self> {
        let named = environment.socket.as_ref().is_some_and(|path| !path.is_empty());
        let place = |candidate: &client::Place| match candidate.path() {
            path if named => Self::given(path.to_path_buf()),
            path if path == Path::new(SYSTEM_SOCKET) => Self { path: path.to_path_buf(), directory: Directory::Shared },
            path => Self { path: path.to_path_buf(), directory: Directory::Private },
        };
        environment.candidates().iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment { socket: None, runtime_dir: Some("/run/user/7".into()), temp_dir: "/tmp".into(), uid: 7 }
    }

    #[test]
    fn only_the_systems_directory_is_for_all_users() {
        let expected = [
            ("/run/breakerd/agent.sock", Directory::Shared),
            ("/run/user/7/breakerd/agent.sock", Directory::Private),
            ("/tmp/breakerd-7/agent.sock", Directory::Private),
        ];
        let expected = expected.map(|(path, directory)| Place { path: path.into(), directory });
        assert_eq!(Place::defaults(&environment()), expected);
    }

    #[test]
    fn the_variable_of_our_own_leaves_no_other_place_and_its_directory_alone() {
        let given = Environment { socket: Some("/srv/b.sock".into()), ..environment() };
        assert_eq!(Place::defaults(&given), [Place::given("/srv/b.sock".into())]);
    }
}
