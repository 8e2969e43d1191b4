//! Where the agent's socket is when nobody configured it: a list of places, best first.
//!
//! `$BREAKERD_SOCKET` if it is set, and then nothing else; otherwise `/run/breakerd/agent.sock`, which only root or a
//! service manager can prepare, then `$XDG_RUNTIME_DIR/breakerd/agent.sock`, then `breakerd-UID/agent.sock` in the
//! temporary directory. The agent binds the first it can, clients try them in the same order.
//!
//! A pure function of [`Environment`]: `main` reads the real one, once. Which place can be written is found out by
//! binding it, not here. Each place says how its directory is to be treated, because what is right in `/run` is an
//! open door in `/tmp`.

use std::path::{Path, PathBuf};

/// What of the process's surroundings decides where the socket is.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `$BREAKERD_SOCKET`.
    pub breakerd_socket: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// The directory for temporary files.
    pub temp_dir: PathBuf,
    /// The user the agent runs as.
    pub uid: u32,
}

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

impl Environment {
    /// The places to try, best first; never empty. A variable that is empty counts as not set.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let is_set = |path: &&PathBuf| !path.as_os_str().is_empty();
        if let Some(path) = self.breakerd_socket.as_ref().filter(is_set) {
            return vec![Place::given(path.clone())];
        }
        let place = |directory: &Path, kind| Place { path: directory.join(FILE), directory: kind };
        let mut places = vec![place(Path::new(RUN), Directory::Shared)];
        // The specification of this variable says to ignore a path that is not absolute.
        if let Some(runtime) = self.xdg_runtime_dir.as_ref().filter(|path| path.is_absolute()) {
            places.push(place(&runtime.join("breakerd"), Directory::Private));
        }
        places.push(place(&self.temp_dir.join(format!("breakerd-{}", self.uid)), Directory::Private));
        places
    }
}

impl Place {
    /// A path that somebody wrote down.
    #[must_use]
    pub fn given(path: PathBuf) -> Self {
        Self { path, directory: Directory::AsFound }
    }
}

const RUN: &str = "/run/breakerd";

const FILE: &str = "agent.sock";

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            breakerd_socket: None,
            xdg_runtime_dir: Some("/run/user/7".into()),
            temp_dir: "/tmp".into(),
            uid: 7,
        }
    }

    fn paths(environment: &Environment) -> Vec<String> {
        environment.places().iter().map(|place| place.path.display().to_string()).collect()
    }

    #[test]
    fn run_comes_before_the_users_runtime_directory_and_that_before_the_temporary_one() {
        let expected = ["/run/breakerd/agent.sock", "/run/user/7/breakerd/agent.sock", "/tmp/breakerd-7/agent.sock"];
        assert_eq!(paths(&environment()), expected);
        let directories: Vec<_> = environment().places().iter().map(|place| place.directory).collect();
        assert_eq!(directories, [Directory::Shared, Directory::Private, Directory::Private]);
    }

    #[test]
    fn the_variable_of_our_own_leaves_no_other_place_and_its_directory_alone() {
        let given = Environment { breakerd_socket: Some("/srv/b.sock".into()), ..environment() };
        assert_eq!(given.places(), [Place::given("/srv/b.sock".into())]);
    }

    #[test]
    fn variables_that_are_empty_or_not_absolute_count_as_not_set() {
        let odd =
            Environment { breakerd_socket: Some(PathBuf::new()), xdg_runtime_dir: Some("run".into()), ..environment() };
        assert_eq!(paths(&odd), ["/run/breakerd/agent.sock", "/tmp/breakerd-7/agent.sock"]);
        let bare = Environment { xdg_runtime_dir: None, ..environment() };
        assert_eq!(paths(&bare), ["/run/breakerd/agent.sock", "/tmp/breakerd-7/agent.sock"]);
    }
}
