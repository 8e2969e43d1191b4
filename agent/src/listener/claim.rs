//! Making a path ours before a socket is bound to it.
//!
//! Whether an agent is live is asked by connecting: a dead socket refuses. Two agents that start at the same time
//! would both find the old socket dead, and the second would remove what the first had just bound; so whoever wants
//! the path first takes a lock on `<path>.lock`, and keeps it for life. The kernel gives it back when the process dies,
//! however it dies. The file of the lock stays: removing it would let two agents hold locks on two files of one name.
//!
//! In a directory where others may create files, such as the temporary one, somebody could have put ours there before
//! us, and would then own what is in it; it is used only if it is a real directory and nobody else's.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::BindError;
use crate::socket_path::{Directory, Place};

/// Prepares the directory, takes the lock, and clears a dead socket away. The path is ours while the lock is held.
pub(super) fn claim(place: &Place) -> Result<OwnedFd, BindError> {
    let path = &place.path;
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_PATH_MAX {
        return Err(BindError::PathTooLong { path: path.clone(), bytes });
    }
    if path.file_name().is_none() {
        let no_file = io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file");
        return Err(BindError::refused("use as a socket", path)(no_file));
    }
    if let Some(directory) = path.parent() {
        match place.directory {
            Directory::AsFound => {}
            Directory::Shared => create_shared(directory)?,
            Directory::Private => create_private(directory)?,
        }
    }
    let lock = lock(path)?;
    clear(path)?;
    Ok(lock)
}

fn create_shared(directory: &Path) -> Result<(), BindError> {
    match fs::create_dir(directory) {
        // The umask may have taken something away.
        Ok(()) => fs::set_permissions(directory, Permissions::from_mode(0o755))
            .map_err(BindError::refused("open to all users the directory", directory)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(BindError::refused("create the directory", directory)(error)),
    }
}

fn create_private(directory: &Path) -> Result<(), BindError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other.map_err(BindError::refused("create the directory", directory)),
    }
    let found = fs::symlink_metadata(directory).map_err(BindError::refused("look at the directory", directory))?;
    let not_ours = |why| Err(BindError::DirectoryNotOurs { path: directory.to_owned(), why });
    if !found.is_dir() {
        return not_ours("is not a directory");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return not_ours("belongs to another user");
    }
    if found.mode() & 0o022 != 0 {
        return not_ours("can be written by other users");
    }
    Ok(())
}

fn lock(path: &Path) -> Result<OwnedFd, BindError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(&name, flags, Mode::RUSR | Mode::WUSR).map_err(BindError::refused("open", &name))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(BindError::Live { path: path.to_owned() }),
        Err(error) => Err(BindError::refused("lock", &name)(error)),
    }
}

/// Removes a dead socket; anything else in the way is an error.
fn clear(path: &Path) -> Result<(), BindError> {
    let not_a_socket = || Err(BindError::NotASocket { path: path.to_owned() });
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return not_a_socket(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BindError::refused("look at", path)(error)),
    }
    match connect(path) {
        // A listener whose queue is full is as live as can be.
        Ok(()) | Err(Errno::AGAIN) => Err(BindError::Live { path: path.to_owned() }),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(BindError::refused("remove the stale socket", path)),
        Err(Errno::PROTOTYPE) => not_a_socket(),
        Err(error) => Err(BindError::refused("find out whether an agent is live on", path)(error)),
    }
}

/// Connects without waiting, and hangs up.
fn connect(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

/// Longest path of a socket in bytes: the kernel's address holds 108, the last for a zero that some programs expect.
pub const SOCKET_PATH_MAX: usize = 107;
