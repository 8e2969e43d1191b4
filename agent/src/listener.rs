//! The seam through which connections reach the agent, and its real side, a Unix socket.
//!
//! A listener hands out byte streams and says who is at the other end: a user, whom the kernel vouches for, or nobody.
//! The simulator has a listener of its own; nothing above this file knows which it is.
//!
//! A Unix socket is bound in the order claim, bind, mode and owner, listen: until the last step a connect is refused by
//! the kernel, so nobody is let in by a mode that was never meant. (std's `UnixListener::bind` listens at once, which
//! leaves a moment with the wrong mode; a umask would be the whole process's.) The claim (see `claim`) makes sure that
//! of two agents started at the same time one gets the socket and the other a clear error.
//!
//! **Invariant:** nothing but a socket is ever removed, and that only when it was dead, or is still the one we bound.

mod claim;

use std::fs;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid, chmod, chownat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};

use crate::socket_path::Place;

pub use claim::SOCKET_PATH_MAX;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Where connections come from. Dropping it stops that.
pub trait Listener: Send + 'static {
    /// One connection.
    type Stream: Stream;

    /// Waits for the next connection; with it comes the user at the other end, or `None` for nobody. Cancel safe.
    ///
    /// # Errors
    /// Whatever the socket says; the listener stays usable.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Option<u32>)>> + Send;
}

/// A bound Unix socket. Dropped, it removes its file, if that is still its own.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Permission bits of the socket; to connect one needs the one for writing.
    pub mode: u32,
    /// The user it shall belong to; `None` for the agent's own.
    pub owner: Option<u32>,
    /// The group it shall belong to; `None` for the agent's own.
    pub group: Option<u32>,
}

/// Why a socket could not be bound. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody answers there already, or is about to.
    #[error("another agent is live on {}; stop it first, or choose another socket", path.display())]
    Live {
        /// The socket.
        path: PathBuf,
    },
    /// Something is in the way that is not ours to remove.
    #[error("{} exists and is not a stream socket; remove it, or choose another path", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The directory is not, or not only, ours: another user could replace the socket.
    #[error("the directory {} {why}; remove it, or choose another path for the socket", path.display())]
    DirectoryNotOurs {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The path is longer than the system's addresses of Unix sockets.
    #[error("the socket's path has {bytes} bytes, at most {SOCKET_PATH_MAX} are possible: {}", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// The system refused a step.
    #[error("cannot {step} {}: {source}", path.display())]
    Refused {
        /// What was tried, a verb.
        step: &'static str,
        /// With what.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// None of several places can be used.
    #[error("no place for the socket: {}", list(tried))]
    NoPlace {
        /// Each with its reason.
        tried: Vec<Self>,
    },
}

impl UnixSocket {
    /// Binds the first of `places` that can be written, and listens. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`]. A live agent or something else in the way is an error at once: only a place that the system does
    /// not let us write leads on to the next.
    pub fn bind_first(places: &[Place], access: Access) -> Result<Self, BindError> {
        let mut tried = Vec::new();
        for place in places {
            match Self::bind(place, access) {
                Err(error) if error.cannot_be_written() => tried.push(error),
                other => return other,
            }
        }
        match tried.pop() {
            Some(only) if tried.is_empty() => Err(only),
            last => Err(BindError::NoPlace { tried: tried.into_iter().chain(last).collect() }),
        }
    }

    /// Binds one place and listens. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(place: &Place, access: Access) -> Result<Self, BindError> {
        let lock = claim::claim(place)?;
        let path = &place.path;
        let refused = |step| BindError::refused(step, path);

        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(refused("open a socket for"))?;
        let address = SocketAddrUnix::new(path.as_path()).map_err(refused("address"))?;
        rustix::net::bind(&socket, &address).map_err(refused("bind"))?;
        // From here on the file is removed again if a step fails.
        let file = SocketFile::fresh(path, lock).map_err(BindError::refused("look at", path))?;
        give(path, access).map_err(BindError::refused("set the owner of", path))?;
        chmod(path, Mode::from_raw_mode(access.mode)).map_err(refused("set the mode of"))?;
        rustix::net::listen(&socket, BACKLOG).map_err(refused("listen on"))?;

        let listener = UnixListener::from_std(StdUnixListener::from(socket))
            .map_err(BindError::refused("wait for connections on", path))?;
        Ok(Self { listener, file })
    }

    /// Where it is bound.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

impl Listener for UnixSocket {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Option<u32>)> {
        let (stream, _) = self.listener.accept().await?;
        // Who cannot be named is nobody, and may do nothing that needs a name.
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        Ok((stream, uid))
    }
}

impl BindError {
    fn refused<E: Into<io::Error>>(step: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Refused { step, path: path.to_owned(), source: error.into() }
    }

    fn cannot_be_written(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        match self {
            Self::Refused { source, .. } => {
                matches!(source.kind(), NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem)
            }
            Self::Live { .. }
            | Self::NotASocket { .. }
            | Self::DirectoryNotOurs { .. }
            | Self::PathTooLong { .. }
            | Self::NoPlace { .. } => false,
        }
    }
}

fn give(path: &Path, access: Access) -> io::Result<()> {
    // To the system this number means nobody in particular.
    if access.owner == Some(u32::MAX) || access.group == Some(u32::MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no user or group has this number"));
    }
    let (owner, group) = (access.owner.map(Uid::from_raw), access.group.map(Gid::from_raw));
    Ok(chownat(CWD, path, owner, group, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn list(errors: &[BindError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The file a socket is bound to, and the lock that keeps other agents away from it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
    /// Held until after the file was removed: the fields of a value are dropped after the value itself.
    _lock: OwnedFd,
}

impl SocketFile {
    fn fresh(path: &Path, lock: OwnedFd) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)?, _lock: lock })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).ok() == Some(self.identity) {
            // A file that cannot be removed is stale, and the next agent replaces it.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Device and inode, of the path itself where it is a link.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Connections the kernel keeps until we take them: as many as may be served at all, so that all clients of a host can
/// come back at once after a restart.
const BACKLOG: i32 = 1_024;

#[cfg(test)]
mod tests;
